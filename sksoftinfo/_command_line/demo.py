"""``python -m sksoftinfo demo``: bounds of digits, and Figure 2 of arXiv 1910.02629."""

from __future__ import annotations

import numpy as np
from sklearn.frozen import FrozenEstimator

from .. import (
    InfoMaskDisplay,
    InfoMaskTransformer,
    InformationBoundsDisplay,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
)
from .._classifiers import EpochTicker
from ..datasets import fetch_mnist_pairs, make_digit_pairs
from ..metrics import mask_iou_score
from .options import check_device, check_seed
from .output_files import check_folder, make_folder
from .wording import in_options, tell

_N_TRAIN, _N_TEST, _N_SHOWN = 2000, 500, 6
_MAX_EPOCHS = 30


def demo(options):
    """Train two networks, print their bounds and draw two figures."""
    check_device(options.device)
    check_seed(options.seed)
    check_folder(options.out, ("info_mask.png", "bounds.png"))
    make_folder(options.out)

    from tqdm import tqdm

    train, test = (load(options, subset) for subset in ("train", "test"))
    with tqdm(total=2 * _MAX_EPOCHS, desc="training", unit="epoch") as progress:
        shared = {
            "max_epochs": _MAX_EPOCHS,
            "device": options.device,
            "random_state": options.seed,
            "callbacks": [("progress", EpochTicker(lambda: progress.update()))],
        }
        network = InfoSoftmaxClassifier(**shared).fit(train.data, train.target)
        noisy = StochasticInfoClassifier(**shared).fit(train.data, train.target)
    tell(["calibrating the masks"])
    masker = InfoMaskTransformer(
        FrozenEstimator(network), target=1, random_state=options.seed
    ).fit(train.data, train.target)

    networks = {"deterministic": network, "stochastic": noisy}
    results = {
        name: classifier.score_bounds(test.data, test.target)
        for name, classifier in networks.items()
    }
    print(f"\nIs there a {options.target}? Bounds on {len(test.data)} test images.")
    print("Equations, and the sandwich, are those of arXiv 1910.02629.\n")
    for name, one in results.items():
        accuracy = networks[name].score(test.data, test.target)
        print(f"{name} network, accuracy {accuracy:.3f}\n{one}\n")
    print_localisation(masker, test)

    shown = shown_images(test)
    masked = InfoMaskDisplay.from_estimator(masker, test.data[shown])
    title = f"evidence that the\nimage contains a {options.target}"
    masked.axes_[0, 1].set_title(title, fontsize=9)
    for name, display in (
        ("info_mask.png", masked),
        ("bounds.png", InformationBoundsDisplay(results).plot()),
    ):
        display.figure_.savefig(options.out / name, dpi=150)
        print(f"wrote {options.out / name}")


def load(options, subset):
    """Return the composites of a subset."""
    n_samples = _N_TRAIN if subset == "train" else _N_TEST
    source = make_digit_pairs if options.data == "digits" else fetch_mnist_pairs
    # Test images have another seed; they never share a digit with the training images.
    seed = options.seed if subset == "train" else (options.seed + 1) % 2**32
    try:
        return source(n_samples=n_samples, subset=subset, target=options.target, random_state=seed)
    except OSError as error:
        raise OSError(in_options(str(error))) from error


def shown_images(test):
    """Return the positions of images to draw, most of them with the target and another digit."""
    both = (test.digits >= 0).all(axis=1)
    groups = [both & (test.target == 1), ~both & (test.target == 1), both & (test.target == 0)]
    counts = [_N_SHOWN - 2, 1, 1]
    return np.concatenate(
        [np.flatnonzero(group)[:count] for group, count in zip(groups, counts, strict=True)]
    )


def print_localisation(masker, test):
    """Print how well the kept pixels agree with the target's ink."""
    kept = masker.mask(test.data) & test.foreground
    present = test.target == 1
    iou = mask_iou_score(test.masks, kept)
    absent = kept[~present].sum() / test.foreground[~present].sum()
    print(
        f"information masking ({masker.patch_scoring_}, patches of {masker.patch_size_[0]} x "
        f"{masker.patch_size_[1]} pixels): mean IoU with the target's ink, over pixels "
        f"with ink, {iou:.3f}; ink kept where the target is absent {absent:.3f}"
    )
