"""Distributions over the classes: class priors, reference priors and their validation."""

from __future__ import annotations

import numpy as np

from .._utils import on_host


def resolve_reference_prior(reference_prior, classes, train_prior=None):
    """Return the reference prior as an array, or None for the frequencies of the evaluated labels.

    Raises
    ------
    ValueError
        If `reference_prior` is neither a known name nor a distribution over `classes`.
    """
    named = {"empirical": None, "uniform": np.full(len(classes), 1.0 / len(classes))}
    if train_prior is not None:
        named["train"] = train_prior
    if isinstance(reference_prior, str):
        if reference_prior not in named:
            known = ", ".join(repr(name) for name in sorted(named))
            raise ValueError(
                f"`reference_prior` must be one of {known} or an array of {len(classes)} "
                f"probabilities; got {reference_prior!r}. Use 'empirical' for the label "
                "frequencies of the scored rows."
            )
        return named[reference_prior]
    return check_distribution(reference_prior, classes, "reference_prior")


def resolve_class_prior(class_prior, classes, train_prior):
    """Return the class prior inside the softmax as an array of shape (n_classes,), float64.

    Parameters
    ----------
    class_prior : {"uniform", "empirical"} or array-like of shape (n_classes,)
        Name of the prior, or its probabilities.
    classes : ndarray of shape (n_classes,)
        Labels in the order of the probabilities.
    train_prior : ndarray of shape (n_classes,)
        Label frequencies of the training rows, which are the ``"empirical"`` prior.

    Raises
    ------
    ValueError
        If an array is not a distribution over the classes.
    """
    if not isinstance(class_prior, str):
        return check_distribution(class_prior, classes, "class_prior")
    if class_prior == "uniform":
        return np.full(len(classes), 1.0 / len(classes))
    return train_prior


def check_distribution(values, classes, name):
    """Return `values` as positive float64 probabilities of shape (n_classes,), or raise.

    A pandas Series indexed by the labels is reordered to the order of `classes`.
    """
    n_classes = len(classes)
    try:
        array = np.asarray(_in_order_of(classes, on_host(values), name), dtype=np.float64)
    except (TypeError, ValueError) as error:
        if str(error).startswith("`"):
            raise
        array = np.empty(0)
    if array.shape != (n_classes,) or not (array > 0).all() or abs(array.sum() - 1) > 1e-6:
        raise ValueError(
            f"`{name}` must be a distribution over the classes; got {values!r}. Pass {n_classes} "
            "positive numbers that sum to 1, in the order of the classes."
        )
    return array / array.sum()


def _in_order_of(classes, values, name):
    """Return the values of a Series indexed by the labels in the order of `classes`."""
    if not (hasattr(values, "index") and hasattr(values, "reindex")):
        return values
    index, labels = list(values.index), np.asarray(classes).tolist()
    if index in (labels, list(range(len(values)))):
        return values
    if len(index) != len(labels) or set(index) != set(labels):
        raise ValueError(
            f"`{name}` must have the labels as its index; got {index} instead of {labels}. "
            "Pass an array if the probabilities are in the order of the labels."
        )
    return values.loc[labels]


def check_reference_covers(reference_prior, y, classes):
    """Raise ValueError if a label that occurs has probability 0 under the reference prior."""
    if reference_prior is None or reference_prior.min() > 0:
        return
    labels = np.asarray(classes).tolist()
    for index in np.flatnonzero(np.bincount(y, minlength=len(classes))):
        if not reference_prior[index] > 0:
            raise ValueError(
                f"`reference_prior` must be positive for each label in y; got 0 for "
                f"{labels[index]!r}. Use reference_prior='empirical', or pass positive numbers."
            )
