"""Torch modules: the default networks, and what a network with random logits has to offer.

Every module returns logits ``z``, never probabilities: the softmax belongs to the objective
(paper Eq. 3), where it can be computed without overflow.

Two conventions let the rest of the library look inside a network without knowing its class:

- ``features(x)`` and ``head(features)`` split ``forward`` before its last, linear layer;
- ``feature_map(x)`` returns the spatial map whose average over positions is ``features(x)``.

A user's module that offers them gets what the default networks get. A network of the user's own
whose logits are random derives from `StochasticModule`.
"""

from __future__ import annotations

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
        feature_map = self.feature_map(x)
        # Dense scoring asks about single cells, which torch is slow to average.
        if feature_map.shape[2:] == (1, 1):
            return feature_map.flatten(1)
        return feature_map.mean((2, 3))

    def forward(self, x):
        """Return logits, shape (n, n_classes)."""
        return self.head(self.features(x))


class StochasticModule(nn.Module):
    """Base of networks whose logits are random: noise comes in as an argument.

    With noise from the caller, never from a global generator, the same noise gives the same
    logits, whatever rows are in the batch, and one fixed bank of it can serve all predictions.
    Write your own, and pass it as ``StochasticInfoClassifier(module, noise="module")``:

    - `noise_size`, and `noise_distribution` unless it is normal, say what one draw needs; or
      override `draw`, for noise of any other kind.
    - `trunk` is the part of the network before the noise, run once for all draws. The default
      passes its input on.
    - `sample` returns logits from the trunk's output and noise.
    - `distribution`, if it can be told, makes the information of the noisy layer computable.

    Attributes
    ----------
    noise_size : int
        Number of independent noise variables of one draw.
    noise_distribution : {"normal", "uniform"}
        Their distribution: standard normal, or uniform on (0, 1).

    Examples
    --------
    A network that is unsure of its inputs:

    >>> import torch
    >>> from sksoftinfo import StochasticInfoClassifier, StochasticModule
    >>> class NoisyInputs(StochasticModule):
    ...     def __init__(self, n_features, n_classes, scale=0.1):
    ...         super().__init__()
    ...         self.noise_size, self.scale = n_features, scale
    ...         self.layers = torch.nn.Linear(n_features, n_classes)
    ...
    ...     def sample(self, hidden, noise):
    ...         return self.layers(hidden[:, None, :] + self.scale * noise)
    >>> X, y = [[0.0], [0.2], [0.8], [1.0]], [0, 0, 1, 1]
    >>> clf = StochasticInfoClassifier(NoisyInputs, noise="module", lr=0.1, random_state=0)
    >>> clf.fit(X, y).predict([[0.1], [0.9]])
    array([0, 1])
    """

    noise_size: int
    noise_distribution: str = "normal"

    def draw(self, shape, generator=None, dtype=torch.float32):
        """Return independent standard noise.

        Parameters
        ----------
        shape : tuple of int
            (K,) for noise that all rows share, or (n, K).
        generator : torch.Generator, default=None
            Source of randomness; torch's global one if None.
        dtype : torch.dtype, default=torch.float32
            Dtype of the noise.

        Returns
        -------
        torch.Tensor of shape (``*shape``, noise_size)
            On the CPU.
        """
        sampler = torch.rand if self.noise_distribution == "uniform" else torch.randn
        return sampler((*shape, self.noise_size), generator=generator, dtype=dtype)

    def trunk(self, x):
        """Return the deterministic part of the network, computed once for all draws.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Batch of rows.

        Returns
        -------
        torch.Tensor of shape (n, ...)
            What `sample` and `distribution` take.
        """
        return x

    def sample(self, hidden, noise):
        """Return logits from the trunk's output and noise.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            What `trunk` returned.
        noise : torch.Tensor of shape (K, noise_size) or (n, K, noise_size)
            K draws, shared by all rows or one set for each.

        Returns
        -------
        torch.Tensor of shape (n, K, M)
            Logits of M classes.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `sample(hidden, noise)`.")

    def distribution(self, hidden):
        """Return mean and scale of the noisy layer Z; None if it is not Gaussian.

        Given the input, Z has independent Gaussian components. The logits may depend on Z only.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            What `trunk` returned.

        Returns
        -------
        tuple of two torch.Tensor of shape (n, d), or None
            Means and standard deviations.
        """
        return None

    def logit_distribution(self, hidden):
        """Return mean and scale of Gaussian logits; None if they are not Gaussian.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            What `trunk` returned.

        Returns
        -------
        tuple of two torch.Tensor of shape (n, M), or None
            Means and standard deviations.
        """
        return None

    def forward(self, x, noise, return_distribution=False):
        """Return one vector of logits for each row and draw; on demand `distribution` too.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Batch of rows.
        noise : torch.Tensor of shape (K, noise_size) or (n, K, noise_size)
            K draws, shared by all rows or one set for each.
        return_distribution : bool, default=False
            Whether `distribution` is returned, too.

        Returns
        -------
        torch.Tensor of shape (n, K, M), or a tuple of it and `distribution`
            Logits of M classes.
        """
        hidden = self.trunk(x)
        logits = self.sample(hidden, noise)
        return (logits, self.distribution(hidden)) if return_distribution else logits
