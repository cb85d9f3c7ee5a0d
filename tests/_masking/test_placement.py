import numpy as np
import pytest
import torch

from sksoftinfo._masking.placement import Placement, measure_placement, resize, resized


def resizing(size, **options):
    def apply(shown):
        tensor = torch.tensor(shown / np.float32(255))[None, None]
        out = torch.nn.functional.interpolate(tensor, size, **options)[0]
        return (out.numpy() - 0.4) / 0.2

    return apply


@pytest.mark.parametrize("size", [(60, 90), (300, 200), (8, 8), (37, 500)])
@pytest.mark.parametrize(
    "options", [{"mode": "nearest-exact"}, {"mode": "bilinear", "antialias": True}]
)
def test_a_resize_is_measured(size, options):
    found = measure_placement(resizing((64, 48), **options), size)
    expected = resized(size, (64, 48))
    assert found[:2] == expected[:2]
    # The unit is a pixel of the picture or of the input, whichever is larger.
    tolerance = 0.3 * np.maximum(expected.steps, 1)
    assert (np.abs(np.subtract(found.starts, expected.starts)) < tolerance).all()
    np.testing.assert_allclose(found.steps, expected.steps, rtol=0.05)


def test_crops_mirrors_and_padding_are_measured():
    def crop(shown):
        return shown[None, 5:45, 70:20:-1] / 255

    found = measure_placement(crop, (60, 90))
    assert found.input_size == (40, 50)
    np.testing.assert_allclose(found.starts, (5, 70), atol=0.1)
    np.testing.assert_allclose(found.steps, (1, -1), atol=1e-2)

    def padded(shown):
        return np.pad(shown, ((10, 0), (0, 20)), constant_values=114)[None] / 255

    found = measure_placement(padded, (60, 90))
    assert found.input_size == (70, 110)
    np.testing.assert_allclose(found.starts, (-10, 0), atol=0.1)
    maps = np.arange(70.0)[:, None] + np.zeros(110)
    back = found.to_picture(maps, np.nan)
    np.testing.assert_allclose(back, np.arange(10.0, 70)[:, None] + np.zeros(90), atol=0.1)


@pytest.mark.parametrize(
    "apply",
    [
        lambda shown: shown.T[None] / 255,
        lambda shown: np.roll(shown, 10, axis=0)[None] / 255,
        lambda shown: np.sqrt(shown[None] / 255),
        lambda shown: shown[None, :, np.arange(60) % 20] / 255,
    ],
    ids=["turned", "rolled", "contrast", "repeated"],
)
def test_what_moves_pixels_otherwise_is_refused(apply):
    with pytest.raises(ValueError, match="`preprocess` must resize, crop, pad or mirror"):
        measure_placement(apply, (60, 60))


def test_what_shows_nothing_is_refused():
    with pytest.raises(ValueError, match="same result for a white image and for a black one"):
        measure_placement(lambda shown: np.zeros((3, 8, 8)), (60, 60))
    with pytest.raises(ValueError, match="at least 8 x 8 pixels.*got 1 x 40"):
        measure_placement(lambda shown: shown[None] / 255, (1, 40))
    sizes = iter([8, 8, 9, 9])
    with pytest.raises(ValueError, match="Leave out random steps"):
        measure_placement(lambda shown: shown[None, : next(sizes)] / 255, (60, 60))


def test_maps_come_back_and_what_was_cut_off_is_marked():
    placement = Placement((40, 60), (10, 10), (11.5, 21.5), (2.0, 2.0))
    maps = np.random.default_rng(0).normal(size=(2, 10, 10)).astype(np.float32)
    back = placement.to_picture(maps, np.nan)
    assert back.shape == (2, 40, 60) and back.dtype == np.float32
    seen = ~np.isnan(back[0])
    assert seen.sum() == 20 * 20 and seen[11:31, 21:41].all()
    # Row 13 is 0.75 of the way from the input's first row to its second, column 22 0.25.
    along = 0.25 * maps[:, 0] + 0.75 * maps[:, 1]
    np.testing.assert_allclose(back[:, 13, 22], 0.75 * along[:, 0] + 0.25 * along[:, 1], atol=1e-6)
    infinite = placement.to_picture(np.full((10, 10), -np.inf), 0.0)
    assert (infinite[11:31, 21:41] == -np.inf).all() and not np.isnan(infinite).any()


def test_no_change_gives_the_same_array():
    maps = np.random.default_rng(0).normal(size=(7, 9))
    assert resized((7, 9), (7, 9)).to_picture(maps, 0.0) is maps
    image = np.zeros((3, 7, 9), np.float32)
    assert resize(image, (7, 9)) is image and resize(image, (14, 3)).shape == (3, 14, 3)
