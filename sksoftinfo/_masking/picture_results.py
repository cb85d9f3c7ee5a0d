"""`PictureResults`: maps, masks and masked pictures, in the pixels of each picture."""

from __future__ import annotations

import numpy as np
import torch

from .._utils import Picture, give_back, in_fixed_order, label_array, n_items
from .fill import Fill
from .masks import largest_boxes, whole_components
from .results import all_maps, as_images_of, excess_of_images, largest_maps
from .targets import check_one_target_each


class PictureResults:
    """Results of a fitted transformer for pictures, in the pixels of each picture.

    Parameters
    ----------
    masker : fitted InfoMaskTransformer
    reader : PictureReader
        Reader that preprocesses the pictures.
    X : list, array, Dataset or DataLoader
        Pictures.
    y : array-like of shape (n,) or None
        Target of each picture; ``None`` uses the transformer's `target`.
    """

    def __init__(self, masker, reader, X, y=None):
        in_fixed_order(X)
        self.masker, self.reader, self.X = masker, reader, X
        self.y = None if y is None else label_array(y)
        n = n_items(X)
        if self.y is not None and n is not None:
            check_one_target_each(self.y, n)

    def batches(self):
        """Yield batches, their validated images, and their part of `y`."""
        masker, stop = self.masker, 0
        for batch in self.reader.batches(self.X, masker.batch_size):
            start, stop = stop, stop + len(batch.images)
            images = as_images_of(masker, masker._validate(batch.images, reset=False))
            yield batch, images, None if self.y is None else self.y[start:stop]
        if not stop:
            raise ValueError("`X` must hold at least one image; got none. Pass at least one.")

    def map(self, target):
        """Return `information_map`, with NaN where a picture was cropped."""
        return self._joined(
            placement.to_picture(one, np.nan)
            for batch, images, y in self.batches()
            for one, placement in zip(
                largest_maps(self.masker, images, target, y), batch.placements, strict=True
            )
        )

    def maps(self, targets):
        """Return `information_maps`."""
        found = [
            placement.to_picture(one, np.nan)
            for batch, images, y in self.batches()
            for one, placement in zip(
                all_maps(self.masker, images, targets, y).swapaxes(0, 1),
                batch.placements,
                strict=True,
            )
        ]
        if self._is_array:
            return np.stack(found, axis=1)
        return [list(one) for one in zip(*found, strict=True)]

    def masks(self):
        """Return `mask`; cropped pixels are not kept."""
        return self._joined(kept for _, kept in self._kept())

    def boxes(self):
        """Return `bounding_boxes`."""
        return np.concatenate([largest_boxes(kept[None] >= 0.5) for _, kept in self._kept()])

    def filled(self):
        """Return `transform`: masked pictures of the types in `X`."""
        found = [give_back(one, self.mixed(one, kept)) for one, kept in self._kept()]
        return self._joined(found)

    def _kept(self):
        for batch, images, y in self.batches():
            for rows, excess in excess_of_images(self.masker, images, y=y):
                pictures, placements = batch.pictures[rows], batch.placements[rows]
                parts = zip(excess, pictures, placements, strict=True)
                for one, picture, placement in parts:
                    yield picture, self.mask_of(one, picture, placement)

    def mask_of(self, excess, picture, placement):
        """Return the mask of a picture from the excess information of its image."""
        masker = self.masker
        if masker.mask_type == "soft":
            kept = placement.to_picture(excess, 0.0).astype(np.float64)
        else:
            kept = placement.to_picture(excess, -np.inf) > 0
        if masker.components:
            nothing = self.mixed(picture, np.zeros(picture.size, dtype=bool))
            ink = (picture.pixels != nothing).any(axis=0)
            kept = whole_components(kept[None] >= 0.5, ink[None])[0].astype(kept.dtype)
        return kept

    def mixed(self, picture, kept):
        """Return the pixels of a picture with the fill where they are not kept."""
        of_full_scale = self.masker.preprocess is not None or picture.held_as == "pil"
        return filled(picture, kept, self.masker.fill_value, of_full_scale)

    @property
    def _is_array(self):
        return hasattr(self.X, "shape")

    def _joined(self, results):
        """Return results as an array if the pictures came in an array, else as a list."""
        results = list(results)
        if not self._is_array:
            return results
        if isinstance(results[0], torch.Tensor):
            return torch.stack(results)
        return np.stack(results)


def filled(picture: Picture, kept, fill_value, of_full_scale):
    """Return the pixels of a picture with the fill where they are not kept.

    Parameters
    ----------
    picture : Picture
    kept : ndarray of shape (H, W)
        Mask, of dtype bool or weights.
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable
        Fill, as in the transformer. ``"mean"`` is the mean of the picture itself.
    of_full_scale : bool
        Whether numbers in `fill_value` are shares of the largest integer of the picture's dtype,
        e.g. 255.

    Returns
    -------
    ndarray of shape (C, H, W)
        Masked picture, in the dtype of the picture.
    """
    pixels = picture.pixels
    is_integer = pixels.dtype.kind in "iu"
    scale = 1.0
    if of_full_scale and is_integer:
        scale = 65535.0 if pixels.dtype == np.uint16 else 255.0
    image = (pixels / np.float32(scale)).astype(np.float32)[None]
    if len(pixels) == 4 and np.shape(fill_value) == (3,):
        fill_value = [*np.asarray(fill_value, dtype=float), 1.0]
    fill = Fill(fill_value).fit(image)
    if of_full_scale:
        fill.check_shares()
    mixed = scale * fill.mix(image, kept[None])[0]
    if is_integer:
        bounds = np.iinfo(pixels.dtype)
        mixed = np.clip(np.round(mixed), bounds.min, bounds.max)
    mixed = mixed.astype(pixels.dtype)
    # Pixels that are kept do not change by rounding.
    return np.where(kept == 1, pixels, mixed)
