"""An estimate of I(X;Y), not a bound, by extrapolation over the number of training rows."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.utils import check_consistent_length

from .._bounds import Units, check_confidence_level, check_units, nats_to
from .._utils import check_weights, on_host, users_stacklevel
from .cross_val import pooled_bounds
from .folds import EqualRows, make_folds
from .held_out import check_classifier, held_out_proba, possible, routed_params
from .labels import all_classes, class_labels
from .paired import mean_interval


@dataclass(frozen=True, kw_only=True)
class InformationEstimate:
    """Estimate of I(X;Y) by extrapolation, with the two bounds that it was made from.

    `mi_estimate` returns it. All information is in `units`.

    Parameters
    ----------
    value : float
        The estimate ``2 mi_lower - mi_lower_half``. It is not a bound, and it is not clipped:
        the extrapolation failed where it is below 0 or above `label_entropy`, and where
        `mi_lower` is below 0. It is below `mi_lower` where half of the training rows gave a
        higher bound than all of them.
    standard_error : float
        Sampling error of `value` over rows, or over groups. It does not know how wrong the
        extrapolation is.
    interval : tuple of float
        Interval of `value` at `confidence_level`, by Student's t; of the sampling error alone.
    mi_lower : float
        L(n), the cross-fitted lower bound of I(X;Y) from all training rows of each fold.
    mi_lower_half : float
        L(n / 2), the same from half of them, on the same held-out rows.
    label_entropy : float
        H(Y), which I(X;Y) does not exceed.
    confidence_level : float
        Level of `interval`.
    n_samples : int
        Rows that were scored.
    assumption : str
        What has to hold of the rows, as in `InformationBounds`.
    units : {"nats", "bits"}
        Unit of all information above.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import mi_estimate
    >>> estimate = mi_estimate(LinearDiscriminantAnalysis(), *load_iris(return_X_y=True))
    >>> round(estimate.value - (2 * estimate.mi_lower - estimate.mi_lower_half), 12)
    0.0
    """

    value: float
    standard_error: float
    interval: tuple[float, float]
    mi_lower: float
    mi_lower_half: float
    label_entropy: float
    confidence_level: float
    n_samples: int
    assumption: str
    units: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, ready for JSON.

        Returns
        -------
        dict
            Values by name.
        """
        return {**dataclasses.asdict(self), "interval": list(self.interval)}

    def __repr__(self):
        low, high = self.interval
        return "\n".join(
            [
                f"InformationEstimate in {self.units}: {self.n_samples} samples",
                f"  assumed: {self.assumption}",
                f"  value          {self.value:9.4f}  estimate of I(X;Y), not a bound: "
                "2 L(n) - L(n/2)",
                f"  interval       {low:9.4f} to {high:.4f}, {100 * self.confidence_level:g} %, "
                "of the sampling error alone",
                f"  mi_lower       {self.mi_lower:9.4f}  L(n), lower bound of I(X;Y)",
                f"  mi_lower_half  {self.mi_lower_half:9.4f}  L(n/2), from half of the training "
                "rows",
                f"  label_entropy  {self.label_entropy:9.4f}  H(Y)",
                *(f"  failed: {what}" for what in self._failures()),
            ]
        )

    def _failures(self):
        if self.value < 0:
            yield "the value is negative, and information is not"
        if self.mi_lower < self.mi_lower_half:
            yield "half of the training rows gave a higher bound, so that the value is below it"
        if self.value > self.label_entropy:
            yield "the value is above H(Y), and information is not"
        if self.mi_lower < 0:
            yield "L(n) is negative: the classifier predicts worse than the label frequencies"


