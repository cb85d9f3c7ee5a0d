"""Tables from files: detection of the format, and entries as they are written."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from .._utils import counted
from .input_files import check_file
from .table_bytes import FORMATS, NotATable, read_bytes, reading_as, reason

# Number of lines from which the separator is detected.
_MAX_SNIFFED_LINES = 500
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", r"\s+": "blanks"}
_SEPARATOR_NAMES = {"tab": "\t", r"\t": "\t", "space": r"\s+", " ": r"\s+"}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class RawTable(NamedTuple):
    """Entries of a file as they are written, and how the file was read.

    Parameters
    ----------
    names : list of str
        Names in the header; they may repeat or be empty.
    frame : pandas.DataFrame
        Entries, with numbered columns. Texts are not interpreted.
    how : str
        Detected format.
    warnings : list of str
        Warnings for the user.
    separator : str or None
        Separator of the columns in a text file.
    """

    names: list[str]
    frame: Any
    how: str
    warnings: list[str]
    separator: str | None = None


def read_file(path, *, sep=None, encoding=None):
    """Read a table from a file: delimited text, parquet, xlsx or JSON, compressed or not.

    Parameters
    ----------
    path : str or path-like
    sep : str, default=None
        Separator of the columns in a text file; detected if None.
    encoding : str, default=None
        Encoding of a text file; detected if None.

    Returns
    -------
    RawTable

    Raises
    ------
    ValueError
        If the file does not exist, is damaged, or is not a table.
    OSError
        If the file cannot be opened.
    ImportError
        If a library that reads this format is not installed.
    """
    path = Path(path)
    check_file(path)
    try:
        return _read(path, sep, encoding)
    except ImportError as error:
        raise ImportError(
            f"{path} needs a library that is not installed ({error}). Run pip install "
            "'sksoftinfo[table]'."
        ) from error
    except NotATable as error:
        raise ValueError(f"{path} {error}.") from error


def _read(path, sep, encoding):
    content = read_bytes(path)
    if content.is_parquet:
        with reading_as("a parquet file"):
            return _parquet(content.data, content.how)
    if content.is_excel:
        with reading_as("an xlsx file"):
            return _excel(content.data, content.how)
    text, how_encoded = _decoded(content.data, encoding)
    how = [*content.how, how_encoded]
    if content.name.lower().endswith((".json", ".jsonl", ".ndjson")):
        with reading_as("JSON"):
            return _json(text, how)
    if sep is None and text.lstrip()[:1] in ("[", "{"):
        # Names in the header of another text may begin with a bracket.
        with contextlib.suppress(ValueError, RecursionError):
            return _json(text, how)
    try:
        return _separated(text, sep, how)
    except (ImportError, NotATable):
        raise
    except Exception as error:
        raise NotATable(
            f"cannot be read as a table: {reason(error)}. If the file is complete, state its "
            "format with --sep or --encoding"
        ) from error


def _decoded(data, encoding):
    """Return the text, with newlines as line ends, and the name of its encoding."""
    if encoding is not None:
        text = _decode(data, encoding)
        if text is None or _is_misread(data, text):
            raise NotATable(f"is not encoded in {encoding}: leave out --encoding")
    else:
        encodings = [name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)][:1]
        if not encodings and b"\x00" in data[:1000]:
            # In UTF-16 one of the two bytes of each western letter is zero.
            zeros = [data[side:1000:2].count(0) for side in (0, 1)]
            encodings = ["utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"]
        for encoding in encodings or ["utf-8", "cp1252"]:
            text = _decode(data, encoding)
            if text is not None:
                break
        else:
            # Texts other than UTF-16 and UTF-32 do not contain zero bytes.
            other = "" if b"\x00" in data else ", or pass its --encoding if it is a text"
            raise NotATable(
                f"is neither a table nor a text in utf-8: save it again as {FORMATS}{other}"
            )
    if re.match(r"\s*<(!doctype html|html)\b", text, re.IGNORECASE):
        raise NotATable("is a web page: save its table as .csv")
    if re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe]", text[:100_000].replace("\x85", "")):
        raise NotATable(f"is not a text: save it again as {FORMATS}")
    if not text.strip():
        raise NotATable("is empty: pass a table with a header line and rows")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _is_misread(data, text):
    """Return whether a wrong encoding turned line ends into other characters."""
    return bool(re.search(rb"[\r\n].*\S", data)) and not re.search(r"[\r\n]", text)


def _decode(data, encoding):
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None
    except LookupError as error:
        raise NotATable(f"cannot be decoded: --encoding {encoding} is unknown") from error


def _separated(text, sep, how):
    import pandas as pd

    lines = text.split("\n")
    if sep is None and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        sep, lines[0] = lines[0][4], ""
    sep = _SEPARATOR_NAMES.get(sep, sep) or _sniffed(lines[:_MAX_SNIFFED_LINES])
    rows = list(_fields(lines[:_MAX_SNIFFED_LINES], sep))
    width = _width(rows)
    first, header, below = _header(lines, sep, width)
    sniffed_body = [row for row in rows if len(row) == width]
    warnings = []
    skipped = sum(bool(line.strip()) for line in lines[:first])
    if skipped:
        warnings.append(f"Left out {counted(skipped, 'line')} before the header.")
    stream = io.StringIO(text)
    for _ in range(below):
        stream.readline()
    try:
        body = pd.read_csv(
            stream,
            sep=sep,
            header=None,
            names=range(max(width, len(header))),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            # The fast engine supports single characters and blanks.
            engine="c" if len(sep) == 1 or sep == r"\s+" else "python",
        )
    except pd.errors.ParserError as error:
        uneven = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if uneven is None:
            raise
        expected, line, seen = map(int, uneven.groups())
        raise NotATable(
            f"has {seen} entries in line {line + below} and {expected} in its header: correct the "
            "line, or pass the separator with --sep"
        ) from error
    if len(header) == width - 1 and width > 2:
        # R writes row names without a header for them; other programs end each row by a separator.
        header = [*header, ""] if all(not row[-1] for row in sniffed_body) else ["", *header]
    if len(header) < width:
        raise NotATable(
            f"has {len(header)} names in its header and {width} entries in most rows: correct "
            "the header, or pass the separator with --sep"
        )
    short = sum(len(row) < width for row in _fields(lines[below:], sep))
    if short:
        warnings.append(
            f"Fewer entries than the header in {counted(short, 'row')} of {len(body)}: the absent "
            "entries count as missing. Check that the file is complete."
        )
    how = [*how, f"columns separated by {_SEPARATORS.get(sep, repr(sep))}"]
    return RawTable(header, body, ", ".join(how), warnings, sep)


def _fields(lines, sep):
    """Yield the fields of each line that is not empty, up to the first invalid line."""
    if sep == r"\s+":
        yield from (line.split() for line in lines if line.strip())
    elif len(sep) > 1:
        yield from (re.split(sep, line) for line in lines if line.strip())
    else:
        with contextlib.suppress(csv.Error):
            rows = csv.reader(lines, delimiter=sep, skipinitialspace=True)
            yield from (row for row in rows if row)


def _width(rows):
    """Return the most frequent number of fields."""
    counts = Counter(len(row) for row in rows)
    return max(counts, key=lambda width: (counts[width], width), default=1)


def _sniffed(lines):
    """Return the separator for which most rows have as many fields as the header."""
    best, best_score = ",", None
    for sep in _SEPARATORS:
        rows = list(_fields(lines, sep))
        width = _width(rows)
        agreeing = sum(len(row) == width for row in rows) / max(len(rows), 1)
        if width < 2 or (sep == r"\s+" and (agreeing < 1 or best_score is not None)):
            continue
        score = (len(rows[0]) == width, agreeing, width)
        if best_score is None or score > best_score:
            best, best_score = sep, score
    return best


def _header(lines, sep, width):
    """Return the number of the header's line, its fields, and the number of the next line."""
    first = 0
    for fields, below in _records(lines, sep):
        line, filled = lines[first], [field for field in fields if field.strip()]
        is_header = (len(filled) > 1 and not line.startswith("#")) or (width == 1 and filled)
        if is_header or (line.startswith("#") and len(filled) == width):
            return first, fields, below
        first = below
    return 0, next(_fields(lines[:1], sep), []), 1


