"""Data sets of torch, and pictures: rows and labels from one argument."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, score_bounds

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
Y = np.arange(40) % 2
IMAGES = RNG.integers(0, 100, (40, 8, 9, 3), dtype=np.uint8)
IMAGES[Y == 1, :, :, 0] += 120


class Pictures(Dataset):
    def __init__(self, labels, classes=None):
        self.labels = labels
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return Image.fromarray(IMAGES[index]), self.labels[index]


@pytest.mark.parametrize("kind", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_a_data_set_is_its_rows_and_labels(kind):
    X = (IMAGES / np.float32(255)).transpose(0, 3, 1, 2)
    expected = kind(max_epochs=2, random_state=0).fit(X, Y)
    data = Pictures(Y.tolist())
    found = kind(max_epochs=2, random_state=0).fit(data)
    assert found.input_shape_ == (3, 8, 9)
    for rows in (
        data,
        [image for image, _ in (data[i] for i in range(40))],
        DataLoader(TensorDataset(torch.tensor(X)), batch_size=7),
    ):
        np.testing.assert_array_equal(found.predict_proba(rows), expected.predict_proba(X))
    assert found.score(data) == expected.score(X, Y)
    with pytest.warns(UserWarning, match="40 of 40 rows"):
        bounds = found.score_bounds(data)
    with pytest.warns(UserWarning, match="40 of 40 rows"):
        assert bounds.mi_lower == expected.score_bounds(X, Y).mi_lower


def test_labels_may_be_given_and_names_be_known():
    data = Pictures(Y.tolist(), classes=["dim", "red"])
    names = np.array(["dim", "red"])[Y]
    clf = InfoSoftmaxClassifier(max_epochs=2, random_state=0).fit(data, names)
    assert clf.classes_.tolist() == ["dim", "red"]
    # The data set names its classes, so that its indices agree with the classifier's named
    # classes.
    assert clf.score(data) == clf.score(data, names)
    # The labels of a data set are numbers, even if the data set names its classes.
    assert InfoSoftmaxClassifier(max_epochs=1).fit(data).classes_.tolist() == [0, 1]
    held_out = Pictures(Y[:30].tolist(), classes=["dim", "red"])
    with pytest.warns(UserWarning, match="30 of 30"):
        clf.score_bounds(held_out)
    for method in (clf.score, clf.score_bounds):
        for unknown in (Pictures(Y.tolist()), Pictures(Y.tolist(), classes=["dim", "reds"])):
            with pytest.raises(ValueError, match=r"must hold known labels; got \[0, 1\].* 'red'"):
                method(unknown)


def test_tables_and_chunks():
    X = RNG.normal(size=(60, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    data = TensorDataset(torch.tensor(X), torch.tensor(y))
    clf = InfoSoftmaxClassifier(max_epochs=3, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.fit(data).predict_proba(X), expected)
    # A changing order does not harm training, but predictions need a fixed order.
    shuffled = DataLoader(data, batch_size=16, shuffle=True)
    chunked = InfoSoftmaxClassifier(random_state=0).partial_fit(shuffled, classes=[0, 1])
    assert chunked.predict_proba(data).shape == (60, 2)
    for call in (chunked.predict, lambda rows: chunked.score(rows, y)):
        with pytest.raises(ValueError, match="Use shuffle=False"):
            call(shuffled)
    logistic = LogisticRegression().fit(X, y)
    assert score_bounds(logistic, data).mi_lower == score_bounds(logistic, X, y).mi_lower
    with pytest.raises(ValueError, match="`y` must hold the labels"):
        score_bounds(logistic, X)


def test_what_is_refused():
    clf = InfoSoftmaxClassifier(max_epochs=1)
    sizes = [Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8))]
    for X, y, match in [
        (sizes, [0, 1], "images of one size; got shapes"),
        ([sizes[0], np.zeros((3, 8, 8))], [0, 1], "images of one kind; got PIL images"),
        (sizes[0], [0], "Put it into a list"),
        (Pictures([]), None, "at least one row"),
        (Pictures([None] * 4), None, "y cannot be None|requires y"),
        (Pictures([0, None, 1]), None, "1 of 3 images without a label"),
        (TensorDataset(torch.zeros(4, 3), torch.eye(4)), None, "not indicators"),
    ]:
        with pytest.raises(ValueError, match=match):
            clf.fit(X, y)
        assert not hasattr(clf, "net_")
