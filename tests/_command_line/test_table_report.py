import numpy as np
import pytest

from sksoftinfo._command_line.table_columns import read_columns
from sksoftinfo._command_line.table_file import RawTable
from sksoftinfo._command_line.table_labels import make_labels
from sksoftinfo._command_line.table_report import divide, report_lines, suspicions

pd = pytest.importorskip("pandas")

N = 40
LABELS = ["x", "y"] * (N // 2)
RANDOM = np.random.default_rng(0).normal(size=N).round(3)


def columns(**entries):
    frame = pd.DataFrame({i: list(map(str, one)) for i, one in enumerate(entries.values())})
    return read_columns(RawTable(list(entries), frame, "as it is", []), labels="y")


def table(**entries):
    return divide(columns(**entries, y=LABELS), "y")


def warned(**entries):
    found = table(**entries)
    return found.warnings + suspicions(found, make_labels(found.target))


def test_codes_of_missing_numbers():
    entries = RANDOM.copy()
    entries[:3] = -999
    (warning,) = warned(a=entries)
    assert warning.startswith("a is -999 in 3 rows, far from all other values. If -999 stands for")
    entries[1:3] = 0.5
    assert warned(a=entries) == []
    assert warned(a=[9] * 20 + list(range(20))) == []


@pytest.mark.parametrize(
    "entries, reason",
    [
        (range(N), "numbers the rows"),
        (range(N, 0, -1), "numbers the rows"),
        (range(0, 3 * N, 3), "numbers the rows"),
        (np.random.default_rng(0).permutation(N) + 7, "numbers the rows"),
        ([i for i in range(N + 3) if i not in (5, 8, 20)], "numbers the rows"),
        ([""] * N, "empty"),
        (["n"] * N, "constant"),
        (RANDOM, "equals a"),
    ],
)
def test_columns_that_are_left_out(entries, reason):
    found = table(a=RANDOM, b=entries)
    assert [one.name for one in found.features] == ["a"]
    assert found.left_out == {"b": reason}
    kept = divide(columns(a=RANDOM, b=entries, y=LABELS), "y", only=["b"])
    assert [one.name for one in kept.features] == ["b"]
    assert kept.left_out == {"a": "not in --columns"}


@pytest.mark.parametrize(
    "entries",
    [
        RANDOM,
        np.arange(N) / 8,
        np.arange(N) // 2,
        ["n", *[""] * (N - 1)],
        np.arange(N) ** 2,
        map("w{}".format, range(N)),
    ],
)
def test_columns_that_are_kept(entries):
    found = table(a=RANDOM[::-1], b=entries)
    assert [one.name for one in found.features] == ["a", "b"]


@pytest.mark.parametrize(
    "entries, message",
    [
        (LABELS, "b determines the label in 100 % of the rows. If the column is a copy"),
        ([1, 2] * (N // 2), "b determines the label in 100 % of the rows"),
        (map("W{:03}".format, range(N)), "b has a different value in each row, in increasing"),
        (np.arange(N) ** 2, "b has a different value in each row, in increasing"),
        (
            pd.date_range("2020-01-01", periods=N).strftime("%Y-%m-%d"),
            "b has a different value in",
        ),
        (["Male", "male", "female"] * 13 + ["male"], "b: 'Male' and 'male' differ only in case"),
        ([*range(N - 1), "lots"], r"b: not a number in 1 row \('lots'\), treated as missing"),
    ],
)
def test_warnings(entries, message):
    found = warned(a=RANDOM, b=entries)
    assert len(found) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(found[0])


def test_what_is_not_suspicious():
    names = map("person {}".format, np.random.default_rng(0).permutation(N))
    assert warned(a=RANDOM, b=names, c=np.arange(N) // 4, d=np.arange(N) % 3) == []


def repeating(*names):
    frame = pd.DataFrame({i: RANDOM[::-1] * (i + 1) for i in range(len(names))}).astype(str)
    frame[len(names) - 1] = LABELS
    return read_columns(RawTable(list(names), frame, "as it is", []), labels="y")


def test_names_that_repeat():
    found = divide(repeating("a", "a", "a.1", "y"), "y")
    assert [one.name for one in found.features] == ["a.2", "a.3", "a.1"]
    assert found.warnings == ["2 columns are named 'a': they are renamed a.2 and a.3."]
    # The new names can be used.
    found = divide(repeating("a", "a", "b", "y"), "y", drop=["a.2"])
    assert [one.name for one in found.features] == ["a.1", "b"]
    found = divide(repeating("b", "y", "y"), "y.2", only=["b"], groups="y.1")
    assert (found.target.name, found.groups.name) == ("y.2", "y.1")


@pytest.mark.parametrize("option", ["only", "drop", "groups", "time", "target"])
def test_a_name_that_repeats_is_ambiguous(option):
    options = {"target": "y"} | {option: ["a b"] if option in ("only", "drop") else "a b"}
    message = "a b: 3 columns have this name, and are renamed. Pass 'a b.1', 'a b.2' or 'a b.3'."
    with pytest.raises(ValueError, match=message):
        divide(repeating("a b", "a b", "a b", "c", "y"), options.pop("target"), **options)


@pytest.mark.parametrize("entries", [range(N), ["n"] * N, [""] * N])
def test_the_remedy_for_columns_that_are_left_out(entries):
    with pytest.raises(ValueError, match=r"To use a anyway, pass --columns a\.$"):
        table(a=entries)
    assert divide(columns(a=entries, y=LABELS), "y", only=["a"]).features[0].name == "a"


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"target": "Y"},
            r"must be a column of t.csv; got Y. Did you mean y\? The columns are a, b, y\.",
        ),
        ({"target": "colour"}, r"; got colour\. The columns are a, b, y\."),
        ({"only": ["a", "z"]}, "--columns must name columns of t.csv; got z"),
        ({"drop": ["z"]}, "--drop must name columns of t.csv; got z"),
        ({"groups": "z"}, "--groups must be a column of t.csv; got z"),
        ({"time": "z"}, "--time must be a column of t.csv; got z"),
        ({"drop": ["y"]}, "--drop y is the target"),
        ({"groups": "y"}, "--groups y is the target"),
        (
            {"drop": ["a", "b"]},
            r"no other column to use \(a: in --drop; b: in --drop\). Drop fewer",
        ),
        (
            {"only": ["a", "b"], "drop": ["b"]},
            "--columns and --drop both name b: name each column",
        ),
    ],
)
def test_columns_that_are_not_there(options, message):
    with pytest.raises(ValueError, match=message):
        divide(
            columns(a=RANDOM, b=RANDOM, y=LABELS),
            options.pop("target", "y"),
            file="t.csv",
            **options,
        )


