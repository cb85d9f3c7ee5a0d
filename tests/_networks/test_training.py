"""The package's short training loop compared with skorch's own, and the events of callbacks."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping
from torch.utils.data import DataLoader

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, TrainingDiverged
from sksoftinfo._networks import InfoSoftmaxNet, trainable

X, Y = load_iris(return_X_y=True)
OPTIONS = {"max_epochs": 4, "random_state": 0, "batch_size": 16, "device": "cpu"}


def assert_same_training(one, other):
    for name, weight in one.module_.state_dict().items():
        torch.testing.assert_close(weight, other.module_.state_dict()[name])
    for key in ("train_loss", "train_batch_count"):
        np.testing.assert_allclose(one.history_[:, key], other.history_[:, key], rtol=1e-6)
    batches = [
        clf.history_[:, "batches", :, ("train_loss", "train_batch_size")] for clf in (one, other)
    ]
    np.testing.assert_allclose(*batches, rtol=1e-6)


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 1.5, len(Y))], ids=["", "weighted"])
@pytest.mark.parametrize("train_split", [None, 0.2])
def test_equal_to_skorch_and_a_data_loader(monkeypatch, estimator, weight, train_split):
    """With the same seed and order, weights and history are equal, to rounding."""
    options = {**OPTIONS, "train_split": train_split}
    thin = estimator(**options).fit(X, Y, weight)
    for name in ("run_single_epoch", "train_step", "train_step_single"):
        monkeypatch.delattr(InfoSoftmaxNet, name)
    stock = estimator(iterator_train=DataLoader, iterator_valid=DataLoader, **options)
    assert_same_training(thin, stock.fit(X, Y, weight))
    if train_split:
        assert thin.history_[:, "valid_acc"] == stock.history_[:, "valid_acc"]


class Listener(Callback):
    def initialize(self):
        self.losses, self.gradients = [], 0
        return self

    def on_batch_end(self, net, batch, training, **kwargs):
        self.losses.append(net.history[-1, "batches", -1, "train_loss"])

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.gradients += all(weight.grad is not None for _, weight in named_parameters)


def test_who_listens_hears_every_batch():
    silent = InfoSoftmaxClassifier(**OPTIONS).fit(X, Y)
    clf = InfoSoftmaxClassifier(callbacks=[("listener", Listener())], **OPTIONS).fit(X, Y)
    listener = dict(clf.net_.callbacks_)["listener"]
    assert len(listener.losses) == listener.gradients == 4 * 10
    assert listener.losses == sum(silent.history_[:, "batches", :, "train_loss"], [])
    assert_same_training(silent, clf)


def test_a_method_given_to_one_callback_is_called():
    heard = []
    callback = Callback()
    callback.on_batch_begin = lambda net, **kwargs: heard.append(kwargs["training"])
    net = InfoSoftmaxClassifier(**OPTIONS).fit(X, Y).net_
    net.callbacks_.append(("own", callback))
    net.partial_fit(X, Y.astype(np.int64), epochs=1)
    assert heard == [True] * 10


def test_scores_of_training_rows_and_clipping_still_work():
    clf = InfoSoftmaxClassifier(
        callbacks=[
            ("score", EpochScoring("accuracy", on_train=True, name="train_acc")),
            ("clip", GradientNormClipping(1e-9)),
        ],
        optimizer=torch.optim.SGD,
        **OPTIONS,
    ).fit(X, Y)
    # With gradients clipped to zero, the network and its scores do not change.
    assert len(set(clf.history_[:, "train_acc"])) == 1
    assert clf.history_[-1, "train_acc"] == pytest.approx(clf.score(X, Y))


def test_an_interrupted_epoch_keeps_its_batches():
    class Interrupt(torch.nn.Linear):
        calls = 0

        def forward(self, x):
            if self.training:
                Interrupt.calls += 1
                if Interrupt.calls == 14:
                    raise KeyboardInterrupt
            return super().forward(x)

    with pytest.warns(UserWarning, match="interrupted in epoch 2"):
        clf = InfoSoftmaxClassifier(Interrupt(4, 3), **OPTIONS).fit(X, Y)
    assert [len(epoch["batches"]) for epoch in clf.history_] == [10, 3]


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
@pytest.mark.parametrize("way", ["copy", "pickle"])
def test_copies_made_in_inference_mode_are_trained_on(estimator, way):
    clf = estimator(module__dropout=0.2, **OPTIONS).fit(X, Y)
    with torch.inference_mode():
        other = copy.deepcopy(clf) if way == "copy" else pickle.loads(pickle.dumps(clf))
    assert next(other.module_.parameters()).is_inference()
    expected = clf.partial_fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(other.partial_fit(X, Y).predict_proba(X), expected)
    assert trainable(other.net_) is other.net_


def test_divergence_travels_between_processes():
    copy = pickle.loads(pickle.dumps(TrainingDiverged("diverged", learned=True)))
    assert str(copy) == "diverged" and copy.learned
