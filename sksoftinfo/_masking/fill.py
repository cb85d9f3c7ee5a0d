"""Fill of masked pixels. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .._utils import on_host

# Standard deviation of the blur that hides the content of an image, as a share of its shorter
# side.
_BLUR = 0.125


class Fill:
    """Values of masked pixels.

    Parameters
    ----------
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable
        A number fills all pixels, and an array has one number for each channel. ``"mean"`` is the
        mean of each channel over the images of `fit`, or of each column for a table. ``"blur"``
        is the blurred image. A callable takes images (n, C, H, W) and returns an array that
        broadcasts to them.

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
            constant = np.asarray(on_host(value), dtype=np.float64)
            if constant.ndim and constant.shape != (n_channels,):
                raise ValueError(
                    "`fill_value` must be a number, or an array with one number for each channel, "
                    f"of shape ({n_channels},); got {value!r} of shape {constant.shape}. Use one "
                    "number to fill all channels alike."
                )
            if not np.isfinite(constant).all():
                raise ValueError(
                    f"`fill_value` must be finite; got {value!r}. Replace NaN and infinity."
                )
            self.constant_ = constant.reshape(-1, 1, 1)
        else:
            self(images[:1])
        return self

    def __call__(self, images):
        """Return the fill of images, an array that broadcasts to their shape."""
        if self.constant_ is not None:
            return self.constant_.astype(images.dtype)
        if isinstance(self.fill_value, str):
            height, width = images.shape[2:]
            sides = (width,) if height == 1 else (height, width)
            sigma = _BLUR * min(sides)
            along = (0, 0, 0 if height == 1 else sigma, sigma)
            return ndimage.gaussian_filter(images, along, mode="nearest")
        filled = np.asarray(on_host(self.fill_value(images)), dtype=images.dtype)
        try:
            np.broadcast_to(filled, images.shape)
        except ValueError as error:
            raise ValueError(
                "`fill_value` must return an array that broadcasts to the images; got shape "
                f"{filled.shape} for images of shape {images.shape}. Return an array of that "
                "shape, or one number."
            ) from error
        return filled

    def check_shares(self):
        """Raise ValueError unless numbers of the fill are shares of the largest brightness."""
        if isinstance(self.fill_value, str) or callable(self.fill_value):
            return
        if self.constant_.min() < 0 or self.constant_.max() > 1:
            raise ValueError(
                "`fill_value` must be within [0, 1] for these images, as a share of the largest "
                f"brightness; got {self.fill_value!r}. Divide colours of 0 to 255 by 255."
            )

    def mix(self, images, kept):
        """Return images (n, C, H, W) with the fill where `kept` (n, H, W) is 0."""
        kept = kept[:, None]
        if kept.dtype == bool:
            return np.where(kept, images, self(images))
        weight = kept.astype(images.dtype)
        return weight * images + (1 - weight) * self(images)
