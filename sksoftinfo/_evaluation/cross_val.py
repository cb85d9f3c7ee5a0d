"""Information bounds from held-out predictions of every row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._bounds import (
    ConfidenceMethod,
    InformationBounds,
    Units,
    check_confidence,
    check_units,
    information_bounds,
)
from .._utils import (
    assert_finite,
    check_labels,
    check_two_classes,
    naming_wrong_columns,
    num_samples,
    plain_rows,
)


def cross_val_bounds(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    cv: Any = 5,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
    confidence_level: float = 0.95,
    confidence_method: ConfidenceMethod = "betting",
    units: Units = "nats",
) -> InformationBounds:
    """Information bounds of a classifier, cross-fitted: how much X says about y, at least.

    Each row is predicted by a classifier trained on the other folds, and all contributions
    ``log q(y|x) - log p_hat(y)`` are pooled into one set of bounds and limits. Every label is
    used, and none for both training and evaluation.

    The lower bound is that of a classifier trained on a share ``1 - 1 / cv`` of the rows. The
    folds share training rows, so that the limits hold approximately; the more so, the less a
    single row changes the classifier.

    Parameters
    ----------
    estimator : classifier or "stack"
        Any scikit-learn classifier with `predict_proba`, also a Pipeline. ``"stack"`` is a mixture
        of the label prior, logistic regression, linear and quadratic discriminant analysis,
        nearest neighbours, boosting and two networks on standardised columns, all seeded. Members
        are weighted by the likelihood of the labels held out in the other folds.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        A finite numeric table for ``"stack"``.
    y : array-like of shape (n_samples,)
        Labels.
    groups : array-like of shape (n_samples,), default=None
        Rows of one group stay together, where `cv` respects them.
    cv : int, cross-validation generator or iterable, default=5
        As in scikit-learn; folds that partition the rows. An integer is the number of
        stratified folds.
    n_jobs : int, default=None
        Folds to train at a time.
    params : dict, default=None
        Passed on to ``fit``, as ``{"sample_weight": weights}``; routed where scikit-learn's
        metadata routing is enabled.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which each lower confidence limit holds.
    confidence_method : {"betting", "normal"}, default="betting"
        As in `information_bounds`.
    units : {"nats", "bits"}, default="nats"

    Returns
    -------
    InformationBounds
        Of the pooled predictions, in `units`.

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, if there is one class only, or if the folds do
        not partition the rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import cross_val_bounds
    >>> X, y = load_iris(return_X_y=True)
    >>> bounds = cross_val_bounds(LinearDiscriminantAnalysis(), X, y, units="bits")
    >>> print(f"at least {bounds.mi_lower:.2f} of {bounds.label_entropy:.2f} bits")
    at least 1.52 of 1.58 bits
    """
    check_units(units)
    check_confidence(confidence_level, confidence_method)
    check_labels(y)
    y = column_or_1d(y)
    check_consistent_length(X, y)
    check_classification_targets(y)
    classes, encoded = np.unique(y, return_inverse=True)
    check_two_classes(classes)
    routed = {"groups": groups, "n_jobs": n_jobs, "params": params}
    if isinstance(estimator, str):
        if estimator != "stack":
            raise ValueError(
                f"estimator={estimator!r} is unknown: use 'stack' or a classifier with "
                "predict_proba."
            )
        proba = _stack_proba(X, encoded, cv, **routed)
    elif not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"estimator={estimator!r} has no predict_proba: give a classifier that has, or wrap "
            "it in scikit-learn's CalibratedClassifierCV."
        )
    else:
        proba = cross_val_predict(estimator, X, y, cv=cv, method="predict_proba", **routed)
    return information_bounds(
        y,
        proba,
        labels=classes,
        confidence_level=confidence_level,
        confidence_method=confidence_method,
        units=units,
    )


def _stack_proba(X, y, cv, *, groups, n_jobs, params):
    """Return held-out probabilities of the stack."""
    from .stack import mix_held_out, stack_members

    column_names = getattr(X, "columns", None)
    X = plain_rows(X)
    with naming_wrong_columns(X):
        X = check_array(X, dtype=np.float64, ensure_all_finite=False, input_name="X")
    assert_finite(X, "X", column_names)
    if params and get_config()["enable_metadata_routing"] and groups is None:
        params = dict(params)
        groups = params.pop("groups", None)
    # Drawn once: all members hold out the same rows, also where the folds are random.
    splits = list(check_cv(cv, y, classifier=True).split(X, y, groups))
    _check_partition(splits, num_samples(X))
    predictions = [
        cross_val_predict(
            member, X, y, cv=splits, method="predict_proba", n_jobs=n_jobs, params=params
        )
        for member in stack_members(y, splits, X.shape[1]).values()
    ]
    return mix_held_out(predictions, y, splits)


def _check_partition(splits, n_samples):
    held_out = np.sort(np.concatenate([test for _, test in splits]))
    if not np.array_equal(held_out, np.arange(n_samples)):
        raise ValueError(
            f"cv holds out {len(held_out)} rows of {n_samples}, or some of them twice: use folds "
            "that partition the rows, as StratifiedKFold."
        )
