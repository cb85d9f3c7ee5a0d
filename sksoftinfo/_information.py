"""The paper's equations and the information bounds that follow from them.

Arrays in, arrays out: NumPy and SciPy only, float64 throughout, everything in nats.

Notation: logits ``z`` of shape (n, K, M), K draws of the network's output per sample (K = 1 and
shape (n, M) for a deterministic network), M classes, labels ``y`` in 0..M-1. Wherever a class
prior sits inside the softmax, "logits" means ``z + log(class prior)``, whose softmax is the
class posterior.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, rel_entr, xlogy


def _three_dimensional(logits):
    logits = np.asarray(logits, dtype=np.float64)
    return logits[:, None, :] if logits.ndim == 2 else logits


def _log_mean_exp(values, axis):
    return logsumexp(values, axis=axis) - np.log(values.shape[axis])


def _at_label(values, y):
    """Return ``values[i, ..., y[i]]``."""
    index = np.asarray(y).reshape((-1,) + (1,) * (values.ndim - 1))
    return np.take_along_axis(values, index, axis=-1)[..., 0]


def log_softmax(logits):
    """Log-softmax over the last axis (paper Eq. 1-3).

    Parameters
    ----------
    logits : array-like of shape (..., M)

    Returns
    -------
    ndarray of shape (..., M), float64
        In nats; never positive.

    Examples
    --------
    >>> from sksoftinfo._information import log_softmax
    >>> log_softmax([[0.0, 0.0]]).round(3)
    array([[-0.693, -0.693]])
    """
    logits = np.asarray(logits, dtype=np.float64)
    return logits - logsumexp(logits, axis=-1, keepdims=True)


def entropy(p):
    """Shannon entropy of a distribution, in nats.

    Examples
    --------
    >>> from sksoftinfo._information import entropy
    >>> round(entropy([0.5, 0.5]), 3)
    0.693
    """
    return float(-xlogy(p, p).sum())


def kl_divergence(p, r):
    """Kullback-Leibler divergence of `p` from `r`, in nats; infinite where ``r = 0 < p``.

    Examples
    --------
    >>> from sksoftinfo._information import kl_divergence
    >>> kl_divergence([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    # Rounding can leave a sum of cancelling terms just below zero.
    return max(0.0, float(rel_entr(p, r).sum()))


def label_frequencies(y, n_classes, sample_weight=None):
    """Return the (weighted) share of each class among labels `y`, shape (n_classes,).

    Examples
    --------
    >>> from sksoftinfo._information import label_frequencies
    >>> label_frequencies([0, 1, 1, 1], 3)
    array([0.25, 0.75, 0.  ])
    """
    counts = np.bincount(np.asarray(y), weights=sample_weight, minlength=n_classes)
    return counts / counts.sum()


def predictive_log_proba(logits):
    """Logarithm of the class probabilities averaged over draws, shape (n, M).

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._information import predictive_log_proba
    >>> np.exp(predictive_log_proba([[[50.0, 0.0], [0.0, 50.0]]]))
    array([[0.5, 0.5]])
    """
    return _log_mean_exp(log_softmax(_three_dimensional(logits)), axis=1)


def pointwise_information(log_proba, reference_prior):
    """Pointwise mutual information between input and class (Proposition 1, normalised).

    ``log p(m | x) - log r_m``: the logit itself is defined only up to a constant per sample,
    this difference is not.

    Parameters
    ----------
    log_proba : array-like of shape (n, M)
        Log posterior, in nats.
    reference_prior : array-like of shape (M,)
        Prior r of the classes.

    Returns
    -------
    ndarray of shape (n, M), float64
        In nats.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._information import pointwise_information
    >>> pointwise_information(np.log([[0.5, 0.5]]), [0.5, 0.5])
    array([[0., 0.]])
    """
    with np.errstate(divide="ignore"):
        return np.asarray(log_proba, dtype=np.float64) - np.log(reference_prior)


def expected_log_softmax(logits, y, sample_weight=None):
    """Expected log-softmax of the label (paper Eq. 14 and 16), in nats.

    Examples
    --------
    >>> from sksoftinfo._information import expected_log_softmax
    >>> round(expected_log_softmax([[0.0, 0.0]], [1]), 3)
    -0.693
    """
    values = _at_label(log_softmax(_three_dimensional(logits)), y).mean(axis=1)
    return float(np.average(values, weights=sample_weight))


def donsker_varadhan(logits, y, *, label_distribution=None, sample_weight=None):
    """Donsker-Varadhan representation with the critic ``T(z, y, x) = z_y`` (paper Eq. 12-13, 15).

    ``E_x[ E_{z,y} T - log E_z E_{y'} exp(T) ]`` with ``y'`` from `label_distribution`.

    Parameters
    ----------
    logits : array-like of shape (n, K, M) or (n, M)
    y : array-like of int of shape (n,)
    label_distribution : array-like of shape (M,) or (n, M), default=None
        Distribution of E_y, one for all rows or one for each. ``None`` is uniform over the M
        classes, the reading under which Eq. 20 and 23 are exact.
    sample_weight : array-like of shape (n,), default=None

    Returns
    -------
    float
        In nats.

    Examples
    --------
    >>> from sksoftinfo._information import donsker_varadhan
    >>> donsker_varadhan([[0.0, 0.0]], [1])
    0.0
    """
    logits = _three_dimensional(logits)
    n_classes = logits.shape[-1]
    if label_distribution is None:
        label_distribution = np.full(n_classes, 1.0 / n_classes)
    distribution = np.broadcast_to(label_distribution, (len(logits), n_classes))
    per_draw = logsumexp(logits, axis=-1, b=distribution[:, None, :])
    values = _at_label(logits, y).mean(axis=1) - _log_mean_exp(per_draw, axis=1)
    return float(np.average(values, weights=sample_weight))


class RowTerms(NamedTuple):
    """What one row adds to the bounds; each field has shape (n,), in nats."""

    log_softmax: np.ndarray
    jensen_gap: np.ndarray
    predictive: np.ndarray


def row_terms(logits, y):
    """Return each row's expected log-softmax, Jensen gap and predictive log-likelihood.

    The Jensen gap (Eq. 24, with its sign corrected) is computed as
    ``log mean_k exp(s_k) - mean_k s_k`` with ``s_k = log sum_m exp(z_km)``: as a difference of
    two terms of one row it neither overflows nor turns negative by cancellation between rows.

    Examples
    --------
    >>> from sksoftinfo._information import row_terms
    >>> row_terms([[[0.0, 0.0], [1.0, 1.0]]], [0]).jensen_gap.round(3)
    array([0.12])
    """
    logits = _three_dimensional(logits)
    normaliser = logsumexp(logits, axis=-1)
    label_log_proba = _at_label(logits, y) - normaliser
    expected = label_log_proba.mean(axis=1)
    if logits.shape[1] == 1:
        return RowTerms(expected, np.zeros(len(expected)), expected)
    gap = _log_mean_exp(normaliser, axis=1) - normaliser.mean(axis=1)
    return RowTerms(expected, np.maximum(gap, 0.0), _log_mean_exp(label_log_proba, axis=1))


class BoundsAccumulator:
    """One streaming pass over batches: sums, and two numbers for each row.

    Parameters
    ----------
    n_classes : int

    Examples
    --------
    >>> from sksoftinfo._information import BoundsAccumulator
    >>> accumulator = BoundsAccumulator(n_classes=2)
    >>> accumulator.update([[2.0, 0.0], [0.0, 2.0]], [0, 1])
    >>> round(accumulator.result()["mi_lower"], 3)
    0.566
    """

    def __init__(self, n_classes):
        self.n_classes = n_classes
        self.n_draws = 1
        self._weight = np.zeros(n_classes)
        self._log_softmax = 0.0
        self._jensen_gap = 0.0
        self._labels = []
        self._predictive = []
        self._weights = []

    def update(self, logits, y, sample_weight=None, predictive=None):
        """Add a batch.

        Parameters
        ----------
        logits : array-like of shape (b, K, M) or (b, M)
        y : array-like of int of shape (b,)
        sample_weight : array-like of shape (b,), default=None
        predictive : array-like of shape (b,), default=None
            Log-likelihood of the label under the prediction, where that is another than the
            average over these draws.
        """
        logits = _three_dimensional(logits)
        self.n_draws = max(self.n_draws, logits.shape[1])
        terms = row_terms(logits, y)
        if predictive is not None:
            terms = terms._replace(predictive=np.asarray(predictive, dtype=np.float64))
        self.add(terms, y, sample_weight)

    def add(self, terms, y, sample_weight=None):
        """Add a batch of `RowTerms` that are known already."""
        y = np.asarray(y)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        # A row of weight zero adds nothing, even where its log-likelihood is minus infinity.
        used = weight > 0
        self._weight += np.bincount(y, weights=weight, minlength=self.n_classes)
        self._log_softmax += float(weight[used] @ terms.log_softmax[used])
        self._jensen_gap += float(weight[used] @ terms.jensen_gap[used])
        self._labels.append(y)
        self._predictive.append(terms.predictive)
        self._weights.append(weight)

    def result(self, reference_prior=None):
        """Return the bounds, in nats, as a dict.

        Parameters
        ----------
        reference_prior : array-like of shape (M,), default=None
            Prior r of the pointwise contributions; ``None`` is the weighted frequency of the
            labels seen.
        """
        total = float(self._weight.sum())
        frequencies = self._weight / total
        reference = frequencies if reference_prior is None else np.asarray(reference_prior)
        predictive = np.concatenate(self._predictive)
        weights = np.concatenate(self._weights)
        used = weights > 0
        label_entropy = entropy(frequencies)
        mean_predictive = float(weights[used] @ predictive[used]) / total
        expected = self._log_softmax / total
        gap = self._jensen_gap / total
        mi_lower = label_entropy + mean_predictive
        with np.errstate(divide="ignore", invalid="ignore"):
            pointwise = predictive - np.log(reference)[np.concatenate(self._labels)]
        log_m = float(np.log(self.n_classes))
        return {
            "log_softmax": expected,
            "dv": expected - gap + log_m,
            "dv_minus_log_m": expected - gap,
            "jensen_gap": gap,
            # Z and Y are independent given X, so the upper end of the paper's sandwich is zero.
            "conditional_mi": 0.0,
            "label_entropy": label_entropy,
            "dv_label_prior": label_entropy + expected - gap,
            "mi_output_lower": label_entropy + expected,
            "mi_lower": mi_lower,
            "mi_upper": label_entropy,
            "d2": mi_lower / label_entropy if label_entropy > 0 else float("nan"),
            "n_samples": len(predictive),
            "n_classes": self.n_classes,
            "n_draws": self.n_draws,
            "reference_prior": reference,
            "pointwise": pointwise - kl_divergence(frequencies, reference),
        }
