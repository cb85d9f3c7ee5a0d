"""Dense scoring: a fitted net's logits of windows of images, read from its feature map."""

from __future__ import annotations

import copy

import numpy as np
import torch

from .._networks import (
    StochasticInfoNet,
    download,
    naming_batch_size,
    neutral_torch,
    posterior_logits,
    upload,
)
from .cell_geometry import measure_cells
from .feature_layer import as_cells, find_feature_layer
from .image_classifier import neural
from .spreading import interpolation_matrix, spread
from .windows import window_average

# Pixels that go through a network at once, if that is more than so many images: what it makes of
# more on its way is too much for an allocator to keep, and each batch pays for fresh memory. Of
# 224 x 224 pixels, 64 images at once take a quarter longer in the default network than 32.
_PIXELS_PER_BATCH = 1 << 18
_FEWEST_IMAGES = 32
# Images, and as many of noise, on which a layer is tried out.
_N_PROBED = 4


class DenseScorer:
    """Scores windows around every cell of a feature map, in one forward pass.

    What the network makes of a window of its map is its answer to the window's pixels, up to what
    their border sees of the surroundings.

    Parameters
    ----------
    classifier : ImageClassifier
    layer : FeatureLayer
    geometry : tuple of CellGeometry
        Down and across.
    image_size : tuple of int
    sizes : sequence of (int, int)
        Patches, in pixels. A window holds the cells that are centred in the patch.
    """

    def __init__(self, classifier, layer, geometry, image_size, sizes):
        self.classifier = classifier
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
        pixels = image_size[0] * image_size[1]
        self.images_per_batch = min(
            classifier.batch_size, max(_FEWEST_IMAGES, _PIXELS_PER_BATCH // pixels)
        )

    @property
    def stride(self):
        """Pixels (down, across) between places, as measured."""
        strides = (one.stride for one in self.geometry)
        return tuple(int(one) if float(one).is_integer() else one for one in strides)

    @property
    def device(self):
        """The network's."""
        return _device_of(self._net)

    @property
    def dtype(self):
        """The network's: float32 or float64."""
        return np.dtype(str(self._net.dtype).removeprefix("torch."))

    def logits(self, images):
        """Return the logits of windows (S, M, n, rows, columns), and of whole images (n, M)."""
        with naming_batch_size(self.classifier.batch_size):
            return window_logits(self._net, images, self.layer, self.windows)

    def patch_logits(self, images):
        """Return the logits of windows, (S, M, n, rows, columns)."""
        return self.logits(images)[0]

    def patch_features(self, images):
        """Return windows' features (S, C, n, rows, columns): averages of the feature map."""
        with naming_batch_size(self.classifier.batch_size):
            return window_features(self._net, images, self.layer, self.windows)[0]

    def weighed_features(self, images, weights):
        """Return windows' features times weights (S, M, C), and the logits of whole images."""
        with naming_batch_size(self.classifier.batch_size):
            return window_features(self._net, images, self.layer, self.windows, weights)

    @property
    def _net(self):
        return neural(self.classifier.estimator).net_

    def assemble(self, scores):
        """Return scores (..., rows, columns) of places as maps (..., H, W)."""
        return spread(scores, self.down, self.across)


def own_copy(module):
    """Return a copy of the module in evaluation mode, channels last where that is faster.

    Hooks go into the copy, so that other threads may use the module meanwhile. A copy that is
    kept would have to follow the weights, and no version counter of torch tells when a fused
    optimizer or ``weight.data`` changes them; a fresh one at every batch costs a twentieth of the
    forward pass, and computing channels last on a CPU saves 12 % of `mask` in bench_masking.py.
    """
    fresh = copy.deepcopy(module).eval().requires_grad_(False)
    if all(weight.device.type == "cpu" for weight in [*fresh.parameters(), *fresh.buffers()]):
        fresh = fresh.to(memory_format=torch.channels_last)
    return fresh


def dense_layer(classifier, images, name):
    """Return the feature layer and its geometry, or None where dense scoring is not proven.

    The proof is by trial on some images and on noise: what the network makes of the pooled map
    must be its own logits.

    Parameters
    ----------
    classifier : ImageClassifier
    images : ndarray of shape (n, C, H, W)
    name : str or None
        The layer to try, instead of the last ones.

    Returns
    -------
    (FeatureLayer, (CellGeometry, CellGeometry)) or None
    """
    ours = neural(classifier.estimator)
    if ours is None or isinstance(ours.net_, StochasticInfoNet) or len(classifier.row_shape) < 2:
        return None
    probe = images[:_N_PROBED]
    # On an image that is the same everywhere, any pooling gives the same.
    noise = np.random.default_rng(0).normal(probe.mean(), probe.std() + 1e-3, probe.shape)
    probed = np.concatenate([probe, noise.astype(probe.dtype)])
    net = ours.net_
    # Under the caller's torch.inference_mode, a copy has no gradients.
    with neutral_torch():
        module, tensor = own_copy(net.module_), to_tensor(net, probed)
    run = runner(net, module, tensor)
    with torch.inference_mode():
        layer = find_feature_layer(module, run, tensor.shape, name)
    if layer is None:
        return None
    with neutral_torch():
        # In noise, more units are on than in an image.
        return layer, measure_cells(
            layer,
            module,
            lambda images: image_logits(net, module, images),
            to_tensor(net, probed[-1:]),
        )


def window_logits(net, images, layer, windows):
    """Return the net's logits of windows around each cell, and of whole images.

    Parameters
    ----------
    net : InfoSoftmaxNet
    images : ndarray of shape (n, C, H, W)
    layer : FeatureLayer
    windows : sequence of (float, float)
        Heights and widths, in cells.

    Returns
    -------
    windows : ndarray of shape (S, M, n, h, w)
        Posterior logits in the net's dtype.
    whole : ndarray of shape (n, M)
    """
    module, images = own_copy(net.module_), to_tensor(net, images)
    with torch.inference_mode():
        found = layer.window_logits(module, runner(net, module, images), windows)
        # Where a network computes in less, what follows does not.
        return download(found, net.dtype)


def window_features(net, images, layer, windows, weights=None):
    """Return averages of the feature map in windows, and posterior logits of whole images.

    As `window_logits`, with C channels in place of M classes. Averages and `weights` (S, M, C), a
    linear map of the channels for each window, commute: the weights come first, since there are
    fewer classes than channels to average, which saves 30 % of `mask` in bench_masking.py.
    """
    seen = []
    module, images = own_copy(net.module_), to_tensor(net, images)
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
        return download([torch.stack(averages), logits], net.dtype)


def runner(net, module, images):
    """Return what runs the module on images, on the first `n`, or on crops of them."""

    def run(n=None, side=None):
        return image_logits(net, module, images[:n, :, :side, :side])

    return run


def image_logits(net, module, images):
    """Return posterior logits (n, M) of a tensor of images."""
    # A copy: a module may work in place, and the images are the user's.
    logits = module(images.clone())
    return posterior_logits(net, logits[0] if isinstance(logits, tuple) else logits)


def _device_of(net):
    weight = next(net.module_.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device


def to_tensor(net, images):
    """Return images as a tensor of the net's dtype, on its device."""
    device = _device_of(net)
    if not isinstance(images, torch.Tensor):
        # A copy: torch warns of memory that may not be written.
        images = torch.tensor(np.ascontiguousarray(images), device="cpu")
    return upload(images.to(net.dtype), device)
