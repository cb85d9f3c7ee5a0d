"""Equal rows: where they are natural, and where they are copies that must stay in one fold."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .._utils import are_continuous, plain_rows, row_hashes

# Labels of copies agree: the share of pairs that agree beyond chance, of what could (Scott's pi).
_LEAST_AGREEMENT = 0.7
# Equal pairs of discrete rows are copies if there are so many, and so many times more of them than
# the columns explain.
_FEWEST_PAIRS = 20
_TIMES_EXPECTED = 20
# Columns by which this is judged: those with the most values.
_N_COLUMNS = 12


def copied_rows(X, y):
    """Return which rows are copies of each other, where equal rows are suspicious.

    Equal rows are natural in discrete tables: eight bits make 256 different rows, and what a
    classifier learns from one of them it may use for its equals. They are suspicious where their
    labels agree, as those of copies do, and where one of two more things holds. At least two
    columns each have nearly as many values as there are different rows: rows that agree in two
    such columns are the same measurement, entered or resampled twice. Or there are many times
    more pairs of equal rows than the columns explain: by the share of pairs that agree in one
    column, and of each further column by the share of pairs that agree in it among those that
    agree in that earlier column which explains it best. A region that follows from the city, or
    any attribute of a product, so adds nothing to the city or product.

    A column that numbers the rows one by one, such as an index, is left out. Where rows occur ten
    times and more on average, whole numbers and texts are taken for names,
    such as a city and its code, and do not count as measurements. Two numbers with decimals that
    follow from each other and determine the label, such as latitude and longitude of forty
    stores, cannot be told from copies, and count as suspicious.

    Parameters
    ----------
    X : array-like or frame of shape (n, n_columns)
        Numbers, texts or both. Other input, such as a list of texts or a sparse matrix, is not
        looked through.
    y : ndarray of shape (n,)
        Labels.

    Returns
    -------
    ndarray of int of shape (n,) or None
        Equal rows have equal numbers; None if no row is suspicious.

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
    if are_continuous(numbers, first) or _more_than_by_chance(numbers, copies):
        return copies
    return None


def _without_row_numbers(numbers):
    """Return the table without columns that number its rows: they would hide every copy."""
    table = numbers.reshape(len(numbers), -1)
    counting = [
        len(column) > 1 and column[1] - column[0] == 1 and bool((np.diff(column) == 1).all())
        for column in table.T
    ]
    # Where nothing else is left, they are what there is.
    return table[:, ~np.array(counting)] if any(counting) and not all(counting) else numbers


def _n_pairs(codes):
    """Return the number of pairs of rows that have the same of these codes."""
    counts = np.unique(codes, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)


def _agreement(copies, y):
    """Return by how much more than by chance labels of equal rows agree, at most 1."""
    labels = np.unique(y, return_inverse=True)[1]
    chance = _n_pairs(labels) / (len(labels) * (len(labels) - 1) / 2)
    both = copies.astype(np.int64) * (labels.max() + 1) + labels
    return (_n_pairs(both) / _n_pairs(copies) - chance) / (1 - chance) if chance < 1 else 0.0


def _more_than_by_chance(numbers, copies):
    """Return whether there are many times more equal pairs than the columns explain."""
    n_equal = _n_pairs(copies)
    if n_equal < _FEWEST_PAIRS:
        return False
    n_pairs = len(numbers) * (len(numbers) - 1) / 2
    codes = [
        np.unique(column, return_inverse=True)[1] for column in numbers.reshape(len(numbers), -1).T
    ]
    agreeing = np.array([_n_pairs(code) for code in codes])
    # The others would make copies the more probable.
    chosen = np.argsort(agreeing, kind="stable")[:_N_COLUMNS]
    expected = n_pairs
    for place, column in enumerate(chosen):
        share = agreeing[column] / n_pairs
        for known in chosen[:place]:
            both = codes[known] * (codes[column].max() + 1) + codes[column]
            share = max(share, _n_pairs(both) / agreeing[known])
        expected *= share
        if n_equal > _TIMES_EXPECTED * expected:
            return True
    return False


def equal_rows_of(X):
    """Return which rows are equal, suspicious or not; as `copied_rows`.

    Raises
    ------
    ValueError
        If `X` is not a table of numbers and texts.
    """
    numbers = _numbers(X)
    if numbers is None:
        raise ValueError(
            "equal_rows='together' needs a table of numbers or texts; got "
            f"{type(X).__name__}. Name equal rows by `groups` instead."
        )
    first, copies = _different(numbers)
    return copies if len(first) < len(numbers) else None


def _different(numbers):
    """Return the first row of each kind, and which kind each row is of."""
    hashes = row_hashes(numbers, dtype=np.float64)
    return np.unique(hashes, return_index=True, return_inverse=True)[1:]


def _numbers(X):
    """Return the table as numbers that are equal where entries are; None if it is not a table."""
    if sparse.issparse(X):
        return None
    X = plain_rows(X)
    if hasattr(X, "columns") and len(getattr(X, "shape", ())) == 2:
        columns = [
            np.asarray(X.iloc[:, position] if hasattr(X, "iloc") else X[:, position])
            for position in range(X.shape[1])
        ]
        return np.column_stack([_column_numbers(column) for column in columns])
    try:
        X = np.asarray(X)
    except ValueError:  # rows of several lengths
        return None
    if X.ndim < 2 or 0 in X.shape:
        return None
    if X.dtype.kind in "biuf":
        return X.reshape(len(X), -1)
    if X.ndim == 2 and X.dtype.kind in "OUS":
        return np.column_stack([_column_numbers(column) for column in X.T])
    return None


def _column_numbers(column):
    """Return a column as float64: its numbers, or one number for each different entry."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    if column.dtype.kind in "mM":
        return column.astype(np.int64).astype(np.float64)
    # In the order of the texts: columns that number the rows alike are taken for one.
    texts = np.array([str(entry) for entry in column])
    return np.unique(texts, return_inverse=True)[1].astype(np.float64)
