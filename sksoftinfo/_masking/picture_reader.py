"""Pictures, read for a network a batch at a time."""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_consistent_length, check_random_state
from torch import nn
from torch.utils.data import Subset

from .._utils import (
    as_picture,
    assert_finite,
    check_one_kind,
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

# Runs on one picture that tell whether a preprocessing is random. A mirror image by the toss of a
# coin is missed once in 2 ** 15 times.
_RUNS = 16
# Pictures to calibrate on, at most: no more of them are looked at.
_MOST = 1000
# Sides of the picture that these runs are on, about.
_PROXY = 128


class Batch(NamedTuple):
    """Pictures of a batch, as the network takes them and as they came.

    Attributes
    ----------
    images : ndarray of shape (b, channels, height, width), float32
    pictures : list of Picture
    placements : list of Placement
        Where each image lies in its picture.
    labels : list
        Of the data set, or None.
    """

    images: np.ndarray
    pictures: list
    placements: list
    labels: list


class PictureReader:
    """Reads pictures as a network takes them.

    Parameters
    ----------
    preprocess : callable or None
        Takes a PIL image or a tensor (C, H, W), and returns an image of the network. Without it
        the numbers are those of the picture, from 0 to 1 if it is one of PIL.
    channels : {"auto", "first", "last"}
        As in `as_picture`.
    n_channels : int or None
        How many the network takes; ``None`` where that is not known.
    size : tuple of int or None
        Height and width of what the network takes; without `preprocess`, pictures are resized.
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

    def batches(self, X, batch_size):
        """Yield what `X` holds in batches of so many pictures at most."""
        numbered = enumerate(items(X))
        while chunk := list(islice(numbered, batch_size)):
            pictures = [as_picture(held, self.channels, i) for i, (held, _) in chunk]
            read = [self._read(one, i) for one, (i, _) in zip(pictures, chunk, strict=True)]
            images, placements = zip(*read, strict=True)
            yield Batch(
                np.stack(images), pictures, list(placements), [label for _, (_, label) in chunk]
            )

    def read_all(self, X, y, estimator, batch_size):
        """Return all images, and labels: those given, or those of a data set.

        Parameters
        ----------
        X : as in `batches`
        y : array-like of shape (n,) or None
        estimator : classifier or None
            Where it is fitted already, labels of a data set that it does not know are left aside.
        batch_size : int

        Returns
        -------
        images : ndarray of shape (n, channels, height, width), float32
        y : as given, or ndarray of shape (n,) or None
        """
        parts, labels = [], []
        for batch in self.batches(X, batch_size):
            # Not the pictures: they may be large.
            parts.append(batch.images)
            labels += batch.labels
        if not parts:
            raise ValueError("`X` must hold at least one image; got none.")
        images = np.concatenate(parts)
        if y is None:
            known = getattr(estimator, "classes_", None)
            y = labels_of(labels, X, known)
            if y is not None and is_fitted_already(estimator) and not np.isin(y, known).all():
                y = None
        return images, y

    def _read(self, picture, index):
        """Return the image of the network, and its placement."""
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
                lambda grey: self._apply(_like(pixels, grey), form, index), picture.size
            )
        self._check_size(image, index)
        return image, self._placements[key]

    def _plain(self, picture, index):
        self._are_pil.append(picture.held_as == "pil")
        check_one_kind(self._are_pil)
        pixels = with_n_channels(picture.pixels, self.n_channels).astype(np.float32)
        assert_finite(pixels[None], f"X at {index}")
        if picture.held_as == "pil":
            pixels /= 255
        if self.size is None:
            self.size, self._taken_from_first = picture.size, True
        if self._taken_from_first and picture.size != self.size:
            raise ValueError(
                f"`X` holds pictures of several sizes, {self.size[0]} x {self.size[1]} and "
                f"{picture.size[0]} x {picture.size[1]}, and the network's is not known. Give "
                "`preprocess`, or from_module(input_shape=(channels, height, width))."
            )
        if self.n_channels is None:
            self.n_channels = len(pixels)
        if len(pixels) != self.n_channels:
            raise ValueError(
                f"`X` must hold images of {self.n_channels} channels; got {len(pixels)} at "
                f"{index}. Convert them to one number."
            )
        return resize(pixels, self.size), resized(picture.size, self.size)

    def _check_size(self, image, index):
        if self.size is None:
            self.size = image.shape[1:]
        if image.shape[1:] != tuple(self.size):
            raise ValueError(
                "`preprocess` must return images of one size, "
                f"{self.size[0]} x {self.size[1]} so far; got {image.shape[1]} x "
                f"{image.shape[2]} for the picture at {index}. Resize to both sides, e.g. "
                f"Resize(({self.size[0]}, {self.size[1]}))."
            )

    def _pixels(self, picture, index):
        """Return what `preprocess` reads: uint8, or float32 from 0 to 1."""
        # Networks of photographs take colours, unless they are known to take something else.
        pixels = with_n_channels(picture.pixels, self.n_channels or 3)
        if len(pixels) not in (1, 3, 4):
            raise ValueError(
                "`X` must hold pictures of 1, 3 or 4 channels where `preprocess` reads them; got "
                f"{len(pixels)} at {index}. Let channels={self.channels!r} agree with the arrays."
            )
        kind = pixels.dtype.kind
        if pixels.dtype == np.uint16:
            return pixels / np.float32(65535)
        low, high = (0, 255) if kind in "iu" else (0, 1)
        if kind == "f":
            assert_finite(pixels[None], f"X at {index}")
        if pixels.min() < low or pixels.max() > high:
            raise ValueError(
                f"`X` must hold pictures of {'integers' if high == 255 else 'floats'} from {low} "
                f"to {high} where `preprocess` reads them; got {pixels.min():g} to "
                f"{pixels.max():g} at {index}. Scale them, or convert them to uint8."
            )
        return pixels.astype(np.uint8 if kind in "iu" else np.float32, copy=False)

    def _check_not_random(self, pixels, form, index):
        """Raise ValueError if the same picture becomes different images."""
        # Of a large picture some pixels will do.
        step = max(1, min(pixels.shape[1:]) // _PROXY)
        pixels = np.ascontiguousarray(pixels[:, ::step, ::step])
        first, *others = (self._apply(pixels, form, index) for _ in range(_RUNS))
        if not all(np.array_equal(first, other) for other in others):
            raise ValueError(
                "`preprocess` must return the same image for the same picture; got different "
                "ones. Use the transform of evaluation, not the one of training."
            )

    def _form(self, picture, index):
        """Return which form of pictures `preprocess` takes, "pil" or "tensor".

        Also the image that it made of the picture, if it was tried, or None.
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
        """Return what `preprocess` makes of pixels, an array (C, h, w) of float32."""
        given: Any
        if form == "pil":
            given = _as_pil(pixels)
        else:
            # A copy: a transform may work in place.
            given = torch.tensor(pixels)
        try:
            image = self.preprocess(given)
        except torch.cuda.OutOfMemoryError:
            raise
        # A user's function may raise anything; which picture it was helps.
        except Exception as error:
            what = "a PIL image" if form == "pil" else f"a tensor of {given.dtype}"
            raise ValueError(
                f"`preprocess` failed on the picture at {index}, {what} of {len(pixels)} x "
                f"{pixels.shape[1]} x {pixels.shape[2]}: {error}. It must take a PIL image or a "
                "tensor, as the transforms of torchvision do."
            ) from error
        if isinstance(image, torch.Tensor) and image.ndim == 4 and len(image) == 1:
            image = image[0]
        array = on_host(image)
        if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind != "f":
            got = type(image).__name__
            if isinstance(array, np.ndarray):
                got = f"{array.dtype} of shape {array.shape}"
            elif is_picture(image):
                got = "a PIL image: it lacks a last step such as ToTensor()"
            raise ValueError(
                "`preprocess` must return a tensor of floats of shape (channels, height, width); "
                f"got {got}."
            )
        assert_finite(array[None], "what `preprocess` returned")
        return array.astype(np.float32)


def _as_pil(pixels):
    """Return an image (C, H, W), uint8 or of floats from 0 to 1, as one of PIL."""
    from PIL import Image

    if pixels.dtype != np.uint8:
        pixels = np.round(255 * pixels).astype(np.uint8)
    if len(pixels) == 1 or pixels.strides[0] == 0:
        # Grey, also where it is repeated: to put the channels last takes most of the time.
        return Image.fromarray(pixels[0]).convert("L" if len(pixels) == 1 else "RGB")
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _like(pixels, grey):
    """Return a grey picture (H, W), uint8, with the channels and the type of another's pixels."""
    if pixels.dtype != np.uint8:
        grey = grey / np.float32(255)
    return np.broadcast_to(grey, (len(pixels), *grey.shape))


def input_channels(estimator):
    """Return how many channels of images a classifier takes, or None where it is not known."""
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
    """Return height and width of images that a classifier takes, or None where any will do."""
    shape = getattr(neural(estimator), "input_shape_", None)
    return None if shape is None or len(shape) < 2 else tuple(shape[-2:])


def picture_reader(X, estimator, preprocess, channels, image_shape=None):
    """Return `X`, an iterator as a list, and a reader of the pictures that it holds.

    The reader is None for arrays that are read as they are.

    Parameters
    ----------
    X : as given to the transformer
    estimator : classifier or None
        Fitted or not.
    preprocess, channels
        As in the transformer.
    image_shape : tuple of int, default=None
        (C, H, W) of the network's images, where it is known from `fit`.

    Raises
    ------
    ValueError
        If pictures have colours and the classifier was fitted on flat rows: in which order, is
        not known.
    """
    X = listed(X)
    if not (holds_pictures(X) or preprocess is not None or _has_channels_last(X, channels)):
        return X, None
    _check_container(X)
    n_channels, size = input_channels(estimator), input_size(estimator)
    if image_shape is not None:
        n_channels, size = image_shape[0], image_shape[1:]
    if n_channels != 1 and is_fitted_already(estimator) and neural(estimator) is None:
        raise ValueError(
            "Pictures need a network that takes images; got a fitted "
            f"{type(estimator.estimator).__name__}, whose order of pixels and channels is not "
            "known. Give it rows as it was fitted on, and image_shape."
        )
    return X, PictureReader(preprocess, channels, n_channels, size)


def sampled(X, y, estimator, random_state):
    """Return pictures and labels, at most 1000 where nothing is trained on them.

    Parameters
    ----------
    X : as in `picture_reader`
        A DataLoader or stream is read whole.
    y : array-like of shape (n,) or None
    estimator : classifier or None
    random_state : int, RandomState instance or None
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
    """Raise ValueError unless `X` can hold several pictures."""
    if not (isinstance(X, list | tuple) or hasattr(X, "shape") or is_dataset(X)):
        raise ValueError(
            "`X` must be a list, an array or a data set of pictures; got an object of class "
            f"{type(X).__name__}. Put pictures into a list."
        )
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) > 4:
        raise ValueError(
            f"`X` must hold images; got one image of shape {shape}. Put it into a list: [image]."
        )


def _has_channels_last(X, channels):
    """Return whether an array, or a list of arrays, has to be read since its channels are last."""
    if isinstance(X, list | tuple) and len(X) and hasattr(X[0], "shape"):
        X = X[0][None]
    if len(getattr(X, "shape", ())) != 4 or channels == "first":
        return False
    return channels == "last" or seem_last(X)
