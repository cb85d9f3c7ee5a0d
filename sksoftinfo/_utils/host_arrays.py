"""Arrays of the host from tensors, and the refusal of masked arrays."""

from __future__ import annotations

import sys

import numpy as np


def on_host(values, name="X"):
    """Return a tensor on any device, or a list of tensors, as an array.

    Other values are returned unchanged.
    """
    # Unless torch has been imported, there are no tensors, and torch need not be imported here.
    torch = sys.modules.get("torch")
    if torch is None:
        return values
    if isinstance(values, list | tuple) and values and isinstance(values[0], torch.Tensor):
        alike = {(one.shape, one.dtype, one.device) for one in values if torch.is_tensor(one)}
        if len(alike) > 1 or not all(map(torch.is_tensor, values)):
            return [on_host(one) for one in values]
        # The host waits once.
        values = torch.stack(tuple(values))
    if not isinstance(values, torch.Tensor):
        return values
    if values.layout != torch.strided:
        raise TypeError(
            f"`{name}` must be a dense tensor; got a sparse tensor. Pass {name}.to_dense() if it "
            "fits into memory."
        )
    values = values.detach().cpu()
    # NumPy has no bfloat16.
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def refuse_masked(array, name, remedy="Drop these rows"):
    """Raise ValueError if a NumPy array has masked entries, which NumPy would unmask."""
    if np.ma.is_masked(array):
        raise ValueError(
            f"`{name}` must not have masked entries; got {np.ma.count_masked(array)}. {remedy}."
        )
