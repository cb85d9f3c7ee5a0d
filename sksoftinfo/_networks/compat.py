"""What is private or undocumented in skorch and torch: a new release breaks this file alone."""

from __future__ import annotations

import torch
from skorch.dataset import get_len, unpack_data
from skorch.utils import to_device, to_tensor

__all__ = [
    "get_len",
    "largest_entries",
    "set_training",
    "step_optimizers",
    "to_device",
    "to_tensor",
    "unpack_data",
    "zero_gradients",
]


def largest_entries(tensors):
    """Return the largest absolute entry of each tensor, by one kernel; NaN where there is one."""
    return torch._foreach_norm(tensors, float("inf"))


def set_training(net, training):
    """Set the modules and criteria of an initialised net to training or to evaluation."""
    net._set_training(training)


def zero_gradients(net):
    """Set the gradients of all parameters to zero."""
    net._zero_grad_optimizer()


def step_optimizers(net, closure):
    """Let the optimizers take a step, of which `closure` returns the loss."""
    net._step_optimizer(closure)
