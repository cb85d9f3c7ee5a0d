"""Numbers with their nouns, as messages and printed results state them."""


def counted(n, noun):
    """Return a number with its noun, in the plural unless the number is 1.

    Examples
    --------
    >>> from sksoftinfo._utils import counted
    >>> counted(1, "row"), counted(2, "class"), counted(0, "entry")
    ('1 row', '2 classes', '0 entries')
    """
    if n == 1:
        return f"{n} {noun}"
    if noun.endswith("y"):
        return f"{n} {noun[:-1]}ies"
    return f"{n} {noun}{'es' if noun.endswith('s') else 's'}"


def counted_rows(n_rows, n_groups):
    """Return the number of rows and, unless it is None, the number of observations.

    An observation is a row, a group or block of rows, or a set of copies.

    Examples
    --------
    >>> from sksoftinfo._utils import counted_rows
    >>> counted_rows(200, 1)
    '200 rows, 1 observation'
    """
    rows = counted(n_rows, "row")
    return rows if n_groups is None else f"{rows}, {counted(n_groups, 'observation')}"
