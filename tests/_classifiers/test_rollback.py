"""A training that is refused, fails or diverges leaves the classifier unchanged."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, TrainingDiverged

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


def learned(clf):
    """Return all that a fitted classifier has learned, to compare it."""
    found = {name: copy.deepcopy(value) for name, value in vars(clf).items() if name != "net_"}
    found["_random"] = found["_random"].get_state()[1]
    states = {"module": clf.module_.state_dict(), **clf.net_.optimizer_.state_dict()["state"]}
    for part, values in states.items():
        found[part] = {name: value.numpy().copy() for name, value in values.items()}
    found["history"] = [epoch["train_loss"] for epoch in clf.history_]
    return found


class Raises(nn.Module):
    """A network that raises if it trains on a row that is larger than every row of iris."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_classes))

    def forward(self, x):
        logits = self.body(x)
        if self.training and x.abs().max() > 50:
            raise RuntimeError("a row that this network cannot take")
        return logits


class Refusing(Callback):
    """A callback that raises at one event of training."""

    def __init__(self, event):
        self.event = event

    def refuse(self, event):
        if event == self.event:
            raise RuntimeError(f"refused at {event}")

    def on_train_begin(self, net, **kwargs):
        self.refuse("on_train_begin")

    def on_epoch_end(self, net, **kwargs):
        self.refuse("on_epoch_end")

    def on_train_end(self, net, **kwargs):
        self.refuse("on_train_end")


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("method", ["fit", "warm", "partial_fit"])
@pytest.mark.parametrize("fault", ["raises", "diverges", "labels", "shape", "nan"])
def test_a_training_that_fails_leaves_the_classifier_as_it_was(estimator, method, fault):
    rows, labels = X.astype(np.float32), np.roll(Y, 30)
    clf = estimator(Raises, class_prior="empirical", batch_size=50, **FAST).fit(rows, Y)
    clf.set_params(warm_start=method == "warm", lr=1e38 if fault == "diverges" else 0.003)
    if fault == "raises":
        rows[-1] = 100
    if fault == "labels":
        labels = np.where(labels == 1, np.nan, labels)
    if fault == "shape":
        rows = rows[:, :3] if method != "fit" else rows[:0]
    if fault == "nan":
        rows[7, 2] = np.nan
    before, proba = learned(clf), clf.predict_proba(X)
    with pytest.raises((ValueError, RuntimeError)):
        (clf.partial_fit if method == "partial_fit" else clf.fit)(rows, labels)
    np.testing.assert_equal(learned(clf), before)
    np.testing.assert_array_equal(clf.predict_proba(X), proba)


def test_a_first_training_that_fails_leaves_nothing():
    clf = InfoSoftmaxClassifier(Raises, **FAST)
    before = dict(vars(clf))
    with pytest.raises(RuntimeError, match="cannot take"):
        clf.fit(np.full_like(X, 100), Y)
    assert vars(clf) == before


def test_what_was_learned_before_a_divergence_is_kept():
    class LaterTooFast(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                net.optimizer_.param_groups[0]["lr"] = 1e38

    clf = InfoSoftmaxClassifier(callbacks=[LaterTooFast], **{**FAST, "max_epochs": 9})
    with pytest.raises(TrainingDiverged) as caught:
        clf.fit(X.astype(np.float32), Y)
    assert caught.value.learned
    assert len(clf.history_) == 2
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_a_callback_that_refuses_leaves_network_and_callbacks_as_they_were(event):
    options = {**FAST, "warm_start": True, "class_prior": "empirical"}
    clf = InfoSoftmaxClassifier(**options).fit(X, Y)
    before, proba = learned(clf), clf.predict_proba(X)
    lr, prior = clf.net_.lr, clf.net_.log_class_prior
    clf.set_params(callbacks=[("refusing", Refusing(event))], lr=0.1)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(RuntimeError, match=f"refused at {event}"):
            train(X[:90], Y[:90])
        np.testing.assert_array_equal(clf.predict_proba(X), proba)
        assert (clf.net_.lr, clf.net_.log_class_prior) == (lr, prior)
    clf.set_params(callbacks=None, lr=0.003)
    for name, value in before.items():
        if name not in ("callbacks", "lr"):
            np.testing.assert_equal(learned(clf)[name], value)
    assert len(clf.fit(X, Y).history_) == 6


def test_a_refused_chunk_leaves_the_prior_inside_the_softmax():
    rows = X.astype(np.float32)
    clf = InfoSoftmaxClassifier(Raises, class_prior="empirical", **FAST)
    clf.partial_fit(rows, Y, classes=[0, 1, 2])
    proba = clf.predict_proba(rows)
    with pytest.raises(RuntimeError, match="cannot take"):
        clf.partial_fit(np.full_like(rows[:50], 100), Y[:50])
    np.testing.assert_array_equal(clf.predict_proba(rows), proba)
