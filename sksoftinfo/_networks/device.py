"""The device of a network, and the global state of torch, lent and given back."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext

import torch

_LOCK = threading.RLock()


def _renew_lock():
    # A thread of the parent may have held the lock at the fork, and does not exist in the child.
    global _LOCK
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def resolve_device(device):
    """Return a torch device: CUDA for ``"auto"`` where there is one, else the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
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


def upload(tensor, device):
    """Return a tensor on a device. A GPU copies it from pinned memory, and nothing waits.

    Parameters
    ----------
    tensor : torch.Tensor
    device : torch.device, str or None
        ``None`` leaves the tensor where it is.
    """
    if device is None:
        return tensor
    device = torch.device(device)
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def has_float64(device):
    """Return whether a device computes in double precision."""
    return torch.device(device).type != "mps"


def doubled(tensor):
    """Return a tensor in double precision, on the host if its device has none."""
    return (tensor if has_float64(tensor.device) else tensor.cpu()).double()


def download(tensors, dtype=torch.float64):
    """Return tensors as arrays of a dtype, for which the host waits once."""
    if dtype == torch.float64:
        tensors = [doubled(tensor) for tensor in tensors]
    else:
        tensors = [tensor.to(dtype) for tensor in tensors]
    if len({tensor.device for tensor in tensors}) == 1 and tensors[0].device.type != "cpu":
        sizes = [tensor.numel() for tensor in tensors]
        parts = torch.cat([tensor.reshape(-1) for tensor in tensors]).cpu().split(sizes)
        tensors = [part.view(one.shape) for part, one in zip(parts, tensors, strict=True)]
    return [tensor.cpu().contiguous().numpy() for tensor in tensors]


@contextmanager
def neutral_torch():
    """Undo for a while what a caller may have set globally: gradients, dtype and device.

    A network that is built or trained under ``torch.inference_mode()`` could not be trained on,
    and under another default dtype or device the same seed would draw other weights.
    """
    dtype = torch.get_default_dtype()
    # A default device is looked at in each call of torch, and doubles the time of training: none
    # is set where the caller has set none.
    is_cpu = torch.get_default_device().type == "cpu"
    device = nullcontext() if is_cpu else torch.device("cpu")
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad(), device:
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextmanager
def seeded(seed):
    """Seed torch's global generators in a neutral torch, and give both back as they were.

    Modules draw their first weights and their dropout from the global generator. The lock keeps
    the fit of another thread from drawing in between.
    """
    with _LOCK, neutral_torch():
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
