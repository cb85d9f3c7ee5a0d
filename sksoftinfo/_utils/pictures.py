"""Images in the forms that users have: PIL images, arrays, tensors and data sets."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from .host_arrays import on_host, refuse_masked
from .labels import label_array
from .validation import refuse_mappings

# Possible numbers of channels: grey, colours, and colours with transparency.
_CHANNELS = (1, 3, 4)
# Weights of red, green and blue in the grey value (ITU-R 601), as in PIL.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Picture(NamedTuple):
    """Pixels of an image, and the form in which the user has it.

    Attributes
    ----------
    pixels : ndarray of shape (channels, height, width)
        Pixels of dtype uint8, or of the dtype of the user's array.
    held_as : {"pil", "tensor", "array"}
        Type of the user's image.
    layout : {"first", "last", "grey"}
        Position of the channels; ``"grey"`` stands for an array of two dimensions.
    """

    pixels: np.ndarray
    held_as: str
    layout: str

    @property
    def size(self):
        """Height and width."""
        return self.pixels.shape[1:]


def is_picture(value):
    """Return whether a value is a PIL image."""
    # Unless PIL has been imported, there are no PIL images.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(value, pil.Image)


def is_dataset(X):
    """Return whether `X` is a torch Dataset or DataLoader without the shape of an array."""
    data = sys.modules.get("torch.utils.data")
    return (
        data is not None
        and not hasattr(X, "shape")
        and isinstance(X, data.Dataset | data.DataLoader)
    )


def listed(X):
    """Return the items of an iterator, or the images in an array of objects, as a list.

    Other values are returned unchanged.
    """
    if isinstance(X, Iterator) and not hasattr(X, "shape"):
        return list(X)
    if len(getattr(X, "shape", ())) == 1 and str(getattr(X, "dtype", "")) == "object":
        held = list(X)
        if any(is_picture(one) or len(getattr(one, "shape", ())) > 1 for one in held):
            return held
    return X


def holds_pictures(X):
    """Return whether `X` holds images that have not been stacked to an array.

    Such values are data sets, lists with PIL images, and lists of images of different shapes.

    Raises
    ------
    ValueError
        If `X` is a single PIL image, a path or a list of paths.
    """
    if is_picture(X):
        raise ValueError(
            "`X` must hold several images; got one image. Put it into a list: [image]."
        )
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


def check_rows(X):
    """Raise ValueError if `X` cannot hold rows or images, which NumPy would not explain.

    Such values are None, dictionaries and sets, empty lists, and lists with dictionaries or sets,
    with paths, with the content of files, or with None.
    """
    # One format of SciPy's sparse matrices is a dictionary, which scikit-learn refuses by name.
    if X is None or (isinstance(X, dict | set | frozenset | bytes) and not issparse(X)):
        raise ValueError(
            "`X` must be an array, or a list or data set of rows or images; got "
            f"{'None' if X is None else f'an object of class {type(X).__name__}'}. Put the rows "
            "or images into a list."
        )
    held = X
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "OSU":
        held = X.tolist()
    if not isinstance(held, list | tuple):
        return
    if not held:
        raise ValueError("`X` must hold at least one row or image; got none. Pass at least one.")
    refuse_mappings(held)
    for index, one in enumerate(held):
        if isinstance(one, str | PathLike):
            raise ValueError(f"`X` must hold images; got the path {str(one)!r}. {_OPEN}")
        if isinstance(one, bytes):
            raise ValueError(
                f"`X` must hold rows or images; got bytes at index {index}. Decode the content of "
                "a file, e.g. by PIL.Image.open(io.BytesIO(content))."
            )
        if one is None:
            raise ValueError(
                f"`X` must hold rows or images; got None at index {index}. Leave it out."
            )


def in_fixed_order(X):
    """Raise ValueError if `X` is a DataLoader that shuffles, since results follow its order."""
    data = sys.modules.get("torch.utils.data")
    if (
        data is not None
        and isinstance(X, data.DataLoader)
        and isinstance(getattr(X, "sampler", None), data.RandomSampler)
    ):
        raise ValueError(
            "`X` must have a fixed order; got a DataLoader with shuffle=True. Use shuffle=False."
        )


def items(X) -> Iterable[tuple[Any, Any]]:
    """Yield pairs of an image and its label, or None, for each item of `X`.

    Parameters
    ----------
    X : list, array, Dataset or DataLoader
        Items of a Dataset are images, or pairs of an image and a label. Items of a DataLoader are
        batches of images, or of images and labels; or, with a `collate_fn`, lists of the items of
        its Dataset.
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
            "`X` must be a data set whose items are an image, or an image and a label; got a "
            f"{kind} of {len(item)}. Wrap the data set in one that returns (image, label)."
        )
    return item, None


