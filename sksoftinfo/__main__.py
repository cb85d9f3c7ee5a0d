"""Command line: ``python -m sksoftinfo`` with ``demo``, ``bounds`` or ``mask``."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

# Module of the function of each command; the function has the name of the command.
_COMMANDS = {"demo": "demo", "bounds": "table", "mask": "mask"}


def _option(group, *names, help, **options):
    """Add an argument whose help states the default, if there is one."""
    if options.get("default") is not None:
        help += " (default: %(default)s)"
    group.add_argument(*names, help=help, **options)


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sksoftinfo",
        description=(
            "Measure how much information data carry about a label, and where in an image it lies."
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="train networks on handwritten digits, print their information bounds, and draw "
        "images masked by information",
        description=(
            "Train a deterministic and a stochastic network to detect the target digit in images "
            "of one or two handwritten digits, and print their information bounds on test images. "
            "Draw the bounds (bounds.png), and images with the evidence for the target, the masks "
            "and the masked images (info_mask.png, like Figure 2 of arXiv 1910.02629)."
        ),
    )
    _option(demo, "--out", type=Path, default=Path("."), help="folder for the two figures")
    _option(
        demo,
        "--data",
        choices=("digits", "mnist"),
        default="digits",
        help="scikit-learn's bundled digits, or MNIST, which is downloaded by torchvision",
    )
    _option(
        demo,
        "--target",
        type=int,
        choices=range(10),
        default=0,
        metavar="0-9",
        help="target digit",
    )
    _option(demo, "--device", default="auto", help="auto, cpu, cuda or cuda:1")
    _option(demo, "--seed", type=int, default=0, help="seed of data and training")
    _add_bounds(commands)
    _add_mask(commands)
    return parser


def _add_bounds(commands):
    bounds = commands.add_parser(
        "bounds",
        # Options with several values would take the table as one of them.
        usage="%(prog)s TABLE --target COLUMN [OPTION ...]",
        help="print how much information a table carries about one of its columns",
        description=(
            "Read a table (delimited text, parquet, xlsx or JSON, compressed or not), and print a "
            "lower bound on the information that the other columns carry about the target, "
            "cross-fitted in five folds, with a confidence limit and the target's entropy. "
            "The result goes to standard output; the summary of what was read, warnings and "
            "progress go to standard error."
        ),
    )
    _option(bounds, "table", type=Path, metavar="TABLE", help="file that contains the table")
    _option(
        bounds,
        "--target",
        required=True,
        metavar="COLUMN",
        help="column to predict; its values are the classes",
    )
    rows = bounds.add_argument_group("columns and rows")
    _option(rows, "--columns", nargs="+", metavar="COLUMN", help="use only these columns")
    _option(rows, "--drop", nargs="+", metavar="COLUMN", help="leave these columns out")
    _option(
        rows,
        "--groups",
        metavar="COLUMN",
        help="column of groups, such as patients; each group is held out together; with --time, "
        "rows are predicted from earlier rows of other groups",
    )
    _option(
        rows,
        "--time",
        metavar="COLUMN",
        help="column of times: rows are sorted by it, and each is predicted from earlier rows; a "
        "block of rows is then one observation",
    )
    _option(
        rows,
        "--bins",
        type=int,
        metavar="K",
        help="cut a target of numbers or dates into K classes of about equal size",
    )
    _option(
        rows, "--drop-missing-target", action="store_true", help="leave out rows without a label"
    )
    _option(
        rows,
        "--rare-classes",
        choices=("drop", "merge"),
        default="drop",
        help="classes with fewer than five rows: drop leaves out their rows; merge joins them "
        "into one class, if they have five rows together",
    )
    _option(
        rows,
        "--equal-rows",
        choices=("auto", "together", "independent"),
        default="auto",
        help="together: equal rows count as one observation; independent: as several; auto: as "
        "one if they look like copies",
    )
    reading = bounds.add_argument_group("reading the file (detected unless given)")
    _option(reading, "--sep", metavar="MARK", help="separator of the columns, such as ; or tab")
    _option(reading, "--decimal", choices=(".", ","), metavar="MARK", help="decimal mark, . or ,")
    _option(
        reading,
        "--encoding",
        metavar="NAME",
        help="encoding of the text, such as utf-8, latin-1 or utf-16",
    )
    result = bounds.add_argument_group("classifier and result")
    _option(
        result,
        "--model",
        choices=("info", "logistic", "boosting", "stack"),
        default="stack",
        help="classifier for all columns together: info (a network), logistic (regression), "
        "boosting, or stack (a mixture of several kinds); single columns are always "
        "evaluated by logistic regression",
    )
    _option(
        result,
        "--quick",
        action="store_true",
        help="with --model stack, mix only logistic regression and boosting",
    )
    _option(
        result,
        "--no-columns",
        action="store_true",
        help="do not evaluate the columns one by one (done by default for 2 to 30 columns)",
    )
    _option(
        result,
        "--confidence-level",
        type=float,
        default=0.95,
        metavar="LEVEL",
        help="probability with which the confidence limit holds",
    )
    _option(
        result, "--units", choices=("bits", "nats"), default="bits", help="unit of information"
    )
    _option(
        result,
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="number of classifiers to train in parallel; -1 uses all cores",
    )
    _option(
        result,
        "--seed",
        type=int,
        default=0,
        help="seed of the folds, and of the classifiers info and boosting",
    )
    _option(result, "--json", action="store_true", help="print the result as one JSON object")
    _option(
        result,
        "--report",
        type=Path,
        metavar="PAGE.html",
        help="also write a web page with figures and an estimate of the information, for which "
        "the classifier of all columns is trained again on half of the rows",
    )
    _option(
        result,
        "--all",
        action="store_true",
        help="print all bounds and limits of the result, including those of arXiv 1910.02629",
    )


def _add_mask(commands):
    mask = commands.add_parser(
        "mask",
        help="cut an object out of photographs with a pretrained network",
        description=(
            "Write two files for each photograph: NAME.cutout.png, which is transparent outside "
            "the mask, and NAME.overlay.png, which shows the evidence in nats over the "
            "photograph. The network is pretrained, and nothing is trained."
        ),
    )
    _option(mask, "photographs", type=Path, nargs="+", metavar="PHOTO", help="photograph files")
    _option(
        mask,
        "--target",
        action="append",
        metavar="CLASS",
        help=(
            "name of a class of ImageNet, e.g. tabby, whose evidence is kept; repeat the "
            "option for a group of classes (default: the predicted class of each photograph)"
        ),
    )
    _option(mask, "--out", type=Path, default=Path("."), help="folder for the files")
    _option(
        mask,
        "--network",
        default="efficientnet-lite0",
        metavar="NAME",
        help="pretrained network: efficientnet-lite0, or the name of a classifier of "
        "torchvision.models, such as resnet50, whose weights are downloaded",
    )
    _option(
        mask,
        "--threshold",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="keep pixels with more than this share of the photograph's largest evidence",
    )
    _option(mask, "--overwrite", action="store_true", help="overwrite existing files")
    _option(mask, "--device", default="auto", help="auto, cpu, cuda or cuda:1")


def main(arguments=None):
    """Run the command line and return its exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        # Imported late, so that each command imports only what it needs.
        command = import_module(f"sksoftinfo._command_line.{_COMMANDS[options.command]}")
        getattr(command, options.command)(options)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"sksoftinfo: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def run():
    """Run the command line and exit; the entry point of the script `sksoftinfo`."""
    sys.exit(main())


if __name__ == "__main__":
    run()
