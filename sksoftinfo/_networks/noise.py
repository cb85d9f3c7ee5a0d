"""Families of noise that wrap any network, and the fixed noise banks of prediction.

With a noise scale of 0, each Gaussian family and dropout is the network itself; the latent family
is a network with one more linear layer.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc
from torch import nn

from .shared_ensemble import SharedEnsemble
from .stochastic_module import StochasticModule

NOISE_FAMILIES = ("additive", "gaussian", "latent", "dropout", "ensemble", "module")


def noise_bank(n_draws, noise_size, distribution, seed):
    """Return draws that cover the noise distribution evenly: a scrambled Sobol sequence.

    An average over these draws is several times closer to the expectation than an average over as
    many independent draws.

    Parameters
    ----------
    n_draws : int
        Number of draws K.
    noise_size : int
        Number of independent noise variables of one draw.
    distribution : {"normal", "uniform"}
        Standard normal, or uniform on (0, 1).
    seed : int
        Seed of the scrambling.

    Returns
    -------
    ndarray of shape (n_draws, noise_size), float64

    Examples
    --------
    >>> from sksoftinfo._networks.noise import noise_bank
    >>> noise_bank(8, 3, "normal", seed=0).shape
    (8, 3)
    """
    rng = np.random.default_rng(seed)
    if noise_size > qmc.Sobol.MAXDIM:
        uniform = rng.random((n_draws, noise_size))
    else:
        # The sequence is balanced at powers of two; its beginning is used.
        sobol = qmc.Sobol(noise_size, scramble=True, rng=rng)
        uniform = sobol.random_base2(max(n_draws - 1, 0).bit_length())[:n_draws]
    # The quantile of 0 is infinite.
    uniform = np.clip(uniform, 2.0**-33, 1 - 2.0**-33)
    return ndtri(uniform) if distribution == "normal" else uniform


def draw_bank(module, n_draws, seed):
    """Return a noise bank for a `StochasticModule`: even, unless the module overrides `draw`.

    Parameters
    ----------
    module : StochasticModule
    n_draws : int
    seed : int

    Returns
    -------
    ndarray of shape (n_draws, ...), float64
    """
    if type(module).draw is not StochasticModule.draw:
        generator = torch.Generator().manual_seed(seed)
        return np.asarray(module.draw((n_draws,), generator, torch.float64))
    return noise_bank(n_draws, module.noise_size, module.noise_distribution, seed)


class AdditiveNoise(StochasticModule):
    """Gaussian noise of standard deviation `noise_scale` on the logits of any network.

    Parameters
    ----------
    module : torch.nn.Module
        Network that returns logits of shape (n, n_classes).
    n_classes : int
        Number of logits.
    noise_scale : float
        Standard deviation of the noise.
    """

    def __init__(self, module, n_classes, noise_scale):
        super().__init__()
        self.module = module
        self.noise_size = n_classes
        self.noise_scale = float(noise_scale)

    def trunk(self, x):
        logits = self.module(x)
        # Adding noise would broadcast a single column over all classes.
        if logits.shape[-1] != self.noise_size:
            raise ValueError(
                f"`module` must return logits of shape (n_samples, {self.noise_size}), one column "
                f"for each class; got shape {tuple(logits.shape)} from "
                f"{type(self.module).__name__}. Change the size of its last layer."
            )
        return logits

    def sample(self, hidden, noise):
        return hidden[:, None, :] + self.noise_scale * noise

    def distribution(self, hidden):
        return hidden, torch.full_like(hidden, self.noise_scale)

    logit_distribution = distribution


class _FeatureNoise(StochasticModule):
    """Noise that enters after the features of a network with ``features`` and ``head``."""

    family: str

    def __init__(self, module):
        super().__init__()
        if not (callable(getattr(module, "features", None)) and hasattr(module, "head")):
            raise ValueError(
                "`noise` must be 'additive' or 'module' for a module without `features(x)` and a "
                f"linear `head`; got {self.family!r} and {type(module).__name__}. Add both to the "
                "module, or use noise='additive'."
            )
        self.module = module

    def trunk(self, x):
        return self.module.features(x)


class GaussianLogits(_FeatureNoise):
    """Gaussian logits whose mean and scale the network learns.

    The mean is the network's own output. The scale differs by row and class: its logarithm is a
    linear function of the features. Before training, every scale is `noise_scale`.

    Parameters
    ----------
    module : torch.nn.Module
        Network with ``features(x)`` of shape (n, width) and a linear ``head``.
    noise_scale : float
        Standard deviation of each logit before training.
    """

    family = "gaussian"

    def __init__(self, module, noise_scale):
        super().__init__(module)
        self.noise_size = module.head.out_features
        self.noise_scale = float(noise_scale)
        self.log_scale = _zero_linear(module.head.in_features, self.noise_size)

    def sample(self, hidden, noise):
        mean, scale = self.distribution(hidden)
        return mean[:, None, :] + scale[:, None, :] * noise

    def distribution(self, hidden):
        return self.module.head(hidden), self.noise_scale * self.log_scale(hidden).exp()

    logit_distribution = distribution


class GaussianLatent(_FeatureNoise):
    """Gaussian layer between the features and a new linear head.

    With ``bounded=True``, the layer is a noisy channel with means within (-1, 1) and the fixed
    scale `noise_scale`, so that training cannot make the noise negligible. Otherwise, means and
    scales are learned, as in the variational information bottleneck, where a penalty limits them.

    Parameters
    ----------
    module : torch.nn.Module
        Network with ``features(x)`` of shape (n, width) and a linear ``head``, which is replaced.
    noise_scale : float
        Standard deviation of each latent variable, before training if it is learned.
    latent_size : int
        Number of latent variables.
    bounded : bool
        Whether means are bounded and the scale is fixed.

    References
    ----------
    A. A. Alemi, I. Fischer, J. V. Dillon, K. Murphy, "Deep variational information bottleneck",
    ICLR 2017.
    """

    family = "latent"

    def __init__(self, module, noise_scale, latent_size, bounded):
        super().__init__(module)
        width = module.head.in_features
        self.noise_size = latent_size
        self.noise_scale = float(noise_scale)
        self.mean = nn.Linear(width, latent_size)
        self.log_scale = None if bounded else _zero_linear(width, latent_size)
        self.head = nn.Linear(latent_size, module.head.out_features)
        module.head = nn.Identity()

    def sample(self, hidden, noise):
        mean, scale = self.distribution(hidden)
        return self.head(mean[:, None, :] + scale[:, None, :] * noise)

    def distribution(self, hidden):
        mean = self.mean(hidden)
        if self.log_scale is None:
            return torch.tanh(mean), torch.full_like(mean, self.noise_scale)
        return mean, self.noise_scale * self.log_scale(hidden).exp()

    def logit_distribution(self, hidden):
        mean, scale = self.distribution(hidden)
        variance = nn.functional.linear(scale**2, self.head.weight**2)
        return self.head(mean), variance.sqrt()


class DropoutNoise(_FeatureNoise):
    """Monte-Carlo dropout of the features before the head.

    Each feature is multiplied by a Bernoulli variable divided by its mean. The factor has mean 1
    and variance p / (1 - p) at dropout rate p. Its standard deviation is `noise_scale`, so that
    the rate is p = noise_scale**2 / (1 + noise_scale**2): 0 disables dropout, and 1 is a rate
    of one half.

    Parameters
    ----------
    module : torch.nn.Module
        Network with ``features(x)`` of shape (n, width) and a linear ``head``.
    noise_scale : float
        Standard deviation of the factor that multiplies each feature.
    """

    family = "dropout"
    noise_distribution = "uniform"

    def __init__(self, module, noise_scale):
        super().__init__(module)
        self.noise_size = module.head.in_features
        self.rate = noise_scale**2 / (1.0 + noise_scale**2)

    def sample(self, hidden, noise):
        kept = (noise >= self.rate).to(hidden.dtype) / (1.0 - self.rate)
        head = self.module.head
        if noise.ndim > 2:
            return head(hidden[:, None, :] * kept)
        # All rows share the draws: there are fewer weights than features of all rows and draws.
        weights = kept[:, None, :] * head.weight
        logits = nn.functional.linear(hidden, weights.flatten(0, 1)).unflatten(1, (len(kept), -1))
        return logits if head.bias is None else logits + head.bias


def _zero_linear(n_inputs, n_outputs):
    """Return a linear layer whose weights and biases are 0."""
    layer = nn.Linear(n_inputs, n_outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class NoisyModuleFactory:
    """Factory of a network wrapped in noise; keyword arguments go to the network.

    Parameters
    ----------
    module : torch.nn.Module or callable
        Network, which is copied, or a callable that returns one.
    noise : {"additive", "gaussian", "latent", "dropout", "ensemble", "module"}
        With ``"module"``, the network is a `StochasticModule` already and is not wrapped.
    noise_scale : float
    latent_size : int
    bounded : bool
        Whether a latent layer is a channel of fixed noise.
    n_classes : int
    n_inputs : int
        Number of columns of a table, or of channels of images.
    n_draws : int
        Number of members of an ensemble.
    """

    def __init__(
        self, module, noise, noise_scale, latent_size, bounded, n_classes, n_inputs, n_draws
    ):
        self.module = module
        self.noise = noise
        self.noise_scale = noise_scale
        self.latent_size = latent_size
        self.bounded = bounded
        self.n_classes = n_classes
        self.n_inputs = n_inputs
        self.n_draws = n_draws

    def __call__(self, **kwargs):
        module = self.module
        if isinstance(module, nn.Module):
            module = type(module)(**kwargs) if kwargs else copy.deepcopy(module)
        else:
            module = module(**kwargs)
        if self.noise == "additive":
            return AdditiveNoise(module, self.n_classes, self.noise_scale)
        if self.noise == "gaussian":
            return GaussianLogits(module, self.noise_scale)
        if self.noise == "latent":
            return GaussianLatent(module, self.noise_scale, self.latent_size, self.bounded)
        if self.noise == "dropout":
            return DropoutNoise(module, self.noise_scale)
        if self.noise == "ensemble":
            return SharedEnsemble(module, self.n_inputs, self.n_draws)
        if not isinstance(module, StochasticModule):
            raise ValueError(
                "`module` must be a StochasticModule with noise='module'; got "
                f"{type(module).__name__}. Derive it from sksoftinfo.StochasticModule, or let "
                "another `noise` wrap it."
            )
        return module
