"""Precision in which a network computes, which may be lower than the precision of its weights."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from .torch_flags import pinned_flags

PRECISIONS = ("full", "bf16")
_HALF = (torch.bfloat16, torch.float16)


def in_precision(net):
    """Return a context in which the module of a net computes in the net's precision."""
    return pinned_flags() if net.precision == "full" else _in_bfloat16(net)


@contextmanager
def _in_bfloat16(net):
    device = torch.device(net._input_device or "cpu").type
    with pinned_flags(), torch.autocast(device, torch.bfloat16):
        yield


def widened(output, dtype):
    """Convert a tensor of 16 bits to `dtype`; return anything else unchanged.

    A loss, a probability or an average of many draws would lose most of its digits in 16 bits.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.precision import widened
    >>> widened(torch.ones(2, dtype=torch.bfloat16), torch.float32).dtype
    torch.float32
    """
    if isinstance(output, torch.Tensor) and output.dtype in _HALF:
        return output.to(dtype)
    return output
