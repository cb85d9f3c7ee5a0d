"""Maps of photographs for one object and for one among several, and their cost."""

import pickle

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.picture_mapper import PictureMapper
from tests.helpers.pretrained import NAMES, Colours, Flattening, pretrained_network


class Counting(Colours):
    """A network that counts the pixels of its images."""

    def __init__(self):
        super().__init__()
        self.pixels = []

    def forward(self, x):
        self.pixels.append(x.shape[0] * x.shape[2] * x.shape[3])
        return super().forward(x)


def squares(*colours, size=(64, 64)):
    """Return a grey picture with a square of each colour from left to right, and their pixels."""
    image = np.random.default_rng(0).normal(0, 0.1, (1, 3, *size)).astype(np.float32)
    places = np.zeros((len(colours), *size), dtype=bool)
    width = size[1] // len(colours)
    for i, colour in enumerate(colours):
        left = i * width + width // 4
        places[i, size[0] // 4 : 3 * size[0] // 4, left : left + width // 2] = True
        image[0, :, places[i]] += Colours.colours[NAMES.index(colour)].numpy()
    return image, places


def iou(kept, truth):
    return (kept & truth).sum() / (kept | truth).sum()


def test_an_object_alone_is_shown_and_two_are_told_apart(network):
    alone, (place,) = squares("red")
    both, (red, blue) = squares("red", "blue", size=(64, 128))
    left = np.zeros((64, 128), dtype=bool)
    left[:, :64] = True
    masker = InfoMaskTransformer(network).fit(alone)
    assert type(masker._mapper) is PictureMapper and masker.calibration_ == "shipped"
    assert iou(masker.mask(alone, y=["red"])[0], place) > 0.7
    assert not masker.mask(alone, y=["green"]).any()
    found = {
        (question, name): InfoMaskTransformer(network, question=question)
        .fit(both)
        .mask(both, y=[name])[0]
        for question in ("auto", "where", "which")
        for name in ("red", "blue")
    }
    for name, place, half in (("red", red, left), ("blue", blue, ~left)):
        assert iou(found["where", name], place) > 0.7
        assert iou(found["which", name], half) > 0.8
        np.testing.assert_array_equal(found["auto", name], found["which", name])


def test_a_question_by_name_shares_a_calibration_whatever_the_labels(network):
    images = np.concatenate([squares(name)[0] for name in NAMES * 2])
    labels = np.array(NAMES * 2)
    sized = InfoMaskTransformer(network, patch_size=8, random_state=0).fit(images, labels)
    assert sized.calibration_ == "labels" and type(sized._mapper) is not PictureMapper
    where = InfoMaskTransformer(network, question="where", random_state=0).fit(images, labels)
    assert where.calibration_ == "shared" and where._mapper.calibrations_[0].rival_slope_ > 0
    assert np.isfinite(where.presence_floor_).all()
    place = squares("red")[1][0]
    for image, kept in zip(images, where.mask(images, y=labels), strict=True):
        assert iou(kept, place) > 0.5, image
    for options in ({"patch_size": 8}, {"patch_scoring": "crop"}, {"information": "logit"}):
        with pytest.raises(ValueError, match="`question` must be 'auto' without dense scoring"):
            InfoMaskTransformer(network, question="which", **options).fit(images, labels)


@pytest.mark.parametrize("kind", ["weight_of_evidence", "pmi"])
def test_targets_groups_and_batches_agree(network, kind):
    images = np.concatenate([squares("red")[0], squares("blue")[0], squares("teal")[0]])
    masker = InfoMaskTransformer(network, information=kind).fit(images)
    maps = masker.information_maps(images)
    assert maps.shape == (6, 3, 64, 64) and np.isfinite(maps).all()
    for name, one in zip(NAMES, maps, strict=True):
        np.testing.assert_allclose(masker.information_map(images, name), one, atol=1e-4)
        single = np.concatenate([masker.information_map(image[None], name) for image in images])
        np.testing.assert_allclose(single, one, atol=1e-3)
    group = masker.set_params(combine="group", target=["red", "blue"]).mask(images)
    assert group[:2].any((1, 2)).all() and not group[2].any()
    again = pickle.loads(pickle.dumps(masker))
    np.testing.assert_array_equal(again.mask(images), group)


class OneSize(Flattening):
    """A network that accepts only images of 32 x 32 pixels."""

    def forward(self, x):
        assert x.shape[2:] == (32, 32)
        return super().forward(x)


def test_a_network_of_one_size_is_not_given_another():
    torch.manual_seed(0)
    clf = InfoSoftmaxClassifier.from_module(OneSize().eval(), classes=["a", "b", "c"])
    images = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    masker = InfoMaskTransformer(clf, question="where").fit(images)
    assert masker._mapper.scorer.zoomed_size == (32, 32)
    # The map before the second convolution has twice as many cells along each axis.
    assert masker._dense[0].detail == ("activation", 1, "first")
    assert masker.information_map(images, "a").shape == (2, 32, 32)


def test_details_are_of_the_last_map_with_more_cells():
    clf = InfoSoftmaxClassifier.from_module(pretrained_network(), classes=["a", "b", "c"])
    images = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)
    for detail, shape in ((True, (44, 44)), (False, (22, 22))):
        masker = InfoMaskTransformer(clf, question="where", detail=detail).fit(images)
        assert masker._mapper.scorer.zoomed_size == (88, 88)
        (batch,) = masker._mapper.evaluate(images, np.zeros((1, 1), dtype=int))
        assert batch[2].shape == (1, 1, *shape)


