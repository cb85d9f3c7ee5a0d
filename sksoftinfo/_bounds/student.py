"""Student's t of weighted means of rows or groups, for unequal weights as well.

Arrays in, numbers out: NumPy only.
"""

from __future__ import annotations

import numpy as np

# If rounding may dominate the expectation of a squared deviation, no error can be estimated.
_LEAST_EXPECTED = 1e-6


def means_of_observations(values, weights=None, groups=None):
    """Return the mean of each row or group of positive weight, and the weight of each.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), default=None
        Non-negative weights; 1 for each row if None.
    groups : ndarray of int of shape (n_rows,), default=None
        Group of each row; each row is an observation if None.

    Returns
    -------
    means, weights : ndarray of shape (n_observations,)
    """
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    used = weights > 0
    # Dividing by the largest weight keeps sums from overflowing or vanishing.
    values, weights = values[used], weights[used] / weights.max()
    if groups is None:
        return values, weights
    codes = np.unique(np.asarray(groups)[used], return_inverse=True)[1]
    totals = np.bincount(codes, weights)
    return np.bincount(codes, weights * values) / totals, totals


def student_of(means, weights):
    """Return a weighted mean, its standard error, and the degrees of freedom of Student's t.

    The variance is estimated from the squared deviations of the observations. Each squared
    deviation is divided by its expectation for observations of variance 1. This expectation is
    smaller for an observation of large weight, because such an observation pulls the mean towards
    itself (CR2 of Bell and McCaffrey, 2002). The degrees of freedom are Satterthwaite's, for
    observations of equal variance: few observations of large weight leave few degrees of freedom.
    With equal weights, the result is Student's t of n observations with n - 1 degrees of freedom.

    Parameters
    ----------
    means : ndarray of shape (n,)
        Values of at least two observations.
    weights : ndarray of shape (n,)
        Positive weights of the observations.

    Returns
    -------
    mean, standard_error, degrees_of_freedom : float
        The error is infinite if one observation has 99.9 % of the weight or more.

    References
    ----------
    R. M. Bell and D. F. McCaffrey, "Bias reduction in standard errors for linear regression with
    multi-stage samples", 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.student import student_of
    >>> [round(one, 3) for one in student_of(np.arange(5.0), np.ones(5))]
    [2.0, 0.707, 4.0]
    >>> [round(one, 3) for one in student_of(np.arange(5.0), np.array([9.0, 1, 1, 1, 1]))]
    [0.769, 1.572, 1.054]
    """
    share = weights / weights.sum()
    mean = float(share @ means)
    expected = 1 - 2 * share + share @ share
    if expected.min() < _LEAST_EXPECTED:
        return mean, float("inf"), 1.0
    factors = share**2 / expected
    error = float(np.sqrt(factors @ (means - mean) ** 2))
    # The squared error is a quadratic form of the values. The trace of its matrix, which is
    # diagonal but for two dimensions, and the trace of the squared matrix give the degrees of
    # freedom.
    trace, total = share @ share, factors.sum()
    sides = np.column_stack([share, factors])
    core = np.array([[total, -1.0], [-1.0, 0.0]])
    square = factors @ factors + 2 * np.trace(core @ (sides.T * factors) @ sides)
    inner = core @ (sides.T @ sides)
    square += np.trace(inner @ inner)
    return mean, error, max(1.0, float(trace**2 / square))
