"""Predictions of a fitted `StochasticInfoNet`, which runs its trunk once for all draws.

These are functions, not methods of the net, as in `predictions.py`.
"""

from __future__ import annotations

import torch

from .device import doubled, download, upload
from .losses import log_mean_exp, log_proba_of_rows
from .precision import in_precision, widened
from .predictions import (
    checked_logits,
    evaluate_module,
    input_batches,
    join_batches,
    posterior_logits,
    with_prior,
)
from .stochastic_module import unwrapped


def trunk_batches(net, X, n_draws):
    """Yield the trunk's output for each batch of `X`, sized for `n_draws` draws of each row."""
    evaluate_module(net)
    for x in input_batches(net, X, n_draws):
        with torch.inference_mode(), in_precision(net):
            hidden = unwrapped(net.module_).trunk(x)
        yield hidden


def noise_of_net(net, noise):
    """Return noise of the net's dtype on its device, copied there for all batches."""
    return upload(noise.to(net.dtype), net._input_device)


def logits_of_trunk(net, hidden, noise):
    """Return posterior logits (b, K, M) for noise on the net's device, a tensor of float64."""
    with torch.inference_mode():
        with in_precision(net):
            logits = unwrapped(net.module_).sample(hidden, noise)
        return posterior_logits(net, doubled(logits))


def predict_log_proba_of_noise(net, X, noise):
    """Return log class probabilities averaged over `noise`, float64 of shape (n, M)."""
    noise = noise_of_net(net, noise)
    batches = (
        checked_logits(net, _log_proba(net, hidden, noise).cpu().numpy())
        for hidden in trunk_batches(net, X, len(noise))
    )
    return join_batches(batches, len(X), net.n_classes)


def evaluate_trunk(net, hidden, noise, bank):
    """Return everything that the bounds of a batch need, after one wait for the device.

    Parameters
    ----------
    net : StochasticInfoNet
    hidden : tensor of shape (b, ...)
        Output of the trunk.
    noise : tensor of shape (b, K, ...) or None
        Draws of each row; ``None`` if all rows get the bank.
    bank : tensor of shape (K, ...)
        Noise bank of prediction, on the net's device.

    Returns
    -------
    logits : ndarray of shape (b, K, M), float64
        Posterior logits by `noise`.
    log_proba : ndarray of shape (b, M), float64
        Log probabilities averaged over `bank`.
    layer, gaussian : (ndarray, ndarray) or None
        Mean and scale of the noisy layer, and of the posterior logits.
    """
    module = unwrapped(net.module_)
    with torch.inference_mode():
        with in_precision(net):
            pairs = module.distribution(hidden), module.logit_distribution(hidden)
        layer, gaussian = (
            None if pair is None else [widened(part, net.dtype) for part in pair] for pair in pairs
        )
        if gaussian is not None:
            gaussian = with_prior(net, gaussian[0]), gaussian[1]
        of_bank = logits_of_trunk(net, hidden, bank)
        logits = of_bank
        if noise is not None:
            logits = logits_of_trunk(net, hidden, noise_of_net(net, noise))
        pairs = [pair for pair in (layer, gaussian) if pair is not None]
        tensors = [logits, _averaged(of_bank), *(part for pair in pairs for part in pair)]
        logits, log_proba, *parts = download(tensors)
    pairs = [None if pair is None else (parts.pop(0), parts.pop(0)) for pair in (layer, gaussian)]
    return logits, checked_logits(net, log_proba), *pairs


def _log_proba(net, hidden, noise):
    with torch.inference_mode():
        return _averaged(logits_of_trunk(net, hidden, noise))


def _averaged(logits):
    return log_mean_exp(log_proba_of_rows(logits), dim=1)
