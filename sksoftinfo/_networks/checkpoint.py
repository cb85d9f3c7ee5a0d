"""`ResumableCheckpoint`: training that goes on where it was cut off, to the same result."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from .._utils import fingerprint

_FORMAT = 1
_PLAIN = (bool, int, float, str, type(None), torch.Tensor)


class ResumableCheckpoint(Callback):
    """Keep the state of training in a file, and go on from it: a callback of skorch.

    If the file exists as `fit` begins, training goes on after the epoch that it holds, and the
    result is that of a training which was never interrupted. It holds weights, optimizer, history,
    the generators of the rows' order, of dropout and of noise, and the state of learning-rate
    schedules and of early stopping. It is replaced as a whole, so that it is complete whenever the
    process dies.

    The classifier needs a fixed `random_state`, and one file serves one `fit`: another one, as in
    the folds of a cross-validation, is refused. In a distributed run the main process writes.

    Parameters
    ----------
    path : str or path-like
        The file.
    every : int, default=1
        Epochs between two writes.

    Raises
    ------
    ValueError
        In `fit`, if the file is damaged, or of other data or another training.

    Notes
    -----
    The file is read by ``torch.load(weights_only=True)``, which runs no code of the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     callbacks = [ResumableCheckpoint(os.path.join(folder, "training.pt"))]
    ...     options = {"callbacks": callbacks, "random_state": 0}
    ...     half = InfoSoftmaxClassifier(max_epochs=5, **options).fit(X, y)
    ...     whole = InfoSoftmaxClassifier(max_epochs=10, **options).fit(X, y)
    >>> len(half.history_), len(whole.history_)
    (5, 10)
    """

    # Of all callbacks, so that what these make of an epoch is in the file.
    runs_last = True

    def __init__(self, path, every=1):
        self.path = path
        self.every = every

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.training_ = {
            "seed": net.seed,
            "rows": _rows_digest(X, y),
            "optimizer": type(net.optimizer_).__name__,
            "lr": net.lr,
            "batch_size": net.batch_size,
            "epochs_before": len(net.history),
        }
        self._generators = None
        if os.path.exists(self.path):
            self._resume(net, self._read())

    def on_epoch_begin(self, net, **kwargs):
        if self._generators is not None:
            for generator, state in zip(_generators(net), self._generators[0], strict=True):
                generator.set_state(state)
            torch.set_rng_state(self._generators[1])
            if self._generators[2]:
                torch.cuda.set_rng_state_all(self._generators[2])
            self._generators = None

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) % self.every or os.environ.get("RANK", "0") != "0":
            return
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        state = {
            "format": _FORMAT,
            "training": self.training_,
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": json.dumps(list(net.history), default=_number),
            "callbacks": {name: _callback_state(one) for name, one in net.callbacks_},
            "generators": [generator.get_state() for generator in _generators(net)],
            "global": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if cuda else [],
        }
        path = Path(self.path)
        part = path.with_name(f"{path.name}.part")
        torch.save(state, part)
        os.replace(part, path)

    def _read(self):
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise ValueError(
                f"{self.path} is no checkpoint, or a damaged one: remove it to train from the "
                "beginning."
            ) from error
        if not isinstance(state, dict) or state.get("format") != _FORMAT:
            raise ValueError(
                f"{self.path} is no checkpoint of this version: remove it, or give another path."
            )
        return state

    def _resume(self, net, state):
        mine, theirs = self.training_, state["training"]
        others = [name for name in mine if mine[name] != theirs.get(name)]
        if others:
            raise ValueError(
                f"{self.path} is the checkpoint of another training, with other "
                f"{', '.join(others)}: remove it, or give another path. To go on, fit the same "
                "rows with the same parameters and a fixed random_state."
            )
        try:
            net.module_.load_state_dict(state["module"])
        except RuntimeError as error:
            raise ValueError(
                f"{self.path} holds the weights of another module: remove it, or give another "
                f"path. {error}"
            ) from error
        net.optimizer_.load_state_dict(state["optimizer"])
        before = mine["epochs_before"]
        net.history[:] = json.loads(state["history"])
        net.epochs_resumed_ = len(net.history) - before
        for name, callback in net.callbacks_:
            _restore_callback(callback, state["callbacks"].get(name, {}))
        self._generators = state["generators"], state["global"], state["cuda"]


def _rows_digest(X, y):
    parts = list(X.values()) if isinstance(X, dict) else [X]
    return " ".join(text for part in parts for text in fingerprint(np.asarray(part), y))


def _generators(net):
    """Return the generators of the rows' order and, where there is any, of the noise."""
    found = (getattr(net, name, None) for name in ("order_generator_", "noise_generator_"))
    return [generator for generator in found if generator is not None]


def _callback_state(callback):
    """Return what a callback learned, as far as it is numbers, texts and tensors."""
    state = {
        name: _plain(value)
        for name, value in vars(callback).items()
        if name.endswith("_") and name != "training_" and _is_plain(value)
    }
    scheduler = getattr(callback, "lr_scheduler_", None)
    if scheduler is not None:
        state["lr_scheduler_"] = scheduler.state_dict()
    return state


def _restore_callback(callback, state):
    for name, value in state.items():
        if name == "lr_scheduler_":
            callback.lr_scheduler_.load_state_dict(value)
        else:
            setattr(callback, name, value)


def _is_plain(value):
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, (*_PLAIN, np.generic))


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _number(value):
    return value.item() if hasattr(value, "item") else str(value)
