"""Tables, images and labels as they come from a user: what cannot be learned from is named."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from difflib import get_close_matches

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from .compat import check_sample_weight

# Columns that a message names, at most.
_NAMED = 5
# Labels that a message lists, at most.
_LABELS_SHOWN = 30
# Pixels that a picture has along each side, at least.
_PICTURE = 8
# Types of entries that NumPy turns into numbers, and those that need no second look.
_TIMES = (np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta)
_BYTES = (bytes, bytearray, memoryview)
_PLAIN = {float, int, bool, str, type(None), np.float64, np.float32, np.int64, np.str_}


def validate_rows(estimator, X, y="no_validation", *, allow_nan=False, **options):
    """Validate `X` and `y` as scikit-learn's ``validate_data``, and name the column that is wrong.

    Parameters
    ----------
    estimator : estimator
        Its ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    X, y : as given to `fit` or `predict`
        A torch tensor may be on any device and need a gradient.
    allow_nan : bool, default=False
        Whether NaN is a missing value of a table. Images must be complete.
    **options : dict
        Of ``validate_data``.

    Raises
    ------
    ValueError
        If two columns have one name, a column is no number, an entry is not finite or masked, or
        labels are missing or of several types.
    TypeError
        If `X` is sparse.
    """
    X, y = plain_rows(X), on_host(y)
    if not isinstance(y, str):
        check_labels(y)
    _check_unique_names(X)
    refuse_times_and_bytes(X)
    with naming_wrong_columns(X):
        validated = validate_data(estimator, X, y, ensure_all_finite=False, **options)
    rows = validated if isinstance(y, str) else validated[0]
    names = getattr(estimator, "feature_names_in_", None)
    assert_finite(rows, "X", names, allow_nan=allow_nan and rows.ndim == 2)
    return validated


@contextmanager
def naming_wrong_columns(X):
    """Raise errors about a frame `X` by the names of its columns that are no numbers."""
    try:
        yield
    except (ValueError, TypeError) as error:
        wrong = _columns_of_no_numbers(X)
        if not wrong:
            raise
        raise ValueError(
            f"X has columns that are no numbers: {_listed(wrong)}. Encode them, as by "
            "OneHotEncoder in a ColumnTransformer, or leave them out."
        ) from error


def assert_finite(array, name, column_names=None, allow_nan=False):
    """Raise ValueError if `array` has NaN or infinity, and say in which columns or where.

    Parameters
    ----------
    array : ndarray of shape (n, d) or (n, ...)
    name : str
    column_names : sequence of str, default=None
    allow_nan : bool, default=False
        Whether infinity alone is refused.
    """
    try:
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
        place = f"in column {_listed(labels)}" if len(columns) else ""
    else:
        place = f"first at {tuple(int(i) for i in np.argwhere(wrong)[0])}"
    return (
        f"Input {name} contains {what} {place}, in {rows.sum()} of {len(array)} rows, the first "
        f"of them row {int(rows.argmax())}. Fill it in, as by SimpleImputer in a pipeline, or "
        "leave these rows out."
    )


def check_labels(y, name="y"):
    """Raise ValueError if labels are missing or masked, or are of several types.

    Bytes raise TypeError: scikit-learn took them once, and does no longer.
    """
    y = on_host(y)
    refuse_masked(y, name)
    if isinstance(y, list | tuple) and any(
        isinstance(label, str) and label.endswith("\0") for label in y
    ):
        raise ValueError(
            f"{name} holds texts that end in a null character, which NumPy drops, so that labels "
            "would merge: strip it, or rename these labels."
        )
    if getattr(y, "ndim", 1) != 1 or y is None or isinstance(y, str):
        return
    labels = label_array(y)
    if labels.dtype.kind == "S":
        raise TypeError(f"{name} holds bytes as labels: decode them, as by numpy.char.decode.")
    if labels.dtype.kind not in "Of" or labels.ndim != 1:
        return
    if labels.dtype == object:
        missing = np.array([_is_missing(label) for label in labels], dtype=bool)
    else:
        missing = np.isnan(labels)
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN or None, labels that are missing, in {missing.sum()} of "
            f"{len(labels)} rows, the first of them row {int(missing.argmax())}. Leave them out."
        )
    types = mixed_types(labels) if labels.dtype == object else []
    if types:
        raise ValueError(
            f"{name} mixes labels of types {', '.join(types)}, which NumPy merges or cannot "
            "order: bring them to one type, as by str."
        )


def label_array(y):
    """Return labels as an array, of objects where a list holds labels of several types together.

    NumPy would turn all into those of one type, and merge 1 with "1" or with True.
    """
    y = on_host(y)
    if isinstance(y, list | tuple) and mixed_types(y):
        return np.array(y, dtype=object)
    return np.asarray(y)


def mixed_types(labels):
    """Return the names of the types of labels if texts, booleans and others are mixed, else none.

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
    """Return the index of each label in distinct `classes`; unseen labels raise ValueError.

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
        # Those of a network that was trained elsewhere are in the order of its outputs.
        order = np.argsort(classes, kind="stable")
        place = np.searchsorted(classes, y, sorter=order)
        index = order[np.minimum(place, len(classes) - 1)]
        unseen = classes[index] != y
    except TypeError:  # of types that have no order beside those of the classes
        unseen = np.ones(len(y), dtype=bool)
    if np.any(unseen):
        unknown = np.unique(y[unseen]).tolist()
        shown = known_labels(unknown)
        raise ValueError(
            f"{name} contains labels that are unknown: {shown}. The known "
            f"classes are {known_labels(classes, unknown)}."
        )
    return index


def known_labels(classes, unknown=()):
    """Return labels as a message lists them: of many, those spelt like what is unknown first.

    Examples
    --------
    >>> from sksoftinfo._utils.validation import known_labels
    >>> known_labels(["cat", "dog"])
    "['cat', 'dog']"
    """
    known = np.asarray(classes).tolist()
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
    """Return whether the labels are 0..M-1 already: a search takes as long as a small network."""
    return (
        y.dtype.kind in "iu"
        and classes.dtype.kind in "iu"
        and len(y) > 0
        and 0 <= y.min()
        and y.max() < len(classes)
        and np.array_equal(classes, np.arange(len(classes)))
    )


def check_row_shape(X, input_shape, owner):
    """Raise ValueError if images or arrays of images `X` have another shape than those of fit.

    Where `input_shape` is None, any shape will do. Tables are left to scikit-learn's own check,
    which also knows their feature names.
    """
    shape = getattr(X, "shape", None)
    if shape is None or input_shape is None or (len(shape) <= 2 and len(input_shape) == 1):
        return
    if tuple(shape[1:]) != tuple(input_shape):
        raise ValueError(
            f"X has rows of shape {tuple(shape[1:])}, but {owner} was fitted on rows of shape "
            f"{tuple(input_shape)}: give rows of that shape."
        )


def check_two_classes(classes):
    """Raise ValueError if there are fewer than two classes."""
    if len(classes) < 2:
        labels = np.asarray(classes).tolist()
        raise ValueError(f"y holds the one class {labels}: a classifier needs at least two.")


def check_weights(sample_weight, X):
    """Return the weights of rows `X` as float64; negative, masked or all zero, ValueError."""
    sample_weight = on_host(sample_weight)
    refuse_masked(sample_weight, "sample_weight")
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight is zero for every row: give one a positive weight.")
    if not np.isfinite(weights.sum()):
        raise ValueError(
            f"sample_weight must have a finite sum; got weights up to {weights.max():g}. Divide "
            "them by their maximum: only their ratios count."
        )
    return weights


def refuse_masked(array, name, remedy="leave those rows out"):
    """Raise ValueError if a NumPy array has entries that are masked; NumPy would unmask them."""
    if np.ma.is_masked(array):
        raise ValueError(
            f"{name} is a masked array with {np.ma.count_masked(array)} entries that are masked: "
            f"{remedy}."
        )


def are_plain_labels(y, n_samples):
    """Return whether `y` is sure to pass validation unchanged beside `n_samples` rows.

    That of scikit-learn looks through all labels for NaN, and takes as long as a small network.
    """
    return type(y) is np.ndarray and y.shape == (n_samples,) and y.dtype.kind in "biuU"


def _is_missing(label):
    # pandas.NA is neither equal nor unequal to itself.
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label


def on_host(values, name="X"):
    """Return the array of a tensor, or of a list of them, which may be on any device.

    Anything else is returned as it is.
    """
    # Without torch there are no tensors, and what needs none stays free of it.
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
            f"{name} is a sparse tensor, and dense ones are taken alone: pass {name}.to_dense() "
            "if it fits into memory."
        )
    values = values.detach().cpu()
    # NumPy has no bfloat16.
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def plain_rows(X, name="X"):
    """Return rows as scikit-learn takes them: a tensor of any device, or a masked array, as array.

    Numbers of the other byte order, which torch does not take, get the machine's own. Masked
    entries, and frames that are not read yet, raise ValueError.
    """
    X = on_host(X, name)
    if hasattr(X, "to_pandas") and hasattr(X, "column_names"):
        # A table of Arrow: NumPy would take its columns for rows.
        return X.to_pandas()
    if isinstance(X, np.ma.MaskedArray):
        refuse_masked(X, name, f"fill them in, as by {name}.filled(0)")
        X = X.data
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(f"{name} is a {type(X).__name__}, not read yet: give {name}.collect().")
    return native_order(X)


def native_order(X):
    """Return an array or frame whose numbers have the machine's byte order; the rest as it is."""
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


