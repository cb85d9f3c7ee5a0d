"""Information bounds from predicted probabilities of any classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels

from .._utils import (
    assert_finite,
    check_labels,
    check_weights,
    encode_labels,
    on_host,
    plain_rows,
    rounding_of_sums,
)
from .accumulator import BoundsAccumulator, certain_terms
from .confidence import check_confidence_level
from .equations import label_dtype
from .observations import check_number_of_groups, encode_groups
from .priors import resolve_reference_prior
from .recalibration import tempered_log_likelihood
from .result import InformationBounds, bounds_from
from .units import Units, check_units

# Number of probabilities that are processed at once, so that extra memory does not grow with n x M
# and the probabilities stay in the processor's caches.
_CHUNK = 131_072
# Largest error of the sum of a row that is taken for rounding, of probabilities to two digits.
_ROUNDED = 0.05


def _check_column_order(y_proba, classes):
    """Raise ValueError if a frame's columns are named by the labels, but in another order."""
    names = [str(name) for name in getattr(y_proba, "columns", [])]
    expected = [str(label) for label in classes.tolist()]
    if names != expected and sorted(names) == sorted(expected):
        raise ValueError(
            f"`y_proba` must have its columns in the order of the labels, {expected}; got "
            f"{names}. Pass the labels in the order of the columns as `labels`."
        )


def _check_proba(y_proba, n_classes):
    proba = check_array(
        y_proba,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        ensure_all_finite=False,
        input_name="y_proba",
    )
    if proba.ndim == 1:
        proba = proba.reshape(-1, 1)
    remedy = "Drop these rows, or use a classifier that predicts finite probabilities."
    assert_finite(proba, "y_proba", remedy=remedy)
    if proba.shape[1] == 1 and n_classes == 2:
        if proba.min() < 0 or proba.max() > 1:
            raise ValueError(
                f"`y_proba` must be within [0, 1]; got values between {proba.min()} and "
                f"{proba.max()}. Pass probabilities, not logits."
            )
    elif proba.shape[1] != n_classes:
        raise ValueError(
            f"`y_proba` must have one column for each of the {n_classes} labels; got shape "
            f"{proba.shape}. Pass all labels as `labels` if some do not occur in `y_true`."
        )
    return proba


