"""Windows of feature maps equal explicit ones."""

import numpy as np
import pytest
import torch

from sksoftinfo._masking.windows import feature_windows, window_average, window_maximum


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    "size", [(1, 1), (3, 3), (5, 3), (2, 4), (1.5, 2.5), (99, 99), (np.inf, np.inf)]
)
def test_window_average_equals_explicit_windows(size, rng):
    feature_map = torch.as_tensor(rng.normal(size=(2, 3, 5, 6)))
    pooled = window_average(feature_map, size)
    assert pooled.shape == feature_map.shape
    for i in range(5):
        for j in range(6):
            total, weights = 0.0, 0.0
            for a in range(5):
                for b in range(6):
                    # The share of the cell that lies in the window.
                    weight = np.prod(
                        [
                            max(0, min(c + 0.5, m + s / 2) - max(c - 0.5, m - s / 2))
                            for c, m, s in ((a, i, size[0]), (b, j, size[1]))
                        ]
                    )
                    total, weights = total + weight * feature_map[:, :, a, b], weights + weight
            torch.testing.assert_close(pooled[:, :, i, j], total / weights)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 2.9), (99, 99)])
def test_maxima_and_windows_as_maps_equal_explicit_windows(size, rng):
    feature_map = torch.as_tensor(rng.normal(size=(2, 3, 5, 6)))
    maxima, windows = window_maximum(feature_map, size), feature_windows(feature_map, size)
    half = [int(extent / 2) for extent in size]
    shape = [min(2 * h + 1, n) for h, n in zip(half, (5, 6), strict=True)]
    assert windows.shape == (2 * 5 * 6, 3, *shape)
    windows = windows.reshape(2, 5, 6, 3, *shape)
    for i in range(5):
        for j in range(6):
            clipped = feature_map[
                :, :, max(0, i - half[0]) : i + half[0] + 1, max(0, j - half[1]) : j + half[1] + 1
            ]
            torch.testing.assert_close(maxima[:, :, i, j], clipped.amax((2, 3)))
            top, left = (
                min(max(0, c - s // 2), n - s) for c, s, n in ((i, shape[0], 5), (j, shape[1], 6))
            )
            moved = feature_map[:, :, top : top + shape[0], left : left + shape[1]]
            torch.testing.assert_close(windows[:, i, j], moved)
