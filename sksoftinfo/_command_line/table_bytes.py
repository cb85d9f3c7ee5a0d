"""Bytes of a file that may hold a table: its compression and its format, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zipfile
from contextlib import contextmanager
from pathlib import PurePath
from typing import NamedTuple

from .._utils import counted

# Largest size after decompression: a few kilobytes may expand to terabytes.
_MAX_BYTES = 2**32
# Bytes that are read at a time, since a stream allocates as much as it is told to read.
_CHUNK = 2**20
FORMATS = "CSV, parquet, xlsx or JSON"
# First bytes of binary files that are read. An xlsx file is a zip archive. The name of a column
# may begin with PAR1.
_PARQUET, _ZIP = re.compile(rb"PAR1(?![\t\r\n -~])"), re.compile(rb"PK\x03\x04")
_GZIP, _XZ, _BZIP2 = map(re.compile, (rb"\x1f\x8b", rb"\xfd7zXZ\x00", rb"BZh[1-9]"))
_STREAMS = (
    (_GZIP, "gzip", gzip.open),
    (_XZ, "xz", lzma.open),
    (_BZIP2, "bzip2", bz2.open),
)
_ENDINGS = {
    ".gz": (_GZIP, "a gzip file"),
    ".xz": (_XZ, "an xz file"),
    ".bz2": (_BZIP2, "a bzip2 file"),
    ".zip": (_ZIP, "a zip archive"),
    ".parquet": (_PARQUET, "a parquet file"),
    ".xlsx": (_ZIP, "an xlsx file"),
}
_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "an old or protected Excel file: save it as .xlsx or .csv"),
    (b"%PDF", "a PDF: save its table as .csv"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: decompress it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: extract the table"),
    (b"Rar!\x1a", "a rar archive: extract the table"),
    (b"\x89HDF", "an HDF5 file: save its table as .csv or .parquet"),
    (b"ARROW1\0\0", "a feather file: save its table as .csv or .parquet"),
    (b"\x93NUMPY", "an array of NumPy: save it as .csv, with a header"),
    (b"SQLite format 3\0", "a database of SQLite: save one of its tables as .csv"),
    (b"<stata_dta>", "a Stata file: save its table as .csv or .parquet"),
    (b"$FL2@(#)", "an SPSS file: save its table as .csv or .parquet"),
    (b"\x80\x04\x95", "a pickle, which may run programs: save its table as .csv or .parquet"),
    (b"\x80\x05\x95", "a pickle, which may run programs: save its table as .csv or .parquet"),
)


class NotATable(Exception):
    """Error whose message follows the name of the file, e.g. "is empty"."""


class TableBytes(NamedTuple):
    """Content of a file after decompression.

    Parameters
    ----------
    data : bytes or bytearray
    name : str
        Name of the file without the ending of its compression, or of the file in an archive.
    how : list of str
        Compression, if any.
    """

    data: bytes | bytearray
    name: str
    how: list[str]

    @property
    def is_parquet(self):
        return bool(_PARQUET.match(self.data))

    @property
    def is_excel(self):
        return bool(_ZIP.match(self.data))


def read_bytes(path):
    """Return the bytes of a file, or of the only file in an archive.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    TableBytes

    Raises
    ------
    NotATable
        If the file is empty, damaged or too large, has a format that is not read, or is not a
        binary file although its name ends like that of one.
    OSError
        If the file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise NotATable("is empty: pass a table with a header line and rows")
    _check_name(path.name, start)
    content = _decompressed(path, start)
    for mark, what in _REFUSED:
        if content.data.startswith(mark):
            raise NotATable(f"is {what}")
    _check_name(content.name, content.data)
    return content


@contextmanager
def reading_as(what):
    """Raise NotATable for any error of a parser, e.g. of "a parquet file", about damaged bytes."""
    try:
        yield
    except (ImportError, NotATable):
        raise
    # Parsers of damaged files raise errors of many kinds.
    except Exception as error:
        raise NotATable(
            f"cannot be read as {what}: {reason(error)}. It may be damaged or incomplete: save it "
            f"again as {FORMATS}"
        ) from error


def reason(error):
    """Return the text of an error in one line, or else the name of its class."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")


def _check_name(name, data):
    ending = PurePath(name).suffix.lower()
    if ending not in _ENDINGS or any(data.startswith(known) for known, _ in _REFUSED):
        return
    mark, what = _ENDINGS[ending]
    if not mark.match(data):
        raise NotATable(
            f"is not {what}, although its name ends in {ending}: save it again as {FORMATS}, or "
            "rename it if it is a text"
        )


def _decompressed(path, start):
    for mark, name, open_stream in _STREAMS:
        if mark.match(start):
            inner = path.stem if path.suffix.lower() in _ENDINGS else path.name
            with reading_as(f"a file compressed by {name}"), open_stream(path) as stream:
                return TableBytes(_limited(stream), inner, [name])
    if _ZIP.match(start):
        with reading_as("an xlsx file" if path.suffix.lower() == ".xlsx" else "a zip archive"):
            return _unpacked(path)
    with path.open("rb") as stream:
        return TableBytes(_limited(stream), path.name, [])


def _unpacked(path):
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > _MAX_BYTES:
            raise NotATable(f"holds more than {_MAX_BYTES >> 30} GiB: cut it into parts")
        names = [
            member.filename
            for member in members
            if not member.filename.endswith("/") and not member.filename.startswith("__MACOSX/")
        ]
        if "[Content_Types].xml" in names:
            return TableBytes(path.read_bytes(), path.name, [])
        if "mimetype" in names:
            raise NotATable("is an OpenDocument file: save its table as .xlsx or .csv")
        if len(names) != 1:
            raise NotATable(
                f"holds {counted(len(names), 'file')} ({', '.join(names[:5])}): extract the table"
            )
        if archive.getinfo(names[0]).flag_bits & 1:
            raise NotATable("is protected by a password: extract the table")
        with archive.open(names[0]) as stream:
            return TableBytes(_limited(stream), names[0], [f"{names[0]!r} in zip"])


def _limited(stream):
    data = bytearray()
    while len(data) <= _MAX_BYTES and (chunk := stream.read(_CHUNK)):
        data += chunk
    if len(data) > _MAX_BYTES:
        raise NotATable(f"holds more than {_MAX_BYTES >> 30} GiB: cut it into parts")
    return data
