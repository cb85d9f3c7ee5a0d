"""An estimate of I(X;Y), which is no bound, by extrapolation over the number of training rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import check_cv, train_test_split
from sklearn.utils import column_or_1d

from .._bounds import Units
from .._utils import check_labels
from .cross_val import cross_val_bounds


class InformationEstimate(NamedTuple):
    """Estimate of I(X;Y), its standard error over rows, and the lower bound that it started from.

    `mi_estimate` returns it, in the units that it was asked for.

    Parameters
    ----------
    value : float
        The estimate. It is no bound.
    standard_error : float
        Over rows; it does not know how wrong the extrapolation is.
    mi_lower : float
        Cross-fitted lower bound.

    Examples
    --------
    >>> from sksoftinfo import InformationEstimate
    >>> InformationEstimate(value=0.52, standard_error=0.02, mi_lower=0.49).value
    0.52
    """

    value: float
    standard_error: float
    mi_lower: float


def mi_estimate(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    cv: Any = 5,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
    units: Units = "nats",
) -> InformationEstimate:
    """Estimate I(X;Y) by Richardson extrapolation. It is an estimate, not a bound.

    The cross-fitted lower bound L(n) is below I(X;Y) by what the classifier did not learn from n
    training rows. For a classifier of finitely many parameters that contains p(y|x) this gap falls
    as 1 / n, so that ``2 L(n) - L(n / 2)``, both on the same held-out rows, is without it. For
    others it is nearer to I(X;Y) than the bound in most cases, and may be above.

    Parameters
    ----------
    estimator : classifier or "stack"
        As in `cross_val_bounds`.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        Rows of features.
    y : array-like of shape (n_samples,)
        Labels, at least four of each class.
    groups : array-like of shape (n_samples,), default=None
        Rows of one group are held out together, where `cv` respects them.
    cv : int, cross-validation generator or iterable, default=5
        As in `cross_val_bounds`.
    n_jobs : int, default=None
        Folds to train at a time.
    random_state : int, RandomState instance or None, default=0
        Draws the half of each fold's training rows, by class.
    units : {"nats", "bits"}, default="nats"

    Returns
    -------
    InformationEstimate
        ``value`` within 0 and the label entropy, ``standard_error``, and the bound ``mi_lower``.

    Raises
    ------
    ValueError
        As `cross_val_bounds`, and if a class is too rare to be halved.

    References
    ----------
    L. F. Richardson, "The approximate arithmetical solution by finite differences", 1911.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import mi_estimate
    >>> X, y = load_iris(return_X_y=True)
    >>> estimate = mi_estimate(LinearDiscriminantAnalysis(), X, y, units="bits")
    >>> estimate.mi_lower < estimate.value
    True
    """
    check_labels(y)
    labels = column_or_1d(y)
    splits = list(check_cv(cv, labels, classifier=True).split(X, labels, groups))
    draw = {"train_size": 0.5, "random_state": random_state}
    halves = [
        (train_test_split(train, stratify=labels[train], **draw)[0], test)
        for train, test in splits
    ]
    options: dict[str, Any] = {"n_jobs": n_jobs, "units": units}
    whole = cross_val_bounds(estimator, X, labels, cv=splits, **options)
    half = cross_val_bounds(estimator, X, labels, cv=halves, **options)
    contributions = 2 * whole.pointwise - half.pointwise
    return InformationEstimate(
        value=float(np.clip(contributions.mean(), 0.0, whole.label_entropy)),
        standard_error=float(contributions.std(ddof=1) / np.sqrt(len(labels))),
        mi_lower=whole.mi_lower,
    )
