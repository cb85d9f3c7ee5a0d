"""`InformationBounds`, the result of every evaluation."""

from __future__ import annotations

import dataclasses
import html
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils import users_stacklevel
from .confidence import FLOOR
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
    ("dv_jackknife", "DV, most of the bias of finitely many draws removed"),
    ("dv_closed_form", "DV of Gaussian logits, without draws"),
)
_RIGOROUS = (
    ("label_entropy", "H(Y)"),
    ("mi_upper", "upper bound of I(X;Y)"),
    ("mi_lower", "lower bound of I(X;Y)"),
    ("mi_output_upper", "upper bound of I(Z;Y)"),
    ("mi_output_lower", "lower bound of I(Z;Y)"),
    ("dv_label_prior", "DV with E_y = P(Y)"),
)
_UPPER_METHODS = {
    "label_entropy": "upper bound of I(Z;Y) (label entropy)",
    "leave_one_out_mixture": "upper estimate of I(Z;Y) (leave-one-out mixture)",
}
_LIMITS = ("mi_lower_limit", "fano_lower_limit")
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
        bound of I(X;Y) when labels are imbalanced: it can exceed it by log M - H(Y).
    dv_jackknife : float
        `dv` after the jackknife over draws. The plug-in from K draws is too high by a term of
        order 1 / K, this by one of order 1 / K**2. An estimate; equal to `dv` if K = 1.
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
        ``H(Y) + E log q(y|x)``, q being the predicted probability; lower bound of I(X;Y). If a
        label that occurred was given probability zero, q is replaced by 0.999 q + 0.001 p_hat,
        p_hat being the label frequencies, with a warning.
    mi_lower_limit : float
        Lower confidence limit of I(X;Y): with probability `confidence_level` it lies below,
        if the rows are independent draws from the population and none of their labels was used
        for training. It is a limit on the bound of 0.999 q + 0.001 p_hat, whose contributions
        are bounded, and is never above `mi_lower`.
    fano_lower_limit : float
        Lower confidence limit of I(X;Y) from the error rate of the most probable class, by
        Fano's inequality; on the same assumptions. Calibration does not matter for it.
    mi_upper : float
        Upper bound of I(X;Y): the label entropy.
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
        Probability with which each of the two limits holds.
    confidence_method : {"betting", "normal"}
        ``"betting"`` holds at every sample size if the label prior is known, and was found to
        hold in simulations with the labels' own frequencies in its place; ``"normal"``
        (Student's, corrected for skewness) holds for large samples only.
    n_samples, n_classes, n_draws : int
        Rows evaluated, classes, and draws of the network's output per row.
    classes : ndarray of shape (n_classes,)
        Labels, in the order of `reference_prior`.
    reference_prior : ndarray of shape (n_classes,)
        Prior r against which `pointwise` counts.
    units : {"nats", "bits"}
        Unit of all information above.
    standard_errors : dict of str to float
        Standard errors over rows and their draws, of ``log_softmax``, ``dv``, ``jensen_gap``,
        ``mi_output_lower``, ``mi_lower`` and, if it is the mixture, ``mi_output_upper``.
    monte_carlo_errors : dict of str to float
        The part of it that is due to finitely many draws, and falls with their number, of
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
    mi_lower_limit: float
    fano_lower_limit: float
    confidence_level: float
    confidence_method: str
    n_samples: int
    n_classes: int
    n_draws: int
    classes: np.ndarray
    reference_prior: np.ndarray
    units: str = "nats"
    standard_errors: dict
    monte_carlo_errors: dict
    pointwise: np.ndarray

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
        return [getattr(self, field.name) for field in dataclasses.fields(self)]

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
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: getattr(self, name) for name in names}
        if not pointwise:
            del values["pointwise"]
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
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
        level = f"{100 * self.confidence_level:g} % lower limit of I(X;Y)"
        meanings = (f"{level} ({self.confidence_method})", f"{level} from the error rate")
        yield "for the population", tuple(zip(_LIMITS, meanings, strict=True))

    def _title(self):
        draws = f", {self.n_draws} draws" if self.n_draws > 1 else ""
        return (
            f"InformationBounds in {self.units}: "
            f"{self.n_samples} samples, {self.n_classes} classes{draws}"
        )

    def __repr__(self):
        lines = [self._title()]
        for section, rows in self._sections():
            lines.append(f"  {section}")
            lines += [f"    {name:<22}{getattr(self, name):>9.4f}  {text}" for name, text in rows]
        return "\n".join(lines)

    def _repr_html_(self):
        rows = "".join(
            f'<tr><th colspan="3" style="text-align:left">{html.escape(section)}</th></tr>'
            + "".join(
                f'<tr><td style="text-align:left"><code>{name}</code></td>'
                f"<td>{getattr(self, name):.4f}</td>"
                f'<td style="text-align:left">{html.escape(text)}</td></tr>'
                for name, text in entries
            )
            for section, entries in self._sections()
        )
        return f"<table><caption>{html.escape(self._title())}</caption>{rows}</table>"


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
    confidence_level=0.95,
    confidence_method="betting",
    units="nats",
):
    """Build `InformationBounds` from a `BoundsAccumulator`.

    `known_prior` says whether `reference_prior` is that of the population; `output_upper` is an
    estimate of an upper bound of I(Z;Y) with its standard error.
    """
    n_impossible = accumulator.n_impossible()
    if n_impossible:
        accumulator.mix_in_frequencies()
    result = accumulator.result(reference_prior)
    if n_impossible:
        warnings.warn(
            f"Probability 0 was predicted for the label that occurred in {n_impossible} of "
            f"{result['n_samples']} rows: {1 - FLOOR:g} q + {FLOOR:g} p is evaluated in place of "
            "the prediction q, with p the frequencies of the labels.",
            stacklevel=users_stacklevel(),
        )
    limits = accumulator.limits(
        level=confidence_level,
        method=confidence_method,
        known_prior=reference_prior if known_prior else None,
    )
    # What the floor adds to an over-confident prediction is left out, so that no limit exceeds
    # the value whose limit it is.
    limits["mi_lower_limit"] = min(limits["mi_lower_limit"], result["mi_lower"])
    if output_upper is not None and output_upper[0] < result["label_entropy"]:
        result["mi_output_upper"], error = output_upper
        result["mi_output_upper_method"] = "leave_one_out_mixture"
        result["standard_errors"]["mi_output_upper"] = error
    bounds = InformationBounds(
        classes=np.asarray(classes),
        confidence_level=float(confidence_level),
        confidence_method=confidence_method,
        **result,
        **limits,
    )
    return bounds.to_units(units)
