"""What tells one training from another: rows, parameters, the module's structure, callbacks."""

from __future__ import annotations

import hashlib
import os
import types

import numpy as np
import torch
from skorch.callbacks import EarlyStopping, GradientNormClipping, LRScheduler, ParamMapper

from .._utils import fingerprint

# They change how a training goes on or what is seen of it, not what its next step is.
_FREE_PARAMETERS = ("max_epochs", "verbose", "device", "accelerator", "callbacks", "warm_start")
# Of skorch's callbacks, those that change weights, learning rate or the end of a training.
_OF_TRAINING = (EarlyStopping, GradientNormClipping, LRScheduler, ParamMapper)
# Longer descriptions are compared by their digests.
_SHORT = 60
_DEEPEST = 8


def training_identity(net, X, y):
    """Return what makes the training of an initialised net, before its first step.

    Two trainings with the same identity take the same steps, as far as parameters, module and data
    decide them. The number of epochs and the device are left out, and so are callbacks of the
    user's own, whose part in the training is unknown.

    Parameters
    ----------
    net : InfoSoftmaxNet
    X : ndarray, tensor or dict of such
        Rows, as the net takes them.
    y : ndarray

    Returns
    -------
    dict of str to str
        Descriptions by name, which hold in other processes.
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
    for name, callback in net.callbacks_:
        if isinstance(callback, _OF_TRAINING):
            # Not by get_params, which leaves out what a schedule takes as keyword arguments.
            identity[f"callbacks__{name}"] = _short(callback)
    return identity


def _rows(X, y):
    parts = list(X.values()) if isinstance(X, dict) else [X]
    return " ".join(text for part in parts for text in fingerprint(np.asarray(part), y))


def _structure(module):
    """Return names, classes, plain attributes and shapes of a module's parts, without weights."""
    while isinstance(module, torch.nn.parallel.DistributedDataParallel):
        module = module.module
    # That of torch.compile.
    module = getattr(module, "_orig_mod", module)
    parts = [
        (name, type(part), {key: value for key, value in vars(part).items() if _is_set(key)})
        for name, part in module.named_modules()
    ]
    tensors = [
        (name, tuple(value.shape), value.dtype, value.requires_grad)
        for name, value in module.state_dict(keep_vars=True).items()
        if isinstance(value, torch.Tensor)
    ]
    return parts, tensors


def _is_set(name):
    """Return whether an attribute was given, and is neither private nor learned."""
    return not name.startswith("_") and not name.endswith("_") and name != "training"


def _short(value):
    text = describe(value)
    if len(text) <= _SHORT:
        return text
    return f"{text[: _SHORT // 2]}... {hashlib.sha256(text.encode()).hexdigest()}"


def describe(value, depth=0):
    """Return a text that is the same in every process for equal values: no address, no order.

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
    if depth > _DEEPEST:
        return _name(type(value))

    def inner(part):
        return describe(part, depth + 1)

    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ndarray):
        return f"array of {' '.join(fingerprint(value, np.empty(0)))}"
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
        return inner((_structure(value), value.state_dict()))
    if isinstance(value, np.random.RandomState):
        return inner(value.get_state(legacy=True))
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return _name(value)
    if isinstance(value, types.MethodType):
        return inner((value.__func__, value.__self__))
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        return inner((value.func, value.args, value.keywords))
    state = getattr(value, "__dict__", {})
    return inner((type(value), {key: item for key, item in state.items() if _is_set(key)}))


def _name(value):
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
