"""Maps, masks and masked images for several targets, from one pass over the images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._utils import as_picture, n_items
from .picture_results import PictureResults
from .placement import resized
from .results import as_images_of, evidence, excess_of_batch, masks_of_excess, targets_of
from .targets import as_list


class Explained(NamedTuple):
    """Images, and their maps, masks and masked images for each of T targets.

    Attributes
    ----------
    images : list of ndarray of shape (H, W) or (C, H, W)
        Images before masking.
    information : list of T lists of ndarray of shape (H, W)
        Maps in nats.
    masks : list of T lists of ndarray of shape (H, W)
        Masks, of dtype bool or weights within [0, 1].
    results : list of T lists of ndarray
        Masked images.
    """

    images: list
    information: list
    masks: list
    results: list


def explain(masker, X, targets, y=None, shown=None):
    """Map and mask images for several targets, in the pixels of the pictures that are shown.

    Parameters
    ----------
    masker : fitted InfoMaskTransformer
    X : array-like, or pictures
        Images, as in the `fit` of the transformer.
    targets : list of labels, of lists of labels, or of None
        Targets; ``None`` is the transformer's own target.
    y : array-like of shape (n,), default=None
        Target of each image, instead of `targets`.
    shown : list of pictures, default=None
        Uncropped pictures that the arrays of `X` were made from.

    Returns
    -------
    Explained

    Raises
    ------
    ValueError
        If a target is unknown, `X` is empty, or `shown` and `X` differ in length.
    """
    X, reader = masker._reader(X)
    if reader is not None:
        if shown is not None:
            _check_length(shown, n_items(X))
        results = PictureResults(masker, reader, X, y)
        parts = []
        for batch, images, labels in results.batches():
            for rows, maps, excess in _evidence(masker, images, targets, labels):
                pictures, placements = batch.pictures[rows], batch.placements[rows]
                masks = [
                    [results.mask_of(*one) for one in zip(part, pictures, placements, strict=True)]
                    for part in excess
                ]
                found = [
                    [
                        place.to_picture(one, np.nan)
                        for one, place in zip(part, placements, strict=True)
                    ]
                    for part in maps
                ]
                parts.append((_pixels(pictures), found, masks, _filled(results, pictures, masks)))
        return _joined(parts)
    rows = as_images_of(masker, masker._validate(X, reset=False))
    parts = []
    for chosen, maps, excess in _evidence(masker, rows, targets, y):
        images = rows[chosen]
        masks = [masks_of_excess(masker, images, part) for part in excess]
        filled = [list(masker._fill.mix(images, part)) for part in masks]
        parts.append((list(images), list(map(list, maps)), list(map(list, masks)), filled))
    found = _joined(parts)
    return found if shown is None else _on_pictures(found, shown, masker)


def _evidence(masker, images, targets, y):
    """Yield slices of rows, and lists of their maps and excess (b, H, W) for each target."""
    labels = [as_list(one) for one in targets]
    plain = y is None and not any(
        one is None or (masker.combine == "group" and len(part) > 1)
        for part in labels
        for one in part
    )
    if not plain:
        # One pass for each target, since predicted classes and the rivals of groups differ.
        passes = [_pass(masker, images, one, y, [slice(None)]) for one in targets]
    else:
        stops = np.cumsum([len(part) for part in labels])
        slices = [slice(stop - len(part), stop) for part, stop in zip(labels, stops, strict=True)]
        flat = [one for part in labels for one in part]
        passes = [_pass(masker, images, flat, None, slices)]
    for batches in zip(*passes, strict=True):
        rows = batches[0][0]
        yield rows, sum((maps for _, maps, _ in batches), []), sum((e for *_, e in batches), [])


def _pass(masker, images, target, y, slices):
    indices, as_group = targets_of(masker, images, target, y)
    assemble = masker._mapper.scorer.assemble
    for rows, classes, places, shown in evidence(masker, images, indices, as_group):
        maps, excess = [], []
        for part in slices:
            maps.append(np.max([assemble(one[None])[0] for one in places[part]], axis=0))
            chosen = classes if as_group else classes[part]
            excess.append(
                excess_of_batch(
                    masker,
                    images[rows],
                    chosen,
                    places[part],
                    shown[part],
                    as_group,
                    indices is not None,
                )
            )
        yield rows, maps, excess


def _pixels(pictures):
    return [one.pixels for one in pictures]


def _filled(results, pictures, masks):
    return [
        [results.mixed(one, mask) for one, mask in zip(pictures, part, strict=True)]
        for part in masks
    ]


def _joined(parts):
    images = [one for part in parts for one in part[0]]
    others = (
        [[one for part in parts for one in part[kind][t]] for t in range(len(parts[0][kind]))]
        for kind in (1, 2, 3)
    )
    return Explained(images, *others)


def _check_length(shown, n_images):
    if n_images is not None and len(shown) != n_images:
        raise ValueError(
            f"`images` must hold one image for each of {n_images} images of X; got "
            f"{len(shown)}. Pass the original images in the order of X."
        )


def _on_pictures(found, shown, masker):
    """Transfer maps and masks of images to the pictures that the images were made from."""
    shown = list(shown)
    _check_length(shown, len(found.images))
    pictures = [as_picture(one, masker.channels, index) for index, one in enumerate(shown)]
    placements = [
        resized(one.size, image.shape[-2:])
        for one, image in zip(pictures, found.images, strict=True)
    ]
    information = [
        [place.to_picture(one, np.nan) for one, place in zip(part, placements, strict=True)]
        for part in found.information
    ]
    masks = [
        [
            place.to_picture(mask.astype(np.float32), 0.0)
            for mask, place in zip(part, placements, strict=True)
        ]
        for part in found.masks
    ]
    if masker.mask_type == "hard":
        masks = [[mask >= 0.5 for mask in part] for part in masks]
    results = PictureResults(masker, None, shown)
    return Explained(_pixels(pictures), information, masks, _filled(results, pictures, masks))
