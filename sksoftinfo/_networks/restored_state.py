"""Checks of the state in a checkpoint against the module, optimizer and callbacks.

A checkpoint may come from an untrusted source. Native kernels of optimizers write as many numbers
as the parameter has, whatever the size of the state. Therefore every part of the state is compared
before it is loaded.
"""

from __future__ import annotations

import copy
import inspect
import json
import math

import numpy as np
import torch

# Options of an optimizer that schedules change.
_SCHEDULED = ("lr", "momentum", "betas")
# Numbers of an epoch that skorch writes. Training stops at a loss that is not finite, but the loss
# of validation rows may be infinite, e.g. if the prior probability of a class is 0.
_FINITE = ("dur", "train_loss")
_OF_VALIDATION = ("valid_loss", "valid_acc")


def check_module_state(state, live):
    """Raise ValueError unless a state is one of the module whose state is `live`."""
    _check_keys(state, live, "the module's state")
    for name, value in live.items():
        if isinstance(value, torch.Tensor):
            _check_tensor(state[name], value, f"{name!r} of the module")
            _check_finite(state[name], value, f"{name!r} of the module")
        else:
            _check_alike(state[name], value, f"{name!r} of the module")


def check_optimizer_state(state, optimizer):
    """Raise ValueError unless a state is one that this optimizer could have after a step."""
    # Accelerate wraps the optimizer.
    optimizer = getattr(optimizer, "optimizer", optimizer)
    live = optimizer.state_dict()
    _check_keys(state, live, "the optimizer")
    _check_options(state["param_groups"], live["param_groups"])
    # Before the first step an optimizer has no state to compare with.
    first, second = _states_of_twin(optimizer)
    found = state["state"]
    if not isinstance(found, dict) or not found.keys() <= second.keys() or (second and not found):
        raise ValueError("the optimizer has a state of other parameters")
    for index, values in found.items():
        # LBFGS has more entries after its second step.
        if not isinstance(values, dict) or values.keys() not in (
            first[index].keys(),
            second[index].keys(),
        ):
            raise ValueError(f"the state of parameter {index} has other entries")
        shapes = [one.shape for one in second[index].values() if isinstance(one, torch.Tensor)]
        for name, value in values.items():
            place = f"{name!r} of the optimizer"
            _check_part_of_optimizer(value, second[index][name], shapes, place)


def _states_of_twin(optimizer):
    """Return the states of a copy of the optimizer after one step and after two."""
    memo: dict = {}
    twin = object.__new__(type(optimizer))
    # Not by deepcopy, which leaves out state of LBFGS; schedules set a `step` of their own.
    parts = {key: value for key, value in vars(optimizer).items() if key != "step"}
    vars(twin).update({key: copy.deepcopy(value, memo) for key, value in parts.items()})
    states = []
    with torch.enable_grad():
        for _ in range(2):
            for group in twin.param_groups:
                for parameter in group["params"]:
                    grad = torch.ones_like(parameter)
                    sparse = isinstance(twin, torch.optim.SparseAdam)
                    parameter.grad = grad.to_sparse(1) if sparse else grad
            twin.step(lambda: torch.ones(()))
            states.append({key: dict(one) for key, one in twin.state_dict()["state"].items()})
    return states


def _check_options(groups, live):
    if not isinstance(groups, list) or len(groups) != len(live):
        raise ValueError("the optimizer has other groups of parameters")
    for group, own in zip(groups, live, strict=True):
        _check_keys(group, own, "a group of parameters")
        for name, value in own.items():
            _check_alike(group[name], value, f"the option {name!r}")
            if name not in _SCHEDULED:
                if not _are_equal(group[name], value):
                    raise ValueError(f"the option {name!r} has another value")
            elif min(_numbers(group[name])) < 0:
                raise ValueError(f"the option {name!r} is negative")
            elif name != "lr" and max(_numbers(group[name])) > 1:
                raise ValueError(f"the option {name!r} is larger than 1")


def _numbers(value):
    return [float(one) for one in (value if isinstance(value, list | tuple) else [value])]


def _check_part_of_optimizer(value, live, shapes, place):
    if isinstance(live, torch.Tensor):
        _check_tensor(value, live, place)
        _check_memory(value, live, place)
        _check_finite(value, None, place)
        if live.ndim == 0 and value < 0:
            raise ValueError(f"{place} is negative")
    elif isinstance(live, list):
        # The history of LBFGS, which may have any length.
        if not isinstance(value, list):
            raise ValueError(f"{place} is of class {type(value).__name__}")
        for one in value:
            if isinstance(one, torch.Tensor):
                if one.shape not in (*shapes, torch.Size()) or not one.is_floating_point():
                    raise ValueError(f"{place} holds a tensor of another form")
                _check_memory(one, one, place)
                _check_finite(one, None, place)
            elif one is not None:
                _check_number(one, 0.0, place)
    elif isinstance(live, int | float) and isinstance(value, torch.Tensor):
        if value.ndim or not value.is_floating_point():
            raise ValueError(f"{place} is not a number")
        _check_finite(value, None, place)
    else:
        _check_alike(value, live, place)


