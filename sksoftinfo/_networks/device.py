"""torch's global random generators, lent and given back."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import torch

_GLOBAL_GENERATOR = threading.RLock()


def resolve_device(device):
    """Return a torch device: CUDA for ``"auto"`` where there is one, else the CPU.

    Raises
    ------
    ValueError
        If torch does not know it, or this machine does not have it.
    """
    cuda = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if cuda else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is unknown to torch: use 'auto', 'cpu' or 'cuda'."
        ) from error
    if kind == "cuda" and not cuda:
        raise ValueError(
            f"device={device!r}, and torch finds no CUDA device: use 'auto' or 'cpu'."
        )
    return device


@contextmanager
def seeded(seed):
    """Seed torch's global generators, and give them back as they were.

    Modules draw their first weights and their dropout from the global generator. The lock keeps
    another thread's fit from drawing in between.
    """
    with _GLOBAL_GENERATOR:
        state = torch.get_rng_state()
        on_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        cuda_state = torch.cuda.get_rng_state_all() if on_cuda else None
        _seed_all(seed)
        try:
            yield
        finally:
            torch.set_rng_state(state)
            if cuda_state is not None:
                torch.cuda.set_rng_state_all(cuda_state)


def _seed_all(seed):
    devices = torch.cuda, torch.backends.mps, torch.xpu
    if any(device.is_available() for device in devices):
        torch.manual_seed(seed)
    else:
        # Without such a device, torch.manual_seed takes a stack trace for it all the same.
        torch.default_generator.manual_seed(seed)
