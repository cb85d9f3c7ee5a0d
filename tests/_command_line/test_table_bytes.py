import bz2
import gzip
import lzma
import tracemalloc

import numpy as np
import pytest

from sksoftinfo._command_line.table_file import read_file
from tests.helpers.table_files import TEXT, frame, packed, written

pytest.importorskip("pyarrow")
pytest.importorskip("openpyxl")


def test_too_large_when_decompressed(tmp_path, monkeypatch):
    monkeypatch.setattr("sksoftinfo._command_line.table_bytes._MAX_BYTES", 100)
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        with pytest.raises(ValueError, match="holds more than"):
            read_file(written(tmp_path, pack(b"a,y\n" * 1000)))
    with pytest.raises(ValueError, match="holds more than"):
        read_file(written(tmp_path, packed(*"abcdefgh")))


def test_a_small_file_takes_little_memory(tmp_path):
    for pack in (bytes, gzip.compress, bz2.compress, lzma.compress):
        path = written(tmp_path, pack(TEXT.encode()))
        tracemalloc.start()
        read_file(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50e6


@pytest.mark.parametrize("ending", ["parquet", "xlsx", "gz", "xz", "bz2", "zip", "PARQUET"])
def test_bytes_under_the_name_of_a_binary_file_are_not_a_table(tmp_path, ending):
    rng = np.random.default_rng(0)
    letters = bytes(rng.integers(0xA0, 0xFF, 300).astype(np.uint8))
    for content in (rng.bytes(20), rng.bytes(3000), letters, b"hello\nworld\n", TEXT):
        path = written(tmp_path, content, f"t.{ending}")
        what = f"is not an? .*, although its name ends in .{ending.lower()}: "
        with pytest.raises(ValueError, match=what + ".* or rename it if it is a text"):
            read_file(path)
    # The same holds within an archive.
    inner = f"t.{ending}.gz" if ending != "gz" else "t.zip.gz"
    with pytest.raises(ValueError, match="although its name ends in"):
        read_file(written(tmp_path, gzip.compress(letters), inner))


def test_names_of_columns_that_begin_like_a_binary_file(tmp_path):
    for name in ("PAR1", "ORC", "BZh", "Rar!", "ARROW1", "$FL2"):
        raw = read_file(written(tmp_path, TEXT.replace("size", name)))
        assert raw.names == [name, "colour"]
        assert read_file(written(tmp_path, f"{name}\n1\n")).names == [name]


def test_the_content_decides_where_the_name_does_not(tmp_path):
    frame().to_parquet(tmp_path / "made.csv")
    assert read_file(tmp_path / "made.csv").how == "parquet"
    packed_text = gzip.compress(TEXT.encode(), mtime=0)
    for name in ("t.csv", "t.csv.gz", "t.gz", "t.txt.GZ", "t.xls"):
        assert read_file(written(tmp_path, packed_text, name)).names == ["size", "colour"]
