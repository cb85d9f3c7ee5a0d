"""Written-out gradients against autograd's, and what is left to autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from skorch.callbacks import Callback, Freezer
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._modules import MLP, ConvNet
from sksoftinfo._net import InfoSoftmaxNet
from sksoftinfo._objectives import LogSoftmaxLoss
from sksoftinfo._written_out_gradients import backpropagate, linear_layers

X, Y = load_iris(return_X_y=True)
OPTIONS = {"max_epochs": 3, "random_state": 0, "batch_size": 16, "device": "cpu"}


def example(n, d, n_classes, hidden_sizes, seed, dtype=torch.float64):
    torch.manual_seed(seed)
    module = MLP(d, n_classes, hidden_sizes).to(dtype)
    x, y = torch.randn(n, d, dtype=dtype), torch.randint(n_classes, (n,))
    return module, x, y, torch.log_softmax(torch.randn(n_classes, dtype=dtype), 0)


@given(
    n=st.integers(1, 9),
    d=st.integers(1, 5),
    # torch's log-softmax goes two ways: across few classes and across many.
    n_classes=st.sampled_from([2, 3, 7, 40]),
    hidden_sizes=st.lists(st.integers(1, 6), max_size=3),
    scale=st.sampled_from([0.0, 1.0, 1e3, 1e12]),
    with_prior=st.booleans(),
    weighted=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_are_those_of_autograd(n, d, n_classes, hidden_sizes, scale, with_prior, weighted, seed):
    module, x, y, prior = example(n, d, n_classes, hidden_sizes, seed)
    x, prior = scale * x, prior if with_prior else None
    weight = torch.rand(n, dtype=x.dtype) if weighted else None
    posterior = module(x) + (0 if prior is None else prior)
    losses = LogSoftmaxLoss()(posterior, y) * (1 if weight is None else weight)
    expected = torch.autograd.grad(losses.mean(), tuple(module.parameters()))
    # Twice: gradients that are there already are added to, as autograd does.
    for times in (1, 2):
        loss, logits = backpropagate(linear_layers(module), x, y, prior, weight)
        torch.testing.assert_close(loss, losses.mean())
        torch.testing.assert_close(logits, module(x))
        for parameter, gradient in zip(module.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, times * gradient)


def test_images_are_flattened_and_rows_left_as_they_are():
    module, x, y, _ = example(4, 6, 3, (5,), 0)
    kept = x.clone()
    loss, logits = backpropagate(linear_layers(module), x.view(4, 2, 3), y)
    torch.testing.assert_close(logits, module(x))
    assert torch.equal(x, kept) and not loss.requires_grad and not logits.requires_grad


def changed(change):
    module = MLP(4, 3)
    change(module)
    return module


class OwnForward(MLP):
    def forward(self, x):
        return 2 * super().forward(x)


LEFT_TO_AUTOGRAD = {
    "another network": lambda: ConvNet(1, 3),
    "subclass": lambda: OwnForward(4, 3),
    "dropout": lambda: MLP(4, 3, dropout=0.1),
    "weight norm": lambda: changed(lambda m: nn.utils.parametrizations.weight_norm(m.head)),
    "frozen": lambda: changed(lambda m: m.body[0].bias.requires_grad_(False)),
    "forward hook": lambda: changed(lambda m: m.head.register_forward_hook(print)),
    "forward pre-hook": lambda: changed(lambda m: m.body.register_forward_pre_hook(print)),
    "backward hook": lambda: changed(lambda m: m.register_full_backward_hook(print)),
    "backward pre-hook": lambda: changed(lambda m: m.register_full_backward_pre_hook(print)),
    "hook of a weight": lambda: changed(lambda m: m.head.bias.register_hook(print)),
    "hook of a sum": lambda: changed(
        lambda m: m.head.bias.register_post_accumulate_grad_hook(print)
    ),
    "bodies that end in a linear layer": lambda: changed(
        lambda m: m.body.append(nn.Linear(64, 64))
    ),
    "linear layers in a row": lambda: changed(lambda m: m.body.insert(1, nn.Linear(64, 64))),
    "no bias": lambda: changed(lambda m: setattr(m, "head", nn.Linear(64, 3, bias=False))),
    "forward of its own": lambda: changed(lambda m: setattr(m.head, "forward", torch.sin)),
    "another device": lambda: MLP(4, 3).to("meta"),
}


@pytest.mark.parametrize("make", LEFT_TO_AUTOGRAD.values(), ids=LEFT_TO_AUTOGRAD)
def test_left_to_autograd(make):
    assert linear_layers(make()) is None
    assert len(linear_layers(MLP(4, 3))) == 3


def test_mixed_precision_is_left_to_autograd():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear_layers(MLP(4, 3)) is None


def test_hooks_of_all_modules_are_left_to_autograd():
    hook = nn.modules.module.register_module_forward_hook(lambda *args: None)
    try:
        assert linear_layers(MLP(4, 3)) is None
    finally:
        hook.remove()
    with torch.autograd.set_detect_anomaly(True):
        assert linear_layers(MLP(4, 3)) is None
    assert linear_layers(MLP(4, 3))


def mixed(rows):
    x, y = torch.utils.data.default_collate(rows)
    y = nn.functional.one_hot(y, 3).double()
    return 0.7 * x + 0.3 * x.flip(0), 0.7 * y + 0.3 * y.flip(0)


def arrays(rows):
    return np.stack([x for x, _ in rows]), np.array([y for _, y in rows])


@pytest.mark.parametrize("collate", [mixed, arrays])
def test_labels_of_the_users_own_loading_keep_autograd(monkeypatch, collate):
    clf, calls = trained(monkeypatch, True, iterator_train__collate_fn=collate, lr=0.01)
    assert calls == 0 and clf.history_[-1, "train_loss"] < clf.history_[0, "train_loss"]


def trained(monkeypatch, written_out, **options):
    """Train; return the classifier, and how many batches went without autograd."""
    calls = []

    def counted(*args):
        calls.append(len(args[2]))
        return backpropagate(*args)

    with monkeypatch.context() as patch:
        patch.setattr("sksoftinfo._epochs.backpropagate", counted)
        if not written_out:
            patch.setattr(InfoSoftmaxNet, "layers_written_out", lambda net: None)
        estimator = options.pop("estimator", InfoSoftmaxClassifier)
        clf = estimator(**{**OPTIONS, **options}).fit(X, Y)
    return clf, len(calls)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
        {"class_prior": [0.1, 0.3, 0.6]},
        {"optimizer": torch.optim.LBFGS, "lr": 0.1},
    ],
    ids=["plain", "weighted", "prior", "several looks at a batch"],
)
def test_training_is_that_of_autograd(monkeypatch, options):
    clf, calls = trained(monkeypatch, True, **options)
    other, none = trained(monkeypatch, False, **options)
    assert calls >= 30 and none == 0
    for name, weight in clf.module_.state_dict().items():
        torch.testing.assert_close(weight, other.module_.state_dict()[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        clf.history_[:, "train_loss"], other.history_[:, "train_loss"], rtol=1e-4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"criterion": nn.CrossEntropyLoss},
        {"module": nn.Linear(4, 3)},
        {"estimator": StochasticInfoClassifier},
        {"callbacks": [("freezer", Freezer("head.*"))]},
    ],
    ids=["criterion", "module", "stochastic", "freezer"],
)
def test_other_trainings_keep_autograd(monkeypatch, options):
    assert trained(monkeypatch, True, **options)[1] == 0


class Meddler(Callback):
    """Freezes a weight in the middle of an epoch."""

    def on_batch_begin(self, net, training, **kwargs):
        if training and net.history[-1]["epoch"] == 2 and len(net.history[-1]["batches"]) == 4:
            net.module_.head.bias.requires_grad_(False)
            self.kept = net.module_.head.bias.clone()


def test_who_listens_to_batches_may_change_the_network(monkeypatch):
    clf, calls = trained(monkeypatch, True, callbacks=[("meddler", Meddler())])
    # Autograd takes over in the second epoch, at its fourth batch.
    assert calls == 10 + 3
    assert torch.equal(clf.module_.head.bias, dict(clf.net_.callbacks_)["meddler"].kept)


class LateFreezer(Callback):
    """Freezes a weight once it is told of gradients."""

    kept = None

    def on_grad_computed(self, net, **kwargs):
        if self.kept is None:
            net.module_.head.bias.requires_grad_(False)
            net.module_.head.bias.grad = None
            self.kept = net.module_.head.bias.clone()


def test_who_listens_to_gradients_may_change_the_network(monkeypatch):
    clf, calls = trained(monkeypatch, True, callbacks=[("freezer", LateFreezer())])
    assert calls == 1
    assert torch.equal(clf.module_.head.bias, dict(clf.net_.callbacks_)["freezer"].kept)


class Watcher(Callback):
    """Hooks into a weight as training begins, as trackers of experiments do."""

    def on_train_begin(self, net, **kwargs):
        self.seen = 0
        net.module_.head.bias.register_hook(self.look)

    def look(self, gradient):
        self.seen += 1


def test_hooks_of_callbacks_are_called(monkeypatch):
    clf, calls = trained(monkeypatch, True, callbacks=[("watcher", Watcher())])
    assert calls == 0 and dict(clf.net_.callbacks_)["watcher"].seen == 30


def test_one_step_by_hand_needs_no_epoch():
    clf = InfoSoftmaxClassifier(**OPTIONS).fit(X, Y)
    batch = torch.as_tensor(X[:8], dtype=torch.float32), torch.as_tensor(Y[:8])
    expected = clf.net_.get_loss(clf.net_.infer(batch[0]), batch[1])
    step = clf.net_.train_step(batch)
    torch.testing.assert_close(step["loss"], expected.detach())
