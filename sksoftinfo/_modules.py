"""Torch modules: the default networks and the stochastic heads that wrap any network.

Every module returns logits ``z``, never probabilities: the softmax belongs to the objective
(paper Eq. 3), where it can be computed without overflow.

Two conventions let the rest of the library look inside a network without knowing its class:

- ``features(x)`` and ``head(features)`` split ``forward`` before its last, linear layer;
- ``feature_map(x)`` returns the spatial map whose average over positions is ``features(x)``.

A user's module that offers them gets what the default networks get.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


class MLP(nn.Module):
    """Multi-layer perceptron for tables.

    Parameters
    ----------
    n_features : int
        Number of input columns.
    n_classes : int
        Number of logits.
    hidden_sizes : sequence of int, default=(64, 64)
        Width of each hidden layer; empty for a linear network.
    dropout : float, default=0.0
        Dropout rate after each hidden layer while training.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._modules import MLP
    >>> MLP(n_features=5, n_classes=3)(torch.zeros(2, 5)).shape
    torch.Size([2, 3])
    """

    def __init__(self, n_features, n_classes, hidden_sizes=(64, 64), dropout=0.0):
        super().__init__()
        layers = []
        width = n_features
        for size in hidden_sizes:
            layers += [nn.Linear(width, size), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
            width = size
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_classes)

    def features(self, x):
        """Return the last hidden layer, shape (n, width)."""
        return self.body(x.flatten(1))

    def forward(self, x):
        """Return logits, shape (n, n_classes)."""
        return self.head(self.features(x))


class ConvNet(nn.Module):
    """Fully convolutional network with global average pooling and a linear head.

    Averaging over positions and applying a linear head commute, so that the network's logits
    are the average of the logits of its positions. This is what lets one forward pass say how
    much information every window of the image carries.

    Parameters
    ----------
    n_channels : int
        Number of input channels.
    n_classes : int
        Number of logits.
    channels : sequence of int, default=(32, 64, 64)
        Width of each convolutional layer. The first two halve the resolution.
    kernel_size : int, default=5
        Size of the first two kernels; the others are 3 x 3.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._modules import ConvNet
    >>> net = ConvNet(n_channels=1, n_classes=2)
    >>> net.feature_map(torch.zeros(1, 1, 28, 56)).shape
    torch.Size([1, 64, 7, 14])
    """

    def __init__(self, n_channels, n_classes, channels=(32, 64, 64), kernel_size=5):
        super().__init__()
        layers = []
        width = n_channels
        for index, size in enumerate(channels):
            kernel = kernel_size if index < 2 else 3
            layers += [
                nn.Conv2d(width, size, kernel, stride=2 if index < 2 else 1, padding=kernel // 2),
                nn.ReLU(),
            ]
            width = size
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_classes)

    def feature_map(self, x):
        """Return the last feature map, shape (n, channels[-1], height, width)."""
        return self.body(x)

    def features(self, x):
        """Return the feature map averaged over positions, shape (n, channels[-1])."""
        return self.feature_map(x).mean((2, 3))

    def forward(self, x):
        """Return logits, shape (n, n_classes)."""
        return self.head(self.features(x))


class StochasticModule(nn.Module):
    """A network whose logits depend on standard noise that the caller supplies.

    Noise comes in as an argument, never from a global generator: the same noise gives the same
    logits, whatever the batch. Write your own by setting the two attributes and the two methods
    below.

    Attributes
    ----------
    noise_size : int
        Number of independent noise variables of one draw.
    noise_distribution : {"normal", "uniform"}
        Their distribution: standard normal, or uniform on (0, 1).
    """

    noise_size: int
    noise_distribution: str

    def trunk(self, x):
        """Return the deterministic part of the network, computed once for all draws."""
        raise NotImplementedError

    def sample(self, hidden, noise):
        """Return logits (n, K, M) from the trunk's output and noise.

        ``noise`` has shape (K, noise_size), shared by all rows, or (n, K, noise_size).
        """
        raise NotImplementedError

    def forward(self, x, noise):
        """Return logits, shape (n, K, n_classes), one per row and draw."""
        return self.sample(self.trunk(x), noise)


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

    noise_distribution = "normal"

    def __init__(self, module, n_classes, noise_scale):
        super().__init__()
        self.module = module
        self.noise_size = n_classes
        self.noise_scale = float(noise_scale)

    def trunk(self, x):
        return self.module(x)

    def sample(self, hidden, noise):
        return hidden[:, None, :] + self.noise_scale * noise


class DropoutNoise(StochasticModule):
    """Monte-Carlo dropout of the features before the head.

    Each feature is multiplied by a Bernoulli variable over its mean. That factor has mean 1 and
    variance p / (1 - p) at dropout rate p, so `noise_scale`, its standard deviation, means the
    rate p = noise_scale**2 / (1 + noise_scale**2): 0 is no dropout and 1 a rate of one half.

    Parameters
    ----------
    module : torch.nn.Module
        Network with ``features(x)`` of shape (n, width) and a linear ``head``.
    noise_scale : float
        Standard deviation of the factor that multiplies each feature.
    """

    noise_distribution = "uniform"

    def __init__(self, module, noise_scale):
        super().__init__()
        if not (callable(getattr(module, "features", None)) and hasattr(module, "head")):
            raise ValueError(
                f"noise='dropout' needs a module with `features(x)` and a linear `head`, and "
                f"{type(module).__name__} has not both. Add them, or use noise='additive'."
            )
        self.module = module
        self.noise_size = module.head.in_features
        self.rate = noise_scale**2 / (1.0 + noise_scale**2)

    def trunk(self, x):
        return self.module.features(x)

    def sample(self, hidden, noise):
        kept = (noise >= self.rate).to(hidden.dtype) / (1.0 - self.rate)
        return self.module.head(hidden[:, None, :] * kept)


class NoisyModuleFactory:
    """Builds a network and wraps it in noise; keyword arguments go to the network.

    Parameters
    ----------
    module : torch.nn.Module or callable
        Network, copied; or what builds it.
    noise : {"additive", "dropout"}
    noise_scale : float
    n_classes : int
    """

    def __init__(self, module, noise, noise_scale, n_classes):
        self.module = module
        self.noise = noise
        self.noise_scale = noise_scale
        self.n_classes = n_classes

    def __call__(self, **kwargs):
        module = self.module
        if isinstance(module, nn.Module):
            module = type(module)(**kwargs) if kwargs else copy.deepcopy(module)
        else:
            module = module(**kwargs)
        if self.noise == "additive":
            return AdditiveNoise(module, self.n_classes, self.noise_scale)
        return DropoutNoise(module, self.noise_scale)


def _at_label(values, y):
    """Return ``values[i, ..., y[i]]``."""
    index = y.reshape((-1,) + (1,) * (values.ndim - 1)).expand(*values.shape[:-1], 1)
    return values.gather(-1, index)[..., 0]


class LogSoftmaxLoss(nn.Module):
    """Negative log-softmax of each row (paper Eq. 2-3), averaged over draws when there are any."""

    def forward(self, logits, y):
        """Return the loss of each row, shape (n,), in nats."""
        log_proba = _at_label(torch.log_softmax(logits, dim=-1), y)
        return log_proba.mean(1).neg() if log_proba.ndim == 2 else -log_proba


class DonskerVaradhanLoss(nn.Module):
    """Negative of Donsker-Varadhan less log M, row by row (paper Eq. 13, uniform E_y).

    ``log E_z sum_m exp(z_m) - E_z z_y``, equal to the negative log-softmax where there is one
    draw (Eq. 23).
    """

    def forward(self, logits, y):
        """Return the loss of each row, shape (n,), in nats; logits of shape (n, K, M)."""
        normaliser = log_mean_exp(torch.logsumexp(logits, dim=-1), dim=1)
        return normaliser - _at_label(logits, y).mean(1)


class PredictiveLoss(nn.Module):
    """Negative logarithm of each row's label probability averaged over draws."""

    def forward(self, logits, y):
        """Return the loss of each row, shape (n,), in nats; logits of shape (n, K, M)."""
        return -log_mean_exp(_at_label(torch.log_softmax(logits, dim=-1), y), dim=1)


def log_mean_exp(values, dim):
    """Return the logarithm of the mean of the exponentials of `values` along `dim`."""
    return torch.logsumexp(values, dim) - math.log(values.shape[dim])
