"""From information to masks, from masks to images and boxes. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
_IN_PLANE[1] = True


def soft_masks(maps, limit):
    """Return weights: 1 from `limit` upwards, falling linearly to 0 where there is nothing.

    Nothing is kept where the limit is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import soft_masks
    >>> soft_masks(np.array([-1.0, 0.5, 1.0, 3.0]), 1.0)
    array([0. , 0.5, 1. , 1. ])
    """
    limit = np.maximum(limit, np.finfo(maps.dtype).tiny)
    return np.clip(maps, 0, limit) / limit


def whole_components(kept, ink):
    """Keep or mask connected parts of the ink whole, by the majority of their pixels.

    Parameters
    ----------
    kept, ink : ndarray of shape (n, H, W), bool

    Returns
    -------
    ndarray of shape (n, H, W), bool
        Only ink; what is no ink stays as in `kept`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import whole_components
    >>> ink = np.array([[[1, 1, 1, 0, 1, 1]]], dtype=bool)
    >>> kept = np.array([[[0, 1, 1, 1, 0, 0]]], dtype=bool)
    >>> whole_components(kept, ink).astype(int)
    array([[[1, 1, 1, 1, 0, 0]]])
    """
    parts, n_parts = ndimage.label(ink, structure=_IN_PLANE)
    size = np.bincount(parts.ravel(), minlength=n_parts + 1)
    inside = np.bincount(parts.ravel(), weights=kept.ravel(), minlength=n_parts + 1)
    return np.where(ink, (2 * inside > size)[parts], kept)


def largest_boxes(kept):
    """Return the bounding box of the largest connected part of each mask.

    Parameters
    ----------
    kept : ndarray of shape (n, H, W), bool

    Returns
    -------
    ndarray of shape (n, 4), int64
        Left, top, right and bottom, in pixels; the last two are exclusive, so that their
        differences are width and height. All 0 for an empty mask.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import largest_boxes
    >>> largest_boxes(np.array([[[1, 0, 0, 0], [0, 0, 1, 1]]], dtype=bool))
    array([[2, 1, 4, 2]])
    """
    boxes = np.zeros((len(kept), 4), dtype=np.int64)
    for box, mask in zip(boxes, kept, strict=True):
        parts, n_parts = ndimage.label(mask, structure=np.ones((3, 3)))
        if n_parts:
            largest = np.bincount(parts.ravel())[1:].argmax()
            rows, columns = ndimage.find_objects(parts)[largest]
            box[:] = columns.start, rows.start, columns.stop, rows.stop
    return boxes
