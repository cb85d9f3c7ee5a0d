"""`InformationBounds`, the result of every evaluation, and `information_bounds`."""

from __future__ import annotations

import dataclasses
import html
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _check_sample_weight

from ._checks import check_units, encode_labels, nats_to, resolve_reference_prior
from ._information import BoundsAccumulator, RowTerms

# Rows of probabilities that one step looks at, so that extra memory does not grow with n x M.
_CHUNK_ROWS = 65_536

# name, what it is; the order is that of the printed table.
_PAPER = (
    ("conditional_mi", "I(Z;Y|X), the sandwich's upper end; zero for every network"),
    ("log_softmax", "E log-softmax (Eq. 16)"),
    ("dv_minus_log_m", "DV - log M (Eq. 25), the sandwich's lower end"),
    ("jensen_gap", "E log-softmax - (DV - log M)"),
    ("dv", "DV representation (Eq. 13, uniform E_y)"),
)
_RIGOROUS = (
    ("label_entropy", "H(Y)"),
    ("mi_upper", "upper bound of I(X;Y)"),
    ("mi_lower", "lower bound of I(X;Y)"),
    ("mi_output_lower", "lower bound of I(Z;Y)"),
    ("dv_label_prior", "DV with E_y = P(Y)"),
)
_INFORMATION = tuple(name for name, _ in _PAPER + _RIGOROUS)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class InformationBounds:
    """How much label information a classifier carries: the paper's quantities and bounds.

    All values are expectations over the rows that were evaluated. They bound the information
    of the population up to the sampling error of those rows, and only if no label among them
    was used to train the classifier: on training rows the same formulas overstate.

    The ladder ``dv_label_prior <= mi_output_lower <= mi_lower <= label_entropy`` holds exactly
    on any rows.

    Attributes
    ----------
    log_softmax : float
        Expected log-softmax of the label (paper Eq. 16).
    dv : float
        Donsker-Varadhan representation (Eq. 13) with E_y uniform over the M classes. Not a
        bound of I(X;Y) when labels are imbalanced: it can exceed it by log M - H(Y).
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
        ``H(Y) + E log q(y|x)``, q being the predicted probability; lower bound of I(X;Y). Minus
        infinity if a label that occurred was given probability zero.
    mi_upper : float
        Upper bound of I(X;Y).
    mi_upper_method : str
        What `mi_upper` is: ``"label_entropy"``.
    d2 : float
        ``mi_lower / label_entropy``, share of the label entropy explained; NaN if that is 0.
    n_samples, n_classes, n_draws : int
        Rows evaluated, classes, and draws of the network's output per row.
    classes : ndarray of shape (n_classes,)
        Labels, in the order of `reference_prior`.
    reference_prior : ndarray of shape (n_classes,)
        Prior r against which `pointwise` counts.
    units : {"nats", "bits"}
        Unit of all information above.
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
    dv_minus_log_m: float
    jensen_gap: float
    conditional_mi: float
    label_entropy: float
    dv_label_prior: float
    mi_output_lower: float
    mi_lower: float
    mi_upper: float
    mi_upper_method: str = "label_entropy"
    d2: float
    n_samples: int
    n_classes: int
    n_draws: int
    classes: np.ndarray
    reference_prior: np.ndarray
    units: str = "nats"
    pointwise: np.ndarray

    def __eq__(self, other):
        if not isinstance(other, InformationBounds):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else _same(mine, theirs)
            for mine, theirs in zip(self._values(), other._values(), strict=True)
        )

    # Two results may be equal while their arrays are not hashable.
    __hash__ = None

    def _values(self):
        return [getattr(self, field.name) for field in dataclasses.fields(self)]

    def to_dict(self, *, pointwise=False):
        """Return plain numbers, strings and lists, ready for JSON.

        Parameters
        ----------
        pointwise : bool, default=False
            Whether to include the contribution of each row.

        Returns
        -------
        dict
        """
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: getattr(self, name) for name in names}
        if not pointwise:
            del values["pointwise"]
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
        }

    def to_units(self, units):
        """Return the same bounds in ``"nats"`` or ``"bits"``.

        Raises
        ------
        ValueError
            If `units` is neither.
        """
        factor = nats_to(units) / nats_to(self.units)
        changes = {name: getattr(self, name) * factor for name in (*_INFORMATION, "pointwise")}
        return dataclasses.replace(self, units=units, **changes)

    def to_bits(self):
        """Return the same bounds in bits."""
        return self.to_units("bits")

    def to_nats(self):
        """Return the same bounds in nats."""
        return self.to_units("nats")

    def _sections(self):
        meanings = dict(_RIGOROUS, mi_upper=f"upper bound of I(X;Y) ({self.mi_upper_method})")
        yield "the paper", _PAPER
        yield (
            "on the evaluated rows",
            tuple(meanings.items()) + (("d2", "share of H(Y) explained, mi_lower / H(Y)"),),
        )

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
            lines += [f"    {name:<16}{getattr(self, name):>9.4f}  {text}" for name, text in rows]
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
    return mine == theirs or (mine != mine and theirs != theirs)


def bounds_from(accumulator, *, classes, reference_prior=None, units="nats"):
    """Build `InformationBounds` from a `BoundsAccumulator`."""
    check_units(units)
    bounds = InformationBounds(classes=np.asarray(classes), **accumulator.result(reference_prior))
    return bounds.to_units(units)


def _check_proba(y_proba, n_classes):
    proba = np.asarray(y_proba)
    if proba.ndim == 1:
        proba = proba.reshape(-1, 1)
    proba = check_array(proba, dtype=[np.float64, np.float32], input_name="y_proba")
    if proba.shape[1] == 1 and n_classes == 2:
        if proba.min() < 0 or proba.max() > 1:
            raise ValueError(
                f"y_proba has values between {proba.min()} and {proba.max()}: give "
                "probabilities, within [0, 1]."
            )
        proba = np.hstack([1 - proba, proba])
    if proba.shape[1] != n_classes:
        raise ValueError(
            f"y_proba has {proba.shape[1]} columns and there are {n_classes} labels: give one "
            "column for each label, and `labels` if some do not occur in y_true."
        )
    return proba


def information_bounds(
    y_true, y_proba, *, labels=None, sample_weight=None, reference_prior="empirical", units="nats"
):
    """Information bounds from the probabilities that any classifier predicted.

    With label entropy H(Y) and predicted probability q, ``H(Y) + E log q(y|x) <= I(X;Y)``: the
    log-likelihood of held-out labels bounds from below what the input says about the label.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels. They must not have been used to train the classifier: on training rows the
        same formula overstates the information.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, columns in the order of the sorted labels. One column, or a
        flat array, is the probability of the second of two labels.
    labels : array-like of shape (n_classes,), default=None
        All labels, where some do not occur in `y_true`. Sorted, as scikit-learn's ``classes_``.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.
    reference_prior : {"empirical", "uniform"} or array-like of shape (n_classes,), \
