"""Predictions of a fitted `StochasticInfoNet`: the trunk of a batch once, then any noise on it.

Functions of a net, as in `predictions.py`.
"""

from __future__ import annotations

import torch

from .losses import log_mean_exp, log_proba_of_rows
from .predictions import checked, evaluate_module, input_batches, join_batches, posterior_logits
from .stochastic_module import unwrapped


def trunk_batches(net, X, n_draws):
    """Yield the trunk's output of each batch of `X`, for so many draws for each row."""
    evaluate_module(net)
    for x in input_batches(net, X, n_draws):
        with torch.inference_mode():
            hidden = unwrapped(net.module_).trunk(x)
        yield hidden


def logits_of_trunk(net, hidden, noise):
    """Return posterior logits (b, K, M), a tensor of float64."""
    with torch.inference_mode():
        noise = noise.to(net._input_device or "cpu", net.dtype)
        logits = unwrapped(net.module_).sample(hidden, noise)
        return posterior_logits(net, logits.double())


def log_proba_of_trunk(net, hidden, noise):
    """Return log class probabilities (b, M) averaged over `noise`, an array of float64."""
    log_proba = log_proba_of_rows(logits_of_trunk(net, hidden, noise))
    return checked(net, log_mean_exp(log_proba, dim=1))


def predict_log_proba_of_noise(net, X, noise):
    """Return log class probabilities averaged over `noise`, float64 of shape (n, M)."""
    batches = (
        log_proba_of_trunk(net, hidden, noise) for hidden in trunk_batches(net, X, len(noise))
    )
    return join_batches(batches, len(X), net.n_classes)


def distributions_of_trunk(net, hidden):
    """Return mean and scale of the noisy layer and of the posterior logits, or None each."""
    module = unwrapped(net.module_)
    with torch.inference_mode():
        layer, logits = module.distribution(hidden), module.logit_distribution(hidden)
        if logits is not None and net.log_class_prior is not None:
            logits = logits[0] + net.log_class_prior.to(logits[0]), logits[1]
    return tuple(
        None if pair is None else tuple(part.double().cpu().numpy() for part in pair)
        for pair in (layer, logits)
    )
