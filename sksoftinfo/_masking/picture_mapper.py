"""`PictureMapper`: maps of photographs, of the kind "where" or "which"."""

from __future__ import annotations

import math

import numpy as np
from sklearn.utils import gen_batches

from .details import carry_over, follow_details
from .maps import InformationMapper
from .rivals import RIVAL_FLOOR, log_odds_of_rivals, rivals_elsewhere
from .shared_calibration import (
    N_OTHERS,
    SHIPPED_FLOOR_OF_PICTURES,
    SharedCalibration,
    features,
    other_labels,
    picture_units,
)

_CELLS, _WINDOWS = 0, 1
# Information by which presence and rivals are judged, whatever the kind of the maps.
_EVIDENCE = "weight_of_evidence"
# Presence floor as a share of what the best window reaches in 99 % of the photographs of a
# calibration. A class has less evidence in a photograph of several objects. Chosen on composites
# of objects: shares from 0.4 to 0.7 keep all targets.
_OF_SEVERAL = 0.5


class PictureMapper(InformationMapper):
    """Mapper from photographs to information, with a calibration that all classes share.

    Parameters
    ----------
    scorer : PictureScorer
        Scorer of cells and windows.
    kind, prior
        Kind of information and prior, as in `InformationMapper`.
    question : {"auto", "where", "which"}
        Kind of the maps, as in the transformer.
    """

    def __init__(self, scorer, kind, prior, question):
        super().__init__(scorer, kind, prior, [slice(_CELLS, _CELLS + 1)], False)
        self.question = question

    @property
    def smallest_part(self):
        """Number of pixels of one cell, within which the place of the evidence is unknown."""
        return math.prod(self.scorer.stride)

    def ship_calibrations(self, whole):
        """Use the shipped calibration, whose scale each picture sets for itself."""
        self.calibrations_ = [SharedCalibration(self.prior).ship_for_pictures()]
        return SHIPPED_FLOOR_OF_PICTURES

    def share_calibrations(self, images, labels, seed):
        """Fit the calibration on images (n, C, H, W) and their class indices (n,).

        The return value holds, for each image, an estimate of the evidence, in nats, that a
        photograph of several objects needs to show the image's class.
        """
        others = other_labels(labels, N_OTHERS, np.random.RandomState(seed))
        classes = np.concatenate([labels[None], others])
        cells, windows = [], []
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            logits, _, _ = self._read(images[rows])
            cells.append(features(logits[_CELLS], classes[:, rows]))
            windows.append(features(logits[_WINDOWS], classes[:, rows]))
        cells, windows = np.concatenate(cells, axis=2), np.concatenate(windows, axis=2)
        calibration = SharedCalibration(self.prior).fit(cells).fit_rivals(windows[0])
        self.calibrations_ = [calibration]
        own = calibration.of_features(_EVIDENCE, windows[:, :1], labels[None])[0]
        return _OF_SEVERAL * own.max(axis=(1, 2))

    def evaluate(self, images, targets=None, as_group=False):
        """Yield the information of images, batch by batch, as `InformationMapper.evaluate`.

        The last item is the weight of evidence of the best large window, rather than of the image:
        the evidence of the whole image is positive for many classes that are absent, and single
        cells vary more than windows.
        """
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            logits, whole, details = self._read(images[rows])
            (calibration,) = self.calibrations_
            classes = whole.argmax(axis=1)[None] if targets is None else targets[:, rows]
            shown = calibration.information(_EVIDENCE, logits[_WINDOWS][None], classes)
            shown = shown.max(axis=(2, 3))
            if as_group:
                shown = shown.max(axis=0, keepdims=True)
            maps = self.places(logits, classes, self.calibrations_, as_group=as_group)
            groups = [classes] if as_group else [one[None] for one in classes]
            peaks = maps.max(axis=(2, 3))
            apart = self._apart(logits[_WINDOWS], groups, peaks)
            if details is not None:
                size = details.shape[2:]
                maps = carry_over(self.scorer.to_details(maps, size), details)
                apart = [
                    (which, follow_details(self.scorer.to_details(odds, size), details[which]))
                    for which, odds in apart
                ]
            for places, peak, (which, odds) in zip(maps, peaks, apart, strict=True):
                # tanh(odds / 2) is the difference of the two probabilities. A place that clearly
                # shows the target gets the evidence of the best place, which thresholds and
                # presence floors refer to.
                places[which] = peak[which, None, None] * np.tanh(odds / 2)
            yield rows, classes, maps, shown

    def lacks_target(self, shown, peak, floor):
        """Return whether no large window reaches the presence floor."""
        return shown <= floor

    def _read(self, images):
        """Return what the scorer reads, with the logits of places in `picture_units`."""
        logits, whole, details = self.scorer.read(images)
        return logits / picture_units(whole), whole, details

    def _apart(self, windows, groups, peaks):
        """Return, for each target, the images with a rival and the log-odds of their windows.

        Parameters
        ----------
        windows : ndarray of shape (M, n, rows, columns)
            Logits of large windows, in `picture_units`.
        groups : list of T ndarrays of shape (K, n), int
            Class indices of each target.
        peaks : ndarray of shape (T, n)
            Information of the best cell about each target, in nats.

        Returns
        -------
        list of T pairs of ndarrays, of shapes (n,), bool, and (k, rows, columns)
            Whether each image has a rival, and the log-odds of the windows of these k images.
        """
        n_images = windows.shape[1]
        if self.question == "where":
            nothing = np.zeros(n_images, dtype=bool), windows[0, :0]
            return [nothing] * len(groups)
        (calibration,) = self.calibrations_
        everything = np.repeat(np.arange(len(windows))[:, None], n_images, axis=1)
        evidence = calibration.information(_EVIDENCE, windows[None], everything)
        found = []
        for classes, peak in zip(groups, peaks, strict=True):
            rivals, present = rivals_elsewhere(evidence, classes, RIVAL_FLOOR)
            if self.question == "which":
                present[0] = True
            which = present.any(axis=0) & (peak > 0)
            odds = log_odds_of_rivals(
                windows[:, which],
                classes[:, which],
                rivals[:, which],
                present[:, which],
                calibration.rival_slope_,
            )
            found.append((which, odds.astype(windows.dtype)))
        return found