def information_bounds(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    reference_prior: str | ArrayLike = "empirical",
    weight_bound: float | None = None,
    group_bound: float | None = None,
    units: Units = "nats",
) -> InformationBounds:
    """Compute information bounds from the predicted probabilities of any classifier.

    For inputs X, labels Y of entropy H(Y) and predicted probabilities q, ``H(Y) + E log q(Y|X) <=
    I(X;Y)`` [1]_. The mean log-likelihood of held-out labels therefore gives a lower bound on the
    mutual information.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows. With labels of training rows, the results overstate the
        information.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns, e.g. ``classes_`` of a scikit-learn classifier; the
        sorted labels of `y_true` if None. `reference_prior` and the field ``classes`` of the
        result have the same order. Pass all labels of the population if some may be missing from
        `y_true`: the field ``label_entropy_upper_limit`` counts only labels that occur or are
        passed.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of independent rows. In averages, a row of weight 2 is
        equivalent to two equal rows; in the limits, it is one observation, whereas two rows are
        two. The limits hold if no weight in the population exceeds `weight_bound`. Pass
        `weight_bound` if large weights are rare, since the largest weight may be missing from the
        rows.
    groups : array-like of shape (n_samples,), default=None
        Group of each row, e.g. a patient. Rows of one group may depend on each other; groups must
        be independent. A group is one observation, whose weight is the number of its rows or the
        sum of their weights.
    confidence_level : float, default=0.95
        Probability in (0, 1) with which each confidence limit holds.
    reference_prior : {"empirical", "uniform"} or array-like of shape (n_classes,), \
default="empirical"
        Prior r in ``pointwise``, the contribution of each row to ``mi_lower``. The prior changes
        the contributions, but not their mean. ``"empirical"`` is the label frequencies of
        `y_true`. An array of positive probabilities, in the order of `labels`, is taken to be the
        known prior of the population: the lower limits then hold at every sample size, and in
        large samples even if the array is wrong.
    weight_bound : float, default=None
        Largest possible weight of a row in the population; the largest of `sample_weight` if None.
        Must be None if `groups` are passed: pass `group_bound` instead.
    group_bound : float, default=None
        Largest possible size, or sum of weights, of a group in the population; the largest in
        `groups` if None. Must be None without `groups`.
    units : {"nats", "bits"}, default="nats"
        Unit of the results.

    Returns
    -------
    InformationBounds
        Bounds, estimates and confidence limits, in `units`.

    Raises
    ------
    ValueError
        If `y_true` is empty, or holds quantities rather than classes; if there are fewer than two
        classes in `labels` or, without `labels`, in `y_true`;
        if `y_proba` is not finite, is outside [0, 1], or has rows that do not sum to 1 within 1e-6
        (1e-3 in float32, 1e-2 in float16); if a label of `y_true` is not in `labels`, or `labels`
        repeats one; if the columns of a data frame are named by the labels but in another order;
        if lengths differ; if a NumPy masked array has masked entries; if a prior is not a
        distribution of positive probabilities; if a weight exceeds its bound, or the bound does
        not fit `groups`; or if `confidence_level` or `units` is invalid.

    Warns
    -----
    UserWarning
        If probability 0 was predicted for labels that occurred; the warning states their number.
    UserWarning
        If weights or groups are very unequal and no bound of them is passed, i.e. if their
        effective sample size is below 50 and below half of the number of observations.

    See Also
    --------
    cross_val_bounds : Cross-fit a classifier, and compute its bounds.
    score_bounds : Compute the bounds of a fitted classifier.
    compare_bounds : Compare two results on the same rows.

    References
    ----------
    .. [1] D. Barber, F. Agakov, "The IM algorithm: a variational approach to information
       maximization", NIPS 2003.

    Examples
    --------
    >>> from sksoftinfo import information_bounds
    >>> bounds = information_bounds(["cat", "dog"], [[0.9, 0.1], [0.2, 0.8]], units="bits")
    >>> print(f"{bounds.mi_lower:.2f} of {bounds.label_entropy:.2f} bits")
    0.76 of 1.00 bits
    """
    return cross_fitted_bounds(
        y_true,
        y_proba,
        folds=None,
        labels=labels,
        sample_weight=sample_weight,
        groups=groups,
        confidence_level=confidence_level,
        reference_prior=reference_prior,
        weight_bound=weight_bound,
        group_bound=group_bound,
        units=units,
    )


