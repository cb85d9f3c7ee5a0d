"""Rows and labels in users' formats: read as they are meant, or refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, cross_val_bounds, information_bounds

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_channels_that_come_last_are_refused(dtype):
    images = np.random.default_rng(0).integers(0, 255, (20, 16, 24, 3)).astype(dtype)
    labels = np.arange(20) % 2
    with pytest.raises(ValueError, match=r"numpy.moveaxis\(X, -1, 1\)"):
        InfoSoftmaxClassifier(**FAST).fit(images, labels)
    InfoSoftmaxClassifier(**FAST).fit(np.moveaxis(images, -1, 1), labels)


def test_lists_of_images_are_looked_at_as_arrays_are():
    images = np.random.default_rng(0).integers(0, 255, (20, 12, 12, 3)).astype(np.uint8)
    labels = np.arange(20) % 2
    first = np.moveaxis(images, -1, 1)
    for rows in (images.tolist(), list(images)):
        with pytest.raises(ValueError, match=r"numpy.moveaxis\(X, -1, 1\)"):
            InfoSoftmaxClassifier(**FAST).fit(rows, labels)
    clf = InfoSoftmaxClassifier(**FAST).fit(first.tolist(), labels)
    np.testing.assert_allclose(clf.predict_proba(first.tolist()), clf.predict_proba(first))
    with pytest.raises(ValueError, match="must have rows of shape"):
        clf.predict(first[:, :, 1:].tolist())
    for single in (first[0], torch.from_numpy(first[0]), images[0]):
        with pytest.raises(ValueError, match=r"If `X` is a single row, put it into a list: \[X\]"):
            clf.predict(single)


@pytest.mark.parametrize("shape", [(2, 16, 4), (22, 100, 1)])
def test_signals_are_not_taken_for_pictures(shape):
    rows = np.random.default_rng(0).normal(size=(20, *shape)).astype(np.float32)
    InfoSoftmaxClassifier(**FAST).fit(rows, np.arange(20) % 2).predict(rows)


@pytest.mark.parametrize(
    "rows",
    [
        np.arange(8).reshape(4, 2).astype("datetime64[D]"),
        np.arange(8).reshape(4, 2).astype("timedelta64[s]"),
        pd.DataFrame({"day": pd.date_range("2020-01-01", periods=4)}),
        pd.DataFrame({"day": pd.date_range("2020-01-01", periods=4, tz="UTC"), "x": range(4)}),
        np.array([[b"1", b"2"]] * 4),
        np.array([[b"1", b"2"]] * 4, dtype=object),
        [[b"1", b"2"]] * 4,
        [[np.datetime64("2020-01-01")]] * 4,
        pd.DataFrame({"x": pd.Categorical([b"1", b"2"] * 2)}),
    ],
    ids=["datetime", "timedelta", "frame", "zone", "bytes", "objects", "list", "days", "category"],
)
def test_times_and_bytes_are_not_numbers(rows):
    with pytest.raises(ValueError, match="numbers"):
        InfoSoftmaxClassifier(**FAST).fit(rows, [0, 1, 0, 1])
    if not (isinstance(rows, np.ndarray) and rows.dtype.kind == "m"):
        with pytest.raises(ValueError, match="numbers"):
            cross_val_bounds(InfoSoftmaxClassifier(**FAST), rows, [0, 1, 0, 1], cv=2)


def test_labels_that_numpy_would_merge_are_refused():
    with pytest.raises(ValueError, match="null character"):
        InfoSoftmaxClassifier(**FAST).fit(X[:4], ["a", "a\0", "a", "a\0"])


@pytest.mark.parametrize("mixed", [[True, 2, 0] * 50, [np.True_, 2.5] * 75], ids=repr)
@pytest.mark.parametrize("container", [list, lambda labels: np.array(labels, dtype=object)])
def test_booleans_and_numbers_do_not_merge(mixed, container):
    labels, n_classes = container(mixed), len(set(mixed))
    proba = np.full((150, n_classes), 1 / n_classes)
    for call in (
        lambda: InfoSoftmaxClassifier(**FAST).fit(X, labels),
        lambda: InfoSoftmaxClassifier(**FAST).partial_fit(X, Y, classes=container([True, 0, 2])),
        lambda: information_bounds(labels, proba),
        lambda: cross_val_bounds(InfoSoftmaxClassifier(**FAST), X, labels),
    ):
        with pytest.raises(ValueError, match="must hold labels of one type; got bool"):
            call()
    with pytest.raises(ValueError, match="`groups` must be of one type; got bool"):
        information_bounds(Y, np.full((150, 3), 1 / 3), groups=labels)


def test_labels_of_several_types_do_not_merge():
    mixed = [1, "1", 2] * 50
    proba = np.full((150, 2), 0.5)
    clf = InfoSoftmaxClassifier(**FAST).fit(X, NAMES)
    for call in (
        lambda: InfoSoftmaxClassifier(**FAST).fit(X, mixed),
        lambda: InfoSoftmaxClassifier(**FAST).partial_fit(X, mixed, classes=["1", "2"]),
        lambda: InfoSoftmaxClassifier(**FAST).partial_fit(X, Y, classes=[0, 1, 2, "2"]),
        lambda: information_bounds(mixed, proba),
        lambda: information_bounds(["1", "2"] * 75, proba, labels=["1", 2]),
        lambda: clf.score_bounds(X, mixed),
        lambda: clf.score(X, mixed),
    ):
        with pytest.raises(ValueError, match="must hold labels of one type; got int, str"):
            call()
    with pytest.raises(ValueError, match="`groups` must be of one type"):
        information_bounds(["1", "2"] * 75, proba, groups=mixed)
    with pytest.raises(
        ValueError, match="`classes` must not hold strings that end in a null character"
    ):
        clf = InfoSoftmaxClassifier(**FAST)
        clf.partial_fit(X[:100], NAMES[:100], classes=["setosa", "setosa\0", "versicolor"])


def test_weights_without_a_finite_sum_are_refused():
    with pytest.raises(ValueError, match="`sample_weight` must have a finite sum"):
        InfoSoftmaxClassifier(**FAST).fit(X, Y, np.full(len(Y), 1e308))


def test_arrays_of_the_other_byte_order():
    swapped = X.astype(X.dtype.newbyteorder())
    labels = Y.astype(Y.dtype.newbyteorder())
    clf = InfoSoftmaxClassifier(**FAST).fit(swapped, labels)
    native = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(swapped), native.predict_proba(X))
    found = clf.score_bounds(swapped[1:], labels[1:], sample_weight=swapped[1:, 0] ** 2 + 1)
    expected = native.score_bounds(X[1:], Y[1:], sample_weight=X[1:, 0] ** 2 + 1)
    assert found.mi_lower == expected.mi_lower


@pytest.mark.parametrize("dtype", [">f4", ">f8"])
def test_frames_of_the_other_byte_order(dtype):
    swapped = pd.DataFrame(X, columns=list("abcd")).astype(dtype)
    frame = swapped.astype(np.dtype(dtype).newbyteorder("="))
    native = InfoSoftmaxClassifier(**FAST).fit(frame, Y)
    expected = native.predict_proba(frame)
    np.testing.assert_array_equal(native.predict_proba(swapped), expected)
    clf = InfoSoftmaxClassifier(**FAST).fit(swapped, Y)
    np.testing.assert_array_equal(clf.predict_proba(swapped), expected)
    found, wanted = (
        cross_val_bounds(InfoSoftmaxClassifier(**FAST), rows, Y, cv=2).mi_lower
        for rows in (swapped, frame)
    )
    assert found == wanted
    assert not swapped.dtypes.iloc[0].isnative


def test_tables_of_arrow():
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = InfoSoftmaxClassifier(**FAST).fit(pa.Table.from_pandas(frame), Y)
    assert clf.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(
        clf.predict_proba(pa.Table.from_pandas(frame)), clf.predict_proba(frame)
    )


@pytest.mark.parametrize(
    "names", [[3, 1, 2, 0], [2.5, 0.5, 1.5, 7.0], [(0, 1), (0, 0), (1, 0), (1, 1)]]
)
def test_columns_in_another_order_are_refused_whatever_their_names(names):
    """scikit-learn compares the names of columns only if all are strings."""
    frame = pd.DataFrame(X, columns=pd.Index(names, tupleize_cols=False))
    clf = InfoSoftmaxClassifier(**FAST).fit(frame, Y)
    other = frame[[names[1], names[0], *names[2:]]]
    for refused in (
        lambda: clf.predict_proba(other),
        lambda: clf.score_bounds(other, Y),
        lambda: clf.partial_fit(other, Y),
    ):
        with pytest.raises(ValueError, match="must have its columns in the order of `fit`; got"):
            refused()
    # Rows with other names, and arrays, are matched by position.
    expected = clf.predict_proba(X)
    np.testing.assert_array_equal(
        clf.predict_proba(frame.set_axis([5, 6, 7, 8], axis=1)), expected
    )
    np.testing.assert_array_equal(clf.fit(other, Y).predict(other), clf.predict(other.to_numpy()))
    assert "_column_labels" not in vars(clf.fit(X, Y))


def test_columns_in_another_order_are_refused_before_their_categories():
    frame = pd.DataFrame(X, columns=[2, 0, 1, 3]).astype({2: "category"})
    clf = InfoSoftmaxClassifier(**FAST).fit(frame, Y)
    with pytest.raises(ValueError, match="got 0 in place of 2. Select the columns"):
        clf.predict(frame[[0, 1, 2, 3]])
