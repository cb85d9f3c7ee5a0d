"""`PictureReader`: pictures, preprocessed for a network batch by batch."""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_consistent_length, check_random_state
from torch import nn
from torch.utils.data import Subset

from .._networks import is_out_of_memory
from .._utils import (
    as_picture,
    check_one_kind,
    check_rows,
    holds_pictures,
    is_dataset,
    is_picture,
    items,
    label_array,
    labels_of,
    listed,
    n_items,
    on_host,
    seem_last,
    with_n_channels,
)
from .image_classifier import is_fitted_already, neural
from .placement import measure_placement, resize, resized

# Number of runs on one picture by which a random preprocessing is detected, in `fit` and again for
# each result. A mirror image with probability 1/2 is missed by both once in 2 ** 14 times.
_RUNS = 8
# Largest number of pictures that are read for a calibration.
_MOST = 1000
# Approximate side of the picture in these runs, in pixels.
_PROXY = 128
# Distance from [0, 1] up to which floats are clipped: resizing overshoots by rounding.
_OVERSHOOT = 1e-3


class Batch(NamedTuple):
    """A batch of pictures, before and after preprocessing.

    Attributes
    ----------
    images : ndarray of shape (b, channels, height, width), float32
        Images that the network takes.
    pictures : list of Picture
        Pictures before preprocessing.
    placements : list of Placement
        Position of each image in its picture.
    labels : list
        Labels of a data set; each is None without labels.
    """

    images: np.ndarray
    pictures: list
    placements: list
    labels: list


