"""Validation of tables, images and weights, with errors that name the invalid entries."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from numbers import Number

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from .compat import check_sample_weight
from .host_arrays import on_host, refuse_masked
from .labels import check_labels

# Sparse tables are refused.
_ENCODE = (
    "Encode these columns, e.g. by OneHotEncoder(sparse_output=False) in a ColumnTransformer, or "
    "drop them."
)
_ENCODE_TEXTS = "Encode the texts, e.g. by OneHotEncoder(sparse_output=False) in a pipeline."
_IMPUTE = "Impute these entries, e.g. by SimpleImputer in a pipeline, or drop these rows."
_REPLACE = "Replace these entries by finite numbers, or drop these rows."
# Largest number of columns that a message names.
_NAMED = 5
# Smallest height and width of an image.
_PICTURE = 8
# Types of times and bytes, which NumPy would convert to numbers, and types that are valid.
_TIMES = (np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta)
_BYTES = (bytes, bytearray, memoryview)
_PLAIN = {float, int, bool, str, type(None), np.float64, np.float32, np.int64, np.str_}


def validate_rows(estimator, X, y="no_validation", *, allow_nan=False, remedy=None, **options):
    """Validate `X` and `y` by scikit-learn's ``validate_data``, and name invalid columns.

    Parameters
    ----------
    estimator : estimator
        Estimator whose ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    X, y : as given to `fit` or `predict`
        Rows and labels. A torch tensor may be on any device and require a gradient.
    allow_nan : bool, default=False
        Whether tables may contain NaN, as missing values. Images may not.
    remedy : str, default=None
        Last sentence of the error about columns that are not numeric.
    **options : dict
        Options of ``validate_data``.

    Raises
    ------
    ValueError
        If there are no rows, rows have different lengths, two columns have the same name, a
        column is not numeric, an entry is masked or not finite, or labels are missing or of
        several types.
    TypeError
        If `X` is sparse.
    """
    X, y = plain_rows(X), on_host(y)
    if not isinstance(y, str):
        check_labels(y)
    check_any_row(X)
    check_unique_names(X)
    refuse_times_and_bytes(X)
    with naming_wrong_columns(X, remedy):
        validated = validate_data(estimator, X, y, ensure_all_finite=False, **options)
    rows = validated if isinstance(y, str) else validated[0]
    names = getattr(estimator, "feature_names_in_", None)
    assert_finite(rows, "X", names, allow_nan=allow_nan and rows.ndim == 2)
    return validated


@contextmanager
def naming_wrong_columns(X, remedy=None, of_texts=_ENCODE_TEXTS):
    """Replace errors about texts in `X`, and name columns of a frame that are not numeric.

    `remedy` is the last sentence for frames, and `of_texts` the one for arrays and lists.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        wrong = _columns_of_no_numbers(X)
        if wrong:
            raise ValueError(
                f"`X` must have numeric columns only; got {some_names(wrong)}. {remedy or _ENCODE}"
            ) from error
        text = None if is_frame(X) else _first_text(X)
        if text is None:
            raise
        raise ValueError(f"`X` must hold numbers; got texts, e.g. {text!r}. {of_texts}") from error


def assert_finite(array, name, column_names=None, allow_nan=False, remedy=None):
    """Raise a ValueError that names columns or positions if `array` has NaN or infinity.

    Parameters
    ----------
    array : ndarray of shape (n, d) or (n, ...)
        Array of numbers.
    name : str
        Name of the array in the message.
    column_names : sequence of str, default=None
        Names of the columns in the message; positions if None.
    allow_nan : bool, default=False
        Whether to accept NaN.
    remedy : str, default=None
        Last sentence of the error; to impute NaN in a table `X`, or to replace entries, if None.
    """
    try:
        # scikit-learn adds up the entries, and sums of numbers as large as 1e308 are not finite.
        with np.errstate(over="ignore", invalid="ignore"):
            assert_all_finite(array, input_name=name, allow_nan=allow_nan)
    except ValueError as error:
        place = _where_not_finite(array, name, column_names, allow_nan)
        if remedy is None:
            # Imputers neither replace infinity nor take images.
            can_impute = name == "X" and array.ndim == 2 and not np.isinf(array).any()
            remedy = _IMPUTE if can_impute else _REPLACE
        raise ValueError(f"{place}. {remedy}") from error


