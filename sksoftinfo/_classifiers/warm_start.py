"""Parameters that change between two trainings of one network: which may, and their effect."""

from __future__ import annotations

import copy

import numpy as np
import torch

from .._networks import check_monitors, own_callbacks

# Parameters that further training of a network follows.
LIVE_PARAMS = ("lr", "max_epochs", "batch_size", "verbose")
# Parameters on which a network does not depend, or which each training sets anew.
_NOT_OF_THE_NET = (
    *("class_prior", "class_weight", "decision", "early_stopping", "random_state"),
    "warm_start",
)


def changed_params(built, now):
    """Return the names of parameters whose values differ, sorted.

    Parameters
    ----------
    built, now : dict
        Parameters when the network was built, and current parameters.
    """
    return [
        name
        for name in sorted(built.keys() | now.keys())
        if not _are_same(built.get(name), now.get(name))
    ]


def check_unchanged(built, now):
    """Raise ValueError if a parameter that is settled when the network is built has changed.

    Parameters
    ----------
    built, now : dict
        Parameters when the network was built, and current parameters.
    """
    changed = [
        name
        for name in changed_params(built, now)
        if name not in LIVE_PARAMS + _NOT_OF_THE_NET and name.partition("__")[0] != "callbacks"
    ]
    if changed:
        raise ValueError(
            f"{as_built(changed, 'in the first call of fit or partial_fit', built, now)}. Set the "
            "old value, or train a new network by fit with warm_start=False."
        )


def as_built(changed, when, built, now):
    """Return the part of an error that names parameters which have changed, with their values.

    Examples
    --------
    >>> from sksoftinfo._classifiers.warm_start import as_built
    >>> as_built(["lr"], "in fit", {"lr": 0.1}, {"lr": 0.2})
    '`lr` must be as in fit; got lr=0.2 instead of lr=0.1'
    """
    names = ", ".join(f"`{name}`" for name in changed)
    before, after = (
        ", ".join(f"{name}={repr(params.get(name))[:100]}" for name in changed)
        for params in (built, now)
    )
    return f"{names} must be as {when}; got {after} instead of {before}"


def renew_callbacks(net, built, now):
    """Replace the callbacks of a net if the current parameters name others.

    Parameters
    ----------
    net : InfoSoftmaxNet
        Initialised.
    built, now : dict
        As in `check_unchanged`.
    """
    before, after = (
        {name: value for name, value in params.items() if name.partition("__")[0] == "callbacks"}
        for params in (built, now)
    )
    same = before.keys() == after.keys()
    if same and all(_are_same(before[name], after[name]) for name in after):
        return
    for name in before.keys() - after.keys():
        delattr(net, name)
    for name, value in {**after, "callbacks": own_callbacks(now["callbacks"])}.items():
        setattr(net, name, value)
    net.initialize_callbacks()
    check_monitors(net)


def kept_params(params):
    """Return the parameters with copies of containers and arrays that can change in place."""
    return {name: _kept(value) for name, value in params.items()}


def _kept(value):
    if type(value) is dict:
        return {key: _kept(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_kept, value))
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    # Arrays of NumPy and tables of pandas.
    return copy.deepcopy(value) if _is_array(value) else value


def _is_array(value):
    """Return whether a value is an array, not a number of NumPy or a class."""
    return hasattr(value, "__array__") and not isinstance(value, np.generic | type)


def _are_same(one, other):
    """Return whether two values of a parameter are equal, containers in all of their entries."""
    if one is other:
        return True
    if type(one) is type(other) and isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_are_same, one, other))
    if type(one) is type(other) and isinstance(one, dict):
        return one.keys() == other.keys() and all(_are_same(one[key], other[key]) for key in one)
    try:
        # Arrays of other shapes could be equal by broadcasting, and so could an array and a list.
        alike = _is_array(one) == _is_array(other) and np.shape(one) == np.shape(other)
        return alike and bool(np.all(one == other))
    except (ValueError, TypeError):
        return False
