"""From parameters and rows to a net: modules, their sizes, dtypes, optimizers and weights."""

from __future__ import annotations

import inspect

import numpy as np
import torch
from sklearn.utils import compute_class_weight

from .._networks import MLP, AveragedMLP, ConvNet

# Of the default optimizer. That for tables was chosen by held-out log-likelihood on small and
# noisy ones; convolutions share their weights, and train too slowly with as much.
_TABLE_WEIGHT_DECAY = 1.0
_IMAGE_WEIGHT_DECAY = 0.01


def with_channels(X):
    """Return rows as a module takes them: grey images (n, h, w) get an axis of channels."""
    return X[:, None] if X.ndim == 3 else X


def module_dtype(dtype, precision, X):
    """Return the torch dtype of the network: with ``"auto"`` float64 for tables of float64.

    Raises
    ------
    ValueError
        If the weights are to be of double precision, and products of half of a single one.
    """
    if dtype == "float64" and precision == "bf16":
        raise ValueError(
            "`precision` must be 'full' where dtype='float64'; got 'bf16', which multiplies in "
            "bfloat16. Set dtype='float32', or leave dtype 'auto'."
        )
    if precision == "bf16":
        return torch.float32
    if dtype != "auto":
        return getattr(torch, dtype)
    # Of NumPy or of torch.
    is_double = str(X.dtype).removeprefix("torch.") == "float64"
    return torch.float64 if X.ndim == 2 and is_double else torch.float32


def module_and_params(module, X, n_classes, missing, n_members):
    """Return what builds the network, and its parameters that follow from the data.

    Parameters
    ----------
    module : torch.nn.Module, callable or None
        ``None`` is the default network for rows of this shape.
    X : ndarray of shape (n, ...)
    n_classes : int
    missing : ndarray of int
        Columns in which values are missing, of which the default network for tables is told.
    n_members : int
        Perceptrons that this network averages, or 0 if it is a single one.

    Returns
    -------
    module : torch.nn.Module or callable
    params : dict
        Those of ``module__n_features``, ``module__n_channels`` and ``module__n_classes`` that it
        accepts.
    """
    sizes = {}
    if module is None:
        sizes = {"missing": missing, "n_members": n_members}
        module = {2: AveragedMLP if n_members else MLP, 3: ConvNet, 4: ConvNet}.get(X.ndim)
        if module is None:
            raise ValueError(
                f"X has shape {X.shape}, for which there is no default network: give a table "
                "(n, d), images (n, height, width) or (n, channels, height, width), or set "
                "`module`."
            )
    if isinstance(module, torch.nn.Module):
        return module, {}
    sizes |= {
        "n_features": int(np.prod(X.shape[1:])),
        "n_channels": X.shape[1] if X.ndim == 4 else 1,
        "n_classes": n_classes,
    }
    accepted = inspect.signature(module).parameters
    return module, {f"module__{name}": size for name, size in sizes.items() if name in accepted}


def optimizer_params(optimizer, X, device):
    """Return skorch's parameters of the optimizer, `optimizer` or the default one for `X`."""
    if optimizer is not None:
        return {"optimizer": optimizer}
    decay = _TABLE_WEIGHT_DECAY if X.ndim == 2 else _IMAGE_WEIGHT_DECAY
    # One kernel for all parameters: on small networks a third of the time of training.
    fused = torch.device(device).type in ("cpu", "cuda")
    return {
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": decay,
        "optimizer__fused": fused,
    }


def weights_of_rows(class_weight, classes, y, sample_weight):
    """Return the weights of rows in the loss, or None where all are equal.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        ``"balanced"`` counts sample weights.
    classes : ndarray of shape (M,)
    y : ndarray of int of shape (n,)
        Class indices.
    sample_weight : ndarray of shape (n,) or None
    """
    if class_weight is None:
        return sample_weight
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    if isinstance(class_weight, str):
        total = np.bincount(y, weight, minlength=len(classes))
        present = total > 0
        of_class = np.divide(
            total.sum(), present.sum() * total, out=np.zeros(len(total)), where=present
        )
    else:
        of_class = compute_class_weight(class_weight, classes=classes, y=classes[y])
        valid = np.isfinite(of_class).all() and (of_class >= 0).all() and of_class[y].any()
        if not valid:
            raise ValueError(
                f"class_weight={class_weight!r} has a weight that is negative or not finite, "
                "or none for the classes of these rows: give positive numbers."
            )
    return weight * of_class[y]


def log_class_prior(class_prior):
    """Return the logarithm of the prior inside the softmax, a tensor, or None if it is uniform."""
    # The softmax of logits plus one constant is that of the logits: uniform adds nothing.
    if np.ptp(class_prior) == 0:
        return None
    with np.errstate(divide="ignore"):
        return torch.as_tensor(np.log(class_prior), device="cpu")
