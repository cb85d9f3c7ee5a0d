"""`CrossFittedModule`, the module of a cross-fitted training: members for each weight decay."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from .averaged_mlp import AveragedMLP, MemberLinear, hidden_layers
from .device import download, upload
from .shared_ensemble import SharedEnsemble


class CrossFittedModule(nn.Module):
    """Members of a network during training, with one group for each weight decay.

    Member k of a group is not trained on the rows of fold k, counted modulo the number of folds.
    The loss of member k on this fold, collected along with the batches, is a held-out loss; the
    members of a group together cover all rows. The best weights so far of each group, and their
    loss, are part of the module's state, so that training can be resumed.

    Parameters
    ----------
    final : AveragedMLP or StochasticModule
        Network that the best group becomes. Its members are the perceptrons of an `AveragedMLP`,
        which may be wrapped in noise, or equal shares of a `SharedEnsemble`.
    decays : sequence of float
        Weight decay of each group, at a learning rate of 0.003, as in `CrossFittedNet`.
    start : tensor of shape (n_classes,)
        Logits that all members return before training, for any input, apart from noise.
    dtype : torch.dtype
        Precision of the members. The columns are prepared in the precision of `final`.
    device : torch.device or str
        Device of the members, and of `final`.
    """

    def __init__(self, final, decays, start, *, dtype, device):
        super().__init__()
        averaged = final if isinstance(final, AveragedMLP) else final.module
        self.n_members = averaged.n_members
        self.decays = tuple(decays)
        # In a list, so that its weights are not parameters of this module.
        self._final = [final]
        build = _Perceptrons if final is averaged else _Draws
        self.prepare = averaged.prepare
        groups = nn.ModuleList(build(final) for _ in decays)
        for group in groups:
            _start_from(group.last, start)
        self.groups = groups.to(device, dtype)
        # Copied on the device, since the GPU would wait for each weight from the host.
        self.best = copy.deepcopy(self.groups).requires_grad_(False)
        losses = torch.full((len(decays),), math.inf, device=device)
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

    @property
    def exhaustive(self):
        """Whether the draws of the `StochasticModule` are all values of its noise."""
        return self._final[0].exhaustive

    def draw(self, shape, generator=None, dtype=torch.float32):
        """Return noise, as the `StochasticModule` that is trained draws it."""
        return self._final[0].draw(shape, generator, dtype)

    def forward(self, x, **options):
        """Return logits, in training for each member (groups, members, n, ...)."""
        x = self.prepare(x.flatten(1)).to(self.groups[0].last.weight.dtype)
        outputs = [self.groups[index](x, **options) for index in self._alive]
        if options.get("return_distribution"):
            logits, layers = zip(*outputs, strict=True)
            return torch.stack(logits), [torch.stack(part) for part in zip(*layers, strict=True)]
        logits = torch.stack(outputs)
        return logits if self.training else logits.mean(0)

    def joined(self, logits):
        """Return logits (n, ...) as of the network that the groups become."""
        return self.groups[0].joined(logits.mean(0))

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
        """Return the network with the weights of the best members."""
        self.best[int(self.best_losses.argmin())].give(self._final[0])
        return self._final[0]


class _Perceptrons(nn.Module):
    """Perceptrons of an `AveragedMLP`, whose logits are not averaged."""

    def __init__(self, averaged):
        super().__init__()
        self.n_members = averaged.n_members
        self.hidden = hidden_layers(averaged.n_members, averaged.sizes, averaged.dropout)
        self.last = MemberLinear(averaged.n_members, *averaged.sizes[-2:])

    def forward(self, x):
        """Return logits (n_members, n, n_classes), in evaluation their average (n, n_classes)."""
        logits = self.last(self.hidden(x.expand(self.n_members, *x.shape)))
        return logits if self.training else self.joined(logits)

    def joined(self, logits):
        return logits.mean(0)

    def give(self, averaged):
        averaged.take_over(self.hidden, self.last)


class _Draws(nn.Module):
    """Copy of a `StochasticModule` whose inputs are prepared columns.

    The members are the members of an ensemble, which are its draws, or the perceptrons of the
    `AveragedMLP` below the noise.
    """

    def __init__(self, module):
        super().__init__()
        self.n_members = module.module.n_members
        self.module = copy.deepcopy(module)
        self.are_draws = isinstance(module, SharedEnsemble)
        self.module.module.prepare = nn.Identity()
        self.module.module.apart = True

    @property
    def last(self):
        """Last layer, which returns the logits, apart from noise."""
        return getattr(self.module, "head", self.module.module.head)

    def forward(self, x, noise, return_distribution=False):
        """Return logits, shape (n_members, n, n_draws, n_classes), in evaluation of all members.

        Each member of an ensemble is one of the draws.
        """
        output = self.module(x, noise.to(x.dtype), return_distribution)
        if not self.training:
            return output
        if not return_distribution:
            return self._of_members(output)
        return self._of_members(output[0]), [self._of_members(part) for part in output[1]]

    def _of_members(self, output):
        if self.are_draws:
            return output.unflatten(1, (self.n_members, -1)).movedim(1, 0)
        return output.unflatten(0, (self.n_members, -1))

    def joined(self, logits):
        return logits.movedim(0, 1).flatten(1, 2) if self.are_draws else logits.mean(0)

    def give(self, module):
        with torch.no_grad():
            for own, trained in zip(module.parameters(), self.module.parameters(), strict=True):
                own.copy_(trained)


def _start_from(last, logits):
    """Let a linear layer return these logits, shape (n_classes,), for any input."""
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(upload(torch.as_tensor(logits), last.bias.device).expand_as(last.bias))
