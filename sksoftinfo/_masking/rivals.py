"""What else is in a picture, and how far a class is beyond it. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

# Rivals of a class in a picture, at most: one thing is often taken for several classes.
_MOST = 3
#: Evidence of a class where the target has none, at least, of a rival. Chosen on 24 composites of
#: two photographs and 13 photographs of one animal.
RIVAL_FLOOR = 1.6


def rivals_elsewhere(evidence, targets, floor):
    """Return the classes that are most evident where the target is not.

    A class counts by its evidence at its best place, less twice the target's there: what the
    target looks like as well is not a rival.

    Parameters
    ----------
    evidence : ndarray of shape (M, n, ...)
        Weight of evidence of all classes, at windows.
    targets : ndarray of shape (K, n), int
        One class for each image; K for a group.
    floor : float
        Evidence that a rival has, at least.

    Returns
    -------
    rivals : ndarray of shape (R, n), int
        Most evident first; R is at most 3.
    present : ndarray of shape (R, n), bool
        Whether each has as much evidence as that.

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
    """Return the log-odds that windows are of the target rather than of its strongest rival.

    Parameters
    ----------
    logits : ndarray of shape (M, n, ...)
    targets : ndarray of shape (K, n), int
    rivals, present
        As `rivals_elsewhere` returns them.
    slope : float or ndarray that broadcasts to (n, ...)
        Nats for each unit of a difference of logits.

    Returns
    -------
    ndarray of shape (n, ...)
        In nats, either being as probable beforehand.

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
