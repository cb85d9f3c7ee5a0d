"""Targets: for all images, for each, and as a group."""

import numpy as np
import pytest
import torch

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer
from tests.helpers.pretrained import NAMES, Colours


def test_a_target_for_each_image_and_a_group(network, pictures):
    images, _, labels = pictures
    masker = InfoMaskTransformer(network, mask_type="soft").fit(images)
    single = {name: masker.set_params(target=name).mask(images) for name in NAMES}
    maps = dict(zip(NAMES, masker.information_maps(images, NAMES), strict=True))
    masker.set_params(target=None)
    wanted = np.roll(labels, 3)
    each = np.array([single[name][i] for i, name in enumerate(wanted)])
    np.testing.assert_allclose(masker.mask(images, y=wanted), each, atol=1e-6)
    expected = np.array([maps[name][i] for i, name in enumerate(wanted)])
    np.testing.assert_allclose(
        masker.information_map(images, y=wanted), expected, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        masker.information_maps(images, y=wanted)[0], expected, rtol=1e-4, atol=1e-5
    )
    filled = masker.transform(images, wanted)
    np.testing.assert_allclose(filled, images * each[:, None], atol=1e-5)
    assert masker.bounding_boxes(images, y=wanted).shape == (30, 4)

    pair = ["red", "blue"]
    union = np.maximum(maps["red"], maps["blue"])
    np.testing.assert_allclose(masker.information_map(images, pair), union, rtol=1e-4, atol=1e-5)
    alone = InfoMaskTransformer(network, question="where", detail=False).fit(images)
    middle = alone.information_maps(images, pair).mean(axis=0)
    group = alone.set_params(combine="group").information_map(images, pair)
    # The likelihood of the group is the mean of its classes' likelihoods, and lies between them.
    assert (group >= middle - 1e-4).all() and group.max() <= union.max() + 1
    assert alone.set_params(target=pair).mask(images[labels == "red"]).any((1, 2)).all()
    masker.set_params(combine="group")
    for wrong in (["red"], wanted[:4], np.repeat(wanted[:, None], 2, 1)):
        with pytest.raises(ValueError, match="`y` must hold one target for each"):
            masker.mask(images, y=wrong)
    with pytest.raises(ValueError, match="known labels; got"):
        masker.mask(images, y=["mauve"] * 30)
    with pytest.raises(ValueError, match="must leave out at least one class"):
        masker.information_map(images, NAMES)


def test_a_group_is_not_its_own_rival(network, pictures):
    """An object that resembles two classes equally is evidence for the group of both."""
    images, _, labels = pictures
    between = np.zeros((1, 3, 32, 32), dtype=np.float32)
    between[:] = (Colours.colours[1] + Colours.colours[5]).numpy()[:, None, None] / 2
    options = {"calibrate": False, "patch_size": 8}
    masker = InfoMaskTransformer(network, combine="group", **options).fit(images, labels)
    group = masker.information_map(between, ["red", "blue"]).max()
    alone = [masker.information_map(between, name).max() for name in ("red", "blue")]
    assert group > max(alone) + np.log(2)


ODD = [[None, "red"], [["red", "blue"], "green"], [3.5, "red"], ["", None]]


@pytest.mark.parametrize("y", ODD)
def test_targets_that_are_not_labels_are_named(network, pictures, y):
    images, _, _ = pictures
    masker = InfoMaskTransformer(network).fit(images)
    with pytest.raises(ValueError, match="`y` must hold known labels; got .*known classes"):
        masker.mask(images[:2], y=y)


def test_targets_and_one_target_for_each_image_exclude_each_other(network, pictures):
    images, _, labels = pictures
    masker = InfoMaskTransformer(network).fit(images)
    with pytest.raises(ValueError, match="`targets` and `y` must not both be given"):
        masker.information_maps(images, ["red"], y=labels)
    with pytest.raises(ValueError, match="`target` and `y` must not both be given"):
        masker.information_map(images, "red", y=labels)


def test_a_text_is_one_target(network, pictures):
    images, _, _ = pictures
    masker = InfoMaskTransformer(network).fit(images)
    expected = masker.information_maps(images, ["red"])
    np.testing.assert_array_equal(masker.information_maps(images, "red"), expected)
    display = InfoMaskDisplay.from_estimator(masker, images[:1], targets="red")
    assert display.target_names == ["class red"]
    for function in (
        lambda: masker.information_maps(images, "mauve"),
        lambda: InfoMaskDisplay.from_estimator(masker, images[:1], targets="mauve"),
    ):
        with pytest.raises(ValueError, match="`targets` must hold known classes, .*; got .*mauve"):
            function()


def test_maps_of_all_classes_are_no_group(network, pictures):
    images, _, _ = pictures
    masker = InfoMaskTransformer(network).fit(images)
    expected = masker.information_maps(images[:2])
    masker.set_params(combine="group")
    np.testing.assert_array_equal(masker.information_maps(images[:2]), expected)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_pictures_to_show_are_as_many_as_the_images(network, pictures, n):
    images = np.clip(pictures[0], 0, 1)
    for preprocess in (None, torch.nn.Identity()):
        masker = InfoMaskTransformer(network, preprocess=preprocess).fit(images[:2])
        with pytest.raises(ValueError, match="`images` must hold one image for each of 2"):
            InfoMaskDisplay.from_estimator(masker, images[:2], images=list(images[:3])[:n])
