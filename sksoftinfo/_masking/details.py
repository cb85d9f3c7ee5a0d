"""Transfer of evidence from a coarse map to the finer features of a picture. Arrays only."""

from __future__ import annotations

import numpy as np


def carry_over(maps, details):
    """Redraw maps with the channels of a finer map of the same picture.

    Each channel is divided by its standard deviation over the picture and weighted by its
    covariance with the evidence. The mean and the maximum of each map do not change, so that the
    evidence of the whole picture and of its best place stays the same.

    Parameters
    ----------
    maps : ndarray of shape (T, n, rows, columns)
        Evidence at the places of `details`, in nats.
    details : ndarray of shape (n, C, rows, columns)
        Finer feature map of each picture.

    Returns
    -------
    ndarray of shape (T, n, rows, columns)
        In the dtype of `maps`; a map without variation is not changed.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.details import carry_over
    >>> details = np.array([[[[0.0, 1.0, 1.0, 0.0]]]])
    >>> carry_over(np.array([[[[0.0, 0.0, 4.0, 0.0]]]]), details).round(1)
    array([[[[-2.,  4.,  4., -2.]]]])
    """
    n, n_channels = details.shape[:2]
    channels = details.reshape(n, n_channels, -1).astype(np.float32)
    channels = channels - channels.mean(axis=2, keepdims=True)
    deviation = channels.std(axis=2, keepdims=True)
    channels /= np.where(deviation > 0, deviation, 1)
    flat = maps.reshape(len(maps), n, -1)
    centre = flat.mean(axis=2, keepdims=True)
    peak = flat.max(axis=2, keepdims=True)
    # Images come first, since each image has its own channels.
    evidence = (flat - centre).swapaxes(0, 1)
    drawn = (evidence @ channels.swapaxes(1, 2)) @ channels
    drawn = drawn.swapaxes(0, 1)
    highest = drawn.max(axis=2, keepdims=True)
    usable = (highest > 0) & np.isfinite(highest)
    drawn = centre + drawn / np.where(usable, highest, 1) * (peak - centre)
    return np.where(usable, drawn, flat).reshape(maps.shape).astype(maps.dtype)
