"""Lower confidence limits of means and of information.

Arrays in, numbers out: NumPy and SciPy only, everything in nats.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import optimize, special, stats

from ._information import entropy, kl_divergence

# Share of the reference prior that is mixed into a prediction, so that its logarithm is bounded.
FLOOR = 1e-3
# Largest share of the wealth that is staked: a loss leaves at least a quarter of it.
_LARGEST_STAKE = 0.75
# Rounds of betting, at most: beyond as many rows, several rows share a round.
_ROUNDS = 16_384
METHODS = ("betting", "normal")


def floor_mixture(log_proba, log_reference, share=FLOOR):
    """Logarithm of ``(1 - share) q + share r``, which is bounded from below.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._confidence import floor_mixture
    >>> round(float(floor_mixture(-np.inf, 0.0)), 3)
    -6.908
    """
    # Several times as fast as logaddexp; the floor is what keeps it from underflow.
    with np.errstate(divide="ignore"):
        return np.log((1 - share) * np.exp(log_proba) + share * np.exp(log_reference))


def betting_lower_limit(values, lower, upper, *, level=0.95, weights=None):
    """Lower confidence limit of the mean of bounded values, valid at every sample size.

    A gambler bets that the mean exceeds `m`; if it does not, the gambler's wealth is a
    non-negative supermartingale and exceeds ``1 / (1 - level)`` with probability at most
    ``1 - level``. The limit is the largest `m` at which it did, or the sample's mean if that is
    smaller. Bets follow the predictable
    plug-in of Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by
    betting", with the stake cut at 3/4 of the wealth. Rows are bet on in an order shuffled with a
    fixed seed, so that sorted rows do no harm, one in each round or, beyond 16,384 rows, several.

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
    >>> from sksoftinfo._confidence import betting_lower_limit
    >>> betting_lower_limit(np.tile([0.0, 1.0], 500), 0, 1) < 0.5
    True
    """
    values = np.asarray(values, dtype=np.float64)
    average = np.average(values, weights=weights)
    scaled = np.random.default_rng(0).permutation(values)
    scaled -= lower
    scaled /= upper - lower
    np.clip(scaled, 0.0, 1.0, out=scaled)
    if weights is None:
        weights = 1.0
    else:
        # The same seed, the same order.
        weights = np.random.default_rng(0).permutation(np.asarray(weights, dtype=np.float64))
        weights /= weights.max()
    target = -np.log1p(-level)
    bets = _plug_in_bets(scaled, weights, target)

    # Brent's method asks for both ends of the bracket again.
    @functools.cache
    def log_wealth(mean):
        return _largest_log_wealth(scaled, weights, bets, mean) - target

    # Betting loses to the standard error by this much in large samples, give or take a half.
    distance = np.sqrt(2 * target * scaled.var() / len(scaled)) + target / len(scaled)
    tolerance = 1e-6 * distance
    start = (average - lower) / (upper - lower)
    bracket = _bracket(log_wealth, start - distance, start - distance / 2)
    if bracket is None:
        return float(lower)
    mean = optimize.brentq(log_wealth, *bracket, xtol=tolerance)
    limit = lower + (upper - lower) * max(mean - 2 * tolerance, 0.0)
    # At low levels a lucky streak can carry it above.
    return float(min(limit, average))


def _bracket(decreasing, low, high):
    """Return points within [0, 1] on both sides of the zero, or None if it lies below 0.

    Each look costs a pass over all rows, so that it pays to start near the zero.
    """
    low, high = max(low, 0.0), min(max(high, 0.0), 1.0)
    step = max(high - low, 1e-9)
    while decreasing(high) > 0:
        low, high, step = high, min(high + step, 1.0), 2 * step
    while decreasing(low) <= 0:
        if low == 0:
            return None
        high, low, step = low, max(low - step, 0.0), 2 * step
    return low, high


def _plug_in_bets(scaled, weights, target):
    """Return the bet on each round, from the mean and variance of the rows before it."""
    n = len(scaled)
    total_weight, total, squares, count = np.zeros((4, min(n, _ROUNDS)))
    weights = np.broadcast_to(weights, scaled.shape)
    for rows in _rounds(n):
        rounds = slice(0, rows.stop - rows.start)
        total_weight[rounds] += weights[rows]
        total[rounds] += weights[rows] * scaled[rows]
        count[rounds] += 1
    means = (0.5 + np.cumsum(total)) / (1.0 + np.cumsum(total_weight))
    for rows in _rounds(n):
        rounds = slice(0, rows.stop - rows.start)
        squares[rounds] += (weights[rows] * (scaled[rows] - means[rounds])) ** 2
    variance = (0.25 + np.cumsum(squares) - squares) / (1.0 + np.cumsum(count) - count)
    return np.sqrt(2 * target / (n * variance))


def _largest_log_wealth(scaled, weights, bets, mean):
    """Return the logarithm of the largest wealth on the way; it decreases with `mean`."""
    stakes = np.minimum(bets, _LARGEST_STAKE / mean if mean > 0 else np.inf)
    log_factors = np.zeros(len(bets))
    for rows in _rounds(len(scaled)):
        gain = scaled[rows] - mean
        gain *= stakes[: len(gain)]
        gain *= weights if np.ndim(weights) == 0 else weights[rows]
        log_factors[: len(gain)] += np.log1p(gain, out=gain)
    return max(0.0, np.cumsum(log_factors).max())


def _rounds(n):
    """Yield slices of rows, the next of each round: one alone, or several in large samples.

    All rows of a round are bet on with what the rounds before have shown. Ville's inequality holds
    at whichever rounds the wealth is looked at.
    """
    for start in range(0, n, _ROUNDS):
        yield slice(start, min(start + _ROUNDS, n))


def normal_lower_limit(values, *, level=0.95, weights=None):
    """Lower confidence limit of a mean, asymptotic: Student's, corrected for skewness.

    Hall (1992), "On the removal of skewness by transformation". A cubic transformation of the
    studentised mean removes its skewness, and Student's quantile is taken.

    Parameters
    ----------
    values : array-like of shape (n,)
        Independent and identically distributed.
    level : float, default=0.95
    weights : array-like of shape (n,), default=None
        Importance weights; errors are those of the ratio ``sum(w v) / sum(w)``.

    Returns
    -------
    float
        Minus infinity where fewer than two values count.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._confidence import normal_lower_limit
    >>> round(normal_lower_limit(np.tile([0.0, 1.0], 500)), 3)
    0.474
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    used = weights > 0
    values, weights = values[used], weights[used]
    n = len(values)
    if n < 2:
        return -np.inf
    mean = np.average(values, weights=weights)
    deviation = weights * (values - mean)
    spread = np.sqrt((deviation**2).sum())
    if spread <= 1e-14 * weights.sum():
        return float(mean)
    error = spread / weights.sum() * np.sqrt(n / (n - 1))
    skewness = ((deviation / spread) ** 3).sum()  # of the mean: that of a value over sqrt(n)
    quantile = stats.t.ppf(level, n - 1)
    if abs(skewness) > 1e-6:
        bent = 1 + skewness * (quantile - skewness / 6)
        quantile = 3 / skewness * (np.cbrt(bent) - 1)
    return float(mean - error * quantile)


