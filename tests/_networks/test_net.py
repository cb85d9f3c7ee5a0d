"""Training of the net, and its state after an interruption. Divergence is in test_faults.py."""

import pickle
import signal
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, cross_val_bounds

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def interruptible():
    """Let the test receive SIGINT, which a process in the background may ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_epoch_without_a_step_is_refused():
    clf = InfoSoftmaxClassifier(iterator_train__drop_last=True, batch_size=200, **FAST)
    with pytest.raises(ValueError, match="got none at batch_size=200"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="got none at"):
        cross_val_bounds(clf, X, Y)


@pytest.mark.parametrize("estimator", BOTH)
def test_a_fitted_module_is_in_evaluation_mode(estimator):
    clf = estimator(module__dropout=0.5, **FAST).fit(X, Y)
    assert not any(module.training for module in clf.module_.modules())
    clf.partial_fit(X, Y)
    assert not any(module.training for module in clf.module_.modules())


def test_an_interruption_at_any_step_keeps_the_network():
    class Interrupting(nn.Linear):
        stop_at, calls = 0, 0

        def forward(self, x):
            if self.training:
                Interrupting.calls += 1
                if Interrupting.calls == Interrupting.stop_at:
                    raise KeyboardInterrupt
            return super().forward(x)

    for Interrupting.stop_at in range(1, 8):
        Interrupting.calls = 0
        clf = InfoSoftmaxClassifier(Interrupting(4, 3), batch_size=50, **FAST)
        with pytest.warns(UserWarning, match="interrupted"):
            clf.fit(X, Y)
        assert clf.predict_proba(X).shape == (150, 3)
        assert not clf.module_.training


class Interrupted(torch.nn.Module):
    """A network that raises SIGINT, like Ctrl-C, at one of the batches of training."""

    def __init__(self, n_features, n_classes, batch=8):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_classes)
        self.left = batch

    def forward(self, x):
        self.left -= self.training
        if self.training and self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return self.layer(x)


def test_an_interrupt_keeps_what_was_learned_and_says_so():
    clf = InfoSoftmaxClassifier(Interrupted, batch_size=50, random_state=0)
    with pytest.warns(UserWarning, match="Training was interrupted in epoch 3: the network"):
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


class EndInterrupted(Callback):
    """A callback that raises SIGINT, like Ctrl-C, when training ends."""

    def on_train_end(self, net, **kwargs):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "warm"])
def test_an_interrupt_at_the_end_of_training_keeps_what_was_learned(estimator, method):
    plain, clf = (estimator(callbacks=one, **FAST) for one in (None, [EndInterrupted()]))
    for one in (plain, clf):
        one.set_params(warm_start=method == "warm")
        for _ in range(2 if method == "warm" else 1):
            with nullcontext() if one is plain else pytest.warns(UserWarning, match="after its"):
                if method == "partial_fit":
                    one.partial_fit(X, Y, classes=[0, 1, 2])
                else:
                    one.fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))


def test_early_stopping_is_no_interrupt():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = InfoSoftmaxClassifier(
            callbacks=[EarlyStopping("train_loss", patience=1, threshold=1.0)], random_state=0
        ).fit(X, Y)
    assert len(clf.history_) < 5


@pytest.mark.parametrize("prior", ["uniform", [0.2, 0.3, 0.5]])
def test_the_loss_of_a_batch_is_the_mean_over_its_rows(prior):
    net = InfoSoftmaxClassifier(class_prior=prior, **FAST).fit(X, Y).net_
    logits = torch.randn(150, 3, dtype=torch.float64, requires_grad=True)
    y = torch.as_tensor(Y)
    found = net.get_loss(logits, y)
    rows = net.criterion_(logits + torch.as_tensor(np.log(net_prior(prior))), y)
    torch.testing.assert_close(found, rows.mean())
    weighted = net.get_loss(logits, y, X={"X": X, "sample_weight": np.ones(150)})
    torch.testing.assert_close(found, weighted)
    one, other = (torch.autograd.grad(loss, logits)[0] for loss in (found, weighted))
    torch.testing.assert_close(one, other)


def net_prior(prior):
    return np.full(3, 1 / 3) if prior == "uniform" else np.array(prior)


@pytest.mark.parametrize("estimator", BOTH)
def test_a_fitted_net_shows_what_skorch_shows_and_its_parameters(estimator):
    net = estimator(**FAST).fit(X, Y).net_
    more = {name for name in dir(type(net)) if not name.startswith("_")} - set(
        dir(NeuralNetClassifier)
    )
    assert more == set()
    # Attributes that end in "_" are set by `initialize`.
    found = {name for name in vars(net) if not (name.startswith("_") or name.endswith("_"))}
    assert found <= net.get_params(deep=False).keys()
