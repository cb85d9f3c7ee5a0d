"""Copies of modules: with weights of their own, and for hooks with shared weights."""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch

from .stochastic_module import unwrapped

# What a class may define to be copied in a way of its own.
_OWN_COPYING = ("__new__", "__deepcopy__", "__reduce_ex__", "__reduce__", "__getstate__")
_IMMUTABLE = (bool, int, float, str, type(None))


def copied_module(module, memo=None):
    """Return what ``copy.deepcopy`` returns, in less time for a network of many layers.

    Parameters
    ----------
    module : torch.nn.Module
    memo : dict, default=None
        As in ``copy.deepcopy``: what a copy contains in place of an object, by the object's id.
    """
    memo = dict(memo or {})
    # Inner layers come first. What is left for deepcopy is slow: each layer has more than ten
    # empty dictionaries for hooks.
    for layer in [*module.modules()][::-1]:
        if id(layer) not in memo and _is_copied_by_default(type(layer)):
            memo[id(layer)] = fresh = type(layer).__new__(type(layer))
            fresh.__setstate__({key: _copied(held, memo) for key, held in vars(layer).items()})
    return copy.deepcopy(module, memo)


def _is_copied_by_default(kind):
    plain = torch.nn.Module
    return all(getattr(kind, name, None) is getattr(plain, name, None) for name in _OWN_COPYING)


def _copied(held, memo):
    if type(held) in _IMMUTABLE:
        return held
    if type(held) in (dict, OrderedDict) and not held:
        return memo.setdefault(id(held), type(held)())
    return copy.deepcopy(held, memo)


def evaluation_copy(module):
    """Return a copy in evaluation mode that shares its weights with the module.

    Hooks go into the copy, so that other threads may use the module meanwhile, and the copy is
    not compiled, since the gradient of a compiled module can be computed only once. The weights of
    the copy need no gradients. On a CPU, weights of convolutions are in channels-last format,
    which saves 12 % of the time of `mask` in bench_masking.py. They may therefore be copies, so
    that a copy that is kept would not follow the weights of the module.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.module_copy import evaluation_copy
    >>> layer = torch.nn.Linear(3, 2)
    >>> fresh = evaluation_copy(layer)
    >>> fresh.weight.data_ptr() == layer.weight.data_ptr(), fresh.weight.requires_grad
    (True, False)
    """
    module = unwrapped(module)
    # Other parameters are copied: those of another class, and those made in inference mode,
    # through which no gradient passes. The list keeps the weights alive, so that no other object
    # has the id of one of them.
    weights = [
        one
        for one in module.parameters()
        if type(one) is torch.nn.Parameter and not one.is_inference()
    ]
    shared = {id(one): _shared(one) for one in weights}
    # For small tensors, deepcopy takes much longer.
    buffers = {id(one): one.clone() for one in module.buffers() if type(one) is torch.Tensor}
    fresh = copied_module(module, {**shared, **buffers}).eval()
    # One by one, since scripted modules lack `requires_grad_`.
    for weight in fresh.parameters():
        weight.requires_grad_(False)
    return fresh


def _shared(weight):
    values = weight.detach()
    if values.ndim == 4 and values.device.type == "cpu":
        values = values.contiguous(memory_format=torch.channels_last)
    return torch.nn.Parameter(values, requires_grad=False)
