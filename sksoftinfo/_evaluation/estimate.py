"""`mi_estimate`: an estimate, not a bound, of I(X;Y) by extrapolation over training rows."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from .._bounds import InformationBounds, Units, check_confidence_level, check_units, nats_to
from .._utils import Progress, counted, users_stacklevel
from .evaluation import prepare_evaluation
from .folds import EqualRows
from .held_out import possible
from .paired import mean_interval


@dataclass(frozen=True, kw_only=True)
class InformationEstimate:
    """Estimate of I(X;Y) by extrapolation, with the two lower bounds behind it.

    Returned by `mi_estimate`. All information is in `units`.

    Attributes
    ----------
    value : float
        The estimate ``2 mi_lower - mi_lower_half``. It is not a bound, and is not clipped to [0,
        H(Y)]. The extrapolation failed, with a warning, if `value` is negative or above
        `label_entropy`, if `mi_lower` is negative, or if `mi_lower_half` exceeds `mi_lower`.
    standard_error : float
        Sampling error of `value` over rows, or over groups. The error of the extrapolation is not
        included.
    interval : tuple of float
        Confidence interval of `value`, by Student's t, that allows for the sampling error only:
        the error of the extrapolation may be larger.
    mi_lower : float
        L(n), the cross-fitted lower bound on I(X;Y) from all training rows of each fold.
    mi_lower_half : float
        L(n / 2), the cross-fitted lower bound on I(X;Y) from half of the training rows of each
        fold, on the same held-out rows.
    label_entropy : float
        H(Y), an upper bound on I(X;Y).
    confidence_level : float
        Probability with which `interval` holds.
    n_samples : int
        Number of rows that were scored.
    assumption : str
        Assumption about the rows on which `interval` rests, as in `InformationBounds`.
    units : {"nats", "bits"}
        Unit of every information value.

    See Also
    --------
    mi_estimate : Function that returns this estimate.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import mi_estimate
    >>> estimate = mi_estimate(LinearDiscriminantAnalysis(), *load_iris(return_X_y=True))
    >>> low, high = estimate.interval
    >>> print(f"about {estimate.value:.2f} nats, between {low:.2f} and {high:.2f}")
    about 1.05 nats, between 1.01 and 1.09
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
        """Return the fields as a dict of Python numbers, strings and lists.

        Numbers may be NaN, which ``json.dumps`` writes as ``NaN``.

        Returns
        -------
        dict
            Values of the fields by name; `interval` is a list.
        """
        return {**dataclasses.asdict(self), "interval": list(self.interval)}

    def __repr__(self):
        low, high = self.interval
        return "\n".join(
            [
                f"InformationEstimate in {self.units}: {counted(self.n_samples, 'row')}",
                f"  assumed: {self.assumption}",
                f"  value          {self.value:9.4f}  estimate of I(X;Y), not a bound: "
                "2 L(n) - L(n/2)",
                f"  interval       {low:9.4f} to {high:.4f}, {100 * self.confidence_level:g} %, "
                "allows for the sampling error only",
                f"  mi_lower       {self.mi_lower:9.4f}  L(n), lower bound on I(X;Y)",
                f"  mi_lower_half  {self.mi_lower_half:9.4f}  L(n/2), from half of the training "
                "rows",
                f"  label_entropy  {self.label_entropy:9.4f}  H(Y)",
                *(f"  failed: {what}" for what in self._failures()),
            ]
        )

    def _failures(self):
        if self.value < 0:
            yield "the value is negative, but information cannot be"
        if self.mi_lower < self.mi_lower_half:
            yield "half of the training rows gave a higher bound than all of them"
        if self.value > self.label_entropy:
            yield "the value is above the entropy H(Y), but information cannot be"
        if self.mi_lower < 0:
            yield (
                "the lower bound L(n) is negative: the classifier predicts worse than the label "
                "frequencies"
            )


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
    """Estimate I(X;Y) by Richardson extrapolation; the result is not a bound.

    The cross-fitted lower bound L(n) falls short of I(X;Y) because the classifier learns from only
    n training rows. For a well-specified classifier with finitely many parameters, the gap falls
    as 1 / n, and cancels in ``2 L(n) - L(n / 2)``, with both bounds on the same held-out rows. For
    other classifiers the estimate is closer to I(X;Y) than L(n) in most cases, but may lie above
    I(X;Y). For example, naive Bayes on many columns is over-confident on few rows, so that L(n /
    2) is far too low and the estimate too high.

    Parameters
    ----------
    estimator : classifier or "stack"
        Classifier with `predict_proba`, as in `cross_val_bounds`.
    X : array-like of shape (n_samples, n_features), or what `estimator` takes
        Rows of features.
    y : array-like of shape (n_samples,)
        Labels, at least four of each class.
    groups : array-like of shape (n_samples,), default=None
        Group of each row, as in `cross_val_bounds`. Training rows are halved by whole groups.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows in the evaluation.
    cv : int, cross-validation generator or iterable, default=5
        Folds, as in `cross_val_bounds`.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer, and of the stratified draw of half of
        the training rows of each fold.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        Treatment of rows that are equal in all columns, as in `cross_val_bounds`.
    bins : int, default=None
        Number of classes into which numeric labels are cut, as in `cross_val_bounds`.
    labels : array-like of shape (n_classes,), default=None
        All labels of the population, if some may be missing from y, as in `cross_val_bounds`.
    n_jobs : int, default=None
        Number of folds to train in parallel. ``None`` is 1 unless in a joblib context; -1 uses all
        processors.
    params : dict, default=None
        Parameters of the estimator's ``fit``, as in `cross_val_bounds`.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which the interval holds.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.
    verbose : int, default=0
        If not 0, progress is shown, as in `cross_val_bounds`.

    Returns
    -------
    InformationEstimate
        The unclipped estimate, with the two lower bounds, an interval and H(Y).

    Raises
    ------
    ValueError
        If the input is invalid for `cross_val_bounds`, or if a class is too rare to be halved.

    Warns
    -----
    UserWarning
        If a label that occurred was predicted with probability 0; a small share of the label
        frequencies is then mixed into all predictions.
    UserWarning
        If the extrapolation failed: the value or L(n) is negative, the value is above H(Y), or
        half of the training rows gave a higher bound than all of them.

    See Also
    --------
    cross_val_bounds : Compute a bound instead of an estimate.
    InformationLearningCurveDisplay : Draw bounds against the number of rows.

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
    return _with_estimate(evaluation, random_state, confidence_level, units)[1]


def bounds_and_estimate(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = 0,
    confidence_level: float = 0.95,
    units: Units = "nats",
    **options: Any,
) -> tuple[InformationBounds, InformationEstimate]:
    """Return the results of `cross_val_bounds` and of `mi_estimate`, from one set of fits.

    Parameters
    ----------
    estimator, X, y, random_state, confidence_level, units
        As in `mi_estimate`.
    **options : dict
        Further parameters that both functions have.

    Returns
    -------
    tuple of InformationBounds and InformationEstimate

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo._evaluation import bounds_and_estimate
    >>> X, y = load_iris(return_X_y=True)
    >>> bounds, estimate = bounds_and_estimate(LinearDiscriminantAnalysis(), X, y)
    >>> bounds.mi_lower == estimate.mi_lower
    True
    """
    check_units(units)
    check_confidence_level(confidence_level)
    evaluation = prepare_evaluation(estimator, X, y, random_state=random_state, **options)
    return _with_estimate(evaluation, random_state, confidence_level, units)


def _with_estimate(evaluation, random_state, confidence_level, units):
    """Return the bounds and the estimate of an evaluation, with one progress bar for both."""
    # Half of the rows take about half of the time.
    with Progress(3, "training", evaluation.verbose) as bar:
        (proba,) = dataclasses.replace(evaluation, verbose=bar.part(2)).held_out()
        rest = dataclasses.replace(evaluation, verbose=bar.part(1))
        estimate = extrapolated(rest, proba, random_state, confidence_level, units)
    bounds = evaluation.bounds(proba, confidence_level=confidence_level, units=units)
    return bounds, estimate


def extrapolated(evaluation, proba, random_state, confidence_level, units):
    """Return the estimate from predictions of held-out rows, and from half of the training rows.

    Parameters
    ----------
    evaluation : Evaluation
    proba : ndarray of shape (n, M)
        Predictions of the classifiers that were trained on all training rows of their folds.
    random_state, confidence_level, units
        As in `mi_estimate`.

    Returns
    -------
    InformationEstimate
    """
    folds, y = evaluation.folds, evaluation.y
    halved = [(_half(train, y, folds.groups, random_state), test) for train, test in folds.splits]
    halves = dataclasses.replace(evaluation, folds=dataclasses.replace(folds, splits=halved))
    probas = possible(
        [proba, *halves.held_out()], evaluation.encoded, folds, len(evaluation.classes)
    )
    whole, half = (evaluation.bounds(one) for one in probas)
    scored, weight = folds.scored, evaluation.sample_weight
    value, error, interval = mean_interval(
        2 * whole.pointwise - half.pointwise,
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
        rely = " Use the lower bound instead." * (whole.mi_lower > 0)
        warnings.warn(
            f"The extrapolated estimate, {estimate.value:.3f} {units}, is not reliable: "
            f"{'; '.join(failures)}.{rely} Pass more rows, or another "
            "classifier.",
            stacklevel=users_stacklevel(),
        )
    return estimate


def _half(train, y, groups, random_state):
    """Return half of the training rows, by class, or by whole groups if there are any."""
    if groups is not None and len(np.unique(groups[train])) >= 4:
        halves = StratifiedGroupKFold(2, shuffle=True, random_state=random_state)
        return train[next(halves.split(train, y[train], groups[train]))[0]]
    try:
        return train_test_split(
            train, train_size=0.5, stratify=y[train], random_state=random_state
        )[0]
    except ValueError as error:
        values, counts = np.unique(y[train], return_counts=True)
        rarest = values.tolist()[counts.argmin()]
        raise ValueError(
            "`y` must have at least two training rows of each class in each fold, so that they "
            f"can be halved; got {counts.min()} of class {rarest!r}. Merge rare classes."
        ) from error
