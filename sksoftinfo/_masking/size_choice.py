"""Choice of a patch size by masks of composites, which does not need true masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_memory

from .composites import content_kept, partners_of, shares_apart, sides
from .maps import calibration_inputs, halves
from .masks import information_limits, soft_masks

# Largest number of places that a calibration is fitted on while sizes are compared.
_MAX_ROWS = 10_000


class Sample(NamedTuple):
    """Images to compare patch sizes on.

    Attributes
    ----------
    images : ndarray of shape (n, C, H, W)
    content : ndarray of shape (n, H, W)
        Content of each pixel, as `content_of` returns it.
    y : ndarray of shape (n,), int
        Class indices.
    shown : ndarray of shape (n,), bool
        Whether an image shows a target, which is then its label.
    whole : ndarray of shape (n, M) or None
        Logits for whole images, which set the units of a shipped calibration.
    seed : int
    """

    images: np.ndarray
    content: np.ndarray
    y: np.ndarray
    shown: np.ndarray
    whole: np.ndarray | None
    seed: int


class Rule(NamedTuple):
    """Parameters of the transformer that turn maps into masks."""

    threshold: float
    reference: str
    soft: bool

    def masks(self, maps, y, reference_maximum):
        """Return masks (b, H, W), bool or weights, of maps about the classes y (b,)."""
        limit = information_limits(
            maps.max(axis=(1, 2)), self.threshold, self.reference, reference_maximum[y]
        )[:, None, None]
        return soft_masks(maps, limit) if self.soft else maps > limit


def score_sizes(mappers, kind, sample, rule, memory, keys):
    """Return the scores of patch sizes, which are within [-1, 1]; larger is better.

    Each image of the target is joined with an image of another class. A good mask keeps the side
    of the target and nothing of the other side. The score is the share of the content that masks
    keep on the side of the target, less the share that they keep on the other side. It falls if
    patches are so small that parts of the target are lost or parts of other objects resemble it,
    and if they are so large that they keep what surrounds the target. Calibrations are fitted on
    the half of the images that is not scored.

    Parameters
    ----------
    mappers : list of InformationMapper
        Uncalibrated mappers for the sizes.
    kind : {"labels", "shared", "shipped"} or None
        Kind of calibration, as in `calibration_` of the transformer.
    sample : Sample
    rule : Rule
    memory : str, path, joblib.Memory or None
        Cache of what the network computes.
    keys : list of str or None
        Keys of the mappers in the cache.

    Returns
    -------
    list of float
    """
    read = check_memory(memory).cache(calibration_inputs, ignore=["mapper"])
    rng = np.random.RandomState(sample.seed)
    folds = _folds(sample, kind)
    rows = [rest[sample.shown[rest]] for _, rest in folds]
    partners = [
        partners_of(sample.y, sample.shown, shown, rest, rng)
        for shown, (_, rest) in zip(rows, folds, strict=True)
    ]
    agreed = [np.zeros((len(shown), *sample.images.shape[2:]), np.float32) for shown in rows]
    calibrations, maxima = [], []
    for mapper, key in zip(mappers, keys, strict=True):
        inputs = read(mapper, sample.images, key)
        calibrations.append(_calibrations(mapper, kind, sample, inputs, folds))
        maxima.append(np.zeros(len(mapper.prior)))
        for fold, shown in enumerate(rows):
            y = sample.y[shown]
            maps = _maps(mapper, inputs[:, :, shown], y, calibrations[-1][fold])
            peaks = maps.max(axis=(1, 2))
            np.maximum.at(maxima[-1], y, peaks)
            # The place of the target is where the patches of all sizes agree that it is.
            agreed[fold] += soft_masks(maps, peaks[:, None, None])
    kept, held = np.zeros((len(mappers), 2)), np.zeros(2)
    for fold, (shown, others) in enumerate(zip(rows, partners, strict=True)):
        ours = sides(sample.content[shown] + sample.content[others], agreed[fold], rng)
        for batch in gen_batches(len(shown), mappers[0].scorer.classifier.batch_size):
            first, second, own = shown[batch], others[batch], ours[batch]
            joined = np.where(own[:, None], sample.images[first], sample.images[second])
            content = np.where(own, sample.content[first], sample.content[second])
            held += content_kept(content, 1, own)
            for index, (mapper, key) in enumerate(zip(mappers, keys, strict=True)):
                inputs = read(mapper, joined, key)
                maps = _maps(mapper, inputs, sample.y[first], calibrations[index][fold])
                masks = rule.masks(maps, sample.y[first], maxima[index])
                kept[index] += content_kept(content, masks, own)
    return shares_apart(kept, held).tolist()


def _folds(sample, kind):
    """Return pairs of rows to calibrate on and rows to score, which show a target and others."""
    everything = np.arange(len(sample.y))
    found = halves(sample.y) if kind == "labels" else []
    found = [
        (fitted, rest)
        for fitted, rest in found
        if sample.shown[rest].any() and len(np.unique(sample.y[rest])) > 1
    ]
    # With very few images, the images that are scored calibrate as well.
    return found or [(everything, everything)]


def _calibrations(mapper, kind, sample, inputs, folds):
    """Return the calibrations of each fold."""
    if kind == "labels":
        return [
            mapper.fitted(inputs[:, :, rows], sample.y[rows], sample.seed, _MAX_ROWS)
            for rows, _ in folds
        ]
    if kind == "shared":
        mapper.share_calibrations(sample.images, sample.y, sample.seed)
    elif kind == "shipped":
        mapper.ship_calibrations(sample.whole)
    return [mapper.calibrations_]


def _maps(mapper, inputs, y, calibrations):
    """Return the maps (n, H, W) of the information about the classes y (n,)."""
    return mapper.scorer.assemble(mapper.places(inputs, y[None], calibrations)[0])
