"""Weights by which the logits of several families of networks are added, and their floor."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

# Numbers of labels that came from the floor, and that did not, before any rows are seen. A tenth
# of a label keeps the floor positive, and ten labels keep a few surprising ones from raising it.
FROM_FLOOR, NOT_FROM_FLOOR = 0.1, 10.0
# Logits of the smallest and largest floor, and of the floor that the search starts from.
_FLOORS = (-30.0, 6.0)
_FIRST_FLOOR = -4.0


def pooling_factors(logits, offset, y, weight, expected):
    """Return the factor of each family's logits, and a floor, that suit rows held out.

    The posterior is ``softmax(offset + sum of factor * logits)``, of which a share, the floor, is
    replaced by ``softmax(offset)``. Factors and floor maximise the log-likelihood of rows on which
    the families were not trained. The factors are not negative, with a normal prior of standard
    deviation 1 around the expected factors, where the search starts. The factor of an
    over-confident family is small, and the factor of a family that has learned nothing does not
    matter. The floor is large where labels are wrong with some probability. Where no label is
    surprising, the floor is about a tenth of the inverse number of rows.

    Parameters
    ----------
    logits : ndarray of shape (families, n, n_classes), float64
    offset : ndarray of shape (n_classes,), float64
        Logits of all rows, whose softmax is the label frequencies.
    y : ndarray of int of shape (n,)
        Class indices.
    weight : ndarray of shape (n,)
        Weights of the rows.
    expected : sequence of float
        Factor of each family without any rows.

    Returns
    -------
    factors : ndarray of shape (families,)
    floor : float
        Share of the label frequencies, between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._networks.pooling import pooling_factors
    >>> sure = np.array([[9.0, 0.0], [9.0, 0.0]])
    >>> logits, y = np.stack([sure, -sure]), np.array([0, 1])
    >>> factors, floor = pooling_factors(logits, np.zeros(2), y, np.ones(2), [0.5, 0.5])
    >>> print(factors.round(3))
    [0.5 0.5]
    """
    expected = np.asarray(expected, dtype=float)
    rows, of_floor = np.arange(len(y)), softmax(offset)[y]

    def loss(parameters):
        factors, floor = parameters[:-1], expit(parameters[-1])
        proba = np.exp(log_softmax(offset + np.tensordot(factors, logits, axes=1), axis=1))
        of_pool = proba[rows, y]
        likelihood = (1 - floor) * of_pool + floor * of_floor
        # The weight of each label times the probability that it did not come from the floor.
        from_pool = weight * (1 - floor) * of_pool / likelihood
        residual = from_pool[:, None] * proba
        residual[rows, y] -= from_pool
        prior = factors - expected
        value = 0.5 * (prior @ prior) - weight @ np.log(likelihood)
        value -= FROM_FLOOR * np.log(floor) + NOT_FROM_FLOOR * np.log1p(-floor)
        of_labels = floor * (1 - floor) * (weight @ ((of_floor - of_pool) / likelihood))
        slope = of_labels + FROM_FLOOR * (1 - floor) - NOT_FROM_FLOOR * floor
        gradient = np.tensordot(logits, residual, axes=2) + prior
        return value, np.append(gradient, -slope)

    bounds = [(0.0, None)] * len(expected) + [_FLOORS]
    start = np.append(expected, _FIRST_FLOOR)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return found[:-1], float(expit(found[-1]))
