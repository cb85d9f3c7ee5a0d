"""Grid scoring: one classification for every patch, alone or on masked pixels."""

from __future__ import annotations

import numpy as np

from .spreading import interpolation_matrix, spread


class GridScorer:
    """Scorer that classifies every patch of a grid, in chunks of `batch_size`.

    Each patch size has its own grid. The logits of all grids are interpolated to the places of
    the grid with the smallest patches.

    Parameters
    ----------
    classifier : ImageClassifier
    grids : sequence of PatchGrid
        Grids in the order of their patch sizes, smallest first.
    fill : callable, default=None
        Returns the fill of images, on which each patch is pasted at its own place. ``None``
        classifies each patch alone.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, classifier, grids, fill=None):
        self.classifier = classifier
        self.grids = grids
        self.fill = fill
        self.batch_size = classifier.batch_size
        # Number of images scored at once. They have about `batch_size` patches, which bounds the
        # memory.
        self.images_per_batch = max(1, self.batch_size // max(len(grid) for grid in grids))

    @property
    def stride(self):
        """Distance (down, across) between neighbouring places, in pixels."""
        return self.grids[0].stride

    def logits(self, images):
        """Return the logits of patches (S, M, n, rows, columns) and of whole images (n, M)."""
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

    def assemble(self, scores):
        """Average the scores of places (..., rows, columns) to maps (..., H, W)."""
        return self.grids[0].assemble(scores)
