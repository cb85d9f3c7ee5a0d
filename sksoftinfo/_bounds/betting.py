"""Lower confidence limits of means of bounded values, by betting against them.

Arrays in, arrays out: NumPy only.
"""

from __future__ import annotations

import math

import numpy as np

# Largest share of the wealth that a loss takes.
_LARGEST_STAKE = 0.98
# Share of the stake that reaches the target for a normal distribution of known variance. Less is
# better where the variance is learned as the bets go on, and values are skewed.
_CAUTION = 0.8
# Standard deviation of a value beside the candidate mean, before there is any value.
_FIRST_DEVIATION = 0.1
# A round takes at most one in so many of all observations, of those before it and of those left:
# the variance is learned early, and what is missing in the end changes with each observation.
_OF_ALL, _OF_THOSE_BEFORE, _OF_THOSE_LEFT = 32, 4, 8
# From this number of observations on, the gain of a round is computed from sums of powers, by a
# lower bound, where no observation changes the wealth by more than a half.
_MANY = 64
_LARGEST_CHANGE = 0.5
# Observations of a round whose factors are multiplied before a logarithm is taken.
_PRODUCT = 128
# A candidate mean below this share of the sample mean is taken for zero.
_SMALLEST = 1e-6
# In place of a mean of zero.
_TINY = 1e-100
# Candidates of a scan: distances below the sample mean, in units of a first guess.
_SCAN = np.concatenate([[30.0, 10.0, 5.0], np.geomspace(3.0, 1 / 6, 13)])