def _of_batch(loader, batch):
    if loader.batch_size is None and loader.batch_sampler is None:
        yield _pair(batch)
        return
    default = sys.modules["torch.utils.data"].default_collate
    # Images of several sizes cannot be stacked, so that `collate_fn` returns a list of them.
    if isinstance(batch, tuple | list) and loader.collate_fn is not default:
        if all(_is_one_image(entry) for entry in batch) or all(map(_is_item, batch)):
            yield from map(_pair, batch)
            return
    pictures, labels = _pair(batch)
    if labels is None:
        yield from ((one, None) for one in pictures)
    else:
        yield from zip(pictures, labels, strict=True)


def _is_one_image(value):
    return is_picture(value) or getattr(value, "ndim", 0) == 3


def _is_item(entry):
    """Return whether an entry of a list is an image in a tuple, alone or with its label."""
    return (
        isinstance(entry, tuple | list)
        and len(entry) in (1, 2)
        and _is_one_image(entry[0])
        and not any(_is_one_image(other) for other in entry[1:])
    )


def n_items(X):
    """Return the number of images in `X`, or None if `X` has no length."""
    if is_dataset(X) and hasattr(X, "batch_sampler"):
        X = X.dataset
    try:
        return len(X)
    except TypeError:
        return None


def labels_of(labels, X=None, classes=None):
    """Return the labels of images as an array, or None if no image has a label.

    Parameters
    ----------
    labels : list
        Label of each image, or None.
    X : list, array, Dataset or DataLoader, default=None
        Source of the images. If it has an attribute ``classes``, e.g. an ImageFolder, this
        attribute holds the names of the labels.
    classes : ndarray of shape (M,), default=None
        Known classes. If the classes are strings and include all names, labels that are indices
        are replaced by their names.

    Raises
    ------
    ValueError
        If only some images have a label, or a label is not one number or string.
    """
    missing = [label is None for label in labels]
    if all(missing):
        return None
    plain = [_plain_label(label) for label in labels]
    if any(missing):
        raise ValueError(
            f"`X` must be a data set with labels for all images or for none; got {sum(missing)} "
            f"of {len(labels)} images without a label. Leave these images out."
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
                "`X` must be a data set with one number or string as the label of each image; "
                f"got an array of shape {label.shape}. Return the index of the class, not "
                "indicators."
            )
        return label.item()
    return label


