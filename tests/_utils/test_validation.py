"""Labels become indices, whatever they are."""

import datetime

import numpy as np
import pytest

from sksoftinfo._utils.validation import encode_labels


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
    with pytest.raises(ValueError, match=rf"labels that are unknown: \[{label}"):
        encode_labels(y, np.arange(3))


@pytest.mark.parametrize("classes", [[0, 1, 2], ["a", "b", "c"], [False, True]])
@pytest.mark.parametrize(
    "label", ["x", "1", 7, datetime.date(2020, 1, 1)], ids=lambda label: type(label).__name__
)
@pytest.mark.parametrize("dtype", [None, object])
def test_labels_of_another_type_are_unseen(classes, label, dtype):
    with pytest.raises(ValueError, match=r"labels that are unknown: \["):
        encode_labels(np.array([label], dtype=dtype), np.array(classes))


def test_no_labels_have_no_indices():
    assert len(encode_labels(np.array([], dtype=np.int64), np.arange(3))) == 0
