"""Training that is cut off and goes on ends where one that was not cut off ends."""

import hashlib
import io
import itertools
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint, StochasticInfoClassifier
from sksoftinfo._networks import EpochTicker
from sksoftinfo._networks.checkpoint import _HEAD

X, Y = load_iris(return_X_y=True)
OPTIONS = {"random_state": 3, "batch_size": 40, "max_epochs": 6}


class Crash(BaseException):
    """Something that nobody catches."""


class CrashAt(Callback):
    watches_only = True

    def __init__(self, epoch, batch):
        self.epoch, self.batch = epoch, batch

    def on_batch_begin(self, net, training, **kwargs):
        if training and (len(net.history), len(net.history[-1, "batches"])) == (
            self.epoch,
            self.batch,
        ):
            raise Crash


CASES = {
    "dropout": (InfoSoftmaxClassifier, {"module__dropout": 0.5}, {}),
    "weights": (InfoSoftmaxClassifier, {"optimizer": torch.optim.Adam}, {"sample_weight": Y + 1}),
    "noise": (StochasticInfoClassifier, {"noise": "latent", "beta": 0.01, "n_draws": 4}, {}),
    "schedule": (
        InfoSoftmaxClassifier,
        {
            "callbacks": [
                ("schedule", LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5))
            ]
        },
        {},
    ),
    "early stopping": (
        InfoSoftmaxClassifier,
        {
            "callbacks": [
                ("stop", EarlyStopping(monitor="valid_loss", patience=2, load_best=True))
            ],
            "train_split": 0.3,
            "lr": 0.3,
            "max_epochs": 30,
        },
        {},
    ),
}


def fit(case, *callbacks, **more):
    cls, params, fit_params = CASES[case]
    params = {**OPTIONS, **params, **more}
    params["callbacks"] = [*callbacks, *params.get("callbacks", [])]
    return cls(**params).fit(X, Y, **fit_params)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("every", [1, 2])
def test_a_crash_in_an_epoch_changes_nothing(case, every, tmp_path):
    whole = fit(case)
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt", every=every)
    for epoch in (2, 4):
        with pytest.raises(Crash):
            fit(case, checkpoint, CrashAt(epoch, 1))
    resumed = fit(case, checkpoint)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert len(resumed.history_) == len(whole.history_)
    assert resumed.history_[:, "train_loss"] == whole.history_[:, "train_loss"]
    assert [path.name for path in tmp_path.iterdir()] == ["training.pt"]
    if case == "early stopping":
        assert 5 < len(whole.history_) < 30
    # What is done is not done again.
    again = fit(case, checkpoint)
    np.testing.assert_array_equal(again.predict_proba(X), whole.predict_proba(X))


SCRIPT = """
import os, signal, sys
import numpy as np
from sklearn.datasets import load_iris
from skorch.callbacks import Callback
from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint

class Kill(Callback):
    watches_only = True

    def on_batch_begin(self, net, training, **kwargs):
        if training and len(net.history) == 4 and len(net.history[-1, "batches"]) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

X, y = load_iris(return_X_y=True)
path, kill = sys.argv[1], sys.argv[2] == "kill"
clf = InfoSoftmaxClassifier(
    callbacks=[ResumableCheckpoint(path + ".pt"), *([Kill()] if kill else [])],
    module__dropout=0.2, batch_size=40, max_epochs=6, random_state=3, device="cpu",
).fit(X, y)
np.save(path + ".npy", clf.predict_proba(X))
"""


def test_a_killed_process(tmp_path):
    path = tmp_path / "training"
    for how, status in (("kill", -signal.SIGKILL), ("resume", 0)):
        command = [sys.executable, "-c", SCRIPT, str(path), how]
        assert subprocess.run(command, check=False).returncode == status
        assert path.with_suffix(".npy").exists() == (status == 0)
    whole = InfoSoftmaxClassifier(module__dropout=0.2, device="cpu", **OPTIONS).fit(X, Y)
    np.testing.assert_array_equal(np.load(path.with_suffix(".npy")), whole.predict_proba(X))


