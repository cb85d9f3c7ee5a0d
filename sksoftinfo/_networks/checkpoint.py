"""`ResumableCheckpoint`, a file from which interrupted training resumes with the same result."""

from __future__ import annotations

import copy
import errno
import hashlib
import io
import json
import os
import zipfile
from numbers import Integral

import numpy as np
import torch
from skorch.callbacks import Callback

from .._utils import check_regular_file, whole_file
from .callbacks import OF_TRAINING
from .restored_state import (
    check_callback_state,
    check_history,
    check_module_state,
    check_optimizer_state,
    history_text,
)
from .training_identity import training_identity

# Followed by the SHA-256 of the rest, in hexadecimal, and a line's end.
_HEAD = b"sksoftinfo checkpoint 2\n"
_DIGEST_LENGTH = 2 * hashlib.sha256().digest_size
_PLAIN = (bool, int, float, str, type(None), torch.Tensor)
_MOST_PARTS = 1_000_000
_KEYS = {
    "training": dict,
    "module": dict,
    "optimizer": dict,
    "history": str,
    "callbacks": dict,
    "generators": list,
    "global": torch.Tensor,
    "cuda": list,
}


class ResumableCheckpoint(Callback):
    """Callback of skorch that saves the state of training in a file, and resumes from it.

    If the file exists when `fit` begins, training continues after the saved epoch, and the result
    is the same as without an interruption. The file contains the weights, the optimizer, the
    history, the random generators of the order of the rows, of dropout and of noise, and the state
    of learning-rate schedules and of early stopping. The file is replaced as a whole, so that it
    is complete even if the process dies.

    The classifier needs a fixed `random_state`, and each `fit` needs a file of its own. ValueError
    is raised if the file belongs to another training, i.e. if the rows, the structure of the
    module, the callbacks, or any parameter except `max_epochs`, `device` and `verbose` differ.
    Among skorch's callbacks, early stopping, learning-rate schedules, gradient clipping and frozen
    parameters are compared, and the scores that these callbacks monitor. Callbacks of your own are
    compared by class and attributes, unless a callback has the attribute ``watches_only = True``,
    which declares that it does not change training. In a distributed run, only the main process
    writes the file.

    Parameters
    ----------
    path : str or path-like
        Path of the file; a symbolic link is followed.
    every : int, default=1
        Number of epochs between two writes, at least 1.

    Raises
    ------
    ValueError
        In `fit`, before training: if `every` is not a positive int, or if the file is damaged or
        belongs to another training.
    OSError
        In `fit`, if the file cannot be read or written, e.g. because its folder does not exist, or
        if `path` is a folder or a device.

    See Also
    --------
    save : Save a fitted classifier, without the state of its training.

    Notes
    -----
    A checksum detects damage before the content is read. The content is read by
    ``torch.load(weights_only=True)``, which builds tensors, numbers and strings only. Files from
    untrusted sources can be read: all of their content is checked against the module, optimizer
    and callbacks before any of it is used.

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

    # Runs after all other callbacks, so that their state after the epoch is in the file.
    runs_last = True
    watches_only = True

    def __init__(self, path, every=1):
        self.path = path
        self.every = every

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self._check_parameters()
        self.training_ = training_identity(net, X, y)
        self._generators = None
        if os.path.exists(self.path):
            self._resume(net, self._read())

    def _check_parameters(self):
        """Raise errors that would otherwise appear only at the end of an epoch."""
        if isinstance(self.every, bool) or not isinstance(self.every, Integral) or self.every < 1:
            raise ValueError(
                f"`every` must be an int of at least 1; got {self.every!r}. Pass the number of "
                "epochs between two writes of the checkpoint."
            )
        folder = os.path.dirname(os.path.realpath(self.path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                errno.ENOENT, "The folder of the checkpoint does not exist", os.fspath(self.path)
            )

    def on_epoch_begin(self, net, **kwargs):
        if self._generators is None:
            return
        (own, of_torch, of_cuda), self._generators = self._generators, None
        try:
            for generator, state in zip(_generators(net), own, strict=True):
                generator.set_state(state)
            torch.set_rng_state(of_torch)
            # Training that resumes without CUDA draws nothing there.
            if of_cuda and torch.cuda.is_available():
                torch.cuda.set_rng_state_all(of_cuda)
        except Exception as error:
            raise self._not_written_here(error) from error

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) % self.every or os.environ.get("RANK", "0") != "0":
            return
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        state = {
            "training": self.training_,
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": history_text(net.history),
            "callbacks": {name: _callback_state(one) for name, one in net.callbacks_},
            "generators": [generator.get_state() for generator in _generators(net)],
            "global": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if cuda else [],
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getbuffer()
        with whole_file(self.path) as file:
            file.write(_HEAD + hashlib.sha256(content).hexdigest().encode() + b"\n")
            file.write(content)

    def _read(self):
        check_regular_file(self.path)
        with open(self.path, "rb") as file:
            head = file.read(len(_HEAD))
            digest = file.read(_DIGEST_LENGTH + 1)
            content = file.read()
        if hashlib.sha256(content).hexdigest().encode() + b"\n" != digest or head != _HEAD:
            raise ValueError(
                f"`path` must be a complete checkpoint of this version; got {self.path}, which is "
                "not, or is damaged. Remove the file to train from the beginning, or pass "
                "another path."
            )
        try:
            return _checked_state(content)
        except Exception as error:
            raise self._not_written_here(error) from error

    def _not_written_here(self, error):
        return ValueError(
            f"{self.path} has a valid checksum, but invalid content: it was not written by this "
            "version. Remove it to train from the beginning, or give another path. "
            f"({type(error).__name__}: {error})"
        )

    def _resume(self, net, state):
        mine, theirs = self.training_, state["training"]
        others = sorted(
            name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
        )
        if others:
            raise ValueError(
                f"{self.path} is the checkpoint of another training, in which these differ: "
                f"{', '.join(others)}. Remove it, or pass another path. To resume, fit the same "
                "rows with the same parameters and a fixed random_state."
            )
        epochs_before = int(mine["epochs_before"])
        try:
            history = _checked(net, state, epochs_before)
        except Exception as error:
            raise self._not_written_here(error) from error
        before = copy.deepcopy((net.module_.state_dict(), net.optimizer_.state_dict()))
        callbacks = [(vars(callback), dict(vars(callback))) for _, callback in net.callbacks_]
        try:
            net.module_.load_state_dict(state["module"])
            net.optimizer_.load_state_dict(state["optimizer"])
            for name, callback in net.callbacks_:
                _restore_callback(callback, state["callbacks"].get(name, {}))
        except Exception as error:
            net.module_.load_state_dict(before[0])
            net.optimizer_.load_state_dict(before[1])
            for attributes, kept in callbacks:
                attributes.clear()
                attributes.update(kept)
            raise self._not_written_here(error) from error
        net.history[:] = history
        net.epochs_resumed_ = len(history) - epochs_before
        self._generators = state["generators"], state["global"], state["cuda"]


def _checked(net, state, epochs_before):
    """Return the history; raise an exception if any part of the state does not fit this net."""
    module = net.module_.state_dict()
    check_module_state(state["module"], module)
    check_optimizer_state(state["optimizer"], net.optimizer_)
    history = json.loads(state["history"])
    check_history(history)
    if len(history) <= epochs_before:
        raise ValueError("the history lacks the epochs of this training")
    for learned in state["callbacks"].values():
        _check_names(learned)
    for name, callback in net.callbacks_:
        # The user's own callbacks may differ from the callbacks in the file.
        check_callback_state(state["callbacks"].get(name, {}), callback, module)
        if isinstance(callback, OF_TRAINING) and name not in state["callbacks"]:
            raise ValueError(f"the state of the callback {name!r} is missing")
    for saved in state["cuda"]:
        if not isinstance(saved, torch.Tensor) or saved.dtype != torch.uint8:
            raise ValueError("'cuda' holds an entry that is not the state of a generator")
    for saved in (*state["generators"], state["global"]):
        torch.Generator().set_state(saved)
    return history


def _checked_state(content):
    """Return the content of a checkpoint, which may come from an untrusted source."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            # torch passes archives of code to another reader. It does not write compressed
            # entries, which could be far larger in memory than on disk.
            if entry.compress_type != zipfile.ZIP_STORED or "constants.pkl" in entry.filename:
                raise ValueError(f"{entry.filename!r} does not belong to a checkpoint")
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or state.keys() != _KEYS.keys():
        raise ValueError("it has other entries")
    for name, kind in _KEYS.items():
        if not isinstance(state[name], kind):
            raise ValueError(f"{name!r} is of class {type(state[name]).__name__}")
    if not all(isinstance(text, str) for pair in state["training"].items() for text in pair):
        raise ValueError("'training' holds values that are not strings")
    _check_extent(state)
    return state


