"""Flags of torch that change numbers, pinned while the package computes.

By default, convolutions on a GPU sum in an order that changes from run to run, and round their
factors to TF32, which has 10 bits of mantissa where single precision has 23. A caller may also
permit TF32 or bfloat16 in matrix products, or let cuDNN choose its algorithms by their time. The
same seed would give another network in each run, and scores would depend on flags that are set
elsewhere.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

import torch

from .compat import float32_precisions

# The flags belong to the process: the first thread that enters pins them, and the last one that
# leaves restores them. Otherwise, two threads that leave in another order would leave them pinned.
_LOCK = threading.RLock()
_INSIDE: list[int] = []
_GIVEN: list[tuple] = []


@contextmanager
def pinned_flags():
    """Let torch compute in IEEE single precision, in an order of sums that does not change.

    Contexts may be nested, and may be open in several threads. While one of them is open, the
    flags are pinned for all threads, since torch has one set of flags for a process.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.torch_flags import pinned_flags
    >>> torch.set_float32_matmul_precision("medium")
    >>> with pinned_flags():
    ...     torch.get_float32_matmul_precision()
    'highest'
    >>> torch.get_float32_matmul_precision()
    'medium'
    >>> torch.set_float32_matmul_precision("highest")
    """
    with _LOCK:
        if not _GIVEN and _matter():
            _GIVEN[:] = _pin()
        _INSIDE.append(threading.get_ident())
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE.remove(threading.get_ident())
            _restore_if_left()


def _restore_if_left():
    if not _INSIDE:
        for put, value in _GIVEN:
            put(value)
        _GIVEN.clear()


def _keep_own_thread():
    # A child process has no thread but the one that forked, and none of the others' contexts.
    global _LOCK
    _LOCK = threading.RLock()
    _INSIDE[:] = [one for one in _INSIDE if one == threading.get_ident()]
    _restore_if_left()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_own_thread)


def _matter():
    """Return whether flags can change a number: on CUDA, or on a CPU that is permitted to round.

    Pinning them takes a fifth of the time of `one row` in benchmarks/bench_speed.py.
    """
    if torch.cuda.is_initialized():
        return True
    if not _PRECISIONS:
        return torch.get_float32_matmul_precision() != "highest"
    return any(get() not in ("ieee", "none") for get in _OF_CPU)


def _pin():
    """Pin the flags, and return pairs of a setter and the value that it has to restore."""
    older = []
    for get, put, pinned in _FLAGS:
        try:
            older.append((put, get(), pinned))
        except RuntimeError:
            # Set by the newer interface to what the older one cannot express. Torch refuses to
            # read it, and the newer interface restores it.
            continue
    newer = []
    for get, put in _PRECISIONS.values():
        newer.append((put, get()))
        # The finer ones, which come later, no longer inherit, and return their own value.
        put("none")
    for put, _, pinned in older:
        put(pinned)
    for put, _ in newer:
        put("ieee")
    # The older interface also sets the newer one, which is therefore restored last.
    return [(put, value) for put, value, _ in older] + newer


def _flag(owner, name, pinned):
    return (lambda: getattr(owner, name)), (lambda value: setattr(owner, name, value)), pinned


_FLAGS = [
    _flag(torch.backends.cudnn, "deterministic", True),
    _flag(torch.backends.cudnn, "benchmark", False),
    _flag(torch.backends.cudnn, "allow_tf32", False),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
]
_PRECISIONS = float32_precisions()
_OF_CPU = [get for (backend, _), (get, _) in _PRECISIONS.items() if backend == "mkldnn"]
