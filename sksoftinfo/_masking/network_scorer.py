"""`NetworkScorer`: what scorers of a network's feature map share."""

from __future__ import annotations

from itertools import chain

import numpy as np
import torch

from .image_classifier import neural

# Number of pixels that go through a network at once, unless these are fewer than _FEWEST_IMAGES
# images. The activations of larger batches are too large for an allocator to keep, so that each
# batch would pay for fresh memory.
_PIXELS_PER_BATCH = 1 << 18
_FEWEST_IMAGES = 32


class NetworkScorer:
    """Scorer around the network of an `ImageClassifier`: its device, dtype and batches.

    Parameters
    ----------
    classifier : ImageClassifier
    size : tuple of int
        Height and width of the images that go through the network, in pixels.
    """

    def __init__(self, classifier, size):
        self.classifier = classifier
        self.images_per_batch = min(
            classifier.batch_size, max(_FEWEST_IMAGES, _PIXELS_PER_BATCH // (size[0] * size[1]))
        )

    @property
    def device(self):
        """Device of the network."""
        return device_of(self._net)

    @property
    def dtype(self):
        """Dtype of the network: float32 or float64."""
        return np.dtype(str(self._net.dtype).removeprefix("torch."))

    @property
    def _net(self):
        return neural(self.classifier.estimator).net_


def device_of(net):
    """Return the device of a net's weights and buffers, and the CPU if it has none."""
    weight = next(chain(net.module_.parameters(), net.module_.buffers()), None)
    return torch.device("cpu") if weight is None else weight.device
