"""Small images and networks for them, which no test of this folder changes."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from tests.helpers.images import digits_beside_nothing, small_net
from tests.helpers.pretrained import NAMES, Colours


@pytest.fixture(scope="session")
def small():
    return digits_beside_nothing()


@pytest.fixture(scope="session")
def net(small):
    return small_net(*small)


@pytest.fixture(scope="module")
def network():
    return InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES)


@pytest.fixture(scope="module")
def pictures():
    """Grey pictures with a coloured square, and the pixels of the square."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.1, (30, 3, 32, 32)).astype(np.float32)
    squares = np.zeros((30, 32, 32), dtype=bool)
    labels = rng.permutation(np.arange(30) % 6)
    for image, square, label in zip(images, squares, labels, strict=True):
        top, left = rng.integers(0, 17, 2)
        square[top : top + 16, left : left + 16] = True
        image[:, square] += Colours.colours[label][:, None].numpy()
    return images, squares, np.array(NAMES)[labels]


@pytest.fixture(scope="module")
def digits_masker():
    """A masker of digits without a network, and its images."""
    digits = load_digits()
    X, y = digits.images[:500] / 16, digits.target[:500]
    estimator = LogisticRegression(max_iter=1000)
    masker = InfoMaskTransformer(estimator, target=3, patch_size=4, random_state=0)
    return masker.fit(X, y), X


@pytest.fixture(scope="module")
def rectangles(network):
    """Two grey pictures of different sizes with a red and a navy rectangle, and their masker."""
    images = [np.full((40, 60, 3), 128, np.uint8), np.full((64, 48, 3), 128, np.uint8)]
    images[0][10:30, 15:45] = [255, 0, 0]
    images[1][16:48, 12:36] = [0, 0, 255]

    def preprocess(held):
        pixels = held[None] / 255
        return torch.nn.functional.interpolate(pixels, (32, 32), mode="area")[0] * 2 - 1

    return InfoMaskTransformer(network, preprocess=preprocess).fit(images), images
