"""Contexts in which hooks change what a network computes."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from .map_layout import as_map, as_output


@contextmanager
def replaced_output(module, name, function, call=1, layout="first"):
    """Replace the output of the submodule `name` by `function` of it; None keeps the output.

    If a run calls the submodule several times, e.g. an activation, only the output of the `call`
    with this number, from 1, is replaced. Maps of `function` have the shape (n, C, h, w) in every
    `layout`.
    """
    n_calls = 0

    def replace(_, args, output):
        nonlocal n_calls
        n_calls += 1
        if n_calls != call:
            return None
        made = function(as_map(output, layout))
        return None if made is None else as_output(made, output, layout)

    hook = module.get_submodule(name).register_forward_hook(replace)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def computed_gradients(module):
    """Compute gradients while the context is open, even if a network switches them off.

    A network whose `forward` runs under ``torch.no_grad`` computes gradients again from the first
    submodule that it calls. They are needed for one result only, so that no training is meant.
    """

    def enable(*_):
        torch.set_grad_enabled(True)

    hooks = [
        submodule.register_forward_pre_hook(enable)
        for submodule in module.modules()
        if not isinstance(submodule, torch.jit.ScriptModule)
    ]
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for hook in hooks:
            hook.remove()
