"""Weights by which the logits of several families of networks are added."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax


def pooling_factors(logits, offset, y, weight, expected):
    """Return the factor of each family's logits that suits rows on which it was not trained.

    The posterior is ``softmax(offset + sum of factor * logits)``. The factors are not negative
    and maximise the log-likelihood of the rows, with a normal prior of standard deviation 1 around
    the expected factors. The problem is convex. The factor of an over-confident family is small,
    and the factor of a family that has learned nothing does not matter.

    Parameters
    ----------
    logits : ndarray of shape (families, n, n_classes), float64
    offset : ndarray of shape (n_classes,), float64
        Logits of all rows.
    y : ndarray of int of shape (n,)
        Class indices.
    weight : ndarray of shape (n,)
        Weights of the rows.
    expected : sequence of float
        Factor of each family without any rows.

    Returns
    -------
    ndarray of shape (families,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._networks.pooling import pooling_factors
    >>> sure = np.array([[9.0, 0.0], [9.0, 0.0]])
    >>> logits, y = np.stack([sure, -sure]), np.array([0, 1])
    >>> factors = pooling_factors(logits, np.zeros(2), y, np.ones(2), [0.5, 0.5])
    >>> print(factors.round(3))
    [0.5 0.5]
    """
    expected = np.asarray(expected, dtype=float)
    rows = np.arange(len(y))

    def loss(factors):
        log_proba = log_softmax(offset + np.tensordot(factors, logits, axes=1), axis=1)
        residual = weight[:, None] * np.exp(log_proba)
        residual[rows, y] -= weight
        prior = factors - expected
        value = 0.5 * (prior @ prior) - weight @ log_proba[rows, y]
        return value, np.tensordot(logits, residual, axes=2) + prior

    bounds = [(0.0, None)] * len(expected)
    return minimize(loss, expected, jac=True, bounds=bounds, method="L-BFGS-B").x