def _records(lines, sep):
    """Yield the fields of each record, which may span lines, and the number of the next line."""
    if len(sep) > 1:
        for below, line in enumerate(lines, start=1):
            yield next(_fields([line], sep), []), below
        return
    with contextlib.suppress(csv.Error):
        rows = csv.reader((f"{line}\n" for line in lines), delimiter=sep, skipinitialspace=True)
        for row in rows:
            yield row, rows.line_num


def _parquet(data, how):
    import pandas as pd

    # Whole numbers with gaps would lose digits in float64.
    frame = pd.read_parquet(io.BytesIO(data), dtype_backend="numpy_nullable")
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return _typed(frame, [*how, "parquet"], [])


def _typed(frame, how, warnings):
    names = ["" if name is None else str(name) for name in frame.columns]
    return RawTable(names, frame.set_axis(range(len(names)), axis=1), ", ".join(how), warnings)


def _excel(data, how):
    import pandas as pd

    sheets = pd.read_excel(
        io.BytesIO(data),
        sheet_name=None,
        header=None,
        dtype=object,
        keep_default_na=False,
        na_values=[""],
    )
    filled = {name: sheet for name, sheet in sheets.items() if sheet.notna().any(axis=None)}
    if not filled:
        raise NotATable("has no sheet with entries: save the table again")
    filled = {
        name: sheet.dropna(how="all").dropna(axis=1, how="all") for name, sheet in filled.items()
    }
    # A sheet of notes is not a table.
    tables = [name for name, sheet in filled.items() if min(sheet.shape) > 1]
    name = (tables or list(filled))[0]
    sheet = filled.pop(name)
    warnings = []
    if filled:
        others = ", ".join(map(repr, filled))
        warnings.append(f"Only the sheet {name!r} is read; others are {others}.")
    given = sheet.notna().sum(axis=1)
    # A column of row numbers may have no name; titles above the header fill one or two cells.
    first = int((given >= sheet.shape[1] - 1).to_numpy().argmax())
    if first:
        warnings.append(f"Left out {counted(first, 'row')} before the header.")
    header = ["" if entry is None or entry != entry else str(entry) for entry in sheet.iloc[first]]
    frame = sheet.iloc[first + 1 :].set_axis(range(len(header)), axis=1).reset_index(drop=True)
    return RawTable(header, frame, ", ".join([*how, f"xlsx, sheet {name!r}"]), warnings)


