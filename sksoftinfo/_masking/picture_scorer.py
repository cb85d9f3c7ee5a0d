"""Dense scoring of photographs: enlarged pictures, the map of the head and a finer one."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from .._networks import download, naming_batch_size
from .dense import _FEWEST_IMAGES, _PIXELS_PER_BATCH, image_logits, own_copy, runner, to_tensor
from .feature_layer import replaced_output
from .image_classifier import neural
from .spreading import interpolation_matrix, spread

# Of windows that tell one object from another: this share of the shorter side.
_WINDOW_SHARE = 0.5


class PictureScorer:
    """Scores single cells of the feature map of an enlarged picture, and large windows of it.

    Parameters
    ----------
    classifier : ImageClassifier
    layer : FeatureLayer
    geometry : tuple of CellGeometry
        Down and across, of pictures that are not enlarged.
    image_size : tuple of int
    zoom : float
        How many times as large as they are pictures go through the network. 1 where it takes
        images of one size alone.
    with_details : bool
        Whether the finer map of `layer.detail` is read as well.
    """

    def __init__(self, classifier, layer, geometry, image_size, zoom, with_details):
        self.classifier = classifier
        self.layer = layer
        self.geometry = geometry
        self.image_size = tuple(image_size)
        self.with_details = with_details and layer.detail is not None
        zoom = 1.0 if layer.small_side is None else zoom
        # Whole cells, since the picture is to cover the map.
        self.zoomed_size = tuple(
            max(length, round(round(length * zoom / one.stride) * one.stride))
            for length, one in zip(image_size, geometry, strict=True)
        )
        pixels = self.zoomed_size[0] * self.zoomed_size[1]
        self.images_per_batch = min(
            classifier.batch_size, max(_FEWEST_IMAGES, _PIXELS_PER_BATCH // pixels)
        )

    @property
    def windows(self):
        """Height and width in cells: of a cell, and of the windows that tell objects apart."""
        side = _WINDOW_SHARE * min(self.image_size)
        large = tuple(
            max(1.0, side * zoomed / length / one.stride)
            for zoomed, length, one in zip(
                self.zoomed_size, self.image_size, self.geometry, strict=True
            )
        )
        return [(1.0, 1.0), large]

    @property
    def stride(self):
        """Pixels (down, across) of the picture between cells."""
        return tuple(
            one.stride * length / zoomed
            for zoomed, length, one in zip(
                self.zoomed_size, self.image_size, self.geometry, strict=True
            )
        )

    @property
    def dtype(self):
        """The network's: float32 or float64."""
        return np.dtype(str(self._net.dtype).removeprefix("torch."))

    @property
    def _net(self):
        return neural(self.classifier.estimator).net_

    def read(self, images):
        """Return what a network makes of pictures.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)

        Returns
        -------
        windows : ndarray of shape (2, M, n, rows, columns)
            Posterior logits of cells, and of large windows around them.
        whole : ndarray of shape (n, M)
            Those of the pictures as they are.
        details : ndarray of shape (n, channels, h, w) or None
        """
        net = self._net
        with naming_batch_size(self.classifier.batch_size):
            # Before inference mode, whose tensors have no gradients for a linear head.
            module, tensor = own_copy(net.module_), to_tensor(net, images)
            with torch.inference_mode():
                made = self._read(net, module, tensor)
                found = download([one for one in made if one is not None], net.dtype)
        return (*found, None) if made[2] is None else tuple(found)

    def _read(self, net, module, images):
        zoomed = images
        if self.zoomed_size != self.image_size:
            zoomed = F.interpolate(
                images, size=self.zoomed_size, mode="bicubic", align_corners=False
            )
        run = runner(net, module, zoomed)
        seen = []
        if self.with_details:
            with replaced_output(module, *_named(self.layer.detail, seen.append)):
                windows, whole = self.layer.window_logits(module, run, self.windows)
        else:
            windows, whole = self.layer.window_logits(module, run, self.windows)
        if zoomed is not images:
            whole = image_logits(net, module, images)
        return windows, whole, seen[0].float() if seen else None

    def patch_logits(self, images):
        """Return the logits of cells and of large windows, (2, M, n, rows, columns)."""
        return self.read(images)[0]

    def to_details(self, scores, size):
        """Return scores (..., rows, columns) of cells at the places of details, (..., h, w)."""
        centres = zip(scores.shape[-2:], size, range(2), strict=True)
        matrices = [
            interpolation_matrix(self._cells(n, axis), self._even(n_details, axis))
            for n, n_details, axis in centres
        ]
        return spread(scores, *matrices)

    def assemble(self, scores):
        """Return scores (..., rows, columns) of places as maps (..., H, W)."""
        centres = self._even if self.with_details else self._cells
        matrices = [
            interpolation_matrix(centres(n, axis), np.arange(self.image_size[axis]))
            for axis, n in enumerate(scores.shape[-2:])
        ]
        return spread(scores, *matrices)

    def _even(self, n, axis):
        """Return the middles of n places that share an axis of the picture, in its pixels."""
        return (np.arange(n) + 0.5) * self.image_size[axis] / n - 0.5

    def _cells(self, n, axis):
        """Return the middles of n cells along an axis, in pixels of the picture."""
        geometry = self.geometry[axis]
        if geometry.receptive_field >= self.image_size[axis]:
            return self._even(n, axis)
        in_zoomed = geometry.centres[0] + geometry.stride * np.arange(n)
        return (in_zoomed + 0.5) * self.image_size[axis] / self.zoomed_size[axis] - 0.5


def _named(detail, function):
    name, call = detail
    return name, function, call
