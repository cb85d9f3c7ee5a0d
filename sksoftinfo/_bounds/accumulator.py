"""What each row adds to the information bounds, and their sums in one streaming pass.

Arrays in, numbers out: NumPy and SciPy only, float64 throughout, everything in nats.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from .confidence import fano_lower_limit, floor_mixture, information_lower_limit
from .draws import DrawTerms, closed_form_donsker_varadhan, draw_terms
from .equations import (
    at_label,
    entropy,
    kl_divergence,
    label_frequencies,
    label_log_likelihood,
    log_mean_exp,
    predictive_log_proba,
    three_dimensional,
)


class RowTerms(NamedTuple):
    """What one row adds to the bounds; each field has shape (n,), information in nats.

    ``log_softmax`` is expected over draws, ``predictive`` is the log-likelihood of the label under
    the prediction, ``error`` says whether another class was the most probable.
    """

    log_softmax: np.ndarray
    jensen_gap: np.ndarray
    predictive: np.ndarray
    error: np.ndarray


def row_terms(logits, y, log_proba=None):
    """Return what each row adds to the bounds.

    The Jensen gap (Eq. 24, with its sign corrected) is computed as
    ``log mean_k exp(s_k) - mean_k s_k`` with ``s_k = log sum_m exp(z_km)``: as a difference of
    two terms of one row it neither overflows nor turns negative by cancellation between rows.

    Parameters
    ----------
    logits : array-like of shape (n, K, M) or (n, M)
    y : array-like of int of shape (n,)
    log_proba : array-like of shape (n, M), default=None
        Logarithm of the prediction, where that is another than the average over these draws.

    Returns
    -------
    RowTerms

    Examples
    --------
    >>> from sksoftinfo._bounds.accumulator import row_terms
    >>> row_terms([[[0.0, 0.0], [1.0, 1.0]]], [0]).jensen_gap.round(3)
    array([0.12])
    """
    logits = three_dimensional(logits)
    normaliser = logsumexp(logits, axis=-1)
    expected = (at_label(logits, y) - normaliser).mean(axis=1)
    if logits.shape[1] == 1:
        gap = np.zeros(len(expected))
    else:
        gap = np.maximum(log_mean_exp(normaliser, axis=1) - normaliser.mean(axis=1), 0.0)
    if log_proba is None:
        log_proba = predictive_log_proba(logits)
    log_proba = np.asarray(log_proba, dtype=np.float64)
    return RowTerms(expected, gap, *label_log_likelihood(log_proba, np.asarray(y)))


def certain_row_terms(predictive, error):
    """Return what each row adds to the bounds where nothing is drawn: `row_terms` of one draw.

    Parameters
    ----------
    predictive : ndarray of shape (n,)
        Log-likelihood of the label of each row.
    error : ndarray of bool of shape (n,)
        Whether another class was the most probable.

    Returns
    -------
    RowTerms
    """
    return RowTerms(predictive, np.broadcast_to(0.0, len(predictive)), predictive, error)


def _joined(batches):
    """Return the `RowTerms` of all batches; what is one array in each stays one."""
    if all(terms.log_softmax is terms.predictive for terms in batches):
        predictive = np.concatenate([terms.predictive for terms in batches])
        return certain_row_terms(predictive, np.concatenate([terms.error for terms in batches]))
    return RowTerms(*(np.concatenate(field) for field in zip(*batches, strict=True)))


class BoundsAccumulator:
    """One streaming pass over batches: three numbers of each row are kept.

    Parameters
    ----------
    n_classes : int

    Examples
    --------
    >>> from sksoftinfo._bounds.accumulator import BoundsAccumulator
    >>> accumulator = BoundsAccumulator(n_classes=2)
    >>> accumulator.update([[2.0, 0.0], [0.0, 2.0]], [0, 1])
    >>> round(accumulator.result()["mi_lower"], 3)
    0.566
    """

    def __init__(self, n_classes):
        self.n_classes = n_classes
        self.n_draws = 1
        self._labels = []
        self._terms = []
        self._weights = []
        self._frequencies = None
        self._draw_sums = np.zeros(len(DrawTerms._fields))
        self._closed_form = 0.0
        self._random = False

    def update(self, logits, y, sample_weight=None, log_proba=None, gaussian=None):
        """Add a batch.

        Parameters
        ----------
        logits : array-like of shape (b, K, M) or (b, M)
            Of K draws; or of a network that draws nothing.
        y : array-like of int of shape (b,)
        sample_weight : array-like of shape (b,), default=None
        log_proba : array-like of shape (b, M), default=None
            As in `row_terms`.
        gaussian : tuple of ndarray of shape (b, M), default=None
            Mean and scale of the logits, where these are Gaussian given the input.
        """
        self._random = self._random or np.ndim(logits) == 3
        logits = three_dimensional(logits)
        self.n_draws = max(self.n_draws, logits.shape[1])
        weight = np.ones(len(logits)) if sample_weight is None else np.asarray(sample_weight)
        if self._random:
            terms = draw_terms(logits, y)
            self._draw_sums[0] += weight @ terms.dv_correction
            self._draw_sums[1:] += [weight**2 @ variance for variance in terms[1:]]
            if gaussian is None:
                self._closed_form = np.nan
            else:
                self._closed_form += weight @ closed_form_donsker_varadhan(*gaussian, y)
        self.add(row_terms(logits, y, log_proba), y, sample_weight)

    def add(self, terms, y, sample_weight=None):
        """Add a batch of `RowTerms` that are known already."""
        self._labels.append(np.asarray(y))
        self._terms.append(terms)
        if sample_weight is not None:
            self._weights.append(np.asarray(sample_weight, dtype=np.float64))

    def _collect(self):
        """Join the batches; keep what the results need of them."""
        if len(self._labels) != 1:
            self._terms = [_joined(self._terms)]
            self._labels = [np.concatenate(self._labels)]
            self._weights = [np.concatenate(self._weights)] if self._weights else []
            self._frequencies = None
        (y,), (terms,) = self._labels, self._terms
        weights = self._weights[0] if self._weights else None
        if self._frequencies is None:
            self._frequencies = label_frequencies(y, self.n_classes, weights)
        return y, terms, weights, self._frequencies

    def n_impossible(self):
        """Return how many rows that count have a label of predicted probability zero."""
        _, terms, weights, _ = self._collect()
        if terms.predictive.min() > -np.inf:
            return 0
        impossible = np.isneginf(terms.predictive)
        return int((impossible if weights is None else impossible & (weights > 0)).sum())

    def mix_in_frequencies(self):
        """Evaluate ``(1 - eps) q + eps p_hat`` instead of q, so that no label is impossible."""
        y, terms, _, frequencies = self._collect()
        with np.errstate(divide="ignore"):
            floor = np.log(frequencies)[y]
        mixed = terms._replace(predictive=floor_mixture(terms.predictive, floor))
        if self.n_draws == 1:
            mixed = mixed._replace(log_softmax=floor_mixture(terms.log_softmax, floor))
        self._terms = [mixed]

    def result(self, reference_prior=None):
        """Return the bounds, in nats, as a dict.

        Parameters
        ----------
        reference_prior : array-like of shape (M,), default=None
            Prior r of the pointwise contributions; ``None`` is the weighted frequency of the
            labels seen.
        """
        y, terms, weights, frequencies = self._collect()

        def mean(values):
            if weights is None:
                return float(values.mean())
            # A row of weight zero adds nothing, even where its value is minus infinity.
            used = weights > 0
            return float(weights[used] @ values[used] / weights.sum())

        reference = frequencies if reference_prior is None else np.asarray(reference_prior)
        label_entropy = entropy(frequencies)
        certain = terms.log_softmax is terms.predictive
        expected = mean(terms.log_softmax)
        gap = 0.0 if certain else mean(terms.jensen_gap)
        mi_lower = label_entropy + (expected if certain else mean(terms.predictive))
        with np.errstate(divide="ignore", invalid="ignore"):
            pointwise = terms.predictive - np.log(reference)[y]
        pointwise -= kl_divergence(frequencies, reference)
        # Rows of weight zero may hold labels of frequency zero: nothing is made of them.
        log_frequencies = np.log(np.where(frequencies > 0, frequencies, 1.0))
        log_m = float(np.log(self.n_classes))
        dv = expected - gap + log_m
        total = float(len(y) if weights is None else weights.sum())
        draw_errors = np.sqrt(self._draw_sums[1:]) / total

        def standard_error(values):
            deviation = values - mean(values)
            if weights is not None:
                used = weights > 0
                deviation = weights[used] * deviation[used]
            return float(np.sqrt(deviation @ deviation) / total)

        errors = {
            "log_softmax": standard_error(terms.log_softmax),
            "mi_lower": standard_error(terms.predictive - log_frequencies[y]),
        }
        if certain:
            errors |= {
                "dv": errors["log_softmax"],
                "jensen_gap": 0.0,
                "mi_output_lower": errors["mi_lower"],
            }
        else:
            errors |= {
                "dv": standard_error(terms.log_softmax - terms.jensen_gap),
                "jensen_gap": standard_error(terms.jensen_gap),
                "mi_output_lower": standard_error(terms.log_softmax - log_frequencies[y]),
            }
        return {
            "log_softmax": expected,
            "dv": dv,
            "dv_jackknife": dv + float(self._draw_sums[0]) / total,
            "dv_closed_form": float(self._closed_form) / total if self._random else dv,
            "dv_minus_log_m": expected - gap,
            "jensen_gap": gap,
            # Z and Y are independent given X, so the upper end of the paper's sandwich is zero.
            "conditional_mi": 0.0,
            "label_entropy": label_entropy,
            "dv_label_prior": label_entropy + expected - gap,
            "mi_output_lower": label_entropy + expected,
            "mi_lower": mi_lower,
            "mi_output_upper": label_entropy,
            "mi_upper": label_entropy,
            "d2": mi_lower / label_entropy if label_entropy > 0 else float("nan"),
            "n_samples": len(y),
            "n_classes": self.n_classes,
            "n_draws": self.n_draws,
            "reference_prior": reference,
            "pointwise": pointwise,
            "standard_errors": errors,
            "monte_carlo_errors": {
                "log_softmax": float(draw_errors[0]),
                "dv": float(draw_errors[1]),
                "jensen_gap": float(draw_errors[2]),
            },
        }

    def limits(self, *, level, method, known_prior=None):
        """Return the lower confidence limits of I(X;Y), in nats, as a dict."""
        y, terms, weights, frequencies = self._collect()
        options = {"level": level, "method": method, "weights": weights}
        return {
            "mi_lower_limit": information_lower_limit(
                terms.predictive, y, frequencies, known_prior=known_prior, **options
            ),
            "fano_lower_limit": fano_lower_limit(terms.error, y, frequencies, **options),
        }
