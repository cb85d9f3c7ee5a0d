"""Three ways to ask a fitted classifier about the patches of an image.

Each scorer returns the logits of patches of S sizes around the same places and of whole images,
``logits(images) -> (n, rows, columns, S, M), (n, M)``, and spreads scores of places over pixels,
``assemble(scores) -> (n, H, W)``.
"""

from __future__ import annotations

import numpy as np

from ._image_classifier import neural
from ._patches import PatchGrid, interpolation_matrix


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
        """Return the logits of patches, (n, rows, columns, S, M)."""
        places = self.grids[0].centres
        logits = []
        for grid in self.grids:
            scores = self._grid_logits(grid, images)
            if grid is not self.grids[0]:
                down, across = (
                    interpolation_matrix(centres, positions)
                    for centres, positions in zip(grid.centres, places, strict=True)
                )
                scores = np.einsum("ra,nrcm,cb->nabm", down, scores, across, optimize=True)
            logits.append(scores)
        return np.stack(logits, axis=3)

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
        return np.concatenate(chunks).reshape(len(images), *grid.shape, -1)

    def assemble(self, scores):
        return self.grids[0].assemble(scores)


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
        self.windows = [
            tuple(max(1.0, size[axis] / geometry[axis].stride) for axis in range(2))
            for size in sizes
        ]
        self.down, self.across = (
            interpolation_matrix(one.centres, np.arange(length))
            for one, length in zip(geometry, image_size, strict=True)
        )
        self.images_per_batch = classifier.batch_size

    def logits(self, images):
        if self.layer.pooling not in ("logits", "average"):
            return self.patch_logits(images), self.classifier.logits(images)
        # A window around everything is the image: no second pass for it.
        logits = self.patch_logits(images, [*self.windows, (np.inf, np.inf)])
        return logits[..., :-1, :], logits[:, 0, 0, -1]

    def patch_logits(self, images, windows=None):
        """Return the logits of windows, (n, rows, columns, S, M)."""
        net = neural(self.classifier.estimator).net_
        return net.window_logits(images, self.layer, windows or self.windows)

    def patch_features(self, images):
        """Return windows' features (n, rows, columns, S, C): averages of the feature map."""
        return self.features_and_logits(images)[0]

    def features_and_logits(self, images):
        """Return windows' features, and the logits (n, M) of whole images."""
        net = neural(self.classifier.estimator).net_
        return net.window_features(images, self.layer, self.windows)

    def assemble(self, scores):
        return self.down.T @ scores @ self.across


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
