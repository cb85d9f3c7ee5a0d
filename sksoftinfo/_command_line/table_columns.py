"""Columns of a table: which are numbers, however they are written, and which are texts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .wording import counted

# Entries that stand for a missing one in a column of numbers. In a column of texts they are
# texts: NA may be Namibia.
_MISSING = frozenset(
    "? - -- --- . .. * na n/a n.a. n.a nan nd n.d. n.d n/d null none nil missing unknown k.a. k.a "
    "<na> #n/a #na #value! #div/0! #ref! #num! #name? \\n".split()
) | {"not available"}
_INFINITE = re.compile(r"[+-]?(inf|infinity|∞)", re.IGNORECASE)
_NUMBER = re.compile(
    r"[$€£¥₹]?\s*(?P<digits>[+\-−]?(?:\d[\d.,'’\u00a0\u202f ]*|[.,]\d+)(?:[eE][+-]?\d+)?)"
    r"\s*(?P<unit>[$€£¥₹]|[^\W\d]\S{0,11}|[%‰°]\S{0,11})?"
)
_GROUPS = re.compile(r"[+\-]?\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+(?![\d'’])")
_BY_COMMA = re.compile(r"[+\-]?[1-9]\d{0,2}(?:,\d{3})+")
_BY_POINT = re.compile(r"[+\-]?[1-9]\d{0,2}(?:\.\d{3})+")
_DATE = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d\d))"
    r"(?:[T ]\d{1,2}:\d{2}.*)?"
)
# A unit after some entries of a column changes their scale, where it is one of these.
_FACTORS = {"k", "m", "b", "t", "mio", "mn", "bn"}
# From this share of numbers on, a column is one of numbers.
_MOSTLY = 0.9
# float64 has all whole numbers up to here.
_MAX_WHOLE = 2**53
# Encoders compute in float32.
_MAX_NUMBER = 3e38
# The ends of ordinal numbers are not units.
_ORDINALS = {"st", "nd", "rd", "th"}


@dataclass
class Column:
    """A column and how it was read.

    Parameters
    ----------
    name : str
    kind : {"number", "date", "text"}
    values : pandas.Series
        Whole numbers as Int64, other numbers as float64, dates as datetime64, texts as str, all
        with gaps.
    notes : list of str
        How its entries were read, where that is not plain.
    warnings : list of str
        What may be wrong.
    """

    name: str
    kind: str
    values: Any
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_columns(raw, *, decimal=None, labels=None):
    """Return the columns of a table, numbers and dates read as such.

    Parameters
    ----------
    raw : RawTable
    decimal : {".", ","}, default=None
        Decimal mark; found out if None.
    labels : str, default=None
        Name of a column whose entries are labels: numbers that float64 does not tell apart stay
        texts.

    Returns
    -------
    list of Column
    """
    series = [raw.frame[position] for position in range(len(raw.names))]
    names = [name.strip() or f"Unnamed: {number}" for number, name in enumerate(raw.names)]
    texts = [_as_texts(one) for one in series]
    parsed = [None if one is None else _Entries(one) for one in texts]
    marks = {mark for one in parsed if one is not None and (mark := one.mark)}
    # A mark that other columns show decides what 1,234 is.
    if decimal is None and len(marks) == 1:
        (decimal_elsewhere,) = marks
    else:
        decimal_elsewhere = "."
    columns = []
    for name, one, entries in zip(names, series, parsed, strict=True):
        if entries is None:
            columns.append(_typed(name, one))
        else:
            columns.append(entries.column(name, decimal, decimal_elsewhere, name == labels))
    return columns


def _as_texts(series):
    """Return entries as texts, empty where they are missing; None if they have a type."""
    import pandas as pd

    types = pd.api.types
    if types.is_bool_dtype(series):
        return series.astype(object).map(str, na_action="ignore").fillna("")
    if types.is_numeric_dtype(series) or types.is_datetime64_any_dtype(series):
        return None
    if types.is_timedelta64_dtype(series):
        return None
    series = series.astype(object)
    present = series[series.notna()]
    if len(present) and all(isinstance(entry, date) for entry in present):
        return None
    return series.map(str, na_action="ignore").fillna("").map(str.strip)


def _typed(name, series):
    """Return a column that has a type in the file."""
    import pandas as pd

    if pd.api.types.is_timedelta64_dtype(series):
        return Column(name, "number", series.dt.total_seconds(), ["in seconds"])
    if not pd.api.types.is_numeric_dtype(series):
        values = pd.to_datetime(series, utc=True, errors="coerce").dt.tz_localize(None)
        return Column(name, "date", values)
    if pd.api.types.is_integer_dtype(series):
        if series.abs().max() > _MAX_WHOLE:
            texts = series.astype(object).map(str, na_action="ignore").fillna("")
            return _text(name, texts, [f"whole numbers above {_MAX_WHOLE}"])
        return Column(name, "number", series.astype("Int64"))
    return _finite(name, series.astype("float64"), [])


def _finite(name, values, notes):
    column = Column(name, "number", values, notes)
    infinite = values.abs() > _MAX_NUMBER
    if infinite.any():
        column.values = values.mask(infinite)
        column.warnings.append(_infinite_warning(name, int(infinite.sum())))
    return column


def _infinite_warning(name, n):
    rows = counted(n, "row")
    return f"{name}: infinite, or beyond {_MAX_NUMBER:.0e}, in {rows}: counts as missing."


def _text(name, texts, notes=(), warnings=()):
    return Column(name, "text", texts.where(texts != "", None), list(notes), list(warnings))


class _Entries:
    """Entries of a column that are written as texts, and what they look like as numbers.

    Parameters
    ----------
    texts : pandas.Series of str
    """

    def __init__(self, texts):
        self.texts = texts
        counts = texts.value_counts()
        self.counts = {text: int(n) for text, n in counts.items() if text}
        self.digits, self.units, self.infinite, self.words = {}, {}, [], []
        for text in self.counts:
            number = _NUMBER.fullmatch(text)
            if number and number["unit"] not in _ORDINALS:
                digits = number["digits"].replace("−", "-").strip()
                if _GROUPS.match(digits):
                    digits = re.sub(r"[ '’\u00a0\u202f]", "", digits)
                self.digits[text] = digits
                self.units[text] = number["unit"] or ""
            elif _INFINITE.fullmatch(text):
                self.infinite.append(text)
            elif text.casefold() not in _MISSING:
                self.words.append(text)
        self.share = self._rows(self.digits) / max(
            self._rows(self.digits) + self._rows(self.words), 1
        )
        self.mark = self._mark() if self.share >= _MOSTLY else None

    def _rows(self, texts):
        return sum(self.counts[text] for text in texts)

    def _mark(self):
        """Return the decimal mark that entries show: ".", ",", or None if they show neither."""
        marks = {mark for digits in self.digits.values() if (mark := _decimal_mark(digits))}
        return marks.pop() if len(marks) == 1 else ("both" if marks else None)

    def column(self, name, decimal, decimal_elsewhere, are_labels):
        """Return the column that these entries are."""
        import pandas as pd

        if not self.digits or self.share < _MOSTLY:
            return self._date(name) or self._words(name)
        units = Counter(
            unit for text in self.digits for unit in [self.units[text]] * self.counts[text]
        )
        mixed = len(units) > 1 and any(unit.lower() in _FACTORS for unit in units)
        if len(units.keys() - {""}) > 1 or mixed:
            named = ", ".join(repr(unit) if unit else "none" for unit, _ in units.most_common(4))
            return _text(
                name,
                self.texts,
                warnings=[
                    f"{name}: numbers with several units ({named}) are read as texts: use one."
                ],
            )
        mark = decimal or (self.mark if self.mark in (".", ",") else decimal_elsewhere)
        numbers = {text: _number(digits, mark) for text, digits in self.digits.items()}
        wrong = [text for text, number in numbers.items() if number is None]
        if wrong:
            return self._date(name) or _text(
                name,
                self.texts,
                warnings=[
                    f"{name}: entries such as {wrong[0]!r} are not numbers with the decimal mark "
                    f"{mark!r}, and the column is read as texts: pass --decimal."
                ],
            )
        notes = self._notes(units, mark)
        whole = all(isinstance(number, int) for number in numbers.values())
        if self._are_names(numbers, whole, are_labels):
            return _text(name, self.texts, [*notes, "numbers that are names"])
        if are_labels and (self.words or len(units.keys() - {""})):
            # Labels are not repaired.
            return _text(name, self.texts)
        values = pd.Series(
            [numbers.get(text) for text in self.texts], dtype="Int64" if whole else "float64"
        )
        column = Column(name, "number", values, notes) if whole else _finite(name, values, notes)
        if self.infinite:
            column.warnings.append(_infinite_warning(name, self._rows(self.infinite)))
        if self.words:
            shown = ", ".join(repr(word) for word in self.words[:3])
            more = ", ..." if len(self.words) > 3 else ""
            column.warnings.append(
                f"{name}: not a number in {counted(self._rows(self.words), 'row')} "
                f"({shown}{more}): counts as missing."
            )
        return column

    def _notes(self, units, mark):
        notes = [f"in {unit}" for unit in units if unit]
        other = "," if mark == "." else "."
        digits = self.digits.values()
        if mark == "," and any("," in one for one in digits):
            notes.append("decimal commas")
        if any(other in one for one in digits):
            notes.append(f"thousands separated by {other!r}")
        return notes

    def _are_names(self, numbers, whole, are_labels):
        """Whether numbers would lose what tells entries apart, as 007 and 7."""
        if whole:
            return any(abs(number) > _MAX_WHOLE for number in numbers.values()) or any(
                re.fullmatch(r"0\d+", digits) for digits in self.digits.values()
            )
        return are_labels and any(abs(number) > _MAX_WHOLE for number in numbers.values())

    def _date(self, name):
        """Return the column as dates, or None if they are none."""
        import pandas as pd

        texts = pd.Series(list(self.counts))
        if not len(texts) or not all(_DATE.fullmatch(text) for text in texts):
            return None
        for options in ({}, {"dayfirst": True}):
            try:
                dates = pd.to_datetime(texts, **options)
            except (ValueError, OverflowError):
                continue
            if dates.dt.tz is not None:
                dates = dates.dt.tz_localize(None)
            values = pd.to_datetime(self.texts.map(dict(zip(texts, dates, strict=True))))
            return Column(name, "date", values)
        return None

    def _words(self, name):
        warnings = []
        if self.share >= 0.5 and self.digits:
            shown = ", ".join(repr(word) for word in self.words[:3])
            warnings.append(
                f"{name}: {100 * self.share:.0f} % of the entries are numbers and others are not, "
                f"such as {shown}; it is read as texts."
            )
        return _text(name, self.texts, warnings=warnings)


def _decimal_mark(digits):
    """Return the decimal mark that a number cannot do without, or None."""
    if "," in digits and "." in digits:
        return max(",.", key=digits.rfind)
    for mark, groups in ((",", _BY_COMMA), (".", _BY_POINT)):
        if mark in digits:
            if not groups.fullmatch(digits):
                return mark
            # 1,234,567 has thousands; 1,234 may have decimals.
            other = "." if mark == "," else ","
            return other if digits.count(mark) > 1 else None
    return None


def _number(digits, mark):
    """Return a number, an int where it is written as one; None if the marks do not fit."""
    other, groups = (",", _BY_COMMA) if mark == "." else (".", _BY_POINT)
    whole, _, rest = digits.partition(mark)
    if other in whole:
        if not groups.fullmatch(whole):
            return None
        whole = whole.replace(other, "")
    try:
        if mark not in digits and not re.search("[eE]", whole):
            return int(whole)
        return float(f"{whole}.{rest}" if mark in digits else whole)
    except (ValueError, OverflowError):
        return None
