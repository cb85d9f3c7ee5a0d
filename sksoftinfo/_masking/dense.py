"""Dense scoring: a network's logits for windows of images, read from its feature map."""

from __future__ import annotations

import numpy as np
import torch

from .._networks import (
    StochasticInfoNet,
    checked_logits,
    download,
    evaluation_copy,
    naming_batch_size,
    naming_rows,
    neutral_torch,
    pinned_flags,
    posterior_logits,
    upload,
)
from .cell_geometry import measure_cells
from .feature_layer import as_cells, find_feature_layer
from .image_classifier import neural
from .network_scorer import NetworkScorer, device_of
from .spreading import interpolation_matrix, spread
from .windows import window_average

# Number of images, and of noise images, on which a layer is tried.
_N_PROBED = 4


class DenseScorer(NetworkScorer):
    """Scores windows around every cell of a feature map, in one forward pass.

    The network's logits for a window of its feature map are its logits for the pixels of the
    window, except that cells at the window's border also see some of the surroundings.

    Parameters
    ----------
    classifier : ImageClassifier
    layer : FeatureLayer
    geometry : tuple of CellGeometry
        Geometry of the cells down and across.
    image_size : tuple of int
        Height and width of the images, in pixels.
    sizes : sequence of (int, int)
        Heights and widths of the patches, in pixels. A window consists of the cells that are
        centred in the patch.
    """

    def __init__(self, classifier, layer, geometry, image_size, sizes):
        super().__init__(classifier, image_size)
        self.layer = layer
        self.geometry = geometry
        self.windows = [
            tuple(max(1.0, size[axis] / geometry[axis].stride) for axis in range(2))
            for size in sizes
        ]
        self.down, self.across = (
            interpolation_matrix(one.centres, np.arange(length))
            for one, length in zip(geometry, image_size, strict=True)
        )

    @property
    def stride(self):
        """Distance (down, across) between neighbouring places in pixels, as measured."""
        strides = (one.stride for one in self.geometry)
        return tuple(int(one) if float(one).is_integer() else one for one in strides)

    def logits(self, images):
        """Return the logits of windows (S, M, n, rows, columns) and of whole images (n, M)."""
        with naming_batch_size(self.classifier.batch_size):
            return window_logits(self._net, images, self.layer, self.windows)

    def patch_logits(self, images):
        """Return the logits of windows, (S, M, n, rows, columns)."""
        return self.logits(images)[0]

    def patch_features(self, images):
        """Return the features of windows (S, C, n, rows, columns): means of the feature map."""
        with naming_batch_size(self.classifier.batch_size):
            return window_features(self._net, images, self.layer, self.windows)[0]

    def weighed_features(self, images, weights):
        """Return the features of windows times weights (S, M, C), and logits of whole images."""
        with naming_batch_size(self.classifier.batch_size):
            return window_features(self._net, images, self.layer, self.windows, weights)

    def assemble(self, scores):
        """Interpolate the scores of places (..., rows, columns) to maps (..., H, W)."""
        return spread(scores, self.down, self.across)


@pinned_flags()
def dense_layer(classifier, images, name):
    """Return the feature layer and its geometry, or None if dense scoring is not proven valid.

    The proof is a trial on some images and on noise: from the pooled map, the network must
    compute the same logits as from the images.

    Parameters
    ----------
    classifier : ImageClassifier
    images : ndarray of shape (n, C, H, W)
    name : str or None
        Name of the layer to try; ``None`` tries the last layers.

    Returns
    -------
    (FeatureLayer, (CellGeometry, CellGeometry)) or None
    """
    ours = neural(classifier.estimator)
    if ours is None or isinstance(ours.net_, StochasticInfoNet) or len(classifier.row_shape) < 2:
        return None
    probe = images[:_N_PROBED]
    # On a constant image, all kinds of pooling agree.
    noise = np.random.default_rng(0).normal(probe.mean(), probe.std() + 1e-3, probe.shape)
    probed = np.concatenate([probe, noise.astype(probe.dtype)])
    net = ours.net_
    # Under the caller's torch.inference_mode, a copy would have no gradients.
    with neutral_torch():
        module, tensor = evaluation_copy(net.module_), to_tensor(net, probed)
    # The noise comes last, since it activates more units than an image does.
    found = find_feature_layer(
        module, lambda images: image_logits(net, module, images), tensor, name
    )
    if found is None:
        return None
    layer, feature_map, image = found
    with neutral_torch():
        return layer, measure_cells(feature_map, image)


@pinned_flags()
def window_logits(net, images, layer, windows):
    """Return the network's logits for windows around each cell, and for whole images.

    Parameters
    ----------
    net : InfoSoftmaxNet
    images : ndarray of shape (n, C, H, W)
    layer : FeatureLayer
    windows : sequence of (float, float)
        Heights and widths of the windows, in cells.

    Returns
    -------
    windows : ndarray of shape (S, M, n, h, w)
        Posterior logits of the windows, in the network's dtype.
    whole : ndarray of shape (n, M)
        Posterior logits of the whole images.
    """
    module, images = evaluation_copy(net.module_), to_tensor(net, images)
    with torch.inference_mode():
        found = layer.window_logits(module, runner(net, module, images), windows)
        # A network may compute in lower precision; what follows does not.
        windows, whole = download(found, net.dtype)
    return windows, checked_logits(net, whole)


@pinned_flags()
def window_features(net, images, layer, windows, weights=None):
    """Return averages of the feature map in windows, and posterior logits of whole images.

    The shapes are the ones of `window_logits`, with C channels in place of M classes. The optional
    `weights` (S, M, C) map the channels of each window to classes. Weighting commutes with
    averaging and comes first, since there are fewer classes than channels to average, which saves
    30 % of the time of `mask` in bench_masking.py.
    """
    seen = []
    module, images = evaluation_copy(net.module_), to_tensor(net, images)
    with torch.inference_mode(), layer.replaced(module, seen.append):
        logits = image_logits(net, module, images)
        channels = seen[0].transpose(0, 1)
        if weights is None:
            maps = [channels] * len(windows)
        else:
            maps = (
                upload(torch.as_tensor(weights, device="cpu").to(channels.dtype), channels.device)
                @ as_cells(seen[0]).flatten(1).T
            )
            maps = maps.unflatten(2, channels.shape[1:])
        averages = [window_average(*pair) for pair in zip(maps, windows, strict=True)]
        averages, logits = download([torch.stack(averages), logits], net.dtype)
    return averages, checked_logits(net, logits)


def runner(net, module, images):
    """Return a function that runs the module on the first `n` images, cropped to `side`."""

    def run(n=None, side=None):
        return image_logits(net, module, images[:n, :, :side, :side])

    return run


def image_logits(net, module, images):
    """Return posterior logits (n, M) of a tensor of images."""
    # A copy, since a module may work in place and the images belong to the user.
    with naming_rows(module, images):
        logits = module(images.clone())
    return posterior_logits(net, logits[0] if isinstance(logits, tuple) else logits)


def to_tensor(net, images):
    """Return images as a tensor in the network's dtype, on its device."""
    device = device_of(net)
    if not isinstance(images, torch.Tensor):
        # A copy, since torch warns about read-only memory.
        images = torch.tensor(np.ascontiguousarray(images), device="cpu")
    return upload(images.to(net.dtype), device)
