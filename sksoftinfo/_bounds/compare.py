"""Differences between two results on the same rows."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from .._utils import counted_rows
from .confidence import check_confidence_level
from .student import means_of_observations, student_of
from .units import nats_to

if TYPE_CHECKING:
    from .result import InformationBounds


@dataclass(frozen=True)
class ScoredRows:
    """Labels, weights and groups by which two results are checked to be on the same rows."""

    labels: str
    weights: np.ndarray | None
    groups: np.ndarray | None
    cross_fitted: bool

    @classmethod
    def of(cls, y, weights, groups, *, cross_fitted):
        """Return the description of rows with encoded labels `y`; their order counts.

        Groups are numbered in the order in which they occur, so that their names do not count.
        """
        if groups is not None:
            _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
            groups = np.argsort(np.argsort(first))[groups]
        labels = np.ascontiguousarray(y, dtype=np.int64)
        digest = hashlib.blake2b(labels.data.cast("B"), digest_size=16).hexdigest()
        return cls(digest, weights, groups, cross_fitted)


@dataclass(frozen=True, kw_only=True)
class BoundsDifference:
    """Difference between the lower bounds of two classifiers on the same rows.

    For predicted probabilities q_a and q_b of the classifiers a and b, the difference ``E
    log(q_a(y|x) / q_b(y|x))`` is the gain of a over b. It is not a difference between amounts of
    information in the data: a classifier may gain from columns that are redundant, and may fail to
    gain from columns that are informative.

    Attributes
    ----------
    difference : float
        ``a.mi_lower - b.mi_lower``.
    standard_error : float
        Standard error of the difference, over paired rows or over groups of rows; NaN if all rows
        have the same non-zero difference, since no error can then be estimated.
    interval : tuple of float
        Two-sided confidence interval of the difference in the population, by Student's t; NaN if
        the standard error is NaN.
    p_value : float
        Two-sided p-value of the null hypothesis that the difference in the population is 0; NaN if
        the standard error is NaN.
    confidence_level : float
        Probability with which `interval` holds.
    n_samples : int
        Number of rows that were compared.
    n_groups : int or None
        Number of groups of rows; ``None`` if each row is an observation of its own.
    cross_fitted : bool
        Whether the predictions are cross-fitted, e.g. by `cross_val_bounds`. The classifiers of
        the folds then share training rows, which makes interval and p-value more approximate than
        Student's t alone.
    units : {"nats", "bits"}
        Unit of the difference.

    See Also
    --------
    compare_bounds : Compare two results.

    Examples
    --------
    >>> from sksoftinfo import information_bounds
    >>> y = [0, 1] * 50
    >>> gain = information_bounds(y, [0.1, 0.8] * 50) - information_bounds(y, [0.4, 0.6] * 50)
    >>> gain.difference > 0
    True
    """

    difference: float
    standard_error: float
    interval: tuple[float, float]
    p_value: float
    confidence_level: float
    n_samples: int
    n_groups: int | None
    cross_fitted: bool
    units: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of Python numbers, strings and lists.

        Numbers may be NaN, which ``json.dumps`` writes as ``NaN``.

        Returns
        -------
        dict
            Values by attribute name.
        """
        return {**dataclasses.asdict(self), "interval": list(self.interval)}

    def __repr__(self):
        low, high = self.interval
        level = f"{100 * self.confidence_level:g} %"
        rows = counted_rows(self.n_samples, self.n_groups)
        approximate = " (approximate: cross-fitted)" if self.cross_fitted else ""
        if np.isnan(self.p_value):
            caveat = "All differences are equal: their standard error cannot be estimated."
        else:
            caveat = "By Student's t: the interval is too narrow if large differences are rare."
        return (
            f"BoundsDifference in {self.units}: {rows}\n  {self.difference:.4f}, {level} interval "
            f"{low:.4f} to {high:.4f}, p = {self.p_value:.2g}{approximate}\n  {caveat}"
        )