def _is_frame(X):
    return hasattr(X, "columns") and len(getattr(X, "shape", ())) == 2


def _check_unique_names(X):
    if not _is_frame(X):
        return
    twice = [repr(name) for name, count in Counter(X.columns).items() if count > 1]
    if twice:
        raise ValueError(
            f"X has several columns of one name: {_listed(twice)}. Rename "
            "them, so that each column can be told from the others."
        )


def refuse_times_and_bytes(X):
    """Raise ValueError for rows of times or bytes, which NumPy would turn into numbers.

    Looks through frames, arrays and nested lists; a column of a frame may be of objects,
    categories or Arrow's types.
    """
    if _is_frame(X):
        wrong = [
            f"{name!r} ({column.dtype})"
            for name, column in _columns(X)
            if not _is_numeric(column.dtype) and _times_or_bytes(np.asarray(column))
        ]
        if wrong:
            raise ValueError(
                f"X has columns that are no numbers: {_listed(wrong)}. Turn times into numbers, "
                "e.g. days since a date, decode bytes, or leave these columns out."
            )
        return
    found = _times_or_bytes(X)
    if found == "times":
        raise ValueError(
            "X must hold numbers; got times. Turn them into numbers, e.g. days since a date."
        )
    if found == "bytes":
        raise ValueError("X must hold numbers; got bytes. Decode and convert them first.")


