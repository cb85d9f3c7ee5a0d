"""Maps of pixels from scores of places, by weights along each axis. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np


def spread(scores, down, across):
    """Return ``down.T @ scores @ across``, a map of pixels from scores of places.

    Parameters
    ----------
    scores : ndarray of shape (..., rows, columns)
    down : ndarray of shape (rows, H)
    across : ndarray of shape (columns, W)

    Returns
    -------
    ndarray of shape (..., H, W)
        Map, in the dtype of the scores.
    """
    return down.T.astype(scores.dtype) @ scores @ across.astype(scores.dtype)


def interpolation_matrix(centres, positions):
    """Return weights (centres, positions) of linear interpolation, constant beyond the ends.

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
