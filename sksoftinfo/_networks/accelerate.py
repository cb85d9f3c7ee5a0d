"""Nets that accelerate trains, in one process or in many that share the rows."""

from __future__ import annotations

import os
import warnings

import torch
from skorch.hf import AccelerateMixin
from torch.utils.data import DataLoader

from .._utils import users_stacklevel


class _SharedTraining(AccelerateMixin):
    """skorch's mixin, but for evaluation: each process sees all rows of it, not a share.

    So all of them predict the same, as one would alone, and callbacks that stop early by a
    validation loss agree on when. Copies are plain nets: a live accelerator cannot travel.
    """

    def _initialize_accelerator(self):
        # A criterion without parameters has no gradients to share, and torch refuses to wrap it.
        criteria = self._criteria
        self._criteria = [name for name in criteria if _is_trained(getattr(self, f"{name}_"))]
        try:
            return super()._initialize_accelerator()
        finally:
            self._criteria = criteria

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        # skorch takes the wrapper off after training, and without one nothing is shared.
        self._initialize_accelerator()
        super().on_train_begin(net, X=X, y=y, **kwargs)

    def get_iterator(self, dataset, training=False):
        if training:
            return super().get_iterator(dataset, training=True)
        return super(AccelerateMixin, self).get_iterator(dataset, training=False)

    @property
    def _input_device(self):
        return self.accelerator.device

    def __reduce_ex__(self, protocol):
        optimizer = getattr(self.optimizer_, "optimizer", None)
        state = {**self.__getstate__(), "optimizer_": optimizer, "device": str(self._input_device)}
        del state["accelerator"]
        return _restore, (self.plain_class, state)


def accelerated_net(net_class, accelerator, **kwargs):
    """Build an uninitialised net of `net_class` around the Accelerator that a factory returns."""
    # The accelerator shares out the batches of a DataLoader.
    kwargs.update(device=None, iterator_train=DataLoader, iterator_valid=DataLoader)
    # skorch prints to any sink but `print`, whether asked to or not.
    sink = _print_on_main_process if kwargs.get("verbose") else print
    kwargs.setdefault("callbacks__print_log__sink", sink)
    live = accelerator()
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > live.num_processes:
        warnings.warn(
            f"{started} processes were started, and the accelerator knows of "
            f"{live.num_processes}: each trains on all rows by itself. Without GPUs, return "
            "Accelerator(cpu=True).",
            stacklevel=users_stacklevel(),
        )
    accelerated = type(
        f"Accelerated{net_class.__name__}",
        (_SharedTraining, net_class),
        {"plain_class": net_class},
    )
    return accelerated(accelerator=live, **kwargs)


def _is_trained(criterion):
    parameters = criterion.parameters() if isinstance(criterion, torch.nn.Module) else ()
    return any(parameter.requires_grad for parameter in parameters)


def _restore(net_class, state):
    net = net_class.__new__(net_class)
    net.__setstate__(state)
    return net


def _print_on_main_process(text):
    if os.environ.get("RANK", "0") == "0":
        print(text)
