"""Contributions of rows to the information bounds, summed in one pass over batches.

Arrays in, numbers out: NumPy and SciPy only, float64 throughout, everything in nats.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from .confidence import confidence_limits
from .draws import DrawTerms, closed_form_donsker_varadhan, draw_terms
from .equations import (
    at_label,
    donsker_varadhan,
    entropy,
    kl_divergence,
    label_dtype,
    label_frequencies,
    label_log_likelihood,
    predictive_log_proba,
    three_dimensional,
)
from .recalibration import tempered_log_likelihood

# Logarithm of the smallest positive normal number, which replaces the logarithm of zero.
_LOG_SMALLEST = float(np.log(np.finfo(np.float64).tiny))


class RowTerms(NamedTuple):
    """Contributions of rows to the bounds, in nats; fields have shape (n,) unless stated.

    ``log_softmax`` is the log-softmax of the label, averaged over draws, and ``jensen_gap`` is
    defined in `row_terms`. ``predictive`` is the log-likelihood of the label under the prediction;
    ``tempered``, of shape (n, 4), is its log-likelihood under the powers of the prediction.
    ``error`` is True where another class was the most probable.
    """

    log_softmax: np.ndarray
    jensen_gap: np.ndarray
    predictive: np.ndarray
    tempered: np.ndarray
    error: np.ndarray


def row_terms(logits, y, log_proba=None):
    """Return the contribution of each row to the bounds.

    The Jensen gap of a row (Eq. 24, with its sign corrected) is ``E log-softmax - (DV - log M)``.
    As a difference of two terms of the same row, it neither overflows nor becomes negative through
    cancellation between rows.

    Parameters
    ----------
    logits : array-like of shape (n, K, M) or (n, M)
        Logits of K draws, or of one.
    y : array-like of int of shape (n,)
        Index of the label of each row.
    log_proba : array-like of shape (n, M), default=None
        Logarithm of the predicted probabilities; their average over these draws if None.

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
    n_draws, n_classes = logits.shape[1:]
    normaliser = logsumexp(logits, axis=-1)
    critic = at_label(logits, y)
    expected = (critic - normaliser).mean(axis=1)
    if n_draws == 1:
        gap = np.zeros(len(expected))
    else:
        # E_y is uniform: log E_y exp(z) is the normaliser less log M.
        log_m = np.log(n_classes)
        gap = np.maximum(expected + log_m - donsker_varadhan(critic, normaliser - log_m), 0.0)
    if log_proba is None:
        log_proba = predictive_log_proba(logits)
    return certain_row_terms(log_proba, y)._replace(log_softmax=expected, jensen_gap=gap)


def certain_row_terms(log_proba, y):
    """Return the contribution of each row for a deterministic prediction.

    The result equals `row_terms` of a single draw.

    Parameters
    ----------
    log_proba : ndarray of shape (n, M)
        Logarithm of the predicted probabilities.
    y : ndarray of int of shape (n,)
        Index of the label of each row.

    Returns
    -------
    RowTerms
    """
    log_proba = np.asarray(log_proba, dtype=np.float64)
    predictive, error = label_log_likelihood(log_proba, np.asarray(y))
    tempered = tempered_log_likelihood(np.exp(log_proba), predictive)
    return certain_terms(predictive, tempered, error)


def certain_terms(predictive, tempered, error):
    """Return the `RowTerms` of a deterministic prediction, in which two fields share one array."""
    return RowTerms(predictive, np.broadcast_to(0.0, len(predictive)), predictive, tempered, error)


# Fields of the terms of a deterministic prediction that have arrays of their own.
_CERTAIN = ("predictive", "tempered", "error")


def _has_draws(terms):
    """Return whether the terms are of draws, or of a deterministic prediction."""
    return terms.log_softmax is not terms.predictive


def _empty_terms(n_rows, terms):
    """Return `RowTerms` of `n_rows` that are to be filled by batches like `terms`."""
    arrays = (np.empty((n_rows, *terms.tempered.shape[1:])), np.empty(n_rows, dtype=bool))
    if _has_draws(terms):
        return RowTerms(np.empty(n_rows), np.empty(n_rows), np.empty(n_rows), *arrays)
    return certain_terms(np.empty(n_rows), *arrays)


