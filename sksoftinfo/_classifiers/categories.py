"""Categorical columns of a table: one indicator for each category that was seen in `fit`.

Columns are encoded in two steps, so that they are validated before they are spread out. First,
each category is replaced by its position among the sorted categories, or by NaN if it is missing
or unknown. The table keeps its columns and their names, and is validated like any other table.
Then each categorical column is replaced by indicators. The network, and all other code that reads
rows, receives numbers only.
"""

from __future__ import annotations

import warnings
from numbers import Real

import numpy as np
from scipy import sparse

from .._utils import (
    is_frame,
    is_missing_label,
    mixed_types,
    on_host,
    plain_rows,
    some_names,
    users_stacklevel,
)

# As in HistGradientBoostingClassifier: with more categories, a column identifies single rows.
MOST_CATEGORIES = 255
# One dtype of pandas, and two dtypes of polars.
_CATEGORICAL_DTYPES = ("CategoricalDtype", "Categorical", "Enum")


def categorical_columns(X, categorical_features):
    """Return the positions of the categorical columns of a table.

    Parameters
    ----------
    X : table
        Only a frame can have categorical dtypes.
    categorical_features : "from_dtype", None or array-like
        As in `InfoSoftmaxClassifier`.

    Returns
    -------
    ndarray of int
        Sorted.

    Raises
    ------
    ValueError
        If `categorical_features` does not fit the columns.
    """
    if categorical_features is None:
        return np.arange(0)
    if isinstance(categorical_features, str):
        if not is_frame(X):
            return np.arange(0)
        kinds = [type(_column(X, j).dtype).__name__ for j in range(X.shape[1])]
        return np.flatnonzero(np.isin(kinds, _CATEGORICAL_DTYPES))
    given = np.asarray(on_host(categorical_features))
    if given.dtype == object:
        given = np.asarray(given.tolist())
    if given.size == 0:
        return np.arange(0)
    shape = np.shape(X) if not hasattr(X, "shape") else X.shape
    if len(shape) != 2:
        raise ValueError(
            f"`categorical_features` must be 'from_dtype' or None for images; got "
            f"{categorical_features!r}. Only columns of a table are categorical."
        )
    n_features = shape[1]
    if given.ndim == 1 and all(isinstance(one, str) for one in given.tolist()):
        return _positions_of_names(given.tolist(), X)
    if given.ndim == 1 and given.dtype == bool and len(given) == n_features:
        return np.flatnonzero(given)
    if given.ndim == 1 and given.dtype.kind in "iu":
        if given.min() >= 0 and given.max() < n_features:
            return np.unique(given).astype(np.int64)
    raise ValueError(
        "`categorical_features` must be 'from_dtype', None, a mask with one bool for each "
        f"column, positions from 0 to {n_features - 1}, or names of columns; got "
        f"{str(categorical_features)[:200]} for {n_features} columns. Use 'from_dtype' for the "
        "columns of a categorical dtype."
    )


def plain_selection(categorical_features):
    """Return `categorical_features` as a list if it is an index, a series, a range or an array.

    Files contain lists only.

    Examples
    --------
    >>> from sksoftinfo._classifiers.categories import plain_selection
    >>> plain_selection(range(2)), plain_selection("from_dtype")
    ([0, 1], 'from_dtype')
    """
    if categorical_features is None or isinstance(categorical_features, str | list | tuple):
        return categorical_features
    return np.asarray(on_host(categorical_features)).tolist()


def _positions_of_names(names, X):
    if not is_frame(X):
        raise ValueError(
            f"`categorical_features` must be positions or a mask if X has no column names; got "
            f"{_listed(names)}. Pass positions or a mask, or pass X as a data frame."
        )
    known = list(X.columns)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"`categorical_features` must name columns of X; got "
            f"{_listed(dict.fromkeys(unknown))}. Choose from {_listed(known)}."
        )
    return np.unique([known.index(name) for name in names])