def _check_extent(state):
    """Raise ValueError if a state could take more memory or time than its size on disk."""
    left, n_seen = [state], 0
    while left:
        value = left.pop()
        n_seen += 1
        # A few parts may contain each other without end.
        if n_seen > _MOST_PARTS:
            raise ValueError("it has too many entries")
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            left += value
        elif isinstance(value, torch.Tensor):
            # With strides of 0, one stored number can fill a tensor of any size.
            n_bytes = value.numel() * value.element_size()
            if value.layout != torch.strided or n_bytes > value.untyped_storage().nbytes():
                raise ValueError("a tensor is larger than its data in the file")


def _generators(net):
    """Return the generators of the rows' order and, where there is any, of the noise."""
    found = (getattr(net, name, None) for name in ("order_generator_", "noise_generator_"))
    return [generator for generator in found if generator is not None]


def _callback_state(callback):
    """Return the numbers, strings and tensors that a callback has learned."""
    state = {
        name: _plain(value) for name, value in vars(callback).items() if _is_learned(name, value)
    }
    scheduler = getattr(callback, "lr_scheduler_", None)
    if scheduler is not None:
        state["lr_scheduler_"] = scheduler.state_dict()
    return state


def _check_names(learned):
    if not isinstance(learned, dict):
        raise ValueError(f"the state of a callback is of class {type(learned).__name__}")
    for name, value in learned.items():
        if name != "lr_scheduler_" and not _is_learned(name, value):
            raise ValueError(f"a callback does not learn {name!r}")


def _restore_callback(callback, state):
    for name, value in state.items():
        if name == "lr_scheduler_":
            callback.lr_scheduler_.load_state_dict(value)
        else:
            setattr(callback, name, value)


def _is_learned(name, value):
    """Return whether an attribute of a callback is one that is kept in a checkpoint."""
    named = isinstance(name, str) and name.endswith("_") and not name.startswith("_")
    return named and name != "training_" and _is_plain(value)


def _is_plain(value):
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, (*_PLAIN, np.generic))


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value
