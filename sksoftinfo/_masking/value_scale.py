"""Comparison of the scale of images with the scale of the images of `fit`."""

from __future__ import annotations

import warnings

from .._utils import users_stacklevel

# Ratio of the largest values from which two scales differ. The values of pictures of 8 bits are
# 255 times as large as the same values within [0, 1]. A dark picture has smaller values, too.
_RATIO = 30


def largest_value(images):
    """Return the largest absolute value of images, an array or tensor, as a float.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.value_scale import largest_value
    >>> largest_value(np.array([[-2.0, 1.0]]))
    2.0
    """
    return float(max(images.max(), -images.min()))


def check_scale(images, in_fit):
    """Warn if images have another scale than the images of `fit`.

    Parameters
    ----------
    images : ndarray or tensor of shape (n, ...)
        Images as the network receives them.
    in_fit : float
        Largest absolute value in `fit`. Nothing is compared if it is 0.

    Warns
    -----
    UserWarning
        If the largest absolute value is at least 30 times as large or as small as in `fit`.
    """
    largest = largest_value(images)
    low, high = sorted((largest, in_fit))
    if low > 0 and high >= _RATIO * low:
        warnings.warn(
            f"`X` should have values of the same scale as in `fit`; got values up to {largest:g}, "
            f"but up to {in_fit:g} in `fit`. Without `preprocess`, PIL images are scaled to [0, "
            "1], whereas arrays are used as they are. Divide arrays of uint8 by 255, or pass "
            "images of one kind.",
            stacklevel=users_stacklevel(),
        )
