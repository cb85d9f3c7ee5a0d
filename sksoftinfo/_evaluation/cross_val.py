"""`cross_val_bounds`: information bounds from cross-fitted predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._bounds import (
    InformationBounds,
    Units,
    check_confidence_level,
    check_units,
    check_weight_bounds,
)
from .evaluation import prepare_evaluation
from .folds import EqualRows


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
    """Compute cross-fitted bounds on the information that X carries about y.

    Each row is predicted by a classifier that was trained on other folds, and all contributions
    ``log q(y|x) - log p_hat(y)`` are pooled into one set of bounds and limits. Every label is
    used for evaluation, but never to evaluate a classifier that was trained on it.

    The lower bound describes a classifier trained on a share ``1 - 1 / cv`` of the rows. Folds
    share training rows, so the confidence limits hold approximately. The less a single row
    changes the classifier, the better the approximation.

    The confidence limits rest on an assumption that depends on the folds and is stated in the
    result. Shuffled folds assume that rows, or groups of rows, are independent draws. Where a row
    depends on its neighbours, such as in a time series, shuffled folds leak and overstate the
    information: pass ``cv=TimeSeriesSplit()``. In time order a block of rows counts as one
    observation. Useful limits therefore need many blocks, or `groups` that are as long as the
    dependence between neighbours, such as months.

    Parameters
    ----------
    estimator : classifier or "stack"
        Any scikit-learn classifier with `predict_proba`, such as a Pipeline. ``"stack"`` is an
        `InfoStackClassifier`: a seeded mixture of the label frequencies, logistic regression,
        linear and quadratic discriminant analysis, nearest neighbours, boosting and multi-layer
        perceptrons on standardised columns. Each member is trained at most once for each fold. The
        weights of a fold maximise the likelihood of held-out labels of other folds.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        Rows of features. ``"stack"`` takes a dense table of finite numbers, or a data frame, whose
        texts, dates and missing values are encoded by skrub within each fold.
    y : array-like of shape (n_samples,)
        Labels, passed to the estimator unchanged unless `bins` is given.
    groups : array-like of shape (n_samples,), default=None
        Group of each row. Rows of one group, such as the rows of one patient, are held out
        together and count as one observation. A `cv` that is not an integer has to keep groups
        together itself.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows in the evaluation. Pass weights for training
        in `params`.
    cv : int, cross-validation generator or iterable, default=5
        Number of shuffled stratified folds, or splits. Splits must not score a row twice. They may
        leave rows unscored, such as the first block of `TimeSeriesSplit`.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        Treatment of rows that are equal in all columns. ``"together"`` holds equal rows out
        together and counts them as one observation; ``"independent"`` treats them like all other
        rows. ``"auto"`` is ``"together"``, with a warning, if equal rows look like copies, and
        ``"independent"`` otherwise. They look like copies if their labels agree and one of two
        conditions holds: at least two columns each have nearly as many values as there are
        different rows, or there are many times more equal rows than if the columns were
        independent.
    bins : int, default=None
        Number of classes of equal size into which numeric labels are cut at their quantiles.
    labels : array-like of shape (n_classes,), default=None
        All labels of the population, if some may be missing from y. The sorted labels become
        ``classes`` of the result, and `label_entropy_upper_limit` allows for each of them; by
        default both cover only the labels in y.
    n_jobs : int, default=None
        Number of folds to train in parallel.
    params : dict, default=None
        Parameters passed on to ``fit``, such as ``{"sample_weight": weights}``. They are routed if
        scikit-learn's metadata routing is enabled.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which each confidence limit holds.
    weight_bound : float, default=None
        Largest weight that a row can have, as in `information_bounds`. If observations span
        several rows although `groups` is None, because of equal rows or blocks in time order,
        `group_bound` defaults to `weight_bound` times the number of rows of the largest
        observation.
    group_bound : float, default=None
        Largest size that a group can have, as in `information_bounds`.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.
    verbose : int, default=0
        Whether to show a progress bar, by tqdm if it is installed.

    Returns
    -------
    InformationBounds
        Bounds of the pooled predictions, in `units`. ``assumption`` states what the folds assume,
        and how many rows were scored if some were not. ``n_samples`` is the number of scored
        rows, and ``pointwise`` has one value for each of them, in the order of the table.

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, if y has fewer than two classes, if y holds
        quantities and `bins` is None, or if the folds score a row twice or train on one class.

    Warns
    -----
    UserWarning
        If equal rows that look like copies are kept together, if there are fewer groups than
        folds, if the splits of `cv` train on rows of a group that they score, if y holds integers
        that may be quantities and `bins` is None, or if a label that occurred was predicted with
        probability 0.

    See Also
    --------
    score_bounds : Score a fitted classifier.
    information_bounds : Compute bounds from probabilities.
    mi_estimate : Extrapolate to more rows.
    feature_information : Measure single columns.
    compare_bounds : Compare two results.

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
    evaluation = prepare_evaluation(
        estimator,
        X,
        y,
        groups=groups,
        sample_weight=sample_weight,
        cv=cv,
        random_state=random_state,
        equal_rows=equal_rows,
        bins=bins,
        labels=labels,
        n_jobs=n_jobs,
        params=params,
        verbose=verbose,
    )
    folds, weight = evaluation.folds, evaluation.sample_weight
    if not evaluation.has_groups and weight_bound is not None and folds.observations is not None:
        check_weight_bounds(None if weight is None else weight[folds.scored], None, weight_bound)
        if group_bound is None:
            group_bound = weight_bound * np.bincount(folds.observations).max()
        weight_bound = None
    (proba,) = evaluation.held_out()
    return evaluation.bounds(
        proba,
        confidence_level=confidence_level,
        weight_bound=weight_bound,
        group_bound=group_bound,
        units=units,
    )
