"""Detection of equal rows that look like copies, and so have to stay in one fold."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .._utils import are_continuous, is_frame, is_ragged, plain_rows, row_hashes

# Least agreement of the labels of copies: the share of the possible agreement beyond chance that
# pairs of equal rows reach (Scott's pi).
_LEAST_AGREEMENT = 0.7
# Equal pairs of discrete rows look like copies if there are at least _FEWEST_PAIRS, and more than
# _TIMES_EXPECTED times the number that the columns explain.
_FEWEST_PAIRS = 20
_TIMES_EXPECTED = 20
# Number of columns that are used to judge this: the columns with the most values.
_N_COLUMNS = 12
# Rows occur more often than this, on average, if a column such as a product determines the others.
_TIMES_OF_KEYS = 2


def copied_rows(X, y):
    """Return which rows are equal, if equal rows look like copies.

    Equal rows are natural in discrete tables: eight bits make 256 different rows, and a classifier
    may use what it learned from one row for equal rows. Equal rows look like copies if their
    labels agree and one of two conditions holds:

    - At least two columns each have nearly as many values as there are different rows. Rows that
      agree in two such columns are the same measurement, entered or resampled twice.
    - There are many times more pairs of equal rows than the columns explain. The first column
      explains a share of all pairs: the pairs that agree in it. Each further column reduces this
      share by the share of pairs that agree in it among the pairs that agree in the one earlier
      column that explains it best. A column that follows from another, such as the region of a
      city or an attribute of a product, therefore reduces nothing. Pairs that agree in all other
      columns are left out of the second share, since copies agree in everything. If fewer than
      20 pairs are left, one column may determine all others, as a product determines its
      attributes. This explains the equal rows if rows occur more than twice on average.

    A column that numbers the rows one by one, such as an index, is left out. If rows occur at
    least ten times on average, whole numbers and texts count as names, such as a city and its
    code, and not as measurements. Two decimal columns that determine each other and the label,
    such as latitude and longitude of forty stores, cannot be distinguished from copies, and count
    as copies.

    Parameters
    ----------
    X : array-like or data frame of shape (n, n_columns)
        Numbers, texts or both. Other input, such as a list of texts or a sparse matrix, is not
        searched for equal rows.
    y : ndarray of shape (n,)
        Labels.

    Returns
    -------
    ndarray of int of shape (n,) or None
        Equal rows have equal numbers; None if no rows look like copies.

    References
    ----------
    W. A. Scott, "Reliability of content analysis: the case of nominal scale coding", 1955.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.duplicates import copied_rows
    >>> rows = np.random.default_rng(0).normal(size=(20, 2))
    >>> copies = copied_rows(np.vstack([rows, rows]), np.tile([0, 1], 20))
    >>> bool((copies[:20] == copies[20:]).all())
    True
    >>> copied_rows(np.vstack([rows, rows]), np.repeat([0, 1], 20)) is None
    True
    """
    numbers = _numbers(X)
    if numbers is None:
        return None
    numbers = _without_row_numbers(numbers)
    first, copies = _different(numbers)
    if len(first) == len(numbers) or _agreement(copies, y) < _LEAST_AGREEMENT:
        return None
    if are_continuous(numbers, first) or _more_than_by_chance(numbers, first, copies):
        return copies
    return None


def _without_row_numbers(numbers):
    """Return the table without columns that number its rows, which would hide all copies."""
    with np.errstate(over="ignore"):
        counting = [
            len(column) > 1 and column[1] - column[0] == 1 and bool((np.diff(column) == 1).all())
            for column in numbers.T
        ]
    # If no other column is left, keep the columns that number the rows.
    return numbers[:, ~np.array(counting)] if any(counting) and not all(counting) else numbers


def _n_pairs(codes):
    """Return the number of pairs of rows with equal codes."""
    counts = np.unique(codes, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)


def _agreement(copies, y):
    """Return the agreement of the labels of equal rows beyond chance, at most 1."""
    labels = np.unique(y, return_inverse=True)[1]
    chance = _n_pairs(labels) / (len(labels) * (len(labels) - 1) / 2)
    both = copies.astype(np.int64) * (labels.max() + 1) + labels
    return (_n_pairs(both) / _n_pairs(copies) - chance) / (1 - chance) if chance < 1 else 0.0


def _more_than_by_chance(numbers, first, copies):
    """Return whether there are many times more equal pairs than the columns explain."""
    n_equal = _n_pairs(copies)
    if n_equal < _FEWEST_PAIRS:
        return False
    n_pairs = _n_pairs(np.zeros(len(numbers)))
    codes = [np.unique(column, return_inverse=True)[1] for column in numbers.T]
    # Further columns would only lower the expected number of equal pairs.
    chosen = sorted(codes, key=_n_pairs)[:_N_COLUMNS]
    agreeing = [_n_pairs(code) for code in chosen]
    agreeing_elsewhere, n_alike = _pairs_without_each(chosen)
    repeated_often = len(numbers) > _TIMES_OF_KEYS * len(first)
    expected = n_pairs
    for place, code in enumerate(chosen):
        share = agreeing[place] / n_pairs
        for known, n_known in zip(chosen[:place], agreeing[:place], strict=True):
            n_both = _n_pairs(_joined(known, code))
            # Copies agree in this column whatever explains it, and so do not count.
            n_known_apart = n_known - agreeing_elsewhere[place]
            if n_known_apart >= _FEWEST_PAIRS:
                share = max(share, (n_both - n_alike) / n_known_apart)
            elif repeated_often:
                share = max(share, n_both / n_known)
        expected *= share
        if n_equal > _TIMES_EXPECTED * expected:
            return True
    return False


def _joined(one, other):
    """Return codes that are equal where two columns of codes are."""
    return np.unique(one * (other.max() + 1) + other, return_inverse=True)[1]


def _pairs_without_each(codes):
    """Return the number of pairs that agree in all columns but each, and in all columns."""
    nothing = np.zeros(len(codes[0]), dtype=np.int64)
    before, after = [nothing], [nothing]
    for code, last in zip(codes, codes[::-1], strict=True):
        before.append(_joined(before[-1], code))
        after.append(_joined(after[-1], last))
    without = [_n_pairs(_joined(*both)) for both in zip(before[:-1], after[-2::-1], strict=True)]
    return without, _n_pairs(before[-1])


def equal_rows_of(X):
    """Return which rows are equal, like `copied_rows`, but whether or not they look like copies.

    Raises
    ------
    ValueError
        If `X` is not a table of numbers or texts.
    """
    numbers = _numbers(X)
    if numbers is None:
        raise ValueError(
            "`X` must be a table of numbers or texts with equal_rows='together'; got "
            f"{type(X).__name__}. Mark equal rows by `groups` instead."
        )
    first, copies = _different(numbers)
    return copies if len(first) < len(numbers) else None


def _different(numbers):
    """Return the position of the first of each set of equal rows, and the set of each row."""
    hashes = row_hashes(numbers, dtype=np.float64)
    return np.unique(hashes, return_index=True, return_inverse=True)[1:]


def _numbers(X):
    """Return the table as numbers, equal for equal entries; None if `X` is not a table."""
    if sparse.issparse(X):
        return None
    if is_ragged(X):
        return None
    X = plain_rows(X)
    if is_frame(X):
        columns = [
            np.asarray(X.iloc[:, position] if hasattr(X, "iloc") else X[:, position])
            for position in range(X.shape[1])
        ]
        return np.column_stack([_column_numbers(column) for column in columns])
    X = np.asarray(X)
    if X.ndim < 2 or 0 in X.shape:
        return None
    if X.dtype.kind in "biuf":
        return X.reshape(len(X), -1)
    if X.ndim == 2 and X.dtype.kind in "OUS":
        return np.column_stack([_column_numbers(column) for column in X.T])
    return None


def _column_numbers(column):
    """Return a column as float64: its numbers, or one number for each distinct entry."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    if column.dtype.kind in "mM":
        return column.astype(np.int64).astype(np.float64)
    # Numbers follow the order of the texts, so that columns that number the rows alike are equal.
    texts = np.array([str(entry) for entry in column])
    return np.unique(texts, return_inverse=True)[1].astype(np.float64)
