"""`SharedEnsemble`, networks that share hidden layers; the noise selects one of them."""

from __future__ import annotations

import torch
from torch import nn

from .averaged_mlp import AveragedMLP, MemberLinear
from .label_floor import LabelFloor
from .stochastic_module import StochasticModule


class SharedEnsemble(StochasticModule):
    """Members that share hidden layers, each with its own signs and linear head.

    Each member multiplies its input by signs of its own, -1 or 1, and has a head of its own. The
    hidden layers in between are shared by all members. If the default network for tables is
    cross-fitted, it consists of several MLPs, each of them serves an equal number of
    members, and a `LabelFloor` follows each member. A draw is a member, and all members are drawn,
    so that expectations over the noise are averages over the members, without Monte-Carlo error.

    Only differences between the logits of a member are trained. The mean of these logits is
    therefore set to 0.

    Parameters
    ----------
    module : torch.nn.Module
        Network with ``features(x)`` of shape (n, width) and a linear ``head``, which is replaced.
        The signs multiply the columns of a table, and the channels of images. The default networks
        choose the layer at which the signs are applied: they have ``before_signs(x)`` of shape
        (n, `n_signs`, ...) and ``after_signs(inputs)``, whose inputs have a first axis for the
        members.
    n_inputs : int
        Number of columns or channels of the rows.
    n_members : int
        Number of members.

    References
    ----------
    Y. Wen, D. Tran, J. Ba, "BatchEnsemble: an alternative approach to efficient ensemble and
    lifelong learning", ICLR 2020. Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: advancing
    tabular deep learning with parameter-efficient ensembling", ICLR 2025.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.averaged_mlp import AveragedMLP
    >>> from sksoftinfo._networks.shared_ensemble import SharedEnsemble
    >>> ensemble = SharedEnsemble(AveragedMLP(5, 3, n_members=1), n_inputs=5, n_members=4)
    >>> ensemble(torch.zeros(2, 5), ensemble.draw((4,))).shape
    torch.Size([2, 4, 3])
    """

    exhaustive = True

    def __init__(self, module, n_inputs, n_members):
        super().__init__()
        if not (callable(getattr(module, "features", None)) and hasattr(module, "head")):
            raise ValueError(
                "`noise` must be 'additive' or 'module' for a module without `features(x)` and a "
                f"linear `head`; got 'ensemble' and {type(module).__name__}. Add both to the "
                "module, or use noise='additive'."
            )
        if isinstance(module, AveragedMLP) and n_members % module.n_members:
            raise ValueError(
                f"`n_draws` must be a multiple of {module.n_members}, the number of MLPs "
                f"among which the members are divided; got {n_members}. Set another number."
            )
        self.noise_size = n_members
        n_classes = module.head.out_features
        width = module.head.in_features
        if hasattr(module, "after_signs"):
            n_inputs, width = module.n_signs, module.member_width
        signs = 2 * torch.randint(0, 2, (n_members, n_inputs)) - 1
        self.register_buffer("signs", signs.to(torch.get_default_dtype()))
        self.head = MemberLinear(n_members, width, n_classes)
        # Cross-fitting sets the floor.
        is_default = isinstance(module, AveragedMLP)
        self.floor = LabelFloor(n_classes) if is_default else nn.Identity()
        self.module = module
        module.head = nn.Identity()

    def draw(self, shape, generator=None, dtype=torch.float32):
        """Return the first members, as rows of the identity matrix, the same for all rows.

        Parameters
        ----------
        shape : tuple of int
            (K,) or (n, K), for K members.
        generator : torch.Generator, default=None
            Unused: nothing is random.
        dtype : torch.dtype, default=torch.float32
            Dtype of the result.

        Returns
        -------
        torch.Tensor of shape (``*shape``, n_members)

        Raises
        ------
        ValueError
            If there are fewer than K members.
        """
        if shape[-1] > self.noise_size:
            raise ValueError(
                f"`n_draws` must be at most {self.noise_size}, the number of members of the "
                f"ensemble that was trained; got {shape[-1]}. Pass None for all of them."
            )
        members = torch.eye(self.noise_size, dtype=dtype, device="cpu")[: shape[-1]]
        return members.expand(*shape, self.noise_size)

    def trunk(self, x):
        """Return the inputs that the signs multiply, shape (n, n_signs, ...)."""
        return self.module.before_signs(x) if hasattr(self.module, "before_signs") else x

    def sample(self, hidden, noise):
        """Return the logits of the members in `noise`, shape (n, K, n_classes)."""
        signs = self.signs.view(len(self.signs), 1, -1, *(1 for _ in hidden.shape[2:]))
        inputs = hidden * signs
        if hasattr(self.module, "after_signs"):
            features = self.module.after_signs(inputs)
        else:
            features = self.module.features(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])
        logits = self.floor(self.head(features))
        logits = logits - logits.mean(-1, keepdim=True)
        return noise @ logits.movedim(0, 1)