def compare_bounds(
    a: InformationBounds, b: InformationBounds, *, confidence_level: float = 0.95
) -> BoundsDifference:
    """Compare two results on the same rows, of two classifiers or two sets of columns.

    The contributions of each row are paired, so variation that both results share cancels.
    ``a - b`` makes the same comparison, at the confidence level of `a`.

    Parameters
    ----------
    a, b : InformationBounds
        Results on the same labels in the same order, with the same weights, groups and reference
        prior.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which the interval holds.

    Returns
    -------
    BoundsDifference
        The difference ``a - b``, in the units of `a`.

    Raises
    ------
    ValueError
        If the results are on different rows, or have different weights, groups or reference
        priors; if `confidence_level` is not in (0, 1); if there are fewer than two observations.

    See Also
    --------
    cross_val_bounds : Compute cross-fitted bounds to compare.

    Notes
    -----
    The interval and the p-value are from Student's t on paired differences of rows, or of groups.
    Unequal weights, or groups of unequal size, reduce the degrees of freedom [1]_. Student's t
    does not need bounded values, but assumes that the mean of the differences is approximately
    normal. This assumption fails if large differences are rare, e.g. errors of an over-confident
    classifier: a sample may then contain few or none of them, so that the interval is too narrow
    and the p-value too small.

    If all rows have the same non-zero difference, no standard error can be estimated: the standard
    error, the interval and the p-value are NaN. If all differences are 0, the standard error is 0,
    the interval is (0, 0) and the p-value is 1.

    References
    ----------
    .. [1] R. M. Bell, D. F. McCaffrey, "Bias reduction in standard errors for linear regression
       with multi-stage samples", Survey Methodology 28, 2002.

    Examples
    --------
    >>> from sksoftinfo import compare_bounds, information_bounds
    >>> y = [0, 1] * 50
    >>> sharp = information_bounds(y, [0.1, 0.8] * 50)
    >>> blunt = information_bounds(y, [0.3, 0.6] * 49 + [0.2, 0.9])
    >>> gain = compare_bounds(sharp, blunt)
    >>> round(gain.difference, 3), gain.p_value < 0.001
    (0.264, True)
    """
    check_confidence_level(confidence_level)
    rows, others = _same_rows(a, b)
    values = a.pointwise - b.pointwise * (nats_to(a.units) / nats_to(b.units))
    used = np.full(len(values), True) if rows.weights is None else rows.weights > 0
    # A row of weight zero adds nothing, even where its value is infinite.
    values = np.where(used, values, 0.0)
    means, weights = means_of_observations(values, rows.weights, rows.groups)
    n = len(means)
    if n < 2:
        raise ValueError(
            "`a` and `b` must have at least 2 observations, i.e. rows of positive weight, or "
            f"groups; got {n}. Score more rows or groups."
        )
    difference, error, freedom = student_of(means, weights)
    # Deviations that rounding may leave between equal differences.
    tiny = 1e-13 * float(np.maximum(abs(a.pointwise), abs(b.pointwise))[used].max())
    if (abs(means - difference) > tiny).any():
        half = error * float(special.stdtrit(freedom, (1 + confidence_level) / 2))
        p_value = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    elif abs(difference) <= tiny:
        error, half, p_value = 0.0, 0.0, 1.0
    else:
        error, half, p_value = np.nan, np.nan, np.nan
    return BoundsDifference(
        difference=difference,
        standard_error=error,
        interval=(difference - half, difference + half),
        p_value=p_value,
        confidence_level=float(confidence_level),
        n_samples=a.n_samples,
        n_groups=a.n_groups,
        cross_fitted=rows.cross_fitted or others.cross_fitted,
        units=a.units,
    )


def _same_rows(a, b):
    """Return the `ScoredRows` of both results, or raise ValueError if the rows differ."""
    for name, bounds in (("a", a), ("b", b)):
        if not hasattr(bounds, "_rows"):
            raise ValueError(
                f"`{name}` must be an InformationBounds; got {bounds!r}. Pass results of "
                "information_bounds, score_bounds or cross_val_bounds."
            )
    first, second = a._rows, b._rows
    if first is None or second is None:
        raise ValueError(
            "`a` and `b` must come from information_bounds, score_bounds or cross_val_bounds; "
            "got an InformationBounds that was created directly. Compute both by one of these "
            "functions."
        )
    for name, same in (
        ("classes", np.array_equal(a.classes, b.classes)),
        ("labels or order of rows", first.labels == second.labels),
        ("sample_weight", _equal(first.weights, second.weights)),
        ("groups", _equal(first.groups, second.groups)),
        ("reference_prior", _close(a.reference_prior, b.reference_prior)),
    ):
        if not same:
            raise ValueError(
                f"`a` and `b` must be results on the same rows; got different {name}. Score both "
                "classifiers on the same rows, in the same order, with the same arguments."
            )
    return first, second


def _close(first, second):
    return first.shape == second.shape and np.allclose(first, second, atol=1e-12)


def _equal(first, second):
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)
