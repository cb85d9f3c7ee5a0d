"""Information bounds on rows that were not used for training."""

from __future__ import annotations

import warnings

from .._bounds import (
    BoundsAccumulator,
    bounds_from,
    check_confidence_level,
    check_number_of_groups,
    check_reference_covers,
    check_units,
    encode_groups,
    resolve_reference_prior,
    warn_of_harm,
)
from .._utils import check_weights, encode_labels, n_trained_on, users_stacklevel
from .build import with_channels


def bounds_of_rows(
    accumulate,
    X,
    y,
    *,
    classes,
    train_prior,
    trained_on,
    sample_weight,
    groups,
    confidence_level,
    reference_prior,
    weight_bound,
    group_bound,
    units,
):
    """Return the `InformationBounds` of validated rows.

    Parameters
    ----------
    accumulate : callable
        ``accumulate(accumulator, X, y, sample_weight)`` adds the terms of all rows to a
        `BoundsAccumulator`; it returns an upper estimate of I(Z;Y) with its standard error, or
        None.
    X : ndarray of shape (n, ...)
    y : ndarray of shape (n,)
        Labels.
    classes : ndarray of shape (M,)
    train_prior : ndarray of shape (M,)
        Label frequencies of the training rows.
    trained_on : TrainingRows or None
        Hashes of the training rows, where they are known.
    sample_weight, groups, confidence_level, reference_prior, weight_bound, group_bound, units
        As in `InfoSoftmaxClassifier.score_bounds`.

    Warns
    -----
    UserWarning
        If some rows and their labels were used for training, or if the predictions are clearly
        worse than the label frequencies.
    """
    check_units(units)
    check_confidence_level(confidence_level)
    y = encode_labels(y, classes)
    known = 0 if trained_on is None else n_trained_on(trained_on, X, y)
    if known:
        warnings.warn(
            f"{known} of {len(y)} rows and their labels were used for training, so that the "
            "bounds overstate the information. Score held-out rows, or use cross_val_bounds.",
            stacklevel=users_stacklevel(),
        )
    sample_weight = check_weights(sample_weight, X)
    if groups is not None:
        check_number_of_groups(groups, y)
        groups = encode_groups(groups)
    prior = resolve_reference_prior(reference_prior, classes, train_prior)
    check_reference_covers(prior, y, classes)
    accumulator = BoundsAccumulator(len(classes), len(y))
    output_upper = accumulate(accumulator, with_channels(X), y, sample_weight)
    bounds = bounds_from(
        accumulator,
        classes=classes,
        output_upper=output_upper,
        reference_prior=prior,
        known_prior=not isinstance(reference_prior, str),
        groups=groups,
        weight_bound=weight_bound,
        group_bound=group_bound,
        confidence_level=confidence_level,
        units=units,
    )
    return warn_of_harm(bounds)