def test_the_checkpoint_runs_after_the_others():
    callbacks = [ResumableCheckpoint("never"), ("stop", EarlyStopping("train_loss"))]
    clf = InfoSoftmaxClassifier(callbacks=callbacks, max_epochs=1)
    clf._check_skorch_names()
    from sksoftinfo._networks.callbacks import own_callbacks

    assert isinstance(own_callbacks(callbacks)[-1], ResumableCheckpoint)


class Activated(torch.nn.Module):
    """Modules whose weights have equal shapes, whatever the activation."""

    def __init__(self, n_features, n_classes, activation="relu"):
        super().__init__()
        self.activation = {"relu": torch.nn.ReLU(), "tanh": torch.nn.Tanh()}[activation]
        self.layer, self.head = torch.nn.Linear(n_features, 4), torch.nn.Linear(4, n_classes)

    def forward(self, x):
        return self.head(self.activation(self.layer(x)))


class Scaled(Activated):
    scale = 1.0

    def __init__(self, n_features, n_classes, scale=1.0):
        super().__init__(n_features, n_classes)
        self.scale = scale


def seeded_linear(seed, frozen=False):
    torch.manual_seed(seed)
    linear = torch.nn.Linear(4, 3)
    linear.bias.requires_grad = not frozen
    return linear


def schedule(**params):
    return [("schedule", LRScheduler(torch.optim.lr_scheduler.StepLR, **params))]


class Tempered(torch.nn.CrossEntropyLoss):
    """A criterion with a private setting."""

    def __init__(self, temperature):
        super().__init__()
        self._temperature = temperature


class Sharp(torch.nn.CrossEntropyLoss):
    """A criterion with a buffer that is not in its state."""

    def __init__(self, sharpness):
        super().__init__()
        self.register_buffer("sharpness", torch.tensor(sharpness), persistent=False)


def scheduled_by(factor):
    return [("schedule", LRScheduler("LambdaLR", lr_lambda=lambda epoch: factor))]


def multiplied_by(factor):
    return lambda z: factor * z


class Applied(Activated):
    def __init__(self, n_features, n_classes, function):
        super().__init__(n_features, n_classes)
        self.function = function

    def forward(self, x):
        return self.function(super().forward(x))


def valid(change=0.0):
    return predefined_split(Dataset(X + change, Y))


def valid_tensors(change=0.0):
    rows = torch.utils.data.TensorDataset(torch.as_tensor(X + change), torch.as_tensor(Y))
    return predefined_split(torch.utils.data.Subset(rows, range(100)))


class Slowing(Callback):
    """A callback of one's own that changes the training."""

    def __init__(self, factor):
        self.factor = factor

    def on_epoch_end(self, net, **kwargs):
        net.optimizer_.param_groups[0]["lr"] *= self.factor


def stopping_by(scoring):
    score = EpochScoring(scoring, on_train=True, name="score")
    return [("score", score), ("stop", EarlyStopping("score"))]


