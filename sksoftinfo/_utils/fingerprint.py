"""Digests of arrays and hashes of rows, by which training rows are recognized."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from scipy import special
from sklearn.utils import gen_batches

from .host_arrays import on_host

# Largest number of row hashes that are kept; they take half a megabyte.
MAX_HASHES = 65_536
# A column counts as continuous if its number of values is at least _FEWEST_VALUES, and at least
# _SHARE_OF_VALUES of the number of different rows.
_FEWEST_VALUES = 10
_SHARE_OF_VALUES = 0.8
# Integers are treated as codes (e.g. of cities) if rows occur this often on average.
_TIMES_OF_NAMES = 10
# A copy of a whole table is recognized in any order if it has this many different rows. With
# fewer, two independent samples may contain the same rows by chance.
_FEWEST_DIFFERENT = 10
# Largest probability of a false alarm for the rows of an independent sample.
_FALSE_ALARM = 1e-3
# Numbers that are hashed at once: few enough for a processor's caches, or enough for a GPU.
_ON_HOST, _ON_DEVICE = 1 << 16, 1 << 20
_DIGEST_BYTES = 1 << 20
# Rows from which columns with few values are detected, and columns that are read at once.
_N_GLANCE = 300
_COLUMNS_AT_ONCE = 256
# Multipliers of SplitMix64.
_MIXER = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class TrainingRows(NamedTuple):
    """Hashes of the training rows, from which the rows cannot be reconstructed.

    Hashes stay in this process, because they reveal whether a given row was used for training.

    Parameters
    ----------
    whole : str
        Digest of all rows and labels.
    hashes : ndarray of uint64 of shape (n_kept,)
        Sorted hashes of the different rows with their labels; the smallest if not `complete`.
    complete : bool
        Whether all hashes are kept.
    natural : float
        Upper limit of the share of rows in an independent sample that equal a training row.
    """

    whole: str
    hashes: np.ndarray
    complete: bool
    natural: float


def row_hashes(X, y=None, dtype=np.float32):
    """Return a 64-bit hash of each row of numbers, with its label where labels are given.

    Rows are cast to `dtype` before hashing. All NaN are equal, and 0 equals -0.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
        Rows of numbers. A tensor is hashed on its device, after a cast to float32.
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
    in_memory = isinstance(X, np.ndarray)
    step = max(1, (_ON_HOST if in_memory else _ON_DEVICE) // max(1, width))
    if not in_memory:
        hashes = _sums_on_device(X, multipliers, step)
    for rows in gen_batches(n, step) if in_memory else ():
        with np.errstate(over="ignore"):
            # Adding 0.0 turns -0.0 into 0.0.
            numbers = X[rows].reshape(-1, width).astype(dtype) + np.dtype(dtype).type(0)
        numbers[np.isnan(numbers)] = np.nan
        words = _mixed(numbers.view(bits).astype(np.uint64))
        # Integer overflow is intended.
        hashes[rows] = words @ multipliers
    labels = None if y is None else np.asarray(y)
    for rows in gen_batches(n, _ON_HOST):
        if labels is not None:
            hashes[rows] += _mixed(labels[rows].astype(np.uint64) + np.uint64(1))
        hashes[rows] = _mixed(hashes[rows])
    return hashes


def _mixed(words):
    """Spread each bit of a word over all 64 bits (mixer of SplitMix, Steele et al., 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(_MIXER[0])
    words = (words ^ (words >> np.uint64(27))) * np.uint64(_MIXER[1])
    return words ^ (words >> np.uint64(31))


def _sums_on_device(X, multipliers, step):
    """Return the sum in `row_hashes` for each row of a tensor; the host waits once."""
    import torch

    def mixed(words):
        for shift, factor in zip((30, 27), _MIXER, strict=True):
            # Shifts of torch's signed integers preserve the sign.
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

    Equal rows are expected in discrete tables; in continuous tables they are copies. Columns that
    sort the rows in the same order, e.g. a length in two units, count once, so a table with one
    column is never continuous. If rows occur at least ten times on average, columns of integers
    are treated as codes and do not count.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
        Rows of numbers.
    first : ndarray of int of shape (n_different,)
        Indices of the different rows.
    dtype : {float32, float64}, default=float64
        Values are cast to this dtype before they are compared, as in `row_hashes`.
    """
    rows = X.reshape(len(X), -1)
    needed = max(_FEWEST_VALUES, _SHARE_OF_VALUES * len(first))
    some = first[:_N_GLANCE]
    ranks: list[np.ndarray] = []
    are_names = len(rows) >= _TIMES_OF_NAMES * len(first)
    for position, glance in _glances(rows, some, dtype) if len(first) >= needed else ():
        # The share of different values decreases with the number of rows, so a small share in
        # a few rows is conclusive.
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
    """Yield the position and some entries of each column."""
    for columns in gen_batches(rows.shape[1], _COLUMNS_AT_ONCE):
        with np.errstate(over="ignore"):
            entries = on_host(rows[:, columns][some]).astype(dtype)
        yield from enumerate(entries.T, columns.start)


def training_rows(X, y, known=None):
    """Return hashes of rows with encoded labels, by which training rows are recognized.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
        Rows of numbers.
    y : ndarray of int of shape (n,)
        Encoded labels.
    known : TrainingRows, default=None
        Hashes of earlier training rows.

    Returns
    -------
    TrainingRows
        At most 65,536 hashes. If there are more, the smallest hashes are kept, which do not depend
        on the order of the rows.
    """
    hashes = row_hashes(X, y)
    different, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    natural = 0.0
    if not are_continuous(X, first, np.float32):
        # Share of rows that would be found in an independent sample, estimated from repeats.
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

    Repeats are clustered, so their share has a larger variance than a share of independent rows.
    """
    share = (n_repeated + 1) / (n + 2)
    return min(1.0, float(share + 3 * np.sqrt(2 * share * (1 - share) / (n + 2))))


def _is_among(hashes, known):
    """Return a mask of the hashes that are in `known`."""
    if not len(known.hashes):
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(known.hashes, hashes)
    return known.hashes[np.minimum(place, len(known.hashes) - 1)] == hashes


def n_trained_on(known, X, y):
    """Return the least number of training rows among these; 0 if chance explains the matches.

    Copies are found in any order, in part, and in float32 or float64. If rows of the table repeat
    naturally, e.g. because columns have few categories, rows of an independent sample also match
    training rows. Matches then count only if there are more than expected, or if the rows are the
    whole training table.

    Parameters
    ----------
    known : TrainingRows
        Hashes of the training rows.
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
    """Return a digest of all rows, independent of their order if enough rows differ."""
    ordered = np.sort(hashes)
    if np.count_nonzero(ordered[1:] != ordered[:-1]) + 1 >= _FEWEST_DIFFERENT:
        hashes = ordered
    return hashlib.blake2b(np.ascontiguousarray(hashes).data, digest_size=16).hexdigest()


def fingerprint(X, y):
    """Return shapes, dtypes and a digest, by which arrays are recognized.

    Parameters
    ----------
    X, y : ndarray
        Rows and labels.

    Returns
    -------
    tuple of str
        Shapes and dtypes of the arrays, and a digest of their content.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.fingerprint import fingerprint
    >>> fingerprint(np.eye(2), np.arange(2)) == fingerprint(np.eye(2) + 1, np.arange(2))
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in (X, y):
        # In blocks of rows, because an array that is not contiguous is copied.
        step = max(1, _DIGEST_BYTES * len(array) // max(1, array.nbytes))
        for start in range(0, len(array) if array.size else 0, step):
            part = np.ascontiguousarray(array[start : start + step])
            digest.update(part.data.cast("B"))
    return repr([(array.shape, array.dtype.str) for array in (X, y)]), digest.hexdigest()