def test_only_the_target():
    with pytest.raises(ValueError, match=r"there is no other column to use\."):
        divide(columns(y=LABELS), "y")


def test_groups_and_time_are_not_features():
    raw = columns(a=RANDOM, g=np.arange(N) // 4, t=np.arange(N), y=LABELS)
    found = divide(raw, "y", groups="g", time="t")
    assert [one.name for one in found.features] == ["a"]
    assert found.left_out == {"g": "groups", "t": "time"}
    assert (found.groups.name, found.time.name) == ("g", "t")
    found = divide(raw, "y", groups="g", time="t", only=["a", "g"])
    assert [one.name for one in found.features] == ["a", "g"]
    found = divide(raw, "y", groups="g", time="t", only=["a"], drop=["t"])
    assert found.left_out == {"g": "groups", "t": "time"}


def test_report():
    raw = columns(
        size=[*RANDOM[:-2], "", "?"], kind=["p", "q", ""] * 13 + ["p"], n=range(N), y=LABELS
    )
    found = divide(raw, "y")
    lines = report_lines(
        "t.csv", RawTable([], None, "by hand", []), found, make_labels(found.target)
    )
    assert lines == [
        "t.csv: 40 rows, 4 columns (by hand)",
        "  y     target, 2 classes: x (20 rows), y (20)",
        "  size  number, 2 missing",
        "  kind  text, 2 values, 13 missing",
        "  n     numbers the rows: left out",
    ]


def test_long_reports_are_cut():
    random = np.random.default_rng(0)
    many = {f"c{i}": random.normal(size=N).round(3) for i in range(60)}
    empty = {f"e{i}": [""] * N for i in range(50)}
    found = table(**many, **empty)
    lines = report_lines("t.csv", RawTable([], None, "", []), found, make_labels(found.target))
    assert "  and 20 more: 20 numbers" in lines
    assert "  and 10 more columns that are left out" in lines
    assert len(lines) == 1 + 1 + 40 + 40 + 2


def test_rows_that_repeat_are_counted():
    found = table(a=[1.5, 2.5] * (N // 2))
    lines = report_lines("t.csv", RawTable([], None, "", []), found, make_labels(found.target))
    assert (
        lines[0] == "t.csv: 40 rows, 2 columns (); 38 rows repeat another row in all used columns"
    )
    # Columns that are left out may differ.
    used = divide(
        columns(a=[1.5] * 2 + list(range(1, N - 1)), b=RANDOM, y=LABELS), "y", only=["a"]
    )
    lines = report_lines("t.csv", RawTable([], None, "", []), used, make_labels(used.target))
    assert lines[0].endswith("; 1 row repeats another row in all used columns")
