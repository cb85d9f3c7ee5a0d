"""`PictureMapper`: maps of photographs that answer "where" or "which"."""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from .details import carry_over, follow_details
from .evidence import information_of
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


class PictureMapper(InformationMapper):
    """Mapper from photographs to information, with a calibration that all classes share.

    Parameters
    ----------
    scorer : PictureScorer
        Scorer of cells and windows.
    kind, prior
        Kind of information and prior, as in `InformationMapper`.
    question : {"auto", "where", "which"}
        Question that a map answers, as in the transformer.
    """

    def __init__(self, scorer, kind, prior, question):
        super().__init__(scorer, kind, prior, [slice(_CELLS, _CELLS + 1)], False)
        self.question = question

    def ship_calibrations(self, whole):
        """Use the shipped calibration, whose scale each picture sets for itself."""
        self.calibrations_ = [SharedCalibration(self.prior).ship_for_pictures()]
        return SHIPPED_FLOOR_OF_PICTURES

    def share_calibrations(self, images, labels, seed):
        """Fit the calibration on images (n, C, H, W) and their class indices (n,)."""
        others = other_labels(labels, N_OTHERS, np.random.RandomState(seed))
        classes = np.concatenate([labels[None], others])
        cells, windows = [], []
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            logits, whole, _ = self.scorer.read(images[rows])
            logits = logits / picture_units(whole)
            cells.append(features(logits[_CELLS], classes[:, rows]))
            windows.append(features(logits[_WINDOWS], classes[:, rows])[0])
        cells, windows = np.concatenate(cells, axis=2), np.concatenate(windows, axis=1)
        calibration = SharedCalibration(self.prior).fit(cells).fit_rivals(windows)
        self.calibrations_ = [calibration]
        return calibration.of_features(self.kind, cells[:, :1], labels[None])[0].max(axis=(1, 2))

    def evaluate(self, images, targets=None, as_group=False):
        """Yield the information of images, batch by batch, as `InformationMapper.evaluate`."""
        for rows in gen_batches(len(images), self.scorer.images_per_batch):
            logits, whole, details = self.scorer.read(images[rows])
            calibration = self.calibrations_[0].of_pictures(whole)
            classes = whole.argmax(axis=1)[None] if targets is None else targets[:, rows]
            whole = information_of("weight_of_evidence", whole.T, self.prior, classes, as_group)
            maps = self._places(logits, classes, [calibration], as_group=as_group)
            groups = [classes] if as_group else [one[None] for one in classes]
            peaks = maps.max(axis=(2, 3))
            apart = self._apart(calibration, logits[_WINDOWS], groups, peaks)
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
            yield rows, classes, maps, whole

    def _apart(self, calibration, windows, groups, peaks):
        """Return, for each target, the images with a rival and the log-odds of their windows.

        Parameters
        ----------
        calibration : SharedCalibration
        windows : ndarray of shape (M, n, rows, columns)
            Logits of large windows.
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
        slopes = np.broadcast_to(calibration.rival_slope_, (n_images, 1, 1))
        everything = np.repeat(np.arange(len(windows))[:, None], n_images, axis=1)
        evidence = calibration.information("weight_of_evidence", windows[None], everything)
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
                slopes[which],
            )
            found.append((which, odds.astype(windows.dtype)))
        return found
