"""Validation of tables, images, labels and weights, with errors that name the invalid entries."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from numbers import Number

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from .compat import check_sample_weight

_ENCODE = "Encode these columns, e.g. by OneHotEncoder in a ColumnTransformer, or drop them."
# Largest number of columns that a message names.
_NAMED = 5
# Largest number of labels that a message lists.
_LABELS_SHOWN = 30
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
        If two columns have the same name, a column is not numeric, an entry is masked or not
        finite, or labels are missing or of several types.
    TypeError
        If `X` is sparse.
    """
    X, y = plain_rows(X), on_host(y)
    if not isinstance(y, str):
        check_labels(y)
    _check_unique_names(X)
    refuse_times_and_bytes(X)
    with naming_wrong_columns(X, remedy):
        validated = validate_data(estimator, X, y, ensure_all_finite=False, **options)
    rows = validated if isinstance(y, str) else validated[0]
    names = getattr(estimator, "feature_names_in_", None)
    assert_finite(rows, "X", names, allow_nan=allow_nan and rows.ndim == 2)
    return validated


@contextmanager
def naming_wrong_columns(X, remedy=None):
    """Replace errors about a frame `X` by one that names its columns that are not numeric."""
    try:
        yield
    except (ValueError, TypeError) as error:
        wrong = _columns_of_no_numbers(X)
        if not wrong:
            raise
        raise ValueError(
            f"`X` must have numeric columns only; got {some_names(wrong)}. {remedy or _ENCODE}"
        ) from error


