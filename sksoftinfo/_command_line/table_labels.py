"""Labels of a table: classes from the target column, and the rows that have a label."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .._utils import counted

# Smallest number of rows of a class: one row for each of five folds.
MIN_ROWS = 5
# Numbers count as quantities if they have more distinct values than _MANY_VALUES, and more than a
# quarter of the rows.
_MANY_VALUES = 20
_MAX_SHOWN = 8


@dataclass
class Labels:
    """Labels of a table, restricted to rows that have a label.

    Parameters
    ----------
    y : ndarray of shape (n_kept,)
        Labels, int64 or texts.
    rows : ndarray of int of shape (n_kept,)
        Positions of the rows that are kept.
    warnings : list of str
    n_classes_left_out : int, default=0
        Number of classes that are too rare, and whose rows are left out.
    """

    y: np.ndarray
    rows: np.ndarray
    warnings: list[str] = field(default_factory=list)
    n_classes_left_out: int = 0

    def __str__(self):
        classes, counts = np.unique(self.y, return_counts=True)
        return f"{len(classes)} classes: {_listed(classes, counts)}"


def _listed(classes, counts):
    """Return the most frequent classes with their numbers of rows, as a text."""
    order = np.argsort(-counts, kind="stable")
    first, *others = order[:_MAX_SHOWN]
    shown = [f"{classes[first]} ({counted(counts[first], 'row')})"]
    shown += [f"{classes[i]} ({counts[i]})" for i in others]
    return ", ".join(shown) + (", ..." if len(classes) > _MAX_SHOWN else "")


def make_labels(column, *, bins=None, drop_missing=False, rare_classes="drop"):
    """Return the labels in a column.

    Parameters
    ----------
    column : Column
    bins : int, default=None
        Number of classes into which numbers are cut at their quantiles.
    drop_missing : bool, default=False
        Whether to leave out rows without a label.
    rare_classes : {"drop", "merge"}, default="drop"
        Treatment of classes with fewer than `MIN_ROWS` rows.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        If labels are missing, constant, or quantities.
    """
    values, named = column.values, f"--target {column.name}"
    found = Labels(np.empty(0), np.arange(len(values)))
    missing = values.isna().to_numpy()
    if missing.all():
        raise ValueError(f"{named} has no value in any row: choose another column.")
    if missing.any():
        if not drop_missing:
            raise ValueError(
                f"{named} has no value in {missing.sum()} of {len(missing)} rows: fill in the "
                "values, or leave out these rows with --drop-missing-target."
            )
        found.rows = np.flatnonzero(~missing)
        found.warnings.append(f"Left out {counted(missing.sum(), 'row')} without a label.")
    values = values[~missing]
    if column.kind == "date" and bins is None:
        raise ValueError(f"{named} is a column of dates: choose another column, or pass --bins 4.")
    if bins is not None:
        found.y = _binned(values, bins, column)
        n_classes = len(np.unique(found.y))
        if 1 < n_classes < bins:
            found.warnings.append(
                f"--bins {bins} gives only {n_classes} classes, since many values are equal."
            )
    elif column.kind == "text":
        found.y = values.to_numpy(dtype=object).astype(str)
    else:
        found.y = _classes(values, named)
    classes, counts = np.unique(found.y, return_counts=True)
    _treat_rare(found, rare_classes, named)
    if len(np.unique(found.y)) < 2:
        if len(classes) > 1:
            rare = counts < MIN_ROWS
            merge = "" if counts[rare].sum() < MIN_ROWS else ", pass --rare-classes merge"
            raise ValueError(
                f"{named} has a single class with at least {MIN_ROWS} rows: "
                f"{_listed(classes[~rare], counts[~rare])}. Rarer classes were left out: "
                f"{_listed(classes[rare], counts[rare])}. Choose another column{merge}, or add "
                "rows of the classes that were left out."
            )
        if bins is not None and values.nunique() > 1:
            raise ValueError(
                f"{named} has too many equal values for --bins {bins}, which leaves one class: "
                "choose another number of bins, or another column."
            )
        raise ValueError(
            f"--target must have at least two values; got only {str(classes[0])!r} in "
            f"{column.name}. Choose another column."
        )
    return found


def _classes(values, named):
    numbers = values.to_numpy(dtype=np.float64)
    n_values = len(np.unique(numbers))
    many = n_values > _MANY_VALUES and n_values > len(numbers) / 4
    different = f"{n_values} different numbers in {len(numbers)} rows"
    cut = "cut it into four classes of about equal size with --bins 4"
    if (numbers != np.round(numbers)).any():
        raise ValueError(f"{named} is continuous, with {different}: {cut}.")
    if many:
        raise ValueError(
            f"{named} has {different}, too many for classes: {cut}, or choose another column."
        )
    return numbers.astype(np.int64)


def _binned(values, bins, column):
    import pandas as pd

    if bins < 2:
        raise ValueError(f"--bins must be at least 2; got {bins}. Use e.g. --bins 4.")
    if column.kind == "text":
        raise ValueError(
            f"--bins {bins} needs a numeric target, but {column.name} holds texts: leave out "
            "--bins."
        )
    if column.kind == "number":
        values = values.astype("float64")
    # Bins between two values are empty.
    cut = pd.qcut(values, bins, labels=False, duplicates="drop")
    number = np.unique(cut, return_inverse=True)[1]
    ends = values.groupby(number).agg(["min", "max"])
    # Ends that occur in the file are easier to read than the quantiles between them.
    names = [
        low if low == high else f"{low} to {high}"
        for low, high in zip(_shown(ends["min"]), _shown(ends["max"]), strict=True)
    ]
    return np.array(names)[number]


def _shown(values):
    """Return numbers or dates as texts, as short as they can be without becoming equal."""
    if values.dtype.kind == "f":
        return [repr(float(value)).removesuffix(".0") for value in values]
    texts = [value.isoformat(sep=" ") for value in values]
    return [text.removesuffix(" 00:00:00") for text in texts]


def _treat_rare(found, rare_classes, named):
    classes, encoded, counts = np.unique(found.y, return_inverse=True, return_counts=True)
    rare = classes[counts < MIN_ROWS]
    if not len(rare):
        return
    if len(rare) == len(classes):
        raise ValueError(
            f"{named} has {counted(len(classes), 'class')} in {counted(len(found.y), 'row')}, and "
            f"no class has at least {MIN_ROWS} rows: choose another column."
        )
    shown = ", ".join(repr(str(name)) for name in rare[:5]) + (", ..." if len(rare) > 5 else "")
    is_rare = (counts < MIN_ROWS)[encoded]
    if rare_classes == "merge" and is_rare.sum() >= MIN_ROWS:
        merged = "other"
        while merged in classes.astype(str):
            merged += "_"
        found.y = np.where(is_rare, merged, found.y.astype(str))
        found.warnings.append(
            f"Merged {counted(len(rare), 'class')} with fewer than {MIN_ROWS} rows ({shown}) into "
            f"{merged!r}."
        )
        return
    found.y, found.rows = found.y[~is_rare], found.rows[~is_rare]
    found.n_classes_left_out = len(rare)
    found.warnings.append(
        f"Left out {counted(len(rare), 'class')} with fewer than {MIN_ROWS} rows ({shown}), "
        f"{counted(is_rare.sum(), 'row')} in total: the result is about the other classes."
        + f" They have fewer than {MIN_ROWS} rows together, so they cannot be merged."
        * (rare_classes == "merge")
    )
