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

    Each row is predicted by a classifier that was trained on the other folds. With its predicted
    probability q and the label frequencies p, each row contributes ``log q(y|x) - log p(y)``, and
    the contributions of all rows are pooled into one result. Every label is used for evaluation,
    but never to evaluate a classifier that was trained on it.

    With an integer `cv`, the lower bound describes a classifier that was trained on a share ``1 -
    1 / cv`` of the rows; trained on all rows, it may find more. Folds share training rows, so the
    confidence limits hold approximately. The less a single row changes the classifier, the better
    the approximation.

    The confidence limits rest on an assumption that depends on the folds and is stated in the
    result. Shuffled folds assume that rows, or groups of rows, are independent draws. Where a row
    depends on its neighbours, such as in a time series, shuffled folds leak and overstate the
    information: pass ``cv=TimeSeriesSplit()``. If all splits train on earlier rows only, the rows
    that a split holds out form a block, and a block counts as one observation. Useful limits then
    need many blocks, or `groups` of neighbouring rows, such as months, that are longer than the
    dependence between rows.

    Parameters
    ----------
    estimator : classifier or "stack"
        Any scikit-learn classifier with `predict_proba`, such as a Pipeline. ``"stack"`` is an
        `InfoStackClassifier`: a mixture of the label frequencies, logistic regression, linear and
        quadratic discriminant analysis, nearest neighbours, boosting and two MLPs on
        standardised columns. Each member is trained at most once for each fold. The weights with
        which a fold is predicted maximise the likelihood of the held-out labels of the other
        folds. Its results are reproducible: all members have fixed seeds.
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
        Number of shuffled stratified folds, a splitter of scikit-learn, or an iterable of (train,
        test) positions or masks; 5 if None. A row must not be held out twice. Rows may be left
        unscored, such as the first block of `TimeSeriesSplit`.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        Treatment of rows that are equal in all columns. ``"together"`` holds equal rows out
        together and counts them as one observation; ``"independent"`` treats them like all other
        rows. ``"auto"`` is ``"together"``, with a warning, if equal rows look like copies, and
        ``"independent"`` otherwise. Equal rows look like copies if their labels agree and either
        at least two columns each have nearly as many values as there are different rows, or there
        are at least 20 pairs of equal rows, and more than 20 times as many as would occur by
        chance if each column depended on at most one other. With splits of your own, equal rows
        are counted as one observation, but `cv` itself has to hold them out together; a warning is
        given if it does not.
    bins : int, default=None
        Number of classes of about equal size into which numeric labels are cut at their quantiles;
        fewer classes if some values occur often. The classes are numbered from 0, and `labels`
        must be None. If None, the labels are used unchanged, and quantities raise ValueError.
    labels : array-like of shape (n_classes,), default=None
        All labels of the population, if some may be missing from y. If None, these are the labels
        in y and the classes of an `estimator` that is not trained, e.g. a
        ``sklearn.frozen.FrozenEstimator``, which has to know every label in y. Sorted, they are
        ``classes`` of the result, and ``label_entropy_upper_limit`` counts each of them.
    n_jobs : int, default=None
        Number of folds to train in parallel. ``None`` is 1 unless in a joblib context; -1 uses all
        processors.
    params : dict, default=None
        Parameters of the estimator's ``fit``, such as ``{"sample_weight": weights}``; routed if
        scikit-learn's metadata routing is enabled. Must be empty for ``"stack"``, some of whose
        members take no parameters.
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
        If not 0, progress is shown: by tqdm if it is installed, else by lines on standard error.

    Returns
    -------
    InformationBounds
        Bounds of the pooled predictions, in `units`. ``assumption`` is the assumption under which
        the limits hold, with the number of scored rows if some rows were not scored. ``n_samples``
        is the number of scored rows, and ``pointwise`` has one value for each of them, in the
        order of the table.

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, if y has fewer than two classes, if y holds
        quantities (fractions, or numbers with very many different values) and `bins` is None, if
        an `estimator` that is not trained does not know a label in y, or if `cv` holds a row out
        twice or has training rows of one class only.

    Warns
    -----
    UserWarning
        If equal rows look like copies; if there are fewer groups than folds; if `cv` trains on
        rows of a group, or on copies of rows, that it scores; if blocks in time order share equal
        rows; if y holds so many different integers that they may be quantities; if a label that
        occurred was predicted with probability 0; or if weights or groups are very unequal and no
        bound of them is passed.

    See Also
    --------
    score_bounds : Compute the bounds of a fitted classifier.
    mi_estimate : Estimate I(X;Y) rather than bound it.
    feature_information : Measure the information of columns.
    compare_bounds : Compare two results on the same rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import cross_val_bounds
    >>> X, y = load_iris(return_X_y=True)
    >>> bounds = cross_val_bounds(LinearDiscriminantAnalysis(), X, y, units="bits")
    >>> claim = f"at least {bounds.mi_lower_limit:.2f} of {bounds.label_entropy:.2f} bits"
    >>> print(f"With {bounds.confidence_level:.0%} confidence, {claim}")
    With 95% confidence, at least 1.30 of 1.58 bits
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