def test_from_a_network_to_a_mask_takes_a_few_forward_passes():
    """The unit is the pixels of one photograph; a gradient counts as two passes."""
    image, _ = squares("red", size=(256, 256))
    clf = InfoSoftmaxClassifier.from_module(Counting(), classes=NAMES)
    # Copies of the module share this list.
    pixels = clf.module_.pixels
    Counting.__deepcopy__ = lambda self, memo: _sharing(self, memo, pixels)
    try:
        masker = InfoMaskTransformer(clf, target="red").fit(image)
        in_fit = sum(pixels) / 256**2
        del pixels[:]
        assert masker.mask(image).any()
        in_mask = sum(pixels) / 256**2
    finally:
        del Counting.__deepcopy__
    assert in_mask <= 3.1 and in_fit + 2 + in_mask <= 7


def _sharing(module, memo, pixels):
    fresh = Counting.__new__(Counting)
    memo[id(module)] = fresh
    nn.Module.__init__(fresh)
    fresh.__dict__.update({name: value for name, value in module.__dict__.items()})
    fresh.__dict__["_modules"] = {
        name: pickle.loads(pickle.dumps(one)) for name, one in module._modules.items()
    }
    fresh.pixels = pixels
    return fresh


def test_presence_is_judged_by_large_windows(network):
    image, (place,) = squares("red")
    speck = image.copy()
    speck[0, :, 4:9, 50:55] += 3 * Colours.colours[NAMES.index("green")].numpy()[:, None, None]
    masker = InfoMaskTransformer(network).fit(image)
    free = InfoMaskTransformer(network, require_presence=False).fit(image)
    assert free.mask(speck, y=["green"]).any() and not masker.mask(speck, y=["green"]).any()
    np.testing.assert_array_equal(masker.mask(speck, y=["red"]), free.mask(speck, y=["red"]))
    # The smaller of two objects counts as present, too.
    both, (red, blue) = squares("red", "blue", size=(64, 128))
    both[0, :, 16:26, 64:] = both[0, :, :10, 64:]
    blue[16:26] = False
    masker.fit(both)
    for name, there in (("red", red), ("blue", blue)):
        assert masker.mask(both, y=[name])[0][there].mean() > 0.8


@pytest.mark.parametrize("kind", ["weight_of_evidence", "pmi"])
def test_the_presence_floor_is_half_of_what_windows_reach(network, kind):
    images = np.concatenate([squares(name)[0] for name in NAMES * 2])
    images += np.random.default_rng(1).normal(0, 0.05, images.shape).astype(np.float32)
    labels = np.array(NAMES * 2)
    masker = InfoMaskTransformer(network, information=kind, random_state=0).fit(images)
    assert masker.calibration_ == "shared"
    targets = np.array([[list(network.classes_).index(one) for one in labels]])
    shown = np.concatenate([part[0] for *_, part in masker._mapper.evaluate(images, targets)])
    np.testing.assert_allclose(masker.presence_floor_, np.sort(shown)[0] / 2, rtol=1e-5)


def test_parts_that_are_smaller_than_a_cell_are_dropped(network):
    image, (place,) = squares("red")
    image += np.random.default_rng(1).normal(0, 0.4, image.shape).astype(np.float32)
    masker = InfoMaskTransformer(network, threshold=0, question="where").fit(image)
    cell = masker._mapper.smallest_part
    assert cell == pytest.approx(np.prod(masker.stride_), rel=0.1)

    def sizes(kept):
        parts, _ = ndimage.label(kept)
        return np.bincount(parts.ravel())[1:]

    above = masker.information_map(image, "red")[0] > 0
    assert sizes(above).min() < cell < np.sort(sizes(above))[-1]
    (kept,) = masker.mask(image, y=["red"])
    np.testing.assert_array_equal(
        np.sort(sizes(kept)), np.sort(sizes(above)[sizes(above) >= cell])
    )
    (soft,) = masker.set_params(mask_type="soft").mask(image, y=["red"])
    np.testing.assert_array_equal(soft > 0, above)
