"""The net around a network with random logits: it supplies the noise."""

from __future__ import annotations

import torch

from .losses import divergence_from_standard_normal, log_mean_exp, log_proba_of_rows
from .net import InfoSoftmaxNet


class StochasticInfoNet(InfoSoftmaxNet):
    """Net around a `StochasticModule`: supplies its noise.

    Training draws noise anew for each batch and shares it among the batch's rows, from a
    generator of its own. Evaluation uses one fixed bank, and runs the trunk once for all draws.

    Parameters
    ----------
    n_draws : int
        Draws for each batch of training.
    beta : float
        Weight of the divergence of the noisy layer from a standard normal in the loss.
    noise_bank : tensor of shape (K, noise_size) or None
        Noise of prediction.
    """

    logits_ndim = 3

    def __init__(self, module, *, n_draws, beta=0.0, noise_bank=None, **kwargs):
        super().__init__(module, **kwargs)
        self.n_draws = n_draws
        self.beta = beta
        self.noise_bank = noise_bank

    def initialize_module(self):
        super().initialize_module()
        self.reset_noise(self.seed)
        return self

    def reset_noise(self, seed):
        """Seed the noise of training."""
        self.noise_generator_ = torch.Generator().manual_seed(seed)

    @property
    def stochastic_module(self):
        """The module, without the wrapper of a distributed run."""
        module = self.module_
        distributed = isinstance(module, torch.nn.parallel.DistributedDataParallel)
        return module.module if distributed else module

    def outputs(self, x):
        hidden = self.stochastic_module.trunk(x)
        generator = torch.Generator().manual_seed(self.seed)
        noise = self.stochastic_module.draw((2,), generator, self.dtype)
        return [hidden, self.stochastic_module.sample(hidden, self._noise(noise))]

    def _noise(self, noise):
        return noise.to(self.input_device or "cpu", self.dtype)

    def infer(self, x, **fit_params):
        if not self.module_.training:
            return super().infer(x, noise=self._noise(self.noise_bank), **fit_params)
        noise = self.stochastic_module.draw((self.n_draws,), self.noise_generator_, self.dtype)
        noise = self._noise(noise)
        if not self.beta:
            return super().infer(x, noise=noise, **fit_params)
        logits, self._distribution = self.module_output(
            x, noise=noise, return_distribution=True, **fit_params
        )
        return logits

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        if training and self.beta:
            # Taken away at once: a net with the graph of its last batch could not be copied.
            divergence = divergence_from_standard_normal(*self.__dict__.pop("_distribution"))
            loss = loss + self.beta * self.weighted_mean(divergence, X)
        return loss

    def prediction_batches(self, X, n_draws=None):
        return super().prediction_batches(X, len(self.noise_bank) if n_draws is None else n_draws)

    def trunk_batches(self, X, n_draws=1):
        """Yield the trunk's output of each batch of `X`, for so many draws for each row."""
        self._evaluate_module()
        for x in self.input_batches(X, n_draws):
            with torch.inference_mode():
                hidden = self.stochastic_module.trunk(x)
            yield hidden

    def logits_of_trunk(self, hidden, noise):
        """Return posterior logits (b, K, M), a float64 tensor."""
        with torch.inference_mode():
            logits = self.stochastic_module.sample(hidden, self._noise(noise))
            return self.posterior_logits(logits.double())

    def log_proba_batches(self, X, noise=None):
        noise = self.noise_bank if noise is None else noise
        for hidden in self.trunk_batches(X, len(noise)):
            yield self.log_proba_of_trunk(hidden, noise)

    def log_proba_of_trunk(self, hidden, noise):
        """Return log class probabilities (b, M) averaged over `noise`, a float64 array."""
        log_proba = log_proba_of_rows(self.logits_of_trunk(hidden, noise))
        return self.checked(log_mean_exp(log_proba, dim=1).cpu().numpy())

    def distributions_of_trunk(self, hidden):
        """Return mean and scale of the noisy layer and of the posterior logits, or None each."""
        module = self.stochastic_module
        with torch.inference_mode():
            layer, logits = module.distribution(hidden), module.logit_distribution(hidden)
            if logits is not None and self.log_class_prior is not None:
                logits = logits[0] + self.log_class_prior.to(logits[0]), logits[1]
        return tuple(
            None if pair is None else tuple(part.double().cpu().numpy() for part in pair)
            for pair in (layer, logits)
        )
