"""Numbers of things in words."""

from __future__ import annotations


def counted(n, noun):
    """Return a number with its noun, in the plural where it is not one.

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
