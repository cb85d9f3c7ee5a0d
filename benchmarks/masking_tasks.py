"""Composites of handwritten digits, with the known pixels of each digit.

Digits are split by instance, so that no training digit occurs in validation or test images: 70 %
for training, 10 % for validation, 20 % for test (7,000, 1,000 and 2,000 of MNIST's t10k digits).
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksoftinfo.metrics import mask_iou_score

INK = 0.2
PARTS = ("train", "valid", "test")


@dataclass
class Composites:
    """Images (n, H, W), labels (n,), and which digit's ink covers a pixel, -1 for none."""

    data: np.ndarray
    target: np.ndarray
    digit_of_pixel: np.ndarray

    def masks(self, digit):
        """Return the ink of one digit, bool of the images' shape."""
        return self.digit_of_pixel == digit

    @property
    def foreground(self):
        return self.digit_of_pixel >= 0

    def present(self, digit):
        """Return which images hold the digit."""
        return self.masks(digit).any(axis=(1, 2))


@dataclass
class Digits:
    """Handwritten digits (n, 28, 28) within [0, 1], their labels, and the rows of each part."""

    images: np.ndarray
    labels: np.ndarray
    parts: dict


def read_idx(path):
    """Return the array of an IDX file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        raw = file.read()
    n_axes = raw[3]
    shape = np.frombuffer(raw, ">i4", n_axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def find_idx(folder, name):
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return read_idx(path)
    raise FileNotFoundError(f"There is no {name} or {name}.gz in {folder}.")


def load_bank(mnist=None):
    """Return MNIST's t10k digits from a folder of IDX files, or scikit-learn's, enlarged."""
    if mnist is None:
        digits = load_digits()
        enlarged = [
            zoom(image / 16, 3.5, mode="nearest", grid_mode=True) for image in digits.images
        ]
        images, labels = np.clip(enlarged, 0, 1).astype(np.float32), digits.target
    else:
        images = find_idx(Path(mnist), "t10k-images-idx3-ubyte").astype(np.float32) / 255
        labels = find_idx(Path(mnist), "t10k-labels-idx1-ubyte").astype(np.int64)
    rows = np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=0.2, stratify=labels, random_state=0)
    train, valid = train_test_split(rest, test_size=1 / 8, stratify=labels[rest], random_state=0)
    return Digits(images, labels, {"train": train, "valid": valid, "test": test})


def pick(bank, part, digits, rng):
    """Return, for an array of digits, the row of an image of each digit; -1 for no digit."""
    rows = bank.parts[part]
    chosen = np.full(digits.shape, -1)
    for digit in range(10):
        here = digits == digit
        chosen[here] = rng.choice(rows[bank.labels[rows] == digit], here.sum())
    return chosen


def other_digits(n, how_many, rng, target=None):
    """Return distinct digits (n, how_many) in random order, none of them the target."""
    order = rng.random((n, 10))
    if target is not None:
        order[:, target] = 2.0
    return order.argsort(axis=1)[:, :how_many]


def presence_digits(part, n, how_many, target, rng):
    """Return digits (n, how_many), -1 for none, the target among them in half of the images.

    Training and validation images hold between one and `how_many` digits, like the paper's images.
    Test images hold `how_many` digits, so that there is always something to mask.
    """
    digits = other_digits(n, how_many, rng, target)
    present = rng.permutation(n) < n // 2
    keep = rng.integers(how_many, size=n)
    digits[present, keep[present]] = target
    if part != "test":
        dropped = rng.random(digits.shape).argsort(1) < rng.integers(how_many, size=n)[:, None]
        dropped[np.arange(n), keep] = False
        digits[dropped] = -1
    return digits, present.astype(np.int64)


def side_by_side(bank, part, digits, rng):
    """Return images (n, 28, 56) of two digits each."""
    rows = pick(bank, part, digits, rng)
    tiles = np.where(rows[:, :, None, None] >= 0, bank.images[rows], 0)
    of_pixel = np.where(tiles > INK, digits[:, :, None, None], -1)
    return np.concatenate(tiles.swapaxes(0, 1), axis=2), np.concatenate(
        of_pixel.swapaxes(0, 1), axis=2
    )


def bounding_box(image):
    rows, columns = np.flatnonzero(image.max(1) > 0), np.flatnonzero(image.max(0) > 0)
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scattered(bank, part, digits, rng, size=56):
    """Return images (n, 56, 56) of digits at random places, whose boxes do not touch."""
    rows = pick(bank, part, digits, rng)
    data = np.zeros((len(digits), size, size), np.float32)
    of_pixel = np.full(data.shape, -1)
    for index in range(len(digits)):
        there = rows[index] >= 0
        tiles = [image[bounding_box(image)] for image in bank.images[rows[index, there]]]
        windows = places(tiles, size, rng)
        for window, tile, digit in zip(windows, tiles, digits[index, there], strict=True):
            data[index][window] = tile
            of_pixel[index][window] = np.where(tile > INK, digit, -1)
    return data, of_pixel


def places(tiles, size, rng):
    """Return disjoint windows for the tiles, uniformly over all possible placements."""
    while True:
        taken = np.zeros((size, size), bool)
        windows = []
        for tile in tiles:
            height, width = tile.shape
            top, left = rng.integers(size - height + 1), rng.integers(size - width + 1)
            window = np.s_[top : top + height, left : left + width]
            if taken[
                max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1
            ].any():
                break
            taken[window] = True
            windows.append(window)
        else:
            return windows


def presence_pairs(bank, part, n, seed, target=0):
    """Return images, 28 x 56, of at most two digits; the label is the target's presence."""
    rng = np.random.default_rng([seed, PARTS.index(part)])
    digits, labels = presence_digits(part, n, 2, target, rng)
    data, of_pixel = side_by_side(bank, part, digits, rng)
    return Composites(data, labels, of_pixel)


