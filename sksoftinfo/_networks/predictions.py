"""Predictions of a fitted net: log probabilities and logits of rows, in batches that bound memory.

These are functions, not methods of the net, so that ``net_`` has the interface that users of
skorch expect.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from .batches import whole_batches
from .compat import get_len, set_training, to_tensor, unpack_data
from .device import doubled, upload
from .losses import log_mean_exp, log_proba_of_rows

# Limits of a prediction batch that is larger than a training batch: a multiple of the rows of a
# training batch, and a count of numbers. A launch on a GPU takes as long as many rows do.
_ON_CPU, _ON_GPU = (32, 1 << 18), (256, 1 << 21)


def evaluate_module(net):
    """Set the module to evaluation mode, unless all of it is already."""
    # For one row of a small network, checking the modes is faster than setting them.
    if any(module.training for module in net.module_.modules()):
        set_training(net, False)


def prediction_batches(net, X, n_draws=1):
    """Return batches of `X` for prediction with a number of draws for each row.

    Small rows go through the network in larger batches than in training: without gradients, larger
    batches take no more memory, and more rows share the overhead of a batch.
    """
    plain = isinstance(X, np.ndarray | torch.Tensor)
    if plain and len(X) == 1 and net.iterator_valid is whole_batches:
        # A data set and its batches take as long as two small networks: `one row` in
        # benchmarks/bench_speed.py. The row is copied, since a module may work in place.
        return [(torch.from_numpy(X.copy()) if isinstance(X, np.ndarray) else X.clone(), None)]
    dataset = net.get_dataset(X)
    batch_size = net.batch_size
    if plain and len(X) and batch_size != -1:
        numbers = max(1, math.prod(X.shape[1:]), net.n_classes)
        on_cpu = torch.device(net._input_device or "cpu").type == "cpu"
        times, most = _ON_CPU if on_cpu else _ON_GPU
        rows = min(times * batch_size, most // numbers) // n_draws
        batch_size = max(batch_size, rows)
    return make_iterator(net, dataset, False, batch_size)


def make_iterator(net, dataset, training, batch_size, resident=False):
    """Return the net's iterator over a dataset, with a generator of its own and the batch size.

    With `resident`, the rows stay on a GPU from pass to pass if they fit.
    """
    prefix = "iterator_train" if training else "iterator_valid"
    kwargs = {"batch_size": batch_size, **net.get_params_for(prefix)}
    if kwargs["batch_size"] == -1:
        kwargs["batch_size"] = len(dataset)
    # Without one of its own, a DataLoader draws from the global generator even to predict.
    kwargs.setdefault("generator", torch.Generator().manual_seed(net.seed))
    if training:
        net.order_generator_ = kwargs["generator"]
    if "sampler" in kwargs or "batch_sampler" in kwargs:
        kwargs.pop("shuffle", None)
    if "batch_sampler" in kwargs:
        kwargs.pop("batch_size")
    iterator = getattr(net, prefix)
    if iterator is whole_batches:
        kwargs.update(device=net.device, resident=resident)
    return iterator(dataset, **kwargs)


def module_input(net, x):
    """Return a batch as the module takes it: without weights, of its dtype and on its device."""
    if isinstance(x, dict):
        x = x["X"]
    if not isinstance(x, torch.Tensor):
        x = to_tensor(x, device=net._input_device)
    return x.to(net._input_device, net.dtype)


def input_batches(net, X, n_draws=1):
    """Yield batches of `X` as the module takes them."""
    for batch in prediction_batches(net, X, n_draws):
        yield module_input(net, unpack_data(batch)[0])


def first_input(net, X):
    """Return the first batch of `X` as the module takes it."""
    for x in input_batches(net, X):
        return x
    _check_all_came(0, len(X))


def posterior_logits(net, logits):
    """Return ``z + log(class prior)``, whose softmax is the class posterior."""
    if logits.ndim != net._logits_ndim or logits.shape[-1] != net.n_classes:
        draws = ", n_draws" if net._logits_ndim == 3 else ""
        raise ValueError(
            f"`module` must return logits of shape (n_samples{draws}, {net.n_classes}), one "
            f"column for each of the {net.n_classes} classes; got shape {tuple(logits.shape)} "
            f"from {type(net.module_).__name__}. Give its last layer {net.n_classes} outputs, or "
            "add an `n_classes` argument that sets them."
        )
    return with_prior(net, logits)


def with_prior(net, logits):
    """Return logits plus the log class prior, unless the prior is uniform."""
    if net.log_class_prior is None:
        return logits
    return logits + constant(net, "log_class_prior", logits)


def constant(net, name, like):
    """Return a tensor attribute of the net, on the device and in the dtype of `like`.

    The copy is cached: a GPU would wait for a new copy in each batch.
    """
    value, copies = getattr(net, name), net.__dict__.setdefault("_constants", {})
    original, copied = copies.get((name, like.device, like.dtype), (None, None))
    if original is not value:
        # Not an inference tensor: training may need it later.
        with torch.inference_mode(False):
            copied = upload(value.to(like.dtype), like.device)
        copies[name, like.device, like.dtype] = value, copied
    return copied


def log_proba(net, logits):
    """Return log class probabilities (b, M), an array of float64, averaged over draws (b, K, M).

    Raises
    ------
    ValueError
        If a log probability is NaN.
    """
    # Scores of training rows reuse the logits of training, which carry gradients.
    rows = log_proba_of_rows(posterior_logits(net, doubled(logits.detach())))
    return checked_logits(
        net, (log_mean_exp(rows, dim=1) if logits.ndim == 3 else rows).cpu().numpy()
    )


def checked_logits(net, values):
    """Return an array of logits or log probabilities; raise ValueError if one of them is NaN."""
    if math.isnan(values.sum()):
        raise ValueError(
            "`module` must return finite logits; got NaN or infinity from "
            f"{type(net.module_).__name__}: its weights or X are too large, or images in X are so "
            "small that a layer averages over no pixels. Scale X, train with a lower lr, or "
            "enlarge the images."
        )
    return values


def log_proba_batches(net, X):
    """Yield the log class probabilities of each batch of `X`, arrays of float64 (b, M)."""
    for logits in net.forward_iter(X):
        yield log_proba(net, logits)


def predict_log_proba(net, X):
    """Return log class probabilities, float64 of shape (n, M)."""
    return join_batches(log_proba_batches(net, X), get_len(X), net.n_classes)


def predict_logits(net, X):
    """Return posterior logits, or log probabilities averaged over draws, float64 (n, M)."""
    batches = (
        log_proba(net, logits)
        if logits.ndim == 3
        else checked_logits(net, posterior_logits(net, logits).cpu().numpy())
        for logits in net.forward_iter(X)
    )
    return join_batches(batches, len(X), net.n_classes)


def join_batches(batches, n_samples, n_columns):
    """Return one array of the rows of all batches."""
    # Filled as they come: a list of batches joined at the end would need the memory twice.
    values = np.empty((n_samples, n_columns))
    for rows, batch in with_rows(batches, n_samples):
        values[rows] = batch
    return values


def with_rows(batches, n_samples):
    """Yield each batch with the slice of its rows; raise ValueError unless all rows come."""
    start = 0
    for batch in batches:
        rows = slice(start, start + len(batch))
        start = rows.stop
        yield rows, batch
    _check_all_came(start, n_samples)


def _check_all_came(n_came, n_samples):
    if n_came != n_samples:
        raise ValueError(
            f"`iterator_valid` must give each row once; got {n_came} rows of {n_samples}. Leave "
            "out drop_last."
        )
