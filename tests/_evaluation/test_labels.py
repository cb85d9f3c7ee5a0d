"""Labels that are classes, and numbers that are not classes."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from sksoftinfo._evaluation.labels import all_classes, class_labels


def test_labels_come_back_as_they_are():
    for labels in (["b", "a", "b"], [2, 1, 2], [True, False, True], [-1.0, 1.0, 1.0]):
        assert class_labels(labels).tolist() == labels
        assert class_labels(pd.Series(labels, dtype="category")).tolist() == labels
    assert class_labels(np.array([1, 0, 1], dtype=object)).dtype.kind == "i"


def test_integers_of_many_values_are_taken_for_classes_with_a_warning():
    random = np.random.default_rng(0)
    codes = random.integers(0, 50, 100)
    for y in (codes, np.repeat(np.arange(50), 4), np.repeat(np.arange(25.0), 5), codes - 20):
        with pytest.warns(UserWarning, match=r"different whole numbers .* pass bins=4"):
            assert class_labels(y).tolist() == y.tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            class_labels(y.astype(str))
            class_labels(y, bins=4)
            # The values are few, or each value has many rows.
            class_labels(y % 20)
            class_labels(np.tile(y, 10))


def test_all_classes_are_those_named():
    y = np.array(["c", "a"])
    assert all_classes(y).tolist() == ["a", "c"]
    assert all_classes(y, ["d", "c", "a"]).tolist() == ["a", "c", "d"]
    for labels, bins, message in (
        (["a", "b"], None, "c"),
        (["a", "c", "c"], None, "must not repeat a label"),
        (["a", "c"], 2, "`labels` must be None if `bins` is given"),
    ):
        with pytest.raises(ValueError, match=message):
            all_classes(y, labels, bins)


@pytest.mark.parametrize(
    "y",
    [
        np.random.default_rng(0).normal(size=50),
        load_diabetes().target,
        np.arange(1900, 2020),
        np.random.default_rng(0).normal(size=50).astype(object),
        pd.Series(np.arange(100) / 3),
    ],
)
def test_quantities_are_refused_with_the_line_to_write(y):
    with pytest.raises(ValueError, match="`y` must hold classes") as refused:
        class_labels(y)
    scope = {"y": np.asarray(y, dtype=float), "numpy": np}
    exec(str(refused.value).splitlines()[1].strip(), scope)
    np.testing.assert_array_equal(np.unique(class_labels(scope["y"])), [0, 1, 2, 3])
    assert np.ptp(np.bincount(class_labels(y, bins=4))) <= 6
    assert len(np.unique(class_labels(np.asarray(y).astype(str)))) > 20


def test_bins_of_values_that_occur_often():
    y = np.r_[np.zeros(90), np.arange(1, 11)]
    binned = class_labels(y, bins=4)
    assert np.unique(binned).tolist() == list(range(binned.max() + 1))
    assert (binned[:90] == binned[0]).all()
    for bins in (1, 2.5, True, "4"):
        with pytest.raises(ValueError, match="`bins` must be None or an integer of at least 2"):
            class_labels(y, bins=bins)
    with pytest.raises(ValueError, match="`y` must hold numbers if bins=2"):
        class_labels(["a", "b"], bins=2)
    with pytest.raises(ValueError, match="`y` must hold labels; got none"):
        class_labels([])
    with pytest.raises(ValueError, match="one class"):
        class_labels(np.zeros(9), bins=3)
