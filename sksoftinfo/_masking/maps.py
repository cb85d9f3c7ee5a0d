"""Maps of the information about classes, from a patch scorer and a calibration."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_memory

from .calibration import MAX_ROWS, PatchCalibration
from .evidence import information_of
from .masks import lacks_target
from .shared_calibration import (
    N_OTHERS,
    SHIPPED_FLOOR,
    SharedCalibration,
    features,
    other_labels,
)


class InformationMapper:
    """Mapper from images to the information about classes.

    Parameters
    ----------
    scorer : GridScorer or DenseScorer
        Scorer of patches.
    kind : {"weight_of_evidence", "pmi", "logit"}
        Kind of information, as in `patch_information`.
    prior : ndarray of shape (M,)
        Prior p(t) of the classes.
    size_groups : sequence of slice
        Groups of the scorer's patch sizes. The sizes of a group are weighted together, and the
        information of a place is the minimum over the groups.
    on_features : bool
        Whether the calibration reads the windows' features instead of their logits.

    Attributes
    ----------
    calibrations_ : list of PatchCalibration or SharedCalibration, or None
        One calibration for each group of sizes; ``None`` uses the classifier's own probabilities
        for the patch.
    """

    #: Number of pixels of the smallest part of a hard mask that stays beside a larger part.
    smallest_part = 0

    def __init__(self, scorer, kind, prior, size_groups, on_features):
        self.scorer = scorer
        self.kind = kind
        self.prior = prior
        self.size_groups = size_groups
        self.on_features = on_features
        self.calibrations_ = None

    def inputs(self, images):
        """Return the inputs of the calibration, float32 (S, ..., n, rows, columns)."""
        scorer = self.scorer
        read = scorer.patch_features if self.on_features else scorer.patch_logits
        batches = gen_batches(len(images), scorer.images_per_batch)
        return np.concatenate(
            [read(images[rows]).astype(np.float32, copy=False) for rows in batches], axis=2
        )

    def calibrate(self, inputs, y, seed):
        """Fit the calibrations on the arrays of `inputs` and the class indices of the images."""
        self.calibrations_ = self.fitted(inputs, y, seed)

    def share_calibrations(self, images, labels, seed):
        """Fit calibrations that all classes share, in one pass over the images.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        labels : ndarray of shape (n,), int
            Class index of each whole image.
        seed : int
            Seed of the draw of the other classes.

        Returns
        -------
        ndarray of shape (n,)
            Information of each image's best place about the image's class, in nats.
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
        """Use the shipped calibrations, scaled by the logits of whole images (n, M).

        The return value is the presence floor of these calibrations, in nats.
        """
        self.calibrations_ = [SharedCalibration(self.prior).ship(whole) for _ in self.size_groups]
        return SHIPPED_FLOOR

    def fitted(self, inputs, y, seed, max_rows=MAX_ROWS):
        """Return calibrations that are fitted on at most `max_rows` places of the inputs."""
        return [
            PatchCalibration(len(self.prior)).fit(
                inputs[group], y, self.prior, np.random.RandomState(seed), max_rows
            )
            for group in self.size_groups
        ]

    def held_out_maxima(self, inputs, y, seed):
        """Return the information of each image's best patch about the image's label, (n,).

        Each image is held out: its calibration is fitted on the half of the images without it,
        since a regression on many features fits its training images better than other images.
        ``-inf`` if the other half lacks the image's label, or has one label only.
        """
        maxima = np.full(len(y), -np.inf)
        calibrated = self.calibrations_ is not None
        everything = np.arange(len(y))
        for fitted, rest in halves(y) if calibrated else [(everything, everything)]:
            calibrations = (
                self.fitted(inputs[:, :, fitted], y[fitted], seed) if calibrated else None
            )
            places = self.places(inputs[:, :, rest], y[rest][None], calibrations)
            maxima[rest] = self.scorer.assemble(places[0]).max(axis=(1, 2))
        return maxima

    def evaluate(self, images, targets=None, as_group=False):
        """Yield the information of images batch by batch, from one pass for all classes.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        targets : ndarray of shape (T, n), int, default=None
            Class indices for each image; ``None`` is the predicted class of each image.
        as_group : bool, default=False
            Whether the T classes, the same for all images, form one target, "any of the classes".

        Yields
        ------
        rows : slice
        classes : ndarray of shape (T, b), int
            Indices of the classes that the information is about, for each image.
        places : ndarray of shape (T, b, rows, columns), or (1, b, rows, columns) for a group
            Information of the scorer's places in nats; the scorer's `assemble` makes the maps.
        shown : ndarray of shape (T, b), or (1, b) for a group
            Weight of evidence of the classifier's prediction for the whole image, in nats, or
            what else `lacks_target` reads.
        """
        read = self.scorer.logits
        if self.on_features:
            read = partial(self.scorer.weighed_features, weights=self._weights())
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            inputs, whole = read(images[rows])
            classes = whole.argmax(axis=1)[None] if targets is None else targets[:, rows]
            evidence = information_of("weight_of_evidence", whole.T, self.prior, classes, as_group)
            places = self.places(inputs, classes, self.calibrations_, self.on_features, as_group)
            yield rows, classes, places, evidence

    def lacks_target(self, shown, peak, floor):
        """Return whether images lack a class, as the function `lacks_target`.

        Parameters
        ----------
        shown : ndarray of shape (T, b)
            Result of `evaluate`.
        peak : ndarray of shape (T, b)
            Maximum of each map, in nats.
        floor : ndarray of shape (T, b)
            Presence floor of each map's class, in nats.
        """
        return lacks_target(shown, peak, floor)

    def _weights(self):
        """Return the coefficients of the calibrations for windows of all sizes, (S, M, C)."""
        return np.concatenate(
            [
                calibration.weights(group.stop - group.start)
                for calibration, group in zip(self.calibrations_, self.size_groups, strict=True)
            ]
        )

    def places(self, inputs, classes, calibrations, weighed=False, as_group=False):
        """Return the information of places about classes (T, n), (T, n, rows, columns)."""
        least = None
        for index, group in enumerate(self.size_groups):
            if calibrations is None:
                # Without a calibration, all sizes have the same weight.
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
        """Return the maximum over the targets of each image's maps, shape (n, H, W).

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        batches : iterable
            Results of `evaluate` for these images.
        """
        most = np.empty((len(images), *images.shape[2:]), dtype=self.scorer.dtype)
        for rows, _, places, _ in batches:
            most[rows] = self.scorer.assemble(places[0])
            for others in places[1:]:
                np.maximum(most[rows], self.scorer.assemble(others), out=most[rows])
        return most

    def maps(self, images, batches, n_targets):
        """Return all maps, shape (n_targets, n, H, W), from the batches of `evaluate`."""
        shape = (n_targets, len(images), *images.shape[2:])
        maps = np.empty(shape, dtype=self.scorer.dtype)
        for rows, _, places, _ in batches:
            maps[:, rows] = self.scorer.assemble(places)
        return maps

    def maxima(self, images):
        """Return the largest information about each class in any image, shape (M,)."""
        n_classes = len(self.prior)
        maxima = np.full(n_classes, -np.inf)
        targets = np.repeat(np.arange(n_classes)[:, None], len(images), axis=1)
        for _, _, places, _ in self.evaluate(images, targets):
            # The maps of many classes at once would take more memory than the network.
            largest = [self.scorer.assemble(one).max() for one in places]
            maxima = np.maximum(maxima, largest)
        return maxima


