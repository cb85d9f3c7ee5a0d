"""Labels: validation, encoding as class indices, and lists of labels for messages."""

from __future__ import annotations

from difflib import get_close_matches
from numbers import Number

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .host_arrays import on_host, refuse_masked

# Largest number of labels that a message lists.
_LABELS_SHOWN = 30

_REMEDY = "Encode the labels like the known classes, or leave out the rows of unknown labels."


def check_labels(y, name="y"):
    """Raise ValueError if labels are missing, masked, of several types, or not one per row.

    Bytes raise TypeError, as in scikit-learn.
    """
    y = on_host(y)
    refuse_masked(y, name)
    texts = [one for one in y if isinstance(one, str)] if isinstance(y, list | tuple) else []
    if wrong := [text for text in texts if text.endswith("\0")]:
        raise ValueError(
            f"`{name}` must not hold strings that end in a null character, which NumPy drops; got "
            f"{wrong[0]!r}. Strip the character, or rename these labels."
        )
    if y is None or isinstance(y, str):
        return
    labels = label_array(y)
    if labels.ndim == 2 and labels.shape[1] != 1:
        # The first words are scikit-learn's, whose users know them.
        raise ValueError(
            f"{name} should be a 1d array, got an array of shape {labels.shape} instead. "
            + (
                f"Pass the index of the class of each row, numpy.argmax({name}, axis=1)."
                if _are_indicators(labels)
                else "Pass one label for each row."
            )
        )
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


def _are_indicators(values):
    """Return whether each row of an array has a single 1, and 0 elsewhere."""
    return (
        values.dtype.kind in "biuf"
        and bool(np.isin(values, (0, 1)).all())
        and bool((values.sum(axis=1) == 1).all())
    )


def check_classes(y):
    """Raise ValueError, in scikit-learn's words with value and remedy, for quantities as labels.

    Examples
    --------
    >>> from sksoftinfo._utils.labels import check_classes
    >>> check_classes([0.0, 1.0])
    """
    try:
        check_classification_targets(y)
    except ValueError as error:
        values = np.asarray(y)
        are_numbers = values.ndim == 1 and values.dtype.kind == "f"
        fractions = values[values != np.round(values)] if are_numbers else []
        # Otherwise, the labels are not quantities, e.g. infinite or of several columns.
        if not len(fractions):
            raise
        raise ValueError(
            "Unknown label type: continuous. `y` must hold classes; got non-integer numbers, e.g. "
            f"{fractions[0]:g}. Cut quantities into classes, e.g. by numpy.digitize(y, "
            "numpy.quantile(y, [0.25, 0.5, 0.75])). If the numbers are names of classes, pass "
            "y.astype(str)."
        ) from error


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
    >>> from sksoftinfo._utils.labels import mixed_types
    >>> mixed_types([True, 2]), mixed_types([1, 2.5])
    (['bool', 'int'], [])
    """
    types = set(map(type, labels))
    kinds = {(issubclass(one, str), issubclass(one, bool | np.bool_)) for one in types}
    return sorted({one.__name__ for one in types}) if len(kinds) > 1 else []


def encode_labels(y, classes, name="y", remedy=_REMEDY):
    """Return the index of each label in `classes`; unknown labels raise ValueError.

    Parameters
    ----------
    y : array-like of shape (n,)
    classes : array-like of shape (M,)
    name : str, default="y"
        Name of the labels in the message.
    remedy : str
        Last sentence of the message.

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
            f"{known_labels(classes, unknown)}. {remedy}"
        )
    return index


def check_known_labels(y, classes):
    """Raise ValueError unless `y` holds labels that are among `classes`."""
    check_labels(y)
    encode_labels(label_array(y), classes)


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
    >>> from sksoftinfo._utils.labels import known_labels
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


def check_two_classes(classes):
    """Raise ValueError if there are fewer than two classes."""
    if len(classes) < 2:
        labels = np.asarray(classes).tolist()
        raise ValueError(
            f"`y` must hold at least two classes; got one class: {labels}. Add rows of another "
            "class."
        )


def are_plain_labels(y, n_samples):
    """Return whether `y` is certain to pass validation unchanged for `n_samples` rows.

    scikit-learn's validation searches all labels for NaN, which takes as long as a small network.
    """
    return type(y) is np.ndarray and y.shape == (n_samples,) and y.dtype.kind in "biuU"


def is_missing_label(label):
    # pandas.NA is neither equal nor unequal to itself.
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label
