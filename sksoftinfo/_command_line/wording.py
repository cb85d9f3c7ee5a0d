"""Wording of the command line: counted nouns, and messages in terms of options."""

from __future__ import annotations

import re

# Parameters of Python functions, and the terms of the command line for them.
_OPTIONS = (
    (r"\bequal_rows='(\w+)'", r"--equal-rows \1"),
    (r"\bcv=(\d+) folds", r"\1 folds"),
    (r"\b(?:pass )?bins=(\d+)", r"--bins \1"),
    (r"`groups`", "--groups"),
    (r"^groups\b", "--groups"),
    (r"`y`|\by\b(?= (?:must|holds|has))", "the target"),
    (r"^`cv` must\b", "Folds must"),
    (r"\bn_jobs\b", "--jobs"),
)


def counted(n, noun):
    """Return a number with its noun, in the plural unless the number is 1.

    Examples
    --------
    >>> from sksoftinfo._command_line.wording import counted
    >>> counted(1, "row"), counted(2, "class"), counted(0, "entry")
    ('1 row', '2 classes', '0 entries')
    """
    if n == 1:
        return f"{n} {noun}"
    if noun.endswith("y"):
        return f"{n} {noun[:-1]}ies"
    return f"{n} {noun}{'es' if noun.endswith('s') else 's'}"


def in_options(text):
    """Return a message of a Python function in the terms of the command line.

    Examples
    --------
    >>> from sksoftinfo._command_line.wording import in_options
    >>> in_options("Equal rows stay together; equal_rows='independent' treats them alone.")
    'Equal rows stay together; --equal-rows independent treats them alone.'
    """
    for python, here in _OPTIONS:
        text = re.sub(python, here, text)
    return text
