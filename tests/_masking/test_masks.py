import numpy as np
import pytest

from sksoftinfo._masking.fill import Fill
from sksoftinfo._masking.masks import largest_boxes, soft_masks, whole_components


@pytest.fixture
def images():
    return np.random.default_rng(0).random((4, 3, 8, 9)).astype(np.float32)


def test_fills(images):
    number = Fill(0.5).fit(images)(images)
    assert number.shape == (1, 1, 1) and number.dtype == np.float32
    channels = Fill([0.1, 0.2, 0.3]).fit(images)(images)
    np.testing.assert_allclose(channels.ravel(), [0.1, 0.2, 0.3], rtol=1e-6)
    mean = Fill("mean").fit(images)
    np.testing.assert_allclose(mean(images[:1]).ravel(), images.mean((0, 2, 3)), rtol=1e-6)
    table = images[:, :1, :1]
    np.testing.assert_allclose(Fill("mean").fit(table)(table), table.mean(0), rtol=1e-6)
    blurred = Fill("blur").fit(images)(images)
    assert blurred.shape == images.shape
    assert blurred[0, 0].std() < 0.5 * images[0, 0].std()
    np.testing.assert_allclose(blurred.mean(), images.mean(), rtol=0.05)
    np.testing.assert_array_equal(Fill(lambda x: 1 - x).fit(images)(images), 1 - images)


@pytest.mark.parametrize(
    "fill, message",
    [
        ([0.1, 0.2], r"fill_value=\[0.1, 0.2\] has shape \(2,\), but images have 3 channel"),
        ([0.1, np.inf, 0.2], "is not finite"),
        (lambda x: x[:, :, :2], "returned shape"),
    ],
)
def test_bad_fills(images, fill, message):
    with pytest.raises(ValueError, match=message):
        Fill(fill).fit(images)


def test_mixing(images):
    fill = Fill([0.1, 0.2, 0.3]).fit(images)
    kept = np.zeros((4, 8, 9), dtype=bool)
    kept[:, 2:5] = True
    mixed = fill.mix(images, kept)
    np.testing.assert_array_equal(mixed[:, :, 2:5], images[:, :, 2:5])
    np.testing.assert_allclose(mixed[:, 1, 5:], 0.2, rtol=1e-6)
    half = fill.mix(images, np.full((4, 8, 9), 0.5))
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, (images + fill(images)) / 2, rtol=1e-5)


def test_soft_masks_are_one_where_hard_ones_keep():
    maps = np.random.default_rng(0).normal(size=(2, 5, 6, 7))
    limit = 0.2 * maps.max((2, 3), keepdims=True)
    soft, hard = soft_masks(maps, limit), maps > np.maximum(limit, 0)
    assert (soft[hard] == 1).all()
    assert (soft[maps <= 0] == 0).all()
    assert ((soft > 0) == (maps > 0)).all()
    np.testing.assert_array_equal(soft_masks(np.array([-1.0, 0.0, 1e-9]), 0.0), [0, 0, 1])
    np.testing.assert_array_equal(soft_masks(np.array([-1.0, 0.0, 9.0]), np.inf), [0, 0, 0])


def test_components_of_one_image_do_not_touch_the_next():
    ink = np.ones((2, 1, 4), dtype=bool)
    kept = np.array([[[1, 1, 1, 0]], [[0, 0, 0, 1]]], dtype=bool)
    np.testing.assert_array_equal(whole_components(kept, ink), [[[True] * 4], [[False] * 4]])
    diagonal = np.eye(4, dtype=bool)[None]
    kept = diagonal.copy()
    kept[0, 0, 0] = False
    np.testing.assert_array_equal(whole_components(kept, diagonal), diagonal)


def test_boxes():
    kept = np.zeros((3, 6, 8), dtype=bool)
    kept[0, 1:3, 2:7] = True
    kept[0, 5, 0] = True
    kept[1, 0, 0] = True
    np.testing.assert_array_equal(largest_boxes(kept), [[2, 1, 7, 3], [0, 0, 1, 1], [0] * 4])