def single_digits(bank, part, n, seed):
    """Return images, 28 x 56, of one digit, left or right; the label is the digit."""
    rng = np.random.default_rng([seed, PARTS.index(part)])
    labels = rng.integers(10, size=n)
    digits = np.full((n, 2), -1)
    digits[np.arange(n), rng.integers(2, size=n)] = labels
    data, of_pixel = side_by_side(bank, part, digits, rng)
    return Composites(data, labels, of_pixel)


def ten_class_pairs(bank, part, n, seed):
    """Return images, 28 x 56, of two different digits; the label is one of them."""
    rng = np.random.default_rng([seed, PARTS.index(part)])
    digits = other_digits(n, 2, rng)
    labels = digits[np.arange(n), rng.integers(2, size=n)]
    data, of_pixel = side_by_side(bank, part, digits, rng)
    return Composites(data, labels, of_pixel)


def scattered_triples(bank, part, n, seed, target=0):
    """Return images, 56 x 56, of at most three digits; the label is the target's presence."""
    rng = np.random.default_rng([seed, PARTS.index(part)])
    digits, labels = presence_digits(part, n, 3, target, rng)
    data, of_pixel = scattered(bank, part, digits, rng)
    return Composites(data, labels, of_pixel)


def localisation(kept, composites, digit):
    """Return how well the kept pixels (n, H, W) agree with the digit's ink.

    Returns
    -------
    dict
        ``iou``: mean intersection over union among ink, where the digit is in the image;
        ``target``, ``other``: share of the brightness of its ink that is kept, and
        of the other digits';
        ``absent``: share of the brightness of all ink that is kept where the digit is not in
        the image.
    """
    present = composites.present(digit)
    truth, ink = composites.masks(digit), composites.foreground
    kept = kept & ink
    brightness = composites.data
    shares = {
        "target": truth & present[:, None, None],
        "other": ink & ~truth & present[:, None, None],
        "absent": ink & ~present[:, None, None],
    }
    return {
        "iou": mask_iou_score(truth, kept),
        **{
            name: float(brightness[kept & where].sum() / brightness[where].sum())
            for name, where in shares.items()
        },
    }
