"""`StochasticInfoNet`, the net around a network with random logits: it supplies the noise."""

from __future__ import annotations

import torch

from .cross_fitted_module import CrossFittedModule
from .cross_fitted_net import CrossFittedNet
from .device import upload
from .losses import divergence_from_standard_normal, weighted_mean
from .precision import in_precision, widened
from .predictions import constant, module_input
from .stochastic_module import unwrapped


class StochasticInfoNet(CrossFittedNet):
    """Net around a `StochasticModule`, which supplies the noise.

    Training draws new noise for each batch, from a generator of its own, and all rows of the batch
    share it. Prediction averages over one fixed noise bank. The same bank is used to compare the
    epochs of a cross-fitted training: with new noise for each epoch, the luckiest epoch would be
    taken for the best one.

    Parameters
    ----------
    n_draws : int
        Number of draws for each training batch.
    beta : float
        Weight of the divergence of the noisy layer from a standard normal in the loss.
    noise_bank : tensor of shape (K, noise_size) or None
        Fixed noise over which predictions are averaged.
    """

    # Rows, draws and classes.
    _logits_ndim = 3

    def __init__(self, module, *, n_draws, beta=0.0, noise_bank=None, **kwargs):
        super().__init__(module, **kwargs)
        self.n_draws = n_draws
        self.beta = beta
        self.noise_bank = noise_bank

    @property
    def _n_draws(self):
        return len(self.noise_bank)

    def initialize_module(self):
        super().initialize_module()
        self.noise_generator_ = torch.Generator().manual_seed(self.seed)
        return self

    @property
    def _has_bank_beside(self):
        """Whether the noise bank follows the draws of a training step."""
        module = self.module_
        return isinstance(module, CrossFittedModule) and not module.exhaustive

    def infer(self, x, **fit_params):
        x = module_input(self, x)
        training = self.module_.training
        if training:
            noise = unwrapped(self.module_).draw(
                (self.n_draws,), self.noise_generator_, self.dtype
            )
            noise = upload(noise, x.device)
            if self._has_bank_beside:
                noise = torch.cat([noise, constant(self, "noise_bank", x)])
        else:
            noise = constant(self, "noise_bank", x)
        if not (training and self.beta):
            with in_precision(self):
                logits = self.module_(x, noise=noise, **fit_params)
            return widened(logits, self.dtype)
        with in_precision(self):
            logits, distribution = self.module_(
                x, noise=noise, return_distribution=True, **fit_params
            )
        self._distribution = [widened(part, self.dtype) for part in distribution]
        return widened(logits, self.dtype)

    def _losses(self, logits, y):
        drawn, judged = logits, None
        if self._has_bank_beside:
            drawn, judged = logits.tensor_split([self.n_draws], dim=3)
        losses = self._loss_of_rows(drawn, y)
        penalty = self.beta * self._divergence() if self.beta else 0.0
        with torch.no_grad():
            judged = (losses if judged is None else self._loss_of_rows(judged, y)) + penalty
        return losses + penalty, judged

    def _divergence(self):
        # Removed immediately: a net with the graph of its last batch could not be copied.
        return divergence_from_standard_normal(*self.__dict__.pop("_distribution"))

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        if training and self.beta:
            divergence = self._divergence()
            weight = X["sample_weight"] if isinstance(X, dict) else None
            loss = loss + self.beta * weighted_mean(divergence, weight)
        return loss