default="empirical"
        Prior r of the pointwise contributions. It changes how they are spread over the rows,
        not their mean.
    units : {"nats", "bits"}, default="nats"

    Returns
    -------
    InformationBounds

    Warns
    -----
    UserWarning
        If labels that occurred were given probability zero: the bound is then minus infinity.

    Raises
    ------
    ValueError
        If probabilities are not finite, lie outside [0, 1] or do not sum to 1 within 1e-6
        (1e-3 in float32 and below); if labels are unknown; if lengths differ.

    Examples
    --------
    >>> from sksoftinfo import information_bounds
    >>> bounds = information_bounds(["cat", "dog"], [[0.9, 0.1], [0.2, 0.8]], units="bits")
    >>> print(f"{bounds.mi_lower:.2f} of {bounds.label_entropy:.2f} bits")
    0.76 of 1.00 bits
    """
    check_units(units)
    tolerance = 1e-6 if np.asarray(y_proba).dtype.itemsize >= 8 else 1e-3
    y_true = column_or_1d(y_true)
    if not len(y_true):
        raise ValueError("y_true is empty: give at least one label.")
    check_consistent_length(y_true, y_proba, sample_weight)
    classes = unique_labels(y_true) if labels is None else np.unique(np.asarray(labels))
    if labels is not None and len(classes) != len(np.asarray(labels)):
        raise ValueError(f"labels={labels!r} names a label twice.")
    y = encode_labels(y_true, classes, "y_true")
    if len(classes) < 2:
        raise ValueError(
            f"y_true holds the one class {classes.tolist()}: name all classes by `labels`."
        )
    proba = _check_proba(y_proba, len(classes))
    reference = resolve_reference_prior(reference_prior, classes)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(
            sample_weight, proba, dtype=np.float64, ensure_non_negative=True
        )
        if not weight.sum() > 0:
            raise ValueError("sample_weight is zero for every row: give one a positive weight.")
    accumulator = BoundsAccumulator(len(classes))
    n_zero = 0
    for start in range(0, len(y), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        n_zero += _add_rows(accumulator, proba[rows], y[rows], weight, rows, tolerance)
    if n_zero:
        warnings.warn(
            f"y_proba gives probability 0 to the label that occurred in {n_zero} of {len(y)} "
            "rows: mi_lower is minus infinity.",
            stacklevel=2,
        )
    return bounds_from(accumulator, classes=classes, reference_prior=reference, units=units)


def _add_rows(accumulator, proba, y, weight, rows, tolerance):
    """Add a chunk of probabilities and return how many labels have probability zero."""
    proba = proba.astype(np.float64, copy=False)
    sums = proba.sum(axis=1)
    wrong = (np.abs(sums - 1) > tolerance) | (proba.min(axis=1) < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"y_proba row {rows.start + row} is no distribution: {proba[row].tolist()} sums to "
            f"{sums[row]:.6g}. Give probabilities, not logits, within [0, 1] that sum to 1."
        )
    with np.errstate(divide="ignore"):
        log_proba = np.log(proba[np.arange(len(y)), y] / sums)
    part = None if weight is None else weight[rows]
    accumulator.add(RowTerms(log_proba, np.zeros(len(y)), log_proba), y, part)
    lost = np.isneginf(log_proba)
    return int(lost.sum() if part is None else (lost & (part > 0)).sum())
