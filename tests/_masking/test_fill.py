"""The fill of masked pixels."""

import numpy as np
import pytest

from sksoftinfo._masking.fill import Fill


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
        (
            [0.1, 0.2],
            r"one number for each channel, of shape \(3,\); got \[0.1, 0.2\] of shape \(2,\)",
        ),
        ([0.1, np.inf, 0.2], "`fill_value` must be finite"),
        (lambda x: x[:, :, :2], "must return an array that broadcasts to the images; got shape"),
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
