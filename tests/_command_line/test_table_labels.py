import numpy as np
import pytest

from sksoftinfo._command_line.table_columns import read_columns
from sksoftinfo._command_line.table_file import RawTable
from sksoftinfo._command_line.table_labels import make_labels

pd = pytest.importorskip("pandas")


def labels(entries, **options):
    raw = RawTable(["y"], pd.DataFrame({0: list(map(str, entries))}), "", [])
    return make_labels(read_columns(raw, labels="y")[0], **options)


def test_numbers_and_texts():
    found = labels([0, 1, "2.0"] * 5)
    assert found.y.dtype == np.int64
    assert found.y.tolist() == [0, 1, 2] * 5
    found = labels(["NA", "None"] * 5)
    assert found.y.tolist() == ["NA", "None"] * 5
    assert str(found) == "2 classes: NA (5 rows), None (5)"
    assert found.rows.tolist() == list(range(10))
    assert found.warnings == []


def test_labels_around_the_largest_whole_float_are_three_classes():
    found = labels([2**53 - 1, 2**53, 2**53 + 1] * 5)
    assert len(set(found.y.tolist())) == 3


@pytest.mark.parametrize(
    "entries, options, message",
    [
        ([""] * 9, {}, "--target y has no value in any row"),
        (["a", "b", ""] * 9, {}, "no value in 9 of 27 rows.* --drop-missing-target"),
        (["a"] * 9, {}, "at least two values; got only 'a' in y"),
        (["a", ""] * 9, {"drop_missing": True}, "at least two values; got only 'a' in y"),
        ([0.5, 1.5] * 9, {}, "continuous, with 2 different numbers in 18 rows.* --bins 4"),
        (
            range(40),
            {},
            "y has 40 different numbers in 40 rows, too many for classes: .* with --bins 4",
        ),
        (["2020-01-01", "2020-01-02"] * 9, {}, "is a column of dates"),
        (["a", "b"] * 9, {"bins": 2}, "--bins 2 needs a numeric target, but y holds texts"),
        ([0] * 38 + [1, 2], {"bins": 4}, "too many equal values for --bins 4, which leaves one"),
        (range(40), {"bins": 1}, "--bins must be at least 2; got 1"),
        (
            map("w{}".format, range(40)),
            {},
            "40 classes in 40 rows, and no class has at least 5 rows",
        ),
        (
            ["a"] * 9 + ["b"] * 4,
            {},
            r"single class .*: a \(9 rows\)\. Rarer .* out: b \(4 rows\)\. .* column, or",
        ),
        (
            ["a"] * 9 + ["b"] * 4 + ["c"],
            {},
            r"left out: b \(4 rows\), c \(1\)\. Choose .*, pass --rare-classes merge, or",
        ),
        (
            [7] * 9 + [8],
            {"rare_classes": "merge"},
            r": 7 \(9 rows\)\. .*: 8 \(1 row\)\. Choose another column, or",
        ),
    ],
)
def test_labels_that_are_none(entries, options, message):
    with pytest.raises(ValueError, match=message):
        labels(entries, **options)


def test_rows_without_a_label_are_left_out():
    found = labels(["a", "", "b"] * 5, drop_missing=True)
    assert found.rows.tolist() == [i for i in range(15) if i % 3 != 1]
    assert found.y.tolist() == ["a", "b"] * 5
    assert found.warnings == ["Left out 5 rows without a label."]


def test_rare_classes():
    entries = ["a"] * 9 + ["b"] * 9 + ["c"] * 3 + ["d"] * 2
    found = labels(entries)
    assert sorted(set(found.y)) == ["a", "b"]
    assert found.rows.tolist() == list(range(18))
    assert found.warnings == [
        "Left out 2 classes with fewer than 5 rows ('c', 'd'), 5 rows in total: the result is "
        "about the other classes."
    ]
    found = labels(entries, rare_classes="merge")
    assert found.y.tolist()[-5:] == ["other"] * 5
    assert found.warnings == ["Merged 2 classes with fewer than 5 rows ('c', 'd') into 'other'."]
    # Together, the rare classes are still too small; the name of the merged class is taken.
    found = labels(entries[:-1], rare_classes="merge")
    assert (len(found.y), found.n_classes_left_out) == (18, 2)
    (warning,) = found.warnings
    assert warning.startswith("Left out 2 classes with fewer than 5 rows ('c', 'd'), 4 rows")
    assert warning.endswith("They have fewer than 5 rows together, so they cannot be merged.")
    taken = ["other"] * 9 + ["b"] * 9 + ["c"] * 3 + ["d"] * 2
    assert labels(taken, rare_classes="merge").y.tolist()[-1] == "other_"


def test_bins_are_of_equal_size():
    found = labels(np.arange(100) / 8, bins=4)
    assert np.unique(found.y, return_counts=True)[1].tolist() == [25] * 4
    assert len(set(labels(map("2020-01-{:02}".format, range(1, 31)), bins=3).y)) == 3


def test_frequent_values_leave_fewer_bins():
    found = labels([0] * 60 + list(range(1, 41)), bins=4)
    assert len(set(found.y)) == 2
    assert found.warnings == [
        "--bins 4 gives only 2 classes, since many values are equal.",
    ]
    # Bins between two values are empty.
    found = labels([0] * 15 + [1] * 5 + [10] * 5, bins=25)
    assert sorted(set(found.y)) == ["0", "1", "10"]
    assert found.y[-1] == "10"


@pytest.mark.parametrize(
    "entries, names",
    [
        (range(40), ["0 to 19", "20 to 39"]),
        (np.arange(-20, 20) / 8, ["-2.5 to -0.125", "0 to 2.375"]),
        ([0] * 20 + [1] * 10 + [2] * 10, ["0", "1 to 2"]),
        (
            ["2020-01-01", "2020-01-02", "2020-02-03", "2021-02-04"] * 5,
            ["2020-01-01 to 2020-01-02", "2020-02-03 to 2021-02-04"],
        ),
        (
            ["2020-01-01 08:00", "2020-01-01 18:30"] * 5,
            ["2020-01-01 08:00:00", "2020-01-01 18:30:00"],
        ),
    ],
)
def test_bins_are_named_by_values_that_occur(entries, names):
    assert sorted(set(labels(entries, bins=2).y)) == sorted(names)
