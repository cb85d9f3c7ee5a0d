"""Lower confidence limit of a bounded mean, by betting against it.

Arrays in, numbers out: NumPy only.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

# Largest share of the wealth that is staked: a loss leaves at least a quarter of it.
_LARGEST_STAKE = 0.75
# Rounds of betting, at most: beyond as many rows, several rows share a round.
_ROUNDS = 512
# Rows of a round whose factors are multiplied before a logarithm is taken: neither the product of
# as many quarters nor that of as many gains leaves the range of floats.
_PRODUCT = 32
# Rows whose order is kept for the next limit, at most.
_KEPT_ORDER = 65_536


def betting_lower_limit(values, lower, upper, *, level=0.95, weights=None):
    """Lower confidence limit of the mean of bounded values, valid at every sample size.

    A gambler bets that the mean exceeds `m`; if it does not, the gambler's wealth is a
    non-negative supermartingale and exceeds ``1 / (1 - level)`` with probability at most
    ``1 - level``. The limit is the largest `m` at which it did, or the sample's mean if that is
    smaller. Bets follow the predictable plug-in of Waudby-Smith and Ramdas (2024), "Estimating
    means of bounded random variables by betting", with the stake cut at 3/4 of the wealth. Rows
    are bet on in an order shuffled with a fixed seed, so that sorted rows do no harm, one in each
    round or, beyond 512 rows, several.

    Parameters
    ----------
    values : array-like of shape (n,)
        Independent and identically distributed, within ``[lower, upper]``.
    lower, upper : float
        Bounds of the values, known without looking at them.
    level : float, default=0.95
        Probability, at least, that the limit lies below the mean.
    weights : array-like of shape (n,), default=None
        Importance weights: the limit is that of ``E[w v] / E[w]``. Valid if no weight can exceed
        the largest of those given.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.betting import betting_lower_limit
    >>> betting_lower_limit(np.tile([0.0, 1.0], 500), 0, 1) < 0.5
    True
    """
    values = np.asarray(values, dtype=np.float64)
    average = values.mean() if weights is None else np.average(values, weights=weights)
    scaled = _shuffled(values)
    scaled -= lower
    scaled *= 1 / (upper - lower)
    if weights is not None:
        weights = _shuffled(np.asarray(weights, dtype=np.float64))
        weights /= weights.max()
        scaled *= weights
        weights = _in_rounds(weights)
    rows = _in_rounds(scaled)
    target = -np.log1p(-level)
    sums = _round_sums(rows, weights)
    bets = _plug_in_bets(sums, target)

    def excess(mean):
        return _largest_log_wealth(rows, weights, bets, mean) - target

    start = (average - lower) / (upper - lower)
    mean = _largest_positive(excess, *_guess(sums, bets, start, target), _precision(target))
    # At low levels a lucky streak can carry it above.
    return float(min(lower + (upper - lower) * mean, average))


def _shuffled(values):
    """Return the values in an order that is the same for all arrays of a length."""
    if len(values) > _KEPT_ORDER:
        return np.random.default_rng(0).permutation(values)
    return values.take(_order(len(values)))


@functools.lru_cache(maxsize=1)
def _order(n):
    # Drawn once for both limits of a table: it takes as long as the bets.
    return np.random.default_rng(0).permutation(n)


def _in_rounds(values):
    """Cut rows into arrays whose column t holds rows that are bet on in round t.

    All rows of a round are bet on with what the rounds before have shown. Ville's inequality holds
    at whichever rounds the wealth is looked at. Rows that do not fill a round for all, at most one
    in as many as there are rounds, are not bet on.
    """
    n_rows = -(-len(values) // _ROUNDS)
    width = len(values) // n_rows
    rounds = values[: n_rows * width].reshape(n_rows, width)
    return [rounds[start : start + _PRODUCT] for start in range(0, n_rows, _PRODUCT)]


def _add_up(parts):
    """Return the sum of each column over all parts."""
    first, *others = (part.sum(axis=0) if len(part) > 1 else part[0] for part in parts)
    return sum(others, first)


class _RoundSums(NamedTuple):
    """Sums over the rows of each round, of weights, weighted values and squared deviations."""

    n_rows: np.ndarray
    weight: np.ndarray
    value: np.ndarray
    squares: np.ndarray


def _round_sums(rows, weights):
    """Return the `_RoundSums`; deviations are from the mean of all rows so far."""
    count = np.full(rows[0].shape[1], float(sum(len(part) for part in rows)))
    weight = count if weights is None else _add_up(weights)
    value = _add_up(rows)
    means = (0.5 + value.cumsum()) / (1.0 + weight.cumsum())

    def squares():
        for index, part in enumerate(rows):
            part = part - (means if weights is None else means * weights[index])
            part *= part
            yield part

    return _RoundSums(count, weight, value, _add_up(squares()))


def _plug_in_bets(sums, target):
    """Return the bet on each round, from the mean and variance of the rows before it."""
    count, squares = sums.n_rows.cumsum(), sums.squares.cumsum()
    variance = (0.25 + squares - sums.squares) / (1.0 + count - sums.n_rows)
    return np.sqrt(2 * target / count[-1] / variance)


def _precision(target):
    """Return by how much the log wealth at the limit may exceed `target`."""
    return min(2e-3, 1e-3 * target)


def _largest_log_wealth(rows, weights, bets, mean):
    """Return the logarithm of the largest wealth on the way; it decreases with `mean`."""
    stakes = np.minimum(bets, _LARGEST_STAKE / mean) if mean > 0 else bets

    losses = stakes * mean

    def log_factors():
        for index, part in enumerate(rows):
            factors = part * stakes
            factors += (1.0 - losses) if weights is None else 1.0 - losses * weights[index]
            product = factors.prod(axis=0) if len(factors) > 1 else factors[0]
            yield np.log(product, out=product)[None]

    return max(0.0, _add_up(log_factors()).cumsum().max())


def _guess(sums, bets, start, target):
    """Return where the log wealth is about `target`, and by how much it falls from there.

    The final wealth's logarithm is expanded to second order at `start`, the mean of the rows.
    """
    bets = np.minimum(bets, _LARGEST_STAKE / max(start, 1e-300))
    squares = bets * bets
    gain = sums.value - start * sums.weight
    wealth = bets @ gain - squares @ sums.squares / 2
    slope = bets @ sums.weight - squares @ gain
    curvature = squares @ sums.weight
    fall = np.sqrt(max(0.0, slope * slope - 2 * curvature * (target - wealth)))
    return start - (slope - fall) / curvature, max(fall, 0.1 * abs(slope))


def _largest_positive(decreasing, point, fall, precision):
    """Return where in [0, 1] a decreasing function is within 0 and `precision`, or 0.

    Each look at it costs a pass over all rows: Newton's method from a good guess and its slope,
    and the Illinois variant of regula falsi once there are points on both sides.
    """
    low, high, at_low, at_high = 0.0, 1.0, None, None
    while high - low > 1e-12:
        point = min(max(point, low), high)
        value = decreasing(point)
        if 0 < value <= precision:
            return point
        aimed = value - precision / 2
        if value > 0:
            at_high = at_high and at_high / (1 if at_low is None else 2)
            low, at_low = point, aimed
        else:
            at_low = at_low and at_low / (1 if at_high is None else 2)
            high, at_high = point, aimed
        if at_low is None or at_high is None:
            point += aimed / fall
            fall /= 2
        else:
            point = low + (high - low) * at_low / (at_low - at_high)
    return low
