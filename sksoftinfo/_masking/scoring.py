"""Three ways to ask a fitted classifier about the patches of an image.

Each scorer returns the logits of patches of S sizes around the same places and of whole images,
``logits(images) -> (S, M, n, rows, columns), (n, M)``, of its ``dtype``, and spreads scores of
places over pixels, ``assemble(scores) -> (..., H, W)``.
"""

from __future__ import annotations

import numpy as np

from .._networks import StochasticInfoNet
from .dense import DenseScorer, locate_feature_layer
from .image_classifier import neural
from .patches import PatchGrid, interpolation_matrix, spread

_N_PROBED = 4


class GridScorer:
    """Scores every patch of a grid by a classification of its own, in chunks of `batch_size`.

    Several sizes have a grid each; their logits are interpolated to the places of the smallest.

    Parameters
    ----------
    classifier : ImageClassifier
    grids : sequence of PatchGrid
        Smallest patches first.
    fill : callable, default=None
        Returns the masked pixels of images. Each patch is shown at its own place on them, or
        alone, if there is none.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, classifier, grids, fill=None):
        self.classifier = classifier
        self.grids = grids
        self.fill = fill
        self.batch_size = classifier.batch_size
        # How many images to score at once, so that `batch_size` patches bound the memory.
        self.images_per_batch = max(1, self.batch_size // max(len(grid) for grid in grids))

    def logits(self, images):
        return self.patch_logits(images), self.classifier.logits(images)

    def patch_logits(self, images):
        """Return the logits of patches, (S, M, n, rows, columns)."""
        places = self.grids[0].centres
        logits = []
        for grid in self.grids:
            scores = self._grid_logits(grid, images)
            if grid is not self.grids[0]:
                down, across = (
                    interpolation_matrix(centres, positions)
                    for centres, positions in zip(grid.centres, places, strict=True)
                )
                scores = spread(scores, down, across)
            logits.append(scores)
        return np.stack(logits).astype(self.dtype, copy=False)

    def _grid_logits(self, grid, images):
        total = len(images) * len(grid)
        chunks = []
        fill = None if self.fill is None else self.fill(images)
        for start in range(0, total, self.batch_size):
            pairs = np.arange(start, min(start + self.batch_size, total))
            indices, patches = np.divmod(pairs, len(grid))
            if self.fill is None:
                inputs = grid.crop(images, indices, patches)
            else:
                inputs = grid.paste(images, indices, patches, fill)
            chunks.append(self.classifier.logits(inputs))
        return np.concatenate(chunks).T.reshape(-1, len(images), *grid.shape)

    def assemble(self, scores, out=None):
        return self.grids[0].assemble(scores, out)


def make_scorer(scoring, classifier, image_size, sizes, stride, fill, dense=None):
    """Return the scorer named by `scoring`.

    Parameters
    ----------
    scoring : {"dense", "crop", "paste"}
    classifier : ImageClassifier
    image_size : tuple of int
    sizes : sequence of (int, int)
        Smallest first. What is larger than the image is taken as large as it.
    stride : callable
        Returns (down, across) of a size, in pixels.
    fill : callable
        Returns the masked pixels of images.
    dense : (FeatureLayer, tuple of CellGeometry) or None
        Of dense scoring.
    """
    if scoring == "dense":
        return DenseScorer(classifier, *dense, image_size, sizes)
    sizes = [tuple(map(min, size, image_size)) for size in sizes]
    grids = [PatchGrid(image_size, size, stride(size)) for size in sizes]
    return GridScorer(classifier, grids, fill if scoring == "paste" else None)


def dense_layer(classifier, images, feature_layer=None):
    """Return the feature layer and its geometry, or None where dense scoring is not proven.

    The proof is by trial on some images and on noise: what the network makes of the pooled map
    must be its own logits.
    """
    ours = neural(classifier.estimator)
    if ours is None or isinstance(ours.net_, StochasticInfoNet) or len(classifier.row_shape) < 2:
        return None
    probe = images[:_N_PROBED]
    # On an image that is the same everywhere, any pooling gives the same.
    noise = np.random.default_rng(0).normal(probe.mean(), probe.std() + 1e-3, probe.shape)
    probed = np.concatenate([probe, noise.astype(probe.dtype)])
    return locate_feature_layer(ours.net_, probed, feature_layer)


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


def choose_scoring(wanted, stride, classifier, images, smallest, feature_layer=None):
    """Return the scoring to use, and the feature layer and its geometry if it is dense.

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
    if feature_layer is not None and (wanted in ("crop", "paste") or not isinstance(stride, str)):
        raise ValueError(
            f"feature_layer={feature_layer!r} is of dense scoring: leave patch_scoring and stride "
            "'auto' with it."
        )
    if wanted == "dense" or (wanted == "auto" and isinstance(stride, str)):
        found = dense_layer(classifier, images, feature_layer)
        if found is not None:
            return "dense", found
        if feature_layer is not None:
            raise ValueError(
                f"feature_layer={feature_layer!r} cannot be scored densely: give the name of a "
                "submodule of an InfoSoftmaxClassifier's network whose output is a spatial map "
                "that the network pools, or None."
            )
        if wanted == "dense":
            raise ValueError(
                "patch_scoring='dense' needs an InfoSoftmaxClassifier on images whose module has "
                "a feature map behind which positions do not count (global pooling), and no such "
                "map was found: use 'auto', 'crop' or 'paste'."
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
