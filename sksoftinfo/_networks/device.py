"""Device of a network, and context managers for the global state of torch."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext

import torch

_LOCK = threading.RLock()
# Messages of torch when memory is short: MPS, drivers and the host raise no class of their own.
_OF_HOST = "DefaultCPUAllocator"
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "_ALLOC_FAILED", _OF_HOST)


def _renew_lock():
    # A thread of the parent may have held the lock at the fork, and does not exist in the child.
    global _LOCK
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def resolve_device(device, dtype=torch.float32):
    """Return the torch device of a network.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` is the first of CUDA, XPU and MPS that works on this machine and computes in
        `dtype`, else the CPU.
    dtype : torch.dtype, default=torch.float32
        Dtype of the network.

    Raises
    ------
    ValueError
        If torch does not have the device, or if the device does not work on this machine.
    """
    if device == "auto":
        kinds = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}
        for kind, backend in kinds.items():
            if not backend.is_available() or not _works(kind):
                continue
            if dtype != torch.float64 or has_float64(kind):
                return kind
        return "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(
            f"`device` must be 'auto' or a device of torch; got {device!r}. Use 'auto', 'cpu' or "
            "'cuda'."
        ) from error
    if kind != "cpu" and not _works(device):
        raise ValueError(
            f"`device` must be one that works on this machine; got {str(device)!r}, and torch "
            f"finds no such {kind.upper()} device. Use 'auto' or 'cpu'."
        )
    return device


def _works(device):
    """Return whether a device can store a number and return it."""
    try:
        return torch.ones(1, device=device).item() == 1
    # An AssertionError where torch is built without the device, an ImportError where its package
    # is not installed.
    except (RuntimeError, AssertionError, ImportError) as error:
        # A device without free memory still exists.
        if is_out_of_memory(error):
            raise
        return False


def upload(tensor, device):
    """Return a tensor on a device, in single precision if the device does not support double.

    CUDA copies the tensor from pinned memory, without waiting.

    Parameters
    ----------
    tensor : torch.Tensor
    device : torch.device, str or None
        ``None`` leaves the tensor where it is.
    """
    if device is None:
        return tensor
    device = torch.device(device)
    if tensor.dtype == torch.float64 and not has_float64(device):
        tensor = tensor.float()
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def has_float64(device):
    """Return whether an available device supports double precision."""
    device = torch.device(device)
    if device.type == "xpu":
        return bool(torch.xpu.get_device_properties(device).has_fp64)
    return device.type != "mps"


def doubled(tensor):
    """Return a tensor in double precision, on the host if its device has none."""
    return (tensor if has_float64(tensor.device) else tensor.cpu()).double()


def download(tensors, dtype=torch.float64):
    """Return tensors as arrays of a dtype; the host waits for the device only once."""
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
    """Reset torch's global gradient mode, dtype and device inside the context.

    A network that is built or trained under ``torch.inference_mode()`` could not be trained
    further, and under another default dtype or device the same seed would draw other weights.
    """
    dtype = torch.get_default_dtype()
    # Each call of torch looks up a default device, which doubles the time of training: it is reset
    # only if the caller has set one.
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
    """Seed torch's global generators in `neutral_torch`, and restore both afterwards.

    Modules draw their initial weights and their dropout from the global generator. The lock keeps
    a fit in another thread from drawing in between.
    """
    with _LOCK, neutral_torch():
        state = torch.get_rng_state()
        given_back = [(torch.set_rng_state, state), *_device_states()]
        _seed_all(seed)
        try:
            yield
        finally:
            for set_state, value in given_back:
                set_state(value)


def _device_states():
    """Return pairs of the setter of a device's generators and their state."""
    states = []
    for backend in (torch.cuda, torch.xpu):
        # A device that was never used has no state, and creating one would take memory.
        if backend.is_available() and backend.is_initialized():
            states.append((backend.set_rng_state_all, backend.get_rng_state_all()))
    if torch.backends.mps.is_available():
        states.append((torch.mps.set_rng_state, torch.mps.get_rng_state()))
    return states


def _seed_all(seed):
    devices = torch.cuda, torch.backends.mps, torch.xpu
    if any(device.is_available() for device in devices):
        torch.manual_seed(seed)
    else:
        # Without such a device, torch.manual_seed takes a stack trace for it all the same.
        torch.default_generator.manual_seed(seed)


def is_out_of_memory(error):
    """Return whether an error reports that a device or the host is out of memory."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


@contextmanager
def naming_batch_size(batch_size, other=""):
    """Name `batch_size` in errors of a device or host that is out of memory.

    Parameters
    ----------
    batch_size : int
    other : str, default=""
        Another setting that takes memory, such as ``"zoom=4"``.
    """
    settings = f"batch_size={batch_size}" + (f" or {other}" if other else "")
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error) or "lower batch_size=" in str(error):
            raise
        if isinstance(error, MemoryError) or _OF_HOST in str(error):
            # Rows and results take most of the host's memory, whatever the device.
            raise MemoryError(
                f"The host is out of memory: pass fewer rows at once, or lower {settings}. {error}"
            ) from error
        raise torch.cuda.OutOfMemoryError(
            f"The device is out of memory: lower {settings}. {error}"
        ) from error
