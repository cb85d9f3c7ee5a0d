"""Command line: ``python -m sksoftinfo demo`` and ``python -m sksoftinfo bounds``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_N_TRAIN, _N_TEST, _N_SHOWN = 2000, 500, 6
_MAX_EPOCHS = 30


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sksoftinfo",
        description="Neural classifiers that say how much label information they carry.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="train on handwritten digits, print the information bounds and draw what is kept",
        description=(
            "Trains a deterministic and a stochastic network to say whether an image of one or "
            "two handwritten digits contains the target digit; prints their information bounds "
            "on test images; draws the bounds (bounds.png) and, for the target, image, "
            "information map and masked image (info_mask.png, the paper's Figure 2)."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    demo.add_argument("--out", type=Path, default=Path("."), help="folder for the two pictures")
    demo.add_argument(
        "--data",
        choices=("digits", "mnist"),
        default="digits",
        help="scikit-learn's bundled digits, or MNIST, which is downloaded by torchvision",
    )
    demo.add_argument(
        "--target", type=int, choices=range(10), default=0, metavar="0-9", help="target digit"
    )
    demo.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    demo.add_argument("--seed", type=int, default=0, help="seed of data and training")
    bounds = commands.add_parser(
        "bounds",
        help="print how much information a table holds about one of its columns",
        description=(
            "Reads a comma-separated table with a header, encodes its columns as numbers, and "
            "prints how much the other columns say about the target, at least: cross-fitted in "
            "five folds, with a 95 % confidence limit, against the target's entropy H(Y)."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    bounds.add_argument("table", type=Path, metavar="TABLE.csv", help="the table")
    bounds.add_argument("--target", required=True, metavar="COLUMN", help="column of labels")
    bounds.add_argument(
        "--model",
        choices=("info", "logistic", "boosting", "stack"),
        default="stack",
        help="classifier: our network, logistic regression, boosting, or a mixture of several",
    )
    bounds.add_argument("--units", choices=("bits", "nats"), default="bits", help="unit")
    return parser


def main(arguments=None):
    """Run the command line and return its exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        {"demo": demo, "bounds": bounds}[options.command](options)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"sksoftinfo: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def demo(options):
    """Train, print the bounds and draw the two pictures."""
    check_device(options.device)
    check_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)

    from sklearn.frozen import FrozenEstimator
    from tqdm import tqdm

    from . import (
        InfoMaskDisplay,
        InfoMaskTransformer,
        InformationBoundsDisplay,
        InfoSoftmaxClassifier,
        StochasticInfoClassifier,
    )
    from ._networks.callbacks import EpochTicker

    train, test = (load(options, subset) for subset in ("train", "test"))
    with tqdm(total=2 * _MAX_EPOCHS + 1, desc="training", unit="epoch") as progress:
        shared = {
            "max_epochs": _MAX_EPOCHS,
            "device": options.device,
            "random_state": options.seed,
            "callbacks": [("progress", EpochTicker(lambda: progress.update()))],
        }
        network = InfoSoftmaxClassifier(**shared).fit(train.data, train.target)
        noisy = StochasticInfoClassifier(**shared).fit(train.data, train.target)
        progress.set_description("masking")
        masker = InfoMaskTransformer(
            FrozenEstimator(network), target=1, random_state=options.seed
        ).fit(train.data, train.target)
        progress.update()

    networks = {"deterministic": network, "stochastic": noisy}
    results = {
        name: classifier.score_bounds(test.data, test.target)
        for name, classifier in networks.items()
    }
    print(f"\nIs there a {options.target}? Bounds on {len(test.data)} test images.\n")
    for name, one in results.items():
        accuracy = networks[name].score(test.data, test.target)
        print(f"{name} network, accuracy {accuracy:.3f}\n{one}\n")
    print_localisation(masker, test)

    shown = shown_images(test)
    for name, display in (
        ("info_mask.png", InfoMaskDisplay.from_estimator(masker, test.data[shown])),
        ("bounds.png", InformationBoundsDisplay(results).plot()),
    ):
        display.figure_.savefig(options.out / name, dpi=150)
        print(f"wrote {options.out / name}")


def bounds(options):
    """Print what a table holds about one of its columns."""
    from ._table import table_bounds

    found = table_bounds(options.table, options.target, model=options.model, units=options.units)
    print(
        f"{options.table} says of {options.target!r} at least {found.mi_lower:.3f} of "
        f"H(Y) = {found.label_entropy:.3f} {found.units}; at least "
        f"{found.mi_lower_confidence:.3f} {found.units} with 95 % confidence.\n\n{found}"
    )


def check_device(device):
    """Raise ValueError unless torch knows the device and has it."""
    import torch

    if device == "auto":
        return
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device {device} cannot be used here: use auto, cpu or a device that torch has."
        ) from error


def check_seed(seed):
    """Raise ValueError unless NumPy takes the seed."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed {seed} is outside 0 to {2**32 - 1}.")


def load(options, subset):
    """Return the composites of a subset."""
    from .datasets import fetch_mnist_pairs, make_digit_pairs

    n_samples = _N_TRAIN if subset == "train" else _N_TEST
    source = make_digit_pairs if options.data == "digits" else fetch_mnist_pairs
    # Another seed for the test images: they share no digit with the training images either way.
    seed = options.seed if subset == "train" else (options.seed + 1) % 2**32
    return source(n_samples=n_samples, subset=subset, target=options.target, random_state=seed)


def shown_images(test):
    """Return images to draw: most with two digits, one of them the target; some without."""
    import numpy as np

    both = (test.digits >= 0).all(axis=1)
    groups = [both & (test.target == 1), ~both & (test.target == 1), both & (test.target == 0)]
    counts = [_N_SHOWN - 2, 1, 1]
    return np.concatenate(
        [np.flatnonzero(group)[:count] for group, count in zip(groups, counts, strict=True)]
    )


def print_localisation(masker, test):
    """Print how well what is kept agrees with the target's ink."""
    kept = masker.mask(test.data) & test.foreground
    present = test.target == 1
    union = (kept | test.masks)[present].sum(axis=(1, 2))
    iou = ((kept & test.masks)[present].sum(axis=(1, 2)) / union).mean()
    absent = kept[~present].sum() / test.foreground[~present].sum()
    print(
        f"information masking ({masker.patch_scoring_}, patches of {masker.patch_size_[0]} x "
        f"{masker.patch_size_[1]} pixels): mean IoU with the target's ink {iou:.3f}, ink kept "
        f"where the target is absent {absent:.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
