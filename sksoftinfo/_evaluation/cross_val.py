"""Information bounds from held-out predictions of every row."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from .._bounds import (
    InformationBounds,
    Units,
    check_confidence_level,
    check_units,
    check_weight_bounds,
    cross_fitted_bounds,
)
from .._utils import check_weights, on_host
from .folds import EqualRows, make_folds
from .held_out import check_classifier, held_out_proba, routed_params
from .labels import all_classes, class_labels


def cross_val_bounds(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    cv: Any = 5,
    random_state: int | np.random.RandomState | None = 0,
    equal_rows: EqualRows = "auto",
    bins: int | None = None,
    labels: ArrayLike | None = None,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
    confidence_level: float = 0.95,
    weight_bound: float | None = None,
    group_bound: float | None = None,
    units: Units = "nats",
    verbose: int = 0,
) -> InformationBounds:
    """Information bounds of a classifier, cross-fitted: how much X tells about y, at least.

    Each row is predicted by a classifier trained on the other folds, and all contributions
    ``log q(y|x) - log p_hat(y)`` are pooled into one set of bounds and limits. Every label is
    used, and none for both training and evaluation.

    The lower bound is that of a classifier trained on a share ``1 - 1 / cv`` of the rows. The
    folds share training rows, so that the limits hold approximately; the more so, the less a
    single row changes the classifier.

    The folds decide what the limits assume, and the result states it. Shuffled folds assume that
    rows, or groups of rows, are independent draws. Where a row depends on its neighbours, as in a
    time series, shuffled folds leak and overstate: pass ``cv=TimeSeriesSplit()``. In time order a
    block of rows counts as one observation, so that limits need many blocks, or `groups` of rows
    that span what neighbours share, such as months.

    Parameters
    ----------
    estimator : classifier or "stack"
        Any scikit-learn classifier with `predict_proba`, also a Pipeline. ``"stack"`` is a mixture
        of the label prior, logistic regression, linear and quadratic discriminant analysis,
        nearest neighbours, boosting and two networks on standardised columns, all seeded: an
        `InfoStackClassifier`. Members are weighted by the likelihood of the labels held out in the
        other folds, and trained once for each.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        For ``"stack"`` finite numbers, or a data frame, whose texts, dates and gaps are encoded by
        skrub within each fold; not sparse.
    y : array-like of shape (n_samples,)
        Labels. The estimator gets them as they are.
    groups : array-like of shape (n_samples,), default=None
        Rows of one group, such as those of one patient, are held out together and count as one
        observation. `cv` has to respect groups if it is not an integer.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows in the evaluation. Weights for training go
        into `params`.
    cv : int, cross-validation generator or iterable, default=5
        An integer is the number of shuffled stratified folds. Other splits may leave rows out
        which are only trained on, such as `TimeSeriesSplit`, but must score no row twice.
    random_state : int, RandomState instance or None, default=0
        Shuffles the rows where `cv` is an integer.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        What to do with rows that are equal in all columns. ``"together"`` holds them out together
        and counts them as one observation, ``"independent"`` treats them as rows of their own.
        ``"auto"`` is ``"together"``, with a warning, where equal rows are suspicious: where their
        labels agree, and at least two columns each have nearly as many values as there are
        different rows, or equal rows are many times more than the columns explain.
        Other equal rows, as those of discrete columns, are natural, and independent.
    bins : int, default=None
        Number of classes of equal size into which numeric labels are cut at their quantiles.
    labels : array-like of shape (n_classes,), default=None
        All labels that the population has, where some may be missing from y. They count in
        `label_entropy_upper_limit`, which otherwise is that of the classes seen, and are in the
        result's ``classes``, sorted.
    n_jobs : int, default=None
        Folds to train at a time.
    params : dict, default=None
        Passed on to ``fit``, such as ``{"sample_weight": weights}``; routed where scikit-learn's
        metadata routing is enabled.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which each lower confidence limit holds.
    weight_bound : float, default=None
        Largest weight that a row can have, as in `information_bounds`. Where rows are not
        observations though `groups` were not passed, because of equal rows or blocks in time
        order, an observation weighs at most so much times the rows of the largest.
    group_bound : float, default=None
        Largest size that a group can have, as in `information_bounds`.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.
    verbose : int, default=0
        Whether to show a progress bar, by tqdm where it is installed.

    Returns
    -------
    InformationBounds
        Of the pooled predictions, in `units`. Its ``assumption`` states what the folds assume,
        and how many rows were scored if not all were; ``n_samples`` is their number, and
        ``pointwise`` has them in the order of the table.

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, if there is one class only, if y holds quantities
        and `bins` is None, or if the folds score a row twice or train on one class only.

    Warns
    -----
    UserWarning
        If suspicious equal rows are kept together, if there are fewer groups than folds, or if
        the folds of `cv` train on rows of a group that they score.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import cross_val_bounds
    >>> X, y = load_iris(return_X_y=True)
    >>> bounds = cross_val_bounds(LinearDiscriminantAnalysis(), X, y, units="bits")
    >>> print(f"at least {bounds.mi_lower:.2f} of {bounds.label_entropy:.2f} bits")
    at least 1.51 of 1.58 bits
    """
    check_units(units)
    check_confidence_level(confidence_level)
    check_classifier(estimator)
    observed = class_labels(y, bins)
    classes = all_classes(observed, labels, bins)
    X = on_host(X)
    check_consistent_length(X, observed)
    weight = None if sample_weight is None else check_weights(sample_weight, X)
    fit_params, split_params, groups = routed_params(estimator, cv, observed, params, groups)
    folds = make_folds(
        cv,
        X,
        observed,
        groups=groups,
        random_state=random_state,
        equal_rows=equal_rows,
        split_params=split_params,
    )
    if groups is None and weight_bound is not None and folds.observations is not None:
        check_weight_bounds(None if weight is None else weight[folds.scored], None, weight_bound)
        if group_bound is None:
            group_bound = weight_bound * np.bincount(folds.observations).max()
        weight_bound = None
    proba = held_out_proba(
        estimator,
        X,
        observed,
        folds,
        classes,
        sample_weight=weight,
        n_jobs=n_jobs,
        fit_params=fit_params,
        verbose=verbose,
    )
    return pooled_bounds(
        proba,
        observed,
        folds,
        classes,
        sample_weight=weight,
        confidence_level=confidence_level,
        weight_bound=weight_bound,
        group_bound=group_bound,
        units=units,
    )


def pooled_bounds(proba, y, folds, classes, *, sample_weight=None, **options):
    """Return the bounds of the rows that the folds score.

    Parameters
    ----------
    proba : ndarray of shape (n, M)
    y : ndarray of shape (n,)
    folds : Folds
    classes : ndarray of shape (M,)
    sample_weight : ndarray of shape (n,), default=None
    **options : dict
        Of `information_bounds`; the folds' groups are known.

    Returns
    -------
    InformationBounds
    """
    scored = folds.scored
    bounds = cross_fitted_bounds(
        y[scored],
        proba[scored],
        folds=folds.fold[scored],
        groups=folds.observations,
        labels=classes,
        sample_weight=None if sample_weight is None else sample_weight[scored],
        **options,
    )
    return dataclasses.replace(bounds, assumption=folds.assumption)