def _json(text, how):
    import pandas as pd

    try:
        content, kind = json.loads(text), "JSON"
    except ValueError:
        content = [json.loads(line) for line in text.splitlines() if line.strip()]
        kind = "lines of JSON"
    content = _rows_of(content)
    if not content or not isinstance(content, (list, dict)):
        raise NotATable('holds no table: write a list of rows, such as [{"a": 1}, {"a": 2}]')
    # Whole numbers with gaps would lose digits in float64.
    return _typed(pd.DataFrame(content, dtype=object), [*how, kind], [])


def _rows_of(content):
    """Return the rows or columns of a JSON file, whatever its layout."""
    import pandas as pd

    if isinstance(content, dict):
        tables = [
            value
            for value in content.values()
            if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        if len(tables) == 1:
            content = tables[0]
        elif {"columns", "data"} <= content.keys():
            content = [content["columns"], *content["data"]]
        elif all(isinstance(value, dict) for value in content.values()):
            return {name: pd.Series(value, dtype=object) for name, value in content.items()}
    if not isinstance(content, list) or not content:
        return content
    if all(isinstance(row, list) for row in content):
        if not all(isinstance(name, str) for name in content[0]):
            raise NotATable("holds lists without names: begin with a list of the column names")
        return [dict(zip(content[0], row, strict=False)) for row in content[1:]]
    return [_flat(row) if isinstance(row, dict) else row for row in content]


def _flat(row, prefix=""):
    """Return a nested row as a flat row, with names such as `size.width`."""
    flat = {}
    for name, entry in row.items():
        if isinstance(entry, dict) and entry:
            flat |= _flat(entry, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = entry
    return flat
