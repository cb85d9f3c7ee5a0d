"""Scores of places are spread into maps by two products."""

import numpy as np
import pytest

from sksoftinfo._masking.spreading import interpolation_matrix, spread


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_equal_sums_over_places(dtype):
    rng = np.random.default_rng(0)
    scores, down, across = rng.normal(size=(2, 3, 4, 5)), rng.random((4, 6)), rng.random((5, 7))
    expected = np.einsum("tbrc,rh,cw->tbhw", scores, down, across)
    maps = spread(scores.astype(dtype), down, across)
    assert maps.dtype == dtype
    np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-5)


def test_interpolation_passes_through_the_centres_and_keeps_constants():
    centres = np.array([0.5, 3.0, 7.5])
    np.testing.assert_array_equal(interpolation_matrix(centres, centres), np.eye(3))
    weights = interpolation_matrix(centres, np.arange(-3, 12))
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    inside = np.arange(1, 8)
    np.testing.assert_allclose(centres @ interpolation_matrix(centres, inside), inside)
