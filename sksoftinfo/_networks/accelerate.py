"""Nets for training by accelerate, in one process or in several that share the rows."""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch
from torch.utils.data import DataLoader

from .._utils import users_stacklevel
from .compat import training_mixin

_Mixin: Any = training_mixin()


class _SharedTraining(_Mixin):
    """skorch's mixin for accelerate, but each process evaluates all rows, not a share.

    All processes therefore predict the same, and stop early in the same epoch. Copies and pickles
    of the net leave out the accelerator, which cannot be copied.
    """

    @property
    def _input_device(self):
        return self.accelerator.device

    def run_single_epoch(self, iterator, training, *args, **kwargs):
        super().run_single_epoch(iterator, training, *args, **kwargs)
        if training:
            self._share_buffers()

    def _share_buffers(self):
        """Copy buffers, such as the running means of batch normalisation, from process 0.

        Torch copies them before each training step, but not after the last one of an epoch.
        """
        from accelerate.utils import broadcast

        with torch.no_grad():
            for buffer in self.module_.buffers():
                buffer.copy_(broadcast(buffer))

    def __reduce_ex__(self, protocol):
        optimizer = getattr(self.optimizer_, "optimizer", None)
        state = {**self.__getstate__(), "optimizer_": optimizer, "device": str(self._input_device)}
        del state["accelerator"]
        return _restore, (self._net_class, state)


def accelerated_net(net_class, accelerator, **kwargs):
    """Build an uninitialised net of `net_class` around the Accelerator that a factory returns."""
    # The accelerator shares out the batches of a DataLoader.
    kwargs.update(device=None, iterator_train=DataLoader, iterator_valid=DataLoader)
    # skorch prints to any sink other than `print`, even with verbose=0.
    sink = _print_on_main_process if kwargs.get("verbose") else print
    kwargs.setdefault("callbacks__print_log__sink", sink)
    live = accelerator()
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > live.num_processes:
        warnings.warn(
            f"{started} processes were started, but the accelerator has {live.num_processes}: "
            "each process trains on all rows by itself. Without GPUs, return "
            "Accelerator(cpu=True).",
            stacklevel=users_stacklevel(),
        )
    accelerated = type(
        f"Accelerated{net_class.__name__}",
        (_SharedTraining, net_class),
        {"_net_class": net_class},
    )
    return accelerated(accelerator=live, **kwargs)


def _restore(net_class, state):
    net = net_class.__new__(net_class)
    net.__setstate__(state)
    return net


def _print_on_main_process(text):
    if os.environ.get("RANK", "0") == "0":
        print(text)
