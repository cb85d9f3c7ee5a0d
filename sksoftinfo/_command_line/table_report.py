"""Report of a table: columns that are used or left out, and suspicious columns and values."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._utils import counted

# Largest number of columns that are listed one by one.
_MAX_LISTED = 40
# A column that determines this share of the labels is suspected to be a copy of the target.
_NEARLY = 0.99
_FEWEST_ROWS = 10
# Common codes of missing numbers.
_CODES = (9, 99, 999, 9999, 99999, 999999, 8888, 7777)


@dataclass
class Table:
    """Columns of a table by role, and warnings for the user.

    Parameters
    ----------
    target : Column
    features : list of Column
    groups : Column or None
        Group of each row.
    time : Column or None
        Order of the rows.
    left_out : dict of str to str
        Reason of each column that is left out, by its name.
    warnings : list of str
    n_rows : int
    """

    target: Any
    features: list[Any]
    groups: Any
    time: Any
    left_out: dict[str, str]
    warnings: list[str] = field(default_factory=list)
    n_rows: int = 0

    def frame(self, rows):
        """Return the features of some rows as a data frame."""
        import pandas as pd

        frame = pd.concat([one.values.reset_index(drop=True) for one in self.features], axis=1)
        frame.columns = [one.name for one in self.features]
        return frame.iloc[rows].reset_index(drop=True)


def divide(columns, target, *, only=None, drop=(), groups=None, time=None, file="the table"):
    """Divide columns into target, features, and those that are left out.

    Parameters
    ----------
    columns : list of Column
    target : str
    only : list of str, default=None
        Features to use; all columns but the uninformative ones if None.
    drop : list of str
        Columns to leave out.
    groups, time : str, default=None
    file : str or path-like, default="the table"
        Name of the file for messages.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If a column does not exist or is not unique, or if no feature is left.
    """
    asked = {"--target": [target], "--columns": only or [], "--drop": drop}
    asked |= {"--groups": [groups] if groups else [], "--time": [time] if time else []}
    for option, values in asked.items():
        for value in values:
            _check_name(option, value, columns, file)
    for option in ("--columns", "--drop", "--groups", "--time"):
        if target in asked[option]:
            raise ValueError(f"{option} {target} is the target: choose other columns.")
    both = [name for name in drop if name in (only or [])]
    if both:
        raise ValueError(
            f"--columns and --drop both name {', '.join(both)}: name each column in one of them."
        )
    table = Table(None, [], None, None, {}, n_rows=len(columns[0].values))
    table.warnings += _renamed(columns)
    for column in columns:
        if column.name == target:
            table.target = column
            continue
        if column.name == groups:
            table.groups = column
        if column.name == time:
            table.time = column
        if column.name in (groups, time) and not (only and column.name in only):
            reason = " and ".join(
                part for part, name in (("groups", groups), ("time", time)) if column.name == name
            )
        elif column.name in drop:
            reason = "in --drop"
        elif only is not None and column.name not in only:
            reason = "not in --columns"
        else:
            reason = None if only and column.name in only else _carries_nothing(column, table)
        if reason is None:
            table.features.append(column)
            table.warnings += column.warnings
        else:
            table.left_out[column.name] = reason
    table.warnings += table.target.warnings
    if not table.features:
        raise ValueError(
            f"--target {target}: there is no other column to use{_reasons(table.left_out)}."
        )
    return table


def _reasons(left_out):
    """Return why columns are left out, and how to use them, as the end of a message."""
    if not left_out:
        return ""
    reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    names = [_quoted(name) for name, reason in left_out.items() if reason != "in --drop"]
    if not names:
        return f" ({reasons}). Drop fewer columns"
    return f" ({reasons}). To use {names[0]} anyway, pass --columns {names[0]}"


def _check_name(option, name, columns, file):
    names = [column.name for column in columns]
    if name in names:
        return
    renamed = [column.name for column in columns if column.written == name]
    if renamed:
        *others, last = map(_quoted, renamed)
        raise ValueError(
            f"{option} {name}: {len(renamed)} columns have this name, and are renamed. Pass "
            f"{', '.join(others)} or {last}."
        )
    near = difflib.get_close_matches(name, names, 1, 0.6)
    lower = [other for other in names if other.casefold() == name.strip().casefold()]
    hint = f" Did you mean {(lower or near)[0]}?" if lower or near else ""
    shown = ", ".join(names[:20]) + (", and others" if len(names) > 20 else "")
    must = "name columns" if option in ("--columns", "--drop") else "be a column"
    raise ValueError(f"{option} must {must} of {file}; got {name}.{hint} The columns are {shown}.")


def _renamed(columns):
    """Return a warning for each name that several columns have in the file."""
    new: dict[str, list[str]] = {}
    for column in columns:
        if column.written:
            new.setdefault(column.written, []).append(column.name)
    return [
        f"{len(names)} columns are named {written!r}: they are renamed {', '.join(names[:-1])} "
        f"and {names[-1]}."
        for written, names in new.items()
    ]


def _carries_nothing(column, table):
    """Return the reason to leave a column out unless it is selected, or None."""
    values = column.values
    if values.isna().all():
        return "empty"
    if values.nunique(dropna=False) == 1:
        return "constant"
    if _numbers_rows(values):
        return "numbers the rows"
    for other in table.features:
        if values.dtype == other.values.dtype and values.equals(other.values):
            return f"equals {other.name}"
    return None


def _numbers_rows(values):
    """Return whether whole numbers number rows that may be shuffled, or some of them removed."""
    if str(values.dtype) != "Int64" or len(values) < _FEWEST_ROWS or values.isna().any():
        return False
    numbers = values.to_numpy(dtype=np.int64)
    if len(np.unique(numbers)) < len(numbers):
        return False
    steps = np.diff(numbers)
    return bool(
        (steps == steps[0]).all()
        or np.ptp(numbers) == len(numbers) - 1
        or ((steps > 0).all() and np.ptp(numbers) < 1.5 * len(numbers))
    )


def suspicions(table, labels):
    """Return warnings about leaks, identifiers, inconsistent texts and codes of missing values.

    Parameters
    ----------
    table : Table
    labels : Labels

    Returns
    -------
    list of str
    """
    import pandas as pd

    found = []
    frame = table.frame(labels.rows)
    codes = np.unique(labels.y, return_inverse=True)[1]
    n_classes = codes.max() + 1
    for column, (name, values) in zip(table.features, frame.items(), strict=True):
        entries = pd.factorize(values)[0]
        n_values = entries.max() + 1
        if 2 <= n_values <= max(20, 2 * n_classes) and len(codes) >= 5 * n_values:
            counts = np.zeros((n_values + 1, n_classes))
            np.add.at(counts, (entries, codes), 1)
            share = counts.max(axis=1).sum() / len(codes)
            if share >= _NEARLY and counts.sum(axis=0).max() / len(codes) < _NEARLY:
                found.append(
                    f"{name} determines the label in {100 * share:.4g} % of the rows. If the "
                    f"column is a copy of the target, leave it out with --drop {_quoted(name)}."
                )
        elif n_values == len(values) and _is_identifier(column, values):
            order = f", or pass --time {_quoted(name)}" if column.kind == "date" else ""
            found.append(
                f"{name} has a different value in each row{_sorted(values)}. If it is an "
                "identifier, it is uninformative about new rows: leave it out with --drop "
                f"{_quoted(name)}{order}."
            )
        if column.kind == "text":
            found += _nearly_equal_texts(name, values)
        elif column.kind == "number":
            found += _codes_of_missing(name, values)
    return found


def _codes_of_missing(name, values):
    """Return a warning about repeated numbers such as -999 that are far from all others."""
    numbers = values.dropna().to_numpy(dtype=np.float64)
    codes = numbers[np.isin(np.abs(numbers), _CODES)]
    for code, n in zip(*np.unique(codes, return_counts=True), strict=True):
        others = numbers[numbers != code]
        if n < 2 or len(others) < 2:
            continue
        low, high = others.min(), others.max()
        if max(low - code, code - high) > high - low:
            rows = counted(int(n), "row")
            return [
                f"{name} is {code:g} in {rows}, far from all other values. If {code:g} stands for "
                "a missing value, leave these cells empty."
            ]
    return []


def _is_identifier(column, values):
    if column.kind == "text":
        return not values.str.contains(" ").any()
    if column.kind == "date":
        return values.is_monotonic_increasing or values.is_monotonic_decreasing
    whole = str(values.dtype) == "Int64"
    return whole and (values.is_monotonic_increasing or values.is_monotonic_decreasing)


def _sorted(values):
    return ", in increasing order" if values.is_monotonic_increasing else ""


def _nearly_equal_texts(name, values):
    texts = sorted(values.dropna().unique())
    if len(texts) > 1000:
        return []
    first: dict[str, str] = {}
    pairs = []
    for text in texts:
        other = first.setdefault(" ".join(text.casefold().split()), text)
        if other != text:
            pairs.append(f"{other!r} and {text!r}")
    if not pairs:
        return []
    more = ", ..." if len(pairs) > 3 else ""
    return [
        f"{name}: {', '.join(pairs[:3])}{more} differ only in case or blanks, and are kept apart."
    ]


def _quoted(name):
    return f"'{name}'" if " " in name else name


def report_lines(path, raw, table, labels):
    """Return the report of what was read, with a line for each column.

    Parameters
    ----------
    path : path-like
    raw : RawTable
    table : Table
    labels : Labels

    Returns
    -------
    list of str
    """
    n_columns = len(table.features) + len(table.left_out) + 1
    repeated = int(table.frame(labels.rows).duplicated().sum())
    size = f"{counted(table.n_rows, 'row')}, {counted(n_columns, 'column')}"
    repeats = f"; {counted(repeated, 'row')} repeat{'s' * (repeated == 1)} another row"
    lines = [f"{path}: {size} ({raw.how}){f'{repeats} in all used columns' * (repeated > 0)}"]
    rows = [(table.target.name, f"target, {labels}")]
    rows += [(column.name, describe(column)) for column in table.features[:_MAX_LISTED]]
    rest = table.features[_MAX_LISTED:]
    left_out = list(table.left_out.items())
    rows += [(name, f"{why}: left out") for name, why in left_out[:_MAX_LISTED]]
    width = min(max(len(name) for name, _ in rows), 30)
    lines += [f"  {name:<{width}}  {text}" for name, text in rows]
    if rest:
        counts = Counter(one.kind for one in rest)
        kinds = ", ".join(counted(counts[kind], kind) for kind in _KINDS if counts[kind])
        lines.append(f"  and {len(rest)} more: {kinds}")
    if len(left_out) > _MAX_LISTED:
        lines.append(f"  and {len(left_out) - _MAX_LISTED} more columns that are left out")
    return lines


_KINDS = ("number", "date", "text")


def describe(column):
    """Return the kind, values and missing values of a column in words."""
    missing = int(column.values.isna().sum())
    parts = [column.kind]
    if column.kind == "text":
        parts.append(counted(column.values.nunique(), "value"))
    return ", ".join([*parts, *column.notes, *([f"{missing} missing"] if missing else [])])
