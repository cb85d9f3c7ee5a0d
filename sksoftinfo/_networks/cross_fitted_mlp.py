"""`CrossFittedMLP`, the module of a cross-fitted training: members for each weight decay."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import nn

from .averaged_mlp import MemberLinear, hidden_layers
from .device import download


class CrossFittedMLP(nn.Module):
    """Members of an `AveragedMLP` during training, with one group for each weight decay.

    Member k of a group is not trained on the rows of fold k. The loss of member k on fold k,
    collected along with the batches, is a held-out loss; the members of a group together cover all
    rows. The best weights so far of each group, and their loss, are part of the module's state, so
    that training can be resumed.

    Parameters
    ----------
    averaged : AveragedMLP
        Network whose members are trained, and which prepares the columns in its own precision.
    decays : sequence of float
        Weight decay of each group, at a learning rate of 0.003, as in `CrossFittedNet`.
    start : ndarray of shape (n_classes,)
        Logits that all members return before training, for any input.
    loss : float
        Loss of these logits, in nats.
    dtype : torch.dtype
        Precision of the members.
    device : torch.device or str
        Device of the members, and of `averaged`.
    """

    def __init__(self, averaged, decays, start, loss, *, dtype, device):
        super().__init__()
        self.prepare = averaged.prepare
        self.decays = tuple(decays)
        # In a list, so that its weights are not parameters of this module.
        self._averaged = [averaged]
        options = averaged.n_members, averaged.sizes, averaged.dropout
        groups = nn.ModuleList(_Members(*options) for _ in decays)
        for group in groups:
            group.start_from(start)
        self.groups = groups.to(device, dtype)
        # Copied on the device, since the GPU would wait for each weight from the host.
        self.best = copy.deepcopy(self.groups).requires_grad_(False)
        losses = torch.full((len(decays),), float(loss), device=device)
        self.register_buffer("best_losses", losses)
        # The only group that is still trained, or -1; and epochs since the last best loss.
        self.register_buffer("chosen", torch.full((), -1, device=device))
        self.register_buffer("n_waited", torch.zeros((), dtype=torch.int64, device=device))
        self.begin_epoch()

    def begin_epoch(self):
        """Note which groups are trained, and return the epochs since the last best loss."""
        # A GPU is waited for once in an epoch.
        chosen, self._n_waited = torch.stack([self.chosen, self.n_waited]).tolist()
        self.is_chosen = chosen >= 0
        self._alive = [chosen] if self.is_chosen else list(range(len(self.groups)))
        self._sums, self._weight = 0.0, 0.0
        return self._n_waited

    def forward(self, x):
        """Return logits (n, n_classes), in training for each member (groups, members, n, M)."""
        x = self.prepare(x.flatten(1)).to(self.groups[0].head.weight.dtype)
        logits = torch.stack([self.groups[index](x) for index in self._alive])
        return logits if self.training else logits.mean((0, 1))

    def add(self, losses, weight):
        """Add losses (groups, members, n) of rows with weights (members, n).

        A weight is 0 unless the row is in the fold that the member leaves out.
        """
        self._sums = self._sums + (losses * weight).sum(dim=(1, 2))
        self._weight = self._weight + weight.sum()

    def close_epoch(self):
        """Keep the weights of groups with a new best loss; return the losses."""
        # A GPU is waited for once.
        found = download([self._sums / self._weight, self.best_losses], torch.float32)
        (losses, best_losses), waited = (one.tolist() for one in found), self._n_waited + 1
        for index, loss in zip(self._alive, losses, strict=True):
            # If no rows are held out, losses are NaN, and the last epoch is kept.
            if math.isnan(loss) or loss < best_losses[index]:
                self.best[index].load_state_dict(self.groups[index].state_dict())
                waited = 0
                if not math.isnan(loss):
                    self.best_losses[index] = loss
        self.n_waited.fill_(waited)
        return losses

    def choose(self):
        """Continue with the group of least loss; return the parameters of the other groups."""
        chosen = int(self.best_losses.argmin())
        self.chosen.fill_(chosen)
        others = [group for index, group in enumerate(self.groups) if index != chosen]
        return [weight for group in others for weight in group.requires_grad_(False).parameters()]

    def finish(self):
        """Return the `AveragedMLP` with the weights of the best members."""
        averaged = self._averaged[0]
        best = self.best[int(self.best_losses.argmin())]
        averaged.take_over(best.hidden, best.head)
        return averaged


class _Members(nn.Module):
    """Perceptrons whose logits are not averaged."""

    def __init__(self, n_members, sizes, dropout):
        super().__init__()
        self.n_members = n_members
        self.hidden = hidden_layers(n_members, sizes, dropout)
        self.head = MemberLinear(n_members, *sizes[-2:])

    def start_from(self, logits):
        """Let all members return these logits, shape (n_classes,), for any input."""
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.copy_(torch.as_tensor(logits).expand_as(self.head.bias))

    def forward(self, x):
        """Return logits, shape (n_members, n, n_classes)."""
        return self.head(self.hidden(x.expand(self.n_members, *x.shape)))


def cross_entropy(counts, shares):
    """Return the mean loss of a prediction that is the same for all rows, in nats.

    Parameters
    ----------
    counts : array-like of shape (n_classes,)
        Weight of the rows of each class, not 0 in all.
    shares : array-like of shape (n_classes,)
        Probability of each class that is predicted, not 0 where there are rows.

    Examples
    --------
    >>> from sksoftinfo._networks.cross_fitted_mlp import cross_entropy
    >>> cross_entropy([3, 0], [1.0, 0.0])
    0.0
    """
    counts, shares = np.asarray(counts), np.asarray(shares)
    occurs = counts > 0
    return float(-(counts[occurs] * np.log(shares[occurs])).sum() / counts.sum()) + 0.0