def rounds_of(n):
    """Return where each round of bets on `n` observations begins, and `n` at the end.

    Examples
    --------
    >>> from sksoftinfo._bounds.betting import rounds_of
    >>> rounds_of(40)[:12].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14]
    >>> len(rounds_of(1_000)) - 1, len(rounds_of(1_000_000)) - 1
    (78, 162)
    """
    starts = [0]
    widest = -(-n // _OF_ALL)
    while (done := starts[-1]) < n:
        width = min(widest, done // _OF_THOSE_BEFORE, (n - done) // _OF_THOSE_LEFT)
        starts.append(done + max(1, width))
    return np.array(starts)


def betting_lower_limits(values, weights, levels, rounds, variables=None):
    """Lower confidence limits of means of values that are not negative, valid at every size.

    A gambler bets that the mean exceeds a candidate `m`, and stakes on each round a share of the
    wealth that depends on the rounds before. If the mean is at most `m`, the wealth is a
    non-negative supermartingale, and ever reaches ``1 / (1 - level)`` times its start with
    probability at most ``1 - level`` (Ville, 1939); if it does, `m` is rejected. The limit is the
    smallest candidate that is not rejected, or the sample mean if that is smaller.

    The stakes aim at the target (Waudby-Smith and Ramdas, 2024; Voracek and Orabona, 2025): with
    L the logarithm of the factor by which the wealth has still to grow, k the observations left
    and V the mean squared deviation from `m` of those before, the share is four fifths of
    ``sqrt(2 L / (k V))``, cut so that a loss leaves a fiftieth. Once the target is reached,
    nothing is staked.

    In a round of many observations, none of which changes the wealth by more than a half, the
    logarithm of the factor ``1 + x`` of an observation is replaced by
    ``x - x**2 / 2 + x**3 / 3 - x**4 / 2``. This is below it for every x from -1/2 on, so that the
    limit holds as before, and its sum needs no pass over the observations for each candidate.

    As the stake depends on the candidate, the final wealth need not decrease with it. Candidates
    are scanned from below, first at all distances from the sample mean and then between the last
    that is rejected and the first that is not, so that all candidates seen below the limit are
    rejected. The scan ends within 2 % of the distance to the sample mean.

    Parameters
    ----------
    values : ndarray of shape (v, n)
        Several variables of the same observations, each multiplied by the observation's weight.
        Observations are independent, and in the order in which they are bet on.
    weights : ndarray of shape (n,)
        Weight of each observation, within (0, 1]: a limit is one of ``E[w v] / E[w]``.
    levels : ndarray of shape (s,)
        Probability, at least, that each limit lies below its mean.
    rounds : ndarray of int
        Where rounds begin, as `rounds_of` has them.
    variables : ndarray of int of shape (s,), default=None
        Place in `values` of the variable of each limit; by default there is one for each.

    Returns
    -------
    ndarray of shape (s,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.betting import betting_lower_limits, rounds_of
    >>> values = np.tile([[0.0, 1.0]], 50)
    >>> betting_lower_limits(values, np.ones(100), np.array([0.95]), rounds_of(100)) < 0.5
    array([ True])
    """
    variables = np.arange(len(values)) if variables is None else variables
    targets = -np.log1p(-levels)
    game = _Game(values, weights, rounds, variables)
    means = game.means
    guess = np.sqrt(2 * targets) * game.spreads
    guess += targets * means / (_LARGEST_STAKE * weights.sum())

    def bracket(candidates, low, high):
        """Return the last candidate of those rejected from below, and the first that is not."""
        kept = game.missing(candidates, targets) > 0
        padded = np.column_stack([low, candidates, high])
        first = np.where(kept.any(axis=1), kept.argmax(axis=1), candidates.shape[1])
        line = np.arange(len(padded))
        return padded[line, first], padded[line, first + 1]

    scan = np.maximum(means[:, None] - guess[:, None] * _SCAN, _SMALLEST * means[:, None])
    low, high = bracket(scan, np.zeros(len(means)), means)
    steps = np.arange(1, len(_SCAN) + 1) / (len(_SCAN) + 1)
    low, _ = bracket(low[:, None] + (high - low)[:, None] * steps, low, high)
    return low


class _Game:
    """Rounds of observations, and what the rounds before each have shown.

    Sums are of powers of deviations from the sample mean: those from a candidate near it follow
    by binomial expansion, and lose no digits.
    """

    def __init__(self, values, weights, rounds, variables):
        self._values, self._weights, self._variables = values, weights, variables
        self._rounds = rounds
        self._equal = bool((weights == 1).all())
        means = values.sum(axis=1) / weights.sum()
        self.means = means[variables]
        sums = _power_sums(values, weights, means, rounds[:-1], 2)[..., variables]
        self.spreads = np.sqrt(sums[2, 0].sum(axis=0)) / weights.sum()
        self._before = sums.cumsum(axis=2) - sums
        # Rounds of many observations are neighbours, between narrow ones at both ends.
        many = np.flatnonzero(np.diff(rounds) >= _MANY)
        self._many = range(many[0], many[-1] + 1) if len(many) else range(0)
        if len(many):
            rows = slice(rounds[many[0]], rounds[many[-1] + 1])
            starts = rounds[many] - rows.start
            values, weights = values[:, rows], weights[rows]
            sums = _power_sums(values, weights, means, starts, 4)
            self._sums_of_many = sums[..., variables]
            largest = [
                np.maximum.reduceat(abs(value - mean * weights), starts)
                for value, mean in zip(values, means, strict=True)
            ]
            self._largest = np.array(largest).T[:, variables, None]
        self._few = [
            None if number in self._many else self._rows(number, variables)
            for number in range(len(rounds) - 1)
        ]

    def missing(self, candidates, targets):
        """Return the log of the factor by which the wealth has to grow still, in the end.

        Parameters
        ----------
        candidates : ndarray of shape (s, c)
            Candidates for the mean of each variable.
        targets : ndarray of shape (s,)
            Logarithm of the wealth that rejects a candidate, in units of that at the start.

        Returns
        -------
        ndarray of shape (s, c)
            Zero where the target was reached.
        """
        mean = np.maximum(candidates, _TINY)
        shift = candidates - self.means[:, None]
        n_before, n = self._rounds[:-1, None, None], self._rounds[-1]
        variance = _shifted(self._before, 2, shift) + (_FIRST_DEVIATION * mean) ** 2
        variance /= 1 + n_before
        # Rounding may leave the sum of squares of equal values below zero.
        np.maximum(variance, 1e-12 * mean**2, out=variance)
        scales = _CAUTION * np.sqrt(2 / ((n - n_before) * variance))
        largest = _LARGEST_STAKE / mean
        if self._many:
            one, two, three, four = (
                factor * _shifted(self._sums_of_many, power, shift)
                for power, factor in ((1, 1.0), (2, -1 / 2), (3, 1 / 3), (4, -1 / 2))
            )
        missing = np.repeat(targets[:, None], mean.shape[1], axis=1)
        with np.errstate(over="ignore"):
            for number, scale in enumerate(scales):
                stakes = np.sqrt(missing)
                stakes *= scale
                np.minimum(stakes, largest, out=stakes)
                if number not in self._many:
                    missing -= _log_factors(*self._few[number], stakes, mean)
                else:
                    place = number - self._many.start
                    # Sum of x - x**2 / 2 + x**3 / 3 - x**4 / 2.
                    gain = stakes * four[place]
                    gain += three[place]
                    gain *= stakes
                    gain += two[place]
                    gain *= stakes
                    gain += one[place]
                    gain *= stakes
                    changes = (stakes * self._largest[place]).max(axis=1)
                    bold = np.flatnonzero(changes > _LARGEST_CHANGE)
                    if len(bold):
                        rows = self._rows(number, self._variables[bold])
                        gain[bold] = _log_factors(*rows, stakes[bold], mean[bold])
                    missing -= gain
                np.maximum(missing, 0.0, out=missing)
        return missing

    def _rows(self, number, variables):
        """Return values, and weights, of the rows of a round, of shape (rows, s, 1)."""
        rows = slice(*self._rounds[number : number + 2])
        values = self._values[variables, rows].T[:, :, None]
        # Weights of one are a factor that need not be multiplied by.
        weights = np.ones((1, 1, 1)) if self._equal else self._weights[rows, None, None]
        return values, np.broadcast_to(weights, (len(values), 1, 1))


def _log_factors(values, weights, stakes, mean):
    """Return the logarithm of the factor by which some rows multiply the wealth."""
    total = np.zeros(stakes.shape)
    for start in range(0, len(values), _PRODUCT):
        rows = slice(start, start + _PRODUCT)
        factors = values[rows] - weights[rows] * mean
        factors *= stakes
        factors += 1.0
        # Each is at least a fiftieth: the product of so many does not underflow.
        total += np.log(factors.prod(axis=0))
    return total


def _power_sums(values, weights, means, starts, degree):
    """Return sums over rounds of ``d**a * w**b``, d being deviations and a + b at most `degree`.

    Returns
    -------
    ndarray of shape (degree + 1, degree + 1, n_rounds, v)
        By a and b.
    """
    sums = np.zeros((degree + 1, degree + 1, len(starts), len(values)))
    equal = bool((weights == 1).all())
    for variable, (value, mean) in enumerate(zip(values, means, strict=True)):
        deviation = value - mean * weights
        power = np.ones(len(deviation))
        for a in range(degree + 1):
            product = power
            for b in range(degree + 1 - a):
                if b and not equal:
                    product = product * weights
                if not b or not equal:
                    total = np.add.reduceat(product, starts)
                sums[a, b, :, variable] = total
            power = power * deviation
    return sums


def _shifted(sums, power, shift):
    """Return sums of powers of deviations from candidates, of shape (n_rounds, s, c)."""
    total = sums[power, 0][:, :, None] + np.zeros(shift.shape)
    for b in range(1, power + 1):
        total += math.comb(power, b) * sums[power - b, b][:, :, None] * (-shift) ** b
    return total
