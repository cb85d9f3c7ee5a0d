"""Pictures are read from any container, and unreadable pictures are named."""

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking import picture_reader
from tests.helpers.pretrained import NAMES

Image = pytest.importorskip("PIL.Image")
from tests.helpers.photographs import (  # noqa: E402
    SIZES,
    Labelled,
    coloured_photographs,
    interpolate,
    iou,
    resize_whole,
)


@pytest.fixture(scope="module")
def photographs():
    return coloured_photographs()


@pytest.fixture(scope="module")
def masker(network, photographs):
    images = [Image.fromarray(image) for image in photographs[0]]
    return InfoMaskTransformer(network, preprocess=resize_whole).fit(images)


def _frozen(X):
    return LogisticRegression().fit(X.reshape(len(X), -1), np.arange(len(X)) % 2)


def test_data_sets_and_loaders(network, photographs, masker):
    images = [Image.fromarray(image) for image in photographs[0]]
    expected = masker.mask(images)
    for X in (
        Labelled(images, [0, 1, 0]),
        DataLoader(Labelled(images, [0, 1, 0]), batch_size=2, collate_fn=_transposed),
        (image for image in images),
        tuple(images),
    ):
        for mask, other in zip(masker.mask(X), expected, strict=True):
            np.testing.assert_array_equal(mask, other)
    named = Labelled(images * 4, [0, 1, 0] * 4, classes=["red", "blue"])
    fitted = InfoMaskTransformer(network, preprocess=resize_whole).fit(named)
    np.testing.assert_allclose(fitted.prior_, _prior({"red": 8, "blue": 4}))
    assert -1 <= fitted.score(named) <= 1
    # Indices that are not labels of the network are not informative, and are not needed.
    unknown = InfoMaskTransformer(network, preprocess=resize_whole).fit(
        Labelled(images * 4, [7, 8, 9] * 4)
    )
    np.testing.assert_allclose(unknown.prior_, 1 / 6)


def _transposed(batch):
    return [list(one) for one in zip(*batch, strict=True)]


def _prior(counts):
    counts = np.array([counts.get(name, 0) + 0.5 for name in NAMES])
    return counts / counts.sum()


