"""Score of how well masks separate the evidence, which does not need true masks."""

from __future__ import annotations

import numpy as np

# Lower limit of probabilities before their logarithm is taken.
_SMALLEST_PROBA = 1e-12


def separation(classifier, fill, images, masks, y):
    """Return ``log p(t | kept part) + log p(not t | the rest)`` of each image, in nats.

    Parameters
    ----------
    classifier : ImageClassifier
    fill : Fill
        Fill of masked pixels.
    images : ndarray of shape (n, C, H, W)
    masks : ndarray of shape (n, H, W)
        Masks, of dtype bool or weights.
    y : ndarray of shape (n,), int
        Class index of the target t of each image.

    Returns
    -------
    ndarray of shape (n,)
        Scores in nats, at most 0.
    """
    rows = np.arange(len(y))
    rest = ~masks if masks.dtype == bool else 1 - masks
    inside, outside = (
        classifier.predict_proba(fill.mix(images, mask))[rows, y] for mask in (masks, rest)
    )
    return np.log(np.maximum(inside, _SMALLEST_PROBA)) + np.log(
        np.maximum(1 - outside, _SMALLEST_PROBA)
    )
