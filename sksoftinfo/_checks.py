"""Checks of arguments that several public functions share; each error names value and remedy."""

from __future__ import annotations

from numbers import Real
from typing import Literal

import numpy as np

from ._confidence import METHODS

# What public functions take as `units` and `confidence_method`.
Units = Literal["nats", "bits"]
ConfidenceMethod = Literal["betting", "normal"]

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