class PictureReader:
    """Reader that turns pictures into images for a network.

    Parameters
    ----------
    preprocess : callable or None
        Takes a PIL image or a tensor (C, H, W), and returns an image for the network. ``None``
        passes on the values of the picture, scaled to [0, 1] for a PIL image.
    channels : {"auto", "first", "last"}
        Position of the channels, as in `as_picture`.
    n_channels : int or None
        Number of channels that the network takes; ``None`` if it is not known.
    size : tuple of int or None
        Height and width of the images that the network takes. Without `preprocess`, pictures are
        resized to this size.
    """

    def __init__(self, preprocess, channels, n_channels, size):
        self.preprocess = preprocess
        self.channels = channels
        self.n_channels = n_channels
        self.size = size
        self._forms = {}
        self._are_pil = []
        self._taken_from_first = False
        self._placements = {}

    @property
    def has_full_scale(self):
        """Whether the pictures that were read have a known largest brightness."""
        return self.preprocess is not None or any(self._are_pil)

    def batches(self, X, batch_size):
        """Yield the pictures of `X` in batches of at most `batch_size`."""
        numbered = enumerate(items(X))
        while chunk := list(islice(numbered, batch_size)):
            pictures = [as_picture(held, self.channels, i) for i, (held, _) in chunk]
            read = [self._read(one, i) for one, (i, _) in zip(pictures, chunk, strict=True)]
            images, placements = zip(*read, strict=True)
            yield Batch(
                np.stack(images), pictures, list(placements), [label for _, (_, label) in chunk]
            )

    def read_all(self, X, y, estimator, batch_size):
        """Return all images, and the labels `y` or the labels of a data set.

        Parameters
        ----------
        X : list, array, Dataset or DataLoader
            Pictures, as in `batches`.
        y : array-like of shape (n,) or None
            Labels; ``None`` uses the labels of a data set.
        estimator : classifier or None
            Classifier. If it is fitted already and some label of a data set is unknown to it, all
            labels of the data set are ignored.
        batch_size : int
            Largest number of pictures in a batch.

        Returns
        -------
        images : ndarray of shape (n, channels, height, width), float32
            Images that the network takes.
        y : array-like of shape (n,) or None
            Labels.
        """
        parts, labels = [], []
        for batch in self.batches(X, batch_size):
            # The pictures themselves are not kept, since they may be large.
            parts.append(batch.images)
            labels += batch.labels
        if not parts:
            raise ValueError("`X` must hold at least one image; got none. Pass at least one.")
        images = np.concatenate(parts)
        if y is None:
            known = getattr(estimator, "classes_", None)
            y = labels_of(labels, X, known)
            if y is not None and is_fitted_already(estimator) and not np.isin(y, known).all():
                y = None
        return images, y

    def _read(self, picture, index):
        """Return the image for the network, and its placement in the picture."""
        if self.preprocess is None:
            return self._plain(picture, index)
        form, image = self._form(picture, index)
        pixels = self._pixels(picture, index)
        if image is None:
            image = self._apply(pixels, form, index)
        key = (picture.size, form, pixels.dtype.name)
        if not self._placements:
            self._check_not_random(pixels, form, index)
        if key not in self._placements:
            self._placements[key] = measure_placement(
                lambda grey: self._apply(_like(pixels, grey), form, index), picture.size, index
            )
        self._check_size(image, index)
        return image, self._placements[key]

    def _plain(self, picture, index):
        self._are_pil.append(picture.held_as == "pil")
        check_one_kind(self._are_pil)
        pixels = with_n_channels(picture.pixels, self.n_channels).astype(np.float32)
        _check_finite(pixels, index)
        if picture.held_as == "pil":
            pixels /= 255
        if self.size is None:
            self.size, self._taken_from_first = picture.size, True
        if self._taken_from_first and picture.size != self.size:
            raise ValueError(
                "`X` must hold images of one size if the network's input size is not known; got "
                f"{self.size[0]} x {self.size[1]} and {picture.size[0]} x {picture.size[1]}. Set "
                "`preprocess`, or from_module(input_shape=(channels, height, width))."
            )
        if self.n_channels is None:
            self.n_channels = len(pixels)
        if len(pixels) != self.n_channels:
            raise ValueError(
                f"`X` must hold images of {self.n_channels} channels; got {len(pixels)} at "
                f"{index}. Convert all images to the same number of channels."
            )
        return resize(pixels, self.size), resized(picture.size, self.size)

    def _check_size(self, image, index):
        if self.size is None:
            self.size = image.shape[1:]
        if image.shape[1:] != tuple(self.size):
            raise ValueError(
                "`preprocess` must return images of one size, "
                f"{self.size[0]} x {self.size[1]} so far; got {image.shape[1]} x "
                f"{image.shape[2]} for the image at {index}. Resize to both sides, e.g. "
                f"Resize(({self.size[0]}, {self.size[1]}))."
            )

    def _pixels(self, picture, index):
        """Return the pixels for `preprocess`: uint8, or float32 within [0, 1]."""
        # Networks for photographs take colour images unless known otherwise.
        pixels = with_n_channels(picture.pixels, self.n_channels or 3)
        if len(pixels) not in (1, 3, 4):
            raise ValueError(
                "`X` must hold images of 1, 3 or 4 channels where `preprocess` reads them; got "
                f"{len(pixels)} at {index} with channels={self.channels!r}. Set `channels` to "
                "match the arrays."
            )
        kind = pixels.dtype.kind
        if pixels.dtype == np.uint16:
            return pixels / np.float32(65535)
        low, high = (0, 255) if kind in "iu" else (0, 1)
        if kind == "f":
            _check_finite(pixels, index)
            if pixels.min() >= -_OVERSHOOT and pixels.max() <= 1 + _OVERSHOOT:
                pixels = np.clip(pixels, 0, 1)
        if pixels.min() < low or pixels.max() > high:
            raise ValueError(
                f"`X` must hold images of {'integers' if high == 255 else 'floats'} from {low} "
                f"to {high} where `preprocess` reads them; got {pixels.min():g} to "
                f"{pixels.max():g} at {index}. Scale the images, or convert them to uint8."
            )
        return pixels.astype(np.uint8 if kind in "iu" else np.float32, copy=False)

    def _check_not_random(self, pixels, form, index):
        """Raise ValueError if `preprocess` maps one picture to different images."""
        # A coarse grid of pixels of a large picture is enough.
        step = max(1, min(pixels.shape[1:]) // _PROXY)
        pixels = np.ascontiguousarray(pixels[:, ::step, ::step])
        first, *others = (self._apply(pixels, form, index) for _ in range(_RUNS))
        if not all(np.array_equal(first, other) for other in others):
            raise ValueError(
                "`preprocess` must return the same result for the same image; got different "
                "ones. Use the transform for evaluation, not the transform for training."
            )

    def _form(self, picture, index):
        """Return the form of pictures that `preprocess` takes, "pil" or "tensor".

        The second return value is the preprocessed picture if the form was just tried, else None.
        """
        key = (picture.held_as == "pil", picture.pixels.dtype.kind)
        if key in self._forms:
            return self._forms[key], None
        pixels, failures = self._pixels(picture, index), []
        for form in ("pil", "tensor") if key[0] else ("tensor", "pil"):
            try:
                image = self._apply(pixels, form, index)
            except (ValueError, ImportError) as error:
                failures.append(error)
            else:
                self._forms[key] = form
                return form, image
        raise failures[0]

    def _apply(self, pixels, form, index):
        """Return the preprocessed pixels, an array (C, h, w) of float32."""
        given: Any
        if form == "pil":
            given = _as_pil(pixels)
        else:
            # A copy, since a transform may work in place.
            given = torch.from_numpy(pixels.copy())
        try:
            image = self.preprocess(given)
        # A user's function may raise any exception; the message names the picture.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            what = "a PIL image" if form == "pil" else f"a tensor of {given.dtype}"
            raise ValueError(
                f"`preprocess` failed on the image at {index}, {what} of {len(pixels)} x "
                f"{pixels.shape[1]} x {pixels.shape[2]}: {error}. It must take a PIL image or a "
                "tensor, as the transforms of torchvision do."
            ) from error
        if isinstance(image, torch.Tensor) and image.ndim == 4 and len(image) == 1:
            image = image[0]
        array = on_host(image)
        if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind != "f":
            got, remedy = type(image).__name__, "Return one image, with its channels first."
            if isinstance(array, np.ndarray):
                got = f"{array.dtype} of shape {array.shape}"
                if array.ndim == 3:
                    remedy = "Add a last step such as ConvertImageDtype(torch.float32)."
            elif is_picture(image):
                got, remedy = "a PIL image", "Add a last step such as ToTensor()."
            raise ValueError(
                "`preprocess` must return a tensor of floats of shape (channels, height, width); "
                f"got {got}. {remedy}"
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"`preprocess` must return finite numbers; got {_not_finite(array)} for the "
                f"image at {index}. Check its steps, e.g. a division by a standard deviation of "
                "0."
            )
        return array.astype(np.float32)


def _check_finite(pixels, index):
    if not np.isfinite(pixels).all():
        raise ValueError(
            f"`X` must hold images with finite pixels; got {_not_finite(pixels)} at {index}. "
            "Replace these pixels, or leave out the image."
        )


def _not_finite(array):
    return "NaN" if np.isnan(array).any() else "infinity"


def _as_pil(pixels):
    """Return a PIL image of pixels (C, H, W), of uint8 or of floats within [0, 1]."""
    from PIL import Image

    if pixels.dtype != np.uint8:
        pixels = np.round(255 * pixels).astype(np.uint8)
    if len(pixels) == 1 or pixels.strides[0] == 0:
        # Grey pictures, including repeated channels, need no slow transpose of the channels.
        return Image.fromarray(pixels[0]).convert("L" if len(pixels) == 1 else "RGB")
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _like(pixels, grey):
    """Return a grey picture (H, W), uint8, with the channels and the dtype of `pixels`."""
    if pixels.dtype != np.uint8:
        grey = grey / np.float32(255)
    return np.broadcast_to(grey, (len(pixels), *grey.shape))


def input_channels(estimator):
    """Return the number of channels that a classifier takes, or None if it is not known."""
    classifier = neural(estimator)
    shape = getattr(classifier, "input_shape_", None)
    if shape is not None:
        return shape[0] if len(shape) == 3 else 1
    if not hasattr(classifier, "net_"):
        return None
    for module in classifier.module_.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    return None


def input_size(estimator):
    """Return the height and width of images that a classifier takes, or None if any will do."""
    shape = getattr(neural(estimator), "input_shape_", None)
    return None if shape is None or len(shape) < 2 else tuple(shape[-2:])


def picture_reader(X, estimator, preprocess, channels, image_shape=None):
    """Return `X`, with iterators as lists, and a reader of its pictures.

    The reader is None for arrays that are used unchanged.

    Parameters
    ----------
    X : array-like, or pictures
        Images, as passed to the transformer.
    estimator : classifier or None
        Classifier, fitted or not.
    preprocess, channels
        Parameters of the transformer.
    image_shape : tuple of int, default=None
        Shape (C, H, W) of the network's images, if it is known from `fit`.

    Raises
    ------
    ValueError
        If pictures have colours and the classifier was fitted on flat rows, whose order of pixels
        and channels is not known.
    """
    X = listed(X)
    check_rows(X)
    if not (holds_pictures(X) or preprocess is not None or _has_channels_last(X, channels)):
        return X, None
    _check_container(X)
    n_channels, size = input_channels(estimator), input_size(estimator)
    if image_shape is not None:
        n_channels, size = image_shape[0], image_shape[1:]
    if n_channels != 1 and is_fitted_already(estimator) and neural(estimator) is None:
        raise ValueError(
            "`estimator` must be a network that takes images if `X` holds images in colour; got a "
            f"fitted {type(estimator.estimator).__name__}, whose order of pixels and channels is "
            "not known. Pass rows as in its training, and set image_shape."
        )
    return X, PictureReader(preprocess, channels, n_channels, size)


def sampled(X, y, estimator, random_state):
    """Return pictures and labels, at most 1000 if the classifier is fitted already.

    Parameters
    ----------
    X : array-like, or pictures
        Pictures. A DataLoader or a stream is not sampled.
    y : array-like of shape (n,) or None
        Labels of the pictures.
    estimator : classifier or None
        Classifier, fitted or not.
    random_state : int, RandomState instance or None
        Seeds the draw of the pictures.
    """
    n = None if is_dataset(X) and hasattr(X, "batch_sampler") else n_items(X)
    if n is None or n <= _MOST or not is_fitted_already(estimator):
        return X, y
    rows = np.sort(check_random_state(random_state).permutation(n)[:_MOST])
    if y is not None:
        y = label_array(y)
        check_consistent_length(range(n), y)
        y = y[rows]
    if is_dataset(X):
        return Subset(X, rows.tolist()), y
    return [X[row] for row in rows] if isinstance(X, list | tuple) else X[rows], y


def _check_container(X):
    """Raise ValueError unless `X` is a container of pictures."""
    if not (isinstance(X, list | tuple) or getattr(X, "shape", ()) or is_dataset(X)):
        raise ValueError(
            "`X` must be a list, an array or a data set of images; got an object of class "
            f"{type(X).__name__}. Put the images into a list."
        )
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) > 4:
        raise ValueError(
            f"`X` must hold images; got one image of shape {shape}. Put it into a list: [image]."
        )


def _has_channels_last(X, channels):
    """Return whether the channels of an array, or of a list of arrays, have to be moved."""
    if isinstance(X, list | tuple) and len(X) and hasattr(X[0], "shape"):
        X = X[0][None]
    if len(getattr(X, "shape", ())) != 4 or channels == "first":
        return False
    return channels == "last" or seem_last(X)
