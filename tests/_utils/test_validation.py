"""Labels become indices, whatever they are; rows that are no numbers are refused."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from sksoftinfo._utils.validation import (
    as_images,
    assert_finite,
    check_channels_first,
    check_labels,
    encode_labels,
    label_array,
    plain_rows,
    refuse_times_and_bytes,
)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.float64, bool])
def test_labels_that_are_indices_are_left_as_they_are(dtype):
    classes = np.arange(2 if dtype is bool else 5).astype(dtype)
    y = np.random.default_rng(0).choice(classes, 20)
    index = encode_labels(y, classes)
    assert index.dtype == np.int64
    np.testing.assert_array_equal(classes[index], y)
    np.testing.assert_array_equal(encode_labels(y, np.arange(9)), y)


@pytest.mark.parametrize("classes", [[1, 2, 3], [0, 2, 3], [-1, 0, 1], ["a", "b", "c"]])
def test_other_labels_are_searched_for(classes):
    classes = np.array(classes)
    y = np.random.default_rng(0).choice(classes, 20)
    np.testing.assert_array_equal(classes[encode_labels(y, classes)], y)


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_unseen_labels_are_named(label, dtype):
    y = np.array([0, 1, label, 2], dtype=dtype)
    with pytest.raises(ValueError, match=rf"must hold known labels; got \[{label}"):
        encode_labels(y, np.arange(3))


@pytest.mark.parametrize("classes", [[0, 1, 2], ["a", "b", "c"], [False, True]])
@pytest.mark.parametrize(
    "label", ["x", "1", 7, datetime.date(2020, 1, 1)], ids=lambda label: type(label).__name__
)
@pytest.mark.parametrize("dtype", [None, object])
def test_labels_of_another_type_are_unseen(classes, label, dtype):
    with pytest.raises(ValueError, match=r"must hold known labels; got \["):
        encode_labels(np.array([label], dtype=dtype), np.array(classes))


def test_no_labels_have_no_indices():
    assert len(encode_labels(np.array([], dtype=np.int64), np.arange(3))) == 0


DAYS = np.arange(4).astype("datetime64[D]")
SPANS = np.arange(4).astype("timedelta64[s]")
BYTES = [b"1", b"2", b"1", b"2"]
TIMES_AND_BYTES = {
    "nested dates": [[day, day] for day in DAYS],
    "nested spans": [[span] for span in SPANS],
    "a date among numbers": [[1.0, 2.0], [1.0, DAYS[0]]],
    "arrays of dates": [np.array([day, day]) for day in DAYS],
    "series of dates": [pd.Series([day]) for day in DAYS],
    "objects that are dates": DAYS.astype(object)[:, None],
    "objects of NumPy's dates": np.array([[None], [DAYS[1]]]),
    "objects of NumPy's spans": np.array([[1.0], [SPANS[1]]], dtype=object),
    "nested bytes": [[one] for one in BYTES],
    "bytes among numbers": [[1.0, 2.0], [1.0, b"2"]],
    "arrays of bytes": [np.array([one, one]) for one in BYTES],
    "bytearrays": [[bytearray(one)] for one in BYTES],
    "objects in arrays": [np.array([one], dtype=object) for one in BYTES],
    "tuples": tuple((one,) for one in BYTES),
    "images": [[[b"1", b"2"]] * 2] * 4,
    "column of bytes": pd.DataFrame({"a": BYTES, "b": range(4)}),
    "column of bytearrays": pd.DataFrame({"a": [bytearray(one) for one in BYTES]}),
    "categories of bytes": pd.DataFrame({"a": pd.Categorical(BYTES)}),
    "categories of dates": pd.DataFrame({"a": pd.Categorical(DAYS)}),
    "column of dates": pd.DataFrame({"a": DAYS}),
    "column of zones": pd.DataFrame({"a": pd.date_range("2020", periods=4, tz="UTC")}),
    "column of spans": pd.DataFrame({"a": pd.to_timedelta(SPANS)}),
    "column of objects": pd.DataFrame({"a": pd.Series(list(DAYS), dtype=object)}),
    "one name twice": pd.DataFrame([[1.0, b"1"]] * 4, columns=["a", "a"]),
}


@pytest.mark.parametrize("rows", TIMES_AND_BYTES.values(), ids=TIMES_AND_BYTES)
def test_times_and_bytes_are_refused_wherever_they_are(rows):
    with pytest.raises(ValueError, match="numbers"):
        refuse_times_and_bytes(plain_rows(rows))


@pytest.mark.parametrize("kind", ["binary", "large_binary", "timestamp", "time64", "duration"])
def test_times_and_bytes_of_arrow_are_refused(kind):
    pa = pytest.importorskip("pyarrow")
    values = BYTES if "binary" in kind else range(4)
    dtype = getattr(pa, kind)() if "binary" in kind else getattr(pa, kind)("us")
    column = pa.array(values, type=dtype)
    frame = pd.DataFrame({"a": pd.array(column, dtype=pd.ArrowDtype(dtype))})
    for rows in (frame, pa.table({"a": column})):
        with pytest.raises(ValueError, match=r"numeric columns only; got 'a'"):
            refuse_times_and_bytes(plain_rows(rows))


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2.5], [None, np.float16(1), np.uint8(3)]],
        [np.arange(3), range(3), (1, 2, 3)],
        [torch.zeros(2), torch.ones(2)],
        np.array([[1, "2", None]], dtype=object),
        pd.DataFrame({"a": pd.Categorical([1, 2]), "b": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"a": ["1", "2"]}),
        np.zeros((2, 3), dtype=">f4"),
    ],
    ids=["list", "arrays", "tensors", "objects", "frame", "texts", "other order"],
)
def test_numbers_are_not_refused(rows):
    refuse_times_and_bytes(rows)


def test_lists_of_images_become_arrays():
    images = np.random.default_rng(0).integers(0, 255, (5, 12, 12, 3)).astype(np.uint8)
    for rows in (images.tolist(), list(images), tuple(images)):
        assert as_images(rows).shape == images.shape
        with pytest.raises(ValueError, match="channels first"):
            check_channels_first(as_images(rows))
    table = [[1.0, 2.0], [3.0, 4.0]]
    assert as_images(table) is table
    with pytest.raises(ValueError, match="bytes"):
        as_images([[[bytearray(b"1")]]])


@pytest.mark.parametrize(
    "shape, dtype, refused",
    [
        ((5, 12, 12, 3), np.uint8, True),
        ((5, 12, 12, 1), np.uint8, True),
        ((5, 6, 6, 4), np.uint8, True),
        ((5, 3, 12, 3), np.uint8, False),
        ((5, 12, 12, 3), np.float32, True),
        ((5, 8, 8, 4), np.int64, True),
        ((5, 2, 16, 4), np.float32, False),
        ((5, 22, 1000, 1), np.float32, False),
        ((5, 64, 7, 3), np.float64, False),
        ((5, 7, 64, 3), np.float64, False),
        ((5, 12, 12, 2), np.float32, False),
        ((5, 3, 12, 12), np.uint8, False),
    ],
)
def test_only_what_plainly_is_a_picture_has_its_channels_last(shape, dtype, refused):
    for images in (np.zeros(shape, dtype), torch.zeros(shape).numpy().astype(dtype)):
        if refused:
            with pytest.raises(ValueError, match="channels seem to come last"):
                check_channels_first(images)
        else:
            check_channels_first(images)
    tensor = torch.as_tensor(np.zeros(shape, dtype))
    if dtype == np.uint8 and refused:
        with pytest.raises(ValueError, match="channels seem to come last"):
            check_channels_first(tensor, any_dtype=False)
    else:
        check_channels_first(tensor, any_dtype=False)


@pytest.mark.parametrize("labels", [[1, "1", 2], ("a", 2.0), ["a", True], [np.str_("1"), 1]])
def test_texts_and_other_labels_in_a_list_are_refused(labels):
    with pytest.raises(ValueError, match="must hold labels of one type; got"):
        check_labels(labels)
    assert label_array(labels).dtype == object


@pytest.mark.parametrize(
    "labels",
    [
        pd.cut([1.0, 2.0, 3.0], 2),
        pd.Series(pd.PeriodIndex(["2020", "2021"], freq="Y")),
        [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)],
    ],
)
def test_labels_that_are_neither_texts_nor_numbers_name_the_remedy(labels):
    with pytest.raises(ValueError, match="must hold numbers or strings; got .*astype"):
        check_labels(labels)
    check_labels(np.asarray(labels).astype(str))


def test_labels_that_are_missing_among_texts_are_named():
    for labels in (["a", np.nan, "b"], np.array([1.0, np.nan, 2.0]), [1, float("nan"), 0]):
        with pytest.raises(ValueError, match="missing labels, in 1 of 3 rows"):
            check_labels(labels)


@pytest.mark.parametrize(
    "labels", [["a", np.str_("b")], [1, 2.5], np.array([1, "1", 2]), [[1], [2]], []]
)
def test_labels_of_one_kind_are_taken(labels):
    check_labels(labels)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2"])
def test_rows_get_the_byte_order_of_the_machine(dtype):
    rows = np.arange(6).reshape(3, 2).astype(dtype)
    frame = pd.DataFrame({"a": rows[:, 0], "b": rows[:, 0].astype("f8"), "c": list("xyz")})
    frame = frame.set_axis(["a", "b", "a"], axis=1).assign(k=pd.Categorical(list("xyz")))
    native = plain_rows(frame)
    assert native.dtypes.iloc[3] == "category"
    assert frame.dtypes.iloc[0] == np.dtype(dtype)
    assert native.dtypes.iloc[0].isnative and native.dtypes.iloc[0].itemsize == rows.itemsize
    np.testing.assert_array_equal(native.iloc[:, 0], rows[:, 0])
    assert plain_rows(rows).dtype == rows.dtype.newbyteorder("=")
    np.testing.assert_array_equal(plain_rows(rows), rows)


def test_of_many_labels_those_that_are_like_the_unknown_are_named_first():
    classes = [f"name {i}" for i in range(200)] + ["tiger cat", "tabby"]
    with pytest.raises(ValueError, match=r"are \['tabby', 'name 0', .* and 172 more\."):
        encode_labels(["taby"], classes)
    with pytest.raises(ValueError, match=r"are \['tiger cat', 'name 0', "):
        encode_labels(["Cat"], classes)
    with pytest.raises(ValueError, match=r"got \[7\]. The known classes are \[0, 1\]\."):
        encode_labels([7], [0, 1])


def test_entries_whose_sum_overflows_are_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_finite(np.array([[1e308, -1e308], [1e308, -1e308]] * 9), "X")
