"""`CrossFittedNet`, the net that is stopped by the losses of its members on held-out rows."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch

from .._utils import users_stacklevel
from .compat import set_training, to_tensor, unpack_data
from .cross_fitted_module import CrossFittedModule
from .device import download, upload
from .net import InfoSoftmaxNet
from .pooling import FROM_FLOOR, NOT_FROM_FLOOR, pooling_factors
from .predictions import evaluate_module, first_input, input_batches, with_prior, with_rows

# Share of the epochs after which one weight decay is chosen: by then held-out losses differ by
# more than chance, and the others need not be trained to the end.
_ALL_TRAINED = 0.2
# Training ends when no group of members has improved for this share of the epochs.
_PATIENCE = 0.3
_FEWEST_EPOCHS = 10
# Learning rate at which the optimizer receives `decays` unchanged. In each step, AdamW shrinks the
# weights by the product of learning rate and decay. A larger learning rate must not raise this
# product: at 0.1, a decay of 10 would erase the weights in each step.
_LR_OF_DECAYS = 0.003
# Weights of the default network are of the size of 0.1.
_MOVED_ENOUGH = 0.1
# Gain in the log-likelihood of all held-out rows, in nats, that the best of many epochs has by
# chance.
_CHANCE = 2.0
# Share of the label frequencies in the probabilities where no rows are held out.
_FLOOR_OF_FEW_ROWS = 1e-3


class CrossFittedNet(InfoSoftmaxNet):
    """Net whose network may be trained by a `CrossFittedModule`.

    In `partial_fit`, ``X`` may be a dict with ``"fold"``, the fold of each row: members with this
    number leave the row out. Training starts from the label frequencies, which remain the
    prediction if nothing better is found. After a fifth of the epochs, the weight decay with the
    least held-out loss is chosen. At the end, the best epoch and the share of the label
    frequencies in the probabilities are chosen and, where a linear function of the columns is
    added to the MLPs' logits, the factors of both (see `pooling_factors`). No member leaves
    out rows of fold -1, and then nothing is chosen.

    Without folds, the network is trained like any other network.

    Parameters
    ----------
    module, **kwargs
        Parameters of `InfoSoftmaxNet`.
    decays : sequence of float
        Weight decays to choose from, at a learning rate of 0.003. They are inversely proportional
        to `lr`.
    linear_share : float
        Factor of the linear members, if there are any, until held-out rows choose another one.
    """

    def __init__(self, module, *, decays=(1.0,), linear_share=0.5, **kwargs):
        super().__init__(module, **kwargs)
        self.decays = decays
        self.linear_share = linear_share

    def get_params_for_optimizer(self, prefix, named_parameters):
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        module = self.module_
        if not isinstance(module, CrossFittedModule):
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
        start = self._logits_of(counts / counts.sum())
        # Without held-out rows there are few rows, and weights have to equal repetitions exactly.
        dtype = torch.float32 if (X["fold"] >= 0).any() else self.dtype
        module = CrossFittedModule(
            self.module_, self.decays, start, dtype=dtype, device=self.device
        )
        # The rows by which epochs are compared. A rare class may be missing among them.
        module.n_folds = 1 + max(0, int(X["fold"].max()))
        held_out = (X["fold"] >= 0) & (X["fold"] < module.n_members)
        n_held_out = (weight * held_out).sum()
        holds_out = n_held_out > 0
        self.module_ = module
        self.initialize_optimizer()
        start_loss = math.inf
        if holds_out:
            counts = np.bincount(y, weight * held_out, minlength=self.n_classes)
            start_loss = self._loss_of_start(X["X"][:1], counts)
            module.best_losses.fill_(start_loss)
        n_epochs_before = len(self.history)
        try:
            super().partial_fit(X, y, classes, epochs=epochs, **fit_params)
        finally:
            self._finish(X, y)
        if holds_out and (start_loss - float(module.best_losses.min())) * n_held_out < _CHANCE:
            warnings.warn(
                "After no epoch did the network predict held-out rows clearly better than the "
                "label frequencies. The columns carry no information about the label, or too "
                "little to be learned from this number of "
                f"rows.{self._hint_of_rate(n_epochs_before)}",
                stacklevel=users_stacklevel(),
            )
        return self

    def _hint_of_rate(self, n_epochs_before):
        """Return a sentence if the steps were too few or too small for weights to move far."""
        epochs = list(self.history)[n_epochs_before:]
        n_steps = sum(epoch.get("train_batch_count", 0) for epoch in epochs)
        # The optimizer moves a weight by about `lr` in a step, and the rate falls to 0.
        moved = self.lr * n_steps / 2
        if moved >= _MOVED_ENOUGH:
            return ""
        name = "lr" if self.lr < _LR_OF_DECAYS else "max_epochs"
        return (
            f" Alternatively, `{name}` is too low: at lr={self.lr:.3g}, {n_steps} steps move a "
            f"weight by about {moved:.1g} at most. Raise `{name}`, or leave it at its default."
        )

    def _finish(self, X, y):
        module = self.module_
        if isinstance(module, CrossFittedModule):
            self.module_ = module.finish(*self._pool(X, y), self.log_class_prior)
            self.initialize_optimizer()

    def on_train_end(self, net, X=None, y=None, **kwargs):
        # Callbacks that predict or save at the end of training do so with what was trained.
        self._finish(X, y)
        super().on_train_end(net, X=X, y=y, **kwargs)

    def _pool(self, X, y):
        """Return the factor of each family, and the floor, which the rows held out choose."""
        module = self.module_
        expected = [1 - self.linear_share, self.linear_share] if module.is_linear else [1.0]
        held_out = np.flatnonzero((X["fold"] >= 0) & (X["fold"] < module.n_members))
        if not len(held_out):
            return expected, _FLOOR_OF_FEW_ROWS
        weight = X["sample_weight"][held_out] if "sample_weight" in X else np.ones(len(held_out))
        if not module.is_pooled:
            return expected, FROM_FLOOR / (FROM_FLOOR + NOT_FROM_FLOOR + weight.sum())
        evaluate_module(self)
        fold, rows, index = X["fold"][held_out], X["X"], held_out
        if isinstance(rows, torch.Tensor):
            index = upload(torch.from_numpy(held_out), rows.device)
        with torch.inference_mode():
            parts = [
                module.held_out(x, upload(torch.as_tensor(fold[some]), x.device))
                for some, x in with_rows(input_batches(self, rows[index]), len(held_out))
            ]
            (logits,) = download([torch.cat(parts, dim=1)])
        offset = with_prior(self, module.start).numpy()
        added = logits - module.start.numpy()
        return pooling_factors(added, offset, y[held_out], weight, expected)

    def _logits_of(self, shares):
        """Return logits whose posterior is a distribution over the classes."""
        # A class that does not occur gets a small probability, so that its logit is finite.
        start = torch.as_tensor(np.log(np.maximum(shares, 1e-6)))
        if self.log_class_prior is None:
            return start
        return start - self.log_class_prior.clamp(min=math.log(1e-6))

    def train_step_single(self, batch, **fit_params):
        module = self.module_
        if not isinstance(module, CrossFittedModule):
            return super().train_step_single(batch, **fit_params)
        if not module.training:
            set_training(self, True)
        rows, y = unpack_data(batch)
        logits = self.infer(rows, **fit_params)
        n_groups, n_members, n_rows = logits.shape[:3]
        y = to_tensor(y, device=logits.device)
        losses, judged = self._losses(with_prior(self, logits), y)
        members = torch.arange(n_members, device=logits.device) % module.n_folds
        fold = upload(torch.as_tensor(rows["fold"]), logits.device)
        left_out = (fold == members[:, None]).to(losses)
        if "sample_weight" in rows:
            weight = upload(torch.as_tensor(rows["sample_weight"]), logits.device).to(losses)
            left_out = left_out * weight
        else:
            weight = 1.0
        module.add(judged, left_out)
        # Each group has the same loss as if it were trained alone.
        loss = (losses * (weight - left_out)).mean((1, 2))
        loss.sum().backward()
        return {"loss": loss.mean(), "y_pred": module.joined(logits.detach())}

    def _losses(self, logits, y):
        """Return the losses of rows (groups, members, n): to train on, and to judge epochs by."""
        losses = self._loss_of_rows(logits, y)
        return losses, losses.detach()

    def _loss_of_rows(self, logits, y):
        shape = logits.shape[:3]
        y = y.repeat(shape[0] * shape[1])
        return self.criterion_(logits.flatten(0, 2), y).view(shape)

    def _loss_of_start(self, row, counts):
        """Return the mean loss before training of rows with these numbers of labels."""
        evaluate_module(self)
        with torch.inference_mode():
            logits = with_prior(self, self.infer(first_input(self, row)))
            labels = torch.arange(self.n_classes, device=logits.device)
            losses = self.criterion_(logits.expand(self.n_classes, *logits.shape[1:]), labels)
        occurs = counts > 0
        return float(losses.cpu().double().numpy()[occurs] @ counts[occurs] / counts.sum())

    def on_epoch_begin(self, net, **kwargs):
        module = self.module_
        if isinstance(module, CrossFittedModule):
            if module.begin_epoch() >= max(_FEWEST_EPOCHS, _PATIENCE * self._n_planned):
                raise KeyboardInterrupt  # by which skorch ends training
        super().on_epoch_begin(net, **kwargs)

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        module = self.module_
        if not isinstance(module, CrossFittedModule):
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
