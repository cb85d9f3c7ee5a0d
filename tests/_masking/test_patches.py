import numpy as np
import pytest
import torch

from sksoftinfo._masking.patch_sizes import candidate_sizes, resolve_stride, sizes_for_stride
from sksoftinfo._masking.patches import PatchGrid, canonical_shape, patch_offsets
from sksoftinfo._masking.windows import feature_windows, window_average, window_maximum

GRIDS = [
    ((8, 16), (4, 4), (4, 4)),
    ((7, 11), (3, 5), (2, 3)),
    ((5, 5), (5, 5), (1, 1)),
    ((3, 4), (1, 1), (1, 1)),
    ((1, 9), (1, 4), (1, 3)),
    ((6, 6), (2, 3), (2, 2)),
]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("length, size, stride", [(10, 4, 3), (11, 4, 3), (5, 5, 2), (7, 1, 3)])
def test_the_last_patch_ends_with_the_axis(length, size, stride):
    offsets = patch_offsets(length, size, stride)
    assert offsets[0] == 0
    assert offsets[-1] == length - size
    assert (np.diff(offsets) <= stride).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_crop_and_paste_equal_a_loop_over_patches(grid, rng):
    grid = PatchGrid(*grid)
    images = rng.normal(size=(3, 2, *grid.image_size))
    indices, patches = np.divmod(np.arange(3 * len(grid)), len(grid))
    crops = grid.crop(images, indices, patches)
    pasted = grid.paste(images, indices, patches, fill=-7.0)
    height, width = grid.patch_size
    row = 0
    for image in images:
        for top in grid.tops:
            for left in grid.lefts:
                patch = image[:, top : top + height, left : left + width]
                np.testing.assert_array_equal(crops[row], patch)
                canvas = np.full_like(image, -7.0)
                canvas[:, top : top + height, left : left + width] = patch
                np.testing.assert_array_equal(pasted[row], canvas)
                row += 1
    assert row == len(crops)


@pytest.mark.parametrize("grid", GRIDS)
def test_assembling_averages_over_the_covering_patches(grid, rng):
    grid = PatchGrid(*grid)
    scores = rng.normal(size=(2, *grid.shape))
    total, count = np.zeros((2, *grid.image_size)), np.zeros(grid.image_size)
    for i, top in enumerate(grid.tops):
        for j, left in enumerate(grid.lefts):
            window = np.s_[top : top + grid.patch_size[0], left : left + grid.patch_size[1]]
            total[(slice(None), *window)] += scores[:, i, j, None, None]
            count[window] += 1
    assert count.min() >= 1
    np.testing.assert_allclose(grid.assemble(scores), total / count, atol=1e-14)


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


def test_canonical_shape():
    assert canonical_shape((3, 8, 9)) == (3, 8, 9)
    assert canonical_shape((216,), (3, 8, 9)) == (3, 8, 9)
    assert canonical_shape((8, 9), [8, 9]) == (1, 8, 9)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((64,), (8, 9)), r"image_shape=\(8, 9\) has 72 entries, but rows of X have 64"),
        (((64,), (64,)), r"image_shape=\(64,\) is no image"),
        (((2, 3, 4, 5),), r"X has rows of shape \(2, 3, 4, 5\)"),
    ],
)
def test_images_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        canonical_shape(*arguments)


def test_candidate_sizes():
    squares = [((side, side),) for side in (7, 10, 14, 21)]
    assert candidate_sizes("auto", (28, 28)) == squares
    assert candidate_sizes("auto", (1, 8)) == [((1, side),) for side in (2, 3, 4, 6)]
    assert candidate_sizes("auto", (1, 1)) == [((1, 1),)]
    assert candidate_sizes((3, 5), (8, 8)) == [((3, 5),)]
    assert candidate_sizes([8, (2, 3), 8, 4], (8, 8)) == [((2, 3), (4, 4), (8, 8))]


@pytest.mark.parametrize("sizes", [[], [0], [(1, 2, 3)], [4, 9], [2.5]])
def test_bad_lists_of_sizes(sizes):
    with pytest.raises(ValueError, match=r"patch_size=.* (is empty|is wrong|is larger)"):
        candidate_sizes(sizes, (8, 8))


@pytest.mark.parametrize("stride", [(0, 0), (1, 2, 3), (0, 1), (1.5, 2)])
def test_bad_stride(stride):
    with pytest.raises(ValueError, match="stride=.* is wrong: give a number of pixels"):
        resolve_stride(stride, (4, 4))


def test_no_pixel_may_lie_between_patches():
    with pytest.raises(ValueError, match="stride=5 is larger than the patch of 4 x 4"):
        resolve_stride(5, (4, 4))
    assert resolve_stride(3, (1, 4)) == (1, 3)
    scales = [((2, 2),), ((4, 4),), ((6, 6),)]
    assert sizes_for_stride(scales, 4) == scales[1:]
    with pytest.raises(ValueError, match="stride=7 is larger"):
        sizes_for_stride(scales, 7)
