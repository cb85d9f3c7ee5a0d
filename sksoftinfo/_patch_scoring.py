"""Three ways to ask a fitted classifier about the patches of an image.

Each scorer returns the logits of patches, ``patch_logits(images) -> (n, rows, columns, M)``, and
spreads scores of patches over pixels, ``assemble(scores) -> (n, H, W)``.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ._base import BaseInfoClassifier
from ._net import StochasticInfoNet
from ._patches import PatchGrid, upsample, window_average

# Probabilities are floored here before their logarithm: forests and neighbours give exact zeros.
_SMALLEST_PROBA = 1e-6
# How far the pooled position logits may lie from the network's own, relative to their size.
_DENSE_TOLERANCE = 1e-4
_N_PROBED = 4


def neural(estimator):
    """Return our own classifier inside `estimator`, or None where there is another."""
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator if isinstance(estimator, BaseInfoClassifier) else None


class ImageClassifier:
    """A fitted classifier as a function of images (n, C, H, W), whatever layout it was fitted on.

    Parameters
    ----------
    estimator : fitted classifier with ``predict_proba``
    row_shape : tuple of int
        Shape of the rows that it takes.
    batch_size : int
        Images to classify at once.
    """

    def __init__(self, estimator, row_shape, batch_size):
        self.estimator = estimator
        self.row_shape = row_shape
        self.batch_size = batch_size

    def predict_proba(self, images):
        """Return probabilities (n, M)."""
        rows = images.reshape(len(images), *self.row_shape)
        starts = range(0, len(rows), self.batch_size)
        with warnings.catch_warnings():
            # The columns are those of fit, in their order; their names were left with the frame.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            chunks = [self.estimator.predict_proba(rows[i : i + self.batch_size]) for i in starts]
        return np.concatenate(chunks)

    def logits(self, images):
        """Return posterior logits (n, M): the network's own, or log-probabilities."""
        classifier = neural(self.estimator)
        if classifier is None:
            return np.log(np.clip(self.predict_proba(images), _SMALLEST_PROBA, None))
        flat = len(self.row_shape) == 1
        return classifier.net_.predict_logits(images.reshape(len(images), -1) if flat else images)


def estimator_row_shape(estimator, row_shape, canonical):
    """Return the shape of the rows that `estimator` was fitted on, or should be.

    Images stay images for those that take them, and are flattened for the others.
    """
    classifier = neural(estimator)
    if isinstance(estimator, FrozenEstimator) and classifier is not None:
        return classifier.input_shape_
    is_table = len(row_shape) == 1 and canonical[:2] == (1, 1)
    if is_table or not get_tags(estimator).input_tags.three_d_array:
        return (int(np.prod(canonical)),)
    if len(row_shape) > 1:
        return row_shape
    return canonical[1:] if canonical[0] == 1 else canonical


