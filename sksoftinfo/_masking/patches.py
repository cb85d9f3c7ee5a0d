"""Patch grids, and the way from patch scores back to a map of pixels.

Arrays in, arrays out. Images are (n, C, H, W); a table is a batch of images one pixel high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def patch_offsets(length, size, stride):
    """Return where patches begin along one axis; the last one ends with the axis.

    Examples
    --------
    >>> from sksoftinfo._masking.patches import patch_offsets
    >>> patch_offsets(10, 4, 3)
    array([0, 3, 6])
    >>> patch_offsets(11, 4, 3)
    array([0, 3, 6, 7])
    """
    offsets = np.arange(0, length - size + 1, stride)
    if offsets[-1] + size < length:
        offsets = np.append(offsets, length - size)
    return offsets


@dataclass(frozen=True)
class PatchGrid:
    """Patches of one size at regular offsets, which together cover the image.

    Parameters
    ----------
    image_size, patch_size, stride : tuple of int
        Height and width, in pixels.

    Examples
    --------
    >>> from sksoftinfo._masking.patches import PatchGrid
    >>> PatchGrid((8, 16), (4, 4), (4, 4)).shape
    (2, 4)
    """

    image_size: tuple
    patch_size: tuple
    stride: tuple

    @property
    def tops(self):
        return patch_offsets(self.image_size[0], self.patch_size[0], self.stride[0])

    @property
    def lefts(self):
        return patch_offsets(self.image_size[1], self.patch_size[1], self.stride[1])

    @property
    def shape(self):
        """Number of patches down and across."""
        return len(self.tops), len(self.lefts)

    def __len__(self):
        return len(self.tops) * len(self.lefts)

    @property
    def centres(self):
        """Middles of the patches down and across, in pixels."""
        return tuple(
            offsets + (size - 1) / 2
            for offsets, size in zip((self.tops, self.lefts), self.patch_size, strict=True)
        )

    def _windows(self, images, patches):
        """Return index arrays that pick, for pairs of image and patch, the patch's pixels."""
        row, column = np.divmod(patches, self.shape[1])
        rows = self.tops[row][:, None] + np.arange(self.patch_size[0])
        columns = self.lefts[column][:, None] + np.arange(self.patch_size[1])
        return images[:, None, None], rows[:, :, None], columns[:, None, :]

    def crop(self, images, indices, patches):
        """Return patches, shape (b, C, height, width): `patches[i]` of image `indices[i]`."""
        i, row, column = self._windows(indices, patches)
        # Advanced indices around a slice come first: (b, height, width, C).
        return images[i, :, row, column].transpose(0, 3, 1, 2)

    def paste(self, images, indices, patches, fill):
        """Return whole images, shape (b, C, H, W), filled but for one patch at its own place.

        `fill` gives every image's masked pixels; it broadcasts to the shape of `images`.
        """
        fill = np.broadcast_to(np.asarray(fill, dtype=images.dtype), images.shape)
        canvas = fill[indices]
        i, row, column = self._windows(np.arange(len(indices)), patches)
        source = indices[:, None, None]
        canvas[i, :, row, column] = images[source, :, row, column]
        return canvas

    def assemble(self, scores, out=None):
        """Average the scores of the patches over each pixel that they cover.

        Parameters
        ----------
        scores : ndarray of shape (..., rows, columns)
        out : ndarray of shape (..., H, W), default=None
            Where to write the result.

        Returns
        -------
        ndarray of shape (..., H, W)
        """
        down = _coverage(self.tops, self.patch_size[0], self.image_size[0])
        across = _coverage(self.lefts, self.patch_size[1], self.image_size[1])
        return spread(scores, down, across, out)


def _coverage(offsets, size, length):
    """Return weights (offsets, length) that average the patches that cover a pixel."""
    position = np.arange(length)
    inside = (position >= offsets[:, None]) & (position < offsets[:, None] + size)
    return inside / inside.sum(axis=0)


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
    >>> from sksoftinfo._masking.patches import interpolation_matrix
    >>> interpolation_matrix(np.array([0.0, 4.0]), np.array([-1.0, 1.0, 4.0]))
    array([[1.  , 0.75, 0.  ],
           [0.  , 0.25, 1.  ]])
    """
    eye = np.eye(len(centres))
    return np.stack([np.interp(positions, centres, row) for row in eye])


def canonical_shape(row_shape, image_shape=None):
    """Return (C, H, W) of the images that rows of shape `row_shape` are.

    Raises
    ------
    ValueError
        If `image_shape` does not fit the rows, or there is no image in them.

    Examples
    --------
    >>> from sksoftinfo._masking.patches import canonical_shape
    >>> canonical_shape((28, 56)), canonical_shape((64,), (8, 8)), canonical_shape((5,))
    ((1, 28, 56), (1, 8, 8), (1, 1, 5))
    """
    row_shape = tuple(row_shape)
    if image_shape is not None:
        image_shape = tuple(image_shape)
        if len(image_shape) not in (2, 3) or min(image_shape) < 1:
            raise ValueError(
                f"image_shape={image_shape!r} is no image: give (height, width) or (channels, "
                "height, width)."
            )
        if int(np.prod(image_shape)) != int(np.prod(row_shape)):
            raise ValueError(
                f"image_shape={image_shape!r} has {int(np.prod(image_shape))} entries, but rows "
                f"of X have {int(np.prod(row_shape))}, of shape {row_shape}: let them agree."
            )
        row_shape = image_shape
    if len(row_shape) == 1:
        return (1, 1, *row_shape)
    if len(row_shape) == 2:
        return (1, *row_shape)
    if len(row_shape) == 3:
        return row_shape
    raise ValueError(
        f"X has rows of shape {row_shape}: give (n, height, width), (n, channels, height, width), "
        "or flat rows and image_shape."
    )
