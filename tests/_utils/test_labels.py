"""Labels, class indices, and the labels that are listed in messages."""

import datetime

import numpy as np
import pandas as pd
import pytest

from sksoftinfo._utils.labels import check_classes, check_labels, encode_labels, label_array


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


def test_of_many_labels_those_that_are_like_the_unknown_are_named_first():
    classes = [f"name {i}" for i in range(200)] + ["tiger cat", "tabby"]
    with pytest.raises(ValueError, match=r"are \['tabby', 'name 0', .* and 172 more\."):
        encode_labels(["taby"], classes)
    with pytest.raises(ValueError, match=r"are \['tiger cat', 'name 0', "):
        encode_labels(["Cat"], classes)
    with pytest.raises(ValueError, match=r"got \[7\]. The known classes are \[0, 1\]\."):
        encode_labels([7], [0, 1])


@pytest.mark.parametrize("y", [[0.5, 1.0, 2.0], np.linspace(1, 2, 5), np.float32([1, 2.5])])
def test_quantities_as_labels_get_a_value_and_a_remedy(y):
    wrong = next(one for one in y if one != round(float(one)))
    with pytest.raises(ValueError, match=f"Unknown label type: continuous.*e.g. {wrong:g}. Cut"):
        check_classes(y)
    for wrong in (np.inf, -np.inf):
        with pytest.raises(ValueError, match="Input y contains infinity"):
            check_classes(np.append(np.round(y), wrong))
    check_classes(np.round(y))
    check_classes(list(map(str, y)))
