"""Upper estimate of I(Z;Y) for a noisy layer Z whose density given the input is known.

Arrays in, arrays out: NumPy and SciPy only, float64 throughout, everything in nats.
"""

from __future__ import annotations

import numpy as np

# Number of rows that form one mixture. The estimate is loose if I(Z;X) is near the logarithm of
# this number, 7.6 nats. The time per row is proportional to this number.
BLOCK_ROWS = 2048
# Largest number of rows of the estimate, so that time and memory are bounded.
MOST_ROWS = 8 * BLOCK_ROWS
# Number of independent draws of each row, over which the estimate is averaged.
DRAWS = 4


def mixture_information(mean, scale, y, noise, weights=None):
    """Return contributions of rows to an upper estimate of I(Z;Y), for Z Gaussian given the input.

    I(Z;Y) is the entropy of Z less the entropy of Z given Y. With z drawn from row i, the mixture
    of all other rows gives an upper bound on the entropy in expectation. The mixture of all rows
    of the same class, including row i, gives a lower bound on the conditional entropy (as in
    Poole et al., 2019, section 2.4). The contribution is

        log mean_{j: y_j = y_i} p(z_i | x_j) - log mean_{j != i} p(z_i | x_j)

    Parameters
    ----------
    mean, scale : array-like of shape (n, d)
        Mean and positive standard deviation of each row's Z, whose components are independent.
    y : array-like of int of shape (n,)
        Index of the label of each row.
    noise : array-like of shape (n, d)
        One standard normal draw for each row.
    weights : array-like of shape (n,), default=None
        Positive importance weights; 1 for each row if None.

    Returns
    -------
    ndarray of shape (n,)
        Contributions in nats. In expectation over held-out rows, their mean is at least I(Z;Y).

    Examples
    --------
    Two inputs with different labels, and noise that hides little of the difference:

    >>> import numpy as np
    >>> from sksoftinfo._bounds.output_upper import mixture_information
    >>> y = np.arange(200) % 2
    >>> noise = np.random.default_rng(0).standard_normal((200, 1))
    >>> mean = np.where(y == 1, 3.0, -3.0)[:, None]
    >>> bool(mixture_information(mean, np.ones((200, 1)), y, noise).mean() < 0.71)
    True
    """
    mean = np.asarray(mean, dtype=np.float64)
    scale = np.asarray(scale, dtype=np.float64)
    y = np.asarray(y)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    # Distances are computed as differences of squares, which are most accurate near the origin.
    mean = mean - mean.mean(axis=0)
    z = mean + scale * noise
    precision = scale**-2
    constant = 0.5 * (mean**2 * precision).sum(axis=1) + np.log(scale).sum(axis=1)
    # The row's own component does not need the difference of squares.
    own = -0.5 * (np.asarray(noise) ** 2).sum(axis=1) - np.log(scale).sum(axis=1)
    contributions = np.empty(len(y))
    for start in range(0, len(y), 256):
        rows = np.arange(start, min(start + 256, len(y)))
        log_density = z[rows] @ (mean * precision).T - 0.5 * z[rows] ** 2 @ precision.T - constant
        log_density[rows - start, rows] = own[rows]
        given_label = _log_average(log_density, y[rows, None] == y, weights)
        others = rows[:, None] != np.arange(len(y))
        contributions[rows] = given_label - _log_average(log_density, others, weights)
    return contributions


def _log_average(log_values, used, weights):
    """Return the logarithm of the weighted average of each row over the columns that are used.

    These averages take most of the time of the estimate. SciPy's `logsumexp`, which also accepts
    weights of any sign, takes several times as long.
    """
    values = np.where(used, log_values, -np.inf)
    largest = values.max(axis=1, keepdims=True)
    # Densities that all underflow have the average 0, whose logarithm is -inf.
    largest[np.isneginf(largest)] = 0.0
    values -= largest
    with np.errstate(divide="ignore"):
        return largest[:, 0] + np.log(np.exp(values, out=values) @ weights / (used @ weights))


class OutputInformation:
    """Upper estimate of I(Z;Y) from batches of rows, on at most `MOST_ROWS` of them.

    Parameters
    ----------
    n : int
        Total number of rows in all batches.
    seed : int
        Seed for the choice of rows, their order and their noise.
    """

    def __init__(self, n, seed):
        self._rng = np.random.default_rng(seed)
        self._chosen = np.zeros(n, dtype=bool)
        self._chosen[self._rng.permutation(n)[:MOST_ROWS]] = True
        self._parts = []
        self._seen = 0

    def update(self, mean, scale, y, weights=None):
        """Add a batch; arguments as in `mixture_information`, except that weights may be zero."""
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
        used = self._chosen[self._seen : self._seen + len(y)] & (weights > 0)
        self._seen += len(y)
        self._parts.append([part[used] for part in (mean, scale, np.asarray(y), weights)])

    def result(self):
        """Return the estimate and its standard error over rows, in nats.

        Both are infinite if there are too few rows, or if the noise is too small relative to the
        mean for a density in floating point.
        """
        mean, scale, y, weights = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        if len(y) < 3 or not scale.min() > 0:
            return np.inf, np.inf
        order = self._rng.permutation(len(y))
        blocks = np.array_split(order, -(-len(y) // BLOCK_ROWS))
        values = np.zeros(len(y))
        for rows in blocks:
            for noise in self._rng.standard_normal((DRAWS, len(rows), mean.shape[1])):
                values[rows] += mixture_information(
                    mean[rows], scale[rows], y[rows], noise, weights[rows]
                )
        values /= DRAWS
        if not np.isfinite(values).all():
            return np.inf, np.inf
        average = np.average(values, weights=weights)
        return float(average), float(np.sqrt(weights**2 @ (values - average) ** 2) / weights.sum())
