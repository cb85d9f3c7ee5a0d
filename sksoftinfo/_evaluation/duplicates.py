"""Equal rows: where they are natural, and where they are copies that must stay in one fold."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .._utils import are_continuous, plain_rows, row_hashes


def copied_rows(X):
    """Return which rows are copies of each other, where equal rows are suspicious.

    Equal rows are natural in discrete tables: eight bits make 256 different rows, and what a
    classifier learns from one of them it may use for its equals. They are suspicious where at
    least two columns each have nearly as many values as there are different rows: rows that agree
    in two such columns are the same measurement, entered or resampled twice.

    Parameters
    ----------
    X : array-like or frame of shape (n, n_columns)
        Numbers, texts or both. Other input, such as a list of texts or a sparse matrix, is not
        looked through.

    Returns
    -------
    ndarray of int of shape (n,) or None
        Equal rows have equal numbers; None if no row is suspicious.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.duplicates import copied_rows
    >>> rows = np.random.default_rng(0).normal(size=(20, 2))
    >>> copies = copied_rows(np.vstack([rows, rows]))
    >>> bool((copies[:20] == copies[20:]).all())
    True
    >>> copied_rows(np.vstack([rows, rows]).round()) is None
    True
    """
    numbers = _numbers(X)
    if numbers is None:
        return None
    first, copies = _different(numbers)
    if len(first) == len(numbers) or not are_continuous(numbers, first):
        return None
    return copies


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