def assert_finite(array, name, column_names=None, allow_nan=False):
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
    """
    try:
        # scikit-learn adds up the entries, and sums of numbers as large as 1e308 are not finite.
        with np.errstate(over="ignore", invalid="ignore"):
            assert_all_finite(array, input_name=name, allow_nan=allow_nan)
    except ValueError as error:
        raise ValueError(_where_not_finite(array, name, column_names, allow_nan)) from error


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
        f"of them row {int(rows.argmax())}. Impute these entries, e.g. by SimpleImputer in a "
        "pipeline, or drop these rows."
    )


def check_labels(y, name="y"):
    """Raise ValueError if labels are missing, masked, of several types or neither text nor number.

    Bytes raise TypeError, as in scikit-learn.
    """
    y = on_host(y)
    refuse_masked(y, name)
    if isinstance(y, list | tuple) and any(
        isinstance(label, str) and label.endswith("\0") for label in y
    ):
        raise ValueError(
            f"`{name}` must not hold strings that end in a null character, which NumPy drops. "
            "Strip the character, or rename these labels."
        )
    if getattr(y, "ndim", 1) != 1 or y is None or isinstance(y, str):
        return
    labels = label_array(y)
    if labels.dtype.kind == "S":
        raise TypeError(
            f"`{name}` must hold numbers or strings; got bytes. Decode them, e.g. by "
            "numpy.char.decode."
        )
    if labels.dtype.kind not in "Of" or labels.ndim != 1:
        return
    if labels.dtype == object:
        missing = np.array([is_missing_label(label) for label in labels], dtype=bool)
    else:
        missing = np.isnan(labels)
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN or None, i.e. missing labels, in {missing.sum()} of "
            f"{len(labels)} rows, the first of them row {int(missing.argmax())}. Drop these rows."
        )
    if labels.dtype != object:
        return
    types = mixed_types(labels)
    if types:
        raise ValueError(
            f"`{name}` must hold labels of one type; got {', '.join(types)}. Convert them to one "
            "type, e.g. by str."
        )
    others = [one for one in labels if not isinstance(one, (str, Number, np.generic))]
    if others:
        raise ValueError(
            f"`{name}` must hold numbers or strings; got {type(others[0]).__name__}. Convert "
            f"them, e.g. by {name}.astype(str)."
        )


def label_array(y):
    """Return labels as an array, with dtype object if a list holds labels of several types.

    NumPy would convert the labels to one type, and merge 1 with "1" or with True.
    """
    y = on_host(y)
    if isinstance(y, list | tuple) and mixed_types(y):
        return np.array(y, dtype=object)
    return np.asarray(y)


def mixed_types(labels):
    """Return the names of types if strings, booleans and other labels are mixed, else no names.

    Examples
    --------
    >>> from sksoftinfo._utils.validation import mixed_types
    >>> mixed_types([True, 2]), mixed_types([1, 2.5])
    (['bool', 'int'], [])
    """
    types = set(map(type, labels))
    kinds = {(issubclass(one, str), issubclass(one, bool | np.bool_)) for one in types}
    return sorted({one.__name__ for one in types}) if len(kinds) > 1 else []


def encode_labels(y, classes, name="y"):
    """Return the index of each label in `classes`; unknown labels raise ValueError.

    Examples
    --------
    >>> from sksoftinfo._utils import encode_labels
    >>> encode_labels(["cat", "dog", "cat"], ["dog", "cat"])
    array([1, 0, 1])
    """
    classes, y = np.asarray(classes), np.asarray(on_host(y))
    if _are_indices(y, classes):
        return y.astype(np.int64, copy=False)
    try:
        # Classes may be unsorted, e.g. in the order of the outputs of a pretrained network.
        order = np.argsort(classes, kind="stable")
        place = np.searchsorted(classes, y, sorter=order)
        index = order[np.minimum(place, len(classes) - 1)]
        unseen = classes[index] != y
    except TypeError:  # labels and classes have no common order
        unseen = np.ones(len(y), dtype=bool)
    if np.any(unseen):
        unknown = _distinct(y[unseen])
        shown = known_labels(unknown)
        raise ValueError(
            f"`{name}` must hold known labels; got {shown}. The known classes are "
            f"{known_labels(classes, unknown)}."
        )
    return index


def _distinct(labels):
    """Return the different values of an array as a list, sorted if they have an order."""
    try:
        return np.unique(labels).tolist()
    # None, or a list in place of a label.
    except TypeError:
        return list({repr(one): one for one in labels.tolist()}.values())


def known_labels(classes, unknown=()):
    """Return a list of labels for a message, with labels similar to unknown ones first.

    Examples
    --------
    >>> from sksoftinfo._utils.validation import known_labels
    >>> known_labels(["cat", "dog"])
    "['cat', 'dog']"
    """
    known = classes if isinstance(classes, list) else np.asarray(classes).tolist()
    if len(known) <= _LABELS_SHOWN:
        return f"{known}"
    texts = [one for one in known if isinstance(one, str)]
    near = []
    for label in unknown:
        if isinstance(label, str):
            near += get_close_matches(label, texts)
            near += [one for one in texts if label.casefold() in one.casefold().split()]
    named = list(dict.fromkeys([*near, *known]))[:_LABELS_SHOWN]
    return f"{named} and {len(known) - len(named)} more"


def _are_indices(y, classes):
    """Return whether labels equal their indices, which saves a search."""
    return (
        y.dtype.kind in "iu"
        and classes.dtype.kind in "iu"
        and len(y) > 0
        and 0 <= y.min()
        and y.max() < len(classes)
        and np.array_equal(classes, np.arange(len(classes)))
    )


def check_row_shape(X, input_shape, owner):
    """Raise ValueError if rows of `X` differ in shape from the rows of `fit`.

    If `input_shape` is None, any shape is valid. Tables are left to scikit-learn's own check,
    which also compares feature names.
    """
    shape = getattr(X, "shape", None)
    if shape is None or input_shape is None or (len(shape) <= 2 and len(input_shape) == 1):
        return
    if tuple(shape[1:]) != tuple(input_shape):
        raise ValueError(
            f"X has rows of shape {tuple(shape[1:])}, but {owner} was fitted on rows of shape "
            f"{tuple(input_shape)}. Pass rows of that shape."
        )


def check_two_classes(classes):
    """Raise ValueError if there are fewer than two classes."""
    if len(classes) < 2:
        labels = np.asarray(classes).tolist()
        raise ValueError(
            f"`y` must hold at least two classes; got one class: {labels}. Add rows of another "
            "class."
        )


def check_weights(sample_weight, X):
    """Return the weights of rows `X` as float64; raise ValueError if they are invalid."""
    sample_weight = on_host(sample_weight)
    refuse_masked(sample_weight, "sample_weight")
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
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


def refuse_masked(array, name, remedy="Drop these rows"):
    """Raise ValueError if a NumPy array has masked entries, which NumPy would unmask."""
    if np.ma.is_masked(array):
        raise ValueError(
            f"`{name}` must not have masked entries; got {np.ma.count_masked(array)}. {remedy}."
        )


def are_plain_labels(y, n_samples):
    """Return whether `y` is certain to pass validation unchanged for `n_samples` rows.

    scikit-learn's validation searches all labels for NaN, which takes as long as a small network.
    """
    return type(y) is np.ndarray and y.shape == (n_samples,) and y.dtype.kind in "biuU"


def is_missing_label(label):
    # pandas.NA is neither equal nor unequal to itself.
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label


def on_host(values, name="X"):
    """Return a tensor on any device, or a list of tensors, as an array.

    Other values are returned unchanged.
    """
    # Unless torch has been imported, there are no tensors, and torch need not be imported here.
    torch = sys.modules.get("torch")
    if torch is None:
        return values
    if isinstance(values, list | tuple) and values and isinstance(values[0], torch.Tensor):
        alike = {(one.shape, one.dtype, one.device) for one in values if torch.is_tensor(one)}
        if len(alike) > 1 or not all(map(torch.is_tensor, values)):
            return [on_host(one) for one in values]
        # The host waits once.
        values = torch.stack(tuple(values))
    if not isinstance(values, torch.Tensor):
        return values
    if values.layout != torch.strided:
        raise TypeError(
            f"`{name}` must be a dense tensor; got a sparse tensor. Pass {name}.to_dense() if it "
            "fits into memory."
        )
    values = values.detach().cpu()
    # NumPy has no bfloat16.
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def plain_rows(X, name="X"):
    """Return rows in a form that scikit-learn accepts; tensors and masked arrays become arrays.

    Numbers are converted to the native byte order, which torch needs. Masked entries and lazy
    frames raise ValueError.
    """
    X = on_host(X, name)
    if hasattr(X, "to_pandas") and hasattr(X, "column_names"):
        # NumPy would treat the columns of an Arrow table as rows.
        return X.to_pandas()
    if isinstance(X, np.ma.MaskedArray):
        refuse_masked(X, name, f"Fill them, e.g. by {name}.filled(0)")
        X = X.data
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(
            f"`{name}` must be in memory; got a {type(X).__name__}. Pass {name}.collect()."
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


def is_frame(X):
    return hasattr(X, "columns") and len(getattr(X, "shape", ())) == 2


def _check_unique_names(X):
    if not is_frame(X):
        return
    twice = [repr(name) for name, count in Counter(X.columns).items() if count > 1]
    if twice:
        raise ValueError(
            f"`X` must have unique column names; got {some_names(twice)} more than once. Rename "
            "these columns."
        )


def check_column_order(estimator, X, *, reset):
    """Remember the labels of a frame's columns, or compare their order with that of `fit`.

    scikit-learn remembers and compares labels that are strings, and ignores all others, such as
    integers.

    Parameters
    ----------
    estimator : estimator
        Estimator whose ``_column_labels`` is set, or removed if there are no such labels.
    X : as given to `fit` or `predict`
    reset : bool
        Whether to remember the labels.

    Raises
    ------
    ValueError
        If the columns are those of `fit` in another order.
    """
    # The names of Arrow's columns are strings; its `columns` are something else.
    labels = list(X.columns) if is_frame(X) and hasattr(X, "dtypes") else []
    if all(isinstance(label, str) for label in labels):
        labels = []
    known = vars(estimator).get("_column_labels", [])
    if reset:
        vars(estimator).pop("_column_labels", None)
        if labels:
            estimator._column_labels = labels
    elif labels != known and Counter(labels) == Counter(known):
        place = next(i for i, label in enumerate(known) if labels[i] != label)
        raise ValueError(
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
            if not _is_numeric(column.dtype) and _times_or_bytes(np.asarray(column))
        ]
        if wrong:
            raise ValueError(
                f"`X` must have numeric columns only; got {some_names(wrong)}. Convert times to "
                "numbers, e.g. days since a date, decode bytes, or drop these columns."
            )
        return
    found = _times_or_bytes(X)
    if found == "times":
        raise ValueError(
            "`X` must hold numbers; got times. Convert them to numbers, e.g. days since a date."
        )
    if found == "bytes":
        raise ValueError("`X` must hold numbers; got bytes. Decode and convert them first.")


def _times_or_bytes(values):
    """Return "times" or "bytes" if an array or nested lists contain them, else None."""
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        kind = values.dtype.kind
        if kind != "O":
            return "times" if kind in "mM" else "bytes" if kind == "S" else None
        values = values.ravel()
    elif not isinstance(values, Sequence) or isinstance(values, str):
        return None
    types = set(map(type, values))
    # Periods of pandas, which need not be installed.
    if any(issubclass(one, _TIMES) or one.__name__ == "Period" for one in types):
        return "times"
    if any(issubclass(one, _BYTES) for one in types):
        return "bytes"
    if types <= _PLAIN:
        return None
    found = (_times_or_bytes(value) for value in values if type(value) not in _PLAIN)
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


def some_names(names):
    """Return the first names, and how many more there are, for a message."""
    names = [str(name) for name in names]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
