"""Checks of arguments that several public functions share; each error names value and remedy."""

from __future__ import annotations

import hashlib
from numbers import Real
from typing import Literal

import numpy as np

from ._confidence import METHODS

# What public functions take as `units` and `confidence_method`.
Units = Literal["nats", "bits"]
ConfidenceMethod = Literal["betting", "normal"]
_DIGEST_BYTES = 1 << 20
_NATS_PER_BIT = float(np.log(2.0))


def check_units(units):
    """Return `units` if it is "nats" or "bits", else raise ValueError."""
    if not (isinstance(units, str) and units in ("nats", "bits")):
        raise ValueError(f"units={units!r} is unknown: use 'nats' or 'bits'.")
    return units


def nats_to(units):
    """Return the factor that turns nats into `units`."""
    return 1.0 if check_units(units) == "nats" else 1.0 / _NATS_PER_BIT


def check_confidence(level, method):
    """Raise ValueError unless `level` is in (0, 1) and `method` is known."""
    if not (isinstance(level, Real) and 0 < level < 1):
        raise ValueError(
            f"confidence_level={level!r} is no probability: give a number within (0, 1), as 0.95."
        )
    if not (isinstance(method, str) and method in METHODS):
        known = " or ".join(repr(name) for name in METHODS)
        raise ValueError(f"confidence_method={method!r} is unknown: use {known}.")


def resolve_reference_prior(reference_prior, classes, train_prior=None):
    """Return the reference prior as an array, or None for the evaluated labels' own frequencies.

    Raises
    ------
    ValueError
        If it is no known name and no distribution over `classes`.
    """
    named = {"empirical": None, "uniform": np.full(len(classes), 1.0 / len(classes))}
    if train_prior is not None:
        named["train"] = train_prior
    if isinstance(reference_prior, str):
        if reference_prior not in named:
            known = ", ".join(repr(name) for name in sorted(named))
            raise ValueError(
                f"reference_prior={reference_prior!r} is unknown: use one of {known}, or an "
                f"array of {len(classes)} probabilities."
            )
        return named[reference_prior]
    return check_distribution(reference_prior, len(classes), "reference_prior")


def check_distribution(values, n_classes, name):
    """Return `values` as positive float64 probabilities of shape (n_classes,), or raise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (n_classes,) or not (array > 0).all() or abs(array.sum() - 1) > 1e-6:
        raise ValueError(
            f"{name}={values!r} is no distribution over the classes: give {n_classes} "
            "positive numbers that sum to 1, in the order of the sorted labels."
        )
    return array / array.sum()


def check_reference_covers(reference_prior, y, classes):
    """Raise ValueError if a label that occurs has no probability under the reference prior."""
    if reference_prior is None or reference_prior.min() > 0:
        return
    labels = np.asarray(classes).tolist()
    for index in np.flatnonzero(np.bincount(y, minlength=len(classes))):
        if not reference_prior[index] > 0:
            raise ValueError(
                f"reference_prior gives probability 0 to the label {labels[index]!r}, which "
                "occurs in y: use reference_prior='empirical' or give positive numbers."
            )


def encode_labels(y, classes, name="y"):
    """Return the index of each label in sorted `classes`; unseen labels raise ValueError."""
    classes, y = np.asarray(classes), np.asarray(y)
    if _are_indices(y, classes):
        return y.astype(np.int64, copy=False)
    try:
        index = np.searchsorted(classes, y)
        unseen = classes[np.minimum(index, len(classes) - 1)] != y
    except TypeError:  # of types that have no order beside those of the classes
        unseen = np.ones(len(y), dtype=bool)
    if np.any(unseen):
        raise ValueError(
            f"{name} contains labels that are unknown: {np.unique(y[unseen]).tolist()}. The known "
            f"classes are {classes.tolist()}."
        )
    return index


def _are_indices(y, classes):
    """Return whether the labels are 0..M-1 already: a search takes as long as a small network."""
    return (
        y.dtype.kind in "iu"
        and classes.dtype.kind in "iu"
        and len(y) > 0
        and 0 <= y.min()
        and y.max() < len(classes)
        # Sorted and distinct, they are consecutive if the ends are.
        and classes[0] == 0
        and classes[-1] == len(classes) - 1
    )


def check_row_shape(X, input_shape, owner):
    """Raise ValueError if images or arrays of images `X` have another shape than those of fit.

    Tables are left to scikit-learn's own check, which also knows their feature names.
    """
    shape = getattr(X, "shape", None)
    if shape is None or (len(shape) <= 2 and len(input_shape) == 1):
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


def fingerprint(X, y):
    """Return what tells rows and encoded labels from others: their form, and digests.

    Parameters
    ----------
    X, y : ndarray

    Returns
    -------
    tuple of str
        For `is_of`.
    """
    return _form(X, y), _digest(*_some_rows(X, y)), _digest(X, y)


def is_of(known, X, y):
    """Return whether a fingerprint is that of these arrays: most others are told at a glance.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._checks import fingerprint, is_of
    >>> X, y = np.eye(3), np.arange(3)
    >>> is_of(fingerprint(X, y), X, y), is_of(fingerprint(X, y), X + 1, y)
    (True, False)
    """
    form, sample, whole = known
    return form == _form(X, y) and sample == _digest(*_some_rows(X, y)) and whole == _digest(X, y)


def _form(*arrays):
    return repr([(array.shape, array.dtype.str) for array in arrays])


def _some_rows(*arrays):
    return [array[:: max(1, len(array) // 64)] for array in arrays]


def _digest(*arrays):
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        # Rows at a time: an array that is not contiguous is copied.
        step = max(1, _DIGEST_BYTES * len(array) // max(1, array.nbytes))
        for start in range(0, len(array) if array.size else 0, step):
            part = np.ascontiguousarray(array[start : start + step])
            digest.update(part.data.cast("B"))
    return digest.hexdigest()
