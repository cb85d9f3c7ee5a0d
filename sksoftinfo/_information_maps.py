"""Maps of information about classes, from a patch scorer and its calibration."""

from __future__ import annotations

import numpy as np

from ._patch_information import patch_information


class InformationMapper:
    """Maps of information about classes.

    Parameters
    ----------
    scorer : GridScorer or DenseScorer
    kind : {"weight_of_evidence", "pmi", "logit"}
        As in `patch_information`.
    prior : ndarray of shape (M,)
    calibration : PatchCalibration or None
        ``None`` takes the classifier's own answer to the patch.
    on_features : bool, default=False
        Whether the calibration reads the windows' features instead of their logits.
    """

    def __init__(self, scorer, kind, prior, calibration=None, on_features=False):
        self.scorer = scorer
        self.kind = kind
        self.prior = prior
        self.calibration = calibration
        self.on_features = on_features

    def calibration_inputs(self, images):
        """Return what the calibration of patches reads, (n, rows, columns, S, ...)."""
        scorer = self.scorer
        read = scorer.patch_features if self.on_features else scorer.patch_logits
        return np.concatenate([read(images[rows]) for rows in self.batches(len(images))])

    def batches(self, n):
        """Yield slices of as many images as the scorer's memory allows."""
        step = self.scorer.images_per_batch
        for start in range(0, n, step):
            yield slice(start, min(start + step, n))

    def evaluate(self, images, classes):
        """Yield, batch by batch, slices of rows, their maps, and what whole images say.

        One pass over the images serves all classes.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        classes : ndarray of shape (T, n), int
            T classes for each image.

        Yields
        ------
        rows : slice
        maps : ndarray of shape (T, b, H, W)
            Information in nats.
        whole : ndarray of shape (T, b)
            Weight of evidence of the classifier's answer to the whole image.
        """
        for rows in self.batches(len(images)):
            wanted, which = np.unique(classes[:, rows], return_inverse=True)
            which = which.reshape(classes[:, rows].shape)
            places, whole = self._information(images[rows], wanted)
            image = np.arange(which.shape[1])
            if len(wanted) == 1:
                maps = self.scorer.assemble(places[0])[None].repeat(len(classes), axis=0)
            else:
                maps = np.stack([self.scorer.assemble(places[row, image]) for row in which])
            yield rows, maps, whole[which, image]

    def _information(self, images, classes):
        """Return information of places (len(classes), b, rows, columns), and of images."""
        scorer, calibration = self.scorer, self.calibration
        if self.on_features:
            inputs, whole = scorer.features_and_logits(images)
        else:
            inputs, whole = scorer.logits(images)
        if calibration is None:
            scores, prior = inputs, self.prior
        else:
            scores, prior = calibration.scores(inputs), calibration.prior_
        places = [patch_information(self.kind, inputs, scores, prior, one) for one in classes]
        if calibration is None:
            # Sizes that were not weighed against each other count alike.
            places = [one.mean(axis=-1) for one in places]
        evidence = [
            patch_information("weight_of_evidence", None, whole, self.prior, one)
            for one in classes
        ]
        return np.stack(places), np.stack(evidence)

    def maxima(self, images):
        """Return the largest information about each class, shape (M,)."""
        n_classes = len(self.prior)
        classes = np.repeat(np.arange(n_classes)[:, None], len(images), axis=1)
        maxima = np.full(n_classes, -np.inf)
        for _, maps, _ in self.evaluate(images, classes):
            maxima = np.maximum(maxima, maps.max(axis=(1, 2, 3)))
        return maxima


def collect(mapper, images, classes, key=None):
    """Return all maps (T, n, H, W) and the evidence of whole images (T, n).

    `key` stands for the mapper where the result is cached.
    """
    maps = np.empty((len(classes), len(images), *images.shape[2:]))
    whole = np.empty(classes.shape)
    for rows, some_maps, some_whole in mapper.evaluate(images, classes):
        maps[:, rows], whole[:, rows] = some_maps, some_whole
    return maps, whole
