import numpy as np
import pytest

from sksoftinfo._command_line import table_columns
from sksoftinfo._command_line.table_columns import read_columns
from sksoftinfo._command_line.table_file import RawTable

pd = pytest.importorskip("pandas")


def column(entries, *, decimal=None, labels=False, beside=()):
    """Return the column of these texts, in a table with other columns."""
    frame = pd.DataFrame({0: list(entries), **{i + 1: one for i, one in enumerate(beside)}})
    names = ["a", *(f"b{i}" for i in range(len(beside)))]
    raw = RawTable(names, frame, "", [])
    return read_columns(raw, decimal=decimal, labels="a" if labels else None)[0]


@pytest.mark.parametrize(
    "entries, numbers, notes",
    [
        (["1", "2", "30"], [1, 2, 30], []),
        (["1.5", "-2", "+.5", "1e3", "2."], [1.5, -2, 0.5, 1000, 2], []),
        (["1,5", "2,25", "3,0"], [1.5, 2.25, 3], ["decimal commas"]),
        (["1.234,5", "2,25"], [1234.5, 2.25], ["decimal commas", "thousands separated by '.'"]),
        (["1,234.5", "2.25"], [1234.5, 2.25], ["thousands separated by ','"]),
        (["3,750", "4,000", "120"], [3750, 4000, 120], ["thousands separated by ','"]),
        (["1,234,567", "3,750"], [1234567, 3750], ["thousands separated by ','"]),
        (["1.234.567", "3.750"], [1234567, 3750], ["thousands separated by '.'"]),
        (["0,125", "0,250"], [0.125, 0.25], ["decimal commas"]),
        (["0.125", "1.250"], [0.125, 1.25], []),
        (["1 234", "12 345 678", "5"], [1234, 12345678, 5], []),
        (["1\u00a0234,5", "2\u202f000,25"], [1234.5, 2000.25], ["decimal commas"]),
        (["1'234.5", "12'345.25"], [1234.5, 12345.25], []),
        (["39.1 mm", "18.7 mm"], [39.1, 18.7], ["in mm"]),
        (["39,1mm", "18,7mm"], [39.1, 18.7], ["in mm", "decimal commas"]),
        (["5 %", "7.5%"], [5, 7.5], ["in %"]),
        (["$5", "$1,234.50"], [5, 1234.5], ["thousands separated by ','"]),
        (["5 €", "7 €"], [5, 7], ["in €"]),
        (["−5", "7"], [-5, 7], []),
        (["(5.25)", "7", "($1,250.00)"], [-5.25, 7, -1250], ["thousands separated by ','"]),
        (["5.5-", "7", "$8-"], [-5.5, 7, -8], []),
        (["-$5", "+$7", "$-8"], [-5, 7, -8], []),
        (["12,34,567", "1,250"], [1234567, 1250], ["thousands separated by ','"]),
        (["0:30", "7:45", "23:59:24"], [0.5, 7.75, 23.99], ["times, in hours"]),
        ([" 1", "2 ", "3"], [1, 2, 3], []),
    ],
)
def test_numbers(entries, numbers, notes):
    found = column(entries)
    assert found.kind == "number"
    np.testing.assert_allclose(found.values.astype(float), numbers)
    assert found.notes == notes
    assert found.warnings == []


def test_comparisons_before_numbers():
    found = column(["<0.5", "1.25", "~2", "ca. 3", "≥ 4"])
    np.testing.assert_array_equal(found.values, [0.5, 1.25, 2, 3, 4])
    assert found.warnings == ["a: ignored '<', 'ca.', '~', '≥' before numbers."]
    # Without their signs, these entries would be a single value.
    assert column(["<=50K", ">50K"] * 3).kind == "text"
    assert column(["<5", "5", "(5)"], labels=True).kind == "text"


