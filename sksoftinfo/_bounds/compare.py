"""Differences of two results on the same rows."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from .confidence import check_confidence_level
from .units import nats_to

if TYPE_CHECKING:
    from .result import InformationBounds


@dataclass(frozen=True)
class ScoredRows:
    """What tells the rows of one result from those of another."""

    labels: str
    weights: np.ndarray | None
    groups: np.ndarray | None
    cross_fitted: bool

    @classmethod
    def of(cls, y, weights, groups, *, cross_fitted):
        """Return that of encoded labels `y` in their order."""
        labels = np.ascontiguousarray(y, dtype=np.int64)
        digest = hashlib.blake2b(labels.data.cast("B"), digest_size=16).hexdigest()
        return cls(digest, weights, groups, cross_fitted)


@dataclass(frozen=True, kw_only=True)
class BoundsDifference:
    """How much more information one classifier's predictions carry than another's.

    It is the gain of these classifiers as they are, ``E log q_a(y|x) / q_b(y|x)``, and not a
    difference of informations: a classifier may gain from columns that add nothing to what the
    others say, and may fail to gain from columns that do.

    Attributes
    ----------
    difference : float
        ``a.mi_lower - b.mi_lower``.
    standard_error : float
        Over rows, which are paired, or over groups of rows.
    interval : tuple of float
        Two-sided confidence interval of the difference in the population (Student's); NaN where
        all differences are equal and not 0, from which no error can be estimated.
    p_value : float
        Two-sided, of no difference in the population; NaN as the interval is.
    confidence_level : float
        Probability with which the interval holds.
    n_samples : int
        Rows compared.
    n_groups : int or None
        Groups of rows; ``None`` if each row is an observation of its own.
    cross_fitted : bool
        Whether predictions come from classifiers trained on the other rows, as by
        `cross_val_bounds`. The rows then share training rows, and interval and p-value are
        approximate beyond what Student's are.
    units : {"nats", "bits"}
        Unit of the difference.

    See Also
    --------
    compare_bounds : Makes one.

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
        """Return plain numbers and strings, ready for JSON.

        Returns
        -------
        dict
            Values by name.
        """
        return {**dataclasses.asdict(self), "interval": list(self.interval)}

    def __repr__(self):
        low, high = self.interval
        level = f"{100 * self.confidence_level:g} %"
        groups = "" if self.n_groups is None else f" in {self.n_groups} groups"
        approximate = " (approximate: cross-fitted)" if self.cross_fitted else ""
        if np.isnan(self.p_value):
            caveat = "All differences are equal: no error can be estimated from them."
        else:
            caveat = "Student's t: too certain if rare rows, few or none of these, differ by much."
        return (
            f"BoundsDifference in {self.units}: {self.n_samples} samples{groups}\n"
            f"  {self.difference:.4f}, {level} interval {low:.4f} to {high:.4f}, "
            f"p = {self.p_value:.2g}{approximate}\n"
            f"  {caveat}"
        )


def compare_bounds(
    a: InformationBounds, b: InformationBounds, *, confidence_level: float = 0.95
) -> BoundsDifference:
    """Compare two results on the same rows: two classifiers, or two sets of columns.

    The contributions of each row are paired, so that what makes a row hard for both cancels.
    ``a - b`` does the same, at the confidence level of `a`.

    Parameters
    ----------
    a, b : InformationBounds
        Of the same labels in the same order, with the same weights, groups and reference prior.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which the interval holds.

    Returns
    -------
    BoundsDifference
        In the units of `a`.

    Raises
    ------
    ValueError
        If the results are of other rows, or were weighted or grouped in other ways.

    Notes
    -----
    Student's t on paired differences, with errors robust to clusters if there are groups. It needs
    no bounded values, but a sample in which the mean is about normal. Where large differences are
    rare, such as failures of a classifier that is sure of itself, it is not: a sample may hold few
    of them or none, and interval and p-value are then too certain. Where all differences are equal
    and not 0, there is nothing to estimate an error from, and both are NaN.

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
    weights = np.ones(len(values)) if rows.weights is None else rows.weights
    # A row of weight zero adds nothing, even where its value is infinite.
    values = np.where(weights > 0, values, 0.0)
    difference = float(np.average(values, weights=weights))
    used = weights > 0
    deviations = (weights * (values - difference))[used]
    # What rounding may leave of equal differences.
    tiny = 1e-13 * float(np.maximum(abs(a.pointwise), abs(b.pointwise))[used].max())
    rounding = tiny * weights[used]
    if rows.groups is not None:
        codes = np.unique(rows.groups[used], return_inverse=True)[1]
        deviations, rounding = (np.bincount(codes, of_rows) for of_rows in (deviations, rounding))
    n = len(deviations)
    if n < 2:
        raise ValueError(
            f"A comparison needs at least 2 independent rows or groups; got {n}. Score more."
        )
    if (abs(deviations) > rounding).any():
        error = float(np.sqrt(deviations @ deviations * n / (n - 1)) / weights.sum())
        half = error * float(special.stdtrit(n - 1, (1 + confidence_level) / 2))
        p_value = 2 * float(special.stdtr(n - 1, -abs(difference) / error))
    elif abs(difference) <= tiny:
        error, half, p_value = 0.0, 0.0, 1.0
    else:
        error, half, p_value = 0.0, np.nan, np.nan
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
    """Return what is known of the rows of both results, or raise ValueError if they differ."""
    first, second = a._rows, b._rows
    if first is None or second is None:
        raise ValueError(
            "Both results must know their rows; got one that was built by hand. Compare what "
            "information_bounds, score_bounds or cross_val_bounds returned."
        )
    for name, same in (
        ("classes", np.array_equal(a.classes, b.classes)),
        ("labels or order of rows", first.labels == second.labels),
        ("sample_weight", _equal(first.weights, second.weights)),
        ("groups", _equal(first.groups, second.groups)),
        ("reference_prior", np.allclose(a.reference_prior, b.reference_prior, atol=1e-12)),
    ):
        if not same:
            raise ValueError(
                f"Both results must be of the same rows; got two with different {name}. Score "
                "both classifiers on the same rows, in the same order, with the same arguments."
            )
    return first, second


def _equal(first, second):
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)