STOCHASTIC = {"noise": "gaussian", "beta": 0.1}
CHANGES = {
    "seed": ({}, {"random_state": 4}, "seed"),
    "lr": ({}, {"lr": 0.1}, "lr"),
    "batch_size": ({}, {"batch_size": 10}, "batch_size"),
    "optimizer": ({}, {"optimizer": torch.optim.SGD}, "optimizer"),
    "sizes": ({}, {"module__hidden_sizes": (3,)}, "module's structure, module__hidden_sizes"),
    "weight_decay": ({}, {"optimizer__weight_decay": 0.5}, "optimizer__weight_decay"),
    "dropout": ({}, {"module__dropout": 0.2}, "module__dropout"),
    "criterion": ({}, {"criterion": torch.nn.CrossEntropyLoss}, "criterion"),
    "smoothing": (
        {"criterion": torch.nn.CrossEntropyLoss},
        {"criterion__label_smoothing": 0.1},
        "criterion__label_smoothing",
    ),
    "class_prior": ({}, {"class_prior": [0.2, 0.3, 0.5]}, "log_class_prior"),
    "other class_prior": (
        {"class_prior": [0.3, 0.2, 0.5]},
        {"class_prior": [0.2, 0.3, 0.5]},
        "log_class_prior",
    ),
    "class_weight": ({}, {"class_weight": {0: 2.0, 1: 1.0, 2: 1.0}}, "rows"),
    "other train_split": ({"train_split": 0.2}, {"train_split": 0.3}, "train_split"),
    "train_split": ({}, {"train_split": 5}, "train_split"),
    "shuffle": ({}, {"iterator_train__shuffle": False}, "iterator_train__shuffle"),
    "drop_last": ({}, {"iterator_train__drop_last": True}, "iterator_train__drop_last"),
    "dtype": ({}, {"dtype": "float32"}, "dtype"),
    "activation": (
        {"module": Activated},
        {"module__activation": "tanh"},
        "module's structure, module__activation",
    ),
    "plain attribute": ({"module": Scaled(4, 3)}, {"module": Scaled(4, 3, 2.0)}, "module"),
    "first weights": ({"module": seeded_linear(0)}, {"module": seeded_linear(1)}, "module"),
    "frozen": ({"module": seeded_linear(0)}, {"module": seeded_linear(0, True)}, "module"),
    "patience": (
        {"callbacks": [("stop", EarlyStopping("train_loss", patience=2))]},
        {"callbacks": [("stop", EarlyStopping("train_loss", patience=3))]},
        "callbacks__stop",
    ),
    "schedule": (
        {"callbacks": schedule(step_size=2)},
        {"callbacks": schedule(step_size=3)},
        "callbacks__schedule",
    ),
    "clipping": (
        {},
        {"callbacks": [("clip", GradientNormClipping(0.1))]},
        "callbacks__clip",
    ),
    "own callback": (
        {"callbacks": [Slowing(0.5)]},
        {"callbacks": [Slowing(0.1)]},
        "callbacks__Slowing",
    ),
    "own callback left out": (
        {"callbacks": [Slowing(0.5)]},
        {"callbacks": []},
        "callbacks__Slowing",
    ),
    "monitored score": (
        {"callbacks": stopping_by("accuracy")},
        {"callbacks": stopping_by("neg_log_loss")},
        "callbacks__score",
    ),
    "beta": (STOCHASTIC, {"beta": 0.2}, "beta"),
    "n_draws": (STOCHASTIC, {"n_draws": 8}, "n_draws"),
    "noise_scale": (STOCHASTIC, {"noise_scale": 0.5}, "module"),
    "validation rows": ({"train_split": valid()}, {"train_split": valid(1.0)}, "train_split"),
    "validation tensors": (
        {"train_split": valid_tensors()},
        {"train_split": valid_tensors(1.0)},
        "train_split",
    ),
    "private attribute": ({"criterion": Tempered(1.0)}, {"criterion": Tempered(2.0)}, "criterion"),
    "buffer": ({"criterion": Sharp(1.0)}, {"criterion": Sharp(2.0)}, "criterion"),
    "lambda": (
        {"module": Applied, "module__function": lambda z: z},
        {"module__function": lambda z: z + z},
        "module__function",
    ),
    "constant of a lambda": (
        {"module": Applied, "module__function": lambda z: 2 * z},
        {"module__function": lambda z: 3 * z},
        "module__function",
    ),
    "closure": (
        {"module": Applied, "module__function": multiplied_by(2)},
        {"module__function": multiplied_by(3)},
        "module__function",
    ),
    "default": (
        {"module": Applied, "module__function": lambda z, factor=2: factor * z},
        {"module__function": lambda z, factor=3: factor * z},
        "module__function",
    ),
    "scheduled lambda": (
        {"callbacks": scheduled_by(0.5)},
        {"callbacks": scheduled_by(0.1)},
        "callbacks__schedule",
    ),
    "objective": (STOCHASTIC, {"objective": "dv"}, "criterion"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_another_training_is_refused(case, tmp_path):
    before, change, names = CHANGES[case]
    cls = StochasticInfoClassifier if before is STOCHASTIC else InfoSoftmaxClassifier
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")

    def fit(max_epochs, callbacks=(), **params):
        options = {"random_state": 0, "max_epochs": max_epochs, **params}
        return cls(callbacks=[checkpoint, *callbacks], **options).fit(X, Y)

    fit(1, **before)
    with pytest.raises(ValueError, match=f"another training, with other .*{names}"):
        fit(1, **{**before, **change})
    # What was not changed goes on.
    assert len(fit(2, **before).history_) == 2


def test_what_does_not_change_the_training_may_change(tmp_path):
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    options = {"random_state": 0, "module__dropout": 0.5}
    InfoSoftmaxClassifier(max_epochs=2, callbacks=[checkpoint], device="cpu:0", **options).fit(
        X, Y
    )
    other = InfoSoftmaxClassifier(
        max_epochs=4,
        verbose=1,
        callbacks=[CrashAt(9, 9), checkpoint, EpochScoring("accuracy", name="watched")],
        device="cpu",
        **options,
    )
    other.set_params(callbacks__print_log__sink=lambda text: None).fit(X, Y)
    whole = InfoSoftmaxClassifier(max_epochs=4, device="cpu", **options).fit(X, Y)
    np.testing.assert_array_equal(other.predict_proba(X), whole.predict_proba(X))


def test_other_rows_are_refused(tmp_path):
    clf = InfoSoftmaxClassifier(
        callbacks=[ResumableCheckpoint(tmp_path / "training.pt")], max_epochs=1, random_state=0
    )
    with pytest.raises(ValueError, match="another training, with other rows"):
        cross_val_score(clf, X, Y, error_score="raise")


@pytest.fixture(scope="module")
def small():
    """A classifier with a small checkpoint, and the checkpoint's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.pt"
        clf = InfoSoftmaxClassifier(
            module__hidden_sizes=(),
            callbacks=[ResumableCheckpoint(path)],
            max_epochs=1,
            random_state=0,
        ).fit(X, Y)
        yield clf, path, path.read_bytes()


def assert_refused(small, content, match):
    clf, path, _ = small
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as raised:
        clf.fit(X, Y)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"nothing"])
def test_other_files_are_refused(content, small):
    assert_refused(small, content, "is not a checkpoint.*: remove it")


def test_every_single_bit_that_flips_is_noticed(small):
    """All of the head, and 200 bits of the rest."""
    content = small[2]
    rng = np.random.default_rng(0)
    places = [*range(8 * 100), *rng.integers(8 * 100, 8 * len(content), 200)]
    for place in places:
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match="is not a checkpoint.*: remove it"):
            _read(small, bytes(damaged))


def test_every_cut_is_noticed(small):
    content = small[2]
    for kept in [*range(150), *range(150, len(content), 199), len(content) - 1]:
        with pytest.raises(ValueError, match="is not a checkpoint.*: remove it"):
            _read(small, content[:kept])
    with pytest.raises(ValueError, match="or a damaged one"):
        _read(small, content + b"\0")


def _read(small, content):
    _, path, _ = small
    path.write_bytes(content)
    return ResumableCheckpoint(path)._read()


def forged(state):
    """The bytes of a checkpoint with a valid checksum."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return with_checksum(buffer.getvalue())


def with_checksum(content):
    return _HEAD + hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def test_a_checkpoint_of_another_version_is_refused(small):
    content = small[2].replace(b"checkpoint 2", b"checkpoint 9")
    assert_refused(small, content, "is not a checkpoint of this version")
    buffer = io.BytesIO()
    torch.save({"format": 1}, buffer)
    assert_refused(small, buffer.getvalue(), "is not a checkpoint of this version")


ODD = [
    None,
    True,
    -1,
    10**30,
    0.5,
    "x",
    [],
    {},
    (),
    [[]],
    {"a": 1},
    torch.ones(2),
    torch.ones(3, 3),
]


def test_forged_checkpoints_are_refused(small):
    """Each entry replaced by odd values, with a valid checksum: refused, or without any effect."""
    clf, path, content = small
    path.write_bytes(content)
    clf.fit(X, Y)
    state = ResumableCheckpoint(path)._read()
    expected = clf.predict_proba(X)
    for name, value in itertools.product(state, ODD):
        path.write_bytes(forged({**state, name: value}))
        try:
            clf.fit(X, Y)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            np.testing.assert_array_equal(clf.predict_proba(X), expected)
    for name, value in itertools.product(["train_loss", "batches", "on_epoch_end", "_x"], ODD):
        callbacks = {**state["callbacks"], "valid_loss": {name: value}}
        path.write_bytes(forged({**state, "callbacks": callbacks}))
        with pytest.raises(ValueError, match=f"a callback does not learn '{name}'"):
            clf.fit(X, Y)
    for history in ("", "[" * 10_000, "[1]", "{}", "[{}]", '[{"batches": 1}]', "[]", "NaN"):
        assert_refused(small, forged({**state, "history": history}), "not written by this version")


def _set(place, **values):
    """Return a change of a state: entries at a place in it, which "/" leads to."""

    def change(state):
        for key in filter(None, place.split("/")):
            state = state[int(key) if key.isdigit() else key]
        state.update({int(key[1:]) if key[1:].isdigit() else key: values[key] for key in values})

    return change


MOMENTS, GROUP = "optimizer/state/0", "optimizer/param_groups/0"
STOP, SCHEDULE = "callbacks/stop", "callbacks/schedule/lr_scheduler_"
NAN = torch.tensor(torch.nan, dtype=torch.float64)
BEYOND = torch.arange(12.0, dtype=torch.float64).as_strided((3, 4), (0, 0), 11)
FORGED = {
    "short moment": _set(MOMENTS, exp_avg=torch.ones(1, dtype=torch.float64)),
    "long moment": _set(MOMENTS, exp_avg_sq=torch.ones(3, 5, dtype=torch.float64)),
    "moment of ints": _set(MOMENTS, exp_avg=torch.ones(3, 4, dtype=torch.int8)),
    "moment of singles": _set(MOMENTS, exp_avg=torch.ones(3, 4)),
    "moment that is NaN": _set(MOMENTS, exp_avg=NAN.expand(3, 4).clone()),
    "moment beyond its memory": _set(MOMENTS, exp_avg=BEYOND),
    "moment elsewhere": _set(MOMENTS, exp_avg=NAN.expand(3, 4).to("meta")),
    "moment as text": _set(MOMENTS, exp_avg="x"),
    "steps": _set(MOMENTS, step=torch.ones(5)),
    "step as text": _set(MOMENTS, step="x"),
    "negative step": _set(MOMENTS, step=torch.tensor(-1.0)),
    "another entry": _set(MOMENTS, more=1),
    "missing moments": _set("optimizer/state", _0={}),
    "no moments": _set("optimizer", state={}),
    "another parameter": _set("optimizer/state", _9={}),
    "lr as text": _set(GROUP, lr="x"),
    "no lr": _set(GROUP, lr=None),
    "lr of many": _set(GROUP, lr=torch.ones(3)),
    "infinite lr": _set(GROUP, lr=float("inf")),
    "negative lr": _set(GROUP, lr=-1.0),
    "huge lr": _set(GROUP, lr=10**400),
    "three betas": _set(GROUP, betas=(0.9, 0.9, 0.9)),
    "large betas": _set(GROUP, betas=(0.9, 5.0)),
    "maximize": _set(GROUP, maximize=True),
    "amsgrad": _set(GROUP, amsgrad=True),
    "no decay": _set(GROUP, weight_decay=None),
    "another option": _set(GROUP, more=1),
    "parameters": _set(GROUP, params=[0, 0]),
    "no groups": _set("optimizer", param_groups=[]),
    "training": _set("training", _5=6),
    "weights of ints": _set("module", **{"head.bias": torch.ones(3, dtype=torch.int8)}),
    "weights that are NaN": _set("module", **{"head.bias": NAN.expand(3).clone()}),
    "text as weights": _set("module", **{"head.bias": "x"}),
    "score": _set("callbacks/train_loss", best_score_="x"),
    "score of many": _set("callbacks/train_loss", best_score_=torch.ones(3)),
    "threshold": _set(STOP, dynamic_threshold_="x"),
    "negative count": _set(STOP, misses_=-(10**9)),
    "best weights": _set(STOP, best_model_weights_={"head.bias": torch.ones(2)}),
    "step size": _set(SCHEDULE, step_size="x"),
    "step size of 0": _set(SCHEDULE, step_size=0),
    "another factor": _set(SCHEDULE, gamma=0.3),
    "first rates": _set(SCHEDULE, base_lrs=5),
    "last rates": _set(SCHEDULE, _last_lr=None),
    "epoch of a schedule": _set(SCHEDULE, last_epoch=-99),
    "no schedule": _set("callbacks/schedule", lr_scheduler_=5),
    "no callbacks": _set("", callbacks={}),
    "generators": _set("", cuda=["x"]),
    "epochs": _set("", history='[{"batches": [], "epoch": 7}]'),
    "batches": _set("", history='[{"batches": [5], "epoch": 1}]'),
    "losses": _set("", history='[{"batches": [], "epoch": 1, "train_loss": "x"}]'),
    "loss that is NaN": _set("", history='[{"batches": [], "epoch": 1, "train_loss": NaN}]'),
    "endless epoch": _set("", history='[{"batches": [], "epoch": 1, "dur": Infinity}]'),
    "loss of a batch": _set("", history='[{"batches": [{"train_loss": NaN}], "epoch": 1}]'),
    "size of a batch": _set("", history='[{"batches": [{"train_batch_size": NaN}], "epoch": 1}]'),
}


@pytest.fixture(scope="module")
def rich():
    """A classifier whose checkpoint has states of callbacks, and what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.pt"
        stop = ("stop", EarlyStopping("train_loss", load_best=True))
        callbacks = [ResumableCheckpoint(path), stop, *schedule(step_size=2)]
        options = {"module__hidden_sizes": (), "random_state": 0, "device": "cpu"}
        clf = InfoSoftmaxClassifier(max_epochs=1, callbacks=callbacks, **options).fit(X, Y)
        yield clf, path, path.read_bytes()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_state_is_refused_before_any_of_it_is_used(name, rich):
    _, path, content = rich
    path.write_bytes(content)
    state = ResumableCheckpoint(path)._read()
    FORGED[name](state)
    assert_refused(rich, forged(state), "not written by this version")


def test_a_net_is_as_it_was_where_its_state_cannot_be_restored(small, monkeypatch):
    """Whatever else goes wrong while a state is set."""
    clf, path, content = small
    path.write_bytes(content)
    clf.fit(X, Y)
    net = clf.net_
    callback = ResumableCheckpoint(path)
    callback.training_ = callback._read()["training"]
    weights = [torch.full_like(one, 7.0) for one in net.module_.parameters()]
    with torch.no_grad():
        for one in net.module_.parameters():
            one.fill_(7.0)

    def fail(*args):
        raise RuntimeError("something else")

    monkeypatch.setattr("sksoftinfo._networks.checkpoint._restore_callback", fail)
    with pytest.raises(ValueError, match="something else"):
        callback._resume(net, callback._read())
    for one, expected in zip(net.module_.parameters(), weights, strict=True):
        torch.testing.assert_close(one.detach(), expected)


@pytest.mark.parametrize("name", ["Adadelta", "Adafactor", "LBFGS", "NAdam", "Rprop", "SGD"])
def test_optimizers_of_other_states_go_on(name, tmp_path):
    options = {"optimizer": getattr(torch.optim, name), "random_state": 0, "lr": 0.01}
    options |= {"module__hidden_sizes": (), "batch_size": 50}
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    InfoSoftmaxClassifier(max_epochs=1, callbacks=[checkpoint], **options).fit(X, Y)
    resumed = InfoSoftmaxClassifier(max_epochs=2, callbacks=[checkpoint], **options).fit(X, Y)
    whole = InfoSoftmaxClassifier(max_epochs=2, **options).fit(X, Y)
    # torch rounds scalars of NAdam as it loads them.
    np.testing.assert_allclose(resumed.predict_proba(X), whole.predict_proba(X), rtol=1e-7)


SCHEDULES = {
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 50},
    "CosineAnnealingLR": {"T_max": 1},
    "CosineAnnealingWarmRestarts": {"T_0": 1},
    "ReduceLROnPlateau": {"monitor": "train_loss", "patience": 0},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "cycle_momentum": False},
    "MultiStepLR": {"milestones": [1]},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_other_states_go_on(name, tmp_path):
    policy = getattr(torch.optim.lr_scheduler, name)
    callbacks = [LRScheduler(policy, **SCHEDULES[name])]
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    options = {"module__hidden_sizes": (), "random_state": 0, "lr": 0.01}

    def fit(max_epochs, *more):
        clf = InfoSoftmaxClassifier(callbacks=[*more, *callbacks], **options)
        return clf.set_params(max_epochs=max_epochs).fit(X, Y)

    fit(2, checkpoint)
    resumed, whole = fit(4, checkpoint), fit(4)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_not_a_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OSError, match="Not a regular file"):
            InfoSoftmaxClassifier(callbacks=[ResumableCheckpoint(path)]).fit(X, Y)


def test_a_checkpoint_runs_no_code(small, tmp_path):
    """A pickle that makes a file, and an archive that torch would hand to its reader of code."""
    marker = tmp_path / "marker"

    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    for odd in (Touch(), {"training": Touch()}):
        assert_refused(small, forged(odd), "not written by this version")
    assert not marker.exists()
    pickle.loads(pickle.dumps(Touch()))
    assert marker.exists(), "the forged files would have shown nothing"

    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        archive.writestr("archive/constants.pkl", "")
    assert_refused(small, with_checksum(buffer.getvalue()), "constants.pkl")


def test_a_checkpoint_that_would_be_larger_in_memory_is_refused(small):
    clf, path, content = small
    path.write_bytes(content)
    state = ResumableCheckpoint(path)._read()
    repeated = []
    for _ in range(60):
        repeated = [repeated, repeated]
    sparse = torch.sparse_coo_tensor([[0]], [1.0], (10**9,))
    for odd in (torch.zeros(1).expand(10**9), sparse, repeated):
        for entry in ("module", "optimizer", "callbacks"):
            forged_state = {**state, entry: {**state[entry], "odd": odd}}
            assert_refused(small, forged(forged_state), "larger than what|too many entries")


def test_a_compressed_checkpoint_is_refused(small):
    content = small[2]
    start = content.index(b"PK")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content[start:])) as before:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
            for name in before.namelist():
                after.writestr(name, before.read(name))
    assert_refused(small, with_checksum(buffer.getvalue()), "not written by this version")


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None, True])
def test_every_is_a_positive_int(every, tmp_path):
    clf = InfoSoftmaxClassifier(callbacks=[ResumableCheckpoint(tmp_path / "c", every=every)])
    with pytest.raises(ValueError, match="`every` must be an int of at least 1; got"):
        clf.fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_noticed_before_training(tmp_path):
    path = tmp_path / "nowhere" / "training.pt"
    epochs = []
    callbacks = [ResumableCheckpoint(path), EpochTicker(lambda: epochs.append(1))]
    clf = InfoSoftmaxClassifier(callbacks=callbacks, random_state=0)
    with pytest.raises(FileNotFoundError, match="nowhere") as raised:
        clf.fit(X, Y)
    assert raised.value.filename == str(path)
    assert not epochs