def clopper_pearson_upper_limit(n_successes, n, *, level=0.95):
    """Upper confidence limit of a proportion, exact (Clopper and Pearson, 1934).

    Examples
    --------
    >>> from sksoftinfo._confidence import clopper_pearson_upper_limit
    >>> round(clopper_pearson_upper_limit(0, 100), 4)
    0.0295
    """
    if n_successes >= n:
        return 1.0
    return float(stats.beta.ppf(level, n_successes + 1, n - n_successes))


def fano_information(label_entropy, error_rate, n_classes):
    """Least information that a classifier of this error rate must have had (Fano).

    ``H(Y) - h(e) - e log(M - 1)`` with h the binary entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._confidence import fano_information
    >>> round(fano_information(np.log(4), 0.1, 4), 3)
    0.951
    """
    # Beyond the error rate of guessing, Fano's inequality says no more than H(Y|X) <= log M.
    error_rate = min(error_rate, (n_classes - 1) / n_classes)
    doubt = special.entr([error_rate, 1 - error_rate]).sum()
    return float(label_entropy - doubt - error_rate * np.log(n_classes - 1))


def mean_lower_limit(values, lower, upper, *, level, method, weights=None):
    """Lower confidence limit of a mean by `method`, ``"betting"`` or ``"normal"``."""
    if method == "normal":
        return normal_lower_limit(values, level=level, weights=weights)
    return betting_lower_limit(values, lower, upper, level=level, weights=weights)


