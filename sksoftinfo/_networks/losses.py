"""Losses of training: the paper's objectives, one value for each row, in nats.

Each objective takes posterior logits, of shape (n, M) or of K draws (n, K, M), and labels, and
returns one value for each row, so that rows can be weighted.
"""

from __future__ import annotations

import math

import torch
from torch import nn

_FEW_CLASSES = 32


def _at_label(values, y):
    """Return ``values[i, ..., y[i]]``."""
    # Each entry is gathered at most once, so that the gradient needs no sum, whose order could
    # vary on a GPU.
    index = y.reshape((-1,) + (1,) * (values.ndim - 1)).expand(*values.shape[:-1], 1)
    return values.gather(-1, index)[..., 0]


class LogSoftmaxLoss(nn.Module):
    """Loss that is minus the log-softmax of the label, averaged over draws of random logits.

    Default criterion of `InfoSoftmaxClassifier` (Eq. 2 and 3 of [1]_). It returns one value for
    each row, so that rows can be weighted.

    See Also
    --------
    InfoSoftmaxClassifier : Classifier that minimises this loss.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo import LogSoftmaxLoss
    >>> LogSoftmaxLoss()(torch.zeros(2, 4), torch.tensor([0, 3]))
    tensor([1.3863, 1.3863])
    """

    def forward(self, logits, y):
        """Return the loss of each row.

        Parameters
        ----------
        logits : torch.Tensor of shape (n, M) or (n, K, M)
            Posterior logits, i.e. logits plus the log of the class prior; of K draws if they are
            random.
        y : torch.Tensor of shape (n,), int64
            Class indices.

        Returns
        -------
        torch.Tensor of shape (n,)
            Loss in nats.
        """
        if logits.ndim == 2:
            return nn.functional.cross_entropy(logits, y, reduction="none")
        return -_at_label(log_proba_of_rows(logits), y).mean(1)


class DonskerVaradhanLoss(nn.Module):
    """Log M minus the Donsker-Varadhan representation, one value for each row.

    The loss is ``log E_z sum_m exp(z_m) - E_z z_y`` (equation 13 of the paper, with uniform E_y).
    For one draw, it equals the negative log-softmax (equation 23).
    """

    def forward(self, logits, y):
        """Return the loss of each row, shape (n,), in nats; logits of shape (n, K, M)."""
        normaliser = log_mean_exp(torch.logsumexp(logits, dim=-1), dim=1)
        return normaliser - _at_label(logits, y).mean(1)


class PredictiveLoss(nn.Module):
    """Negative logarithm of the label's probability, averaged over draws before the logarithm."""

    def forward(self, logits, y):
        """Return the loss of each row, shape (n,), in nats; logits of shape (n, K, M)."""
        return -log_mean_exp(_at_label(log_proba_of_rows(logits), y), dim=1)


def log_proba_of_rows(logits):
    """Return the log-softmax of logits of shape (..., M) over their classes.

    torch's kernel is several times faster across rows than across a few classes.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.losses import log_proba_of_rows
    >>> log_proba_of_rows(torch.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """
    if logits.shape[-1] > _FEW_CLASSES:
        return torch.log_softmax(logits, dim=-1)
    return torch.log_softmax(logits.movedim(-1, 0), dim=0).movedim(0, -1)


def log_mean_exp(values, dim):
    """Return the logarithm of the mean of the exponentials of `values` along `dim`."""
    return torch.logsumexp(values, dim) - math.log(values.shape[dim])


def divergence_from_standard_normal(mean, scale):
    """Return KL(N(mean, diag(scale^2)), N(0, I)) of each row, shape (...), in nats.

    Parameters
    ----------
    mean, scale : tensor of shape (..., d)
        Scales are positive.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.losses import divergence_from_standard_normal
    >>> divergence_from_standard_normal(torch.tensor([[1.0, 1.0]]), torch.ones(1, 2))
    tensor([1.])
    """
    return (0.5 * (mean**2 + scale**2 - 1) - scale.log()).sum(-1)


def weighted_mean(values, weight=None):
    """Return the mean over a batch of one value for each row, multiplied by the row's weight.

    Parameters
    ----------
    values : tensor of shape (n,) or ()
    weight : array or tensor of shape (n,), default=None
        Weights with mean 1 over the data set, so that the means of batches add up to the weighted
        mean.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.losses import weighted_mean
    >>> weighted_mean(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.0]))
    tensor(1.)
    """
    if weight is None:
        return values.mean()
    if not isinstance(weight, torch.Tensor):
        weight = torch.from_numpy(weight)
    return (values * weight.to(values)).mean()
