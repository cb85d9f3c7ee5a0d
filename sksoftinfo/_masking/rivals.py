"""Rivals of a class in a picture, and log-odds against them. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

# Largest number of rivals of a class in a picture; several since one object may resemble several
# classes.
_MOST = 3
#: Smallest evidence of a rival at a place without evidence of the target. Chosen on 24 composites
#: of two photographs and on 13 photographs of one animal.
RIVAL_FLOOR = 2.2


def rivals_elsewhere(evidence, targets, floor):
    """Return the classes that are most evident where the target is not.

    A class is ranked by the maximum over places of its evidence minus twice the positive evidence
    of the target at the same place, so that a class that resembles the target is not a rival.

    Parameters
    ----------
    evidence : ndarray of shape (M, n, ...)
        Weight of evidence of all classes at the windows, in nats.
    targets : ndarray of shape (K, n), int
        Class index of the target of each image, or the K class indices of a group.
    floor : float
        Smallest evidence of a rival, in nats.

    Returns
    -------
    rivals : ndarray of shape (R, n), int
        Class indices, most evident first; R is at most 3.
    present : ndarray of shape (R, n), bool
        Whether the evidence of each class reaches `floor`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.rivals import rivals_elsewhere
    >>> evidence = np.array([[[4.0, -1.0]], [[3.0, -1.0]], [[-1.0, 5.0]]])
    >>> rivals_elsewhere(evidence, np.array([[0]]), 1.5)
    (array([[2],
           [1]]), array([[ True],
           [False]]))
    """
    each = targets, np.arange(evidence.shape[1])
    flat = evidence.reshape(*evidence.shape[:2], -1)
    own = np.maximum(flat[each].max(axis=0), 0)
    beyond = (flat - 2 * own).max(axis=2)
    beyond[each] = -np.inf
    n_most = min(_MOST, len(beyond) - 1)
    order = np.argsort(-beyond, axis=0, kind="stable")[:n_most]
    return order, np.take_along_axis(beyond, order, axis=0) >= floor


def log_odds_of_rivals(logits, targets, rivals, present, slope):
    """Return the log-odds that windows show the target rather than its strongest rival.

    Parameters
    ----------
    logits : ndarray of shape (M, n, ...)
        Logits for the windows.
    targets : ndarray of shape (K, n), int
        Class index of the target of each image, or the K class indices of a group.
    rivals, present
        Results of `rivals_elsewhere`.
    slope : float
        Nats per unit of the difference of two logits.

    Returns
    -------
    ndarray of shape (n, ...)
        Log-odds in nats, with equal prior probabilities of the target and its rival.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.rivals import log_odds_of_rivals
    >>> logits = np.array([[[9.0, 0.0, -1.0]], [[0.0, 0.0, 0.0]]])
    >>> rivals = np.array([[1]]), np.array([[True]])
    >>> log_odds_of_rivals(logits, np.array([[0]]), *rivals, slope=2)
    array([[18.,  0., -2.]])
    """
    images = np.arange(logits.shape[1])
    own = logsumexp(logits[targets, images], axis=0) - np.log(len(targets))
    absent = ~present.reshape(*present.shape, *[1] * (logits.ndim - 2))
    strongest = np.where(absent, -np.inf, logits[rivals, images]).max(axis=0)
    return slope * (own - strongest)