def halves(y):
    """Return pairs of rows to calibrate on and of others, whose classes all occur in the former.

    Parameters
    ----------
    y : ndarray of shape (n,), int
        Class indices.

    Returns
    -------
    list of (ndarray, ndarray)
        Two pairs, or fewer if half of the images have one label only.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.maps import halves
    >>> [(fitted.tolist(), rest.tolist()) for fitted, rest in halves(np.array([0, 1, 1, 0, 1]))]
    [([0, 1, 4], [3, 2]), ([3, 2], [0, 1, 4])]
    """
    order = np.argsort(y, kind="stable")
    parts = [order[::2], order[1::2]]
    found = []
    for fitted, rest in (parts, parts[::-1]):
        # A calibration does not cover a class that only the other half contains.
        rest = rest[np.isin(y[rest], y[fitted])]
        if len(np.unique(y[fitted])) > 1 and len(rest):
            found.append((fitted, rest))
    return found


def evaluate_cached(mapper, images, targets, as_group, memory, key):
    """Yield the results of ``mapper.evaluate``, from a cache if there is one.

    With a cache, all results are computed at once, and only once for the same images. They are
    yielded in batches, since maps take more memory than places.

    Parameters
    ----------
    mapper : InformationMapper
    images, targets, as_group
        As in `InformationMapper.evaluate`.
    memory : str, path, joblib.Memory or None
    key : str or None
        Key of the mapper in the cache.
    """
    if memory is None:
        yield from mapper.evaluate(images, targets, as_group)
        return
    everything = check_memory(memory).cache(collect, ignore=["mapper"])
    found = everything(mapper, images, targets, as_group, key)
    for rows in gen_batches(len(images), mapper.scorer.classifier.batch_size):
        yield rows, *(one[:, rows] for one in found)


def collect(mapper, images, targets, as_group, key):
    """Return classes (T, n), places (T, n, rows, columns) and `shown` (T, n) of all images.

    The arrays join the batches of `InformationMapper.evaluate`. `key` represents the mapper in
    the cache.
    """
    found = [batch for _, *batch in mapper.evaluate(images, targets, as_group)]
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))


def calibration_inputs(mapper, images, key):
    """Return the inputs of the calibration; `key` represents the mapper in the cache."""
    return mapper.inputs(images)
