"""Pictures as people hold them: PIL images, arrays, tensors, and data sets of these."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from .validation import label_array, on_host, refuse_masked

# Numbers of channels of a picture: grey, colours, and colours with transparency.
_CHANNELS = (1, 3, 4)
# Weights of red, green and blue in what is seen as grey (ITU-R 601), as PIL has them.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Picture(NamedTuple):
    """A picture, and how it is held.

    Attributes
    ----------
    pixels : ndarray of shape (channels, height, width)
        Of uint8, or of the array's own type.
    held_as : {"pil", "tensor", "array"}
    layout : {"first", "last", "grey"}
        Where its channels are; ``"grey"`` is an array of two dimensions.
    """

    pixels: np.ndarray
    held_as: str
    layout: str

    @property
    def size(self):
        """Height and width."""
        return self.pixels.shape[1:]


def is_picture(value):
    """Return whether a value is an image of PIL."""
    # Without PIL there are no such images.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(value, pil.Image)


def is_dataset(X):
    """Return whether `X` is a Dataset or DataLoader of torch, and not an array as well."""
    data = sys.modules.get("torch.utils.data")
    return (
        data is not None
        and not hasattr(X, "shape")
        and isinstance(X, data.Dataset | data.DataLoader)
    )


def listed(X):
    """Return what an iterator holds, as a list; anything else as it is."""
    return list(X) if isinstance(X, Iterator) and not hasattr(X, "shape") else X


def holds_pictures(X):
    """Return whether `X` holds pictures that are not rows of an array yet.

    These are data sets, lists with images of PIL, and lists of images of different shapes.

    Raises
    ------
    ValueError
        If `X` is a single image of PIL, or paths.
    """
    if is_picture(X):
        raise ValueError("`X` must hold images; got one image. Put it into a list: [image].")
    if isinstance(X, str | PathLike):
        raise ValueError(f"`X` must hold images; got the path {str(X)!r}. {_OPEN}")
    if is_dataset(X):
        return True
    if not isinstance(X, list | tuple):
        return False
    if any(isinstance(one, PathLike) for one in X):
        raise ValueError(f"`X` must hold images; got paths such as {str(X[0])!r}. {_OPEN}")
    if any(map(is_picture, X)):
        return True
    shapes = {tuple(getattr(one, "shape", ())) for one in X}
    return len(shapes) > 1 and all(len(shape) in (2, 3) for shape in shapes)


_OPEN = "Open the files, e.g. [PIL.Image.open(path) for path in paths]."


def in_fixed_order(X):
    """Raise ValueError if `X` is a DataLoader that shuffles: results are in the order of rows."""
    data = sys.modules.get("torch.utils.data")
    if (
        data is not None
        and isinstance(X, data.DataLoader)
        and isinstance(getattr(X, "sampler", None), data.RandomSampler)
    ):
        raise ValueError(
            "`X` must come in an order that stays; got a DataLoader with shuffle=True. Use "
            "shuffle=False."
        )


def items(X) -> Iterable[tuple[Any, Any]]:
    """Yield what each item of `X` holds: the picture, and its label or None.

    Parameters
    ----------
    X : list, array, Dataset or DataLoader
        Items of data sets are pictures, or pairs of a picture and a label; those of a DataLoader
        are batches of such.
    """
    if not is_dataset(X):
        yield from ((one, None) for one in X)
    elif hasattr(X, "batch_sampler"):
        for batch in X:
            yield from _of_batch(X, batch)
    elif hasattr(X, "__len__"):
        for index in range(len(X)):
            yield _pair(X[index])
    else:
        yield from map(_pair, X)


def _pair(item):
    if isinstance(item, tuple | list) and len(item) in (1, 2):
        return item[0], item[1] if len(item) == 2 else None
    if isinstance(item, tuple | list | dict):
        kind = type(item).__name__
        raise ValueError(
            "Items of a data set must be a picture, or a picture and a label; got a "
            f"{kind} of {len(item)}. Wrap the data set in one that returns (picture, label)."
        )
    return item, None


def _of_batch(loader, batch):
    if loader.batch_size is None and loader.batch_sampler is None:
        yield _pair(batch)
        return
    pictures, labels = _pair(batch)
    if labels is None:
        yield from ((one, None) for one in pictures)
    else:
        yield from zip(pictures, labels, strict=True)


def n_items(X):
    """Return how many pictures `X` holds, or None where that is known at its end alone."""
    if is_dataset(X) and hasattr(X, "batch_sampler"):
        X = X.dataset
    try:
        return len(X)
    except TypeError:
        return None


def labels_of(labels, X=None, classes=None):
    """Return the labels that came with pictures as an array, or None where none has one.

    Parameters
    ----------
    labels : list
        Of each picture, or None.
    X : list, array, Dataset or DataLoader, default=None
        What they came from. Its attribute ``classes`` names them, as that of ImageFolder does.
    classes : ndarray of shape (M,), default=None
        Where these are texts, and labels are indices of names that are all among them, the names
        are returned.

    Raises
    ------
    ValueError
        If some have a label and others none, or a label is not one number or text.
    """
    missing = [label is None for label in labels]
    if all(missing):
        return None
    plain = [_plain_label(label) for label in labels]
    if any(missing):
        raise ValueError(
            f"A data set must have a label for each picture, or for none; {sum(missing)} of "
            f"{len(labels)} have none. Leave these out."
        )
    names = getattr(getattr(X, "dataset", X), "classes", None)
    if names is not None and classes is not None and np.asarray(classes).dtype.kind in "UO":
        are_indices = all(
            isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(names)
            for one in plain
        )
        if are_indices and set(names) <= set(np.asarray(classes).tolist()):
            plain = [names[one] for one in plain]
    return label_array(plain)


def _plain_label(label):
    label = on_host(label)
    if isinstance(label, np.ndarray | np.generic):
        if label.size != 1:
            raise ValueError(
                "A label must be one number or text for each picture; got an array of shape "
                f"{label.shape}. Give the index of the class, not indicators."
            )
        return label.item()
    return label


def as_picture(held, channels="auto", index=0):
    """Return a picture's pixels, channels first, and how it is held.

    Parameters
    ----------
    held : PIL image, or array or tensor of two or three dimensions
    channels : {"auto", "first", "last"}
        Where the channels of an array of three dimensions are.
    index : int
        Which of the pictures it is, for messages.

    Raises
    ------
    ValueError
        If it is not a picture, is empty, or it cannot be told where its channels are.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.pictures import as_picture
    >>> as_picture(np.zeros((20, 30, 3), dtype=np.uint8)).size
    (20, 30)
    """
    if is_picture(held):
        return Picture(_pixels_of(held, index), "pil", "last" if len(held.getbands()) > 1 else "")
    held_as = "array" if isinstance(held, np.ndarray) else "tensor"
    pixels = on_host(held)
    refuse_masked(pixels, "X", "fill them in")
    if not isinstance(pixels, np.ndarray):
        if isinstance(held, str | PathLike):
            raise ValueError(f"`X` must hold images; got the path {str(held)!r}. {_OPEN}")
        raise ValueError(
            "`X` must hold PIL images, arrays or tensors; got an object of class "
            f"{type(held).__name__} at {index}."
        )
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(
            "`X` must hold images of shape (height, width), (channels, height, width) or (height, "
            f"width, channels); got shape {pixels.shape} at {index}."
        )
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"`X` must hold numbers; got {pixels.dtype} at {index}.")
    if pixels.ndim == 2:
        return Picture(pixels[None], held_as, "grey")
    layout = layout_of(pixels.shape, index) if channels == "auto" else channels
    return Picture(np.moveaxis(pixels, -1, 0) if layout == "last" else pixels, held_as, layout)


def layout_of(shape, index=0):
    """Return where the channels of an image of three dimensions are, "first" or "last".

    Raises
    ------
    ValueError
        If both its first and its last side could be its channels, or neither.
    """
    first, last = shape[0] in _CHANNELS, shape[-1] in _CHANNELS
    if first == last:
        why = "either side could be" if first else "neither side is 1, 3 or 4"
        raise ValueError(
            f"channels='auto' cannot tell where the channels of an image of shape {tuple(shape)} "
            f"are, at {index} of `X`: {why}. Set channels='first' or channels='last'."
        )
    return "first" if first else "last"


def _pixels_of(image, index):
    """Return the pixels of a PIL image, uint8 of shape (1 or 3, H, W)."""
    if not all(image.size):
        raise ValueError(f"`X` must hold images with pixels; got one of size {image.size}.")
    mode = image.mode
    try:
        if mode.startswith("I"):
            values = np.asarray(image)
            if values.min() < 0 or values.max() > 65535:
                raise ValueError(
                    f"`X` must hold images of 8 or 16 bits; got mode {mode!r} with values up to "
                    f"{values.max()} at {index}. Scale it, and convert it to mode 'L'."
                )
            return np.round(values / 257).astype(np.uint8)[None]
        if mode == "F":
            raise ValueError(
                f"`X` must hold images of 8 or 16 bits; got mode 'F' at {index}, whose scale is "
                "not known. Scale it to 0 to 255, and convert it to mode 'L'."
            )
        if mode in ("1", "L", "LA", "La"):
            return np.asarray(image.convert("L"))[None]
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except OSError as error:
        raise ValueError(f"The image at {index} of `X` cannot be read: {error}.") from error


def with_n_channels(pixels, n_channels):
    """Return an image (C, H, W) with this number of channels: grey, or without transparency.

    Where there is no such conversion, or `n_channels` is None, it is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils.pictures import with_n_channels
    >>> with_n_channels(np.zeros((1, 5, 6)), 3).shape
    (3, 5, 6)
    """
    if len(pixels) == 4 and n_channels in (1, 3):
        pixels = pixels[:3]
    if len(pixels) == 1 and n_channels == 3:
        return np.repeat(pixels, 3, axis=0)
    if len(pixels) == 3 and n_channels == 1:
        grey = np.tensordot(_LUMA, pixels, 1)[None]
        return np.round(grey).astype(np.uint8) if pixels.dtype == np.uint8 else grey
    return pixels


def give_back(picture, pixels):
    """Return pixels (C, H, W) held as the picture is."""
    if picture.held_as == "pil":
        from PIL import Image

        return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    if picture.layout == "grey":
        pixels = pixels[0]
    elif picture.layout == "last":
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = np.ascontiguousarray(pixels)
    if picture.held_as == "tensor":
        import torch

        return torch.from_numpy(pixels)
    return pixels


def stacked_pictures(X, n_channels=None):
    """Return rows that a data set, or a list with PIL images, holds, and their labels or None.

    PIL images become numbers from 0 to 1, channels first; anything else is taken as it is.

    Parameters
    ----------
    X : list, Dataset or DataLoader
    n_channels : int, default=None
        To which PIL images are converted: grey where all of them are, if None.

    Returns
    -------
    rows : ndarray of shape (n, ...)
    labels : list

    Raises
    ------
    ValueError
        If there are none, or rows differ in shape.
    """
    rows, labels, are_pil = [], [], []
    for index, (held, label) in enumerate(items(X)):
        are_pil.append(is_picture(held))
        check_one_kind(are_pil)
        if are_pil[-1]:
            held = as_picture(held, index=index).pixels
        rows.append(held if isinstance(held, np.ndarray) else np.asarray(on_host(held)))
        labels.append(label)
    if not rows:
        raise ValueError("`X` must hold at least one row; got none.")
    if are_pil[0]:
        n_channels = n_channels or max(map(len, rows))
        rows = [with_n_channels(row, n_channels) for row in rows]
    shapes = sorted({row.shape for row in rows})
    if len(shapes) > 1:
        raise ValueError(
            f"`X` must hold images of one size; got shapes such as {shapes[0]} and {shapes[-1]}. "
            "Resize them, e.g. by the data set's transform."
        )
    if not are_pil[0]:
        return np.stack(rows), labels
    images = np.empty((len(rows), *rows[0].shape), dtype=np.float32)
    for image, row in zip(images, rows, strict=True):
        np.divide(row, 255, out=image, casting="same_kind")
    return images, labels


def check_one_kind(are_pil):
    """Raise ValueError if the last of several pictures is one of PIL and the first not, or so."""
    if are_pil[-1] != are_pil[0]:
        raise ValueError(
            "`X` mixes PIL images, which are read as numbers from 0 to 1, and arrays, whose "
            "numbers are taken as they are. Convert them to one kind."
        )
