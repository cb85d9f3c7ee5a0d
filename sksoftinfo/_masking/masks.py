"""Masks from information: thresholds, presence, components and boxes. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
_IN_PLANE[1] = True


def check_threshold(threshold, reference):
    """Raise ValueError if a threshold that is a share lies outside [0, 1]."""
    if reference != "absolute" and not 0 <= threshold <= 1:
        raise ValueError(
            "`threshold` must be within [0, 1] with threshold_reference="
            f"{reference!r}, where it is a share; got {threshold!r}. Use "
            "threshold_reference='absolute' for a threshold in nats."
        )


def information_limits(peak, threshold, reference, fit_maximum):
    """Return the information above which pixels are kept.

    Parameters
    ----------
    peak : ndarray of shape (T, b)
        Maximum of each map, in nats.
    threshold : float
        Share, or nats for "absolute".
    reference : {"image", "fit", "absolute"}
        As `threshold_reference` of the transformer.
    fit_maximum : ndarray of shape (T, b) or None
        Maximum of the information about each map's class over the images of `fit`, for "fit".

    Returns
    -------
    ndarray of shape (T, b)
        In nats.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import information_limits
    >>> information_limits(np.array([[5.0, -1.0]]), 0.2, "image", None)
    array([[1., 0.]])
    """
    if reference == "absolute":
        return np.full_like(peak, threshold)
    if reference == "fit":
        peak = fit_maximum.astype(peak.dtype)
    # With a share, only positive information is kept.
    return np.maximum(float(threshold) * peak, 0)


def lacks_target(whole, peak, floor):
    """Return whether neither the whole image nor any of its patches is evidence of a class.

    Parameters
    ----------
    whole, peak : ndarray of shape (T, b)
        Weight of evidence of the whole image, and maximum of its map, in nats.
    floor : ndarray of shape (T, b)
        Lower limit of the maximum of a map in images that show the class.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import lacks_target
    >>> lacks_target(np.array([-1.0, -1.0, 2.0]), np.array([0.5, 3.0, 0.5]), 1.0)
    array([ True, False, False])
    """
    return (whole <= 0) & (peak <= floor)


def soft_masks(maps, limit):
    """Return weights that rise linearly from 0 at no information to 1 at `limit` and above.

    All weights are 0 if the limit is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import soft_masks
    >>> soft_masks(np.array([-1.0, 0.5, 1.0, 3.0]), 1.0)
    array([0. , 0.5, 1. , 1. ])
    """
    limit = np.maximum(limit, np.finfo(maps.dtype).tiny)
    return np.clip(maps, 0, limit) / limit


def excess_information(
    assemble,
    lacks,
    places,
    shown,
    classes,
    as_group,
    *,
    threshold,
    reference,
    reference_maximum,
    presence_floor,
    soft,
):
    """Return the excess of the information over the limit, its maximum over the targets.

    Parameters
    ----------
    assemble : callable
        Turns the information of places into maps (T, b, H, W).
    lacks : callable
        Returns whether images lack a class, as `InformationMapper.lacks_target`.
    places, shown, classes
        Information of a batch of images, as `InformationMapper.evaluate` yields it.
    as_group : bool
        Whether the classes form one target, "any of the classes".
    threshold, reference, reference_maximum
        ``threshold``, ``threshold_reference`` and ``reference_maximum_`` of the transformer. The
        maxima are used for "fit" only.
    presence_floor : ndarray of shape (M,) or None
        Presence floor of each class; ``None`` masks no image as a whole.
    soft : bool
        Whether to return weights of soft masks.

    Returns
    -------
    ndarray of shape (b, H, W)
        In the dtype of the maps. Pixels with a positive excess are kept; for soft masks the array
        holds their weights.
    """
    floors = None if presence_floor is None else presence_floor[classes]
    maxima = None if reference_maximum is None else reference_maximum[classes]
    if as_group:
        floors = None if floors is None else floors.min(axis=0, keepdims=True)
        maxima = None if maxima is None else maxima.max(axis=0, keepdims=True)
    most = None
    # One target at a time, since maps take more memory than places.
    for index in range(len(places)):
        one = slice(index, index + 1)
        maps = assemble(places[one])
        peak = maps.max(axis=(2, 3))
        limit = information_limits(
            peak, threshold, reference, None if maxima is None else maxima[one]
        )
        if floors is not None:
            limit[lacks(shown[one], peak, floors[one])] = np.inf
        limit = limit[:, :, None, None]
        part = soft_masks(maps, limit)[0] if soft else maps[0] - limit[0]
        most = part if most is None else np.maximum(most, part)
    return most


def without_specks(excess, smallest):
    """Return the excess information with its sign changed in small parts, so that masks omit them.

    Parameters
    ----------
    excess : ndarray of shape (n, H, W)
        Information above the limit, in nats. Pixels with a positive excess are kept.
    smallest : float
        Number of pixels of the smallest connected part that stays. The largest part of an image
        always stays.

    Returns
    -------
    ndarray of shape (n, H, W)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.masks import without_specks
    >>> without_specks(np.array([[[1.0, 2.0, -1.0, 3.0]], [[-1.0, 2.0, -1.0, -3.0]]]), 2)
    array([[[ 1.,  2., -1., -3.]],
    <BLANKLINE>
           [[-1.,  2., -1., -3.]]])
    """
    out = excess.copy()
    for one in out:
        parts, n_parts = ndimage.label(one > 0)
        if n_parts > 1:
            size = np.bincount(parts.ravel())
            is_speck = size < min(smallest, size[1:].max())
            is_speck[0] = False
            one[is_speck[parts]] *= -1
    return out


def whole_components(kept, ink):
    """Keep or mask each connected component of the ink as a whole, by majority of its pixels.

    Parameters
    ----------
    kept, ink : ndarray of shape (n, H, W), bool

    Returns
    -------
    ndarray of shape (n, H, W), bool
        The mask `kept`, changed on the ink only.

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
    """Return the bounding box of the largest connected component of each mask.

    Parameters
    ----------
    kept : ndarray of shape (n, H, W), bool

    Returns
    -------
    ndarray of shape (n, 4), int64
        Left, top, right and bottom, in pixels. Right and bottom are exclusive, so that differences
        are the width and the height of the box. All 0 for an empty mask.

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
