import builtins
import bz2
import gzip
import io
import json
import lzma
import pickle
import sys
import zipfile

import numpy as np
import pytest

from sksoftinfo._command_line.table_columns import read_columns
from sksoftinfo._command_line.table_file import read_file
from tests.helpers.table_files import TEXT, frame, packed, written

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("openpyxl")


def entries(raw):
    return raw.frame.astype(object).where(raw.frame.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize(
    "content, how",
    [
        (TEXT, "utf-8, columns separated by commas"),
        (TEXT.replace("\n", "\r\n"), "utf-8, columns separated by commas"),
        (TEXT.replace("\n", "\r"), "utf-8, columns separated by commas"),
        (TEXT.replace(",", ";"), "utf-8, columns separated by semicolons"),
        (TEXT.replace(",", "\t"), "utf-8, columns separated by tabs"),
        (TEXT.replace(",", "|"), "utf-8, columns separated by bars"),
        ("sep=;\n" + TEXT.replace(",", ";"), "utf-8, columns separated by semicolons"),
        (TEXT.replace(",", ", "), "utf-8, columns separated by commas"),
        ('"size","colour"\n"1.5","red"\n2.5,"blue"\n"",red', "utf-8, columns separated by commas"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig, columns separated by commas"),
        (TEXT.encode("utf-16"), "utf-16, columns separated by commas"),
        (TEXT.encode("utf-16-le"), "utf-16-le, columns separated by commas"),
        (TEXT.encode("utf-16-be"), "utf-16-be, columns separated by commas"),
        (TEXT.encode("utf-32"), "utf-32, columns separated by commas"),
        (gzip.compress(TEXT.encode(), mtime=0), "gzip, utf-8, columns separated by commas"),
        (bz2.compress(TEXT.encode()), "bzip2, utf-8, columns separated by commas"),
        (lzma.compress(TEXT.encode()), "xz, utf-8, columns separated by commas"),
    ],
)
def test_texts_are_found_out(tmp_path, content, how):
    raw = read_file(written(tmp_path, content))
    assert raw.names == ["size", "colour"]
    assert entries(raw) == [["1.5", "red"], ["2.5", "blue"], ["", "red"]]
    assert raw.how == how
    assert raw.warnings == []


def test_blanks_separate_columns_where_nothing_else_does(tmp_path):
    raw = read_file(written(tmp_path, "a b  c\n1 2 x\n3  4 y\n"))
    assert (raw.names, raw.separator) == (["a", "b", "c"], r"\s+")
    raw = read_file(written(tmp_path, "what it is\nfirst\nthe second\n"))
    assert raw.names == ["what it is"]


def test_western_letters(tmp_path):
    raw = read_file(written(tmp_path, "größe,y\n1,Möwe\n".encode("latin-1")))
    assert raw.names == ["größe", "y"]
    assert raw.how.startswith("cp1252")
    greek = written(tmp_path, "α,y\n1,β\n".encode("iso8859-7"))
    assert read_file(greek, encoding="iso8859-7").names == ["α", "y"]


@pytest.mark.filterwarnings("error")
def test_separator_that_is_named(tmp_path):
    path = written(tmp_path, "a,b;y\n1,2;x\n3,4;z\n")
    assert read_file(path, sep=";").names == ["a,b", "y"]
    assert read_file(written(tmp_path, "a::y\n1::x\n"), sep="::").names == ["a", "y"]
    assert read_file(written(tmp_path, "a\ty\n1\tx\n"), sep="tab").names == ["a", "y"]


@pytest.mark.parametrize(
    "content, names, warned, n_rows",
    [
        (
            "Table of birds\n\n" + TEXT,
            ["size", "colour"],
            ["Left out 1 line before the header"],
            3,
        ),
        ("# by hand\n" + TEXT, ["size", "colour"], ["Left out 1 line before the header"], 3),
        ("a,b,y,\n1,2,x,\n3,4,z,\n", ["a", "b", "y", ""], [], 2),
        ("a,b,y\n1,2,x,\n3,4,z,\n", ["a", "b", "y", ""], [], 2),
        ("a,b,y\nr1,1,2,x\nr2,3,4,z\n", ["", "a", "b", "y"], [], 2),
        ("a,b,y\n1,2,x\n3,4,z\n5,6\n", ["a", "b", "y"], ["Fewer entries than the header"], 3),
        ("\n\na,y\n1,x\n\n2,z\n", ["a", "y"], [], 2),
        ('"a\n(cm)",y\n1,x\n2,z\n', ["a\n(cm)", "y"], [], 2),
        ('By us\n"a\n\n(cm)";y\n1;x\n"2\n3";z\n', ["a\n\n(cm)", "y"], ["Left out 1 line"], 2),
    ],
)
def test_headers(tmp_path, content, names, warned, n_rows):
    raw = read_file(written(tmp_path, content))
    assert raw.names == names
    assert len(raw.warnings) == len(warned)
    for warning, start in zip(raw.warnings, warned, strict=True):
        assert warning.startswith(start)
    assert len(raw.frame) == n_rows


def test_parquet_excel_and_zip(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    frame().to_parquet(folder / "t.parquet")
    excel = frame().astype({"number": str})
    with pd.ExcelWriter(folder / "t.xlsx") as writer:
        pd.DataFrame().to_excel(writer, sheet_name="empty")
        pd.DataFrame({"notes": ["by us"]}).to_excel(writer, sheet_name="notes", index=False)
        excel.to_excel(writer, sheet_name="data", index=False, startrow=2)
        excel.to_excel(writer, sheet_name="more")
    with zipfile.ZipFile(folder / "t.zip", "w") as archive:
        archive.writestr("in/t.csv", TEXT)
        archive.writestr("__MACOSX/t.csv", "")
    columns = read_columns(read_file(folder / "t.parquet"))
    assert [column.kind for column in columns] == ["text", "text", "date"]
    assert columns[0].values[2] == str(2**53 + 1)
    assert columns[1].values.tolist() == ["NA", "None", "b"]
    raw = read_file(folder / "t.xlsx")
    assert raw.how == "xlsx, sheet 'data'"
    assert raw.warnings == ["Only the sheet 'data' is read; others are 'notes', 'more'."]
    columns = read_columns(raw)
    assert [column.kind for column in columns] == ["text", "text", "date"]
    assert columns[0].values[2] == str(2**53 + 1)
    raw = read_file(folder / "t.zip")
    assert raw.names == ["size", "colour"]
    assert raw.how.startswith("'in/t.csv' in zip")


@pytest.mark.parametrize(
    "content",
    [
        [{"a": 1, "y": "x"}, {"a": 2**60 + 1, "y": None}],
        {"a": [1, 2**60 + 1], "y": ["x", None]},
        {"a": {"0": 1, "1": 2**60 + 1}, "y": {"0": "x", "1": None}},
        {"rows": [{"a": 1, "y": "x"}, {"a": 2**60 + 1}]},
        {"source": {"by": "us"}, "n": 2, "rows": [{"a": 1, "y": "x"}, {"a": 2**60 + 1}]},
        {"columns": ["a", "y"], "index": [0, 1], "data": [[1, "x"], [2**60 + 1, None]]},
        [["a", "y"], [1, "x"], [2**60 + 1]],
    ],
)
def test_json(tmp_path, content):
    raw = read_file(written(tmp_path, json.dumps(content), "t.json"))
    assert raw.names == ["a", "y"]
    first, second = read_columns(raw)
    assert first.values.tolist() == ["1", str(2**60 + 1)]
    assert second.values.isna().tolist() == [False, True]


def test_json_of_rows_within_rows(tmp_path):
    rows = [{"size": {"x": 1, "of": {"y": i}}, "tags": [i], "kind": "a"} for i in range(3)]
    raw = read_file(written(tmp_path, json.dumps(rows), "t.json"))
    assert raw.names == ["size.x", "size.of.y", "tags", "kind"]
    assert raw.frame[1].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="lists without names: begin with a list of the column"):
        read_file(written(tmp_path, "[[1, 2], [3, 4]]", "t.json"))


def test_lines_of_json(tmp_path):
    raw = read_file(written(tmp_path, '{"a": 1, "y": "x"}\n{"a": 2, "y": "z"}\n'))
    assert raw.how == "utf-8, lines of JSON"
    assert entries(raw) == [[1, "x"], [2, "z"]]
    # A header may begin with a bracket.
    assert read_file(written(tmp_path, "[a],y\n1,x\n")).names == ["[a]", "y"]


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (bytes(range(128, 256)), "neither a table nor a text in utf-8"),
        (b"a,y\n1,\x01\x02\n", "is not a text"),
        ("a,b,y\n1,2,x\n1,2,3,x\n", "has 4 entries in line 3 and 3 in its header"),
        ("a,y\n1,x\n2,z,3\n", "has 3 entries in line 3 and 2 in its header"),
        ('a,y\n1,x\n2,"z\n3,x\n', "EOF inside string"),
        ("a,y\n1,2,3,x\n4,5,6,z\n", "has 2 names in its header and 4 entries in most rows"),
        (gzip.compress(TEXT.encode() * 99, mtime=0)[:-20], "as a file compressed by gzip: "),
        (lzma.compress(TEXT.encode() * 99)[:-20], "as a file compressed by xz: "),
        (packed("a.csv", "b.csv"), "holds 2 files (a.csv, b.csv): extract the table"),
        (packed("a.csv")[:-30], "cannot be read as a zip archive: "),
        (packed("[Content_Types].xml"), "cannot be read as an xlsx file: "),
        (packed("mimetype", "content.xml"), "is an OpenDocument file: save its table as"),
        (b"PAR1" + bytes(50) + b"PAR1", "cannot be read as a parquet file: "),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "old or protected Excel file"),
        (b"%PDF-1.7", "a PDF"),
        (b"<!DOCTYPE html><table></table>", "is a web page: save its table as .csv"),
        (pickle.dumps(TEXT, 4), "a pickle, which may run programs"),
        (pickle.dumps(TEXT, 5), "a pickle, which may run programs"),
        (b"ARROW1\0\0" + bytes(99), "is a feather file: save its table as .csv or .parquet"),
        (b"\x93NUMPY" + bytes(99), "is an array of NumPy: save it as .csv, with a header"),
        (b"SQLite format 3\0" + bytes(99), "is a database of SQLite"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(ValueError) as error:
        read_file(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_json_that_is_none(tmp_path):
    for content in ("[1, 2", "[" * 100_000, "3", "[]", "{}"):
        with pytest.raises(ValueError, match=r"t\.json"):
            read_file(written(tmp_path, content, "t.json"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "ascii"])
def test_the_remedy_for_a_wrong_encoding(tmp_path, encoding):
    # As UTF-16, these bytes are Chinese letters in a single line.
    path = written(tmp_path, "größe,y\n1,x\n2,zz\n", "t.csv")
    with pytest.raises(ValueError, match=f"is not encoded in {encoding}: leave out --encoding"):
        read_file(path, encoding=encoding)
    assert read_file(path).names == ["größe", "y"]


def test_encodings_that_do_not_fit(tmp_path):
    path = written(tmp_path, "ä,y\n1,x\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not encoded in utf-8: leave out --encoding"):
        read_file(path, encoding="utf-8")
    assert read_file(path).names
    with pytest.raises(ValueError, match="--encoding klingon is unknown"):
        read_file(path, encoding="klingon")


def test_folders_and_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="is a folder: pass a file"):
        read_file(tmp_path)
    with pytest.raises(ValueError, match=r"no\.csv does not exist: check the name"):
        read_file(tmp_path / "no.csv")


def cut(name):
    """Return the first half of a file of this kind."""
    stream = io.BytesIO()
    if name == "xlsx":
        frame().astype({"number": str}).to_excel(stream)
    elif name == "parquet":
        frame().to_parquet(stream)
    else:
        stream.write(json.dumps([{"a": 1, "y": "x"}] * 9).encode())
    return stream.getvalue()[: len(stream.getvalue()) // 2]


@pytest.mark.parametrize("kind", ["parquet", "xlsx", "JSON"])
@pytest.mark.parametrize("pack", [None, gzip.compress])
def test_a_file_that_was_cut_is_named_by_its_format(tmp_path, kind, pack):
    content = cut(kind)
    name = f"t.{kind.lower()}" if pack is None else f"t.{kind.lower()}.gz"
    what = kind if kind == "JSON" else f"an? {kind} file"
    message = (
        rf"{name} cannot be read as {what}: .*\. It may be damaged or incomplete: save it again "
        r"as CSV, parquet, xlsx or JSON\.$"
    )
    with pytest.raises(ValueError, match=message):
        read_file(written(tmp_path, content if pack is None else pack(content), name))


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4 + b"\xd8"


@pytest.mark.parametrize(
    "name, content, options, advised",
    [
        ("t.csv", PNG, {}, ()),
        ("t.parquet", PNG, {}, ()),
        ("t.csv", PNG, {"encoding": "utf-8"}, ("--encoding",)),
        ("t.csv", bytes(range(128, 256)), {}, ("--encoding",)),
        ("t.parquet", b"PAR1" + bytes(50), {}, ()),
        ("t.csv.gz", gzip.compress(TEXT.encode() * 99, mtime=0)[:-20], {}, ()),
        ("t.xlsx", b"PK\x03\x04" + bytes(50), {}, ()),
        ("t.json", '[{"a": 1}, {"a"', {}, ()),
        ("t.csv", 'a,y\n1,x\n2,"z\n3,x\n', {}, ("--sep", "--encoding")),
    ],
)
def test_options_of_texts_are_not_advised_for_binary_files(
    tmp_path, name, content, options, advised
):
    with pytest.raises(ValueError) as error:
        read_file(written(tmp_path, content, name), **options)
    message = str(error.value)
    assert tuple(option for option in ("--sep", "--encoding") if option in message) == advised
    is_resaved = "save it again as CSV, parquet, xlsx or JSON" in message.replace("Save", "save")
    assert is_resaved or advised


def test_damaged_files_raise_value_error_or_are_read(tmp_path):
    """Bytes of valid files are changed, cut out or repeated, 25 times each."""
    (tmp_path / "made").mkdir()
    frame().to_parquet(tmp_path / "made/t.parquet")
    frame().astype({"number": str}).to_excel(tmp_path / "made/t.xlsx")
    good = [
        TEXT.encode() * 3,
        TEXT.replace(",", ";").encode("utf-16"),
        gzip.compress(TEXT.encode(), mtime=0),
        packed("t.csv"),
        json.dumps([{"a": 1, "y": [2, {"z": None}]}] * 3).encode(),
        (tmp_path / "made/t.parquet").read_bytes(),
        (tmp_path / "made/t.xlsx").read_bytes(),
    ]
    rng = np.random.default_rng(0)
    read = refused = 0
    for content in good:
        for _ in range(25):
            damaged = bytearray(content)
            for _ in range(rng.integers(1, 4)):
                start = rng.integers(len(damaged))
                end = start + rng.integers(1, 1 + max(len(damaged) // 4, 1))
                kind = rng.integers(4)
                if kind == 0:
                    damaged[start] = rng.integers(256)
                elif kind == 1 and end < len(damaged):
                    del damaged[start:end]
                elif kind == 2:
                    damaged[start:start] = damaged[start:end]
                else:
                    damaged[start:start] = rng.choice(list(b',;"\n\0[{\xff')).tobytes()[:1]
            try:
                read_columns(read_file(written(tmp_path, bytes(damaged))))
                read += 1
            except ValueError as error:
                assert "t.csv" in str(error)
                refused += 1
    assert read > 20 and refused > 20


@pytest.mark.parametrize("missing, name", [("pandas", "t.csv"), ("pyarrow", "t.parquet")])
def test_what_to_install(tmp_path, monkeypatch, missing, name):
    path = tmp_path / name
    frame().to_parquet(path) if name.endswith("parquet") else path.write_text(TEXT)
    real = builtins.__import__

    def without(module, *args, **kwargs):
        if module.partition(".")[0] == missing:
            raise ImportError(f"no {missing}")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with monkeypatch.context() as loaded:
        for module in [one for one in sys.modules if one.partition(".")[0] == missing]:
            loaded.delitem(sys.modules, module)
        with pytest.raises(ImportError, match=r"pip install .sksoftinfo\[table\]"):
            read_file(path)