def mi_estimate(
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
    units: Units = "nats",
    verbose: int = 0,
) -> InformationEstimate:
    """Estimate I(X;Y) by Richardson extrapolation. It is an estimate, not a bound.

    The cross-fitted lower bound L(n) is below I(X;Y) by what the classifier did not learn from n
    training rows. For a classifier of finitely many parameters that contains p(y|x) this gap falls
    as 1 / n, so that ``2 L(n) - L(n / 2)``, both on the same held-out rows, is without it. For
    others it is nearer to I(X;Y) than the bound in most cases, and may be above: a classifier that
    is over-confident on few rows, such as naive Bayes on many columns, is far too low at n / 2,
    and its estimate too high.

    Parameters
    ----------
    estimator : classifier or "stack"
        As in `cross_val_bounds`.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        Rows of features.
    y : array-like of shape (n_samples,)
        Labels, at least four of each class.
    groups : array-like of shape (n_samples,), default=None
        As in `cross_val_bounds`; training rows are halved by groups as well.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows in the evaluation.
    cv : int, cross-validation generator or iterable, default=5
        As in `cross_val_bounds`.
    random_state : int, RandomState instance or None, default=0
        Shuffles the folds where `cv` is an integer, and draws the half of each fold's training
        rows, by class.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        As in `cross_val_bounds`.
    bins : int, default=None
        As in `cross_val_bounds`.
    labels : array-like of shape (n_classes,), default=None
        As in `cross_val_bounds`: all labels, where some may be missing from y.
    n_jobs : int, default=None
        Folds to train at a time.
    params : dict, default=None
        Passed on to ``fit``, as in `cross_val_bounds`.
    confidence_level : float, default=0.95
        Level of the interval.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    InformationEstimate
        The value as it is, not clipped, with the two bounds, an interval and H(Y).

    Raises
    ------
    ValueError
        As `cross_val_bounds`, and if a class is too rare to be halved.

    Warns
    -----
    UserWarning
        If a label that occurred was given probability 0: all predictions are then mixed with a
        small share of the label frequencies. If the extrapolation failed: if the value or L(n)
        is negative, if the value is above H(Y), or if half of the training rows gave a higher
        bound than all.

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
    >>> estimate.mi_lower_half < estimate.mi_lower < estimate.value
    True
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
    halves = dataclasses.replace(
        folds,
        splits=[
            (_half(train, observed, folds.groups, random_state), test)
            for train, test in folds.splits
        ],
    )
    probas = [
        held_out_proba(
            estimator,
            X,
            observed,
            some,
            classes,
            sample_weight=weight,
            n_jobs=n_jobs,
            fit_params=fit_params,
            verbose=verbose,
        )
        for some in (folds, halves)
    ]
    whole, half = (
        pooled_bounds(proba, observed, folds, classes, sample_weight=weight)
        for proba in possible(probas, np.searchsorted(classes, observed), folds, len(classes))
    )
    contributions = 2 * whole.pointwise - half.pointwise
    scored = folds.scored
    value, error, interval = mean_interval(
        contributions,
        level=confidence_level,
        groups=folds.observations,
        weights=None if weight is None else weight[scored],
    )
    factor = nats_to(units)
    estimate = InformationEstimate(
        value=factor * value,
        standard_error=factor * error,
        interval=(factor * interval[0], factor * interval[1]),
        mi_lower=factor * whole.mi_lower,
        mi_lower_half=factor * half.mi_lower,
        label_entropy=factor * whole.label_entropy,
        confidence_level=float(confidence_level),
        n_samples=len(scored),
        assumption=folds.assumption,
        units=units,
    )
    failures = list(estimate._failures())
    if failures:
        relied = f"; the lower bound {estimate.mi_lower:.3f} {units} is" * (whole.mi_lower > 0)
        warnings.warn(
            f"The extrapolation failed: {'; '.join(failures)}. The value {estimate.value:.3f} "
            f"{units} is not to be relied on{relied}. Use more rows, or another classifier.",
            stacklevel=users_stacklevel(),
        )
    return estimate


def _half(train, y, groups, random_state):
    """Return half of the training rows, by class; whole groups where there are any."""
    if groups is not None and len(np.unique(groups[train])) >= 4:
        halves = StratifiedGroupKFold(2, shuffle=True, random_state=random_state)
        return train[next(halves.split(train, y[train], groups[train]))[0]]
    try:
        return train_test_split(
            train, train_size=0.5, stratify=y[train], random_state=random_state
        )[0]
    except ValueError as error:
        values, counts = np.unique(y[train], return_counts=True)
        rarest = values[counts.argmin() : counts.argmin() + 1].tolist()
        raise ValueError(
            f"y must have four rows of each class at least, so that training rows can be halved; "
            f"got a fold with {counts.min()} of {rarest}: {error} Merge rare classes, or use "
            "fewer folds."
        ) from error
