"""Maps of information about classes, from a patch scorer and its calibration."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_memory

from .calibration import PatchCalibration
from .evidence import patch_information


class InformationMapper:
    """Maps of information about classes.

    Parameters
    ----------
    scorer : GridScorer or DenseScorer
    kind : {"weight_of_evidence", "pmi", "logit"}
        As in `patch_information`.
    prior : ndarray of shape (M,)
    size_groups : sequence of slice
        Which of the scorer's sizes are weighed together. The information of a place is the least
        that these groups have.
    on_features : bool
        Whether the calibration reads the windows' features instead of their logits.

    Attributes
    ----------
    calibrations_ : list of PatchCalibration, or None
        One for each group of sizes; ``None`` takes the classifier's own answer to the patch.
    """

    def __init__(self, scorer, kind, prior, size_groups, on_features):
        self.scorer = scorer
        self.kind = kind
        self.prior = prior
        self.size_groups = size_groups
        self.on_features = on_features
        self.calibrations_ = None

    def inputs(self, images):
        """Return what the calibration of patches reads, (S, ..., n, rows, columns), float32."""
        scorer = self.scorer
        read = scorer.patch_features if self.on_features else scorer.patch_logits
        batches = gen_batches(len(images), scorer.images_per_batch)
        return np.concatenate(
            [read(images[rows]).astype(np.float32, copy=False) for rows in batches], axis=2
        )

    def calibrate(self, inputs, y, seed):
        """Fit the calibrations on what `inputs` returned, and the images' labels."""
        self.calibrations_ = self._calibrations(inputs, y, seed)

    def _calibrations(self, inputs, y, seed):
        return [
            PatchCalibration(len(self.prior)).fit(
                inputs[group], y, self.prior, np.random.RandomState(seed)
            )
            for group in self.size_groups
        ]

    def held_out_maxima(self, inputs, y, seed):
        """Return the information of each image's best patch about the image's label, (n,).

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
                calibrations = self._calibrations(inputs[:, :, fitted], y[fitted], seed)
            places = self._places(inputs[:, :, rest], y[rest][None], calibrations)
            maxima[rest] = self.scorer.assemble(places[0]).max(axis=(1, 2))
        return maxima

    def evaluate(self, images, targets=None):
        """Yield, batch by batch, what is known of images, from one pass that serves all classes.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        targets : sequence of T ints, default=None
            Indices of classes; ``None`` is the one that the classifier takes each image for.

        Yields
        ------
        rows : slice
        classes : ndarray of shape (T, b), int
            The classes that the information is about, for each image.
        places : ndarray of shape (T, b, rows, columns)
            Information of the scorer's places in nats, which its `assemble` makes maps of.
        whole : ndarray of shape (T, b)
            Weight of evidence of the classifier's answer to the whole image.
        """
        read = self.scorer.logits
        if self.on_features:
            read = partial(self.scorer.weighed_features, weights=self._weights())
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            inputs, whole = read(images[rows])
            if targets is None:
                classes = whole.argmax(axis=1)[None]
            else:
                classes = np.repeat(np.asarray(targets)[:, None], len(whole), axis=1)
            evidence = patch_information("weight_of_evidence", whole.T, self.prior, classes)
            places = self._places(inputs, classes, self.calibrations_, self.on_features)
            yield rows, classes, places, evidence

    def _weights(self):
        """Return the calibrations' coefficients for windows of all sizes, (S, M, C)."""
        return np.concatenate(
            [
                calibration.weights(group.stop - group.start)
                for calibration, group in zip(self.calibrations_, self.size_groups, strict=True)
            ]
        )

    def _places(self, inputs, classes, calibrations, weighed=False):
        """Return information of places, shape (T, n, rows, columns), about classes (T, n)."""
        least = None
        for index, group in enumerate(self.size_groups):
            if calibrations is None:
                # Sizes that were not weighed against each other count alike.
                places = np.mean(
                    [
                        patch_information(self.kind, one, self.prior, classes)
                        for one in inputs[group]
                    ],
                    axis=0,
                )
            else:
                calibration = calibrations[index]
                if weighed:
                    scores = calibration.scores_of_weighed(inputs[group].sum(axis=0))
                else:
                    scores = calibration.scores(inputs[group])
                places = patch_information(self.kind, scores, calibration.prior_, classes)
            least = places if least is None else np.minimum(least, places)
        return least

    def maxima(self, images):
        """Return the largest information about each class, shape (M,)."""
        maxima = np.full(len(self.prior), -np.inf)
        for _, _, places, _ in self.evaluate(images, range(len(self.prior))):
            maxima = np.maximum(maxima, self.scorer.assemble(places).max(axis=(1, 2, 3)))
        return maxima


def evaluate_cached(mapper, images, targets, memory, key):
    """Yield what ``mapper.evaluate(images, targets)`` does, from a cache where it is there.

    With a cache everything is computed at once, and only once for the same images: it is handed
    out in batches, since maps take more memory than places.

    Parameters
    ----------
    mapper : InformationMapper
    images, targets
        As in `InformationMapper.evaluate`.
    memory : str, path, joblib.Memory or None
    key : str or None
        Stands for the mapper in the cache.
    """
    if memory is None:
        yield from mapper.evaluate(images, targets)
        return
    everything = check_memory(memory).cache(collect, ignore=["mapper"])
    found = everything(mapper, images, targets, key)
    for rows in gen_batches(len(images), mapper.scorer.classifier.batch_size):
        yield rows, *(one[:, rows] for one in found)


def collect(mapper, images, targets, key):
    """Return classes (T, n), places (T, n, rows, columns) and evidence (T, n) of all images.

    As `InformationMapper.evaluate` yields them. `key` stands for the mapper where the result is
    cached.
    """
    found = [batch for _, *batch in mapper.evaluate(images, targets)]
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))


def calibration_inputs(mapper, images, key):
    """Return what the calibration reads; `key` stands for the mapper where that is cached."""
    return mapper.inputs(images)
