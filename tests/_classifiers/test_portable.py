"""pickle and copies keep everything, including objects that files do not contain."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from skorch.callbacks import EarlyStopping
from torch.utils.data import DataLoader

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier

X, Y = load_iris(return_X_y=True)
FAST = {"max_epochs": 2, "random_state": 0}
# No file would restore these parameters.
RICH = {
    "callbacks": [("stop", EarlyStopping("train_loss"))],
    "callbacks__stop__patience": 7,
    "iterator_train": DataLoader,
    "iterator_train__num_workers": 0,
    "torch_load_kwargs": {"weights_only": True},
    "module": torch.nn.Linear(4, 3),
    **FAST,
}


def by_file(clf):
    return pickle.loads(pickle.dumps(clf))


@pytest.mark.parametrize("way", [by_file, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("cls", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_copies_keep_everything(way, cls):
    clf = cls(**RICH)
    assert way(clf).get_params().keys() == clf.get_params().keys()
    clf.fit(X, Y)
    clf.note = {"of": "the user"}
    same = way(clf)
    np.testing.assert_array_equal(same.predict_proba(X), clf.predict_proba(X))
    # The hashes of the training rows are not kept.
    assert vars(same).keys() == vars(clf).keys() - {"_fitted_on"}
    assert same.note == clf.note
    assert same.net_.optimizer_.state_dict().keys() == clf.net_.optimizer_.state_dict().keys()
    assert len(same.partial_fit(X, Y).history_) == 3


def test_an_object_that_holds_itself():
    clf = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    clf.me = clf
    for same in (by_file(clf), copy.deepcopy(clf)):
        assert same.me is same


def test_hashes_and_clones():
    clf = InfoSoftmaxClassifier(**RICH)
    assert clone(clf).get_params().keys() == clf.get_params().keys()
    assert joblib.hash(InfoSoftmaxClassifier(lr=1.0)) == joblib.hash(InfoSoftmaxClassifier(lr=1.0))
    assert joblib.hash(InfoSoftmaxClassifier(lr=1.0)) != joblib.hash(InfoSoftmaxClassifier(lr=2.0))
