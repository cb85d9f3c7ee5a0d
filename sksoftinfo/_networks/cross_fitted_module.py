"""`CrossFittedModule`, the module of a cross-fitted training: members of each family."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from .averaged_mlp import AveragedMLP, MemberLinear, hidden_layers
from .device import download, upload
from .label_floor import LabelFloor
from .shared_ensemble import SharedEnsemble

# Weight decay of linear members, at a learning rate of 0.003, and what multiplies their columns. A
# step of the optimizer moves each weight by about the learning rate: with columns as they are,
# linear members would not converge in 600 steps. Both numbers were chosen on the tables that chose
# the decays of MLPs, and on drawn Gaussian classes, linear models and small networks.
_LINEAR_DECAY = 3.0
_LINEAR_SCALE = 10.0


class CrossFittedModule(nn.Module):
    """Members of a network during training, with one group for each weight decay.

    If a linear function of the columns is part of the network, there is one more group, of linear
    members, which are a second family. In the end, the best group of MLPs and the linear
    group are added, each times a factor, and the label frequencies are mixed in as a floor.

    Member k of a group is not trained on the rows of fold k, counted modulo the number of folds.
    The loss of member k on this fold, collected along with the batches, is a held-out loss; the
    members of a group together cover all rows. The best weights so far of each group, and their
    loss, are part of the module's state, so that training can be resumed.

    Parameters
    ----------
    final : AveragedMLP or StochasticModule
        Network that the best group becomes. Its members are the MLPs of an `AveragedMLP`,
        which may be wrapped in noise, or equal shares of a `SharedEnsemble`.
    decays : sequence of float
        Weight decay of each group of the final network's members, at a learning rate of 0.003, as
        in `CrossFittedNet`.
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
        # Families of draws are not pooled: the noise belongs to the network.
        self.is_pooled = final is averaged
        self.is_linear = self.is_pooled and averaged.n_columns > 0
        self.n_choices = len(decays)
        self.decays = (*decays, _LINEAR_DECAY) if self.is_linear else tuple(decays)
        # In a list, so that its weights are not parameters of this module.
        self._final = [final]
        self.prepare = averaged.prepare
        n, sizes, dropout = averaged.n_members, averaged.sizes, averaged.dropout
        groups = nn.ModuleList(
            _MLPs(n, sizes, dropout) if self.is_pooled else _Draws(final) for _ in decays
        )
        if self.is_linear:
            groups.append(_MLPs(n, [sizes[0], sizes[-1]], 0.0, _LINEAR_SCALE))
        for group in groups:
            _start_from(group.last, start)
        # On the host, where the factors of the families are found.
        self.start = torch.as_tensor(start).double()
        self.groups = groups.to(device, dtype)
        # Copied on the device, since the GPU would wait for each weight from the host.
        self.best = copy.deepcopy(self.groups).requires_grad_(False)
        losses = torch.full((len(groups),), math.inf, device=device)
        self.register_buffer("best_losses", losses)
        # The group that was chosen, or -1; and epochs since the last best loss.
        self.register_buffer("chosen", torch.full((), -1, device=device))
        self.register_buffer("n_waited", torch.zeros((), dtype=torch.int64, device=device))
        self.begin_epoch()

    def begin_epoch(self):
        """Note which groups are trained, and return the epochs since the last best loss."""
        # A GPU is waited for once in an epoch.
        chosen, self._n_waited = torch.stack([self.chosen, self.n_waited]).tolist()
        self.is_chosen = chosen >= 0
        self._alive = [chosen] if self.is_chosen else list(range(self.n_choices))
        self._alive += range(self.n_choices, len(self.groups))
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
        """Choose the group of least loss; return the parameters of the groups that it replaces."""
        chosen = self._best_choice()
        self.chosen.fill_(chosen)
        others = [self.groups[index] for index in range(self.n_choices) if index != chosen]
        return [weight for group in others for weight in group.requires_grad_(False).parameters()]

    def _best_choice(self):
        return int(self.best_losses[: self.n_choices].argmin())

    def families(self):
        """Return the best members of each family: those that were chosen, and linear ones."""
        return [self.best[self._best_choice()], *self.best[self.n_choices :]]

    def held_out(self, x, fold):
        """Return the logits of each family for rows held out.

        Parameters
        ----------
        x : tensor of shape (n, ...)
        fold : tensor of shape (n,)
            Fold of each row, which at least one member leaves out.

        Returns
        -------
        tensor of shape (families, n, n_classes)
            Averages over the members that leave the row out.
        """
        x = self.prepare(x.flatten(1)).to(self.groups[0].last.weight.dtype)
        members = torch.arange(self.n_members, device=x.device) % self.n_folds
        left_out = (fold == members[:, None]).to(x.dtype)
        left_out = left_out / left_out.sum(0)
        logits = torch.stack([family.of_members(x) for family in self.families()])
        return torch.einsum("kn,fknc->fnc", left_out, logits)

    def finish(self, factors=(1.0,), share=0.0, log_prior=None):
        """Return the network with the weights of the best members.

        Parameters
        ----------
        factors : sequence of float, default=(1.0,)
            Factor of what each family adds to the first logits, unless the members are draws.
        share : float, default=0.0
            Share of the label frequencies in the probabilities, if the network has a floor.
        log_prior : tensor of shape (n_classes,), default=None
            Log class prior inside the softmax; ``None`` if it is uniform.
        """
        final, families = self._final[0], self.families()
        if isinstance(getattr(final, "floor", None), LabelFloor):
            final.floor.set(share, self.start, log_prior)
        if not self.is_pooled:
            families[0].give(final)
            return final
        weight = families[0].last.weight
        start = upload(self.start.to(weight.dtype), weight.device)
        parts = [one.added(start, by) for one, by in zip(families, factors, strict=True)]
        final.take_over(start, families[0].hidden, *parts)
        return final


class _MLPs(nn.Module):
    """MLPs of an `AveragedMLP`, whose logits are not averaged; linear functions if two `sizes`.

    The columns are multiplied by `scale`.
    """

    def __init__(self, n_members, sizes, dropout, scale=1.0):
        super().__init__()
        self.n_members, self.scale = n_members, scale
        self.hidden = hidden_layers(n_members, sizes, dropout)
        self.last = MemberLinear(n_members, *sizes[-2:])

    def forward(self, x):
        """Return logits (n_members, n, n_classes), in evaluation their average (n, n_classes)."""
        logits = self.of_members(x)
        return logits if self.training else self.joined(logits)

    def of_members(self, x):
        """Return logits (n_members, n, n_classes)."""
        x = x if self.scale == 1 else self.scale * x
        return self.last(self.hidden(x.expand(self.n_members, *x.shape)))

    def joined(self, logits):
        return logits.mean(0)

    def added(self, start, factor):
        """Return weights and biases of a last layer that adds to `start`, times a factor."""
        weight, bias = self.last.weight.detach(), self.last.bias.detach()
        return factor * self.scale * weight, factor * (bias - start)


class _Draws(nn.Module):
    """Copy of a `StochasticModule` whose inputs are prepared columns.

    The members are the members of an ensemble, which are its draws, or the MLPs of the
    `AveragedMLP` below the noise.
    """

    def __init__(self, module):
        super().__init__()
        self.n_members = module.module.n_members
        self.module = copy.deepcopy(module)
        self.are_draws = isinstance(module, SharedEnsemble)
        self.module.module.prepare = nn.Identity()
        self.module.floor = nn.Identity()
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
