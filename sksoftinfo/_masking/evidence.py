"""Information about classes, in nats, from their log-probabilities."""

from __future__ import annotations

import numpy as np
from scipy.special import logit, logsumexp


def two_largest(values):
    """Return the largest and the second-largest value along the first axis.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import two_largest
    >>> two_largest(np.array([[1, 5], [3, 5], [2, 4]]))
    (array([3, 5]), array([2, 5]))
    """
    half = len(values) // 2
    first, other = values[:half], values[half : 2 * half]
    largest, second = np.maximum(first, other), np.minimum(first, other)
    if len(values) % 2:
        np.maximum(second[0], np.minimum(largest[0], values[-1]), out=second[0])
        np.maximum(largest[0], values[-1], out=largest[0])
    # Halves are compared at once: a loop over 1,000 classes takes longer than all else in a map.
    while len(largest) > 1:
        half = (len(largest) + 1) // 2
        n = len(largest) - half
        np.maximum(second[:n], second[half:], out=second[:n])
        np.maximum(second[:n], np.minimum(largest[:n], largest[half:]), out=second[:n])
        np.maximum(largest[:n], largest[half:], out=largest[:n])
        largest, second = largest[:half], second[:half]
    return largest[0], second[0]


def log_odds(log_proba, classes):
    """Return ``logit p(m)`` of some classes, accurate for probabilities near 0 and 1.

    Parameters
    ----------
    log_proba : ndarray of shape (M, n, ...)
        Log-probabilities up to a constant, e.g. logits. At least two classes are finite.
    classes : ndarray of shape (T, n), int
        Indices of T classes for each of the n images.

    Returns
    -------
    ndarray of shape (T, n, ...)
        In nats, in the dtype of `log_proba`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import log_odds
    >>> log_odds(np.log([[0.25], [0.75]]), np.array([[0], [1]])).round(3)
    array([[-1.099],
           [ 1.099]])
    """
    # Let s_1 >= s_2 be the two largest values and R >= 1 the sum of exp(s - s_2) over all classes
    # but the largest. The rivals of a class t sum to exp(s_1) (1 + (R - exp(s_t - s_2))
    # exp(s_2 - s_1)), and the rivals of the largest class to exp(s_2) R, so that nothing that
    # matters cancels or underflows. A separate sum for each class makes `information_maps` take
    # 1.5 times as long for the ten classes of bench_masking.py.
    largest, second = two_largest(log_proba)
    shares = log_proba - second
    np.minimum(shares, 0, out=shares)
    np.exp(shares, out=shares)
    rest = shares.sum(axis=0) - 1
    gap = largest - second
    each = classes, np.arange(log_proba.shape[1])
    chosen = log_proba[each]
    others = rest - shares[each]
    others *= np.exp(-gap)
    np.log1p(others, out=others)
    odds = chosen - largest
    odds -= others
    others += gap - np.log(rest)
    others *= chosen > second
    odds += others
    return odds


def patch_information(kind, scores, prior, classes):
    """Return the information of patches about classes, shape (T, n, ...), in nats.

    Parameters
    ----------
    kind : {"weight_of_evidence", "pmi", "logit"}
        ``"weight_of_evidence"`` is ``logit p(t|patch) - logit p(t)``, ``"pmi"`` is
        ``log p(t|patch) - log p(t)``, and ``"logit"`` is the paper's literal z_t, which is
        defined only up to a constant per patch.
    scores : ndarray of shape (M, n, ...)
        Log-probabilities up to a constant; the classifier's logits for ``"logit"``.
    prior : ndarray of shape (M,)
        Prior p(t) of the classes.
    classes : ndarray of shape (T, n), int
        Indices of T classes for each of n images.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import patch_information
    >>> log_proba = np.log([[0.5, 0.1], [0.5, 0.9]])
    >>> patch_information("pmi", log_proba, np.array([0.5, 0.5]), np.array([[1, 1]])).round(3)
    array([[0.   , 0.588]])
    """
    prior = prior[classes]
    if kind == "weight_of_evidence":
        information = log_odds(scores, classes)
        of_prior = logit(prior)
    else:
        information = scores[classes, np.arange(scores.shape[1])]
        if kind == "logit":
            return information
        information = information - logsumexp(scores, axis=0)
        of_prior = np.log(prior)
    nothing = of_prior.astype(scores.dtype)
    return information - nothing.reshape(*classes.shape, *[1] * (scores.ndim - 2))


def group_information(kind, scores, prior, classes):
    """Return the information of patches about "any of the classes", shape (n, ...), in nats.

    The group counts as one class, so that its classes are not each other's rivals.

    Parameters
    ----------
    kind, scores, prior
        As in `patch_information`.
    classes : ndarray of shape (T, n), int
        Indices of the group's classes, the same for all images. At least one class is not in the
        group.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import group_information
    >>> log_proba = np.log([[0.4], [0.4], [0.2]])
    >>> prior = np.array([0.25, 0.25, 0.5])
    >>> group_information("weight_of_evidence", log_proba, prior, np.array([[0], [1]])).round(3)
    array([1.386])
    """
    group = np.isin(np.arange(len(prior)), classes[:, 0])
    together = logsumexp(scores[group], axis=0, keepdims=True)
    merged = np.concatenate([together, scores[~group]]).astype(scores.dtype)
    of_merged = np.concatenate([[prior[group].sum()], prior[~group]])
    first = np.zeros((1, scores.shape[1]), dtype=int)
    return patch_information(kind, merged, of_merged, first)[0]


def information_of(kind, scores, prior, classes, as_group):
    """Return `patch_information`, or `group_information` with a first axis of length 1."""
    if as_group:
        return group_information(kind, scores, prior, classes)[None]
    return patch_information(kind, scores, prior, classes)
