"""`InformationBounds`, the result of every evaluation."""

from __future__ import annotations

import dataclasses
import html
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils import users_stacklevel
from .compare import ScoredRows, compare_bounds
from .observations import Observations, check_weight_bounds
from .units import Units, check_units, nats_to

# name, what it is; the order is that of the printed table.
_PAPER = (
    ("conditional_mi", "I(Z;Y|X), the sandwich's upper end; zero for every network"),
    ("log_softmax", "E log-softmax (Eq. 16)"),
    ("dv_minus_log_m", "DV - log M (Eq. 25), the sandwich's lower end"),
    ("jensen_gap", "E log-softmax - (DV - log M)"),
    ("dv", "DV representation (Eq. 13, uniform E_y)"),
)
# Of interest where the output is random.
_DRAWS = (
    ("dv_closed_form", "DV of Gaussian logits, without draws: the one to use"),
    ("dv_jackknife", "DV less the bias of few draws; under strong noise most of it stays"),
)
_RIGOROUS = (
    ("label_entropy", "H(Y)"),
    ("mi_upper", "upper bound of I(X;Y)"),
    ("mi_lower", "lower bound of I(X;Y)"),
    ("mi_lower_floored", "the same after mixing in label frequencies"),
    ("mi_output_upper", "upper bound of I(Z;Y)"),
    ("mi_output_lower", "lower bound of I(Z;Y)"),
    ("dv_label_prior", "DV with E_y = P(Y)"),
)
_UPPER_METHODS = {
    "label_entropy": "upper bound of I(Z;Y) (label entropy)",
    "leave_one_out_mixture": "upper estimate of I(Z;Y) (leave-one-out mixture)",
}
_LIMITS = (
    "mi_lower_limit",
    "betting_lower_limit",
    "fano_lower_limit",
    "label_entropy_upper_limit",
)
_INFORMATION = tuple(name for name, _ in _PAPER + _DRAWS + _RIGOROUS) + _LIMITS
_ERRORS = ("standard_errors", "monte_carlo_errors")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class InformationBounds:
    """How much label information a classifier carries: the paper's quantities and bounds.

    All values are expectations over the rows that were evaluated. They bound the information
    of the population up to the sampling error of those rows, and only if no label among them
    was used to train the classifier: on training rows the same formulas overstate.

    The ladder ``dv_label_prior <= mi_output_lower <= mi_lower <= label_entropy`` holds exactly
    on any rows. `StochasticInfoClassifier` predicts with a bank of noise and evaluates its outputs
    with draws of each row's own: there the middle inequality holds up to the error of finitely
    many draws, and may fail for few.

    Attributes
    ----------
    log_softmax : float
        Expected log-softmax of the label (paper Eq. 16).
    dv : float
        Donsker-Varadhan representation (Eq. 13) with E_y uniform over the M classes. Not a
        bound of I(X;Y) when labels are imbalanced: it can exceed it by log M - H(Y). With a
        `class_prior` other than uniform its critic is ``z + log prior``, whose softmax predicts.
    dv_jackknife : float
        `dv` after the jackknife over draws. The plug-in from K draws is too high by a term of
        order 1 / K, this by one of order 1 / K**2. An estimate; equal to `dv` if K = 1. Under
        strong noise, logits with a standard deviation of 3, and few draws most of the bias stays,
        and `monte_carlo_errors` are several times too small: prefer `dv_closed_form` where there
        is one, or take more draws.
    dv_closed_form : float
        The same representation without draws, where the logits are Gaussian given the input; NaN
        where they are not.
    dv_minus_log_m : float
        Lower end of the paper's sandwich (Eq. 25 as corrected).
    jensen_gap : float
        ``log_softmax - dv_minus_log_m``, never negative; zero for a deterministic network.
    conditional_mi : float
        I(Z;Y|X), upper end of the sandwich (Eq. 26). Output and label are independent given
        the input, so it is 0.
    label_entropy : float
        H(Y) of the evaluated rows.
    dv_label_prior : float
        Donsker-Varadhan representation with E_y = P(Y); lowest rung of the ladder.
    mi_output_lower : float
        ``H(Y) + E log-softmax``, lower bound of I(Z;Y), Z being the network's output.
    mi_lower : float
        ``H(Y) + E log q(y|x)``, q being the predicted probability; lower bound of I(X;Y). A label
        that occurred and was given probability zero counts as the smallest positive number, with a
        warning.
    mi_lower_floored : float
        The same for ``(1 - eps) q + eps p_hat``, p_hat being the label frequencies: the point
        value of `interval`. With n observations eps is 10 / n, within 0.001 and 0.1.
    mi_lower_limit : float
        The lower confidence limit of I(X;Y): with probability `confidence_level` I(X;Y) is at
        least as large, if the rows (or groups) are independent draws from the population and none
        of their labels was used for training. It is the larger of a limit by betting, which has
        nine tenths of the probability of being wrong, and of Fano's, which has one tenth.
        Predictions are recalibrated for it, each from the rows before it, so that it may exceed
        `mi_lower`; it is never negative.
    betting_lower_limit : float
        The limit by betting alone, at the full `confidence_level`.
    fano_lower_limit : float
        The limit from the error rate of the most probable class alone, by Fano's inequality, at
        the full `confidence_level`. Calibration does not matter for it. Choose one of the three
        limits before looking at them: the largest does not hold at the level.
    label_entropy_upper_limit : float
        Upper confidence limit of H(Y) of the population, and so of I(X;Y), at `confidence_level`,
        for labels of these `n_classes` classes. Classes that were neither seen nor named by
        ``labels`` are not counted, and no number of rows bounds the entropy of what may be
        missing: name all classes where some may not occur in the rows.
    interval : tuple of float
        Two-sided confidence interval of ``E log q'(y|x) / p(y)``, the information of this
        classifier as it is, q' being ``(1 - eps) q + eps p_hat``: no recalibration, no Fano, no
        cut at 0. Each end holds with probability ``(1 + confidence_level) / 2``. Not one of
        I(X;Y), which a better classifier may show to be larger.
    mi_upper : float
        Label entropy of the evaluated rows, the plug-in of the upper bound of I(X;Y). In the
        population H(Y), and I(X;Y), may be larger, the more so the more classes and the fewer
        rows: `label_entropy_upper_limit` is the limit.
    mi_output_upper : float
        Upper bound of I(Z;Y), Z being the noisy layer of the network: the label entropy, or a
        leave-one-out mixture estimate where that is smaller.
    mi_output_upper_method : {"label_entropy", "leave_one_out_mixture"}
        Which of the two. The label entropy always bounds. The mixture is an estimate that lies
        above I(Z;Y) in expectation over rows not used for training; it is loose where the
        output identifies the row, I(Z;X) above some 6 nats.
    d2 : float
        ``mi_lower / label_entropy``, share of the label entropy explained; NaN if that is 0.
    confidence_level : float
        Probability with which each limit holds, and the interval as a whole. They hold at every
        sample size if the label prior is known, and were found to hold in simulations with the
        labels' own frequencies in its place.
    n_samples, n_classes, n_draws : int
        Rows evaluated, classes, and draws of the network's output per row.
    n_groups : int or None
        Groups of rows; ``None`` if each row is an observation of its own.
    assumption : str
        What has to hold of the evaluated rows for the limits to hold.
    classes : ndarray of shape (n_classes,)
        Labels, in the order of `reference_prior`.
    reference_prior : ndarray of shape (n_classes,)
        Prior r against which `pointwise` counts.
    units : {"nats", "bits"}
        Unit of all information above.
    standard_errors : dict of str to float
        Standard errors over rows (or groups) and their draws, of ``log_softmax``, ``dv``,
        ``jensen_gap``, ``mi_output_lower``, ``mi_lower`` and, if it is the mixture,
        ``mi_output_upper``.
    monte_carlo_errors : dict of str to float
        The part of it that is due to finitely many draws, and falls with their number (under
        strong noise it is larger than this), of
        ``log_softmax``, ``dv`` and ``jensen_gap``. Zero for a deterministic network, NaN from one
        draw, which says nothing of its error.
    pointwise : ndarray of shape (n_samples,)
        Contribution of each row, ``log q(y|x) - log r_y - KL(p_hat, r)`` with p_hat the label
        frequencies. Its (weighted) mean is `mi_lower` for every r.

    Examples
    --------
    >>> from sksoftinfo import information_bounds
    >>> bounds = information_bounds([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    >>> round(bounds.to_bits().mi_lower, 3)
    0.763
    """

    log_softmax: float
    dv: float
    dv_jackknife: float
    dv_closed_form: float
    dv_minus_log_m: float
    jensen_gap: float
    conditional_mi: float
    label_entropy: float
    dv_label_prior: float
    mi_output_lower: float
    mi_lower: float
    mi_upper: float
    mi_output_upper: float
    mi_output_upper_method: str = "label_entropy"
    d2: float
    mi_lower_floored: float
    mi_lower_limit: float
    betting_lower_limit: float
    fano_lower_limit: float
    label_entropy_upper_limit: float
    interval: tuple[float, float]
    confidence_level: float
    n_samples: int
    n_classes: int
    n_draws: int
    n_groups: int | None = None
    classes: np.ndarray
    reference_prior: np.ndarray
    units: str = "nats"
    assumption: str
    standard_errors: dict
    monte_carlo_errors: dict
    pointwise: np.ndarray
    _rows: ScoredRows | None = None

    def __sub__(self, other):
        if not isinstance(other, InformationBounds):
            return NotImplemented
        return compare_bounds(self, other, confidence_level=self.confidence_level)

    def __eq__(self, other):
        if not isinstance(other, InformationBounds):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else _same(mine, theirs)
            for mine, theirs in zip(self._values(), other._values(), strict=True)
        )

    # Two results may be equal while their arrays are not hashable.
    __hash__ = None  # type: ignore[assignment]

    def _values(self):
        return [getattr(self, name) for name in self._names()]

    @classmethod
    def _names(cls):
        return [field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")]

    def to_dict(self, *, pointwise: bool = False) -> dict[str, Any]:
        """Return plain numbers, strings and lists, ready for JSON.

        Parameters
        ----------
        pointwise : bool, default=False
            Whether to include the contribution of each row.

        Returns
        -------
        dict
            Values by name.
        """
        values = {name: getattr(self, name) for name in self._names()}
        if not pointwise:
            del values["pointwise"]
        lists = (np.ndarray, tuple)
        return {
            name: np.asarray(value).tolist() if isinstance(value, lists) else value
            for name, value in values.items()
        }

    def to_units(self, units: Units) -> InformationBounds:
        """Return the same bounds in ``"nats"`` or ``"bits"``.

        Parameters
        ----------
        units : {"nats", "bits"}
            Unit of the result.

        Returns
        -------
        InformationBounds
            In that unit.

        Raises
        ------
        ValueError
            If `units` is neither.
        """
        if check_units(units) == self.units:
            return self
        factor = nats_to(units) / nats_to(self.units)
        changes = {name: getattr(self, name) * factor for name in (*_INFORMATION, "pointwise")}
        changes["interval"] = tuple(factor * end for end in self.interval)
        for errors in _ERRORS:
            values = getattr(self, errors)
            changes[errors] = {name: value * factor for name, value in values.items()}
        return dataclasses.replace(self, units=units, **changes)

    def to_bits(self) -> InformationBounds:
        """Return the same bounds in bits.

        Returns
        -------
        InformationBounds
            In bits.
        """
        return self.to_units("bits")

    def to_nats(self) -> InformationBounds:
        """Return the same bounds in nats.

        Returns
        -------
        InformationBounds
            In nats.
        """
        return self.to_units("nats")

    def _sections(self):
        meanings = dict(_RIGOROUS, mi_output_upper=_UPPER_METHODS[self.mi_output_upper_method])
        draws = [row for row in _DRAWS if self.n_draws > 1 and not np.isnan(getattr(self, row[0]))]
        yield "the paper", (*_PAPER, *draws)
        yield (
            "on the evaluated rows",
            tuple(meanings.items()) + (("d2", "share of H(Y) explained, mi_lower / H(Y)"),),
        )
        level = f"{100 * self.confidence_level:g} %"
        meanings = (
            f"{level} lower limit of I(X;Y): the one to use",
            f"{level} lower limit of I(X;Y), by betting alone",
            f"{level} lower limit of I(X;Y), from the error rate alone",
            f"{level} upper limit of H(Y), of the {self.n_classes} classes seen or named",
        )
        interval = ("interval", f"{level} interval of mi_lower_floored, this classifier as it is")
        yield "for the population", (*zip(_LIMITS, meanings, strict=True), interval)

    def _shown(self, name):
        value = getattr(self, name)
        return f"{value:.4f}" if np.isscalar(value) else " to ".join(f"{end:.4f}" for end in value)

    def _title(self):
        draws = f", {self.n_draws} draws" if self.n_draws > 1 else ""
        groups = "" if self.n_groups is None else f" in {self.n_groups} groups"
        return (
            f"InformationBounds in {self.units}: "
            f"{self.n_samples} samples{groups}, {self.n_classes} classes{draws}"
        )

    def __repr__(self):
        lines = [self._title(), f"  assumed: {self.assumption}"]
        for section, rows in self._sections():
            lines.append(f"  {section}")
            lines += [f"    {name:<26}{self._shown(name):>9}  {text}" for name, text in rows]
        return "\n".join(lines)

    def _repr_html_(self):
        rows = "".join(
            f'<tr><th colspan="3" style="text-align:left">{html.escape(section)}</th></tr>'
            + "".join(
                f'<tr><td style="text-align:left"><code>{name}</code></td>'
                f"<td>{self._shown(name)}</td>"
                f'<td style="text-align:left">{html.escape(text)}</td></tr>'
                for name, text in entries
            )
            for section, entries in self._sections()
        )
        return (
            f"<table><caption>{html.escape(self._title())}<br>"
            f"assumed: {html.escape(self.assumption)}</caption>{rows}</table>"
        )


def _same(mine, theirs):
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(
            _same(value, theirs[name]) for name, value in mine.items()
        )
    return mine == theirs or (mine != mine and theirs != theirs)


def bounds_from(
    accumulator,
    *,
    classes,
    output_upper=None,
    reference_prior=None,
    known_prior=False,
    groups=None,
    folds=None,
    weight_bound=None,
    group_bound=None,
    confidence_level=0.95,
    units="nats",
):
    """Build `InformationBounds` from a `BoundsAccumulator`.

    `known_prior` says whether `reference_prior` is that of the population; `output_upper` is an
    estimate of an upper bound of I(Z;Y) with its standard error; `groups` and `folds` hold
    integers, one for each row. A bound that a weight exceeds raises ValueError.
    """
    y, weights = accumulator.rows()
    bound = check_weight_bounds(weights, groups, weight_bound, group_bound)
    observations = Observations(len(y), weights, groups, bound)
    n_impossible = accumulator.count_impossible()
    if n_impossible:
        warnings.warn(
            f"Probability 0 was predicted for the label that occurred in {n_impossible} of "
            f"{len(y)} rows. mi_lower, d2 and pointwise count it as the smallest positive number, "
            "2e-308; mi_lower_floored and the limits are of a mixture with the label frequencies.",
            stacklevel=users_stacklevel(),
        )
    result = accumulator.result(reference_prior, groups)
    limits = accumulator.limits(
        observations,
        level=confidence_level,
        prior=reference_prior if known_prior else None,
        folds=folds,
    )
    if output_upper is not None and output_upper[0] < result["label_entropy"]:
        result["mi_output_upper"], error = output_upper
        result["mi_output_upper_method"] = "leave_one_out_mixture"
        result["standard_errors"]["mi_output_upper"] = error
    bounds = InformationBounds(
        classes=np.asarray(classes),
        confidence_level=float(confidence_level),
        n_groups=None if groups is None else len(observations.weights),
        assumption=f"{'rows' if groups is None else 'groups'} are independent draws",
        _rows=ScoredRows.of(y, weights, groups, cross_fitted=folds is not None),
        **result,
        **limits._asdict(),
    )
    return bounds.to_units(units)