def _where_not_finite(array, name, column_names, allow_nan):
    wrong = np.isnan(array)
    what = "NaN"
    if allow_nan or not wrong.any():
        wrong = np.isinf(array)
        what = f"infinity or a value too large for {array.dtype},"
    rows = wrong.reshape(len(wrong), -1).any(axis=1)
    if array.ndim == 2:
        columns = np.flatnonzero(wrong.any(axis=0))
        labels = columns if column_names is None else [repr(column_names[i]) for i in columns]
        place = f"in column {some_names(labels)}" if len(columns) else ""
    else:
        place = f"first at {tuple(int(i) for i in np.argwhere(wrong)[0])}"
    return (
        f"Input {name} contains {what} {place}, in {rows.sum()} of {len(array)} rows, the first "
        f"of them row {int(rows.argmax())}"
    )


def check_row_shape(X, input_shape, origin, remedy="Pass rows of that shape."):
    """Raise ValueError if rows of `X` differ in shape from the rows of `fit`.

    If `input_shape` is None, any shape is valid. Tables are left to scikit-learn's own check,
    which also compares feature names. `origin` states where the shape comes from.
    """
    shape = getattr(X, "shape", None)
    if shape is None or input_shape is None or (len(shape) <= 2 and len(input_shape) == 1):
        return
    if tuple(shape[1:]) != tuple(input_shape):
        if len(shape) == len(input_shape) > 1:
            remedy = "If `X` is a single row, put it into a list: [X]."
        raise ValueError(
            f"`X` must have rows of shape {tuple(input_shape)}, {origin}; got rows of shape "
            f"{tuple(shape[1:])}. {remedy}"
        )


def check_masker(estimator, name="estimator"):
    """Raise ValueError unless an estimator computes masks."""
    if not hasattr(estimator, "mask"):
        raise ValueError(
            f"`{name}` must be a fitted InfoMaskTransformer; got {type(estimator).__name__}. Pass "
            "the transformer itself, e.g. pipeline[-1], and images as it takes them."
        )


def check_weights(sample_weight, X):
    """Return the weights of rows `X` as float64, or None; refuse invalid ones by ValueError."""
    if sample_weight is None:
        return None
    sample_weight = on_host(sample_weight)
    refuse_masked(sample_weight, "sample_weight")
    dtype = np.asarray(sample_weight).dtype
    if dtype.kind in "USc":
        raise ValueError(
            f"`sample_weight` must hold real numbers; got dtype {dtype}. Convert the weights, "
            "e.g. by numpy.asarray(weights, dtype=float)."
        )
    weights = check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"`sample_weight` must not be negative; got {weights[row]:g} in row {row}. Pass 0 for "
            "rows that do not count."
        )
    if not weights.any():
        raise ValueError(
            "`sample_weight` must be positive for at least one row; got zero for every row. Pass "
            "positive weights for rows that count."
        )
    if not np.isfinite(weights.sum()):
        raise ValueError(
            f"`sample_weight` must have a finite sum; got weights up to {weights.max():g}. Divide "
            "them by their maximum: only their ratios count."
        )
    return weights


def plain_rows(X, name="X"):
    """Return rows in a form that scikit-learn accepts; tensors and masked arrays become arrays.

    Numbers are converted to the native byte order, which torch needs. Masked entries, lazy frames
    and lists of rows of different lengths raise ValueError.
    """
    X = on_host(X, name)
    refuse_ragged(X, name)
    if hasattr(X, "to_pandas") and hasattr(X, "column_names"):
        # NumPy would treat the columns of an Arrow table as rows.
        return X.to_pandas()
    if isinstance(X, np.ma.MaskedArray):
        refuse_masked(X, name, f"Fill them, e.g. by {name}.filled(0)")
        X = X.data
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(
            f"`{name}` must be in memory; got a lazy frame, {type(X).__name__}. Pass "
            f"{name}.collect()."
        )
    return native_order(X)


def native_order(X):
    """Return an array or frame in native byte order; other values are returned unchanged."""
    if isinstance(X, np.ndarray):
        return X if X.dtype.isnative else X.astype(X.dtype.newbyteorder("="))
    if not hasattr(X, "isetitem"):
        return X
    swapped = [
        (position, column)
        for position, (_, column) in enumerate(_columns(X))
        if isinstance(column.dtype, np.dtype) and not column.dtype.isnative
    ]
    if swapped:
        X = X.copy(deep=False)
    for position, column in swapped:
        values = column.to_numpy()
        X.isetitem(position, values.astype(values.dtype.newbyteorder("=")))
    return X


