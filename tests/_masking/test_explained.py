"""What is found about several targets, from one pass."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer, InfoSoftmaxClassifier
from tests.helpers.pretrained import Colours


@pytest.fixture(scope="module")
def masker():
    digits = load_digits()
    X, y = digits.images[:500] / 16, digits.target[:500]
    estimator = LogisticRegression(max_iter=1000)
    masker = InfoMaskTransformer(estimator, target=3, patch_size=4, random_state=0)
    return masker.fit(X, y), X


@pytest.fixture(scope="module")
def photographs():
    """Two grey pictures of different sizes with a red and a navy rectangle, and their masker."""
    images = [np.full((40, 60, 3), 128, np.uint8), np.full((64, 48, 3), 128, np.uint8)]
    images[0][10:30, 15:45] = [255, 0, 0]
    images[1][16:48, 12:36] = [0, 0, 255]

    def preprocess(held):
        pixels = held[None] / 255
        return torch.nn.functional.interpolate(pixels, (32, 32), mode="area")[0] * 2 - 1

    names = ["teal", "red", "olive", "green", "navy", "blue"]
    network = InfoSoftmaxClassifier.from_module(Colours(), classes=names)
    return InfoMaskTransformer(network, preprocess=preprocess).fit(images), images


def test_one_pass_serves_all_targets(photographs, monkeypatch):
    masker, images = photographs
    rows = []
    read = type(masker._mapper.scorer).read
    monkeypatch.setattr(
        type(masker._mapper.scorer),
        "read",
        lambda self, images: rows.append(len(images)) or read(self, images),
    )
    targets = ["red", ["navy", "blue"], "teal"]
    display = InfoMaskDisplay.from_estimator(masker, images, targets=targets)
    assert rows == [2]
    for part, target in zip(display.masks, targets, strict=True):
        for one, other in zip(
            part, clone(masker).set_params(target=target).fit(images).mask(images), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    masker = clone(masker).set_params(combine="group").fit(images)
    grouped = InfoMaskDisplay.from_estimator(masker, images, targets=targets)
    found = masker.information_map(images, targets[1])
    np.testing.assert_allclose(grouped.information[1][1], found[1], atol=1e-5)
