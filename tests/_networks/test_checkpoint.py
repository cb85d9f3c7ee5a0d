"""Training that is cut off and goes on ends where one that was not cut off ends."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint, StochasticInfoClassifier

X, Y = load_iris(return_X_y=True)
OPTIONS = {"random_state": 3, "batch_size": 40, "max_epochs": 6}


class Crash(BaseException):
    """Something that nobody catches."""


class CrashAt(Callback):
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
    def on_batch_begin(self, net, training, **kwargs):
        if training and len(net.history) == 4 and len(net.history[-1, "batches"]) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

X, y = load_iris(return_X_y=True)
path, kill = sys.argv[1], sys.argv[2] == "kill"
clf = InfoSoftmaxClassifier(
    callbacks=[ResumableCheckpoint(path + ".pt"), *([Kill()] if kill else [])],
    module__dropout=0.2, batch_size=40, max_epochs=6, random_state=3,
).fit(X, y)
np.save(path + ".npy", clf.predict_proba(X))
"""


def test_a_killed_process(tmp_path):
    path = tmp_path / "training"
    for how, status in (("kill", -signal.SIGKILL), ("resume", 0)):
        command = [sys.executable, "-c", SCRIPT, str(path), how]
        assert subprocess.run(command, check=False).returncode == status
        assert path.with_suffix(".npy").exists() == (status == 0)
    whole = InfoSoftmaxClassifier(module__dropout=0.2, **OPTIONS).fit(X, Y)
    np.testing.assert_array_equal(np.load(path.with_suffix(".npy")), whole.predict_proba(X))


def test_the_checkpoint_runs_after_the_others():
    callbacks = [ResumableCheckpoint("never"), ("stop", EarlyStopping("train_loss"))]
    clf = InfoSoftmaxClassifier(callbacks=callbacks, max_epochs=1)
    clf._check_skorch_names()
    from sksoftinfo._networks.callbacks import own_callbacks

    assert isinstance(own_callbacks(callbacks)[-1], ResumableCheckpoint)


@pytest.mark.parametrize(
    "change, names",
    [
        ({"random_state": 4}, "seed"),
        ({"lr": 0.1}, "lr"),
        ({"batch_size": 10}, "batch_size"),
        ({"optimizer": torch.optim.SGD}, "optimizer"),
        ({"module__hidden_sizes": (3,)}, "another module"),
    ],
)
def test_another_training_is_refused(change, names, tmp_path):
    options = {"max_epochs": 1, "random_state": 0}
    callbacks = [ResumableCheckpoint(tmp_path / "training.pt")]
    InfoSoftmaxClassifier(callbacks=callbacks, **options).fit(X, Y)
    with pytest.raises(ValueError, match=f"another (training.*{names}|module)"):
        InfoSoftmaxClassifier(callbacks=callbacks, **{**options, **change}).fit(X, Y)


def test_other_rows_are_refused(tmp_path):
    clf = InfoSoftmaxClassifier(
        callbacks=[ResumableCheckpoint(tmp_path / "training.pt")], max_epochs=1, random_state=0
    )
    with pytest.raises(ValueError, match="another training, with other rows"):
        cross_val_score(clf, X, Y, error_score="raise")


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_damaged_checkpoints(content, tmp_path):
    path = tmp_path / "training.pt"
    clf = InfoSoftmaxClassifier(
        callbacks=[ResumableCheckpoint(path)], max_epochs=1, random_state=0
    )
    clf.fit(X, Y)
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(ValueError, match="is no checkpoint, or a damaged one: remove it"):
        clf.fit(X, Y)
    torch.save({"format": 7}, path)
    with pytest.raises(ValueError, match="no checkpoint of this version"):
        clf.fit(X, Y)
