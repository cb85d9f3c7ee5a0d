"""`AveragedMLP`, several MLPs for tables whose logits are averaged."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from .label_floor import LabelFloor
from .modules import check_widths, dropout_layer
from .prepare import PrepareColumns


class AveragedMLP(nn.Module):
    """MLPs of one size that share no weights and whose logits are averaged.

    The MLPs, called members, form one network with ``features(x)`` and a linear ``head``:
    the features are the last hidden layers of all members, and the head averages their logits. A
    linear function of the columns may be added to the logits; the columns are then features, too,
    and a `LabelFloor` follows the head.

    Parameters
    ----------
    n_features : int
        Number of input columns.
    n_classes : int
        Number of logits.
    hidden_sizes : sequence of int, default=(64, 64)
        Width of each hidden layer of a member; empty for linear members.
    dropout : float, default=0.0
        Dropout rate after each hidden layer while training.
    missing : sequence of int, default=()
        Positions of the columns in which values may be missing, as in `MLP`.
    n_members : int, default=5
        Number of MLPs.
    with_columns : bool, default=False
        Whether a linear function of the prepared columns is added to the logits, and the label
        frequencies are a floor of the probabilities.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.averaged_mlp import AveragedMLP
    >>> AveragedMLP(n_features=4, n_classes=3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_features,
        n_classes,
        hidden_sizes=(64, 64),
        dropout=0.0,
        missing=(),
        n_members=5,
        with_columns=False,
    ):
        super().__init__()
        check_widths("hidden_sizes", hidden_sizes, "hidden")
        self.n_members, self.dropout = n_members, dropout
        # Whether the members are trained apart from each other, below a layer of noise.
        self.apart = False
        self.prepare = PrepareColumns(n_features, missing)
        self.sizes = [self.prepare.n_outputs, *hidden_sizes, n_classes]
        self.hidden = hidden_layers(n_members, self.sizes, dropout)
        self.n_columns = self.prepare.n_outputs if with_columns else 0
        self.head = nn.Linear(n_members * self.sizes[-2] + self.n_columns, n_classes)
        self.floor = LabelFloor(n_classes) if with_columns else nn.Identity()

    def features(self, x):
        """Return the last hidden layers of all members, shape (n, n_members * width).

        The columns follow, if a linear function of them is added. In training with `apart`, there
        are n rows for each member, in which the parts of the other members are 0.
        """
        x = self.before_signs(x)
        hidden = self.hidden(x.expand(self.n_members, *x.shape))
        if not (self.apart and self.training):
            hidden = hidden.movedim(0, 1).flatten(1) / self.n_members
            return torch.cat([hidden, x], dim=1) if self.n_columns else hidden
        own = torch.eye(self.n_members, dtype=hidden.dtype, device=hidden.device)
        return (own[:, None, :, None] * hidden[:, :, None]).flatten(2).flatten(0, 1)

    # Interface for a `SharedEnsemble`: signs multiply the prepared columns.

    @property
    def n_signs(self):
        """Number of prepared columns."""
        return self.prepare.n_outputs

    @property
    def member_width(self):
        """Width of the last hidden layer of a member."""
        return self.sizes[-2]

    def before_signs(self, x):
        """Return prepared columns, shape (n, n_signs)."""
        return self.prepare(x.flatten(1))

    def after_signs(self, columns):
        """Return the last hidden layers (K, n, width) for columns (K, n, n_signs).

        Each MLP serves an equal number of the K members of an ensemble.
        """
        shares = columns.unflatten(0, (self.n_members, -1))
        hidden = self.hidden(shares.flatten(1, 2))
        return hidden.unflatten(1, shares.shape[1:3]).flatten(0, 1)

    def forward(self, x):
        """Return the members' average logits, shape (n, n_classes), above the floor."""
        return self.floor(self.head(self.features(x)))

    def take_over(self, start, hidden, last, linear=None):
        """Take the weights of members that were trained separately.

        Parameters
        ----------
        start : tensor of shape (n_classes,)
            Logits to which all parts are added.
        hidden : nn.Sequential
            Hidden layers, as `hidden_layers` returns.
        last : tuple of tensor
            Weights (n_members, width, n_classes) and biases (n_members, 1, n_classes) of the last
            layers, which are averaged, with what they add to `start`.
        linear : tuple of tensor, default=None
            Weights and biases of the linear functions of the columns, in the same form.
        """
        n_hidden = self.head.in_features - self.n_columns
        with torch.no_grad():
            for own, trained in zip(self.hidden.parameters(), hidden.parameters(), strict=True):
                own.copy_(trained)
            weight, bias = last
            self.head.weight[:, :n_hidden] = weight.flatten(0, 1).T
            self.head.bias.copy_(start + bias.mean((0, 1)))
            if linear is not None:
                weight, bias = linear
                self.head.weight[:, n_hidden:] = weight.mean(0).T
                self.head.bias += bias.mean((0, 1))


class MemberLinear(nn.Module):
    """Linear layer of each member, initialised as in torch, for rows (n_members, n, n_inputs)."""

    def __init__(self, n_members, n_inputs, n_outputs):
        super().__init__()
        limit = 1 / math.sqrt(max(1, n_inputs))
        weight, bias = (n_members, n_inputs, n_outputs), (n_members, 1, n_outputs)
        self.weight = nn.Parameter(torch.empty(weight).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.empty(bias).uniform_(-limit, limit))

    def forward(self, x):
        """Return the output of each member, shape (n_members, n, n_outputs)."""
        return torch.baddbmm(self.bias, x, self.weight)


def hidden_layers(n_members, sizes, dropout):
    """Return the hidden layers of all members; the last of `sizes` is the number of logits."""
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes[:-1]):
        layers += [MemberLinear(n_members, n_inputs, n_outputs), nn.ReLU()]
        if dropout:
            layers.append(dropout_layer(dropout))
    return nn.Sequential(*layers)
