"""Command line: ``python -m sksoftinfo`` with ``demo``, ``bounds`` or ``mask``."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

# Where a command's function, of the command's name, is.
_COMMANDS = {"demo": "demo", "bounds": "table", "mask": "mask"}


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
    _add_bounds(commands)
    _add_mask(commands)
    return parser


def _add_bounds(commands):
    bounds = commands.add_parser(
        "bounds",
        help="print how much information a table holds about one of its columns",
        description=(
            "Reads a table (text with separators, parquet, xlsx or JSON, also compressed), tells "
            "what it read, and prints how much the other columns tell about the target, at least: "
            "cross-fitted in five folds, with a confidence limit, against the target's entropy. "
            "The answer goes to standard output, all else to standard error."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    bounds.add_argument("table", type=Path, metavar="TABLE", help="file of the table")
    bounds.add_argument("--target", required=True, metavar="COLUMN", help="column of labels")
    rows = bounds.add_argument_group("columns and rows")
    rows.add_argument("--columns", nargs="+", metavar="COLUMN", help="use these columns alone")
    rows.add_argument("--drop", nargs="+", metavar="COLUMN", help="leave these columns out")
    rows.add_argument(
        "--groups", metavar="COLUMN", help="rows of one value belong together, such as a patient"
    )
    rows.add_argument(
        "--time", metavar="COLUMN", help="order of the rows: each is predicted from those before"
    )
    rows.add_argument(
        "--bins",
        type=int,
        metavar="K",
        help="cut a target of numbers into K classes of equal size",
    )
    rows.add_argument(
        "--drop-missing-target", action="store_true", help="leave rows without a label out"
    )
    rows.add_argument(
        "--rare-classes",
        choices=("drop", "merge"),
        default="drop",
        help="what becomes of classes of fewer than five rows",
    )
    rows.add_argument(
        "--equal-rows",
        choices=("auto", "together", "independent"),
        default="auto",
        help="whether equal rows count as one; by itself, where they look like copies",
    )
    reading = bounds.add_argument_group("reading, found out unless named")
    reading.add_argument("--sep", metavar="MARK", help="what separates columns, such as ; or tab")
    reading.add_argument("--decimal", choices=(".", ","), help="decimal mark")
    reading.add_argument("--encoding", metavar="NAME", help="such as utf-8, latin-1 or utf-16")
    model = bounds.add_argument_group("model and answer")
    model.add_argument(
        "--model",
        choices=("info", "logistic", "boosting", "stack"),
        default="stack",
        help="classifier: our network, logistic regression, boosting, or a mixture of several",
    )
    model.add_argument(
        "--quick", action="store_true", help="mix logistic regression and boosting alone"
    )
    model.add_argument(
        "--no-columns", action="store_true", help="do not evaluate each column by itself"
    )
    model.add_argument("--confidence-level", type=float, default=0.95, help="of the limit")
    model.add_argument("--units", choices=("bits", "nats"), default="bits", help="unit")
    model.add_argument("--jobs", type=int, metavar="N", help="models to train at a time")
    model.add_argument("--seed", type=int, default=0, help="seed of the folds and models")
    model.add_argument("--json", action="store_true", help="print one JSON object")
    model.add_argument(
        "--report",
        type=Path,
        metavar="PAGE.html",
        help="write a page with pictures; takes about three times as long",
    )
    model.add_argument("--all", action="store_true", help="print the paper's quantities, too")


def _add_mask(commands):
    mask = commands.add_parser(
        "mask",
        help="cut an object out of photographs by a network that is trained already",
        description=(
            "Writes two pictures about each photograph: NAME.cutout.png, transparent where "
            "nothing is evidence of the target, and NAME.overlay.png, the evidence laid over the "
            "photograph, in nats. The network's own weights are used, and nothing is trained."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    mask.add_argument(
        "photographs", type=Path, nargs="+", metavar="PHOTO", help="files of photographs"
    )
    mask.add_argument(
        "--target",
        action="append",
        metavar="CLASS",
        help=(
            "class to keep, as the network names it, e.g. tabby; given several times, any of "
            "them; by itself, the class that the network sees in each photograph"
        ),
    )
    mask.add_argument("--out", type=Path, default=Path("."), help="folder for the pictures")
    mask.add_argument(
        "--network",
        default="efficientnet-lite0",
        metavar="NAME",
        help="or a name of torchvision.models, whose weights are downloaded, such as resnet50",
    )
    mask.add_argument(
        "--threshold",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="pixels with more than this share of the photograph's largest evidence are kept",
    )
    mask.add_argument(
        "--overwrite", action="store_true", help="write over pictures that are there"
    )
    mask.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")


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


def run():
    """Run the command line and end the program: what the script `sksoftinfo` does."""
    sys.exit(main())


if __name__ == "__main__":
    run()
