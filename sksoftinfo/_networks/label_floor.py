"""`LabelFloor`, the last layer of a network whose predictions are bounded by label frequencies."""

from __future__ import annotations

import torch
from torch import nn

from .device import upload

# Logits so low that nothing is mixed in.
_NOTHING = -1e4


class LabelFloor(nn.Module):
    """Layer that mixes a share of the label frequencies into the probabilities.

    Columns far outside the training rows, e.g. by an error of units, end at the limits of the
    clipped columns, where all of them together may make a network certain of a wrong label. With
    this layer, no label costs more than the logarithm of ``1 / (share * frequency)``.

    Parameters
    ----------
    n_classes : int

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.label_floor import LabelFloor
    >>> floor = LabelFloor(2)
    >>> floor.set(0.1, torch.zeros(2, dtype=torch.float64), None)
    >>> floor(torch.tensor([[100.0, 0.0]])).softmax(1)
    tensor([[0.9500, 0.0500]])
    """

    def __init__(self, n_classes):
        super().__init__()
        # The class prior inside the softmax, not its logarithm, which may be infinite.
        self.register_buffer("prior", torch.full((n_classes,), 1 / n_classes))
        self.register_buffer("logits", torch.full((n_classes,), _NOTHING))

    def set(self, share, start, log_prior):
        """Set the share of the label frequencies, and the label frequencies.

        Parameters
        ----------
        share : float
            Share within (0, 1).
        start : tensor of shape (n_classes,), float64
            Logits on the host whose posterior is the label frequencies.
        log_prior : tensor of shape (n_classes,) or None
            Log class prior inside the softmax, on the host; ``None`` if it is uniform.
        """
        share = torch.tensor(share, dtype=torch.float64)
        prior = torch.full_like(start, 1 / len(start)) if log_prior is None else log_prior.exp()
        floor = start + torch.logit(share) - torch.logsumexp(start + prior.log(), 0)
        values = {"prior": prior, "logits": floor}
        for name, value in values.items():
            own = getattr(self, name)
            own.copy_(upload(value.to(own.dtype), own.device))

    def forward(self, logits):
        """Return logits (n, n_classes) of the mixture."""
        evidence = torch.logsumexp(logits + self.prior.log(), dim=-1, keepdim=True)
        return torch.logaddexp(logits - evidence, self.logits)
