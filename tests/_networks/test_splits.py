"""The user's own validation rows are treated like training rows, or refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch.utils.data import Subset

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks import make_train_split

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
FRAME = pd.DataFrame(X, columns=list("abcd"))
FAST = {"max_epochs": 2, "random_state": 0, "device": "cpu"}


@pytest.mark.parametrize(
    "split, cv, drawn",
    [
        (np.int64(3), 3, False),
        (np.uint8(4), 4, False),
        (np.float32(0.25), 0.25, True),
        (0.25, 0.25, True),
    ],
)
def test_numbers_of_numpy_are_shares_and_folds(split, cv, drawn):
    made = make_train_split(split, 7, np.arange(3), (4,))
    assert made.cv == cv and type(made.cv) is type(cv)
    assert made.random_state == (7 if drawn else None)
    clf = InfoSoftmaxClassifier(train_split=split, **FAST).fit(X, Y)
    assert np.isfinite(clf.history_[-1, "valid_loss"])


@pytest.mark.parametrize("split", [True, np.True_, np.int64(1), np.float32(1)])
def test_what_is_neither_a_share_nor_folds_is_refused(split):
    with pytest.raises(ValueError, match="train_split"):
        InfoSoftmaxClassifier(train_split=split, **FAST).fit(X, Y)


class Rows(Dataset):
    """A user's data set."""


@pytest.mark.parametrize(
    "valid",
    [
        Dataset(X[::3].astype(">f8"), Y[::3]),
        Dataset(X[::3].astype(">f8"), Y[::3].astype(">i8")),
        Dataset(FRAME[::3], Y[::3]),
        Dataset(FRAME[::3].astype(">f8"), pd.Series(Y[::3])),
        Dataset(X[::3], Y[::3].tolist()),
        Subset(Subset(Dataset(FRAME, Y), range(30, 150)), [*range(0, 120, 3)]),
        Rows(X[::3].astype(">f8"), Y[::3]),
    ],
    ids=[
        "other order",
        "labels too",
        "frame",
        "frame of other order",
        "listed labels",
        "subset",
        "own",
    ],
)
def test_rows_of_every_kind_are_scored(valid):
    clf = InfoSoftmaxClassifier(train_split=predefined_split(valid), lr=0.03, **FAST)
    clf.fit(FRAME, Y + 0)
    start = 30 if isinstance(valid, Subset) else 0
    expected = clf.score(FRAME[start::3], Y[start::3])
    assert clf.history_[-1, "valid_acc"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "valid, message",
    [
        (Dataset(FRAME[list("abdc")], Y), "with the columns"),
        (Dataset(pd.DataFrame(dict.fromkeys("abcd", [b"1"] * 150)), Y), "numeric columns only"),
        (Dataset(X, [0, "0", 1] * 50), "labels of one type"),
        (Dataset(FRAME[list("abc")].to_numpy(), Y), "of shape"),
    ],
    ids=["columns", "bytes", "labels", "shape"],
)
def test_rows_that_do_not_fit_are_refused(valid, message):
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier(train_split=predefined_split(valid), **FAST).fit(FRAME, Y)


@pytest.mark.parametrize("labels", [Y, Y + 1, NAMES], ids=["0..2", "1..3", "texts"])
@pytest.mark.parametrize("own", [False, True], ids=["skorch", "torch"])
def test_validation_rows_of_ones_own(labels, own):
    class Own(torch.utils.data.Dataset):
        def __len__(self):
            return 50

        def __getitem__(self, index):
            return X[::3][index], labels[::3][index]

    valid = Own() if own else Dataset(X[::3], labels[::3])
    clf = InfoSoftmaxClassifier(train_split=predefined_split(valid), lr=0.03, **FAST)
    clf.fit(X, labels)
    assert clf.history_[-1, "valid_acc"] == pytest.approx(clf.score(X[::3], labels[::3]))
    assert clf.score(X, labels) > 0.8


def test_validation_images_of_ones_own():
    digits = load_digits(n_class=3)
    images = (digits.images / 16).astype(np.float32)
    valid = predefined_split(Dataset(images[:60], digits.target[:60]))
    clf = InfoSoftmaxClassifier(train_split=valid, **FAST).fit(images[60:], digits.target[60:])
    assert clf.history_[-1, "valid_acc"] == pytest.approx(
        clf.score(images[:60], digits.target[:60])
    )


@pytest.mark.parametrize(
    "rows, labels, message",
    [
        (X[:9], Y[:9] + 7, "must hold known labels"),
        (X[:9, :3], Y[:9], "shape"),
        (np.full((9, 4), np.nan), Y[:9], "X of train_split contains NaN .* Replace these"),
    ],
)
def test_validation_rows_that_do_not_fit_are_refused(rows, labels, message):
    split = predefined_split(Dataset(rows, labels))
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier(train_split=split, **FAST).fit(X, Y)
