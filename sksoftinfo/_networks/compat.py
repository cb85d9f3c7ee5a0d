"""What is private or undocumented in skorch: a new release breaks this file alone."""

from __future__ import annotations

from skorch.dataset import get_len, unpack_data
from skorch.utils import to_device, to_tensor

__all__ = ["get_len", "set_training", "to_device", "to_tensor", "unpack_data"]


def set_training(net, training):
    """Set the modules and criteria of an initialised net to training or to evaluation."""
    net._set_training(training)
