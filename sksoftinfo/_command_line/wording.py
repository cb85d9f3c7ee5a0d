"""Messages of the command line: their terms, and where they are printed."""

from __future__ import annotations

import re
import sys

# Parameters of Python functions, and the terms of the command line for them.
_OPTIONS = (
    (r"\bequal_rows='(\w+)'", r"--equal-rows \1"),
    (r"\bcv=(\d+) (folds|groups|rows)", r"\1 \2"),
    (r"\bbins=(\d+)", r"--bins \1"),
    (r"^`X`", "The table"),
    (r"`groups`", "--groups"),
    (r"^groups\b", "--groups"),
    (r"`y`|\by\b(?= (?:must|holds|has))", "the target"),
    (r"^`cv` must\b", "Folds must"),
    (r"\bn_jobs\b", "--jobs"),
    (r"\bpass a `data_home` that holds these files", "pass --data digits"),
)
# Remedies that only a caller of the functions can apply.
_OF_PYTHON = ("astype(", "numpy.digitize", "StratifiedGroupKFold", "Pass cv=")


def in_options(text):
    """Return a message of a Python function in the terms of the command line.

    Sentences whose remedy exists in Python only are left out.

    Examples
    --------
    >>> from sksoftinfo._command_line.wording import in_options
    >>> in_options("Equal rows stay together; equal_rows='independent' treats them alone.")
    'Equal rows stay together; --equal-rows independent treats them alone.'
    """
    sentences = re.split(r"(?<=\.) (?=[A-Z])", text)
    text = " ".join(
        sentence for sentence in sentences if not any(name in sentence for name in _OF_PYTHON)
    )
    for python, here in _OPTIONS:
        text = re.sub(python, here, text)
    return text


def tell(lines):
    """Print lines to standard error; standard output is reserved for the answer."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)