def _times_or_bytes(values):
    """Return "times" or "bytes" if such are in an array or in nested lists, else None."""
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
    if any(issubclass(one, _TIMES) for one in types):
        return "times"
    if any(issubclass(one, _BYTES) for one in types):
        return "bytes"
    if types <= _PLAIN:
        return None
    found = (_times_or_bytes(value) for value in values if type(value) not in _PLAIN)
    return next(filter(None, found), None)


def _is_numeric(dtype):
    # Of NumPy and pandas; polars has no kinds, and its numbers are arrays at no cost.
    return getattr(dtype, "kind", "O") in "biufc"


def _columns(X):
    """Return pairs of name and column of a frame of pandas or polars."""
    return [
        (name, X.iloc[:, position] if hasattr(X, "iloc") else X[:, position])
        for position, name in enumerate(X.columns)
    ]


def as_images(X):
    """Return nested lists of images, or lists of arrays, as one array; anything else as it is."""
    if not isinstance(X, list | tuple) or not X or np.ndim(X[0]) < 2:
        return X
    refuse_times_and_bytes(X)
    return np.asarray(on_host(X))


def seem_last(X, any_dtype=True):
    """Return whether images look as if their channels came last.

    Images of unsigned bytes with a last axis of 1, 3 or 4 do. Others may be e.g. signals of 22
    electrodes, (n, 22, 1000, 1): these do only if they have 3 or 4 numbers for each of at least
    8 x 8 pixels.

    Parameters
    ----------
    X : array-like of shape (n, ...)
    any_dtype : bool, default=True
        Whether images of other types than unsigned bytes are looked at as well.
    """
    shape = getattr(X, "shape", ())
    if len(shape) != 4 or shape[1] <= 4:
        return False
    if str(X.dtype).removeprefix("torch.") == "uint8":
        return shape[3] in (1, 3, 4)
    return any_dtype and shape[3] in (3, 4) and min(shape[1:3]) >= _PICTURE


def check_channels_first(X, any_dtype=True):
    """Raise ValueError if images look as if their channels came last, as `seem_last` tells."""
    if seem_last(X, any_dtype):
        raise ValueError(
            "X must have its channels first, (n, channels, height, width); got shape "
            f"{tuple(X.shape)}, whose channels seem to come last. Move them by "
            "numpy.moveaxis(X, -1, 1)."
        )


def _columns_of_no_numbers(X):
    """Return names and types of a frame's columns that do not convert to numbers."""
    if not _is_frame(X):
        return []
    wrong = []
    for name, column in _columns(X):
        values = np.asarray(column)
        try:
            if values.dtype.kind in "mM":
                raise ValueError("times are no numbers")
            values.astype(np.float64)
        except (ValueError, TypeError):
            wrong.append(f"{name!r} ({column.dtype})")
    return wrong


def _listed(names):
    names = [str(name) for name in names]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
