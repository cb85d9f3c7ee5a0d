"""Patches of a grid, taken and assembled, equal loops over patches."""

import numpy as np
import pytest

from sksoftinfo._masking.patch_grid import PatchGrid, patch_offsets

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
