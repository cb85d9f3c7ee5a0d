"""Calibrations that are saved as numbers, and used by other transformers."""

import json

import numpy as np
import pytest
from sklearn.base import clone

from sksoftinfo import InfoMaskTransformer


@pytest.fixture(
    params=[{}, {"patch_size": 8}, {"patch_size": [8, 12]}, {"context": 1, "patch_size": 8}]
)
def parameters(request):
    """Maps of pictures, and maps of patches with one size, two sizes, or without surroundings."""
    return request.param


def test_a_saved_calibration_gives_the_same_masks(network, pictures, parameters):
    images, _, labels = pictures
    own = InfoMaskTransformer(network, calibrate="shared", random_state=0, **parameters)
    own.fit(images, labels)
    saved = json.loads(json.dumps(own.shared_calibration_))
    other = clone(InfoMaskTransformer(network, calibrate=saved, **parameters)).fit(images[:1])
    assert (own.calibration_, other.calibration_) == ("shared", "given")
    np.testing.assert_array_equal(other.presence_floor_, own.presence_floor_)
    np.testing.assert_array_equal(other.mask(images, y=labels), own.mask(images, y=labels))
    assert other.shared_calibration_ == saved


def test_the_patch_size_comes_with_the_calibration(network, pictures):
    own = InfoMaskTransformer(network, patch_size=8).fit(pictures[0])
    other = InfoMaskTransformer(network, calibrate=own.shared_calibration_).fit(pictures[0][:2])
    assert other.patch_size_ == own.patch_size_ == (8, 8)
    np.testing.assert_array_equal(other.mask(pictures[0]), own.mask(pictures[0]))


def test_what_ships_can_be_saved_as_well(network, pictures):
    own = InfoMaskTransformer(network).fit(pictures[0][:1])
    other = InfoMaskTransformer(network, calibrate=own.shared_calibration_).fit(pictures[0])
    assert (own.calibration_, other.calibration_) == ("shipped", "given")
    np.testing.assert_array_equal(other.mask(pictures[0]), own.mask(pictures[0]))


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"zoom": 1.2}, "one for {'zoom': 1.4}"),
        ({"patch_size": 8}, "one for {'zoom': 1.4}"),
        ({"patch_scoring": "crop", "patch_size": 8}, "one for {'zoom': 1.4}"),
    ],
)
def test_other_settings_are_refused(network, pictures, changes, got):
    saved = InfoMaskTransformer(network).fit(pictures[0]).shared_calibration_
    masker = InfoMaskTransformer(network, calibrate=saved, **changes)
    with pytest.raises(
        ValueError, match="`calibrate` must be a calibration for the settings .*"
    ) as error:
        masker.fit(pictures[0])
    assert got in str(error.value)
    assert not hasattr(masker, "calibration_")


def test_a_calibration_without_a_floor_does_not_judge_presence(network, pictures):
    images = pictures[0]
    free = InfoMaskTransformer(network, require_presence=False).fit(images)
    saved = free.shared_calibration_
    assert saved["presence_floor"] is None
    with pytest.raises(ValueError, match="`calibrate` must hold a presence floor"):
        InfoMaskTransformer(network, calibrate=saved).fit(images)
    other = InfoMaskTransformer(network, calibrate=saved, require_presence=False).fit(images)
    np.testing.assert_array_equal(other.mask(images), free.mask(images))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("coef", [[np.nan, 0.1]]),
        ("coef", [[0.1]]),
        ("coef", []),
        ("coef", [[0.1, "0.1"]]),
        ("coef", "ab"),
        ("coef", [0.1, 0.1]),
        ("intercept", [0.1, 0.2]),
        ("intercept", 0.1),
        ("intercept", [True]),
        ("rival_slope", None),
        ("rival_slope", np.inf),
        ("presence_floor", "1"),
        ("settings", None),
        ("other", 1),
    ],
)
def test_numbers_that_no_fit_gives_are_refused(network, pictures, key, value):
    saved = InfoMaskTransformer(network).fit(pictures[0]).shared_calibration_ | {key: value}
    with pytest.raises(ValueError, match="`calibrate` must be"):
        InfoMaskTransformer(network, calibrate=saved).fit(pictures[0])


@pytest.mark.parametrize("calibrate", [{}, {"settings": {}}, {1: 2}])
@pytest.mark.parametrize("patch_size", ["auto", 8])
def test_other_dicts_are_refused(network, pictures, calibrate, patch_size):
    masker = InfoMaskTransformer(network, calibrate=calibrate, patch_size=patch_size)
    with pytest.raises(ValueError, match="`calibrate` must be a dict like `shared_calibration_`"):
        masker.fit(pictures[0])


def test_classes_with_calibrations_of_their_own_do_not_share_one(digits_masker):
    masker, _ = digits_masker
    with pytest.raises(AttributeError, match="classes share a calibration; got .*'labels'"):
        _ = masker.shared_calibration_
    assert not hasattr(InfoMaskTransformer(), "shared_calibration_")
