"""Student's t intervals of means over rows or groups, and Holm's adjustment of p-values."""

from __future__ import annotations

import numpy as np
from scipy import stats

from .._bounds import means_of_observations, student_of


def mean_interval(values, *, level, groups=None, weights=None):
    """Return the mean of values, its standard error, and its interval by Student's t.

    With groups, a group is one observation: the deviations of its rows are summed first. With
    weights, the mean is ``sum(w v) / sum(w)``.

    Parameters
    ----------
    values : ndarray of shape (n,)
    level : float
    groups : ndarray of int of shape (n,), default=None
    weights : ndarray of shape (n,), default=None

    Returns
    -------
    mean, standard_error : float
    interval : tuple of float
        Limits of the interval, infinite if there are fewer than two observations.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.paired import mean_interval
    >>> mean, error, interval = mean_interval(np.arange(5.0), level=0.95)
    >>> mean, round(error, 3), np.round(interval, 3).tolist()
    (2.0, 0.707, [0.037, 3.963])
    """
    means, weights = means_of_observations(values, weights, groups)
    if len(means) < 2:
        return float(means[0]), float("nan"), (-np.inf, np.inf)
    mean, error, freedom = student_of(means, weights)
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    return mean, error, (mean - reach, mean + reach)


def holm(p_values):
    """Return p-values adjusted for their number (Holm, 1979); p-values that are NaN remain NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.paired import holm
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    # NaN sort last: they count towards the number of p-values and change nothing else.
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return adjusted