def as_picture(held, channels="auto", index=0):
    """Return the pixels of an image, channels first, and the form in which the user has it.

    Parameters
    ----------
    held : PIL image, or array or tensor of two or three dimensions
        Image of the user.
    channels : {"auto", "first", "last"}
        Position of the channels in an array of three dimensions.
    index : int
        Index of the image in `X`, for messages.

    Raises
    ------
    ValueError
        If `held` is not an image, is empty, or has ambiguous channels.

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
    refuse_masked(pixels, "X", "Fill them")
    if not isinstance(pixels, np.ndarray):
        if isinstance(held, str | PathLike):
            raise ValueError(f"`X` must hold images; got the path {str(held)!r}. {_OPEN}")
        remedy = "Convert it to one of these."
        # scikit-learn's splits turn a data set into a list of its items.
        if isinstance(held, tuple | list):
            remedy = "Pass X=[image for image, _ in data] and y=[label for _, label in data]."
        raise ValueError(
            "`X` must hold PIL images, arrays or tensors; got an object of class "
            f"{type(held).__name__} at index {index}. {remedy}"
        )
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(
            "`X` must hold images of shape (height, width), (channels, height, width) or "
            f"(height, width, channels); got shape {pixels.shape} at index {index}. Reshape or "
            "convert this image."
        )
    if pixels.dtype.kind not in "biuf":
        raise ValueError(
            f"`X` must hold numbers; got {pixels.dtype} at index {index}. Convert this image to "
            "numbers."
        )
    if pixels.ndim == 2:
        return Picture(pixels[None], held_as, "grey")
    layout = layout_of(pixels.shape, index) if channels == "auto" else channels
    return Picture(np.moveaxis(pixels, -1, 0) if layout == "last" else pixels, held_as, layout)


def layout_of(shape, index=0):
    """Return the position of the channels of an image of three dimensions, "first" or "last".

    Raises
    ------
    ValueError
        If both the first and the last axis could hold the channels, or neither could.
    """
    first, last = shape[0] in _CHANNELS, shape[-1] in _CHANNELS
    if first == last:
        why = "both first and last axis" if first else "neither first nor last axis"
        raise ValueError(
            "`channels` must be 'first' or 'last' for images with ambiguous channels; got 'auto' "
            f"for shape {tuple(shape)} at index {index} of `X`, where {why} could hold the "
            "channels. Set channels='first' or channels='last'."
        )
    return "first" if first else "last"


def _pixels_of(image, index):
    """Return the pixels of a PIL image, uint8 of shape (1 or 3, H, W)."""
    if not all(image.size):
        raise ValueError(
            f"`X` must hold images with pixels; got one of size {image.size}. Leave out this "
            "image."
        )
    mode = image.mode
    if mode == "F":
        raise ValueError(
            f"`X` must hold images of 8 or 16 bits; got mode 'F' at index {index}, whose "
            "scale is unknown. Scale it to 0 to 255, and convert it to mode 'L'."
        )
    try:
        if mode.startswith("I"):
            pixels = np.asarray(image)
        elif mode in ("1", "L", "LA", "La"):
            pixels = np.asarray(image.convert("L"))
        else:
            # PIL warns of transparent palettes unless they become RGBA first.
            if "transparency" in image.info:
                image = image.convert("RGBA")
            pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    # Damaged files, and images that were closed, raise exceptions of several classes.
    except Exception as error:
        raise ValueError(
            f"`X` must hold images that can be read; got an error at index {index}: {error}. "
            "Replace this image."
        ) from error
    if mode.startswith("I"):
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError(
                f"`X` must hold images of 8 or 16 bits; got mode {mode!r} with values up to "
                f"{pixels.max()} at index {index}. Scale it, and convert it to mode 'L'."
            )
        # Modes such as "I;16" are of 16 bits, but "I" is of 32 bits.
        if mode == "I" and 0 < pixels.max() <= 255:
            raise ValueError(
                f"`X` must hold images of 8 or 16 bits; got mode 'I' with values up to "
                f"{pixels.max()} at index {index}, whose scale is unknown. Use "
                "image.convert('L') if the scale ends at 255, and image.convert('I;16') if it "
                "ends at 65535."
            )
        pixels = np.round(pixels / 257).astype(np.uint8)
    return pixels if pixels.ndim == 3 else pixels[None]


def with_n_channels(pixels, n_channels):
    """Convert an image (C, H, W) to a number of channels.

    Transparency is dropped, and grey and colours are converted to each other. If there is no such
    conversion, or `n_channels` is None, the image is returned unchanged.

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
    """Return pixels (C, H, W) in the form of the user's image."""
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
    """Return the rows and labels of a data set, or of a list with PIL images.

    PIL images are scaled to 0 to 1, channels first. Other rows are not modified.

    Parameters
    ----------
    X : list, Dataset or DataLoader
        Images, or rows of other shapes.
    n_channels : int, default=None
        Number of channels to which PIL images are converted. If None, images are converted to
        colour unless all of them are grey.

    Returns
    -------
    rows : ndarray of shape (n, ...)
        Rows of numbers.
    labels : list
        Label of each row, or None.

    Raises
    ------
    ValueError
        If there are no rows, or rows differ in shape or kind.
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
        raise ValueError("`X` must hold at least one row; got none. Pass at least one.")
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
    """Raise ValueError if only one of the first and the last image is a PIL image."""
    if are_pil[-1] != are_pil[0]:
        raise ValueError(
            "`X` must hold images of one kind; got PIL images, which are scaled to [0, 1], and "
            "arrays, which are not. Convert all of them to arrays, or all to PIL images."
        )
