"""`CrossFittedNet`, the net that is stopped by the losses of its members on held-out rows."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch

from .._utils import users_stacklevel
from .compat import set_training, to_tensor, unpack_data
from .cross_fitted_mlp import CrossFittedMLP, cross_entropy
from .device import upload
from .net import InfoSoftmaxNet
from .predictions import with_prior

# Share of the epochs after which one weight decay is chosen: by then held-out losses differ by
# more than chance. On six tables, training all to the end was never better.
_ALL_TRAINED = 0.2
# Training ends when no group of members has been at its best for this share of the epochs.
_PATIENCE = 0.3
_FEWEST_EPOCHS = 10
# Learning rate at which `decays` are what the optimizer gets. In each step, AdamW shrinks the
# weights by the product of both, which a larger learning rate must not raise: at 0.1, a decay of
# 10 would erase the weights in each step.
_LR_OF_DECAYS = 0.003
# Gain in the log-likelihood of all held-out rows, in nats, that the best of many epochs has by
# chance.
_CHANCE = 2.0


class CrossFittedNet(InfoSoftmaxNet):
    """Net around an `AveragedMLP`, whose members are trained by a `CrossFittedMLP`.

    In `partial_fit`, ``X`` may be a dict with ``"fold"``, the fold of each row: members with this
    number leave the row out. Training starts from the label frequencies, which remain the
    prediction if nothing better is found. After a fifth of the epochs, the weight decay with the
    least held-out loss is chosen, and at the end the best epoch. No member leaves out rows of fold
    -1, and then nothing is chosen.

    Without folds, the average of the members is trained as any other network.

    Parameters
    ----------
    module, **kwargs
        Parameters of `InfoSoftmaxNet`.
    decays : sequence of float
        Weight decays to choose from, at a learning rate of 0.003. They are inversely proportional
        to `lr`.
    """

    def __init__(self, module, *, decays=(1.0,), **kwargs):
        super().__init__(module, **kwargs)
        self.decays = decays

    def get_params_for_optimizer(self, prefix, named_parameters):
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        module = self.module_
        if not isinstance(module, CrossFittedMLP):
            return args, kwargs
        parts = [dict(group.named_parameters()) for group in module.groups]
        groups = [
            {
                "params": [one for name, one in part.items() if not name.endswith("bias")],
                "weight_decay": decay * _LR_OF_DECAYS / self.lr,
            }
            for part, decay in zip(parts, module.decays, strict=True)
        ]
        # A decay of biases would pull the prediction away from the label frequencies.
        biases = [one for part in parts for name, one in part.items() if name.endswith("bias")]
        return ([*groups, {"params": biases, "weight_decay": 0.0}], *args[1:]), kwargs

    def partial_fit(self, X, y=None, classes=None, epochs=None, **fit_params):
        if not (isinstance(X, dict) and "fold" in X):
            return super().partial_fit(X, y, classes, epochs=epochs, **fit_params)
        weight = X.get("sample_weight", np.ones(len(y)))
        counts = np.bincount(y, weight, minlength=self.n_classes)
        shares = counts / counts.sum()
        # The rows by which epochs are judged. Of a rare class, none may be among them.
        held_out = (X["fold"] >= 0) & (X["fold"] < self.module_.n_members)
        n_held_out = (weight * held_out).sum()
        holds_out = n_held_out > 0
        # Without held-out rows there are few rows, and weights have to equal repetitions exactly.
        dtype = torch.float32 if holds_out else self.dtype
        if holds_out:
            counts = np.bincount(y, weight * held_out, minlength=self.n_classes)
        start_loss = cross_entropy(counts, shares)
        start = self._logits_of(shares)
        module = CrossFittedMLP(
            self.module_, self.decays, start, start_loss, dtype=dtype, device=self.device
        )
        self.module_ = module
        self.initialize_optimizer()
        try:
            super().partial_fit(X, y, classes, epochs=epochs, **fit_params)
        finally:
            self._finish()
        gain = start_loss - float(module.best_losses.min())
        if holds_out and gain * n_held_out < _CHANCE:
            warnings.warn(
                "No epoch predicted held-out rows clearly better than the label frequencies do. "
                "The columns carry no information about the label, or too little to be learned "
                "from this number of rows.",
                stacklevel=users_stacklevel(),
            )
        return self

    def _finish(self):
        if isinstance(self.module_, CrossFittedMLP):
            self.module_ = self.module_.finish()
            self.initialize_optimizer()

    def on_train_end(self, net, **kwargs):
        # Callbacks that predict or save at the end of training do so with what was trained.
        self._finish()
        super().on_train_end(net, **kwargs)

    def _logits_of(self, shares):
        """Return logits whose posterior is a distribution over the classes."""
        # A class that does not occur gets a small probability, so that its logit is finite.
        start = torch.as_tensor(np.log(np.maximum(shares, 1e-6)))
        if self.log_class_prior is None:
            return start
        return start - self.log_class_prior.clamp(min=math.log(1e-6))

    def train_step_single(self, batch, **fit_params):
        module = self.module_
        if not isinstance(module, CrossFittedMLP):
            return super().train_step_single(batch, **fit_params)
        if not module.training:
            set_training(self, True)
        rows, y = unpack_data(batch)
        logits = self.infer(rows, **fit_params)
        n_groups, n_members, n_rows, n_classes = logits.shape
        logits = with_prior(self, logits)
        y = to_tensor(y, device=logits.device)
        losses = torch.nn.functional.cross_entropy(
            logits.reshape(-1, n_classes), y.repeat(n_groups * n_members), reduction="none"
        ).view(n_groups, n_members, n_rows)
        members = torch.arange(n_members, device=logits.device)
        fold = upload(torch.as_tensor(rows["fold"]), logits.device)
        left_out = (fold == members[:, None]).to(losses)
        if "sample_weight" in rows:
            weight = upload(torch.as_tensor(rows["sample_weight"]), logits.device).to(losses)
            left_out = left_out * weight
        else:
            weight = 1.0
        module.add(losses.detach(), left_out)
        # Each group has the same loss as if it were trained alone.
        loss = (losses * (weight - left_out)).mean((1, 2))
        loss.sum().backward()
        return {"loss": loss.mean(), "y_pred": logits.detach().mean((0, 1))}

    def on_epoch_begin(self, net, **kwargs):
        module = self.module_
        if isinstance(module, CrossFittedMLP):
            if module.begin_epoch() >= max(_FEWEST_EPOCHS, _PATIENCE * self._n_planned):
                raise KeyboardInterrupt  # by which skorch ends training
        super().on_epoch_begin(net, **kwargs)

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        module = self.module_
        if not isinstance(module, CrossFittedMLP):
            return
        losses = module.close_epoch()
        if not math.isnan(losses[0]):
            self.history.record("valid_loss", min(losses))
            if not module.is_chosen and self._share_done() >= _ALL_TRAINED:
                for weight in module.choose():
                    self.optimizer_.state.pop(weight, None)


def folds_of_rows(y, n_folds, seed):
    """Return a random fold for each row, stratified by class.

    Parameters
    ----------
    y : ndarray of int of shape (n,)
    n_folds : int
        Number of folds; with 0, rows have no fold.
    seed : int

    Returns
    -------
    ndarray of int of shape (n,)
        Fold of each row; -1 for none.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._networks.cross_fitted_net import folds_of_rows
    >>> folds = folds_of_rows(np.array([0, 0, 0, 1, 1, 1]), 3, seed=0)
    >>> sorted(folds[:3].tolist()), sorted(folds[3:].tolist())
    ([0, 1, 2], [0, 1, 2])
    """
    if not n_folds:
        return np.full(len(y), -1)
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    folds = np.empty(len(y), dtype=np.int64)
    folds[order] = np.arange(len(y)) % n_folds
    return folds