class _GridScorer:
    """Scores every patch of a grid by a classification of its own, in chunks of `batch_size`."""

    def __init__(self, classifier, grid, fill_value):
        self.classifier = classifier
        self.grid = grid
        self.fill_value = fill_value
        self.batch_size = classifier.batch_size

    def patch_logits(self, images):
        total = len(images) * len(self.grid)
        chunks = []
        for start in range(0, total, self.batch_size):
            pairs = np.arange(start, min(start + self.batch_size, total))
            indices, patches = np.divmod(pairs, len(self.grid))
            chunks.append(self.classifier.logits(self.inputs(images, indices, patches)))
        return np.concatenate(chunks).reshape(len(images), *self.grid.shape, -1)

    def assemble(self, scores):
        return self.grid.assemble(scores)

    @property
    def images_per_batch(self):
        """How many images to score at once, so that memory is bounded by `batch_size` patches."""
        return max(1, self.batch_size // len(self.grid))


class CropScorer(_GridScorer):
    """Feeds each patch alone to a network that takes any size."""

    def inputs(self, images, indices, patches):
        return self.grid.crop(images, indices, patches)


class PasteScorer(_GridScorer):
    """Shows each patch at its own place on an empty image: works with any classifier."""

    def inputs(self, images, indices, patches):
        return self.grid.paste(images, indices, patches, self.fill_value)


class DenseScorer:
    """Scores windows around every cell of the last feature map, in one forward pass.

    Average pooling and a linear head commute: the head on the average over a window is the
    network's answer to that window, up to what its border sees of the surroundings.
    """

    def __init__(self, classifier, image_size, cells):
        self.classifier = classifier
        self.image_size = image_size
        self.cells = cells
        self.images_per_batch = classifier.batch_size

    def patch_logits(self, images):
        net = neural(self.classifier.estimator).net_
        windows = window_average(net.feature_map(images), self.cells)
        return net.logits_of_features(windows.movedim(1, -1))

    def assemble(self, scores):
        return upsample(scores, self.image_size)


def dense_stride(classifier, images):
    """Return the pixels between cells, (down, across), or None where dense scoring is not proven.

    The proof is a comparison on some images: the head on the averaged feature map must
    reproduce the network's own logits.
    """
    ours = neural(classifier.estimator)
    if ours is None or isinstance(ours.net_, StochasticInfoNet) or len(classifier.row_shape) < 2:
        return None
    module = ours.module_
    if not (callable(getattr(module, "feature_map", None)) and hasattr(module, "head")):
        return None
    probe = images[:_N_PROBED]
    feature_map = ours.net_.feature_map(probe)
    if feature_map.ndim != 4:
        return None
    pooled = ours.net_.logits_of_features(feature_map.mean((2, 3)))
    own = classifier.logits(probe)
    if pooled.shape != own.shape:
        return None
    if not np.abs(pooled - own).max() <= _DENSE_TOLERANCE * max(1.0, np.abs(own).max()):
        return None
    size, cells = images.shape[2:], feature_map.shape[2:]
    return tuple(max(1, round(size[axis] / cells[axis])) for axis in range(2))


def takes_crops(classifier, images, patch_size):
    """Whether the network runs on patches of this size."""
    if neural(classifier.estimator) is None or len(classifier.row_shape) < 2:
        return False
    crop = images[:1, :, : patch_size[0], : patch_size[1]]
    try:
        return bool(np.isfinite(classifier.logits(crop)).all())
    # Whatever a module raises on a size that it cannot take, the answer is no.
    except (RuntimeError, ValueError, IndexError):
        return False


def choose_scoring(wanted, stride, classifier, images, smallest):
    """Return the scoring to use, and the stride of its cells if it is dense, else None.

    Raises
    ------
    ValueError
        If the classifier does not allow the scoring that is wanted.
    """
    if wanted == "dense" and not isinstance(stride, str):
        raise ValueError(
            f"stride={stride!r} cannot be set with patch_scoring='dense', which has a patch "
            "around every cell of the feature map: use stride='auto'."
        )
    if wanted == "dense" or (wanted == "auto" and isinstance(stride, str)):
        cell_stride = dense_stride(classifier, images)
        if cell_stride is not None:
            return "dense", cell_stride
        if wanted == "dense":
            raise ValueError(
                "patch_scoring='dense' needs an InfoSoftmaxClassifier on images whose module has "
                "`feature_map` and a linear `head`, and whose logits are the head of the map's "
                "average; this one does not show that: use 'auto', 'crop' or 'paste'."
            )
    if wanted != "paste":
        if takes_crops(classifier, images, smallest):
            return "crop", None
        if wanted == "crop":
            raise ValueError(
                f"patch_scoring='crop' needs a network that takes images of {smallest[0]} x "
                f"{smallest[1]} pixels, and the classifier does not: use 'auto' or 'paste'."
            )
    return "paste", None


def make_scorer(scoring, classifier, image_size, patch_size, stride, fill_value):
    """Return the scorer named by `scoring`; `stride` is the cells' for dense scoring."""
    if scoring == "dense":
        cells = tuple(max(1, round(patch_size[axis] / stride[axis])) for axis in range(2))
        return DenseScorer(classifier, image_size, cells)
    grid = PatchGrid(image_size, patch_size, stride)
    scorer = CropScorer if scoring == "crop" else PasteScorer
    return scorer(classifier, grid, fill_value)
