"""Gradients of a small network written out, which takes less time than autograd's bookkeeping."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from ._modules import MLP
from ._objectives import log_proba_of_rows

_GLOBAL_HOOKS = (
    torch_module._global_forward_hooks,
    torch_module._global_forward_pre_hooks,
    torch_module._global_backward_hooks,
    torch_module._global_backward_pre_hooks,
)


def linear_layers(module):
    """Return the linear layers of an `MLP` whose gradients can be written out, or None.

    They can on the CPU, where nothing but ReLUs is between the layers, all weights are trained,
    and nobody has hooked into the network, which modules and autograd would see to. (Hooks of
    autograd's own nodes cannot be seen.)

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    list of torch.nn.Linear, or None

    Examples
    --------
    >>> from sksoftinfo._modules import MLP
    >>> from sksoftinfo._written_out_gradients import linear_layers
    >>> linear_layers(MLP(n_features=5, n_classes=3, hidden_sizes=()))
    [Linear(in_features=5, out_features=3, bias=True)]
    >>> linear_layers(MLP(n_features=5, n_classes=3, dropout=0.5)) is None
    True
    """
    if type(module) is not MLP or torch.is_autocast_enabled("cpu") or torch.is_anomaly_enabled():
        return None
    layers = [*module.body, module.head]
    linear, between = layers[::2], layers[1::2]
    if any(type(layer) is not nn.Linear or layer.bias is None for layer in linear):
        return None
    if len(linear) != len(between) + 1 or any(type(layer) is not nn.ReLU for layer in between):
        return None
    if any(_GLOBAL_HOOKS) or any(map(_is_changed, module.modules())):
        return None
    return linear if all(map(_is_plain, module.parameters())) else None


def are_class_indices(y):
    """Return whether labels of a batch are what `backpropagate` takes.

    A user's own loading may give soft labels, arrays, or labels that are to be ignored.
    """
    return (
        isinstance(y, torch.Tensor)
        and y.dtype == torch.int64
        and y.ndim == 1
        and len(y) > 0
        and int(y.min()) >= 0
    )


def _is_changed(module):
    return bool(
        "forward" in vars(module)
        or module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def _is_plain(weight):
    return (
        weight.requires_grad
        and weight.device.type == "cpu"
        and not weight._backward_hooks
        and not weight._post_accumulate_grad_hooks
    )


@torch.no_grad()
def backpropagate(layers, x, y, log_class_prior=None, sample_weight=None):
    """Add the gradients of the mean negative log-softmax (paper Eq. 2-3) to those of the layers.

    With respect to the posterior logits of a row they are ``softmax(a) - onehot(y)``.

    Parameters
    ----------
    layers : list of torch.nn.Linear
        With ReLUs between them.
    x : tensor of shape (b, ...)
    y : tensor of int64 of shape (b,)
    log_class_prior : tensor of shape (M,), default=None
        Added to the logits.
    sample_weight : tensor of shape (b,), default=None
        Multiplies the loss of each row, before the mean over rows.

    Returns
    -------
    loss : tensor of shape ()
        In nats.
    logits : tensor of shape (b, M)
        Without the class prior.
    """
    inputs = [x.flatten(1)]
    for layer in layers[:-1]:
        inputs.append(layer(inputs[-1]).relu_())
    logits = layers[-1](inputs[-1])
    posterior = logits if log_class_prior is None else logits + log_class_prior.to(logits)
    log_proba = log_proba_of_rows(posterior)
    share = torch.full_like(log_proba[:, 0], 1 / len(y))
    if sample_weight is not None:
        share *= sample_weight
    loss = share @ nn.functional.nll_loss(log_proba, y, reduction="none")
    gradient = log_proba.exp_().mul_(share[:, None])
    gradient.scatter_add_(1, y[:, None], -share[:, None])
    for layer, inside in zip(reversed(layers), reversed(inputs), strict=True):
        _add(layer.weight, gradient.t() @ inside)
        _add(layer.bias, gradient.sum(0))
        if inside is not inputs[0]:
            # What a ReLU let through has sign 1, the rest 0.
            gradient = (gradient @ layer.weight).mul_(inside.sign())
    return loss, logits


def _add(weight, gradient):
    weight.grad = gradient if weight.grad is None else weight.grad + gradient
