"""Parts of a net from parameters and rows: module, sizes, dtype, optimizer and weights."""

from __future__ import annotations

import inspect

import numpy as np
import torch
from sklearn.utils import compute_class_weight

from .._networks import MLP, AveragedMLP, ConvNet

# Weight decays of the default optimizer. The decay for tables was chosen by held-out
# log-likelihood on small and noisy tables. Convolutions share weights, and train too slowly with
# this decay.
_TABLE_WEIGHT_DECAY = 1.0
_IMAGE_WEIGHT_DECAY = 0.01


def with_channels(X):
    """Return rows as a module takes them: grey images (n, h, w) get a channel axis."""
    return X[:, None] if X.ndim == 3 else X


def module_dtype(dtype, precision, X):
    """Return the torch dtype of the network; ``"auto"`` is float64 for float64 tables only.

    Raises
    ------
    ValueError
        If `dtype` is float64 and `precision` is bf16.
    """
    if dtype == "float64" and precision == "bf16":
        raise ValueError(
            "`precision` must be 'full' where dtype='float64'; got 'bf16'. Set dtype='float32' "
            "or dtype='auto'."
        )
    if precision == "bf16":
        return torch.float32
    if dtype != "auto":
        return getattr(torch, dtype)
    # A dtype of NumPy or of torch.
    is_double = str(X.dtype).removeprefix("torch.") == "float64"
    return torch.float64 if X.ndim == 2 and is_double else torch.float32


def module_and_params(module, X, n_classes, missing, n_members, with_columns=False):
    """Return the class or callable that builds the network, and the parameters from the data.

    Parameters
    ----------
    module : torch.nn.Module, callable or None
        ``None`` is the default network for rows of this shape.
    X : ndarray of shape (n, ...)
    n_classes : int
    missing : ndarray of int
        Columns in which values are missing, a parameter of the default network for tables.
    n_members : int
        Number of MLPs that the default network averages, or 0 for a single one.
    with_columns : bool, default=False
        Whether a linear function of the columns is added to them.

    Returns
    -------
    module : torch.nn.Module or callable
    params : dict
        ``module__n_features``, ``module__n_channels`` and ``module__n_classes``, as far as the
        module accepts them.
    """
    sizes = {}
    if module is None:
        sizes = {"missing": missing, "n_members": n_members, "with_columns": with_columns}
        module = {2: AveragedMLP if n_members else MLP, 3: ConvNet, 4: ConvNet}.get(X.ndim)
        if module is None:
            raise ValueError(
                "`X` must have shape (n, d), (n, height, width) or (n, channels, height, width) "
                f"if `module` is None; got {X.shape}. Reshape X, or pass a `module` for this "
                "shape."
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
    # One kernel for all parameters saves a third of the training time of small networks.
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
                "`class_weight` must hold finite, non-negative weights, and a positive weight "
                f"for at least one class of these rows; got {class_weight!r}. Pass positive "
                "numbers."
            )
    return weight * of_class[y]


def log_class_prior(class_prior):
    """Return the logarithm of the prior inside the softmax, a tensor, or None if it is uniform."""
    # Adding one constant to all logits does not change the softmax.
    if np.ptp(class_prior) == 0:
        return None
    with np.errstate(divide="ignore"):
        return torch.as_tensor(np.log(class_prior), device="cpu")
