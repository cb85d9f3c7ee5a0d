"""Private and undocumented names of skorch and torch: a new release can break only this file."""

from __future__ import annotations

import warnings
from functools import partial

import torch
from skorch import NeuralNetClassifier
from skorch.dataset import get_len, unpack_data
from skorch.utils import to_device, to_tensor

__all__ = [
    "float32_precisions",
    "get_len",
    "largest_entries",
    "set_training",
    "step_optimizers",
    "to_device",
    "to_tensor",
    "training_mixin",
    "unpack_data",
    "with_callbacks",
    "zero_gradients",
]


def float32_precisions():
    """Return getters and setters of the precisions of kernels, by backend and operation.

    Each precision comes before the precisions that inherit from it. The values are ``"ieee"``,
    ``"tf32"``, ``"bf16"``, and ``"none"`` for a precision that is inherited. Before torch 2.9, the
    result is empty. Torch has public names for most of these precisions, but the public name for
    all oneDNN kernels sets another precision than it returns.
    """
    if not hasattr(torch._C, "_get_fp32_precision_getter"):
        return {}
    get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    named = [("generic", "all"), ("cuda", "all"), ("mkldnn", "all")]
    named += [(kind, op) for kind in ("cuda", "mkldnn") for op in ("matmul", "conv", "rnn")]
    return {one: (partial(get, *one), partial(put, *one)) for one in named}


# Torch 2.9 warns once in a process when the older flags are read, which `pinned_flags` does.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.backends.cuda.matmul.allow_tf32  # noqa: B018


def largest_entries(tensors):
    """Return the largest absolute entry of each tensor by one kernel, or NaN if it has one."""
    return torch._foreach_norm(tensors, float("inf"))


def set_training(net, training):
    """Set the modules and criteria of an initialised net to training or to evaluation."""
    net._set_training(training)


def zero_gradients(net):
    """Set the gradients of all parameters to zero."""
    net._zero_grad_optimizer()


def step_optimizers(net, closure):
    """Take a step with the optimizers; `closure` returns the loss."""
    net._step_optimizer(closure)


def with_callbacks(**replaced):
    """Decorate a net class so that these callbacks replace skorch's own.

    Parameters
    ----------
    **replaced : dict of str to callback class
        Callback classes by the names of skorch's default callbacks.
    """

    def decorate(net_class):
        def default_callbacks(net):
            callbacks = dict(NeuralNetClassifier._default_callbacks.fget(net))
            return list({**callbacks, **{name: cls() for name, cls in replaced.items()}}.items())

        net_class._default_callbacks = property(default_callbacks)
        return net_class

    return decorate


def training_mixin():
    """Return skorch's mixin for accelerate, which wraps a net anew for each training."""
    # Imported only when it is needed.
    from skorch.hf import AccelerateMixin

    class TrainingMixin(AccelerateMixin):
        def _initialize_accelerator(self):
            # A criterion without parameters has no gradients to share, and torch refuses it.
            criteria = self._criteria
            self._criteria = [name for name in criteria if _is_trained(getattr(self, f"{name}_"))]
            try:
                return super()._initialize_accelerator()
            finally:
                self._criteria = criteria

        def on_train_begin(self, net, X=None, y=None, **kwargs):
            # skorch unwraps the module after training, and an unwrapped module does not share
            # gradients.
            self._initialize_accelerator()
            super().on_train_begin(net, X=X, y=y, **kwargs)

        def get_iterator(self, dataset, training=False):
            # Each process evaluates all rows, not a share.
            skip = TrainingMixin if training else AccelerateMixin
            return super(skip, self).get_iterator(dataset, training=training)

    return TrainingMixin


def _is_trained(criterion):
    parameters = criterion.parameters() if isinstance(criterion, torch.nn.Module) else ()
    return any(parameter.requires_grad for parameter in parameters)