def check_any_row(X):
    """Raise ValueError if an array, a frame or a list has no rows."""
    shape = (len(X),) if isinstance(X, list | tuple) else tuple(getattr(X, "shape", ()))
    if shape and shape[0] == 0:
        raise ValueError(
            f"`X` must have at least one row; got shape {shape}. Check how the rows were selected."
        )


def refuse_ragged(X, name="X"):
    """Raise ValueError for a list whose rows or images differ in length or shape."""
    shapes = _shapes(X)
    if other := _differing(shapes):
        raise ValueError(
            f"`{name}` must have rows of the same shape; got {shapes[0]} in row 0 and "
            f"{shapes[other]} in row {other}. Fill up the shorter rows, or leave them out."
        )


def is_ragged(X):
    """Return whether X is a list whose rows or images differ in length or shape."""
    return _differing(_shapes(X)) is not None


def _shapes(X):
    # Long lists are mostly lists of labels.
    if not isinstance(X, list | tuple) or not X or isinstance(X[0], str | Number):
        return []
    return [
        (len(one),) if isinstance(one, list | tuple) else tuple(getattr(one, "shape", ()))
        for one in X
    ]


def _differing(shapes):
    return next((row for row, shape in enumerate(shapes) if shape != shapes[0]), None)


def is_frame(X):
    return len(getattr(X, "shape", ())) == 2 and hasattr(X, "columns")


def check_unique_names(X):
    """Raise ValueError if two columns of a frame have the same name."""
    if not is_frame(X):
        return
    twice = [repr(name) for name, count in Counter(X.columns).items() if count > 1]
    if twice:
        raise ValueError(
            f"`X` must have unique column names; got {some_names(twice)} more than once. Rename "
            "these columns."
        )


def check_column_order(estimator, X, *, reset):
    """Remember the labels of a frame's columns, or compare their order with the order in `fit`.

    scikit-learn remembers labels that are strings, and ignores all others, such as integers.

    Parameters
    ----------
    estimator : estimator
        Estimator whose ``_column_labels`` is set, or removed if there are no labels or all are
        strings.
    X : as given to `fit` or `predict`
    reset : bool
        Whether to remember the labels.

    Raises
    ------
    ValueError
        If the columns are those of `fit` in another order.
    """
    # The `columns` of an Arrow table are not its names.
    names = X.column_names if hasattr(X, "column_names") else X.columns if is_frame(X) else []
    labels = list(names)
    are_strings = all(isinstance(label, str) for label in labels)
    if reset:
        vars(estimator).pop("_column_labels", None)
        if not are_strings:
            estimator._column_labels = labels
        return
    name = "feature_names_in_" if are_strings else "_column_labels"
    known = list(vars(estimator).get(name, []))
    if labels != known and Counter(labels) == Counter(known):
        place = next(i for i, label in enumerate(known) if labels[i] != label)
        # The first two sentences are scikit-learn's, whose checks of estimators expect them.
        raise ValueError(
            "The feature names should match those that were passed during fit.\n"
            "Feature names must be in the same order as they were in fit.\n"
            f"`X` must have its columns in the order of `fit`; got {labels[place]!r} in place of "
            f"{known[place]!r}. Select the columns in that order, e.g. by X[columns]."
        )


def refuse_times_and_bytes(X):
    """Raise ValueError for rows of times, bytes or complex numbers, which NumPy would convert.

    Frames, arrays and nested lists are searched. Columns of frames may have dtype object,
    category or Arrow's types.
    """
    if is_frame(X):
        # Beside columns that have to be converted, pandas would drop the imaginary parts.
        parts = [repr(name) for name, one in _columns(X) if getattr(one.dtype, "kind", "") == "c"]
        if parts:
            raise ValueError(
                f"`X` must have columns of real numbers only; got complex numbers in "
                f"{some_names(parts)}. Replace them by real and imaginary parts."
            )
        wrong = [
            f"{name!r} ({column.dtype})"
            for name, column in _columns(X)
            if not _is_numeric(column.dtype)
            and _kind_of_no_numbers(np.asarray(column)) in ("times", "bytes")
        ]
        if wrong:
            raise ValueError(
                f"`X` must have numeric columns only; got {some_names(wrong)}. Convert times to "
                "numbers, e.g. days since a date, decode bytes, or drop these columns."
            )
        return
    found = _kind_of_no_numbers(X)
    if found == "complex":
        # The first words are scikit-learn's, whose checks of estimators expect them.
        raise ValueError(
            "Complex data not supported: `X` must hold real numbers; got complex numbers. Replace "
            "them by real and imaginary parts, e.g. by numpy.hstack([X.real, X.imag])."
        )
    if found == "times":
        raise ValueError(
            "`X` must hold numbers; got times. Convert them to numbers, e.g. days since a date."
        )
    if found == "bytes":
        raise ValueError(
            "`X` must hold numbers; got bytes. Decode them and convert them to numbers, e.g. by "
            "numpy.char.decode(X).astype(float)."
        )


