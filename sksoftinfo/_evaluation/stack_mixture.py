"""Mixture of the stack's members and of their logarithmic pool, by held-out log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .log_pool import LogPool, fit_log_pool
from .stack import SMALLEST_WEIGHT, label_likelihoods, mixture_weights

# Members of at least this weight or exponent are clearly of use.
_CLEAR_WEIGHT = 0.05


@dataclass(frozen=True)
class StackMixture:
    """Linear mixture of the members and of their logarithmic pool.

    Parameters
    ----------
    weights : ndarray of shape (n_members,)
        Weights of the members, the first of which predicts the label frequencies.
    pool_weight : float
        Weight of the pool. All weights are non-negative and have the sum 1.
    pool : LogPool
        Pool of all members but the first.
    """

    weights: np.ndarray
    pool_weight: float
    pool: LogPool

    @property
    def used(self):
        """Whether each member has a weight or, in a pool with a weight, an exponent above 0.001.

        The label frequencies are always used: they cost nothing, and give a positive probability
        to labels that other members rule out.
        """
        used = self.weights >= SMALLEST_WEIGHT
        if self.pool_weight >= SMALLEST_WEIGHT:
            used[1:] |= self.pool.exponents >= SMALLEST_WEIGHT
        used[0] = True
        return used

    def reduced(self):
        """Return the mixture of the members that are used."""
        pool_weight = self.pool_weight if self.pool_weight >= SMALLEST_WEIGHT else 0.0
        total = self.weights[self.used].sum() + pool_weight
        pool = LogPool(self.pool.exponents[self.used[1:]], self.pool.floor)
        return StackMixture(self.weights[self.used] / total, pool_weight / total, pool)

    def predict(self, probas):
        """Return the probabilities of the mixture.

        Parameters
        ----------
        probas : sequence of ndarray of shape (n, M)
            Predictions of the members.

        Returns
        -------
        ndarray of shape (n, M)
        """
        mixed = sum(weight * proba for weight, proba in zip(self.weights, probas, strict=True))
        if self.pool_weight > 0:
            mixed = mixed + self.pool_weight * self.pool.predict(probas)
        return mixed


def fit_mixture(probas, y, sample_weight=None):
    """Return the mixture that maximises the likelihood of the labels.

    The pool was fitted to these labels, and the members were not. By Akaike's criterion, its mean
    log-likelihood for fresh labels is lower by the number of its parameters for each label.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
        Predictions of the members for rows that they were not trained on. The first member
        predicts the label frequencies.
    y : ndarray of int of shape (n,)
    sample_weight : ndarray of shape (n,), default=None
        Weights of the labels.

    Returns
    -------
    StackMixture
        Equal weights of the members, without a pool, if there are no labels.
    """
    share = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    # Labels that no training row has do not distinguish members.
    known = (probas[0][np.arange(len(y)), y] > 0) & (share > 0)
    probas, y, share = [proba[known] for proba in probas], y[known], share[known]
    if not len(y) or len(probas) == 1:
        nothing = LogPool(np.zeros(len(probas) - 1), 0.0)
        return StackMixture(np.full(len(probas), 1 / len(probas)), 0.0, nothing)
    pool = fit_log_pool(probas, y, share)
    likelihoods = label_likelihoods([*probas, pool.predict(probas)], y)
    n_labels = share.sum() ** 2 / (share**2).sum()
    likelihoods[:, -1] *= np.exp(-pool.n_parameters / n_labels)
    *weights, pool_weight = mixture_weights(likelihoods, share).tolist()
    return StackMixture(np.array(weights), pool_weight, pool)


def may_help(probas, y, sample_weight=None):
    """Return which members may improve a mixture.

    A member with a weight of at least 0.05 in the best mixture for these labels may help, and so
    may a member with such an exponent in a pool of such a weight. Any other member may help unless
    giving it half of the mixture lowers the mean log-likelihood of the labels by more than two
    standard errors.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
        Predictions of the members, as in `fit_mixture`.
    y : ndarray of int of shape (n,)
    sample_weight : ndarray of shape (n,), default=None
        Weights of the labels.

    Returns
    -------
    ndarray of bool of shape (n_members,)
        Whether each member may help.
    """
    mixture = fit_mixture(probas, y, sample_weight)
    likelihoods = label_likelihoods(probas, y)
    mixed = label_likelihoods([mixture.predict(probas)], y)[:, 0]
    share = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
    used = (mixed > 0) & (share > 0)
    if not used.any():
        return np.ones(len(probas), dtype=bool)
    share = share[used] / share[used].sum()
    gain = np.log((1 + likelihoods[used] / mixed[used, None]) / 2)
    mean = share @ gain
    error = np.sqrt(share**2 @ (gain - mean) ** 2)
    clear = mixture.weights >= _CLEAR_WEIGHT
    if mixture.pool_weight >= _CLEAR_WEIGHT:
        clear |= np.append(1.0, mixture.pool.exponents) >= _CLEAR_WEIGHT
    return clear | (mean + 2 * error >= 0)
