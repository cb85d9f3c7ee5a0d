"""What tells arrays from others, and training rows from other rows: digests and hashes."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from scipy import special
from sklearn.utils import gen_batches

from .validation import on_host

# Rows of which a fingerprint keeps the hash, at most: half a megabyte.
MAX_HASHES = 65_536
# Columns count as continuous if they have at least this many values, and at least this share of
# the number of different rows.
_FEWEST_VALUES = 10
_SHARE_OF_VALUES = 0.8
# Whole numbers count as names, such as codes of cities, where a row occurs so often on average.
_TIMES_OF_NAMES = 10
# A copy of a whole table is told in any order if it has this many different rows. With fewer,
# two independent samples may hold the same rows by chance.
_FEWEST_DIFFERENT = 10
# Probability with which the rows of an independent sample raise a false alarm, at most.
_FALSE_ALARM = 1e-3
_CHUNK_NUMBERS = 1 << 20
_DIGEST_BYTES = 1 << 20
# Rows by which most columns of a wide table are seen to have few values, and columns at once.
_N_GLANCE = 300
_COLUMNS_AT_ONCE = 256
# Of SplitMix64.
_MIXER = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class TrainingRows(NamedTuple):
    """Hashes of the training rows: no row can be read from them, but rows can be found.

    They are for this process alone: whoever has them can test whether a row was trained on.

    Parameters
    ----------
    whole : str
        Digest of all rows and labels.
    hashes : ndarray of uint64 of shape (n_kept,)
        Sorted hashes of the different rows with their labels: all of them, or the smallest.
    complete : bool
        Whether all are kept.
    natural : float
        Share of rows of an independent sample that equal a training row by chance, at most.
    """

    whole: str
    hashes: np.ndarray
    complete: bool
    natural: float


def row_hashes(X, y=None, dtype=np.float32):
    """Return a 64-bit hash of each row of numbers, with its label where labels are given.

    Rows are compared after a cast to `dtype`; all NaN are equal, and so are 0 and -0.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
        A tensor is hashed where it is, after a cast to float32.
    y : ndarray of int of shape (n,), default=None
    dtype : {float32, float64}, default=float32

    Returns
    -------
    ndarray of uint64 of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.fingerprint import row_hashes
    >>> first, second, third = row_hashes(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -0.0]]))
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    n = len(X)
    hashes = np.zeros(n, dtype=np.uint64)
    width = int(np.prod(X.shape[1:], dtype=np.int64))
    bits = np.dtype(dtype).str.replace("f", "u")
    multipliers = np.random.default_rng(0).integers(1 << 62, size=width, dtype=np.uint64) * 2 + 1
    step = max(1, _CHUNK_NUMBERS // max(1, width))
    if not isinstance(X, np.ndarray):
        hashes = _sums_on_device(X, multipliers, step)
    for rows in gen_batches(n, step) if isinstance(X, np.ndarray) else ():
        with np.errstate(over="ignore"):
            # Adding zero makes 0 of -0.
            numbers = X[rows].reshape(-1, width).astype(dtype) + np.dtype(dtype).type(0)
        numbers[np.isnan(numbers)] = np.nan
        words = _mixed(numbers.view(bits).astype(np.uint64))
        # Integer overflow is part of the hash.
        hashes[rows] = words @ multipliers
    if y is not None:
        hashes += _mixed(np.asarray(y).astype(np.uint64) + np.uint64(1))
    return _mixed(hashes)


def _mixed(words):
    """Spread the bits of each word over all 64 (Steele et al., 2014: the mixer of SplitMix)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(_MIXER[0])
    words = (words ^ (words >> np.uint64(27))) * np.uint64(_MIXER[1])
    return words ^ (words >> np.uint64(31))


def _sums_on_device(X, multipliers, step):
    """Return what `row_hashes` sums for each row of a tensor, after one wait for its device."""
    import torch

    def mixed(words):
        for shift, factor in zip((30, 27), _MIXER, strict=True):
            # torch has signed integers alone, which keep their sign when shifted.
            shifted = (words >> shift) & ((1 << 64 - shift) - 1)
            words = (words ^ shifted) * (factor - (1 << 64))
        return words ^ ((words >> 31) & ((1 << 33) - 1))

    factors = torch.from_numpy(multipliers.view(np.int64)).to(X.device)
    sums = torch.empty(len(X), dtype=torch.int64, device=X.device)
    for rows in gen_batches(len(X), step):
        numbers = X[rows].reshape(-1, len(factors)).to(torch.float32) + 0.0
        numbers = torch.where(numbers.isnan(), torch.nan, numbers)
        words = numbers.view(torch.int32).to(torch.int64) & 0xFFFFFFFF
        sums[rows] = (mixed(words) * factors).sum(1)
    return on_host(sums).view(np.uint64)


def are_continuous(X, first, dtype=np.float64):
    """Return whether at least two columns have nearly as many values as there are rows.

    Equal rows are natural in discrete tables, and copies where this holds. Columns that put the
    rows in one order, such as a length in two units, count once; a table of one column is never
    continuous in this sense. Where rows occur ten times and more on average, columns of whole
    numbers are taken for names and do not count.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
    first : ndarray of int of shape (n_different,)
        Indices of the different rows.
    dtype : {float32, float64}, default=float64
        Values are compared after a cast to it, as in `row_hashes`.
    """
    rows = X.reshape(len(X), -1)
    needed = max(_FEWEST_VALUES, _SHARE_OF_VALUES * len(first))
    some = first[:_N_GLANCE]
    ranks: list[np.ndarray] = []
    are_names = len(rows) >= _TIMES_OF_NAMES * len(first)
    for position, glance in _glances(rows, some, dtype) if len(first) >= needed else ():
        # The share of different values falls with the number of rows: few tell what has few.
        if len(np.unique(glance)) < (_SHARE_OF_VALUES - 0.1) * len(some):
            continue
        with np.errstate(over="ignore"):
            column = on_host(rows[:, position]).astype(dtype)
        values, rank = np.unique(column[first], return_inverse=True)
        if len(values) < needed or (are_names and (values == np.trunc(values)).all()):
            continue
        backwards = rank.max() - rank
        if any(np.array_equal(rank, known) or np.array_equal(backwards, known) for known in ranks):
            continue
        ranks.append(rank)
        if len(ranks) == 2:
            return True
    return False


def _glances(rows, some, dtype):
    """Yield the position of each column, and some of its entries."""
    for columns in gen_batches(rows.shape[1], _COLUMNS_AT_ONCE):
        with np.errstate(over="ignore"):
            entries = on_host(rows[:, columns][some]).astype(dtype)
        yield from enumerate(entries.T, columns.start)


def training_rows(X, y, known=None):
    """Return what tells training rows from others: hashes of rows and encoded labels.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
        Numbers.
    y : ndarray of int of shape (n,)
    known : TrainingRows, default=None
        Rows that were trained on before.

    Returns
    -------
    TrainingRows
        At most 65,536 hashes; of more rows those with the smallest hashes are kept, so that the
        same rows are kept in every order.
    """
    hashes = row_hashes(X, y)
    different, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    natural = 0.0
    if not are_continuous(X, first, np.float32):
        # A row that is there twice would be found again if one of the two were new.
        natural = _share_at_most(counts[counts > 1].sum(), len(hashes))
    complete = True
    if known is not None:
        if known.natural or natural:
            again = _share_at_most(_is_among(hashes, known).sum(), len(hashes))
            natural = max(known.natural, natural, again)
        complete = known.complete
        different = np.union1d(known.hashes, different)
    return TrainingRows(
        whole=_digest(hashes),
        hashes=different[:MAX_HASHES],
        complete=complete and len(different) <= MAX_HASHES,
        natural=natural,
    )


def _share_at_most(n_repeated, n):
    """Return an upper limit of the share of rows that repeat others.

    Repeats come in clusters, so that their share varies more than that of independent rows.
    """
    share = (n_repeated + 1) / (n + 2)
    return min(1.0, float(share + 3 * np.sqrt(2 * share * (1 - share) / (n + 2))))


def _is_among(hashes, known):
    """Return which hashes are known."""
    if not len(known.hashes):
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(known.hashes, hashes)
    return known.hashes[np.minimum(place, len(known.hashes) - 1)] == hashes


def n_trained_on(known, X, y):
    """Return how many of these rows are training rows, at least; 0 where chance explains them.

    Copies are found in any order, in part, and in float32 or float64. In a table whose rows
    repeat by nature, such as one of a few categories, rows of an independent sample equal
    training rows as well: there only more equal rows than expected count, or all rows of the
    whole table.

    Parameters
    ----------
    known : TrainingRows
    X, y
        As in `training_rows`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.fingerprint import n_trained_on, training_rows
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> known = training_rows(X, y)
    >>> n_trained_on(known, X[[4, 2]], y[[4, 2]]), n_trained_on(known, X + 1, y)
    (2, 0)
    """
    hashes = row_hashes(X, y)
    if known.whole == _digest(hashes):
        return len(hashes)
    compared = hashes if known.complete else hashes[hashes <= known.hashes[-1]]
    found = int(_is_among(compared, known).sum())
    if found and special.bdtrc(found - 1, len(compared), known.natural) < _FALSE_ALARM:
        return found
    return 0


def _digest(hashes):
    """Return a digest of all rows, in any order where they differ enough to tell the table."""
    ordered = np.sort(hashes)
    if (np.diff(ordered) > 0).sum() + 1 >= _FEWEST_DIFFERENT:
        hashes = ordered
    return hashlib.blake2b(hashes.tobytes(), digest_size=16).hexdigest()


def fingerprint(X, y):
    """Return what tells arrays from others: their form, and a digest.

    Parameters
    ----------
    X, y : ndarray

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.fingerprint import fingerprint
    >>> fingerprint(np.eye(2), np.arange(2)) == fingerprint(np.eye(2) + 1, np.arange(2))
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in (X, y):
        # Rows at a time: an array that is not contiguous is copied.
        step = max(1, _DIGEST_BYTES * len(array) // max(1, array.nbytes))
        for start in range(0, len(array) if array.size else 0, step):
            part = np.ascontiguousarray(array[start : start + step])
            digest.update(part.data.cast("B"))
    return repr([(array.shape, array.dtype.str) for array in (X, y)]), digest.hexdigest()
