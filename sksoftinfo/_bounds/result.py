"""`InformationBounds`, the result of an evaluation."""

from __future__ import annotations

import dataclasses
import html
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils import counted_rows, users_stacklevel
from .compare import ScoredRows, compare_bounds
from .observations import Observations, check_weight_bounds
from .units import Units, check_units, nats_to

# Names and descriptions, in the order of the printed table.
_PAPER = (
    ("conditional_mi", "I(Z;Y|X), the sandwich's upper end; zero for every network"),
    ("log_softmax", "E log-softmax (Eq. 16)"),
    ("dv_minus_log_m", "DV - log M (Eq. 25), the sandwich's lower end"),
    ("jensen_gap", "E log-softmax - (DV - log M)"),
    ("dv", "DV representation (Eq. 13, uniform E_y)"),
)
# Shown only for stochastic networks.
_DRAWS = (
    ("dv_closed_form", "DV of Gaussian logits, without Monte-Carlo error: prefer it to dv"),
    ("dv_jackknife", "DV after a jackknife; under strong noise most of the bias remains"),
)
_RIGOROUS = (
    ("label_entropy", "H(Y)"),
    ("mi_upper", "upper bound on I(X;Y)"),
    ("mi_lower", "lower bound on I(X;Y)"),
    ("mi_lower_floored", "lower bound after mixing in label frequencies"),
    ("mi_output_upper", "upper bound on I(Z;Y)"),
    ("mi_output_lower", "lower bound on I(Z;Y)"),
    ("dv_label_prior", "DV with E_y = P(Y)"),
)
_UPPER_METHODS = {
    "label_entropy": "upper bound on I(Z;Y) (label entropy)",
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
    """Bounds, estimates and confidence limits on I(X;Y), and quantities of Qin and Kim.

    Except for confidence limits, values are averages over the evaluated rows. They bound the
    information in the population up to sampling error, provided that the rows are held-out. On
    training rows, the same formulas overstate the information.

    X is the input, Y the label, and Z the noisy layer of the network, i.e. the random logits or
    latent variables from which the logits follow. On any rows, ``dv_label_prior <= mi_output_lower
    <= mi_lower <= label_entropy``, the ladder of bounds. The middle inequality may fail for
    `StochasticInfoClassifier` with few draws, because it predicts with one noise bank for all rows
    but evaluates outputs with separate draws for each row; with ``noise="ensemble"`` the
    inequality always holds.

    The sandwich of [1]_ is ``dv_minus_log_m <= log_softmax <= conditional_mi = 0``. ``a - b``
    compares two results by `compare_bounds`.

    Attributes
    ----------
    log_softmax : float
        Expected log-softmax of the label (Eq. 16 of [1]_).
    dv : float
        Donsker-Varadhan representation (Eq. 13 of [1]_) whose critic is the logit of the label,
        ``E z_y - log E exp(z_y')``, with labels y' uniform over the M classes. `dv` is not a bound
        on I(X;Y) if labels are imbalanced: it can exceed I(X;Y) by log M - H(Y). With a
        `class_prior` other than uniform, the critic consists of the posterior logits, ``z + log
        prior``.
    dv_jackknife : float
        `dv` after a jackknife over the K = `n_draws` draws of each row; equal to `dv` if K = 1, or
        if the draws are all members of an ensemble. `dv_jackknife` is an estimate, with a bias of
        order 1 / K**2, whereas `dv` from K draws is too high by a term of order 1 / K. Under
        strong noise (e.g. logits with a standard deviation of 3) and with few draws, most of the
        bias remains, and `monte_carlo_errors` are several times too small. Prefer `dv_closed_form`
        where it is not NaN, or use more draws.
    dv_closed_form : float
        Donsker-Varadhan representation as an expectation over the noise, if the logits are
        Gaussian given the input or if the draws are all members of an ensemble; equal to `dv` for
        a deterministic network, and NaN otherwise.
    dv_minus_log_m : float
        ``dv - log M``, the lower end of the sandwich (Eq. 25 of [1]_, with the sign of the gap
        corrected).
    jensen_gap : float
        ``log_softmax - dv_minus_log_m``, at least 0; equal to 0 for a deterministic network.
    conditional_mi : float
        I(Z;Y|X), the upper end of the sandwich (Eq. 26 of [1]_): 0, because Z and Y are
        independent given X.
    label_entropy : float
        H(Y) of the evaluated rows.
    dv_label_prior : float
        Donsker-Varadhan representation with labels y' from the label frequencies instead of
        uniform ones.
    mi_output_lower : float
        ``H(Y) + E log-softmax``, a lower bound on I(Z;Y).
    mi_lower : float
        ``H(Y) + E log q(y|x)``, a lower bound on I(X;Y), where q is the predicted probability. If
        probability 0 was predicted for a label that occurred, the smallest positive normal
        float64, 2.2e-308, replaces the 0, with a warning.
    mi_lower_floored : float
        ``H(Y) + E log q'(y|x)`` with ``q' = (1 - eps) q + eps p_hat``, where p_hat are the label
        frequencies. `mi_lower_floored` is the point estimate of `interval`. With n observations,
        eps is 10 / n, but at least 0.001 and at most 0.1.
    mi_lower_limit : float
        Lower confidence limit on I(X;Y): with probability `confidence_level`, I(X;Y) is at least
        as large, if the rows (or groups) are held-out and independent draws from the population.
        `mi_lower_limit` is the larger of two limits: one by betting on the means of bounded
        variables [2]_, at error probability ``0.9 (1 - confidence_level)``, and one by Fano's
        inequality, at ``0.1 (1 - confidence_level)``. It is at least 0. It may exceed `mi_lower`,
        because the predictions are recalibrated for it: the rows are shuffled, and each is
        recalibrated from the rows before it. Choose one of `mi_lower_limit`,
        `betting_lower_limit` and `fano_lower_limit` before you look at them: the largest of the
        three does not hold at `confidence_level`.
    betting_lower_limit : float
        Lower confidence limit on I(X;Y) by betting alone, at the full `confidence_level`.
    fano_lower_limit : float
        Lower confidence limit on I(X;Y) by Fano's inequality, at the full `confidence_level`, from
        the rate at which the most probable class is wrong. It does not depend on calibration.
    label_entropy_upper_limit : float
        Upper confidence limit, at `confidence_level`, on H(Y) in the population, and so on I(X;Y),
        if the population has only the `n_classes` classes. If a class may be missing from the
        rows, pass all classes as ``labels``: nothing can be inferred about classes that neither
        occur nor are passed.
    interval : tuple of float
        Two-sided confidence interval of ``E log q'(y|x) / p(y)``, the information of these
        predictions, with q' as in `mi_lower_floored`. The interval uses neither recalibration nor
        Fano's inequality, and its ends may be negative. Each end holds with probability
        ``(1 + confidence_level) / 2``. The interval is not a confidence interval of I(X;Y), which
        may be larger than the information that this classifier finds.
    mi_upper : float
        Equal to `label_entropy`: since I(X;Y) <= H(Y), the label entropy of the evaluated rows
        estimates an upper bound. H(Y) in the population may be larger, especially with many
        classes and few rows; `label_entropy_upper_limit` is its confidence limit.
    mi_output_upper : float
        Upper bound on I(Z;Y): the label entropy, or a leave-one-out mixture estimate if the
        estimate is smaller.
    mi_output_upper_method : {"label_entropy", "leave_one_out_mixture"}
        Method behind `mi_output_upper`. ``"label_entropy"`` is always a bound.
        ``"leave_one_out_mixture"`` is an estimate whose expectation over held-out rows is at least
        I(Z;Y); it is loose if I(Z;X) exceeds about 6 nats, i.e. if Z nearly identifies the row.
    d2 : float
        ``mi_lower / label_entropy``, the share of the label entropy that the predictions explain;
        NaN if the label entropy is 0.
    confidence_level : float
        Probability with which each limit holds, and the interval as a whole. If the label prior is
        known, i.e. passed as `reference_prior`, and one classifier predicted all rows, the lower
        limits are guaranteed at every sample size. Without a known prior, or with
        cross-fitted predictions, the lower limits are supported by simulations only, and so are
        `label_entropy_upper_limit` and `interval` in any case.
    n_samples, n_classes, n_draws : int
        Number of evaluated rows, of classes, and of draws of the network's output for each row.
    n_groups : int or None
        Number of groups, of blocks or of sets of copies, each of which counts as one observation;
        ``None`` if each row is an observation of its own.
    assumption : str
        Assumption about the evaluated rows under which the limits hold.
    classes : ndarray of shape (n_classes,)
        Labels, in the order of `reference_prior`.
    reference_prior : ndarray of shape (n_classes,)
        Prior r of the contributions in `pointwise`.
    units : {"nats", "bits"}
        Unit of all information in this result.
    standard_errors : dict of str to float
        Standard errors over rows (or groups) and their draws, of ``log_softmax``, ``dv``,
        ``jensen_gap``, ``mi_output_lower``, ``mi_lower`` and, if its method is the mixture,
        ``mi_output_upper``.
    monte_carlo_errors : dict of str to float
        Part of the standard errors of ``log_softmax``, ``dv`` and ``jensen_gap`` that is due to
        the finite number of draws. The errors are 0 for a deterministic network and for an
        ensemble, all of whose members are evaluated, and NaN if there is one draw. Under strong
        noise (see `dv_jackknife`), the errors are several times too small.
    pointwise : ndarray of shape (n_samples,)
        Contribution of each row, ``log q(y|x) - log r_y - KL(p_hat, r)``, where p_hat are the
        label frequencies. The (weighted) mean of the contributions is `mi_lower` for every r.

    See Also
    --------
    information_bounds : Compute the bounds from predicted probabilities.
    score_bounds : Compute the bounds of a fitted classifier.
    cross_val_bounds : Cross-fit a classifier, and compute its bounds.
    compare_bounds : Compare two results on the same rows.
    InformationBoundsDisplay : Plot one or more results.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629.
    .. [2] I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting",
       Journal of the Royal Statistical Society B 86, 2024.

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

    # Results with equal arrays are equal, but arrays are not hashable.
    __hash__ = None  # type: ignore[assignment]

    def _values(self):
        return [getattr(self, name) for name in self._names()]

    @classmethod
    def _names(cls):
        return [field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")]

    def to_dict(self, *, pointwise: bool = False) -> dict[str, Any]:
        """Return the fields as a dict of Python numbers, strings and lists.

        Numbers may be NaN, which ``json.dumps`` writes as ``NaN``.

        Parameters
        ----------
        pointwise : bool, default=False
            Whether to include the contribution of each row.

        Returns
        -------
        dict
            Values by attribute name.
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
            Result in this unit.

        Raises
        ------
        ValueError
            If `units` is neither ``"nats"`` nor ``"bits"``.
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
            Result in bits.
        """
        return self.to_units("bits")

    def to_nats(self) -> InformationBounds:
        """Return the same bounds in nats.

        Returns
        -------
        InformationBounds
            Result in nats.
        """
        return self.to_units("nats")

    def _sections(self):
        meanings = dict(_RIGOROUS, mi_output_upper=_UPPER_METHODS[self.mi_output_upper_method])
        yield (
            "on the evaluated rows",
            tuple(meanings.items()) + (("d2", "share of H(Y) explained, mi_lower / H(Y)"),),
        )
        level = f"{100 * self.confidence_level:g} %"
        meanings = (
            f"{level} lower limit on I(X;Y): the one to use",
            f"{level} lower limit on I(X;Y), by betting alone",
            f"{level} lower limit on I(X;Y), from the error rate alone",
            f"{level} upper limit on H(Y), for the {self.n_classes} classes that occur or are "
            "passed",
        )
        interval = (
            "interval",
            f"{level} interval of the information in this classifier's predictions",
        )
        yield "for the population", (*zip(_LIMITS, meanings, strict=True), interval)
        sampled = self.n_draws > 1 and not self._is_exhaustive
        draws = [row for row in _DRAWS if sampled and not np.isnan(getattr(self, row[0]))]
        yield "the paper", (*_PAPER, *draws)

    @property
    def _is_exhaustive(self):
        """Whether averages over the draws are without Monte-Carlo error."""
        return not any(self.monte_carlo_errors.values())

    def _shown(self, name):
        value = getattr(self, name)
        return f"{value:.4f}" if np.isscalar(value) else " to ".join(f"{end:.4f}" for end in value)

    def _title(self):
        kind = "all {} draws" if self._is_exhaustive else "{} draws"
        draws = f", {kind.format(self.n_draws)}" if self.n_draws > 1 else ""
        rows = counted_rows(self.n_samples, self.n_groups)
        return f"InformationBounds in {self.units}: {rows}, {self.n_classes} classes{draws}"

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


def warn_of_harm(bounds):
    """Warn if predictions are clearly worse than the label frequencies.

    Parameters
    ----------
    bounds : InformationBounds
        Bounds of a fitted classifier.

    Returns
    -------
    InformationBounds
        The same bounds.

    Warns
    -----
    UserWarning
        If the confidence interval of the classifier's information lies below 0.
    """
    if bounds.interval[1] < 0:
        warnings.warn(
            "The classifier predicts these rows worse than the label frequencies would: its "
            f"confidence interval (`interval`) lies below 0, up to {bounds.interval[1]:.3g} "
            f"{bounds.units}. If the rows are like the training rows, the classifier is "
            "over-confident. Calibrate it by scikit-learn's CalibratedClassifierCV, or train it "
            "for fewer epochs or on more rows.",
            stacklevel=users_stacklevel(),
        )
    return bounds


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

    `known_prior` is True if `reference_prior` is the label prior of the population. `output_upper`
    is a pair of an upper estimate of I(Z;Y) and its standard error. `groups` and `folds` hold one
    integer for each row. ValueError is raised if a weight exceeds its bound.
    """
    y, weights = accumulator.rows()
    bound = check_weight_bounds(weights, groups, weight_bound, group_bound)
    observations = Observations(len(y), weights, groups, bound)
    n_impossible = accumulator.count_impossible()
    if n_impossible:
        warnings.warn(
            f"Probability 0 was predicted for the label that occurred in {n_impossible} of "
            f"{len(y)} rows. `mi_lower`, `log_softmax`, `dv`, `d2` and `pointwise` use the "
            "smallest positive normal number, 2.2e-308, instead. Prefer `mi_lower_floored` and "
            "the limits, which mix in label frequencies.",
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
