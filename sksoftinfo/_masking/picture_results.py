"""What a fitted `InfoMaskTransformer` returns for pictures, in the pixels of each."""

from __future__ import annotations

import numpy as np
import torch

from .._utils import Picture, give_back, in_fixed_order, label_array, n_items
from .fill import Fill
from .masks import largest_boxes, whole_components
from .results import all_maps, as_images_of, excess_of_images, largest_maps


class PictureResults:
    """Results of a fitted transformer for pictures, in the pixels of each.

    Parameters
    ----------
    masker : fitted InfoMaskTransformer
    reader : PictureReader
    X : list, array, Dataset or DataLoader
    y : array-like of shape (n,) or None
        A target for each picture.
    """

    def __init__(self, masker, reader, X, y=None):
        in_fixed_order(X)
        self.masker, self.reader, self.X = masker, reader, X
        self.y = None if y is None else label_array(y)
        n = n_items(X)
        if self.y is not None and n is not None and self.y.shape != (n,):
            raise ValueError(
                f"`y` must hold one target for each of {n} images; got shape {self.y.shape}. Use "
                "`target` for one that all images share."
            )

    def batches(self):
        """Yield batches, their images as the transformer takes them, and their part of `y`."""
        masker, stop = self.masker, 0
        for batch in self.reader.batches(self.X, masker.batch_size):
            start, stop = stop, stop + len(batch.images)
            images = as_images_of(masker, masker._validate(batch.images, reset=False))
            yield batch, images, None if self.y is None else self.y[start:stop]
        if not stop:
            raise ValueError("`X` must hold at least one image; got none.")

    def map(self, target):
        """Return `information_map`, NaN where a picture was cut off."""
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
        """Return `mask`; what was cut off is not kept."""
        return self._joined(kept for _, kept in self._kept())

    def boxes(self):
        """Return `bounding_boxes`."""
        return np.concatenate([largest_boxes(kept[None] >= 0.5) for _, kept in self._kept()])

    def filled(self):
        """Return `transform`: pictures held as they came."""
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
        """Return the mask of a picture from what `excess_information` says of its image."""
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
        """Return the pixels of a picture that are kept, and the fill elsewhere."""
        of_full_scale = self.masker.preprocess is not None or picture.held_as == "pil"
        return filled(picture, kept, self.masker.fill_value, of_full_scale)

    @property
    def _is_array(self):
        return hasattr(self.X, "shape")

    def _joined(self, results):
        """Return an array of results where pictures came in one, else a list."""
        results = list(results)
        if not self._is_array:
            return results
        if isinstance(results[0], torch.Tensor):
            return torch.stack(results)
        return np.stack(results)


def filled(picture: Picture, kept, fill_value, of_full_scale):
    """Return pixels of a picture where they are kept, and the fill elsewhere.

    Parameters
    ----------
    picture : Picture
    kept : ndarray of shape (H, W)
        Of dtype bool, or weights.
    fill_value : as in the transformer
        ``"mean"`` is the picture's own.
    of_full_scale : bool
        Whether numbers are shares of the largest number that integers can have, 255 as a rule.

    Returns
    -------
    ndarray of shape (C, H, W), of the dtype of the picture
    """
    pixels = picture.pixels
    is_integer = pixels.dtype.kind in "iu"
    scale = 1.0
    if of_full_scale and is_integer:
        scale = 65535.0 if pixels.dtype == np.uint16 else 255.0
    image = (pixels / np.float32(scale)).astype(np.float32)[None]
    if len(pixels) == 4 and np.shape(fill_value) == (3,):
        fill_value = [*np.asarray(fill_value, dtype=float), 1.0]
    mixed = scale * Fill(fill_value).fit(image).mix(image, kept[None])[0]
    if is_integer:
        bounds = np.iinfo(pixels.dtype)
        mixed = np.clip(np.round(mixed), bounds.min, bounds.max)
    mixed = mixed.astype(pixels.dtype)
    # What is kept whole does not go through other numbers.
    return np.where(kept == 1, pixels, mixed)