def information_lower_limit(
    log_proba, y, frequencies, *, level, method, weights=None, known_prior=None
):
    """Lower confidence limit of I(X;Y) from log-likelihoods of held-out labels.

    The contribution of a row is ``log q'(y|x) - log r_y`` with r the frequencies of the rows'
    own labels and ``q' = (1 - eps) q + eps r``, eps = 0.001, so that it is bounded. Against the
    true prior p, these contributions have a mean of at most I(X;Y); against the frequencies
    their sample mean is smaller, by KL(frequencies, p).

    If the prior of the population is known, contributions against it, less
    KL(frequencies, prior), give a limit that is valid at every sample size; the smaller of the
    two limits is returned, so that a prior which is wrong does no harm.

    Parameters
    ----------
    log_proba : ndarray of shape (n,)
        Logarithm of the probability predicted for the label of each row.
    y : ndarray of int of shape (n,)
    frequencies : ndarray of shape (M,)
        (Weighted) frequencies of `y`.
    level : float
    method : {"betting", "normal"}
    weights : ndarray of shape (n,), default=None
    known_prior : ndarray of shape (M,), default=None

    Returns
    -------
    float
    """
    limits = []
    for prior in [frequencies] if known_prior is None else [frequencies, known_prior]:
        occurs = prior > 0
        with np.errstate(divide="ignore"):
            log_prior = np.log(prior)
        # Rows of weight zero may hold labels of frequency zero: whatever they say, it is not used.
        at_label = np.where(occurs, log_prior, 0.0)[y]
        values = floor_mixture(log_proba - at_label, 0.0)
        upper = floor_mixture(0.0, log_prior[occurs]) - log_prior[occurs]
        limit = mean_lower_limit(
            values, np.log(FLOOR), upper.max(), level=level, method=method, weights=weights
        )
        limits.append(limit - kl_divergence(frequencies, prior))
    return min(limits)


def fano_lower_limit(errors, y, frequencies, *, level, method, weights=None):
    """Lower confidence limit of I(X;Y) from the error rate, by Fano's inequality.

    The error rate's upper limit is Clopper and Pearson's, or by betting where rows have weights.
    H(Y) is known only from the rows as well: each of the two takes half of the probability of
    being wrong.

    Parameters
    ----------
    errors : ndarray of bool of shape (n,)
        Whether the most probable class was not the label.
    y, frequencies, level, method, weights
        As in `information_lower_limit`.

    Returns
    -------
    float
    """
    level = (1 + level) / 2
    rarity = -np.log(np.where(frequencies > 0, frequencies, 1.0))
    if not rarity.max() > 0:
        return 0.0
    label_entropy = mean_lower_limit(
        rarity[y], 0.0, rarity.max(), level=level, method=method, weights=weights
    )
    if weights is None:
        error_rate = clopper_pearson_upper_limit(int(errors.sum()), len(errors), level=level)
    else:
        error_rate = 1 - betting_lower_limit(~errors, 0.0, 1.0, level=level, weights=weights)
    return fano_information(min(label_entropy, entropy(frequencies)), error_rate, len(frequencies))
