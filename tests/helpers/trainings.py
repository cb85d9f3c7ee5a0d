"""Trainings that a checkpoint interrupts and resumes, and forged checkpoints."""

import hashlib
import io

import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks.checkpoint import _HEAD

X, Y = load_iris(return_X_y=True)
OPTIONS = {"random_state": 3, "batch_size": 40, "max_epochs": 6}
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


class Crash(BaseException):
    """An exception that is never caught."""


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


def fit(case, *callbacks, **more):
    cls, params, fit_params = CASES[case]
    params = {**OPTIONS, **params, **more}
    params["callbacks"] = [*callbacks, *params.get("callbacks", [])]
    return cls(**params).fit(X, Y, **fit_params)


def schedule(**params):
    return [("schedule", LRScheduler(torch.optim.lr_scheduler.StepLR, **params))]


def assert_refused(small, content, match):
    clf, path, _ = small
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as raised:
        clf.fit(X, Y)
    assert str(path) in str(raised.value)


def forged(state):
    """Return the bytes of a checkpoint with a valid checksum."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return with_checksum(buffer.getvalue())


def with_checksum(content):
    return _HEAD + hashlib.sha256(content).hexdigest().encode() + b"\n" + content
