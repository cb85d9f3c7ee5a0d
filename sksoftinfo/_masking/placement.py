"""`Placement`: where the pixels of a network's input lie in the picture before preprocessing.

The placement is measured for any preprocessing: the preprocessing is applied to pictures whose
brightness encodes the position.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

# Shortest side of pictures that can be measured, since a shorter ramp has too few steps.
_SMALLEST = 8
# Largest deviation of a position from the line fitted through all positions, as a share of the
# range of brightness.
_TOLERANCE = 4 / 255
# Golden ratio minus 1. The fractional parts of its multiples are spread evenly.
_GOLDEN = (5**0.5 - 1) / 2


class Placement(NamedTuple):
    """Position of the rows and columns of a network's input in a picture.

    Attributes
    ----------
    picture_size, input_size : tuple of int
        Height and width of the picture and of the input, in pixels.
    starts : tuple of float
        Row and column of the picture at the centre of the first row and column of the input.
    steps : tuple of float
        Distance between neighbouring rows and columns of the input, in pixels of the picture. A
        step is negative if the input is mirrored.
    """

    picture_size: tuple
    input_size: tuple
    starts: tuple
    steps: tuple

    def is_identity(self):
        """Return whether each pixel of the input is the same pixel of the picture."""
        return (
            self.picture_size == self.input_size
            and np.allclose(self.starts, 0, atol=0.25)
            and np.allclose(self.steps, 1, atol=1e-3)
        )

    def to_picture(self, maps, outside):
        """Interpolate maps (..., h, w) of the input to maps (..., H, W) of the picture.

        Parameters
        ----------
        maps : ndarray of shape (..., h, w)
        outside : float
            Value of pixels of the picture that are not part of the input.

        Examples
        --------
        >>> import numpy as np
        >>> from sksoftinfo._masking.placement import resized
        >>> maps = np.array([[0.0, 1.0]])
        >>> resized((1, 4), (1, 2)).to_picture(maps, np.nan)
        array([[0.  , 0.25, 0.75, 1.  ]])
        """
        if self.is_identity():
            return maps
        for axis in (-2, -1):
            maps = self._along(maps, axis, outside)
        return maps

    def _along(self, maps, axis, outside):
        length, n = self.input_size[axis], self.picture_size[axis]
        place = (np.arange(n) - self.starts[axis]) / self.steps[axis]
        is_outside = (place < -0.5 - 1e-6) | (place > length - 0.5 + 1e-6)
        place = np.clip(place, 0, length - 1)
        low = np.floor(place).astype(np.intp)
        high = np.minimum(low + 1, length - 1)
        shape = (-1, 1) if axis == -2 else (-1,)
        share = (place - low).astype(maps.dtype).reshape(shape)
        below, above = np.take(maps, low, axis), np.take(maps, high, axis)
        # The difference of two infinities is NaN, which is replaced below.
        with np.errstate(invalid="ignore"):
            between = above - below
            between *= share
            between += below
        if not np.isfinite(maps).all():
            between = np.where(below == above, below, between)
        if is_outside.any():
            np.moveaxis(between, axis, 0)[is_outside] = outside
        return between


def resized(picture_size, input_size):
    """Return the placement of a picture that is resized without cropping."""
    steps = tuple(a / b for a, b in zip(picture_size, input_size, strict=True))
    starts = tuple(step / 2 - 0.5 for step in steps)
    return Placement(tuple(picture_size), tuple(input_size), starts, steps)


def measure_placement(apply, size, index=0):
    """Return the placement of the output of `apply` in its input.

    Parameters
    ----------
    apply : callable
        Takes a grey picture, uint8 of shape (H, W), and returns an array (C, h, w).
    size : tuple of int
        Height and width of the pictures, in pixels.
    index : int, default=0
        Index of a picture of this size in `X`, for messages.

    Returns
    -------
    Placement

    Raises
    ------
    ValueError
        If a side is shorter than 8 pixels, or if `apply` moves pixels other than by resizing,
        cropping, padding and mirroring.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.placement import measure_placement
    >>> placement = measure_placement(lambda picture: picture[None, 4:, ::2] / 255, (16, 20))
    >>> placement.input_size, np.round(placement.steps, 1)
    ((12, 10), array([1., 2.]))
    """
    if min(size) < _SMALLEST:
        raise ValueError(
            f"`X` must hold images of at least {_SMALLEST} x {_SMALLEST} pixels where "
            f"`preprocess` reads them; got {size[0]} x {size[1]} at index "
            f"{index}. Leave out smaller images."
        )
    black, white = (apply(np.full(size, value, np.uint8)) for value in (0, 255))
    gain = white - black
    largest = np.abs(gain).max()
    if not largest > 0:
        raise ValueError(
            "`preprocess` must preserve the content of images; got the same result for a white "
            "image and for a black one. Check the steps of `preprocess`."
        )
    # Pixels that do not depend on the picture are padding.
    padded = (np.abs(gain) < 0.5 * largest).any(axis=0)
    starts, steps = [], []
    for axis, side in enumerate(size):
        seen = apply(_ramp(size, axis))
        if seen.shape != gain.shape:
            raise ValueError(
                "`preprocess` must return one size for images of one size; got shapes "
                f"{black.shape} and {seen.shape}. Leave out random steps."
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(padded, np.nan, ((seen - black) / gain).mean(axis=0))
        start, step = _line(share if axis == 0 else share.T, side)
        starts.append(start)
        steps.append(step)
    return Placement(tuple(size), gain.shape[1:], tuple(starts), tuple(steps))


def _ramp(size, axis):
    """Return a picture, uint8 of shape (H, W), with a ramp of brightness along an axis."""
    along = 255 * (np.arange(size[axis], dtype=np.float32) + 0.5) / size[axis]
    # A step of brightness may be wider than a pixel. The rounding differs between lines, so that
    # the mean over all lines is nearly exact.
    across = ((np.arange(size[1 - axis]) * _GOLDEN) % 1).astype(np.float32)
    shown = (along[:, None] + across[None]).astype(np.uint8)
    return np.ascontiguousarray(shown if axis == 0 else shown.T)


def _line(share, side):
    """Return start and step, in pixels, from positions (along the axis, across the axis)."""
    rows = np.flatnonzero(~np.isnan(share).all(axis=1))
    share = np.ascontiguousarray(share[rows])
    places = np.nanmean(share, axis=1)
    spread = (np.nanmax(share, axis=1) - np.nanmin(share, axis=1)).max(initial=0)
    # A resize repeats the outermost pixels, through which a line would be too flat.
    inner = (places > 1.5 / side) & (places < 1 - 1.5 / side)
    if inner.sum() < 2:
        raise _not_placed()
    step, start = np.polyfit(rows[inner], places[inner], 1)
    off = np.abs(start + step * rows[inner] - places[inner]).max()
    tolerance = max(_TOLERANCE, 1 / side)
    if spread > tolerance or off > tolerance or abs(step) < 1e-9:
        raise _not_placed()
    return float(start * side - 0.5), float(step * side)


def _not_placed():
    return ValueError(
        "`preprocess` must resize, crop, pad or mirror images, and may change colours; got "
        "pixels that are moved in other ways. Use the transform for evaluation, without rotations "
        "and without steps that depend on the contrast."
    )


def resize(pixels, size):
    """Resize an image (C, H, W), float32, by antialiased bilinear interpolation."""
    if pixels.shape[1:] == tuple(size):
        return pixels
    return torch.nn.functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(pixels))[None],
        tuple(size),
        mode="bilinear",
        antialias=True,
    )[0].numpy()