def learn_categories(X, categorical_features, takes_categories):
    """Return the categories of each column of a table, or None if no column is categorical.

    Parameters
    ----------
    X : table
        As `plain_rows` returns.
    categorical_features : "from_dtype", None or array-like
        As in `InfoSoftmaxClassifier`.
    takes_categories : bool
        Whether the network is the default one.

    Returns
    -------
    list or None
        For each column, an array of the sorted categories, or None for a column of numbers.

    Raises
    ------
    ValueError
        If `categorical_features` does not fit the columns, if the network accepts numbers only, if
        categories are not strings, booleans or finite numbers, or if there are more than 255.
    """
    if sparse.issparse(X):
        return None
    positions = categorical_columns(X, categorical_features)
    if not len(positions):
        return None
    if not takes_categories:
        raise ValueError(
            "`X` must contain numbers only if `module` is set; got categorical columns: "
            f"{_listed([_name(X, j) for j in positions])}. Encode them, e.g. by "
            "OneHotEncoder(sparse_output=False) in a ColumnTransformer, or leave `module` out. "
            "categorical_features=None uses numeric categories as numbers."
        )
    table = _with_columns(X)
    categories = [None] * table.shape[1]
    for position in positions:
        categories[position] = _categories_of(_column(table, position), _name(X, position))
    return categories


def _categories_of(column, name):
    """Return the sorted categories of a column, without missing values."""
    try:
        distinct = {one for one in _entries(column) if not is_missing_label(one)}
    # Lists and arrays cannot be hashed, or have no single truth value.
    except (TypeError, ValueError):
        distinct = {()}
    plain = all(isinstance(one, str | int | float | np.generic) for one in distinct)
    found = np.array(sorted(distinct)) if plain and not mixed_types(distinct) else None
    if found is None or not _are_plain(found):
        raise ValueError(
            "`X` must have strings, booleans or finite numbers, all of one kind, as the "
            f"categories of a column; got others in column {name!r}. Convert them to strings, "
            "e.g. by X[name].astype(str).astype('category')."
        )
    if len(found) > MOST_CATEGORIES:
        raise ValueError(
            f"`X` must have at most {MOST_CATEGORIES} categories in a categorical column; got "
            f"{len(found)} in column {name!r}. Merge rare categories, or encode the column in a "
            "pipeline, e.g. by TargetEncoder."
        )
    # In an array of strings, all items are as wide as the longest, and lose trailing nulls.
    return np.array(sorted(distinct), dtype=object) if found.dtype.kind == "U" else found


def _are_plain(found):
    if found.dtype.kind == "U" or not len(found):
        return True
    return found.dtype.kind in "biuf" and bool(np.isfinite(found).all())


def with_codes(X, categories):
    """Return a table in which each category is its position, NaN if it is missing or unknown.

    Parameters
    ----------
    X : table
        As `plain_rows` returns. A table with another number of columns is returned unchanged, and
        so is any table if no column is categorical.
    categories : list or None
        As `learn_categories` returns.
    """
    if categories is None or sparse.issparse(X) or len(np.shape(X)) != 2:
        return X
    table = _with_columns(X)
    if table.shape[1] != len(categories):
        return X
    codes = {
        position: _codes(_column(table, position), values, _name(X, position))
        for position, values in enumerate(categories)
        if values is not None
    }
    if not is_frame(table):
        for position, values in codes.items():
            table[:, position] = values
    elif hasattr(table, "isetitem"):
        table = table.copy(deep=False)
        for position, values in codes.items():
            table.isetitem(position, values)
    else:
        # A frame of polars, whose columns have distinct names.
        for position, values in codes.items():
            column = type(_column(table, position))(table.columns[position], values)
            table = table.with_columns(column)
    return table


