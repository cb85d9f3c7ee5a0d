"""Command line: ``python -m sksoftinfo demo`` and ``python -m sksoftinfo bounds``."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

# Where a command's function, of the command's name, is.
_COMMANDS = {"demo": "demo", "bounds": "table"}


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
        # What a command needs is imported when it is given: `--help` answers at once.
        command = import_module(f"sksoftinfo._command_line.{_COMMANDS[options.command]}")
        getattr(command, options.command)(options)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"sksoftinfo: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
