"""Transfer of evidence from a coarse map to the finer features of a picture. Arrays only."""

from __future__ import annotations

import numpy as np

# Share of the finer features in the log-odds of two classes. Chosen on composites of photographs.
_SHARE = 0.25


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


def follow_details(odds, details):
    """Return log-odds whose border between two classes follows a finer map.

    The result is a weighted mean of the log-odds and of the log-odds redrawn by `carry_over`. The
    redrawn log-odds are first given the mean and the standard deviation of the original ones.

    Parameters
    ----------
    odds : ndarray of shape (n, rows, columns)
    details : ndarray of shape (n, C, rows, columns)

    Returns
    -------
    ndarray of shape (n, rows, columns)
        In the dtype of `odds`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.details import follow_details
    >>> details = np.array([[[[1.0, 1.0, 0.0, 0.0]]]])
    >>> follow_details(np.array([[[3.0, 1.0, -1.0, -3.0]]]), details).round(1)
    array([[[ 2.8,  1.3, -1.3, -2.8]]])
    """
    if not len(odds):
        return odds
    drawn = carry_over(odds[None], details)[0]
    drawn -= drawn.mean(axis=(1, 2), keepdims=True)
    deviation = drawn.std(axis=(1, 2), keepdims=True)
    drawn *= odds.std(axis=(1, 2), keepdims=True) / np.where(deviation > 0, deviation, 1)
    drawn += odds.mean(axis=(1, 2), keepdims=True)
    return (1 - _SHARE) * odds + _SHARE * drawn
