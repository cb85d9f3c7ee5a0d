"""`score_bounds`: information bounds of a fitted classifier, e.g. a Pipeline."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from .._bounds import InformationBounds, Units, information_bounds, warn_of_harm
from .._utils import (
    check_known_labels,
    checked_proba,
    holds_pictures,
    in_fixed_order,
    labels_of,
    listed,
    on_host,
    rows_for,
    stacked_pictures,
)
from .held_out import check_classifier


def score_bounds(
    estimator: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence_level: float = 0.95,
    reference_prior: str | ArrayLike = "empirical",
    weight_bound: float | None = None,
    group_bound: float | None = None,
    units: Units = "nats",
) -> InformationBounds:
    """Compute information bounds of a fitted classifier on held-out rows.

    A Pipeline transforms the rows, and a parameter search uses its best estimator. If the final
    classifier has a method `score_bounds`, such as `StochasticInfoClassifier`, that method scores
    the rows. Otherwise the bounds follow from ``predict_proba``. The default `reference_prior` is
    that of `information_bounds`, also where the method's own default differs.

    Parameters
    ----------
    estimator : fitted classifier
        Classifier with `predict_proba`, such as a Pipeline or a parameter search.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        Rows that were not used for training. On training rows the same formulas overstate the
        information; only classifiers of this package detect training rows, and warn.
    y : array-like of shape (n_samples,), default=None
        Labels of the rows. May be None if X is a torch Dataset or DataLoader with labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows.
    groups : array-like of shape (n_samples,), default=None
        Group of each row, as in `information_bounds`: a group is one observation.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which each confidence limit holds.
    reference_prior : {"empirical", "uniform"} or array-like of shape (n_classes,), \
default="empirical"
        Reference prior of the pointwise contributions, as in `information_bounds`.
    weight_bound : float, default=None
        Largest weight that a row can have, as in `information_bounds`.
    group_bound : float, default=None
        Largest size that a group can have, as in `information_bounds`.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.

    Returns
    -------
    InformationBounds
        Bounds and confidence limits, in `units`.

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, or if a label did not occur in training.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Warns
    -----
    UserWarning
        If the predictions are clearly worse than the label frequencies, and as in
        `information_bounds` or in the classifier's own method `score_bounds`.

    See Also
    --------
    cross_val_bounds : Train as well, and score each row by a classifier that was not trained on
        it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksoftinfo import InfoSoftmaxClassifier, score_bounds
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> clf = make_pipeline(StandardScaler(), InfoSoftmaxClassifier(random_state=0))
    >>> bounds = score_bounds(clf.fit(X_train, y_train), X_test, y_test, units="bits")
    >>> bounds.mi_lower > 1
    True
    """
    if isinstance(estimator, str) or not hasattr(estimator, "predict"):
        raise ValueError(
            f"`estimator` must be a fitted classifier; got {estimator!r}. Fit a classifier first, "
            "or use cross_val_bounds."
        )
    check_is_fitted(estimator)
    X = listed(X)
    if holds_pictures(X):
        # The steps of a Pipeline get arrays as well.
        held = X
        X, labels = stacked_pictures(held)
        if y is None:
            y = labels_of(labels, held, getattr(estimator, "classes_", None))
        else:
            in_fixed_order(held)
    if y is None:
        raise ValueError("`y` must hold the labels of `X`; got None. Pass one label for each row.")
    check_consistent_length(X, y)
    options: dict[str, Any] = {
        "sample_weight": sample_weight,
        "groups": groups,
        "confidence_level": confidence_level,
        "reference_prior": reference_prior,
        "weight_bound": weight_bound,
        "group_bound": group_bound,
        "units": units,
    }
    estimator, X = _innermost(estimator, X)
    if hasattr(estimator, "score_bounds"):
        return estimator.score_bounds(X, y, **options)
    check_classifier(estimator)
    classes = estimator.classes_
    check_known_labels(y, classes)
    proba = estimator.predict_proba(rows_for(estimator, X))
    proba = checked_proba(proba, estimator, len(classes))
    return warn_of_harm(information_bounds(y, proba, labels=classes, **options))


def _innermost(estimator, X):
    """Return the classifier behind searches and pipelines, and the rows that it gets."""
    while True:
        if isinstance(estimator, Pipeline) and len(estimator) > 1:
            X, estimator = estimator[:-1].transform(on_host(X)), estimator[-1]
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator, X
