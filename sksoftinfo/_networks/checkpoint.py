"""`ResumableCheckpoint`: training that goes on where it was cut off, to the same result."""

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
    """Keep the state of training in a file, and go on from it: a callback of skorch.

    If the file exists as `fit` begins, training goes on after the epoch that it holds, and the
    result is that of a training which was never interrupted. It holds weights, optimizer, history,
    the generators of the rows' order, of dropout and of noise, and the state of learning-rate
    schedules and of early stopping. It is replaced as a whole, so that it is complete whenever the
    process dies.

    The classifier needs a fixed `random_state`, and one file serves one `fit`. Another training is
    refused: other rows, another value of any parameter but `max_epochs`, `device` and `verbose`,
    another structure of the module, or other callbacks. Of skorch's callbacks, those for early
    stopping, learning rates, gradient clipping and frozen parameters are compared, and the scores
    that these monitor. Callbacks of your own are compared by their class and attributes, unless
    one has the attribute ``watches_only = True``, which says that it changes nothing of the
    training. In a distributed run the main process writes.

    Parameters
    ----------
    path : str or path-like
        The file. A symbolic link is followed.
    every : int, default=1
        Epochs between two writes, at least 1.

    Raises
    ------
    ValueError
        In `fit`, before training: if `every` is not a positive int, or if the file is damaged, or
        of other data or another training.
    OSError
        In `fit`, if the file cannot be read or written, e.g. because its folder does not exist, or
        if `path` is a folder or a device.

    Notes
    -----
    A checksum finds any damage before the content is looked at. The content is read by
    ``torch.load(weights_only=True)``, which builds tensors, numbers and texts only. A file is data
    from a stranger: whatever it holds is compared with the module, optimizer and callbacks that
    take it over, before any of it is used.

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
        """Raise for what would be noticed at the end of an epoch only."""
        if isinstance(self.every, bool) or not isinstance(self.every, Integral) or self.every < 1:
            raise ValueError(
                f"`every` must be an int of at least 1; got {self.every!r}. It is the number of "
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
            # Training that goes on without the device draws nothing there.
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
            "history": json.dumps(list(net.history), default=_number),
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
            other = " of this version" if content and head != _HEAD else ", or a damaged one"
            raise ValueError(
                f"{self.path} is not a checkpoint{other}: remove it to train from the beginning, "
                "or give another path."
            )
        try:
            return _checked_state(content)
        except Exception as error:
            raise self._not_written_here(error) from error

    def _not_written_here(self, error):
        return ValueError(
            f"{self.path} has the checksum of a checkpoint, but not its content: it was not "
            "written by this version. Remove it to train from the beginning, or give another "
            f"path. ({type(error).__name__}: {error})"
        )

    def _resume(self, net, state):
        mine, theirs = self.training_, state["training"]
        others = sorted(
            name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
        )
        if others:
            raise ValueError(
                f"{self.path} is the checkpoint of another training, with other "
                f"{', '.join(others)}: remove it, or give another path. To go on, fit the same "
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
    """Return the history; raise an exception if any of a state is not of this net."""
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
        # Callbacks of the user's own may be others than those of the file.
        check_callback_state(state["callbacks"].get(name, {}), callback, module)
        if isinstance(callback, OF_TRAINING) and name not in state["callbacks"]:
            raise ValueError(f"the state of the callback {name!r} is missing")
    for saved in state["cuda"]:
        if not isinstance(saved, torch.Tensor) or saved.dtype != torch.uint8:
            raise ValueError("'cuda' holds what is not the state of a generator")
    for saved in (*state["generators"], state["global"]):
        torch.Generator().set_state(saved)
    return history


def _checked_state(content):
    """Return what a checkpoint holds, which a stranger may have written."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            # torch hands archives of code to another reader, and writes no compressed ones, which
            # could be far larger in memory than on disk.
            if entry.compress_type != zipfile.ZIP_STORED or "constants.pkl" in entry.filename:
                raise ValueError(f"{entry.filename!r} is not of a checkpoint")
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or state.keys() != _KEYS.keys():
        raise ValueError("its entries are others")
    for name, kind in _KEYS.items():
        if not isinstance(state[name], kind):
            raise ValueError(f"{name!r} is a {type(state[name]).__name__}")
    if not all(isinstance(text, str) for pair in state["training"].items() for text in pair):
        raise ValueError("'training' holds other values than texts")
    _check_extent(state)
    return state


def _check_extent(state):
    """Raise ValueError if a state could take more memory or time than its size on disk."""
    left, n_seen = [state], 0
    while left:
        value = left.pop()
        n_seen += 1
        # Few parts may stand in each other again and again.
        if n_seen > _MOST_PARTS:
            raise ValueError("it has too many entries")
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            left += value
        elif isinstance(value, torch.Tensor):
            # One number can stand for any number of them.
            n_bytes = value.numel() * value.element_size()
            if value.layout != torch.strided or n_bytes > value.untyped_storage().nbytes():
                raise ValueError("a tensor is larger than what the file holds of it")


def _generators(net):
    """Return the generators of the rows' order and, where there is any, of the noise."""
    found = (getattr(net, name, None) for name in ("order_generator_", "noise_generator_"))
    return [generator for generator in found if generator is not None]


def _callback_state(callback):
    """Return what a callback learned, as far as it is numbers, texts and tensors."""
    state = {
        name: _plain(value) for name, value in vars(callback).items() if _is_learned(name, value)
    }
    scheduler = getattr(callback, "lr_scheduler_", None)
    if scheduler is not None:
        state["lr_scheduler_"] = scheduler.state_dict()
    return state


def _check_names(learned):
    if not isinstance(learned, dict):
        raise ValueError(f"the state of a callback is a {type(learned).__name__}")
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


def _number(value):
    return value.item() if hasattr(value, "item") else str(value)
