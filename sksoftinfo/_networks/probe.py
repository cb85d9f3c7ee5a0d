"""A user's module, run once before it is trained, to see that it returns what is needed."""

from __future__ import annotations

import warnings

import torch

from .._utils import users_stacklevel
from .predictions import first_input
from .stochastic_module import StochasticModule, unwrapped

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
            outputs = _outputs(net, first_input(net, rows[:_N_PROBED]))
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


def _outputs(net, x):
    """Return what the module makes of a batch on its way to logits, the logits last."""
    module = unwrapped(net.module_)
    if not isinstance(module, StochasticModule):
        return [net.infer(x)]
    hidden = module.trunk(x)
    generator = torch.Generator().manual_seed(net.seed)
    noise = module.draw((2,), generator, net.dtype).to(net._input_device or "cpu")
    return [hidden, module.sample(hidden, noise)]


def _are_probabilities(output, n_classes):
    if not isinstance(output, torch.Tensor) or output.shape[-1:] != (n_classes,):
        return False
    output = output.cpu().double()
    return bool((output >= 0).all() and ((output.sum(-1) - 1).abs() < 1e-3).all())


def check_stochastic_module(net, rows, noise, noise_scale, beta):
    """Raise ValueError if the module cannot do what the parameters of its noise ask of it.

    Parameters
    ----------
    net : StochasticInfoNet
        Initialised.
    rows : ndarray
        As the net takes them.
    noise : str
    noise_scale, beta : float
        As in `StochasticInfoClassifier`.
    """
    module = unwrapped(net.module_)
    x = first_input(net, rows[:2])
    training = module.training
    module.eval()
    with torch.no_grad():
        hidden = module.trunk(x)
        if noise in ("gaussian", "dropout"):
            inner = module.module
            split = inner.head(inner.features(x))
            if not torch.allclose(split, inner(x), rtol=1e-3, atol=1e-5, equal_nan=True):
                raise ValueError(
                    f"noise={noise!r} replaces forward(x) by head(features(x)), and for "
                    f"module={type(inner).__name__} these differ: use noise='additive'."
                )
        if beta > 0:
            distribution = module.distribution(hidden)
            if distribution is None or not (distribution[1] > 0).all():
                raise ValueError(
                    f"beta={beta} needs noise that is Gaussian and not zero, which "
                    f"noise={noise!r} with noise_scale={noise_scale} is not: set "
                    "beta=0, or use noise='latent' with a positive noise_scale."
                )
    module.train(training)
