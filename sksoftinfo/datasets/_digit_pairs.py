"""Images of one or two handwritten digits, with the pixels of a target digit.

The task of the paper's section 4 is to detect the target digit and then to mask all other pixels.
"""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import get_data_home, load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch, check_random_state

from .._utils import Interval, StrOptions, validate_params

_SIZE = 28
# Pixels above this share of full ink belong to a digit; darker pixels are the smooth rim that
# interpolation leaves.
INK_THRESHOLD = 0.2
_TEST_SHARE = 0.3
# Seed that fixes the test digits, independently of the caller's seed.
_SPLIT_SEED = 0
_DESCRIPTION = """\
Images of 28 x 56 pixels with one or two handwritten digits, left or right, from {source}.
Half of the images contain the target digit {target}, alone or beside another digit; the others
hold one or two digits that are not the target. `target` is 1 where the target is in the image,
`masks` marks its ink and `foreground` all ink (brighter than {threshold} of full ink)."""


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "subset": [StrOptions({"train", "test", "all"})],
        "target": [Interval(Integral, 0, 9, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_digit_pairs(
    n_samples: int = 1000,
    *,
    subset: Literal["train", "test", "all"] = "train",
    target: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Compose images of one or two handwritten digits from scikit-learn's bundled digits.

    Digits are on the left and on the right of an image of 28 x 56 pixels. Half of the images,
    rounded up, contain the target digit. Each 8 x 8 digit of
    `sklearn.datasets.load_digits` is enlarged to 28 x 28 by cubic interpolation.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of images.
    subset : {"train", "test", "all"}, default="train"
        Digits to compose from: the training part (70 %), the test part (30 %), or all 1797. The
        two parts share no handwritten digit, whatever the seeds.
    target : int, default=0
        Target digit, 0 to 9.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of digits, of their sides and of the order of images.

    Returns
    -------
    sklearn.utils.Bunch
        Its attributes are:

        data : ndarray of shape (n_samples, 28, 56), float32
            Ink, within [0, 1].
        target : ndarray of shape (n_samples,), int64
            1 where the image contains the target digit.
        masks : ndarray of shape (n_samples, 28, 56), bool
            Ink of the target digit.
        foreground : ndarray of shape (n_samples, 28, 56), bool
            Ink of all digits.
        digits : ndarray of shape (n_samples, 2), int64
            Digits on the left and on the right; -1 for an empty side.
        instances : ndarray of shape (n_samples, 2), int64
            Index of each handwritten digit in the source; -1 for an empty side.
        DESCR : str
            Description of the images.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    fetch_mnist_pairs : Compose the same images from MNIST.

    Examples
    --------
    >>> from sksoftinfo.datasets import make_digit_pairs
    >>> pairs = make_digit_pairs(100, random_state=0)
    >>> pairs.data.shape, int(pairs.target.sum())
    ((100, 28, 56), 50)
    """
    digits = load_digits()
    images = np.stack([_enlarge(image) for image in digits.images / 16.0])
    rows = np.arange(len(images))
    if subset != "all":
        parts = train_test_split(
            rows, test_size=_TEST_SHARE, random_state=_SPLIT_SEED, stratify=digits.target
        )
        rows = np.sort(parts[subset == "test"])
    return _compose(
        images, digits.target, rows, n_samples, target, random_state, "sklearn's load_digits"
    )


def _enlarge(image):
    large = zoom(image, _SIZE / len(image), order=3, mode="nearest", grid_mode=True)
    return np.clip(large, 0.0, 1.0)


@validate_params(
    {
        "data_home": [None, str, Path],
        "n_samples": [None, Interval(Integral, 1, None, closed="left")],
        "subset": [StrOptions({"train", "test"})],
        "download": ["boolean"],
        "target": [Interval(Integral, 0, 9, closed="both")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_mnist_pairs(
    data_home: str | Path | None = None,
    *,
    n_samples: int | None = None,
    subset: Literal["train", "test"] = "train",
    download: bool = True,
    target: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Compose images of one or two handwritten digits from MNIST, loaded by torchvision.

    Parameters
    ----------
    data_home : str or Path, default=None
        Folder for torchvision's ``MNIST/raw``; the folder ``sksoftinfo`` in scikit-learn's data
        home if None.
    n_samples : int, default=None
        Number of images; if None, as many as the subset has digits (60,000 or 10,000).
    subset : {"train", "test"}, default="train"
        MNIST's own training or test digits.
    download : bool, default=True
        Whether to download files that are missing.
    target : int, default=0
        Target digit, 0 to 9.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of digits, of their sides and of the order of images.

    Returns
    -------
    sklearn.utils.Bunch
        Images with the same attributes as the result of `make_digit_pairs`.

    Raises
    ------
    ImportError
        If torchvision is not installed.
    FileNotFoundError
        If files are missing and ``download=False``.
    OSError
        If files cannot be read or downloaded.
    ValueError
        If files are invalid, or a parameter is out of its range.

    See Also
    --------
    make_digit_pairs : Compose the same images without a download.

    Examples
    --------
    >>> from sksoftinfo.datasets import fetch_mnist_pairs
    >>> pairs = fetch_mnist_pairs(n_samples=100, subset="test")  # doctest: +SKIP
    >>> pairs.data.shape  # doctest: +SKIP
    (100, 28, 56)
    """
    try:
        from torchvision.datasets import MNIST
    except ImportError as error:
        raise ImportError(
            "fetch_mnist_pairs needs torchvision, which is not installed. Run pip install "
            "'sksoftinfo[vision]'."
        ) from error

    home = Path(get_data_home()) / "sksoftinfo" if data_home is None else Path(data_home)
    images, labels = _load_mnist(MNIST, home, subset, download)
    n_samples = len(images) if n_samples is None else n_samples
    rows = np.arange(len(images))
    return _compose(images, labels, rows, n_samples, target, random_state, f"MNIST's {subset} set")


def _load_mnist(dataset, home, subset, download):
    """Return images of shape (n, 28, 28), within [0, 1], and labels from MNIST files."""
    raw = home / "MNIST" / "raw"
    try:
        mnist = dataset(home, train=subset == "train", download=download)
        _check_mnist(mnist.data, mnist.targets)
    except OSError:
        raise
    # Many types of errors: torchvision does not validate sizes and types in the files.
    except Exception as error:
        if "not found" in str(error):
            raise FileNotFoundError(
                f"`data_home` must hold the MNIST files if download=False; got none in {raw}. "
                "Pass another folder, or set download=True."
            ) from error
        if "downloading" in str(error):
            raise OSError(
                f"The MNIST files could not be downloaded to {raw} ({error}). Check the "
                "connection, or pass a `data_home` that holds these files."
            ) from error
        raise ValueError(
            f"The MNIST files in {raw} are invalid ({type(error).__name__}: {error}). Delete that "
            "folder, and set download=True."
        ) from error
    return mnist.data.numpy().astype(np.float32) / 255.0, mnist.targets.numpy()


def _check_mnist(images, labels):
    """Raise ValueError for invalid images and labels that torchvision accepts."""
    if tuple(images.shape[1:]) != (_SIZE, _SIZE) or not len(images):
        raise ValueError(f"images must have shape (n, 28, 28); got {tuple(images.shape)}")
    if len(labels) != len(images):
        raise ValueError(
            f"each image must have a label; got {len(images)} images and {len(labels)} labels"
        )
    if labels.max() > 9:
        raise ValueError(f"labels must be 0 to 9; got {int(labels.max())}")


def _compose(images, labels, rows, n_samples, target, random_state, source):
    """Draw composites from the digits `rows` of `images` (n, 28, 28)."""
    rng = check_random_state(random_state)
    wanted, other = rows[labels[rows] == target], rows[labels[rows] != target]
    if not len(wanted) or not len(other):
        raise ValueError(
            f"`target` must be a digit that is in the source beside other digits; got {target!r}, "
            f"with {len(wanted)} target digits and {len(other)} others. Choose another target."
        )
    present = rng.permutation(np.arange(n_samples) < (n_samples + 1) // 2)
    first = np.where(present, rng.choice(wanted, n_samples), rng.choice(other, n_samples))
    second = np.where(rng.random(n_samples) < 0.5, rng.choice(other, n_samples), -1)
    instances = np.stack([first, second], axis=1)
    swapped = rng.random(n_samples) < 0.5
    instances[swapped] = instances[swapped, ::-1]

    empty = instances < 0
    digits = np.where(empty, -1, labels[instances])
    tiles = images[instances].astype(np.float32)
    tiles[empty] = 0.0
    ink = tiles > INK_THRESHOLD
    return Bunch(
        data=_side_by_side(tiles),
        target=present.astype(np.int64),
        masks=_side_by_side(ink & (digits == target)[:, :, None, None]),
        foreground=_side_by_side(ink),
        digits=digits.astype(np.int64),
        instances=instances.astype(np.int64),
        DESCR=_DESCRIPTION.format(source=source, target=target, threshold=INK_THRESHOLD),
    )


def _side_by_side(tiles):
    return np.ascontiguousarray(np.concatenate([tiles[:, 0], tiles[:, 1]], axis=2))
