"""Equations of the paper and the information bounds that follow from them.

Arrays in, arrays out: NumPy and SciPy only, float64 throughout, everything in nats.

Notation: logits ``z`` of shape (n, K, M), K draws of the network's output per sample (K = 1 and
shape (n, M) for a deterministic network), M classes, labels ``y`` in 0..M-1. Wherever a class
prior sits inside the softmax, "logits" means ``z + log(class prior)``, whose softmax is the
class posterior.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr, logsumexp, rel_entr, xlogy


def label_dtype(n_classes):
    """Return the smallest dtype for the indices of `n_classes` labels."""
    return np.min_scalar_type(n_classes - 1)


def three_dimensional(logits):
    """Return logits as float64 of shape (n, K, M), with K = 1 if the axis of draws is missing."""
    logits = np.asarray(logits, dtype=np.float64)
    return logits[:, None, :] if logits.ndim == 2 else logits


def log_mean_exp(values, axis):
    """Return the logarithm of the mean of exponentials along `axis`."""
    return logsumexp(values, axis=axis) - np.log(values.shape[axis])


def at_label(values, y):
    """Return ``values[i, ..., y[i]]``."""
    if values.ndim == 2 and values.flags.f_contiguous:
        # A flat index takes less time than an index for each axis.
        flat = np.multiply(y, len(values), dtype=np.intp) + np.arange(len(values))
        return values.ravel(order="F").take(flat)
    index = np.asarray(y).reshape((-1,) + (1,) * (values.ndim - 1))
    return np.take_along_axis(values, index, axis=-1)[..., 0]


def log_softmax(logits):
    """Return the log-softmax over the last axis (paper Eq. 1-3).

    Parameters
    ----------
    logits : array-like of shape (..., M)

    Returns
    -------
    ndarray of shape (..., M), float64
        Log-probabilities in nats, at most 0.

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import log_softmax
    >>> log_softmax([[0.0, 0.0]]).round(3)
    array([[-0.693, -0.693]])
    """
    logits = np.asarray(logits, dtype=np.float64)
    return logits - logsumexp(logits, axis=-1, keepdims=True)


def entropy(p):
    """Return the Shannon entropy of a distribution, in nats.

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import entropy
    >>> round(entropy([0.5, 0.5]), 3)
    0.693
    """
    # Adding 0.0 turns -0.0, the entropy of one class, into 0.0.
    return float(-xlogy(p, p).sum() + 0.0)


def kl_divergence(p, r):
    """Return the Kullback-Leibler divergence of `p` from `r`, in nats; infinite if ``r = 0 < p``.

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import kl_divergence
    >>> kl_divergence([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    # Rounding can leave the sum slightly below zero.
    return max(0.0, float(rel_entr(p, r).sum()))


def label_log_likelihood(log_proba, y):
    """Return the log-likelihood of each label, and whether another class was the most probable.

    Ties are resolved in favour of the first class.

    Parameters
    ----------
    log_proba : ndarray of shape (n, M)
        Log-probabilities in nats, in either memory order.
    y : ndarray of int of shape (n,)
        Index of the label of each row.

    Returns
    -------
    log_likelihood : ndarray of shape (n,)
        Log-probability of each label, in nats.
    error : ndarray of bool of shape (n,)
        Whether another class was the most probable.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.equations import label_log_likelihood
    >>> log_proba = np.log([[0.6, 0.4], [0.5, 0.5], [0.5, 0.5]])
    >>> label_log_likelihood(log_proba, np.array([1, 0, 1]))[1]
    array([ True, False,  True])
    """
    log_likelihood = at_label(log_proba, y)
    if log_proba.flags.f_contiguous:
        # If there are no ties, comparing with the maximum is faster than locating it.
        classes = log_proba.T
        largest = classes.max(axis=0)
        if np.count_nonzero(classes == largest) == len(largest):
            return log_likelihood, log_likelihood < largest
    return log_likelihood, log_proba.argmax(axis=1) != y


def label_frequencies(y, n_classes, sample_weight=None):
    """Return the (weighted) share of each class among labels `y`, shape (n_classes,).

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import label_frequencies
    >>> label_frequencies([0, 1, 1, 1], 3)
    array([0.25, 0.75, 0.  ])
    """
    counts = np.bincount(np.asarray(y), weights=sample_weight, minlength=n_classes)
    return counts / counts.sum()


def predictive_log_proba(logits):
    """Return the logarithm of the class probabilities averaged over draws, shape (n, M).

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.equations import predictive_log_proba
    >>> np.exp(predictive_log_proba([[[50.0, 0.0], [0.0, 50.0]]]))
    array([[0.5, 0.5]])
    """
    return log_mean_exp(log_softmax(three_dimensional(logits)), axis=1)


def predictive_entropy(logits):
    """Return the entropy of the class probabilities averaged over draws, shape (n,), in nats.

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import predictive_entropy
    >>> predictive_entropy([[[50.0, 0.0], [0.0, 50.0]]]).round(3)
    array([0.693])
    """
    return entr(np.exp(predictive_log_proba(logits))).sum(axis=1)


def expected_entropy(logits):
    """Return the entropy of each draw's class probabilities, averaged over draws, in nats.

    Examples
    --------
    >>> from sksoftinfo._bounds.equations import expected_entropy
    >>> expected_entropy([[[50.0, 0.0], [0.0, 50.0]]]).round(3)
    array([0.])
    """
    return entr(np.exp(log_softmax(three_dimensional(logits)))).sum(axis=2).mean(axis=1)


def pointwise_information(log_proba, reference_prior):
    """Return the pointwise information between input and class (Proposition 1, normalised).

    The result is ``log p(m | x) - log r_m``. Unlike the logit, which is defined only up to a
    constant for each sample, this difference is unique.

    Parameters
    ----------
    log_proba : array-like of shape (n, M)
        Log-probabilities in nats.
    reference_prior : array-like of shape (M,)
        Reference prior r of the classes.

    Returns
    -------
    ndarray of shape (n, M), float64
        Pointwise information in nats.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.equations import pointwise_information
    >>> pointwise_information(np.log([[0.5, 0.5]]), [0.5, 0.5])
    array([[0., 0.]])
    """
    with np.errstate(divide="ignore"):
        return np.asarray(log_proba, dtype=np.float64) - np.log(reference_prior)


def donsker_varadhan(critic, log_expectation):
    """Return the Donsker-Varadhan term of each row (paper Eq. 12-13, 15), in nats.

    The term is ``E_z T(z, y) - log E_z E_{y'} exp(T(z, y'))``, where expectations over z are means
    over K draws.

    Parameters
    ----------
    critic : ndarray of shape (n, K)
        Critic T at the row's label; in the paper, the logit of the label.
    log_expectation : ndarray of shape (n, K)
        ``log E_{y'} exp(T(z, y'))`` of each draw. If y' is uniform over the M classes, as Eq. 20
        and 23 require to be exact, this is the logarithm of the sum over all classes less log M.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.equations import donsker_varadhan
    >>> donsker_varadhan(np.log([[1.0, 3.0]]), np.log([[1.0, 1.0]])).round(3)
    array([0.549])
    """
    return critic.mean(axis=1) - log_mean_exp(log_expectation, axis=1)