def check_callback_state(state, callback, module_state):
    """Raise ValueError unless a state is one that this callback could have learned."""
    if not isinstance(state, dict):
        raise ValueError(f"the state of a callback is of class {type(state).__name__}")
    for name, value in state.items():
        if name == "lr_scheduler_":
            scheduler = getattr(callback, name, None)
            if scheduler is None:
                raise ValueError("a callback has no schedule")
            fixed = inspect.signature(type(scheduler)).parameters.keys() - {"last_epoch"}
            _check_schedule(value, scheduler.state_dict(), fixed)
            continue
        live = getattr(callback, name, None) if isinstance(name, str) else None
        if name == "best_model_weights_" and isinstance(module_state, dict):
            if value is not None:
                check_module_state(value, module_state)
        elif live is not None:
            _check_alike(value, live, f"{name!r} of a callback")


def _check_schedule(state, live, fixed):
    """Compare the state of a schedule, whose options are fixed and whose counters may change."""
    _check_keys(state, live, "the state of a schedule")
    for name, own in live.items():
        value, place = state[name], f"{name!r} of a schedule"
        if isinstance(own, list) and own and all(isinstance(one, dict) for one in own):
            if not isinstance(value, list) or len(value) != len(own):
                raise ValueError(f"{place} has another length")
            for one, mine in zip(value, own, strict=True):
                _check_schedule(one, mine, set(mine) - {"last_epoch", "_step_count", "_last_lr"})
        elif name == "_last_lr" or (_is_number(own) and name not in fixed):
            _check_alike(value, own, place)
        elif isinstance(own, bool) and name not in fixed:
            _check_alike(value, own, place)
        elif not _are_equal(value, own):
            raise ValueError(f"{place} has another value")


def history_text(history):
    """Return a history of skorch as JSON, with numbers of NumPy and torch as Python numbers."""
    return json.dumps(list(history), default=_plain_number)


def _plain_number(value):
    return value.item() if hasattr(value, "item") else str(value)


def check_history(history):
    """Raise ValueError unless a history is one that skorch could have written."""
    if not isinstance(history, list):
        raise ValueError("the history is not a list of epochs")
    for number, epoch in enumerate(history, start=1):
        batches = epoch.get("batches") if isinstance(epoch, dict) else None
        if not isinstance(batches, list) or not all(isinstance(one, dict) for one in batches):
            raise ValueError("the history has an entry that is not an epoch")
        if type(epoch.get("epoch")) is not int or epoch["epoch"] != number:
            raise ValueError(f"the history has another epoch where epoch {number} should be")
        for record in (epoch, *batches):
            for name in record.keys() & set(_FINITE):
                _check_number(record[name], 0.0, f"{name!r} of the history")
            for name in record.keys() & set(_OF_VALIDATION):
                _check_number(record[name], math.inf, f"{name!r} of the history")
            for name in record.keys() & {"train_batch_size", "valid_batch_size"}:
                _check_number(record[name], 0, f"{name!r} of the history")


def _check_keys(state, live, place):
    if not isinstance(state, dict) or state.keys() != live.keys():
        raise ValueError(f"{place} has other entries")


def _check_alike(value, live, place):
    """Raise ValueError unless a value could have come from `live` by training."""
    live = live.item() if isinstance(live, np.generic) else live
    if isinstance(live, torch.Tensor):
        _check_tensor(value, live, place)
        _check_finite(value, live, place)
    elif _is_number(live):
        _check_number(value, live, place)
    elif type(value) is not type(live):
        raise ValueError(f"{place} is of class {type(value).__name__}")
    elif isinstance(live, dict):
        _check_keys(value, live, place)
        for name in live:
            _check_alike(value[name], live[name], place)
    elif isinstance(live, list | tuple):
        if len(value) != len(live):
            raise ValueError(f"{place} has another length")
        for one, own in zip(value, live, strict=True):
            _check_alike(one, own, place)


def _check_tensor(value, live, place):
    if (
        not isinstance(value, torch.Tensor)
        or value.shape != live.shape
        or value.dtype != live.dtype
        or value.layout != torch.strided
        or value.device.type != "cpu"
    ):
        raise ValueError(f"{place} is not a tensor of the same shape and dtype")


def _check_memory(value, live, place):
    """Raise ValueError unless a tensor's numbers follow each other: kernels rely on it."""
    dense = value.layout == torch.strided and value.device.type == "cpu"
    if not dense or not (value.is_contiguous() or value.stride() == live.stride()):
        raise ValueError(f"{place} is not a dense tensor")


def _check_finite(value, live, place):
    """Raise ValueError for numbers that are not finite, unless `live` has such numbers, too."""
    if torch.isfinite(value).all() or (live is not None and not torch.isfinite(live).all()):
        return
    raise ValueError(f"{place} has numbers that are not finite")


def _check_number(value, live, place):
    if not _is_number(value) or (isinstance(live, int) and not isinstance(value, int | float)):
        raise ValueError(f"{place} is not a number")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError(f"{place} is too large")
    if math.isnan(value) != math.isnan(live) and math.isfinite(live):
        raise ValueError(f"{place} is not a number")
    if math.isinf(value) and math.isfinite(live):
        raise ValueError(f"{place} is not finite")
    # Counts are not negative.
    if isinstance(live, int) and live >= 0 > value:
        raise ValueError(f"{place} is negative")


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_equal(value, live):
    if type(value) is not type(live):
        return False
    if isinstance(live, torch.Tensor):
        return torch.equal(value, live.cpu())
    if isinstance(live, list | tuple):
        return len(value) == len(live) and all(map(_are_equal, value, live))
    if isinstance(live, dict):
        return value.keys() == live.keys() and all(_are_equal(value[k], live[k]) for k in live)
    return bool(value == live)
