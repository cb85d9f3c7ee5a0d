"""Composites: images of a target, each joined with a part of an image of another class."""

from __future__ import annotations

import numpy as np

# Composites are cut within the middle of each axis, outside this share of it on either side.
_UNCUT = 0.25


def content_of(images, fill):
    """Return how much the pixels of images (n, C, H, W) differ from their fill, (n, H, W)."""
    content = np.abs(images - fill(images)).sum(axis=1, dtype=np.float32)
    if images.shape[1:3] == (1, 1):
        # Columns of a table may have different units.
        content /= np.maximum(content.mean(axis=0), np.finfo(np.float32).tiny)
    return content


def cut(content, rng):
    """Return the pixels on the first side of a cut through each composite.

    An image is cut between the two neighbouring lines of pixels, down or across, that hold the
    least content, so that few objects are cut.

    Parameters
    ----------
    content : ndarray of shape (n, H, W)
        Content of both images of a composite together.
    rng : RandomState
        Draws one of several equal cuts.

    Returns
    -------
    ndarray of shape (n, H, W), bool
        The upper or the left part of each composite.
    """
    n, *size = content.shape
    costs, cuts = [], []
    for axis, length in enumerate(size):
        lines = content.sum(axis=2 - axis)
        margin = int(np.ceil(_UNCUT * length))
        inner = np.arange(max(margin, 1), min(length - margin, length - 1) + 1)
        costs.append(lines[:, inner - 1] + lines[:, inner])
        cuts += [(axis, cut) for cut in inner]
    costs = np.concatenate(costs, axis=1)
    chosen = np.lexsort((rng.random_sample(costs.shape), costs), axis=1)[:, 0]
    places = np.indices(size)
    first = np.empty(content.shape, dtype=bool)
    for index, choice in enumerate(chosen):
        axis, length = cuts[choice]
        first[index] = places[axis] < length
    return first


def sides(content, agreed, rng):
    """Return the pixels of composites that come from the images of the target.

    The side of the target is the side of the cut where the information agrees.

    Parameters
    ----------
    content, rng
        As in `cut`.
    agreed : ndarray of shape (n, H, W)
        Information about the target in its image.

    Returns
    -------
    ndarray of shape (n, H, W), bool
    """
    first = cut(content, rng)
    peaks = agreed.reshape(len(agreed), -1).argmax(axis=1)
    at_peak = first.reshape(len(first), -1)[np.arange(len(first)), peaks]
    return first == at_peak[:, None, None]


def content_kept(content, masks, ours):
    """Return the content that masks keep on the side of the target, and on the other side.

    Parameters
    ----------
    content : ndarray of shape (n, H, W)
    masks : ndarray of shape (n, H, W) or float
        Masks, of dtype bool or weights; 1 keeps everything.
    ours : ndarray of shape (n, H, W), bool
        Side of the target in each composite.

    Returns
    -------
    ndarray of shape (2,)
    """
    inside = content * masks
    return np.array([inside[ours].sum(), inside[~ours].sum()])


def shares_apart(kept, held):
    """Return the share kept on the side of the target less the share kept on the other side.

    Parameters
    ----------
    kept, held : ndarray of shape (..., 2)
        Content that is kept, and all content, on either side.

    Returns
    -------
    ndarray of shape (...)
        Within [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.composites import shares_apart
    >>> shares_apart(np.array([[4.0, 0.0], [4.0, 8.0]]), np.array([4.0, 8.0]))
    array([1., 0.])
    """
    shares = kept / np.maximum(held, np.finfo(np.float32).tiny)
    return shares[..., 0] - shares[..., 1]


def partners_of(y, shown, rows, among, rng):
    """Return, for each of the rows, a row of another class, without a target if there is one."""
    partners = np.empty(len(rows), dtype=int)
    for label in np.unique(y[rows]):
        others = among[y[among] != label]
        without = others[~shown[others]]
        mine = y[rows] == label
        pool = next((one for one in (without, others) if len(one)), among)
        partners[mine] = pool[rng.randint(len(pool), size=mine.sum())]
    return partners
