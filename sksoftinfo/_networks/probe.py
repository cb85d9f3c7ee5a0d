"""A user's module, asked once before it is trained whether it returns what is needed."""

from __future__ import annotations

import warnings

import torch

from .._utils import users_stacklevel

# Rows that are shown to the module.
_N_PROBED = 8


def check_output(net, rows):
    """Run the module of an initialised net on some rows, and look at what comes out.

    Parameters
    ----------
    net : InfoSoftmaxNet
    rows : ndarray
        As the net takes them.

    Raises
    ------
    ValueError
        If the module does not return a tensor.

    Warns
    -----
    UserWarning
        If the module returns probabilities.
    """
    was_training = net.module_.training
    net.module_.eval()
    try:
        with torch.no_grad():
            outputs = net.outputs(net.first_input(rows[:_N_PROBED]))
    finally:
        net.module_.train(was_training)
    # Within its wrapper of noise, or of a distributed run.
    name = type(getattr(net.module_, "module", net.module_)).__name__
    if not isinstance(outputs[-1], torch.Tensor):
        raise ValueError(
            f"module={name} returned {type(outputs[-1]).__name__} where a tensor of logits is "
            "needed, or a tuple whose first entry is one."
        )
    for output in outputs:
        if _are_probabilities(output, net.n_classes):
            warnings.warn(
                f"module={name} returns probabilities: no entry is negative, and each row sums to "
                "1. They are taken for logits, which bounds how sure the classifier can be. Leave "
                "out the softmax in its last layer.",
                stacklevel=users_stacklevel(),
            )
            return


def _are_probabilities(output, n_classes):
    if not isinstance(output, torch.Tensor) or output.shape[-1:] != (n_classes,):
        return False
    output = output.double()
    return bool((output >= 0).all() and ((output.sum(-1) - 1).abs() < 1e-3).all())
