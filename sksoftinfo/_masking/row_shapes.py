"""Shapes: the image that a row holds, and the row that a classifier takes of an image."""

from __future__ import annotations

import numpy as np
from sklearn.utils import get_tags

from .image_classifier import is_fitted_already, neural


def canonical_shape(row_shape, image_shape=None):
    """Return (C, H, W) of the images that rows of shape `row_shape` are.

    Raises
    ------
    ValueError
        If `image_shape` does not fit the rows, or there is no image in them.

    Examples
    --------
    >>> from sksoftinfo._masking.row_shapes import canonical_shape
    >>> canonical_shape((28, 56)), canonical_shape((64,), (8, 8)), canonical_shape((5,))
    ((1, 28, 56), (1, 8, 8), (1, 1, 5))
    """
    row_shape = tuple(row_shape)
    if image_shape is not None:
        image_shape = tuple(image_shape)
        if len(image_shape) not in (2, 3) or min(image_shape) < 1:
            raise ValueError(
                f"image_shape={image_shape!r} is not an image: give (height, width) or (channels, "
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


def estimator_row_shape(estimator, row_shape, canonical):
    """Return the shape of the rows that `estimator` was fitted on, or should be.

    Images stay images for those that take them, and are flattened for the others.
    """
    classifier = neural(estimator)
    if is_fitted_already(estimator) and getattr(classifier, "input_shape_", None) is not None:
        return classifier.input_shape_
    is_table = len(row_shape) == 1 and canonical[:2] == (1, 1)
    if is_table or not get_tags(estimator).input_tags.three_d_array:
        return (int(np.prod(canonical)),)
    if len(row_shape) > 1:
        return row_shape
    return canonical[1:] if canonical[0] == 1 else canonical
