"""Shapes of the image in a row, and of the row that a classifier takes for an image."""

from __future__ import annotations

import numpy as np
from sklearn.utils import get_tags

from .image_classifier import is_fitted_already, neural


def canonical_shape(row_shape, image_shape=None):
    """Return the shape (C, H, W) of the images in rows of shape `row_shape`.

    Raises
    ------
    ValueError
        If `image_shape` does not fit the rows, or if rows of this shape are not images.

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
                "`image_shape` must be (height, width) or (channels, height, width) of positive "
                f"integers; got {image_shape!r}. Use image_shape=None for rows that are images or "
                "a table."
            )
        if int(np.prod(image_shape)) != int(np.prod(row_shape)):
            raise ValueError(
                f"`image_shape` must have as many pixels as a row of X has values, "
                f"{int(np.prod(row_shape))}; got {image_shape!r} with "
                f"{int(np.prod(image_shape))}. Set `image_shape` to match the rows, which have "
                f"shape {row_shape}."
            )
        row_shape = image_shape
    if len(row_shape) == 1:
        return (1, 1, *row_shape)
    if len(row_shape) == 2:
        return (1, *row_shape)
    if len(row_shape) == 3:
        return row_shape
    raise ValueError(
        "`X` must have shape (n, height, width), (n, channels, height, width) or (n, d); got rows "
        f"of shape {row_shape}. Reshape X, or flatten its rows and set image_shape."
    )


def estimator_row_shape(estimator, row_shape, canonical):
    """Return the shape of the rows that `estimator` was fitted on, or is to be fitted on.

    Images keep their shape for an estimator that takes images, and are flattened otherwise.
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
