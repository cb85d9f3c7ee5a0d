"""Validation of rows on a GPU, without copying them to the host."""

from __future__ import annotations

import math
import sys

import numpy as np
from sklearn import get_config
from sklearn.utils.validation import validate_data

from .host_arrays import on_host
from .labels import check_labels
from .validation import assert_finite, check_any_row, refuse_times_and_bytes


def is_on_cuda(values):
    """Return whether values are a dense tensor on a CUDA device."""
    # Unless torch has been imported, there are no tensors, and torch need not be imported here.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return False
    return values.device.type == "cuda" and values.layout == torch.strided


def validate_on_device(estimator, X, y="no_validation", *, dtype, allow_nan=False, **options):
    """Validate a tensor like `validate_rows`, without copying it from its device.

    The host waits once, or twice if entries are missing or infinite. scikit-learn validates an
    array of the same shape that takes no memory.

    Parameters
    ----------
    estimator, X, y, allow_nan, **options
        As in `validate_rows`.
    dtype : list of NumPy types
        Allowed types; rows of other types are converted to the first one.

    Returns
    -------
    X : tensor of shape (n, ...)
        The rows, without a gradient.
    y : ndarray of shape (n,)
        The labels, if `y` was given.
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
    check_any_row(form)
    refuse_times_and_bytes(form)
    validated = validate_data(estimator, form, y, dtype=dtype, ensure_all_finite=False, **options)
    allow_nan = allow_nan and X.ndim == 2
    # The sum of large finite numbers may be infinite.
    if not math.isfinite(X.sum().item()) and not (allow_nan and not torch.isinf(X).any()):
        assert_finite(on_host(X), "X", allow_nan=allow_nan)
    return X if isinstance(y, str) else (X, validated[1])


def rows_for(estimator, X):
    """Return rows as an estimator accepts them: on the host, or as tensors of any device.

    Estimators of this package, which have ``score_bounds``, accept such tensors, and so do
    estimators of scikit-learn if array dispatch is enabled.
    """
    takes_tensors = hasattr(estimator, "score_bounds") or get_config()["array_api_dispatch"]
    return X if takes_tensors else on_host(X)


def columns_with_missing(X):
    """Return the positions of the columns with a NaN, for a table on the host or a device."""
    if isinstance(X, np.ndarray):
        # The minimum of a column with a NaN is NaN, and needs no additional memory.
        return np.flatnonzero(np.isnan(X.min(axis=0)))
    return np.flatnonzero(on_host(X.amin(0).isnan()))
