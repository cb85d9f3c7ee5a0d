"""Messages of the command line: their terms, and where they are printed."""

from __future__ import annotations

import re
import sys

# Parts of messages of Python functions, and what they are on the command line.
_OPTIONS = (
    (
        r"Use an integer `cv`, or folds that keep groups together\b.*?\.(?= |$)",
        "Leave out --time, or remove the copies from the file.",
    ),
    (r"and `cv` has to hold them out together", "but --time does not hold them out together"),
    (
        r"(`\w+`(, | and ))+`pointwise` use the smallest positive normal number, \S+, instead\.",
        "The lower bound on these rows is therefore very low.",
    ),
    (
        r"Prefer `mi_lower_floored` and the limits, which",
        "Use the limit and the interval, which",
    ),
    # Only the extrapolation of a page needs further rows of the rarest class.
    (r"(can be halved; .*) Merge rare classes\.", r"\1 Leave out --report."),
    (r"\bequal_rows='(\w+)'", r"--equal-rows \1"),
    (r"\bcv=(\d+) (folds|groups|rows)", r"\1 \2"),
    (r"\bbins=(\d+)", r"--bins \1"),
    (r"^`X`", "The table"),
    (r"`groups`", "--groups"),
    (r"^groups\b", "--groups"),
    (r"`X`", "the table"),
    (r"`y`|\by\b(?= (?:must|holds|has))", "the target"),
    (r"^`cv` must\b", "Folds must"),
    (r"\bn_jobs\b", "--jobs"),
    (r"\bpass a `data_home` that holds these files", "pass --data digits"),
)
# Code, other than formulas such as H(Y), or a remedy that only a caller of functions can apply.
_OF_PYTHON = re.compile(r"`|\b[a-z_]+=\S|[a-z_]{2}\(\w|^Pass a classifier\b")


def in_options(text):
    """Return a message of a Python function in the terms of the command line.

    Sentences after the first that refer to code or to remedies in Python are left out.

    Examples
    --------
    >>> from sksoftinfo._command_line.wording import in_options
    >>> in_options("Equal rows stay together; equal_rows='independent' treats them alone.")
    'Equal rows stay together; --equal-rows independent treats them alone.'
    """
    for python, here in _OPTIONS:
        text = re.sub(python, here, text)
    # The first sentence states the fault, and others the remedies.
    fault, *remedies = re.split(r"(?<=\.) (?=[A-Z])", text)
    return " ".join([fault, *(one for one in remedies if not _OF_PYTHON.search(one))])


def tell(lines):
    """Print lines to standard error; standard output is reserved for the answer."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)