def refuse_mappings(X):
    """Raise ValueError for a list of dicts or sets, which NumPy would not explain."""
    for index, one in enumerate(X if isinstance(X, list | tuple) else []):
        if isinstance(one, dict | set | frozenset):
            raise ValueError(
                "`X` must hold rows of numbers or images; got an object of class "
                f"{type(one).__name__} at index {index}. Convert dictionaries to a table, e.g. by "
                "pandas.DataFrame(X)."
            )


def _kind_of_no_numbers(values):
    """Return "times", "bytes" or "complex" if an array or nested lists contain them, else None."""
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        kind = values.dtype.kind
        if kind != "O":
            return {"m": "times", "M": "times", "S": "bytes", "c": "complex"}.get(kind)
        values = values.ravel()
    elif not isinstance(values, Sequence) or isinstance(values, str):
        return None
    types = set(map(type, values))
    # Periods of pandas, which need not be installed.
    if any(issubclass(one, _TIMES) or one.__name__ == "Period" for one in types):
        return "times"
    if any(issubclass(one, _BYTES) for one in types):
        return "bytes"
    if any(issubclass(one, complex | np.complexfloating) for one in types):
        return "complex"
    if types <= _PLAIN:
        return None
    found = (_kind_of_no_numbers(value) for value in values if type(value) not in _PLAIN)
    return next(filter(None, found), None)


def _is_numeric(dtype):
    # dtypes of polars have no kind, but polars converts its numbers to arrays at no cost.
    return getattr(dtype, "kind", "O") in "biufc"


def _columns(X):
    """Return pairs of name and column of a pandas or polars frame."""
    return [
        (name, X.iloc[:, position] if hasattr(X, "iloc") else X[:, position])
        for position, name in enumerate(X.columns)
    ]


def as_images(X):
    """Return nested lists of images, or lists of arrays, as one array; other values unchanged."""
    if not isinstance(X, list | tuple) or not X or np.ndim(X[0]) < 2:
        return X
    refuse_times_and_bytes(X)
    refuse_ragged(X)
    return np.asarray(on_host(X))


def seem_last(X, any_dtype=True):
    """Return whether images look as if their channels came last.

    For uint8 images, the last axis must have length 1, 3 or 4. Images of other dtypes may be e.g.
    signals of 22 electrodes, (n, 22, 1000, 1); for them, the last axis must have length 3 or 4,
    and the two axes before it a length of at least 8.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Images.
    any_dtype : bool, default=True
        Whether to check images of other dtypes than uint8.
    """
    shape = getattr(X, "shape", ())
    if len(shape) != 4 or shape[1] <= 4:
        return False
    if str(X.dtype).removeprefix("torch.") == "uint8":
        return shape[3] in (1, 3, 4)
    return any_dtype and shape[3] in (3, 4) and min(shape[1:3]) >= _PICTURE


def check_channels_first(X, any_dtype=True):
    """Raise ValueError if the channels of images seem to come last, by `seem_last`."""
    if seem_last(X, any_dtype):
        raise ValueError(
            "`X` must have its channels first, (n, channels, height, width); got shape "
            f"{tuple(X.shape)}, whose channels seem to come last. Move them by "
            "numpy.moveaxis(X, -1, 1)."
        )


def _columns_of_no_numbers(X):
    """Return names and dtypes of the columns of a frame that cannot be converted to numbers."""
    if not is_frame(X):
        return []
    wrong = []
    for name, column in _columns(X):
        values = np.asarray(column)
        try:
            if values.dtype.kind in "mM":
                raise ValueError("times are not numbers")
            values.astype(np.float64)
        except (ValueError, TypeError):
            wrong.append(f"{name!r} ({column.dtype})")
    return wrong


def _first_text(X):
    """Return the first text in an array or nested lists that is not a number, or None."""
    for one in np.asarray(X, dtype=object).ravel():
        if isinstance(one, str):
            try:
                float(one)
            except ValueError:
                return str(one)
    return None


def some_names(names):
    """Return the first names, and how many more there are, for a message."""
    names = [str(name) for name in names]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
