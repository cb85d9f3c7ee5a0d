"""Maps of information about classes, from a patch scorer and its calibration."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_memory

from .calibration import PatchCalibration
from .evidence import information_of
from .shared_calibration import N_OTHERS, SharedCalibration, features, other_labels


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
    calibrations_ : list of PatchCalibration or SharedCalibration, or None
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

    def share_calibrations(self, images, labels, seed):
        """Fit calibrations that are shared by all classes, in one pass over images.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        labels : ndarray of shape (n,), int
            Class of each whole image.

        Returns
        -------
        ndarray of shape (n,)
            Information of each image's best place about its class.
        """
        others = other_labels(labels, N_OTHERS, np.random.RandomState(seed))
        classes = np.concatenate([labels[None], others])
        seen = [[] for _ in self.size_groups]
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            logits = self.scorer.patch_logits(images[rows])
            for parts, group in zip(seen, self.size_groups, strict=True):
                parts.append(features(logits[group].mean(axis=0), classes[:, rows]))
        seen = [np.concatenate(parts, axis=2) for parts in seen]
        self.calibrations_ = [SharedCalibration(self.prior).fit(one) for one in seen]
        own = [
            calibration.of_features(self.kind, one[:, :1], labels[None])
            for calibration, one in zip(self.calibrations_, seen, strict=True)
        ]
        return self.scorer.assemble(np.min(own, axis=0)[0]).max(axis=(1, 2))

    def ship_calibrations(self, whole):
        """Take the calibrations of the package, in units of the logits of whole images (n, M)."""
        self.calibrations_ = [SharedCalibration(self.prior).ship(whole) for _ in self.size_groups]

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
        half has too few labels, or not this one.
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
                # Of a class that only the other half has, this one knows nothing.
                rest = rest[np.isin(y[rest], y[fitted])]
            if len(rest):
                places = self._places(inputs[:, :, rest], y[rest][None], calibrations)
                maxima[rest] = self.scorer.assemble(places[0]).max(axis=(1, 2))
        return maxima

    def evaluate(self, images, targets=None, as_group=False):
        """Yield, batch by batch, what is known of images, from one pass that serves all classes.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        targets : ndarray of shape (T, n), int, default=None
            Classes for each image; ``None`` is the one that the classifier takes it for.
        as_group : bool, default=False
            Whether the T classes, the same for all images, are one: "any of them".

        Yields
        ------
        rows : slice
        classes : ndarray of shape (T, b), int
            The classes that the information is about, for each image.
        places : ndarray of shape (T, b, rows, columns), or (1, b, rows, columns) of a group
            Information of the scorer's places in nats, which its `assemble` makes maps of.
        whole : ndarray of shape (T, b), or (1, b) of a group
            Weight of evidence of the classifier's answer to the whole image.
        """
        read = self.scorer.logits
        if self.on_features:
            read = partial(self.scorer.weighed_features, weights=self._weights())
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            inputs, whole = read(images[rows])
            classes = whole.argmax(axis=1)[None] if targets is None else targets[:, rows]
            evidence = information_of("weight_of_evidence", whole.T, self.prior, classes, as_group)
            places = self._places(inputs, classes, self.calibrations_, self.on_features, as_group)
            yield rows, classes, places, evidence

    def _weights(self):
        """Return the calibrations' coefficients for windows of all sizes, (S, M, C)."""
        return np.concatenate(
            [
                calibration.weights(group.stop - group.start)
                for calibration, group in zip(self.calibrations_, self.size_groups, strict=True)
            ]
        )

    def _places(self, inputs, classes, calibrations, weighed=False, as_group=False):
        """Return information of places, shape (T, n, rows, columns), about classes (T, n)."""
        least = None
        for index, group in enumerate(self.size_groups):
            if calibrations is None:
                # Sizes that were not weighed against each other count alike.
                places = np.mean(
                    [
                        information_of(self.kind, one, self.prior, classes, as_group)
                        for one in inputs[group]
                    ],
                    axis=0,
                )
            elif as_group:
                calibration = calibrations[index]
                places = calibration.of_group(self.kind, inputs[group], classes, weighed)[None]
            else:
                calibration = calibrations[index]
                places = calibration.information(self.kind, inputs[group], classes, weighed)
            least = places if least is None else np.minimum(least, places)
        return least

    def largest_maps(self, images, batches):
        """Return the largest of each image's maps, shape (n, H, W).

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        batches : iterable
            What `evaluate` yields for these images.
        """
        most = np.empty((len(images), *images.shape[2:]), dtype=self.scorer.dtype)
        for rows, _, places, _ in batches:
            most[rows] = self.scorer.assemble(places[0])
            for others in places[1:]:
                np.maximum(most[rows], self.scorer.assemble(others), out=most[rows])
        return most

    def maps(self, images, batches, n_targets):
        """Return all maps, shape (n_targets, n, H, W), from batches as of `largest_maps`."""
        shape = (n_targets, len(images), *images.shape[2:])
        maps = np.empty(shape, dtype=self.scorer.dtype)
        for rows, _, places, _ in batches:
            maps[:, rows] = self.scorer.assemble(places)
        return maps

    def maxima(self, images):
        """Return the largest information about each class, shape (M,)."""
        n_classes = len(self.prior)
        maxima = np.full(n_classes, -np.inf)
        targets = np.repeat(np.arange(n_classes)[:, None], len(images), axis=1)
        for _, _, places, _ in self.evaluate(images, targets):
            # Maps of all of many classes would take more memory than the network.
            largest = [self.scorer.assemble(one).max() for one in places]
            maxima = np.maximum(maxima, largest)
        return maxima


def evaluate_cached(mapper, images, targets, as_group, memory, key):
    """Yield what ``mapper.evaluate`` does, from a cache where it is there.

    With a cache everything is computed at once, and only once for the same images: it is handed
    out in batches, since maps take more memory than places.

    Parameters
    ----------
    mapper : InformationMapper
    images, targets, as_group
        As in `InformationMapper.evaluate`.
    memory : str, path, joblib.Memory or None
    key : str or None
        Stands for the mapper in the cache.
    """
    if memory is None:
        yield from mapper.evaluate(images, targets, as_group)
        return
    everything = check_memory(memory).cache(collect, ignore=["mapper"])
    found = everything(mapper, images, targets, as_group, key)
    for rows in gen_batches(len(images), mapper.scorer.classifier.batch_size):
        yield rows, *(one[:, rows] for one in found)


def collect(mapper, images, targets, as_group, key):
    """Return classes (T, n), places (T, n, rows, columns) and evidence (T, n) of all images.

    As `InformationMapper.evaluate` yields them. `key` stands for the mapper where the result is
    cached.
    """
    found = [batch for _, *batch in mapper.evaluate(images, targets, as_group)]
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))


def calibration_inputs(mapper, images, key):
    """Return what the calibration reads; `key` stands for the mapper where that is cached."""
    return mapper.inputs(images)
