"""`StochasticModule`, the base of networks with random logits."""

from __future__ import annotations

import torch
from torch import nn


class StochasticModule(nn.Module):
    """Base class of networks with random logits, which take their noise as an argument.

    The noise comes from the caller, never from a global generator. The same noise therefore gives
    the same logits, whatever rows are in the batch, and one fixed noise bank can serve all
    predictions.

    To use a network of your own, derive a class from this one, and pass it as
    ``StochasticInfoClassifier(module, noise="module")``. Set `noise_size`, and implement `sample`,
    which returns logits from the output of `trunk` and noise. Optional are:

    - `noise_distribution`, unless the noise is normal; override `draw` for another kind of noise.
    - `trunk`, the part of the network before the noise, which is run once for all draws. The
      default returns its input.
    - `distribution`, the distribution of the noisy layer if it is Gaussian; the information of the
      layer can then be computed.
    - `logit_distribution`, the distribution of the logits if they are Gaussian.
    - `exhaustive`, if the draws are all values of the noise.

    Attributes
    ----------
    noise_size : int
        Number of independent noise variables of one draw.
    noise_distribution : {"normal", "uniform"}
        Distribution of the noise variables: standard normal, or uniform on (0, 1).
    exhaustive : bool
        Whether the draws are all values of the noise, each of which occurs once and is equally
        probable, so that averages over the draws are expectations. `draw` must then return the
        same values in each call, in the same order. The default is False.

    See Also
    --------
    StochasticInfoClassifier : Classifier that trains such networks.

    Examples
    --------
    A network with noisy inputs:

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
    exhaustive: bool = False

    def draw(self, shape, generator=None, dtype=torch.float32):
        """Return independent draws of the noise, from `noise_distribution`.

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
        shape = *shape, self.noise_size
        return sampler(shape, generator=generator, dtype=dtype, device="cpu")

    def trunk(self, x):
        """Return the deterministic part of the network, computed once for all draws.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Batch of rows.

        Returns
        -------
        torch.Tensor of shape (n, ...)
            Input of `sample` and `distribution`.
        """
        return x

    def sample(self, hidden, noise):
        """Return logits from the trunk's output and noise.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            Output of `trunk`.
        noise : torch.Tensor of shape (K, noise_size) or (n, K, noise_size)
            K draws, shared by all rows or one set for each.

        Returns
        -------
        torch.Tensor of shape (n, K, M)
            Logits of M classes.
        """
        raise NotImplementedError(f"{type(self).__name__} must override `sample(hidden, noise)`.")

    def distribution(self, hidden):
        """Return means and standard deviations of the noisy layer Z, or None.

        Override it only if, given the input, the components of Z are independent and Gaussian, and
        the logits depend on Z alone.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            Output of `trunk`.

        Returns
        -------
        tuple of two torch.Tensor of shape (n, d), or None
            Means and standard deviations.
        """
        return None

    def logit_distribution(self, hidden):
        """Return means and standard deviations of Gaussian logits, or None.

        Override it only if the logits are Gaussian given the input.

        Parameters
        ----------
        hidden : torch.Tensor of shape (n, ...)
            Output of `trunk`.

        Returns
        -------
        tuple of two torch.Tensor of shape (n, M), or None
            Means and standard deviations.
        """
        return None

    def forward(self, x, noise, return_distribution=False):
        """Return one vector of logits for each row and draw, and `distribution` if requested.

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


def unwrapped(module):
    """Return a module without the wrappers of a distributed run and of ``torch.compile``."""
    while True:
        if isinstance(module, torch.nn.parallel.DistributedDataParallel):
            module = module.module
        elif hasattr(module, "_orig_mod"):
            module = module._orig_mod
        else:
            return module
