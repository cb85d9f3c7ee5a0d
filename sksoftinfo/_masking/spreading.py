"""From scores of places to maps of pixels: weights along each axis. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np


def spread(scores, down, across, out=None):
    """Return ``down.T @ scores @ across``: scores of places as a map of pixels.

    Parameters
    ----------
    scores : ndarray of shape (..., rows, columns)
    down : ndarray of shape (rows, H)
    across : ndarray of shape (columns, W)
    out : ndarray of shape (..., H, W), default=None
        Where to write the result.

    Returns
    -------
    ndarray of shape (..., H, W)
        Of the dtype of the scores, without `out`.
    """
    down, across = (weights.astype(scores.dtype, copy=False) for weights in (down, across))
    # One product for the rows of all maps: many small ones are slow.
    rows = scores.reshape(-1, scores.shape[-1]) @ across
    return np.matmul(down.T, rows.reshape(*scores.shape[:-1], -1), out=out)


def interpolation_matrix(centres, positions):
    """Return weights (centres, positions) that interpolate linearly, constant beyond the ends.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.spreading import interpolation_matrix
    >>> interpolation_matrix(np.array([0.0, 4.0]), np.array([-1.0, 1.0, 4.0]))
    array([[1.  , 0.75, 0.  ],
           [0.  , 0.25, 1.  ]])
    """
    eye = np.eye(len(centres))
    return np.stack([np.interp(positions, centres, row) for row in eye])
