"""The default networks: an MLP for tables, a convolutional network for images.

Every module returns logits ``z``, never probabilities: the softmax belongs to the objective
(paper Eq. 3), where it can be computed without overflow.

Two conventions let the rest of the library look inside a network without knowing its class:

- ``features(x)`` and ``head(features)`` split ``forward`` before its last, linear layer;
- ``feature_map(x)`` returns the spatial map whose average over positions is ``features(x)``.

A user's module with these methods supports everything that the default networks support.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

from torch import nn

from .prepare import PrepareColumns, PrepareImages


class MLP(nn.Module):
    """Multi-layer perceptron for tables.

    It centres and scales the columns, clips outliers, and imputes missing values itself (see Notes
    of `InfoSoftmaxClassifier`).

    Parameters
    ----------
    n_features : int
        Number of input columns.
    n_classes : int
        Number of logits.
    hidden_sizes : sequence of int, default=(64, 64)
        Width of each hidden layer; empty for a linear network.
    dropout : float, default=0.0
        Dropout rate, within [0, 1], after each hidden layer while training.
    missing : sequence of int, default=()
        Positions of the columns in which values may be missing. Each of these columns gets a
        second input, which marks the missing values.

    See Also
    --------
    ConvNet : Network for images.
    InfoSoftmaxClassifier : Classifier that trains this network.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo import MLP
    >>> MLP(n_features=5, n_classes=3)(torch.zeros(2, 5)).shape
    torch.Size([2, 3])
    """

    def __init__(self, n_features, n_classes, hidden_sizes=(64, 64), dropout=0.0, missing=()):
        super().__init__()
        check_widths("hidden_sizes", hidden_sizes, "hidden")
        self.prepare = PrepareColumns(n_features, missing)
        layers = []
        width = self.prepare.n_outputs
        for size in hidden_sizes:
            layers += [nn.Linear(width, size), nn.ReLU()]
            if dropout:
                layers.append(dropout_layer(dropout))
            width = size
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_classes)

    def features(self, x):
        """Return the output of the last hidden layer.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Rows of a table.

        Returns
        -------
        torch.Tensor of shape (n, width)
            Input of `head`.
        """
        return self.body(self.prepare(x.flatten(1)))

    def forward(self, x):
        """Return logits.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Rows of a table.

        Returns
        -------
        torch.Tensor of shape (n, n_classes)
            Logits, before the softmax.
        """
        return self.head(self.features(x))


class ConvNet(nn.Module):
    """Fully convolutional network with global average pooling and a linear head.

    Averaging over positions and applying a linear head commute: the logits of an image are the
    average of the logits at all positions. One forward pass therefore gives the logits of every
    window of the image.

    Parameters
    ----------
    n_channels : int
        Number of input channels.
    n_classes : int
        Number of logits.
    channels : sequence of int, default=(32, 64, 64)
        Width of each convolutional layer. The first two halve the resolution.
    kernel_size : int, default=5
        Height and width of the kernels of the first two layers, an odd number; the kernels of
        further layers are 3 x 3.

    See Also
    --------
    MLP : Network for tables.
    InfoMaskTransformer : Masks by the information in each window.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo import ConvNet
    >>> net = ConvNet(n_channels=1, n_classes=2)
    >>> net.feature_map(torch.zeros(1, 1, 28, 56)).shape
    torch.Size([1, 64, 7, 14])
    """

    def __init__(self, n_channels, n_classes, channels=(32, 64, 64), kernel_size=5):
        super().__init__()
        check_widths("channels", channels, "convolutional")
        self.prepare = PrepareImages(n_channels)
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
        """Return the last feature map.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images.

        Returns
        -------
        torch.Tensor of shape (n, channels[-1], rows, columns)
            Feature map, whose average over positions is `features`.
        """
        return self.body(self.prepare(x))

    # Interface for a `SharedEnsemble`: signs multiply the inputs of the last convolution.

    @property
    def n_signs(self):
        """Number of channels before the last convolution."""
        last = self.body[self._n_before :]
        return last[0].in_channels if len(last) else self.head.in_features

    @property
    def member_width(self):
        """Number of features."""
        return self.head.in_features

    @property
    def _n_before(self):
        """Number of layers before the last convolution."""
        found = [index for index, layer in enumerate(self.body) if isinstance(layer, nn.Conv2d)]
        return found[-1] if found else 0

    def before_signs(self, x):
        """Return the input of the last convolution.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images.

        Returns
        -------
        torch.Tensor of shape (n, n_signs, rows, columns)
            Maps in which each member changes the signs of some channels.
        """
        return self.body[: self._n_before](self.prepare(x))

    def after_signs(self, maps):
        """Return the features of members from their inputs of the last convolution.

        Parameters
        ----------
        maps : torch.Tensor of shape (K, n, n_signs, rows, columns)
            Inputs of the last convolution, for each of K members.

        Returns
        -------
        torch.Tensor of shape (K, n, channels[-1])
            Features, averaged over positions.
        """
        features = _average(self.body[self._n_before :](maps.flatten(0, 1)))
        return features.unflatten(0, maps.shape[:2])

    def features(self, x):
        """Return the feature map averaged over positions.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images.

        Returns
        -------
        torch.Tensor of shape (n, channels[-1])
            Input of `head`.
        """
        return _average(self.feature_map(x))

    def forward(self, x):
        """Return logits.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images.

        Returns
        -------
        torch.Tensor of shape (n, n_classes)
            Logits, before the softmax.
        """
        return self.head(self.features(x))


def _average(feature_map):
    # Dense scoring evaluates single cells, which torch is slow to average.
    if feature_map.shape[2:] == (1, 1):
        return feature_map.flatten(1)
    return feature_map.mean((2, 3))


def dropout_layer(rate):
    """Return a layer of dropout; raise ValueError unless its rate is within [0, 1]."""
    # torch accepts NaN, and fails when the layer runs.
    if not 0 <= rate <= 1:
        raise ValueError(f"`dropout` must be within [0, 1]; got {rate!r}. Use e.g. 0.1.")
    return nn.Dropout(rate)


def check_widths(name, widths, kind):
    """Raise ValueError unless `widths` are positive ints, one for each layer of a kind."""
    sizes = widths if isinstance(widths, Iterable) else [None]
    if not all(
        isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes
    ):
        raise ValueError(
            f"`{name}` must be a sequence of positive ints, one for each {kind} layer; got "
            f"{widths!r}. Write (64,) for a single layer of width 64."
        )
