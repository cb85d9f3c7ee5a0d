"""Rows that a user has on a GPU: validated where they are, so that they need not travel."""

from __future__ import annotations

import math
import sys

import numpy as np
from sklearn.utils.validation import validate_data

from .validation import assert_finite, check_labels, on_host


def is_on_cuda(values):
    """Return whether values are a dense tensor on a CUDA device."""
    # Without torch there are no tensors, and what needs none stays free of it.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return False
    return values.device.type == "cuda" and values.layout == torch.strided


def validate_on_device(estimator, X, y="no_validation", *, dtype, allow_nan=False, **options):
    """Validate a tensor of a device as `validate_rows` does an array, and leave it there.

    The host waits once, or twice where numbers are missing or not finite. The array of the rows'
    shape that scikit-learn looks at takes no memory.

    Parameters
    ----------
    estimator, X, y, allow_nan, **options
        As in `validate_rows`.
    dtype : list of NumPy types
        Rows of other types become the first of them.

    Returns
    -------
    X : tensor of shape (n, ...)
        Without a gradient.
    y : ndarray of shape (n,)
        If it is given.
    """
    import torch

    X, y = X.detach(), on_host(y)
    if not isinstance(y, str):
        check_labels(y)
    if X.dtype == torch.bfloat16:
        X = X.float()
    dtypes = [getattr(torch, np.dtype(one).name) for one in dtype]
    if X.dtype not in dtypes and not X.is_complex():
        X = X.to(dtypes[0])
    form = np.broadcast_to(np.zeros((), str(X.dtype).removeprefix("torch.")), tuple(X.shape))
    validated = validate_data(estimator, form, y, dtype=dtype, ensure_all_finite=False, **options)
    allow_nan = allow_nan and X.ndim == 2
    # Large numbers may have an infinite sum.
    if not math.isfinite(X.sum().item()) and not (allow_nan and not torch.isinf(X).any()):
        assert_finite(on_host(X), "X", allow_nan=allow_nan)
    return X if isinstance(y, str) else (X, validated[1])


def columns_with_missing(X):
    """Return the positions of the columns of a table, on the host or a device, with a NaN."""
    if isinstance(X, np.ndarray):
        # The minimum of a column with a missing value is NaN, and takes no memory to find.
        return np.flatnonzero(np.isnan(X.min(axis=0)))
    return np.flatnonzero(on_host(X.amin(0).isnan()))