def cross_fitted_bounds(
    y_true,
    y_proba,
    *,
    folds,
    labels=None,
    sample_weight=None,
    groups=None,
    confidence_level=0.95,
    reference_prior="empirical",
    weight_bound=None,
    group_bound=None,
    units="nats",
):
    """Return `information_bounds` of predictions by classifiers trained on other folds.

    Parameters
    ----------
    folds : ndarray of int of shape (n_samples,) or None
        Fold of each row; one classifier predicted all rows of a fold. Predictions are recalibrated
        from rows of the same fold only. ``None`` stands for a single classifier that was trained
        on none of the rows.
    y_true, y_proba, labels, sample_weight, groups, confidence_level, reference_prior, \
weight_bound, group_bound, units
        As in `information_bounds`.

    Returns
    -------
    InformationBounds
        Bounds, estimates and confidence limits, in `units`.
    """
    check_units(units)
    check_confidence_level(confidence_level)
    tolerance = rounding_of_sums(y_proba)
    y_true, y_proba = plain_rows(y_true, "y_true"), plain_rows(y_proba, "y_proba")
    check_labels(y_true, "y_true")
    observed = column_or_1d(y_true)
    if not len(observed):
        raise ValueError("`y_true` must not be empty; got 0 labels. Pass at least one row.")
    check_consistent_length(observed, y_proba, sample_weight, folds)
    check_number_of_groups(groups, observed)
    classes = None if labels is None else named_labels(labels)
    _refuse_quantities(observed, classes)
    classes = unique_labels(observed) if classes is None else classes
    order = np.argsort(classes).astype(label_dtype(len(classes)))
    remedy = "Pass all labels of `y_true` as `labels`, and a column of `y_proba` for each."
    y = order[encode_labels(observed, classes[order], "y_true", remedy)]
    if len(classes) < 2:
        raise ValueError(
            "`labels`, or the labels of `y_true`, must be at least two classes; got "
            f"{classes.tolist()}. Pass all classes of the population as `labels`."
        )
    _check_column_order(y_proba, classes)
    proba = _check_proba(y_proba, len(classes))
    reference = resolve_reference_prior(reference_prior, classes)
    weight = check_weights(sample_weight, proba)
    accumulator = BoundsAccumulator(len(classes), len(y))
    chunk_rows = -(-_CHUNK // len(classes))
    for start in range(0, len(y), chunk_rows):
        rows = slice(start, start + chunk_rows)
        part = None if weight is None else weight[rows]
        accumulator.add(_terms(proba[rows], y[rows], start, tolerance), y[rows], part)
    return bounds_from(
        accumulator,
        classes=classes,
        reference_prior=reference,
        known_prior=not isinstance(reference_prior, str),
        groups=None if groups is None else encode_groups(groups),
        folds=folds,
        weight_bound=weight_bound,
        group_bound=group_bound,
        confidence_level=confidence_level,
        units=units,
    )


def _refuse_quantities(observed, classes):
    """Raise ValueError if labels are quantities, unless the caller named such classes."""
    if classes is not None and (classes.dtype.kind == "f" or classes.dtype == object):
        return
    if observed.dtype.kind == "f" and (observed != np.trunc(observed)).any():
        raise ValueError(
            "`y_true` must hold classes; got non-integer numbers, e.g. "
            f"{observed[observed != np.trunc(observed)][0]:g}. Cut quantities into classes before "
            "training, e.g. by numpy.digitize, or use cross_val_bounds with bins=4. If the "
            "numbers are names of classes, pass them as `labels`."
        )


def named_labels(labels):
    """Return the labels that the caller passed as an array, in the same order."""
    labels = on_host(labels)
    if np.ndim(labels) != 1:
        raise ValueError(
            f"`labels` must be one-dimensional; got {labels!r}. Pass a list of labels, e.g. "
            "classifier.classes_."
        )
    check_labels(labels, "labels")
    classes = np.asarray(labels)
    if len(np.unique(classes)) != len(classes):
        raise ValueError(
            f"`labels` must not repeat a label; got {labels!r}. Pass each label once."
        )
    return classes


def _terms(proba, y, start, tolerance):
    """Return the contributions of a chunk of probabilities to the bounds."""
    proba = proba.astype(np.float64, copy=False)
    if proba.shape[1] == 1:
        proba = np.hstack([1 - proba, proba])
    # With few columns, a product with ones is several times faster than a sum.
    sums = proba @ np.ones(proba.shape[1])
    if proba.min() < 0 or np.abs(sums - 1).max() > tolerance:
        wrong = (np.abs(sums - 1) > tolerance) | (proba.min(axis=1) < 0)
        row = int(np.argmax(wrong))
        if proba[row].min() < 0:
            raise ValueError(
                f"`y_proba` must have no negative entries; got {proba[row].tolist()} in row "
                f"{start + row}. Pass probabilities, not logits."
            )
        rounded = abs(sums[row] - 1) < _ROUNDED
        remedy = "Divide each row by its sum" if rounded else "Pass probabilities, not logits"
        raise ValueError(
            f"`y_proba` must have rows of probabilities that sum to 1; got "
            f"{proba[row].tolist()} in row {start + row}, which sums to {sums[row]:.9g}. {remedy}."
        )
    of_label = proba[np.arange(len(y)), y]
    with np.errstate(divide="ignore"):
        tempered = tempered_log_likelihood(proba, np.log(of_label))
        log_likelihood = np.log(of_label / sums)
    return certain_terms(log_likelihood, tempered, proba.argmax(axis=1) != y)
