"""Logarithmic pool of classifiers, with the label frequencies as its floor.

A linear mixture averages the errors of its members, but cannot be more confident than the most
confident of them. A logarithmic pool adds up the evidence of the members, and can correct members
that are over-confident or under-confident. The floor limits how confident the pool is, since some
labels may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

# Share of the label frequencies in each member: no member may rule out a label.
_SHARE = 1e-2
# Exponents from this size on count as parameters.
_ZERO = 1e-3
# Logits of the smallest and largest floor, and of the floor that the search starts from.
_FLOORS = (-9.0, 6.0)
_FIRST_FLOOR = -2.0
_MAX_STEPS = 100


@dataclass(frozen=True)
class LogPool:
    """Logarithmic pool ``(1 - e) q + e r``, with q proportional to ``r * prod((p_m / r) ** a_m)``.

    Here, ``p_m`` is the prediction of member m, mixed with a hundredth of the label
    frequencies r.

    Parameters
    ----------
    exponents : ndarray of shape (n_members,)
        Exponents a, at least 0.
    floor : float
        Share e of the label frequencies, between 0 and 1.
    """

    exponents: np.ndarray
    floor: float

    @property
    def n_parameters(self):
        """Number of parameters in use: the positive exponents, and the floor."""
        return int((self.exponents > _ZERO).sum()) + 1

    def predict(self, probas):
        """Return the probabilities of the pool.

        Parameters
        ----------
        probas : sequence of ndarray of shape (n, M)
            Label frequencies, and predictions of the members.

        Returns
        -------
        ndarray of shape (n, M)
        """
        prior, *others = probas
        evidence = np.tensordot(self.exponents, _evidence(prior, others), 1)
        pooled = np.exp(log_softmax(evidence + _log(prior), axis=1))
        return (1 - self.floor) * pooled + self.floor * prior


def fit_log_pool(probas, y, sample_weight):
    """Return the pool that maximises the likelihood of the labels.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
        Label frequencies, and predictions of at least one member for rows that it was not trained
        on.
    y : ndarray of int of shape (n,)
    sample_weight : ndarray of shape (n,)
        Weights of the labels. Their sum is positive.

    Returns
    -------
    LogPool
    """
    prior, *others = probas
    rows, share = np.arange(len(y)), sample_weight / sample_weight.sum()
    evidence = _evidence(prior, others).reshape(len(others), -1)
    log_prior, of_prior = _log(prior), prior[rows, y]

    def loss(parameters):
        """Return the log-loss and its gradient by the exponents and the logit of the floor."""
        exponents, floor = parameters[:-1], expit(parameters[-1])
        scores = (exponents @ evidence).reshape(prior.shape) + log_prior
        pooled = np.exp(log_softmax(scores, axis=1))
        of_pool = pooled[rows, y]
        likelihood = (1 - floor) * of_pool + floor * of_prior
        # Probability that a label came from the pool, and not from the floor.
        from_pool = share * (1 - floor) * of_pool / likelihood
        slope = from_pool[:, None] * pooled
        slope[rows, y] -= from_pool
        of_floor = floor * (1 - floor) * (share @ ((of_pool - of_prior) / likelihood))
        return -share @ np.log(likelihood), np.append(evidence @ slope.ravel(), of_floor)

    found = minimize(
        loss,
        np.append(np.full(len(others), 1 / len(others)), _FIRST_FLOOR),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * len(others) + [_FLOORS],
        options={"maxiter": _MAX_STEPS},
    )
    return LogPool(found.x[:-1], float(expit(found.x[-1])))


def _evidence(prior, probas):
    """Return the logarithms of the members' probabilities relative to the label frequencies."""
    likely = _log(prior)
    shared = ((1 - _SHARE) * proba + _SHARE * prior for proba in probas)
    return np.stack([_log(proba) - likely for proba in shared])


def _log(proba):
    return np.log(np.maximum(proba, np.finfo(float).tiny))
