"""Small images and a small network, for tests that need many fits."""

import numpy as np
import torch
from sklearn.datasets import load_digits

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks.modules import ConvNet


def digits_beside_nothing():
    """Return images (n, 8, 16) of a digit 0 or 1 beside an empty half, and the digits."""
    digits = load_digits(n_class=2)
    rng = np.random.default_rng(0)
    images = np.zeros((len(digits.images), 8, 16), dtype=np.float32)
    right = rng.random(len(images)) < 0.5
    images[~right, :, :8] = digits.images[~right] / 16
    images[right, :, 8:] = digits.images[right] / 16
    return images, digits.target


def small_net(X, y):
    """Return a fitted classifier whose feature map has strides of four pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = ConvNet(1, 2, channels=(8, 8), kernel_size=3)
    return InfoSoftmaxClassifier(module, max_epochs=20, lr=0.01, random_state=0).fit(X, y)
