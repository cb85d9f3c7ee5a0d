"""Conversion of labels to classes: quantities are refused, or cut into bins."""

from __future__ import annotations

import warnings
from numbers import Integral

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._bounds import named_labels
from .._utils import (
    check_labels,
    check_two_classes,
    encode_labels,
    ignored_warnings,
    on_host,
    users_stacklevel,
)

# Numbers count as quantities if they have more distinct values than _MANY_VALUES, and more than a
# share of the rows: a quarter for floats, which rarely name classes, and half for integers, which
# often do. Integers with more distinct values than a tenth of the rows cause a warning.
_MANY_VALUES = 20
_REFUSED_SHARE = {"f": 1 / 4, "i": 1 / 2, "u": 1 / 2}
_WARNED_SHARE = 1 / 10

# Remedies for unknown labels.
ALL_CLASSES = "Pass all classes of the classifier as `labels`."
_AS_IN_TRAINING = (
    "Since `estimator` is not trained here, encode the labels as in its training, leave out the "
    "rows of unknown labels, or pass a classifier that is not frozen."
)


def class_labels(y, bins=None):
    """Return labels as an array of shape (n,), with at least two classes.

    Parameters
    ----------
    y : array-like of shape (n,)
    bins : int, default=None
        Number of classes, 0 to ``bins - 1``, into which numbers are cut at their quantiles. There
        may be fewer classes if some values occur often.

    Raises
    ------
    ValueError
        If labels are missing, of several types or all equal, or if they are quantities and `bins`
        is None.

    Warns
    -----
    UserWarning
        If labels are integers that may well be quantities, and `bins` is None.

    Examples
    --------
    >>> from sksoftinfo._evaluation.labels import class_labels
    >>> class_labels([0.5, 1.5, 2.5, 3.5], bins=2)
    array([0, 0, 1, 1])
    """
    check_labels(y)
    y = column_or_1d(on_host(y))
    if not len(y):
        raise ValueError("`y` must hold labels; got none. Pass at least one row of each class.")
    if y.dtype == object and all(isinstance(label, (int, float, np.number)) for label in y):
        y = np.array(y.tolist())
    if bins is not None:
        y = _binned(y, bins)
    elif _are_quantities(y):
        raise ValueError(
            f"`y` must hold classes; got {len(np.unique(y))} different numbers in {len(y)} rows, "
            f"e.g. {y[0]}. Pass bins=4 for four classes of about equal size. Without `bins`, "
            "write\n    y = numpy.digitize(y, numpy.quantile(y, [0.25, 0.5, 0.75]))\nbefore the "
            "call. If the numbers are names of classes, write y = y.astype(str)."
        )
    elif y.dtype.kind in "iuf" and _has_many_values(y, _WARNED_SHARE):
        warnings.warn(
            f"`y` has {len(np.unique(y))} different whole numbers in {len(y)} rows, and each is "
            "used as a class. If they are quantities, such as counts or ages, pass bins=4 for "
            "four classes of about equal size. If they are names of classes, pass y.astype(str) "
            "to avoid this warning.",
            stacklevel=users_stacklevel(),
        )
    # Too many classes with few rows each are reported when the folds are made.
    with ignored_warnings("The number of unique classes"):
        check_classification_targets(y)
    check_two_classes(np.unique(y))
    return y


def all_classes(y, labels=None, bins=None, known=None):
    """Return all classes, sorted: `labels`, or the labels that occur in `y` if `labels` is None.

    Without `labels`, the classes also include `known`, the classes of a classifier that is not
    trained, which may be more than the ones that occur.

    Raises
    ------
    ValueError
        If `labels` repeats a label, lacks a label of `y` or of `known`, or is combined with
        `bins`, or if `known` lacks a label of `y`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.labels import all_classes
    >>> all_classes(np.array([2, 0]), [0, 1, 2])
    array([0, 1, 2])
    """
    if known is not None:
        encode_labels(y, known, remedy=_AS_IN_TRAINING)
    if labels is None:
        return np.unique(y) if known is None else np.union1d(y, known)
    if bins is not None:
        raise ValueError(
            f"`labels` must be None if `bins` is given; got {labels!r}. Leave `labels` out: bins "
            "define the classes."
        )
    classes = np.sort(named_labels(labels))
    encode_labels(y, classes, remedy="Pass all labels of `y` as `labels`.")
    if known is not None:
        encode_labels(known, classes, "classes_", ALL_CLASSES)
    return classes


def _are_quantities(y):
    if y.dtype.kind not in "iuf" or not len(y) or not np.isfinite(y).all():
        return False
    return type_of_target(y) == "continuous" or _has_many_values(y, _REFUSED_SHARE[y.dtype.kind])


def _has_many_values(y, share):
    return len(np.unique(y)) > max(_MANY_VALUES, share * len(y))


def _binned(y, bins):
    if not isinstance(bins, Integral) or isinstance(bins, bool) or bins < 2:
        raise ValueError(
            f"`bins` must be None or an integer of at least 2; got {bins!r}. Use bins=4 for four "
            "classes of about equal size."
        )
    if y.dtype.kind not in "iuf":
        raise ValueError(f"`y` must hold numbers if bins={bins}; got {y.dtype}. Leave `bins` out.")
    if not np.isfinite(y).all():
        raise ValueError(
            "`y` must be finite if `bins` is given; got NaN or infinity. Remove these rows."
        )
    cuts = np.quantile(y, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(np.unique(cuts), y, side="left"), return_inverse=True)[1]
