"""Patches of one size on a regular grid: their places, their pixels, and maps of their scores.

Arrays in, arrays out. Images have the shape (n, C, H, W); a table is a batch of images with a
height of one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .spreading import spread


def patch_offsets(length, size, stride):
    """Return the offsets of patches along one axis; the last patch ends with the axis.

    Examples
    --------
    >>> from sksoftinfo._masking.patch_grid import patch_offsets
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
    """Patches of one size at regular offsets, which cover the image.

    Parameters
    ----------
    image_size, patch_size, stride : tuple of int
        Height and width, in pixels.

    Examples
    --------
    >>> from sksoftinfo._masking.patch_grid import PatchGrid
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
        """Numbers of patches down and across."""
        return len(self.tops), len(self.lefts)

    def __len__(self):
        return len(self.tops) * len(self.lefts)

    @property
    def centres(self):
        """Centres of the patches down and across, in pixels."""
        return tuple(
            offsets + (size - 1) / 2
            for offsets, size in zip((self.tops, self.lefts), self.patch_size, strict=True)
        )

    def _pixels(self, images, patches):
        """Return index arrays of the pixels of each pair of an image and a patch."""
        row, column = np.divmod(patches, self.shape[1])
        rows = self.tops[row][:, None] + np.arange(self.patch_size[0])
        columns = self.lefts[column][:, None] + np.arange(self.patch_size[1])
        return images[:, None, None], rows[:, :, None], columns[:, None, :]

    def crop(self, images, indices, patches):
        """Return patches, shape (b, C, height, width): `patches[i]` of image `indices[i]`."""
        i, row, column = self._pixels(indices, patches)
        # NumPy moves the axes of advanced indices to the front: (b, height, width, C).
        return images[i, :, row, column].transpose(0, 3, 1, 2)

    def paste(self, images, indices, patches, fill):
        """Return the fill with one patch pasted at its own place, shape (b, C, H, W).

        `fill` holds the masked pixels of each image, and broadcasts to the shape of `images`.
        """
        fill = np.broadcast_to(np.asarray(fill, dtype=images.dtype), images.shape)
        canvas = fill[indices]
        i, row, column = self._pixels(np.arange(len(indices)), patches)
        source = indices[:, None, None]
        canvas[i, :, row, column] = images[source, :, row, column]
        return canvas

    def assemble(self, scores):
        """Average, for each pixel, the scores of the patches that cover the pixel.

        Parameters
        ----------
        scores : ndarray of shape (..., rows, columns)

        Returns
        -------
        ndarray of shape (..., H, W)
        """
        down = _coverage(self.tops, self.patch_size[0], self.image_size[0])
        across = _coverage(self.lefts, self.patch_size[1], self.image_size[1])
        return spread(scores, down, across)


def _coverage(offsets, size, length):
    """Return weights (offsets, length) of the mean over the patches that cover a pixel."""
    position = np.arange(length)
    inside = (position >= offsets[:, None]) & (position < offsets[:, None] + size)
    return inside / inside.sum(axis=0)
