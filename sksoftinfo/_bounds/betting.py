"""Lower confidence limits of means of bounded values, by betting against them.

Arrays in, arrays out: NumPy only.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

# Largest share of the wealth that one round can lose.
_LARGEST_STAKE = 0.98
# Share of the stake that is optimal for a normal distribution of known variance. A smaller stake
# is better because the variance is learned while betting, and because values are skewed.
_CAUTION = 0.8
# Standard deviation assumed before the first value, in units of the candidate mean.
_FIRST_DEVIATION = 0.1
# A round has at most 1/32 of all observations, 1/8 of the observations before the round and 1/4 of
# the observations left: the variance is learned early, and the last stakes adapt often.
_OF_ALL, _OF_THOSE_BEFORE, _OF_THOSE_LEFT = 32, 4, 8
# In a round of at least this many observations, none of which changes the wealth by more than a
# half, the gain is replaced by a lower bound that sums of powers give.
_MANY = 64
_LARGEST_CHANGE = 0.5
# Number of factors that are multiplied before a logarithm is taken.
_PRODUCT = 128
# Number of rows that are processed at once, so that they stay in the processor's caches.
_PART_ROWS = 16_384
# Candidate means below this share of the sample mean are treated as zero.
_SMALLEST = 1e-6
# Positive number that replaces a mean of zero.
_TINY = 1e-100
# Distances of the candidates below the sample mean, in units of a first guess.
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


class Part(NamedTuple):
    """Several rounds, or a piece of one; `begins` is True where the first round begins."""

    rounds: slice
    observations: slice
    begins: bool


def parts_of(rounds, first_rows=None):
    """Yield consecutive parts of at most `_PART_ROWS` rows, or of one observation.

    Parameters
    ----------
    rounds : ndarray of int
        Start of each round, as returned by `rounds_of`.
    first_rows : ndarray of int of shape (n + 1,), default=None
        First row of each observation, and the number of rows; each row is an observation if None.

    Examples
    --------
    >>> from sksoftinfo._bounds.betting import parts_of, rounds_of
    >>> [part.observations for part in parts_of(rounds_of(40_000))]
    [slice(0, 15301, None), slice(15301, 31513, None), slice(31513, 40000, None)]
    """
    start = number = 0
    while start < rounds[-1]:
        if first_rows is None:
            stop = start + _PART_ROWS
        else:
            stop = first_rows.searchsorted(first_rows[start] + _PART_ROWS, side="right") - 1
        end = max(number + 1, int(rounds.searchsorted(stop, side="right")) - 1)
        begins = start == rounds[number]
        if not begins:
            end = number + 1
        stop = int(min(max(stop, start + 1), rounds[end]))
        yield Part(slice(number, end), slice(start, stop), begins)
        start = stop
        number = end if stop == rounds[end] else number


def betting_lower_limits(values, weights, levels, rounds, variables=None):
    """Return lower confidence limits of means of non-negative values, valid at every sample size.

    A gambler bets that the mean exceeds a candidate `m`. The share of the wealth that the gambler
    stakes in a round depends on earlier rounds only. If the mean is at most `m`, the wealth is a
    non-negative supermartingale, so the probability that it ever reaches ``1 / (1 - level)`` times
    its initial value is at most ``1 - level`` (Ville, 1939). A candidate at which the wealth
    reaches this target is rejected. The limit is the smallest candidate that is not rejected, or
    the sample mean if the sample mean is smaller.

    The stakes are chosen to reach the target (Waudby-Smith and Ramdas, 2024; Voracek and Orabona,
    2025). Let L be the logarithm of the factor by which the wealth has still to grow, k the number
    of observations left, and V the mean squared deviation from `m` of earlier observations. The
    share is four fifths of ``sqrt(2 L / (k V))``, capped so that a loss leaves at least 2 % of the
    wealth. Once the target is reached, nothing is staked.

    In a round of many observations, none of which changes the wealth by more than a half, the
    logarithm of an observation's factor ``1 + x`` is replaced by
    ``x - x**2 / 2 + x**3 / 3 - x**4 / 2``. For x >= -1/2 this polynomial is a lower bound of the
    logarithm, so the confidence limit remains valid. The sum of the polynomial does not need a
    pass over the observations for each candidate.

    Because the stake depends on the candidate, the final wealth may not be monotonic in the
    candidate. Candidates are scanned from below in two steps: first over the whole range of
    distances from the sample mean, then between the last candidate that is rejected and the first
    that is not. All candidates that were tried below the limit are therefore rejected. The limit
    that is found misses the exact one by at most 2 % of its distance from the sample mean.

    Parameters
    ----------
    values : ndarray of shape (v, n)
        Variables of the same observations, each multiplied by the observation's weight. The
        observations are independent, and in the order of the bets.
    weights : ndarray of shape (n,)
        Weight of each observation, in (0, 1]. Limits are for ``E[w v] / E[w]``.
    levels : ndarray of shape (s,)
        Confidence level of each limit.
    rounds : ndarray of int
        Start of each round, as returned by `rounds_of`.
    variables : ndarray of int of shape (s,), default=None
        Index in `values` of the variable of each limit. By default, each variable has one limit.

    Returns
    -------
    ndarray of shape (s,)
        One lower confidence limit for each level.

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
        """Return the last rejected candidate, scanning from below, and the first one kept."""
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
    """Rounds of observations, with sums over the rounds before each.

    The sums are of powers of deviations from the sample mean. Sums of deviations from a candidate
    near the sample mean follow by binomial expansion, without loss of precision.
    """

    def __init__(self, values, weights, rounds, variables):
        self._values, self._weights, self._variables = values, weights, variables
        self._rounds = rounds
        means = values.sum(axis=1) / weights.sum()
        self.means = means[variables]
        # Rounds of many observations are adjacent; short rounds come before and after them.
        many = np.flatnonzero(np.diff(rounds) >= _MANY)
        self._many = range(many[0], many[-1] + 1) if len(many) else range(0)
        sums, largest = _power_sums(values, weights, means, rounds, 4 if len(many) else 2)
        squares = sums[:3, :3, :, variables]
        self.spreads = np.sqrt(squares[2, 0].sum(axis=0)) / weights.sum()
        self._before = squares.cumsum(axis=2) - squares
        self._sums_of_many = sums[:, :, many][..., variables]
        self._largest = largest[many][:, variables, None]
        self._few = [
            None if number in self._many else self._rows(number, variables)
            for number in range(len(rounds) - 1)
        ]

    def missing(self, candidates, targets):
        """Return the logarithm of the factor by which the final wealth misses the target.

        Parameters
        ----------
        candidates : ndarray of shape (s, c)
            Candidates for the mean of each variable.
        targets : ndarray of shape (s,)
            Logarithm of the wealth that rejects a candidate, relative to the initial wealth.

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
        """Return values and weights of the observations of a round, of shape (rows, s, 1)."""
        rows = slice(*self._rounds[number : number + 2])
        return self._values[variables, rows].T[:, :, None], self._weights[rows, None, None]


def _log_factors(values, weights, stakes, mean):
    """Return the logarithm of the factor by which the given observations multiply the wealth."""
    total = np.zeros(stakes.shape)
    for start in range(0, len(values), _PRODUCT):
        rows = slice(start, start + _PRODUCT)
        factors = values[rows] - weights[rows] * mean
        factors *= stakes
        factors += 1.0
        # Each factor is at least 1/50, so a product of this many does not underflow.
        total += np.log(factors.prod(axis=0))
    return total


def _power_sums(values, weights, means, rounds, degree):
    """Return sums of powers of deviations, and the largest deviation, in each round.

    Returns
    -------
    sums : ndarray of shape (degree + 1, degree + 1, n_rounds, v)
        Sums of ``d**a * w**b``, with deviations d and a + b at most `degree`, indexed by a and b.
    largest : ndarray of shape (n_rounds, v)
        Largest absolute deviation.
    """
    n_rounds = len(rounds) - 1
    sums = np.zeros((degree + 1, degree + 1, n_rounds, len(values)))
    largest = np.zeros((n_rounds, len(values)))
    equal = bool((weights == 1).all())
    for part in parts_of(rounds):
        starts = np.maximum(rounds[part.rounds] - part.observations.start, 0)
        weight = weights[part.observations]
        for variable, mean in enumerate(means):
            deviation = values[variable, part.observations] - mean * weight
            found = largest[part.rounds, variable]
            np.maximum(found, np.maximum.reduceat(abs(deviation), starts), out=found)
            power = np.ones(len(deviation))
            for a in range(degree + 1):
                product = power
                for b in range(degree + 1 - a):
                    if b and not equal:
                        product = product * weight
                    if not b or not equal:
                        total = np.add.reduceat(product, starts)
                    sums[a, b, part.rounds, variable] += total
                power = power * deviation
    return sums, largest


def _shifted(sums, power, shift):
    """Return sums of powers of deviations from candidates, of shape (n_rounds, s, c)."""
    total = sums[power, 0][:, :, None] + np.zeros(shift.shape)
    for b in range(1, power + 1):
        total += math.comb(power, b) * sums[power - b, b][:, :, None] * (-shift) ** b
    return total