class BoundsAccumulator:
    """Sums over batches, added one by one; at most eight numbers of each row are kept.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    n_rows : int
        Number of rows of all batches.

    Examples
    --------
    >>> from sksoftinfo._bounds.accumulator import BoundsAccumulator
    >>> accumulator = BoundsAccumulator(n_classes=2, n_rows=2)
    >>> accumulator.update([[2.0, 0.0], [0.0, 2.0]], [0, 1])
    >>> round(accumulator.result()["mi_lower"], 3)
    0.566
    """

    def __init__(self, n_classes, n_rows):
        self.n_classes = n_classes
        self.n_draws = 1
        # Filled as batches come: batches that are joined at the end would need the memory twice.
        self._labels = np.empty(n_rows, dtype=label_dtype(n_classes))
        self._terms = None
        self._weights = None
        self._n_added = 0
        self._draw_sums = np.zeros(len(DrawTerms._fields))
        self._closed_form = 0.0
        self._random = False

    def update(
        self, logits, y, sample_weight=None, log_proba=None, gaussian=None, *, exhaustive=False
    ):
        """Add a batch.

        Parameters
        ----------
        logits : array-like of shape (b, K, M) or (b, M)
            Logits of K draws, or of a deterministic network.
        y : array-like of int of shape (b,)
            Index of the label of each row.
        sample_weight : array-like of shape (b,), default=None
            Non-negative weight of each row; 1 if None.
        log_proba : array-like of shape (b, M), default=None
            As in `row_terms`.
        gaussian : tuple of ndarray of shape (b, M), default=None
            Mean and scale of the logits, if the logits are Gaussian given the input.
        exhaustive : bool, default=False
            Whether the draws are all values of the noise, equally probable. Averages over them are
            then expectations, without bias or Monte-Carlo error.
        """
        self._random = self._random or (np.ndim(logits) == 3 and not exhaustive)
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
        """Add a batch of `RowTerms` that have been computed already."""
        n_rows = len(self._labels)
        if self._terms is None:
            self._terms = _empty_terms(n_rows, terms)
        rows = slice(self._n_added, self._n_added + len(y))
        self._n_added = rows.stop
        self._labels[rows] = y
        for name in RowTerms._fields if _has_draws(self._terms) else _CERTAIN:
            getattr(self._terms, name)[rows] = getattr(terms, name)
        if sample_weight is not None:
            if self._weights is None:
                self._weights = np.empty(n_rows)
            self._weights[rows] = sample_weight

    def count_impossible(self):
        """Count the rows of positive weight for whose label probability 0 was predicted.

        The smallest positive normal number replaces these zeros, so that sums stay finite.
        """
        predictive = self._terms.predictive
        if predictive.min() > -np.inf:
            return 0
        impossible = np.isneginf(predictive)
        np.maximum(predictive, _LOG_SMALLEST, out=predictive)
        return int(
            (impossible if self._weights is None else impossible & (self._weights > 0)).sum()
        )

    def rows(self):
        """Return labels and weights (or None) of all rows, in the order of the batches."""
        return self._labels, self._weights

    def result(self, reference_prior=None, groups=None):
        """Return the bounds, in nats, as a dict.

        Parameters
        ----------
        reference_prior : array-like of shape (M,), default=None
            Prior r of the pointwise contributions; the weighted frequencies of the labels if
            None.
        groups : ndarray of int of shape (n_rows,), default=None
            Group of each row. Rows of one group are not independent, so standard errors are
            computed over groups.
        """
        y, terms, weights = self._labels, self._terms, self._weights
        frequencies = label_frequencies(y, self.n_classes, weights)

        def mean(values):
            if weights is None:
                return float(values.mean())
            # A row of weight zero adds nothing, even where its value is minus infinity.
            used = weights > 0
            return float(weights[used] @ values[used] / weights.sum())

        reference = frequencies if reference_prior is None else np.asarray(reference_prior)
        label_entropy = entropy(frequencies)
        certain = not _has_draws(terms)
        expected = mean(terms.log_softmax)
        gap = 0.0 if certain else mean(terms.jensen_gap)
        mi_lower = label_entropy + (expected if certain else mean(terms.predictive))
        with np.errstate(divide="ignore", invalid="ignore"):
            pointwise = terms.predictive - np.log(reference)[y]
        pointwise -= kl_divergence(frequencies, reference)
        # Rows of weight zero may have labels of frequency zero, which must not give NaN.
        log_frequencies = np.log(np.where(frequencies > 0, frequencies, 1.0))
        log_m = float(np.log(self.n_classes))
        dv = expected - gap + log_m
        total = float(len(y) if weights is None else weights.sum())
        draw_errors = np.sqrt(self._draw_sums[1:]) / total

        def standard_error(values):
            deviation, members = values - mean(values), groups
            if weights is None:
                deviation = deviation / total
            else:
                used = weights > 0
                # Dividing by the total first keeps the squares from overflowing or vanishing.
                deviation = weights[used] / total * deviation[used]
                members = None if groups is None else groups[used]
            if members is not None:
                deviation = np.bincount(members, deviation)
            return float(np.sqrt(deviation @ deviation))

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

    def limits(self, observations, *, level, prior=None, folds=None):
        """Return the `ConfidenceLimits`, in nats; arguments as in `confidence_limits`."""
        terms = self._terms
        (limits,) = confidence_limits(
            terms.predictive,
            terms.tempered,
            terms.error,
            self._labels,
            self.n_classes,
            observations,
            levels=[level],
            prior=prior,
            folds=folds,
        )
        return limits
