"""Maps of information about classes, from a patch scorer and its calibration."""

from __future__ import annotations

import numpy as np

from ._patch_information import PatchCalibration, patch_information


class InformationMapper:
    """Maps of information about classes.

    Parameters
    ----------
    scorer : GridScorer or DenseScorer
    kind : {"weight_of_evidence", "pmi", "logit"}
        As in `patch_information`.
    prior : ndarray of shape (M,)
    scales : sequence of slice
        Which of the scorer's sizes are weighed together. The information of a place is the least
        that these scales have.
    on_features : bool, default=False
        Whether the calibration reads the windows' features instead of their logits.

    Attributes
    ----------
    calibrations_ : list of PatchCalibration, or None
        One for each scale; ``None`` takes the classifier's own answer to the patch.
    """

    def __init__(self, scorer, kind, prior, scales=(slice(None),), on_features=False):
        self.scorer = scorer
        self.kind = kind
        self.prior = prior
        self.scales = scales
        self.on_features = on_features
        self.calibrations_ = None

    def inputs(self, images):
        """Return what the calibration of patches reads, (n, rows, columns, S, ...), float32."""
        scorer = self.scorer
        read = scorer.patch_features if self.on_features else scorer.patch_logits
        batches = self.batches(len(images))
        return np.concatenate([read(images[rows]).astype(np.float32) for rows in batches])

    def calibrate(self, inputs, y, seed):
        """Fit the calibrations on what `inputs` returned, and the images' labels."""
        self.calibrations_ = self._calibrations(inputs, y, seed)

    def _calibrations(self, inputs, y, seed):
        return [
            PatchCalibration(len(self.prior)).fit(
                inputs[:, :, :, scale], y, self.prior, np.random.RandomState(seed)
            )
            for scale in self.scales
        ]

    def held_out_maxima(self, inputs, y, seed):
        """Return what the best patch of each image says of the image's label, (n,).

        Calibrated on the half of the images that it is not in: what is read from many features
        fits the images of its own calibration better than any others. ``-inf`` where the other
        half has too few labels.
        """
        order = np.argsort(y, kind="stable")
        halves = [order[::2], order[1::2]]
        maxima = np.full(len(y), -np.inf)
        for fitted, rest in (halves, halves[::-1]):
            calibrations = None
            if self.calibrations_ is not None:
                if len(np.unique(y[fitted])) < 2:
                    continue
                calibrations = self._calibrations(inputs[fitted], y[fitted], seed)
            for label in np.unique(y[rest]):
                images = rest[y[rest] == label]
                (places,) = self._places(inputs[images], [label], calibrations)
                maxima[images] = self.scorer.assemble(places).max(axis=(1, 2))
        return maxima

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
            chosen = places[which, image]
            maps = self.scorer.assemble(chosen.reshape(-1, *chosen.shape[2:]))
            maps = maps.reshape(*which.shape, *maps.shape[1:])
            yield rows, maps, whole[which, image]

    def _information(self, images, classes):
        """Return information of places (len(classes), b, rows, columns), and of images."""
        if self.on_features:
            inputs, whole = self.scorer.features_and_logits(images)
        else:
            inputs, whole = self.scorer.logits(images)
        evidence = [
            patch_information("weight_of_evidence", None, whole, self.prior, one)
            for one in classes
        ]
        return self._places(inputs, classes, self.calibrations_), np.stack(evidence)

    def _places(self, inputs, classes, calibrations):
        """Return information of places, shape (len(classes), b, rows, columns)."""
        least = np.inf
        for index, scale in enumerate(self.scales):
            some = inputs[:, :, :, scale]
            if calibrations is None:
                scores, prior = some, self.prior
            else:
                scores, prior = calibrations[index].scores(some), calibrations[index].prior_
            places = [patch_information(self.kind, some, scores, prior, one) for one in classes]
            if calibrations is None:
                # Sizes that were not weighed against each other count alike.
                places = [one.mean(axis=-1) for one in places]
            least = np.minimum(least, places)
        return least

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
