"""Rows that are not numbers are refused, and rows of any kind become arrays."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, InfoStackClassifier
from sksoftinfo._utils.validation import (
    as_images,
    assert_finite,
    check_channels_first,
    plain_rows,
    refuse_mappings,
    refuse_times_and_bytes,
)

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


def test_entries_whose_sum_overflows_are_finite():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_finite(np.array([[1e308, -1e308], [1e308, -1e308]] * 9), "X")


@pytest.mark.parametrize("one", [{"a": 1.0}, {1.0, 2.0}, frozenset([1])])
def test_lists_of_dicts_and_sets_are_refused(one):
    refuse_mappings([[1.0], [2.0]])
    for X in ([one, one], [[1.0], one]):
        found = f"got an object of class {type(one).__name__} at index {X.index(one)}"
        with pytest.raises(ValueError, match=found):
            refuse_mappings(X)
        for estimator in (InfoSoftmaxClassifier(), InfoMaskTransformer(), InfoStackClassifier()):
            with pytest.raises(ValueError, match=found):
                estimator.fit(X, [0, 1])
