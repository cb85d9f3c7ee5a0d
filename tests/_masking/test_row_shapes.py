"""Images of rows, and rows of images."""

import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._masking.row_shapes import canonical_shape, estimator_row_shape


def test_canonical_shape():
    assert canonical_shape((3, 8, 9)) == (3, 8, 9)
    assert canonical_shape((216,), (3, 8, 9)) == (3, 8, 9)
    assert canonical_shape((8, 9), [8, 9]) == (1, 8, 9)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((64,), (8, 9)), r"as a row of X has values, 64; got \(8, 9\) with 72"),
        (((64,), (64,)), r"`image_shape` must be \(height, width\) or .*; got \(64,\)"),
        (((2, 3, 4, 5),), r"`X` must have shape .*; got rows of shape \(2, 3, 4, 5\)"),
    ],
)
def test_images_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        canonical_shape(*arguments)


@pytest.mark.parametrize(
    "estimator, row_shape, image_shape, taken",
    [
        # Flat rows become images for image classifiers, and images become rows for other
        # classifiers.
        (InfoSoftmaxClassifier(), (128,), (1, 8, 16), (8, 16)),
        (InfoSoftmaxClassifier(), (384,), (3, 8, 16), (3, 8, 16)),
        (InfoSoftmaxClassifier(), (1, 8, 16), (1, 8, 16), (1, 8, 16)),
        (InfoSoftmaxClassifier(), (5,), (1, 1, 5), (5,)),
        (LogisticRegression(), (8, 16), (1, 8, 16), (128,)),
        (LogisticRegression(), (3, 8, 16), (3, 8, 16), (384,)),
    ],
)
def test_rows_that_a_classifier_takes(estimator, row_shape, image_shape, taken):
    assert estimator_row_shape(estimator, row_shape, image_shape) == taken


def test_a_frozen_network_takes_the_rows_that_it_was_fitted_on(small, net):
    assert estimator_row_shape(FrozenEstimator(net), (128,), (1, 8, 16)) == (8, 16)
