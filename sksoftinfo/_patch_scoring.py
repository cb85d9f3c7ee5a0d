"""Three ways to ask a fitted classifier about the patches of an image.

Each scorer returns the logits of patches of S sizes around the same places and of whole images,
``logits(images) -> (S, M, n, rows, columns), (n, M)``, of its ``dtype``, and spreads scores of
places over pixels, ``assemble(scores) -> (..., H, W)``.
"""

from __future__ import annotations

import numpy as np

from ._image_classifier import neural
from ._patches import PatchGrid, interpolation_matrix, spread

# Pixels that go through a network at once, if that is more than so many images: what it makes of
# more on its way is too much for an allocator to keep, and each batch pays for fresh memory.
_PIXELS_PER_BATCH = 1 << 18
_FEWEST_IMAGES = 32


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
        pixels = image_size[0] * image_size[1]
        self.images_per_batch = min(
            classifier.batch_size, max(_FEWEST_IMAGES, _PIXELS_PER_BATCH // pixels)
        )

    @property
    def dtype(self):
        """Of the network: float32 or float64."""
        return np.dtype(str(self._net.dtype).removeprefix("torch."))

    def logits(self, images):
        return self._net.window_logits(images, self.layer, self.windows)

    def patch_logits(self, images):
        """Return the logits of windows, (S, M, n, rows, columns)."""
        return self.logits(images)[0]

    def patch_features(self, images):
        """Return windows' features (S, C, n, rows, columns): averages of the feature map."""
        return self._net.window_features(images, self.layer, self.windows)[0]

    def weighed_features(self, images, weights):
        """Return windows' features times weights (S, M, C), and the logits of whole images."""
        return self._net.window_features(images, self.layer, self.windows, weights)

    @property
    def _net(self):
        return neural(self.classifier.estimator).net_

    def assemble(self, scores, out=None):
        return spread(scores, self.down, self.across, out)


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
