"""Lower confidence limits of means of bounded values, by betting against them.

Arrays in, arrays out: NumPy only.
"""

from __future__ import annotations

import numpy as np

# Largest share of the wealth that is staked: a loss leaves at least a tenth of it.
_LARGEST_STAKE = 0.9
# Standard deviation of a value beside the candidate mean, before there is any value.
_FIRST_DEVIATION = 0.1
# Observations of a round whose factors are multiplied before a logarithm is taken: the product of
# as many tenths does not underflow.
_PRODUCT = 128
# A candidate mean below this share of the sample mean is taken for zero.
_SMALLEST = 1e-6
# In place of a mean of zero.
_TINY = 1e-100
# Candidates of a scan: distances below the sample mean, in units of a first guess.
_SCAN = np.concatenate([[30.0, 10.0, 5.0], np.geomspace(3.0, 1 / 6, 13)])


def betting_lower_limits(values, weights, levels, *, width=1):
    """Lower confidence limits of means of values that are not negative, valid at every size.

    A gambler bets that the mean exceeds a candidate `m`, and stakes on each round a share of the
    wealth that depends on the rounds before. If the mean is at most `m`, the wealth is a
    non-negative supermartingale, and ever reaches ``1 / (1 - level)`` times its start with
    probability at most ``1 - level`` (Ville, 1939); if it does, `m` is rejected. The limit is the
    smallest candidate that is not rejected, or the sample mean if that is smaller.

    The stakes aim at the target (Waudby-Smith and Ramdas, 2024; Voracek and Orabona, 2025): with
    L the logarithm of the factor by which the wealth has still to grow, k the observations left
    and V the mean squared deviation from `m` of those before, the share is ``sqrt(2 L / (k V))``,
    cut so that a loss leaves a tenth. Once the target is reached, nothing is staked.

    As the stake depends on the candidate, the final wealth need not decrease with it. Candidates
    are scanned from below, first at all distances from the sample mean and then between the last
    that is rejected and the first that is not, so that all candidates seen below the limit are
    rejected. The scan ends within 1 % of the distance to the sample mean.

    Parameters
    ----------
    values : ndarray of shape (s, n)
        Several variables of the same observations, each multiplied by the observation's weight.
        Observations are independent, and in the order in which they are bet on.
    weights : ndarray of shape (n,)
        Weight of each observation, within (0, 1]: a limit is one of ``E[w v] / E[w]``.
    levels : ndarray of shape (s,)
        Probability, at least, that each limit lies below its mean.
    width : int, default=1
        Observations in a round. Those that do not fill a last round are not bet on.

    Returns
    -------
    ndarray of shape (s,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.betting import betting_lower_limits
    >>> values = np.tile([[0.0, 1.0]], 50)
    >>> betting_lower_limits(values, np.ones(100), np.array([0.95])) < 0.5
    array([ True])
    """
    targets = -np.log1p(-levels)
    means = values.sum(axis=1) / weights.sum()
    # One variable at a time: all of them together take as much memory as the values.
    deviations = (value - mean * weights for value, mean in zip(values, means, strict=True))
    spread = np.sqrt([deviation @ deviation for deviation in deviations])
    guess = np.sqrt(2 * targets) * spread / weights.sum()
    guess += targets * means / (_LARGEST_STAKE * weights.sum())
    table = _Table(values, weights, width)

    def bracket(candidates, low, high):
        """Return the last candidate of those rejected from below, and the first that is not."""
        wealth = table.log_wealth(candidates, targets)
        padded = np.column_stack([low, candidates, high])
        kept = wealth < targets[:, None]
        first = np.where(kept.any(axis=1), kept.argmax(axis=1), candidates.shape[1])
        line = np.arange(len(padded))
        return padded[line, first], padded[line, first + 1]

    scan = np.maximum(means[:, None] - guess[:, None] * _SCAN, _SMALLEST * means[:, None])
    low, high = bracket(scan, np.zeros(len(means)), means)
    steps = np.arange(1, len(_SCAN) + 1) / (len(_SCAN) + 1)
    low, _ = bracket(low[:, None] + (high - low)[:, None] * steps, low, high)
    return low


class _Table:
    """Rounds of observations, and what the rounds before each have shown."""

    def __init__(self, values, weights, width):
        n_rounds = values.shape[1] // width
        self.width, n = width, n_rounds * width
        self._equal = bool((weights == 1).all())
        # Of shape (rounds, width, variables) and (rounds, width).
        self._values = values[:, :n].T.reshape(n_rounds, width, len(values))
        self._weights = weights[:n].reshape(n_rounds, width)
        self._squares = _before(np.einsum("twv,twv->tv", self._values, self._values))
        self._products = _before(np.einsum("twv,tw->tv", self._values, self._weights))
        self._square_weights = _before((self._weights**2).sum(axis=1))
        self._n_before = width * np.arange(n_rounds)
        self._n_left = n - self._n_before

    def log_wealth(self, candidates, targets):
        """Return the log wealth at the end, of shape (variables, candidates)."""
        mean = np.maximum(candidates, _TINY)
        squares = self._squares[:, :, None] - 2 * mean * self._products[:, :, None]
        squares += mean**2 * (self._square_weights[:, None, None] + _FIRST_DEVIATION**2)
        variance = squares / (1 + self._n_before)[:, None, None]
        # Rounding may leave the sum of squares of equal values below zero.
        np.maximum(variance, 1e-12 * mean**2, out=variance)
        scales = np.sqrt(2 / (self._n_left[:, None, None] * variance))
        largest = _LARGEST_STAKE / mean
        goal = targets[:, None]
        wealth = np.zeros(mean.shape)
        for values, weights, scale in zip(self._values, self._weights, scales, strict=True):
            stakes = np.sqrt(np.maximum(goal - wealth, 0.0))
            stakes *= scale
            np.minimum(stakes, largest, out=stakes)
            losses = stakes * mean
            for start in range(0, self.width, _PRODUCT):
                rows = slice(start, start + _PRODUCT)
                factors = values[rows, :, None] * stakes
                factors += 1.0 - (losses if self._equal else weights[rows, None, None] * losses)
                with np.errstate(over="ignore"):
                    wealth += np.log(factors.prod(axis=0))
        return wealth


def _before(sums):
    """Return the sum over all rounds before each."""
    return sums.cumsum(axis=0) - sums
