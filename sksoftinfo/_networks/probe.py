"""Trial run of a user's module, which checks its output before training."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from .._utils import row_hashes, users_stacklevel
from .predictions import first_input
from .refused_rows import name_of, naming_rows
from .stochastic_module import StochasticModule, unwrapped
from .torch_flags import pinned_flags

# Number of rows in the trial run.
_N_PROBED = 8
# Number of rows from which column sizes are estimated, and the largest ratio of sizes.
_N_SIZED = 10_000
_MOST_RATIO = 1e4


@pinned_flags()
def check_output(net, rows):
    """Run the module of an initialised net on some rows, and check its output.

    Parameters
    ----------
    net : InfoSoftmaxNet
    rows : ndarray
        As the net takes them.

    Raises
    ------
    ValueError
        If the module does not return a tensor, computes on two devices, takes integers or single
        precision only, or cannot process images of this shape.

    Warns
    -----
    UserWarning
        If the module returns probabilities.
    """
    name = name_of(net.module_)
    was_training = net.module_.training
    net.module_.eval()
    try:
        with torch.no_grad():
            outputs = _outputs(net, first_input(net, rows[:_N_PROBED]))
    except RuntimeError as error:
        if "same device" not in str(error):
            raise
        raise ValueError(
            f"module={name} must keep its tensors on the device of its input; got tensors on two "
            f"devices with device={str(net.device)!r}. Give constants to register_buffer, and "
            f"create others with device=x.device. {error}"
        ) from error
    finally:
        net.module_.train(was_training)
    if not isinstance(outputs[-1], torch.Tensor):
        raise ValueError(
            "`module` must return a tensor of logits, or a tuple whose first entry is one; got "
            f"{type(outputs[-1]).__name__} from {name}. Wrap it in a module whose `forward` "
            "returns the logits."
        )
    for output in outputs:
        if are_probabilities(output, net.n_classes):
            warn_of_probabilities(name)
            return


def warn_of_sizes(X, column_names=None):
    """Warn if the sizes of a table's columns differ so much that small columns hardly count.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Rows that a user's module takes as they are. Images are not checked.
    column_names : sequence of str, default=None

    Warns
    -----
    UserWarning
        If the standard deviations of two columns differ by a factor above 10,000.
    """
    if X.ndim != 2:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = X[:_N_SIZED].std(axis=0, dtype=np.float64)
    sizes = np.where(np.isfinite(sizes), sizes, 0.0)
    varying = np.flatnonzero(sizes > 0)
    if len(varying) < 2:
        return
    least = varying[sizes[varying].argmin()]
    most = varying[sizes[varying].argmax()]
    ratio = sizes[most] / sizes[least]
    if ratio > _MOST_RATIO:
        names = [repr(column_names[i]) if column_names is not None else i for i in (most, least)]
        warnings.warn(
            f"`X` has columns whose magnitudes differ by a factor of {ratio:.0e}, e.g. {names[0]} "
            f"and {names[1]}: small columns hardly affect the network. Put a StandardScaler "
            "before the classifier, or leave out `module`, since the default network scales its "
            "columns itself.",
            stacklevel=users_stacklevel(),
        )


def warn_of_equal_rows(X, y, n_different):
    """Warn if all rows are equal, from which nothing but the label frequencies can be learned.

    Parameters
    ----------
    X : ndarray of shape (n, ...), or tensor of a device
    y : ndarray of int of shape (n,)
    n_different : int
        Number of different rows with their labels.

    Warns
    -----
    UserWarning
        If there are several rows, and all are equal.
    """
    # Rows that are all equal differ by their labels alone: others need not be compared.
    if len(X) < 2 or n_different > len(np.unique(y)):
        return
    if len(np.unique(row_hashes(X, dtype=np.float64))) == 1:
        warnings.warn(
            "All rows of X are equal: they carry no information about the labels, and the network "
            "can only learn the label frequencies. Check how the rows were read.",
            stacklevel=users_stacklevel(),
        )


def _outputs(net, x):
    """Return the intermediate outputs of the module for a batch, and its logits last."""
    module = unwrapped(net.module_)
    if not isinstance(module, StochasticModule):
        return [net.infer(x)]
    with naming_rows(net.module_, x):
        hidden = module.trunk(x)
    generator = torch.Generator().manual_seed(net.seed)
    noise = module.draw((1,), generator, net.dtype).to(net._input_device or "cpu")
    return [hidden, module.sample(hidden, noise)]


def warn_of_probabilities(name):
    """Warn that a module of some class, by its name, returns probabilities for logits."""
    warnings.warn(
        f"module={name} returns probabilities: no entry is negative, and each row sums to 1. "
        "Probabilities are treated as logits, which limits the confidence of the classifier. "
        "Leave out the softmax in the last layer.",
        stacklevel=users_stacklevel(),
    )


def are_probabilities(output, n_classes):
    """Return whether an output consists of rows of probabilities of the classes."""
    if not isinstance(output, torch.Tensor) or output.shape[-1:] != (n_classes,):
        return False
    output = output.cpu().double()
    return bool((output >= 0).all() and ((output.sum(-1) - 1).abs() < 1e-3).all())


@pinned_flags()
def check_stochastic_module(net, rows, noise, noise_scale, beta):
    """Raise ValueError if the module does not support the parameters of its noise.

    Parameters
    ----------
    net : StochasticInfoNet
        Initialised net.
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
                    f"noise={noise!r} replaces forward(x) by head(features(x)), but these differ "
                    f"for module={type(inner).__name__}. Use noise='additive'."
                )
        if beta > 0:
            distribution = module.distribution(hidden)
            if distribution is None or not (distribution[1] > 0).all():
                raise ValueError(
                    f"`beta` must be 0 unless the noise is Gaussian and not zero; got {beta} with "
                    f"noise={noise!r} and noise_scale={noise_scale}. Set beta=0, or use "
                    "noise='latent' with a positive noise_scale."
                )
    module.train(training)
