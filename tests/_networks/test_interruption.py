"""Interrupted training. Divergence is in tests/project/test_faults.py."""

import pickle
import signal
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import EarlyStopping

from sksoftinfo import InfoSoftmaxClassifier, TrainingDiverged

X, Y = load_iris(return_X_y=True)


class Interrupted(torch.nn.Module):
    """Presses Ctrl-C at one of the batches of training."""

    def __init__(self, n_features, n_classes, batch=8):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_classes)
        self.left = batch

    def forward(self, x):
        self.left -= self.training
        if self.training and self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return self.layer(x)


@pytest.fixture(autouse=True)
def interruptible():
    """A process in the background may ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_keeps_what_was_learned_and_says_so():
    clf = InfoSoftmaxClassifier(Interrupted, batch_size=50, random_state=0)
    with pytest.warns(UserWarning, match="Training was interrupted in epoch 3: the network is"):
        clf.fit(X, Y)
    assert len(clf.history_) == 3
    whole = InfoSoftmaxClassifier(
        Interrupted, module__batch=-1, batch_size=50, max_epochs=3, random_state=0
    ).fit(X, Y)
    assert not np.array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert np.isfinite(clf.score_bounds(X[1:], Y[1:]).mi_lower)
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(X), clf.predict_proba(X))
    clf.partial_fit(X, Y)
    assert len(clf.history_) == 4


def test_early_stopping_is_no_interrupt():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = InfoSoftmaxClassifier(
            callbacks=[EarlyStopping("train_loss", patience=1, threshold=1.0)], random_state=0
        ).fit(X, Y)
    assert len(clf.history_) < 5


def test_divergence_travels_between_processes():
    copy = pickle.loads(pickle.dumps(TrainingDiverged("diverged", learned=True)))
    assert str(copy) == "diverged" and copy.learned