def _codes(column, values, name):
    key = _key_of(values)
    index = {key(value): code for code, value in enumerate(values.tolist())}
    entries = _entries(column)
    try:
        codes = np.array([index.get(key(one), np.nan) for one in entries], dtype=np.float64)
        strange = (
            [one for one in entries if not is_missing_label(one)] if np.isnan(codes).all() else []
        )
    except (TypeError, ValueError):
        # Lists and arrays are not equal to any category.
        codes, strange = np.full(len(column), np.nan), entries
    # A single unknown category is not suspicious.
    if index and len(strange) > 1:
        # Lists are not hashable.
        different = {repr(one): one for one in strange}.values()
        warnings.warn(
            f"`X` should have the categories of `fit` in column {name!r}, which are "
            f"{_listed(values.tolist())}; got only others, {_listed(different)}, which are "
            "treated as missing. Convert the column to the type that it had in `fit`.",
            stacklevel=users_stacklevel(),
        )
    return codes


def _key_of(values):
    """Return a function whose results are equal for an entry and its category.

    A number in single precision may differ from the same number in double precision.
    """
    with np.errstate(over="ignore"):
        single = values.astype(np.float32) if values.dtype.kind == "f" else values
    if values.dtype.kind != "f" or len(np.unique(single)) < len(values):
        return lambda one: one
    return lambda one: _in_single_precision(one) if isinstance(one, Real) else one


def _in_single_precision(number):
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def without_unused(X, categories):
    """Return coded rows and categories without those that do not occur in the rows."""
    if categories is None:
        return X, None
    X, kept = X.copy(), list(categories)
    for position, values in enumerate(categories):
        if values is None:
            continue
        known = ~np.isnan(X[:, position])
        used, codes = np.unique(X[known, position].astype(np.int64), return_inverse=True)
        X[known, position] = codes
        kept[position] = values[used]
    return X, kept


def with_indicators(X, categories):
    """Return coded rows with one indicator for each category in place of its column.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        As `with_codes` returns.
    categories : list or None
        As `learn_categories` returns.

    Returns
    -------
    ndarray of shape (n, n_features or more)
        Has the dtype of `X`. All indicators of a column are 0 for a missing or unknown category.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._classifiers.categories import with_indicators
    >>> with_indicators(np.array([[1.0, 7.0], [np.nan, 8.0]]), [np.array(["a", "b"]), None])
    array([[0., 1., 7.],
           [0., 0., 8.]])
    """
    if categories is None:
        return X
    parts = [
        column[:, None] if values is None else column[:, None] == np.arange(_width(values))
        for column, values in zip(X.T, categories, strict=True)
    ]
    return np.concatenate(parts, axis=1, dtype=X.dtype)


def n_columns(n_features, categories):
    """Return the number of columns that the network receives."""
    if categories is None:
        return n_features
    return sum(map(_width, categories))


def _width(values):
    # A column without a known category becomes a column of zeros: a network needs an input.
    return 1 if values is None else max(1, len(values))


def encoded_table(X, name, categories):
    """Return the table that the network receives for a user's table, without validating it."""
    X = plain_rows(X, name)
    coded = with_codes(X, categories)
    return coded if coded is X else with_indicators(np.asarray(coded, np.float64), categories)


def _column(X, position):
    if hasattr(X, "iloc"):
        return X.iloc[:, position]
    return X[:, int(position)]


def _name(X, position):
    return X.columns[position] if is_frame(X) else int(position)


def _with_columns(X):
    """Return a frame unchanged, and any other table as a new array that can hold NaN."""
    if is_frame(X):
        return X
    is_number = isinstance(X, np.ndarray) and X.dtype.kind in "biuf"
    # Above 2**53, several integers become the same number in double precision.
    if not is_number or (X.dtype.kind in "iu" and X.size and _largest(X) > 2**53):
        return np.array(X, dtype=object)
    return X.astype(X.dtype if X.dtype.kind == "f" else np.float64)


def _largest(X):
    return max(abs(int(X.min())), abs(int(X.max())))


def _entries(column):
    entries = np.asarray(column)
    # In a list, times in nanoseconds would become integers.
    return list(entries) if entries.dtype.kind in "mM" else entries.tolist()


def _listed(names):
    return some_names(map(repr, names))
