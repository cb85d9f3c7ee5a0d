"""Identity of a training: its rows, parameters, module structure and callbacks."""

from __future__ import annotations

import hashlib
import os
import types

import numpy as np
import torch

from .._utils import fingerprint, on_host
from .callbacks import OF_TRAINING
from .stochastic_module import unwrapped

# Parameters that do not change the next step of a training.
_FREE_PARAMETERS = ("max_epochs", "verbose", "device", "accelerator", "callbacks", "warm_start")
# Longer descriptions are compared by their digests.
_SHORT = 60
_PLAIN = (bool, int, float, complex, str, bytes, np.generic, np.ndarray, torch.Tensor)


def training_identity(net, X, y):
    """Describe the training of an initialised net, before its first step.

    Two trainings with the same identity take the same steps, as far as parameters, module and data
    decide them. The number of epochs and the device are left out, and so are callbacks that only
    watch.

    Parameters
    ----------
    net : InfoSoftmaxNet
    X : ndarray, tensor or dict of such
        Rows, as the net takes them.
    y : ndarray

    Returns
    -------
    dict of str to str
        Descriptions by name, which are the same in every process.
    """
    identity = {
        name: _short(value)
        for name, value in net.get_params(deep=False).items()
        if name not in _FREE_PARAMETERS and not name.startswith(("callbacks__", "_"))
    }
    identity["rows"] = _rows(X, y)
    identity["module's structure"] = _short(_structure(net.module_))
    identity["epochs_before"] = str(len(net.history))
    identity["processes"] = os.environ.get("WORLD_SIZE", "1")
    for name, callback in _callbacks_of_training(net).items():
        # Not by get_params, which leaves out what a schedule takes as keyword arguments.
        identity[f"callbacks__{name}"] = _short(callback)
    return identity


def _callbacks_of_training(net):
    """Return the callbacks that may change the training, and the scores that these monitor."""
    found = {name: callback for name, callback in net.callbacks_ if _takes_part(callback)}
    monitors = [getattr(callback, "monitor", None) for callback in found.values()]
    monitored = {one.removesuffix("_best") for one in monitors if isinstance(one, str)}
    scores = {name: one for name, one in net.callbacks_ if getattr(one, "name_", 0) in monitored}
    return {**scores, **found}


def _takes_part(callback):
    if type(callback).__module__.startswith("skorch."):
        return isinstance(callback, OF_TRAINING)
    # The effect of a user's own callback is unknown, unless it declares that it only watches.
    return not getattr(callback, "watches_only", False)


def _rows(X, y):
    parts = list(X.values()) if isinstance(X, dict) else [X]
    return " ".join(text for part in parts for text in fingerprint(np.asarray(on_host(part)), y))


def _structure(module):
    """Return names, classes, settings and shapes of a module's parts, without weights."""
    module = unwrapped(module)
    parts = [(name, type(part), _settings(part)) for name, part in module.named_modules()]
    tensors = [
        (name, tuple(value.shape), value.dtype, value.requires_grad)
        for name, value in module.state_dict(keep_vars=True).items()
        if isinstance(value, torch.Tensor)
    ]
    return parts, tensors


def _settings(value):
    """Return the attributes that were given to an object, and are not learned."""
    return {
        name: item
        for name, item in getattr(value, "__dict__", {}).items()
        # Other private attributes may hold temporary state, such as an open file.
        if not name.endswith("_")
        and name != "training"
        and (not name.startswith("_") or isinstance(item, _PLAIN))
    }


def _short(value):
    text = describe(value)
    if len(text) <= _SHORT:
        return text
    return f"{text[: _SHORT // 2]}... {hashlib.sha256(text.encode()).hexdigest()}"


def describe(value, around=()):
    """Return a description that is the same in every process for equal values.

    Parameters
    ----------
    value : object
        Value of any type, nested to any depth.
    around : tuple of int, default=()
        Identities (``id``) of the objects that contain the value.

    Examples
    --------
    >>> from sksoftinfo._networks.training_identity import describe
    >>> describe({"lr": 0.1, "sizes": (3, 4)})
    "{'lr': 0.1, 'sizes': [3, 4]}"
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if id(value) in around:
        # A part that contains itself is described by its place.
        return f"part {around.index(id(value))}"

    def inner(part):
        return describe(part, (*around, id(value)))

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return inner(value.tolist())
    if isinstance(value, np.ndarray):
        digest = " ".join(fingerprint(np.atleast_1d(value), np.empty(0)))
        return f"array of shape {value.shape} of {digest}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inner, value))}]"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(inner, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{inner(key)}: {inner(item)}' for key, item in value.items())}}}"
    if isinstance(value, torch.Generator):
        return inner(value.get_state())
    if isinstance(value, torch.device | torch.dtype | torch.Size):
        return str(value)
    if isinstance(value, torch.nn.Module):
        # Including buffers that are not in the state.
        return inner((_structure(value), value.state_dict(), dict(value.named_buffers())))
    if isinstance(value, np.random.RandomState):
        return inner(value.get_state(legacy=True))
    if isinstance(value, types.FunctionType) and "<" in value.__qualname__:
        # A lambda, or a function in another one: many of them have the same name.
        cells = [_content(cell) for cell in value.__closure__ or ()]
        parts = (value.__code__, value.__defaults__, value.__kwdefaults__, cells)
        return f"{_name(value)} {inner(parts)}"
    if isinstance(value, types.CodeType):
        return inner((value.co_code, value.co_consts, value.co_names, value.co_varnames))
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return _name(value)
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, types.MethodType):
        return inner((value.__func__, value.__self__))
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        return inner((value.func, value.args, value.keywords))
    if hasattr(value, "__array__"):  # Tables of pandas and polars.
        return inner((type(value), list(getattr(value, "columns", ())), np.asarray(value)))
    return inner((type(value), _settings(value)))


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # The cell is empty.
        return None


def _name(value):
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
