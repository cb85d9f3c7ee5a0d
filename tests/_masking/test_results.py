"""Results of arrays: each public method returns the results of a transformer's functions."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.results import ArrayResults, all_maps, all_masks, largest_maps

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 3
IMAGES = RNG.random((40, 6, 5))
IMAGES[np.arange(40), LABELS, LABELS] += 3


@pytest.fixture(scope="module")
def masker():
    options = {"patch_size": 2, "target": [0, 1], "random_state": 0}
    return InfoMaskTransformer(LogisticRegression(), **options).fit(IMAGES, LABELS)


def test_the_largest_map_is_that_of_all(masker):
    images = IMAGES[:7, None]
    both = all_maps(masker, images, [0, 1])
    assert both.shape == (2, 7, 6, 5)
    np.testing.assert_array_equal(largest_maps(masker, images), both.max(axis=0))
    np.testing.assert_array_equal(masker.information_map(IMAGES[:7]), both.max(axis=0))


def test_masks_of_targets_are_joined(masker):
    images = IMAGES[:7, None]
    each = [all_masks(masker, images, target) for target in (0, 1)]
    np.testing.assert_array_equal(masker.mask(IMAGES[:7]), each[0] | each[1])
    # A target for each image applies to that image only.
    own = all_masks(masker, images[:2], y=np.array([0, 1]))
    np.testing.assert_array_equal(own, [each[0][0], each[1][1]])


@pytest.mark.parametrize("n_columns", [30, 7])
def test_a_table_has_no_axis_of_height(n_columns):
    rows = IMAGES.reshape(40, -1)[:, :n_columns]
    options = {"patch_size": 2, "random_state": 0, "context": 1}
    masker = InfoMaskTransformer(LogisticRegression(), **options).fit(rows, LABELS)
    results = ArrayResults(masker, rows[:3])
    assert results.map(0).shape == results.masks().shape == (3, n_columns)
    assert results.maps([0, 1]).shape == (2, 3, n_columns)
    filled = results.filled()
    np.testing.assert_array_equal(filled, np.where(results.masks(), rows[:3], 0))
    assert results.boxes().shape == (3, 4)
