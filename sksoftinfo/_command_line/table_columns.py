"""Columns of a table: detection of numbers, dates and texts, however they are written."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from .._utils import counted

# Entries that stand for a missing value in a column of numbers. In a column of texts they stay
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
# Most numbers are written like this.
_AS_IT_IS = re.compile(r"[+\-]?\d+(?:\.\d+)?")
# All entries of a column, each before a line break, if they are missing or ordinary numbers.
_ORDINARY = re.compile(r"(?:(?:[+\-]?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?)?\n)*")
# A point that cannot separate thousands.
_DECIMAL_POINT = re.compile(r"\b0\.|[0-9]{4}\.|\.(?:[0-9]{1,2}|[0-9]{4,})\n")
_GROUPS = re.compile(r"[+\-]?\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+(?![\d'’])")
# In India separators also follow hundreds of thousands, e.g. 12,34,567.
_BY_COMMA = re.compile(r"[+\-]?[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}")
_BY_POINT = re.compile(r"[+\-]?[1-9]\d{0,2}(?:\.\d{3})+")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d\d)"
    rf"|{_MONTH}[ -]\d{{1,2}},?[ -]\d{{4}}|\d{{1,2}}[ .-]+{_MONTH}[ ,.-]+(?:\d{{4}}|\d\d))"
    r"(?:[T ]\d{1,2}:\d{2}.*)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
# Notations of negative numbers that do not begin with the sign.
_NEGATIVE = (
    (re.compile(r"\(\s*([^()+\-−]*\d[^()]*)\)"), r"-\1"),
    (re.compile(r"([$€£¥₹]?\s*\d[\d.,'’ ]*)\s*[-−]"), r"-\1"),
)
_SIGN_FIRST = re.compile(r"([+\-−])\s*([$€£¥₹])\s*")
_COMPARED = re.compile(r"([<>≤≥~≈]=?|ca\.)\s*(?=[+\-−$€£¥₹.\d])")
# These units change the scale of the entries that they follow.
_FACTORS = {"k", "m", "b", "t", "mio", "mn", "bn"}
# Smallest share of numbers in a column of numbers.
_MOSTLY = 0.9
# Fewer values than this are categories if they differ only by <, > or ~.
_FEW_VALUES = 10
# float64 represents all whole numbers up to this number.
_MAX_WHOLE = 2**53
_TOO_LONG = "digits read as text, since some are too long for a number"
# Encoders compute in float32.
_MAX_NUMBER = 3e38
# The ends of ordinal numbers are not units.
_ORDINALS = {"st", "nd", "rd", "th"}


@dataclass
class Column:
    """A column, and how its entries were read.

    Parameters
    ----------
    name : str
    kind : {"number", "date", "text"}
    values : pandas.Series
        Whole numbers as Int64, other numbers as float64, dates as datetime64 and texts as str, any
        of them with missing values.
    notes : list of str
        Notes on how the entries were read, e.g. their unit.
    warnings : list of str
        Warnings for the user.
    written : str, default=""
        Name in the file if several columns have it, in which case `name` is a new name.
    """

    name: str
    kind: str
    values: Any
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: str = ""


def read_columns(raw, *, decimal=None, labels=None):
    """Return the columns of a table, with numbers and dates parsed.

    Parameters
    ----------
    raw : RawTable
    decimal : {".", ","}, default=None
        Decimal mark; detected if None.
    labels : str, default=None
        Name of the column of labels: numbers that float64 cannot distinguish remain texts.

    Returns
    -------
    list of Column
        Columns with different names: columns that share a name are numbered.
    """
    series = [raw.frame[position] for position in range(len(raw.names))]
    written = [
        " ".join(name.split()) or f"Unnamed: {number}" for number, name in enumerate(raw.names)
    ]
    names = _numbered(written)
    texts = [_as_texts(one) for one in series]
    parsed = [None if one is None else _entries(one, decimal) for one in texts]
    marks = {mark for one in parsed if one is not None and (mark := one.mark)}
    # The decimal mark of other columns decides how to read 1,234.
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
    for column, name in zip(columns, written, strict=True):
        column.written = name if name != column.name else ""
    return columns


def _numbered(names):
    """Return names in which all that repeat are numbered, such as a.1 and a.2."""
    counts, taken, found = Counter(names), set(names), []
    for name in names:
        new, number = name, 0
        while counts[name] > 1 and new in taken:
            number += 1
            new = f"{name}.{number}"
        taken.add(new)
        found.append(new)
    return found


def _as_texts(series):
    """Return entries as texts, empty if missing; None if the column has a type already."""
    import pandas as pd

    types = pd.api.types
    if types.is_bool_dtype(series):
        return _stripped(series)
    if types.is_numeric_dtype(series) or types.is_datetime64_any_dtype(series):
        return None
    if types.is_timedelta64_dtype(series):
        return None
    present = series[series.notna()] if series.dtype == object else []
    if len(present) and all(isinstance(entry, date) for entry in present):
        return None
    return _stripped(series)


def _stripped(series):
    """Return entries as texts without blanks around them, empty if missing."""
    import pandas as pd

    entries = zip(series.tolist(), series.isna().tolist(), strict=True)
    return pd.Series(["" if missing else str(entry).strip() for entry, missing in entries])


def _typed(name, series):
    """Return a column whose type is given by the file."""
    import pandas as pd

    if pd.api.types.is_timedelta64_dtype(series):
        return Column(name, "number", series.dt.total_seconds(), ["in seconds"])
    if not pd.api.types.is_numeric_dtype(series):
        values = pd.to_datetime(series, utc=True, errors="coerce").dt.tz_localize(None)
        return Column(name, "date", values)
    if pd.api.types.is_integer_dtype(series):
        if series.abs().max() > _MAX_WHOLE:
            return _text(name, _stripped(series), [_TOO_LONG])
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
    return f"{name}: infinite or beyond {_MAX_NUMBER:.0e} in {rows}, treated as missing."


def _text(name, texts, notes=(), warnings=()):
    return Column(name, "text", texts.where(texts != "", None), list(notes), list(warnings))


def _entries(texts, decimal):
    """Return the entries of a column, parsed as numbers where possible."""
    written = texts.tolist()
    lines = "\n".join([*written, ""])
    if _ORDINARY.fullmatch(lines) and lines.strip():
        whole = "." not in lines
        if whole or (decimal in (None, ".") and _DECIMAL_POINT.search(lines)):
            return _OrdinaryNumbers(written, whole)
    return _Entries(texts)


class _OrdinaryNumbers:
    """Entries that are missing or ordinary numbers, which are parsed all at once.

    Parsing them one by one, as `_Entries` does, takes most of the time until a wide table has been
    read.

    Parameters
    ----------
    written : list of str
    whole : bool
        Whether all of them are whole numbers.
    """

    def __init__(self, written, whole):
        self.written, self.whole = np.array(written), whole
        self.mark = None if whole else "."

    def column(self, name, *_):
        """Return the column of these entries."""
        import pandas as pd

        missing = self.written == ""
        numbers = np.where(missing, "0", self.written).astype(np.int64 if self.whole else float)
        if self.whole:
            return Column(name, "number", pd.Series(pd.arrays.IntegerArray(numbers, missing)))
        return Column(name, "number", pd.Series(np.where(missing, np.nan, numbers)))


class _Entries:
    """Entries of a column that are written as texts, parsed as numbers where possible.

    Parameters
    ----------
    texts : pandas.Series of str
    """

    def __init__(self, texts):
        self.texts = texts
        counts = texts.value_counts()
        counts = zip(counts.index.tolist(), counts.tolist(), strict=True)
        self.counts = {text: n for text, n in counts if text}
        self.digits, self.units, self.infinite, self.words = {}, {}, [], []
        self.rewritten, self.compared = False, set()
        for text in self.counts:
            if _AS_IT_IS.fullmatch(text):
                self.digits[text], self.units[text] = text, ""
                continue
            plain, mark = _plain(text)
            number = _NUMBER.fullmatch(plain)
            if number and number["unit"] not in _ORDINALS:
                digits = number["digits"].replace("−", "-").strip()
                if _GROUPS.match(digits):
                    digits = re.sub(r"[ '’\u00a0\u202f]", "", digits)
                self.digits[text] = digits
                self.units[text] = number["unit"] or ""
                self.rewritten |= plain != text
                self.compared |= {mark} - {""}
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
        """Return the decimal mark of the entries: ".", ",", "both", or None if it is ambiguous."""
        marks = {mark for digits in self.digits.values() if (mark := _decimal_mark(digits))}
        return marks.pop() if len(marks) == 1 else ("both" if marks else None)

    def column(self, name, decimal, decimal_elsewhere, are_labels):
        """Return the column of these entries."""
        import pandas as pd

        if not self.digits or self.share < _MOSTLY:
            return self._date(name) or self._time(name, are_labels) or self._words(name)
        if self.compared:
            values = {(digits, self.units[text]) for text, digits in self.digits.items()}
            if len(values) < min(len(self.digits), _FEW_VALUES):
                # <=50 and >50 are categories.
                return _text(name, self.texts)
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
                    f"{name}: numbers with several units ({named}) are read as text. Use one unit."
                ],
            )
        mark = decimal or (self.mark if self.mark in (".", ",") else decimal_elsewhere)
        numbers = {text: _number(digits, mark) for text, digits in self.digits.items()}
        wrong = [text for text, number in numbers.items() if number is None]
        if wrong:
            return self._date(name) or _text(
                name, self.texts, warnings=[self._not_numbers(name, wrong[0], decimal)]
            )
        notes = self._notes(units, mark)
        whole = all(isinstance(number, int) for number in numbers.values())
        if (why := self._why_text(numbers, whole, are_labels)) is not None:
            return _text(name, self.texts, [*notes, why])
        if are_labels and (self.words or self.rewritten or len(units.keys() - {""})):
            # Labels stay as they are written.
            return _text(name, self.texts)
        values = pd.Series(
            [numbers.get(text) for text in self.texts.tolist()],
            dtype="Int64" if whole else "float64",
        )
        column = Column(name, "number", values, notes) if whole else _finite(name, values, notes)
        if self.infinite:
            column.warnings.append(_infinite_warning(name, self._rows(self.infinite)))
        if self.compared:
            marks = ", ".join(repr(mark) for mark in sorted(self.compared))
            column.warnings.append(f"{name}: ignored {marks} before numbers.")
        if self.words:
            column.warnings.append(self._missing(name, "number", self.words))
        return column

    def _missing(self, name, kind, words):
        shown = ", ".join(repr(word) for word in words[:3]) + (", ..." if len(words) > 3 else "")
        return (
            f"{name}: not a {kind} in {counted(self._rows(words), 'row')} ({shown}), treated as "
            "missing."
        )

    def _notes(self, units, mark):
        notes = [f"in {unit}" for unit in units if unit]
        other = "," if mark == "." else "."
        digits = self.digits.values()
        if mark == "," and any("," in one for one in digits):
            notes.append("decimal commas")
        if any(other in one for one in digits):
            notes.append(f"thousands separated by {other!r}")
        return notes

    def _why_text(self, numbers, whole, are_labels):
        """Return why entries stay texts: as numbers, such as 007 and 7, they would be equal."""
        if (whole or are_labels) and any(abs(one) > _MAX_WHOLE for one in numbers.values()):
            return _TOO_LONG
        if whole and any(re.fullmatch(r"0\d+", digits) for digits in self.digits.values()):
            return "digits read as text, since some begin with 0"
        return None

    def _not_numbers(self, name, wrong, decimal):
        """Return a warning about an entry that is not a number, with a remedy that applies."""
        text = "the column is read as text"
        if decimal is not None:
            other = "," if decimal == "." else "."
            if all(_number(digits, other) is not None for digits in self.digits.values()):
                return (
                    f"{name}: entries such as {wrong!r} are not numbers with --decimal {decimal}; "
                    f"{text}. Leave out --decimal."
                )
        # The first entry with each mark is the last one here.
        by_mark = {
            mark: entry
            for entry, digits in reversed(self.digits.items())
            if (mark := _decimal_mark(digits)) and _number(digits, mark) is not None
        }
        if len(by_mark) == 2:
            return (
                f"{name}: some entries have decimal points and others decimal commas, such as "
                f"{by_mark['.']!r} and {by_mark[',']!r}; {text}. Use one mark in the file."
            )
        return (
            f"{name}: entries such as {wrong!r} are not numbers; {text}. Correct these entries in "
            "the file."
        )

    def _mostly(self, pattern):
        """Return the entries that match a pattern, and the others; None if too few match."""
        present = [text for text in self.counts if text.casefold() not in _MISSING]
        texts = [text for text in present if pattern.fullmatch(text)]
        others = [text for text in present if not pattern.fullmatch(text)]
        share = self._rows(texts) / max(self._rows(present), 1)
        return (texts, others) if texts and share >= _MOSTLY else None

    def _date(self, name):
        """Return the column as dates, or None if the entries are not dates."""
        import pandas as pd

        found = self._mostly(_DATE)
        if found is None:
            return None
        texts, others = pd.Series(found[0]), found[1]
        for options in ({}, {"dayfirst": True}):
            with warnings.catch_warnings():
                # pandas warns about formats that it has to infer.
                warnings.simplefilter("ignore", UserWarning)
                try:
                    dates = pd.to_datetime(texts, **options)
                except (ValueError, OverflowError):
                    continue
            if dates.dt.tz is not None:
                dates = dates.dt.tz_localize(None)
            values = pd.to_datetime(self.texts.map(dict(zip(texts, dates, strict=True))))
            missing = [self._missing(name, "date", others)] if others else []
            return Column(name, "date", values, warnings=missing)
        return None

    def _time(self, name, are_labels):
        """Return times or durations in hours; None if the entries are not times, or are labels."""
        found = None if are_labels else self._mostly(_TIME)
        if found is None:
            return None
        hours = {}
        for text in found[0]:
            first, second, third = _TIME.fullmatch(text).groups()
            hours[text] = int(first) + int(second) / 60 + float(third or 0) / 3600
        missing = [self._missing(name, "time", found[1])] if found[1] else []
        values = self.texts.map(hours).astype("float64")
        return Column(name, "number", values, ["times, in hours"], missing)

    def _words(self, name):
        found = []
        if self.share >= 0.5 and self.digits:
            shown = ", ".join(repr(word) for word in self.words[:3])
            found.append(
                f"{name}: {100 * self.share:.0f} % of the entries are numbers and others are not, "
                f"such as {shown}; the column is read as text."
            )
        return _text(name, self.texts, warnings=found)


def _plain(text):
    """Return a text with the sign in front of its number, and the comparison mark before it."""
    compared = _COMPARED.match(text)
    mark = compared[1] if compared else ""
    plain = text[compared.end() :] if compared else text
    for pattern, signed in _NEGATIVE:
        if pattern.fullmatch(plain):
            plain = pattern.sub(signed, plain)
    return _SIGN_FIRST.sub(r"\2\1", plain), mark


def _decimal_mark(digits):
    """Return the decimal mark that a number requires, or None if it is ambiguous."""
    if "," in digits and "." in digits:
        return max(",.", key=digits.rfind)
    for mark, groups in ((",", _BY_COMMA), (".", _BY_POINT)):
        if mark in digits:
            if not groups.fullmatch(digits):
                return mark
            # 1,234,567 has thousands separators; 1,234 may have decimals.
            other = "." if mark == "," else ","
            return other if digits.count(mark) > 1 else None
    return None


def _number(digits, mark):
    """Return a number, an int if it is written as an int; None if the marks are inconsistent."""
    other, groups = (",", _BY_COMMA) if mark == "." else (".", _BY_POINT)
    whole, _, rest = digits.partition(mark)
    if other in whole:
        if not groups.fullmatch(whole):
            return None
        whole = whole.replace(other, "")
    try:
        if mark in digits:
            return float(f"{whole}.{rest}")
        return int(whole) if whole.lstrip("+-").isdigit() else float(whole)
    except (ValueError, OverflowError):
        return None
