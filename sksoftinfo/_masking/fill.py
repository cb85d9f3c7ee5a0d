"""What masked pixels look like. Arrays in, arrays out."""

from __future__ import annotations

from numbers import Real

import numpy as np
from scipy import ndimage

# Blur that hides what an image shows, as a share of its shorter side.
_BLUR = 0.125


class Fill:
    """What masked pixels look like.

    Parameters
    ----------
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable
        ``"mean"`` is the mean of each channel, of each column for a table, over the images of
        `fit`; ``"blur"`` each image itself, blurred; a callable takes images (n, C, H, W) and
        returns what broadcasts to them.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.fill import Fill
    >>> images = np.arange(8.0).reshape(2, 2, 1, 2)
    >>> Fill("mean").fit(images)(images).ravel()
    array([2.5, 4.5])
    """

    def __init__(self, fill_value):
        self.fill_value = fill_value

    def fit(self, images):
        value, n_channels = self.fill_value, images.shape[1]
        self.constant_ = None
        if isinstance(value, str):
            if value == "mean":
                is_table = images.shape[1:3] == (1, 1)
                self.constant_ = images.mean(axis=0 if is_table else (0, 2, 3), dtype=np.float64)
                self.constant_ = self.constant_.reshape((1, 1, -1) if is_table else (-1, 1, 1))
        elif not callable(value):
            constant = np.asarray(value, dtype=np.float64)
            if not isinstance(value, Real) and constant.shape != (n_channels,):
                raise ValueError(
                    f"fill_value={value!r} has shape {constant.shape}, but images have "
                    f"{n_channels} channel(s): give one number, or one for each channel."
                )
            if not np.isfinite(constant).all():
                raise ValueError(f"fill_value={value!r} is not finite: give finite numbers.")
            self.constant_ = constant.reshape(-1, 1, 1)
        else:
            self(images[:1])
        return self

    def __call__(self, images):
        """Return the masked pixels of images, broadcastable to their shape."""
        if self.constant_ is not None:
            return self.constant_.astype(images.dtype)
        if isinstance(self.fill_value, str):
            height, width = images.shape[2:]
            sides = (width,) if height == 1 else (height, width)
            sigma = _BLUR * min(sides)
            along = (0, 0, 0 if height == 1 else sigma, sigma)
            return ndimage.gaussian_filter(images, along, mode="nearest")
        filled = np.asarray(self.fill_value(images), dtype=images.dtype)
        try:
            np.broadcast_to(filled, images.shape)
        except ValueError as error:
            raise ValueError(
                f"fill_value={self.fill_value!r} returned shape {filled.shape} for images of "
                f"shape {images.shape}: let it return what broadcasts to them."
            ) from error
        return filled

    def mix(self, images, kept):
        """Return images (n, C, H, W) where `kept` (n, H, W) is 1, the fill where it is 0."""
        kept = kept[:, None]
        if kept.dtype == bool:
            return np.where(kept, images, self(images))
        weight = kept.astype(images.dtype)
        return weight * images + (1 - weight) * self(images)
