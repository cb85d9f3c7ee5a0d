"""Callbacks in all forms that the classifiers accept."""

import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint, StochasticInfoClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


def test_early_stopping_sees_right_scores():
    score = EpochScoring("accuracy", on_train=True, name="train_acc", lower_is_better=False)
    stopping = EarlyStopping(monitor="train_acc", lower_is_better=False, patience=5)
    clf = StochasticInfoClassifier(
        callbacks=[("score", score), ("stop", stopping)], lr=0.03, **{**FAST, "max_epochs": 40}
    ).fit(X, Y)
    assert clf.score(X, Y) > 0.95


def classifier(**params):
    return InfoSoftmaxClassifier(**{"max_epochs": 1, "random_state": 0, **params})


@pytest.mark.parametrize("callback", [EarlyStopping, Checkpoint])
def test_callbacks_that_wait_for_validation_rows(callback):
    with pytest.raises(ValueError, match="train_split=None; got .*, which monitors 'valid_loss"):
        classifier(callbacks=[("waits", callback())]).fit(X, Y)
    if callback is EarlyStopping:
        stopping = callback(monitor="train_loss", sink=lambda text: None)
        assert len(classifier(callbacks=[stopping], max_epochs=2).fit(X, Y).history_) == 2


def test_callbacks_may_validate_by_themselves():
    class Own(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("valid_own", 0.5)

    callbacks = [Own(), EarlyStopping(monitor="valid_own", patience=2, sink=lambda text: None)]
    assert len(classifier(callbacks=callbacks, max_epochs=9).fit(X, Y).history_) < 9


def test_the_checkpoint_runs_after_the_others():
    callbacks = [ResumableCheckpoint("never"), ("stop", EarlyStopping("train_loss"))]
    clf = InfoSoftmaxClassifier(callbacks=callbacks, max_epochs=1)
    clf._check_skorch_names()
    from sksoftinfo._networks.callbacks import own_callbacks

    assert isinstance(own_callbacks(callbacks)[-1], ResumableCheckpoint)
