"""Dense scoring of photographs: enlarged pictures, the last feature map and a finer map."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
import torch.nn.functional as F

from .._networks import checked_logits, download, evaluation_copy, naming_batch_size, pinned_flags
from .dense import image_logits, runner, to_tensor
from .hooks import replaced_output
from .network_scorer import NetworkScorer
from .spreading import interpolation_matrix, spread

# Side of the windows that distinguish objects, as a share of the picture's shorter side.
_WINDOW_SHARE = 0.5


class PictureScorer(NetworkScorer):
    """Scorer of the cells and of large windows of an enlarged picture's feature map.

    Parameters
    ----------
    classifier : ImageClassifier
    layer : FeatureLayer
        Layer of the feature map.
    geometry : tuple of CellGeometry
        Geometry of the cells down and across, for pictures that are not enlarged.
    image_size : tuple of int
        Height and width of the pictures, in pixels.
    zoom : float
        Factor by which pictures are enlarged for the network. The factor is 1 if the network takes
        images of one size only.
    with_details : bool
        Whether to read the finer map of `layer.detail` as well.
    """

    def __init__(self, classifier, layer, geometry, image_size, zoom, with_details):
        self.layer = layer
        self.geometry = geometry
        self.image_size = tuple(image_size)
        self.with_details = with_details and layer.detail is not None
        zoom = 1.0 if layer.small_side is None else zoom
        # Whole cells, so that the picture covers the whole map.
        self.zoomed_size = tuple(
            max(length, round(round(length * zoom / one.stride) * one.stride))
            for length, one in zip(image_size, geometry, strict=True)
        )
        self.zoom = zoom
        super().__init__(classifier, self.zoomed_size)

    @property
    def windows(self):
        """Height and width, in cells, of a single cell and of the large windows."""
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
        """Distance (down, across) between neighbouring cells, in pixels of the picture."""
        return tuple(
            one.stride * length / zoomed
            for zoomed, length, one in zip(
                self.zoomed_size, self.image_size, self.geometry, strict=True
            )
        )

    @pinned_flags()
    def read(self, images):
        """Return the logits and the finer feature map of pictures.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)

        Returns
        -------
        windows : ndarray of shape (2, M, n, rows, columns)
            Posterior logits for the cells, and for large windows around the cells.
        whole : ndarray of shape (n, M)
            Posterior logits for the whole pictures, not enlarged.
        details : ndarray of shape (n, channels, h, w) or None
            Finer feature map; ``None`` without `with_details`.
        """
        net = self._net
        other = f"zoom={self.zoom:g}" if self.zoomed_size != self.image_size else ""
        with naming_batch_size(self.classifier.batch_size, other):
            # Outside inference mode, since the weights of a linear head need gradients.
            module, tensor = evaluation_copy(net.module_), to_tensor(net, images)
            with torch.inference_mode():
                made = self._read(net, module, tensor)
                found = download([one for one in made if one is not None], net.dtype)
        checked_logits(net, found[1])
        return (*found, None) if made[2] is None else tuple(found)

    def _read(self, net, module, images):
        zoomed = images
        if self.zoomed_size != self.image_size:
            zoomed = F.interpolate(
                images, size=self.zoomed_size, mode="bicubic", align_corners=False
            )
        run = runner(net, module, zoomed)
        seen, reading = [], nullcontext()
        if self.with_details:
            name, *which = self.layer.detail
            reading = replaced_output(module, name, seen.append, *which)
        with reading:
            windows, whole = self.layer.window_logits(module, run, self.windows)
        if zoomed is not images:
            whole = image_logits(net, module, images)
        return windows, whole, seen[0].float() if seen else None

    def patch_logits(self, images):
        """Return the logits of cells and of large windows, (2, M, n, rows, columns)."""
        return self.read(images)[0]

    def to_details(self, scores, size):
        """Interpolate scores of cells (..., rows, columns) to the finer map (..., h, w)."""
        centres = zip(scores.shape[-2:], size, range(2), strict=True)
        matrices = [
            interpolation_matrix(self._cells(n, axis), self._even(n_details, axis))
            for n, n_details, axis in centres
        ]
        return spread(scores, *matrices)

    def assemble(self, scores):
        """Interpolate the scores of places (..., rows, columns) to maps (..., H, W)."""
        centres = self._even if self.with_details else self._cells
        matrices = [
            interpolation_matrix(centres(n, axis), np.arange(self.image_size[axis]))
            for axis, n in enumerate(scores.shape[-2:])
        ]
        return spread(scores, *matrices)

    def _even(self, n, axis):
        """Return the centres, in pixels, of n places of equal width along an axis."""
        return (np.arange(n) + 0.5) * self.image_size[axis] / n - 0.5

    def _cells(self, n, axis):
        """Return the centres of n cells along an axis, in pixels of the picture."""
        geometry = self.geometry[axis]
        if geometry.receptive_field >= self.image_size[axis]:
            return self._even(n, axis)
        in_zoomed = geometry.centres[0] + geometry.stride * np.arange(n)
        return (in_zoomed + 0.5) * self.image_size[axis] / self.zoomed_size[axis] - 0.5