WRONG = {
    "empty": ([], "at least one row or image"),
    "nothing": (None, "must be an array, or a list or data set of rows or images; got None"),
    "a dict": ({"a": 1}, "must be an array, or a list or data set of .*; got .* dict"),
    "a number": (np.float64(3), "must be a list, an array or a data set of images; got"),
    "one array": (np.zeros((20, 30, 3), np.uint8), r"got one image of shape \(20, 30, 3\)"),
    "one image": (Image.new("RGB", (20, 20)), r"Put it into a list: \[image\]"),
    "path": ("cat.jpg", "Open the files"),
    "paths": (["cat.jpg", "dog.jpg"], "Open the files"),
    "tiny": ([Image.new("RGB", (5, 20))], "at least 8 x 8 pixels"),
    "one tiny": (
        [Image.new("RGB", (20, 20)), Image.new("RGB", (1, 1))],
        "at least 8 x 8 pixels .*; got 1 x 1 at index 1. Leave out",
    ),
    "far above 1": ([np.full((20, 20, 3), 1.01)], "floats from 0 to 1.*got 1.01 to 1.01"),
    "0 to 255": ([np.full((20, 20, 3), 200.0)], "floats from 0 to 1.*got 200 to 200"),
    "large integers": ([np.full((20, 20, 3), 300)], "integers from 0 to 255"),
    "negative": ([np.full((20, 20, 3), -1)], "integers from 0 to 255"),
    "nan": (
        [np.zeros((20, 20, 3)), np.full((20, 20, 3), np.nan)],
        "finite pixels; got NaN at 1. Replace these pixels, or leave out the image",
    ),
    "layout": ([np.zeros((3, 20, 3), np.uint8)], "Set channels='first'"),
    "no channels": ([np.zeros((20, 20, 7), np.uint8)], "Set channels='first'"),
    "not a picture": ([{"image": 1}], "got an object of class dict"),
    "items of a data set": (
        [(Image.new("RGB", (20, 20)), 1)] * 2,
        "got an object of class tuple at index 0. Pass X=.*and y=",
    ),
    "shuffled": (DataLoader(Labelled([1], [1]), shuffle=True), "Use shuffle=False"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_pictures_are_named(masker, name):
    X, match = WRONG[name]
    with pytest.raises(ValueError, match=match):
        masker.mask(X)


@pytest.mark.parametrize(
    "preprocess, match",
    [
        (lambda held: held, "got a PIL image. Add a last step such as ToTensor"),
        (
            lambda held: torch.zeros(3, 32, 32, dtype=torch.uint8),
            r"floats of shape .*; got uint8 of .* Add a last step such as ConvertImageDtype\(",
        ),
        (lambda held: torch.zeros(32, 32), "Return one image, with its channels first"),
        (
            lambda held: torch.full((3, 32, 32), torch.inf),
            "finite numbers; got infinity for the image at 0. Check its steps",
        ),
        (
            lambda held: torch.zeros(3, 32, 32),
            "same result for a white image and for a black one",
        ),
        (lambda held: resize_whole(held) + torch.rand(1), "same result for the same image"),
        (lambda held: resize_whole(held).transpose(1, 2), "must resize, crop, pad or mirror"),
        (lambda held: held.no_such_method(), "`preprocess` failed on the image at 0"),
        (lambda held: interpolate(resize_whole(held), held.size), "images of one size"),
    ],
)
def test_wrong_transforms_are_named(network, photographs, preprocess, match):
    images = [Image.fromarray(image) for image in photographs[0]]
    masker = InfoMaskTransformer(network, preprocess=preprocess)
    with pytest.raises(ValueError, match=match):
        masker.fit(images)
    assert not hasattr(masker, "classes_")


def test_what_else_is_refused(network, photographs, masker):
    images = photographs[0]
    with pytest.raises(ValueError, match="one target for each of 3 images"):
        masker.mask(images, y=["red"])
    with pytest.raises(ValueError, match="images of one kind; got PIL images"):
        InfoMaskTransformer(network).fit([Image.fromarray(images[0]), images[1]])
    with pytest.raises(ValueError, match="whose order of pixels and channels is not known"):
        InfoMaskTransformer(FrozenEstimator(_frozen(np.zeros((4, 27)) + np.eye(4, 27)))).fit(
            [Image.fromarray(image) for image in images]
        )
    with pytest.raises(ValueError, match="`y` must hold the labels of `X`"):
        masker.score(images)
    with pytest.raises(
        ValueError,
        match="must hold images of one size .*; got 40 x 60 and 64 x 48. Set `preprocess`",
    ):
        InfoMaskTransformer(network).fit([Image.fromarray(image) for image in images])
    with pytest.raises(ValueError, match="1, 3 or 4 channels.*got 40.*with channels='first'"):
        InfoMaskTransformer(network, preprocess=resize_whole, channels="first").fit(images)
    for wrong in ({"channels": "middle"}, {"preprocess": 3}):
        with pytest.raises(ValueError, match="must be"):
            InfoMaskTransformer(network, **wrong).fit(images)


def test_transforms_of_torchvision(network, photographs):
    transforms = pytest.importorskip("torchvision.transforms")
    v2 = pytest.importorskip("torchvision.transforms.v2")
    end = [transforms.Normalize([0.5] * 3, [0.5] * 3)]
    old = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor(), *end])
    scaled = [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    new = v2.Compose([v2.ToImage(), v2.Resize((32, 32)), *scaled])
    images = photographs[0]
    for preprocess in (old, new):
        masker = InfoMaskTransformer(network, preprocess=preprocess)
        for held in (images, [Image.fromarray(image) for image in images]):
            masks = masker.fit(held).mask(held, y=["red", "navy", "red"])
            assert [mask.shape for mask in masks] == SIZES
            assert all(iou(m, t) > 0.6 for m, t in zip(masks, photographs[1], strict=True))
    random = transforms.Compose([transforms.RandomHorizontalFlip(), old])
    with pytest.raises(ValueError, match="the same result for the same image"):
        InfoMaskTransformer(network, preprocess=random).fit(images)


def test_folders_of_torchvision(network, photographs, tmp_path):
    folder = pytest.importorskip("torchvision.datasets").ImageFolder
    for index, image in enumerate(photographs[0]):
        (tmp_path / NAMES[index]).mkdir()
        Image.fromarray(image).save(tmp_path / NAMES[index] / "a.png")
    data = folder(tmp_path)
    masker = InfoMaskTransformer(network, preprocess=resize_whole).fit(data)
    assert [mask.shape[::-1] for mask in masker.mask(data)] == [one.size for one, _ in data]


def test_a_part_of_many_pictures_is_read_where_nothing_is_trained(
    network, photographs, monkeypatch
):
    monkeypatch.setattr(picture_reader, "_MOST", 5)
    images = [Image.fromarray(image) for image in photographs[0]] * 4
    read = []

    class Watched(Labelled):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    data = Watched(images, ["red", "navy", "red"] * 4)
    options = {"preprocess": resize_whole, "random_state": 0}
    fitted = InfoMaskTransformer(network, **options).fit(data)
    assert len(read) == len(set(read)) == 5
    labels = [data.labels[index] for index in read]
    given = InfoMaskTransformer(network, **options).fit(images, data.labels)
    np.testing.assert_array_equal(given.prior_, fitted.prior_)
    counts = {name: labels.count(name) for name in set(labels)}
    np.testing.assert_allclose(fitted.prior_, _prior(counts))
    for X in (images, np.stack([photographs[0][0]] * 12)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            InfoMaskTransformer(network, **options).fit(X, ["red"] * 3)
    assert len(fitted.mask(images)) == 12


@pytest.mark.parametrize("low, high", [(0, 1.00001), (-1e-4, 1), (-5e-4, 1 + 5e-4)])
def test_floats_that_overshoot_by_rounding_are_clipped(photographs, masker, low, high):
    shares = photographs[0][0] / np.float32(255)
    over = np.where(shares == 0, low, np.where(shares == 1, high, shares)).astype(np.float32)
    assert over.min() < 0 or over.max() > 1
    for X in ([over], [torch.from_numpy(over)]):
        np.testing.assert_array_equal(masker.mask(X)[0], masker.mask([shares])[0])


def test_arrays_of_objects_hold_pictures(photographs, masker):
    for images in (photographs[0], [Image.fromarray(image) for image in photographs[0]]):
        held = np.empty(len(images), dtype=object)
        held[:] = images
        for mask, other in zip(masker.mask(held), masker.mask(images), strict=True):
            np.testing.assert_array_equal(mask, other)
