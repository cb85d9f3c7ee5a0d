"""Maps and masks of a fitted `InfoMaskTransformer` for images.

The functions take a transformer and serve both arrays and pictures. `ArrayResults` converts their
results to the return values of the transformer's public methods.
"""

from __future__ import annotations

import numpy as np

from .._utils import on_host
from .edges import snap_to_edges
from .maps import evaluate_cached
from .masks import excess_information, largest_boxes, whole_components, without_specks
from .targets import targets_of_images


class ArrayResults:
    """Results for an array of images or a table, the counterpart of `PictureResults`.

    Parameters
    ----------
    masker : fitted InfoMaskTransformer
    X : ndarray of shape (n, ...), or tensor on the device of the network
        Validated images, or a table.
    y : array-like of shape (n,) or None
        Target of each image; ``None`` uses the transformer's `target`.
    """

    def __init__(self, masker, X, y=None):
        self.masker, self.X, self.y = masker, X, y
        self.images = as_images_of(masker, X)

    def map(self, target):
        """Return `information_map`."""
        return self._shaped(largest_maps(self.masker, self.images, target, self.y))

    def maps(self, targets):
        """Return `information_maps`."""
        return self._shaped(all_maps(self.masker, self.images, targets, self.y))

    def masks(self):
        """Return `mask`."""
        return self._shaped(all_masks(self.masker, self.images, y=self.y))

    def boxes(self):
        """Return `bounding_boxes`."""
        return largest_boxes(all_masks(self.masker, self.images, y=self.y) >= 0.5)

    def filled(self):
        """Return `transform`."""
        out = np.empty(self.images.shape, dtype=on_host(self.images[:0]).dtype)
        for rows, kept in _masks(self.masker, self.images, y=self.y):
            out[rows] = self.masker._fill.mix(on_host(self.images[rows]), kept)
        return out.reshape(self.X.shape)

    def _shaped(self, results):
        """Return results of shape (..., n, H, W), or (..., n, d) for a table."""
        masker = self.masker
        is_table = masker._image_shape[:2] == (1, 1) and len(masker.input_shape_) == 1
        return results[..., 0, :] if is_table else results


def as_images_of(masker, X):
    """Reshape validated rows to images, (n, C, H, W)."""
    return X.reshape(len(X), *masker._image_shape)


def largest_maps(masker, images, target=None, y=None):
    """Return the maximum over the targets of each image's maps, shape (n, H, W)."""
    targets, as_group = targets_of(masker, images, target, y)
    return masker._mapper.largest_maps(images, evidence(masker, images, targets, as_group))


def all_maps(masker, images, targets, y=None):
    """Return the map of each target and image, shape (T, n, H, W)."""
    # Each target has a map of its own, whether or not `combine` joins the transformer's targets.
    targets, _ = targets_of_images(
        len(images), masker.classes_, targets, "union", y, name="targets"
    )
    return masker._mapper.maps(images, evidence(masker, images, targets), len(targets))


def all_masks(masker, images, target=None, y=None):
    """Return the masks of all images, shape (n, H, W): bool, or weights for soft masks."""
    dtype = bool if masker.mask_type == "hard" else np.float64
    out = np.zeros((len(images), *images.shape[2:]), dtype=dtype)
    for rows, kept in _masks(masker, images, target, y):
        out[rows] = kept
    return out


def _masks(masker, images, target=None, y=None):
    """Yield slices of rows and their masks (b, H, W)."""
    for rows, excess in excess_of_images(masker, images, target, y):
        yield rows, masks_of_excess(masker, images[rows], excess)


def masks_of_excess(masker, images, excess):
    """Return the masks (b, H, W) of images from their excess information."""
    kept = excess if masker.mask_type == "soft" else excess > 0
    if masker.components:
        images = on_host(images)
        ink = (images != masker._fill(images)).any(axis=1)
        kept = whole_components(kept >= 0.5, ink).astype(kept.dtype)
    return kept


def excess_of_images(masker, images, target=None, y=None):
    """Yield slices of rows and their excess information (b, H, W)."""
    targets, as_group = targets_of(masker, images, target, y)
    for rows, *batch in evidence(masker, images, targets, as_group):
        presence = targets is not None
        yield rows, excess_of_batch(masker, images[rows], *batch, as_group, presence=presence)


def excess_of_batch(masker, images, classes, places, shown, as_group, presence):
    """Return the excess information of a batch of images (b, C, H, W), refined or without specks.

    With `presence`, images are masked as a whole if the target counts as absent.
    """
    floors = maxima = None
    if masker._presence_required and presence:
        floors = masker.presence_floor_
    if masker.threshold_reference == "fit":
        maxima = masker.reference_maximum_
    excess = excess_information(
        masker._mapper.scorer.assemble,
        masker._mapper.lacks_target,
        places,
        shown,
        classes,
        as_group,
        threshold=masker.threshold,
        reference=masker.threshold_reference,
        reference_maximum=maxima,
        presence_floor=floors,
        soft=masker.mask_type == "soft",
    )
    if masker.refine is not None:
        return snap_to_edges(excess, on_host(images))
    smallest = 0 if masker.mask_type == "soft" else masker._mapper.smallest_part
    return without_specks(excess, smallest) if smallest > 1 else excess


def targets_of(masker, images, target, y):
    """Return class indices (T, n) of the targets, or None, and whether they form a group."""
    target = masker.target if target is None else target
    return targets_of_images(len(images), masker.classes_, target, masker.combine, y)


def evidence(masker, images, targets, as_group=False):
    """Yield batches of `InformationMapper.evaluate`, from the cache if there is one."""
    mapper, key = masker._mapper, masker._map_key
    return evaluate_cached(mapper, images, targets, as_group, masker.memory, key)