@pytest.mark.parametrize(
    "entries, second",
    [
        (["05/03/2021", "25/12/2021"], "2021-12-25"),
        (["Mar 5, 2021", "Dec 25, 2021"], "2021-12-25"),
        (["5 March 2021", "25 December 2021"], "2021-12-25"),
        (["05-Mar-21", "25-Dec-21"], "2021-12-25"),
        (["2021-03-05T10:00:00Z", "2021-12-25T10:00:00Z"], "2021-12-25 10:00"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_ways_to_write_dates(entries, second):
    found = column([*entries, "n.d."])
    assert found.kind == "date"
    assert found.values[1] == pd.Timestamp(second)
    assert found.values.isna().tolist() == [False, False, True]
    assert found.warnings == []
    found = column([*entries * 6, "soon"])
    assert found.kind == "date"
    assert found.warnings == ["a: not a date in 1 row ('soon'), treated as missing."]


@pytest.mark.parametrize(
    "word", ["", "?", "n.d.", "N.D.", "NA", "n/a", "NaN", "null", "-", "#N/A", "<NA>", "missing"]
)
def test_missing_entries_among_numbers(word):
    found = column(["1.5", word, "2.5"])
    assert found.kind == "number"
    np.testing.assert_array_equal(found.values, [1.5, np.nan, 2.5])
    assert found.warnings == []


def test_another_column_decides_what_a_comma_is():
    assert column(["3,750", "4,000"], beside=[["1,5", "2,5"]]).values.tolist() == [3.75, 4.0]
    assert column(["3,750", "4,000"], beside=[["1.5", "2.5"]]).values.tolist() == [3750, 4000]
    assert column(["3.750", "4.000"], beside=[["1,5", "2,5"]]).values.tolist() == [3750, 4000]
    both = [["1.5", "2.5"], ["1,5", "2,5"]]
    assert column(["3,750", "4,000"], beside=both).values.tolist() == [3750, 4000]


def test_decimal_mark_that_is_named():
    assert column(["3,750", "4,000"], decimal=",").values.tolist() == [3.75, 4.0]
    assert column(["3.750", "4.000"], decimal=",").values.tolist() == [3750, 4000]


@pytest.mark.parametrize(
    "entries, decimal, warning",
    [
        (
            ["3.75", "4.5"],
            ",",
            "entries such as '3.75' are not numbers with --decimal ,; the column is read as text. "
            "Leave out --decimal.",
        ),
        (
            ["3,75", "4.500,5"],
            ".",
            "entries such as '3,75' are not numbers with --decimal .; the column is read as text. "
            "Leave out --decimal.",
        ),
        *(
            (
                ["0.88", "0,17", "1.5"],
                decimal,
                "some entries have decimal points and others decimal commas, such as '0.88' and "
                "'0,17'; the column is read as text. Use one mark in the file.",
            )
            for decimal in (None, ".", ",")
        ),
        (
            ["1.2.3", "1.2.4"],
            None,
            "entries such as '1.2.3' are not numbers; the column is read as text. Correct these "
            "entries in the file.",
        ),
    ],
)
def test_remedies_for_decimal_marks_apply(entries, decimal, warning):
    found = column(entries, decimal=decimal)
    assert found.kind == "text"
    assert found.warnings == [f"a: {warning}"]
    if warning.endswith("Leave out --decimal."):
        assert column(entries).kind == "number"


@pytest.mark.parametrize(
    "entries, note",
    [
        (["007", "7"], "digits read as text, since some begin with 0"),
        (
            ["12345678901234567890", "7"],
            "digits read as text, since some are too long for a number",
        ),
    ],
)
def test_digits_that_stay_texts(entries, note):
    found = column(entries)
    assert (found.kind, found.notes) == ("text", [note])


def test_words_among_many_numbers_count_as_missing():
    found = column([*map(str, range(19)), "broken"])
    assert found.kind == "number"
    assert found.values.isna().sum() == 1
    assert found.warnings == ["a: not a number in 1 row ('broken'), treated as missing."]


def test_columns_of_numbers_and_words_are_texts():
    found = column([*map(str, range(8)), "low", "high"])
    assert found.kind == "text"
    assert found.warnings[0].startswith("a: 80 % of the entries are numbers and others are not")
    assert column(["low", "high", "1"]).warnings == []


def test_several_units():
    found = column(["5 mm", "0.5 cm", "7 mm"])
    assert found.kind == "text"
    assert "several units ('mm', 'cm')" in found.warnings[0]
    assert column(["1.5", "2", "3k"]).kind == "text"
    assert column(["1.5", "2", "3mm"]).values.tolist() == [1.5, 2, 3]


@pytest.mark.parametrize(
    "entries",
    [
        ["1st", "2nd", "3rd"],
        ["W001", "W002"],
        ["007", "008", "010"],
        [str(2**53), str(2**53 + 1)],
        ["12 Main Street", "14 Main Street"],
        ["1-2", "3-4"],
        ["10:75", "11:45"],
        ["NA", "None", "nan"],
        ["True", "False"],
        ["1.2.3", "1.2.4"],
        ["1,5", "1.5"],
        ["12,34,5", "1,2"],
    ],
)
def test_texts_stay_as_they_are(entries):
    found = column(entries)
    assert found.kind == "text"
    assert found.values.tolist() == entries


@pytest.mark.parametrize("bad", ["inf", "-Infinity", "1e300"])
def test_numbers_without_end(bad):
    found = column(["1.5", bad, "2.5"])
    np.testing.assert_array_equal(found.values, [1.5, np.nan, 2.5])
    assert found.warnings == ["a: infinite or beyond 3e+38 in 1 row, treated as missing."]


def test_labels_keep_their_identity():
    near = [str(2**53 - 1), str(2**53), str(2**53 + 1)]
    assert column(near, labels=True).values.tolist() == near
    assert column([f"{2.0**53}", "1e19"], labels=True).kind == "text"
    assert column(["NA", "None", "b"], labels=True).values.tolist() == ["NA", "None", "b"]
    assert column(["5 mm", "7 mm"], labels=True).values.tolist() == ["5 mm", "7 mm"]
    assert column([*map(str, range(19)), "x"], labels=True).values.tolist()[-1] == "x"
    assert column(["0", "1", "1.0"], labels=True).values.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "entries, month",
    [
        (["2020-01-31", "2020-02-01"], 2),
        (["2020/01/31", "2020/02/01"], 2),
        (["31.01.2020", "01.02.2020"], 2),
        (["31/01/2020", "01/02/2020"], 2),
        (["2020-01-31 10:15", "2020-02-01 11:00"], 2),
        (["2020-01-31T10:15:00Z", "2020-02-01T11:00:00Z"], 2),
    ],
)
@pytest.mark.filterwarnings("error")
def test_dates(entries, month):
    found = column([*entries, ""])
    assert found.kind == "date"
    assert found.values[1].month == month
    assert found.values.isna().tolist() == [False, False, True]


def test_columns_with_a_type():
    frame = pd.DataFrame(
        {
            0: pd.array([1, None, 3], dtype="Int64"),
            1: pd.array([True, None, False], dtype="boolean"),
            2: pd.Categorical(["x", None, "y"]),
            3: pd.to_timedelta([1, 2, None], unit="min"),
            4: [1.5, np.inf, np.nan],
            5: pd.to_datetime(["2020-01-01", None, "2020-01-02"], utc=True),
            6: [[1], {"b": 2}, None],
            7: pd.array([1, 2**60, None], dtype="Int64"),
        }
    )
    found = read_columns(RawTable(list("abcdefgh"), frame, "", []))
    kinds = ["number", "text", "text", "number", "number", "date", "text", "text"]
    assert [one.kind for one in found] == kinds
    assert found[1].values.dropna().tolist() == ["True", "False"]
    assert found[2].values.dropna().tolist() == ["x", "y"]
    assert found[3].values.dropna().tolist() == [60, 120]
    assert found[3].notes == ["in seconds"]
    assert found[4].values.isna().tolist() == [False, True, True]
    assert found[6].values.dropna().tolist() == ["[1]", "{'b': 2}"]
    assert found[7].values.dropna().tolist() == ["1", str(2**60)]
    assert all(one.values.isna().any() for one in found)


def test_names_are_stripped_and_filled_in():
    frame = pd.DataFrame({0: ["1"], 1: ["2"]})
    found = read_columns(RawTable([" y ", ""], frame, "", []))
    assert [one.name for one in found] == ["y", "Unnamed: 1"]


@pytest.mark.parametrize(
    "entries",
    [
        ["12", "", "-7", "+3"],
        ["0", "0", ""],
        ["0.1", "12.25", "", "-1234.567"],
        ["123456789012345", "1"],
        ["1", "2.5"],
        ["1.0", "0.30000000000000004"],
    ],
)
@pytest.mark.parametrize("labels", [False, True])
def test_ordinary_numbers_are_read_at_once_as_one_by_one(entries, labels, monkeypatch):
    # The decimal comma of another column does not apply to these columns.
    beside = [["0,5"] * len(entries)]
    at_once = column(entries, labels=labels, beside=beside)
    assert type(table_columns._entries(pd.Series(entries), None)) is not table_columns._Entries
    monkeypatch.setattr(table_columns, "_entries", lambda texts, _: table_columns._Entries(texts))
    one_by_one = column(entries, labels=labels, beside=beside)
    pd.testing.assert_series_equal(at_once.values, one_by_one.values, check_exact=True)
    assert (at_once.notes, at_once.warnings) == (one_by_one.notes, one_by_one.warnings)


@pytest.mark.parametrize(
    "entries, decimal",
    [
        (["1.234", "2.500"], None),
        (["1.5", "2.5"], ","),
        (["007", "1"], None),
        (["1234567890123456"], None),
        (["1 ", "x"], None),
        (["", ""], None),
        (["1e3", "2"], None),
    ],
)
def test_numbers_that_may_mean_something_else_are_read_one_by_one(entries, decimal):
    assert type(table_columns._entries(pd.Series(entries), decimal)) is table_columns._Entries
