"""Results have the pixels of each picture, for every container of pictures."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from tests.helpers.pretrained import NAMES, Colours

Image = pytest.importorskip("PIL.Image")
from tests.helpers.photographs import (  # noqa: E402
    SIZES,
    coloured_photographs,
    interpolate,
    iou,
    resize_and_crop,
    resize_whole,
)


@pytest.fixture(scope="module")
def photographs():
    return coloured_photographs()


@pytest.fixture(scope="module")
def masker(network, photographs):
    images = [Image.fromarray(image) for image in photographs[0]]
    return InfoMaskTransformer(network, preprocess=resize_whole).fit(images)


HOLDERS = {
    "pil": Image.fromarray,
    "array": lambda image: image,
    "first": lambda image: np.ascontiguousarray(image.transpose(2, 0, 1)),
    "float": lambda image: image / np.float32(255),
    "tensor": lambda image: torch.tensor(image).permute(2, 0, 1).contiguous(),
    "int64": lambda image: image.astype(np.int64),
    "alpha": lambda image: np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]),
    "uint16": lambda image: image.astype(np.uint16) * 257,
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_masks_and_results_come_back_as_the_pictures_came(masker, photographs, kind):
    images, truths = photographs
    held = [HOLDERS[kind](image) for image in images]
    masks = masker.mask(held, y=["red", "navy", "red"])
    assert [mask.shape for mask in masks] == SIZES
    assert all(iou(mask, truth) > 0.6 for mask, truth in zip(masks, truths, strict=True))
    absent = masker.mask(held, y=["green"] * 3)
    assert not any(mask.any() for mask in absent)
    for one, before, mask in zip(
        masker.transform(held, ["red", "navy", "red"]), held, masks, strict=True
    ):
        assert type(one) is type(before) or kind == "pil"
        one, before = np.asarray(one), np.asarray(before)
        assert one.shape == before.shape and one.dtype == before.dtype
        if one.shape[0] == 3:
            one, before = np.moveaxis(one, 0, -1), np.moveaxis(before, 0, -1)
        np.testing.assert_array_equal(one[mask], before[mask])
        assert not one[~mask].any()


def test_maps_and_boxes_have_the_pixels_of_the_pictures(masker, photographs):
    held = [Image.fromarray(image) for image in photographs[0]]
    maps = masker.information_map(held, "red")
    assert [one.shape for one in maps] == SIZES and maps[0].dtype == np.float32
    several = masker.information_maps(held, ["red", "blue"])
    assert [[one.shape for one in of_class] for of_class in several] == [SIZES, SIZES]
    for one, other in zip(several[0], maps, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    boxes = masker.bounding_boxes(held, y=["red", "navy", "red"])
    for (height, width), box in zip(SIZES, boxes, strict=True):
        wanted = [width / 4, height / 4, 3 * width / 4, 3 * height / 4]
        assert np.abs(box - wanted).max() < 0.15 * max(height, width)


def test_an_array_comes_back_as_an_array(masker, photographs):
    images = np.stack([photographs[0][0]] * 2)
    alone = masker.mask([photographs[0][0]])[0]
    for X in (images, torch.tensor(images)):
        masks = masker.mask(X)
        assert isinstance(masks, np.ndarray) and masks.shape == (2, 40, 60)
        np.testing.assert_array_equal(masks[1], alone)
        results = masker.transform(X)
        assert type(results) is type(X) and results.shape == X.shape
        assert masker.information_maps(X, ["red", "blue"]).shape == (2, 2, 40, 60)
    soft = clone(masker).set_params(mask_type="soft").fit(images).mask(images)
    assert soft.dtype == np.float64 and 0 <= soft.min() < soft.max() <= 1


def test_what_was_cut_off_is_neither_kept_nor_known(network, photographs):
    held = [Image.fromarray(image) for image in photographs[0]]
    masker = InfoMaskTransformer(network, preprocess=resize_and_crop).fit(held)
    for (height, width), mask, found, truth in zip(
        SIZES, masker.mask(held), masker.information_map(held, "red"), photographs[1], strict=True
    ):
        top, left = height // 10, width // 10
        inside = np.zeros((height, width), dtype=bool)
        inside[top + 1 : height - top - 1, left + 1 : width - left - 1] = True
        outside = np.ones((height, width), dtype=bool)
        outside[top - 1 : height - top + 1, left - 1 : width - left + 1] = False
        assert np.isnan(found[outside]).all() and np.isfinite(found[inside]).all()
        assert not mask[outside].any() and iou(mask, truth) > 0.55


@pytest.mark.parametrize("fill", [0.5, [1.0, 0.0, 0.5], "mean", "blur", lambda images: 1 - images])
def test_fills_are_colours_of_the_picture(network, photographs, fill):
    image = photographs[0][0]
    masker = InfoMaskTransformer(network, target="green", preprocess=resize_whole, fill_value=fill)
    # The picture has no green, so that the whole picture is filled.
    result = np.asarray(masker.fit([image]).transform([image])[0]).astype(float)
    if callable(fill):
        expected = 255.0 - image
    elif fill == "mean":
        expected = np.broadcast_to(image.mean((0, 1)), image.shape)
    elif fill == "blur":
        expected = np.broadcast_to(image.mean((0, 1)), image.shape)
        assert result.std() < image.std() and np.abs(result - expected).mean() < 60
        return
    else:
        expected = np.broadcast_to(255 * np.asarray(fill), image.shape)
    np.testing.assert_allclose(result, expected, atol=1)


def test_parts_are_kept_whole_in_the_pixels_of_the_picture(network):
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10:30, 10:30, 0] = 255
    image[5:8, 50:55] = 255
    masker = InfoMaskTransformer(
        network, target="red", components=True, preprocess=resize_whole
    ).fit([image])
    mask = masker.mask([image])[0]
    ink = image.any(axis=-1)
    np.testing.assert_array_equal(mask & ink, image[..., 0] > image[..., 1])


def test_without_preprocess_pil_images_are_numbers_from_0_to_1(photographs):
    images = [Image.fromarray(image) for image in photographs[0]]
    network = InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES, input_shape=(3, 32, 32))
    masker = InfoMaskTransformer(network).fit(images)
    masks = masker.mask(images, y=["red", "navy", "red"])
    assert [mask.shape for mask in masks] == SIZES and masker.input_shape_ == (3, 32, 32)
    scaled = [
        interpolate(torch.tensor(i / 255.0).permute(2, 0, 1), (32, 32)) for i in (photographs[0])
    ]
    as_array = np.stack(scaled).astype(np.float32)
    expected = InfoMaskTransformer(network).fit(as_array).information_map(as_array, "red")
    found = masker.information_map(images, "red")
    np.testing.assert_allclose(found[0][20, 30], expected[0][15:17, 15:17].mean(), rtol=0.1)
    # The images have one size, which becomes the size of the network if the latter is unknown.
    same = [images[0], images[0]]
    loose = InfoMaskTransformer(InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES)).fit(
        same
    )
    assert loose.input_shape_ == (3, 40, 60) and loose.mask(same)[0].shape == (40, 60)


def test_channels_last_without_preprocess(network):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(3, 3, 32, 40)).astype(np.float32)
    last = np.ascontiguousarray(np.moveaxis(first, 1, -1))
    expected = InfoMaskTransformer(network).fit(first)
    for channels, X in (("auto", last), ("last", last), ("auto", list(last)), ("first", first)):
        found = InfoMaskTransformer(network, channels=channels).fit(X)
        np.testing.assert_array_equal(found.mask(X), expected.mask(first))
        result = expected.transform(first)
        if channels != "first":
            result = np.moveaxis(result, 1, -1)
        np.testing.assert_array_equal(found.transform(X), result)
    # A grey image 3 pixels wide is not a picture with three channels, unless the user declares it.
    narrow = rng.normal(size=(4, 1, 9, 3))
    plain = InfoMaskTransformer(FrozenEstimator(_frozen(narrow)), patch_size=2).fit(narrow)
    assert plain.mask(narrow).shape == (4, 9, 3)


def _frozen(X):
    return LogisticRegression().fit(X.reshape(len(X), -1), np.arange(len(X)) % 2)


def test_a_classifier_is_trained_on_pictures_as_well(photographs):
    rng = np.random.default_rng(0)
    images = [
        np.clip(rng.normal(128, 20, (24, 32, 3)) + [80 * (i % 2), 0, 0], 0, 255).astype(np.uint8)
        for i in range(20)
    ]
    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(max_epochs=2), target=1, patch_size=8, preprocess=resize_whole
    ).fit(images, np.arange(20) % 2)
    assert [mask.shape for mask in masker.mask(images[:2])] == [(24, 32)] * 2
    assert masker.estimator_.input_shape_ == (3, 32, 32)


def test_one_batch_at_a_time(masker, photographs):
    seen = []

    def watched(held):
        seen.append(held)
        return resize_whole(held)

    images = [photographs[0][0]] * 7
    small = clone(masker).set_params(batch_size=2, preprocess=watched).fit(images)
    seen.clear()
    results = (small.mask([image])[0] for image in images)
    for one, other in zip(small.mask(images), results, strict=True):
        np.testing.assert_array_equal(one, other)
    copied = pickle.loads(pickle.dumps(masker))
    np.testing.assert_array_equal(copied.mask(images)[0], masker.mask(images)[0])


@pytest.mark.parametrize("fill", [255, 1.5, -0.1, [1, 2, 3]])
def test_fills_of_pictures_are_shares(network, photographs, fill):
    arrays = [photographs[0][0]]
    images = [Image.fromarray(arrays[0])]
    for X, options in ((arrays, {"preprocess": resize_whole}), (images, {})):
        masker = InfoMaskTransformer(network, fill_value=fill, **options)
        with pytest.raises(ValueError, match=r"within \[0, 1\] for these images.* by 255"):
            masker.fit(X)
        masker.set_params(fill_value=0.5).fit(X).set_params(fill_value=fill)
        with pytest.raises(ValueError, match="as a share of the largest brightness"):
            masker.transform(X)
    # Without `preprocess`, the unit of the arrays is the user's choice.
    floats = np.stack(arrays).astype(np.float32)
    InfoMaskTransformer(network, fill_value=fill).fit(floats).transform(floats)
