"""skorch's loop over an epoch, without what nobody asks for."""

from __future__ import annotations

import copy
import math
import warnings

import torch
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import get_len, unpack_data

from .._utils import users_stacklevel


class ThinEpochs:
    """Mixin of skorch nets: batches cost little more than the network.

    Callbacks are told of batches and gradients as ever, if they listen: skorch calls every
    callback for each batch, and most have nothing to say. The losses of a GPU, which has to wait
    for it, are read only at the end of the epoch, unless somebody listens to the batches.
    """

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is not None:
            self._set_training(training)
        if iterator is None or not training or self._told_of("on_batch_begin", "on_batch_end"):
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            return
        losses, sizes = [], []
        try:
            for batch in iterator:
                loss = step_fn(batch, **fit_params)["loss"].detach()
                # Kept on the CPU, small tensors between large ones would fragment the memory.
                losses.append(loss.item() if loss.device.type == "cpu" else loss)
                x = batch[0] if isinstance(batch, tuple | list) else batch
                sizes.append(len(x) if isinstance(x, torch.Tensor) else get_len(x))
        finally:
            # An interrupted epoch leaves what it has done in the history, as skorch's does.
            self._record(prefix, losses, sizes)
        self.history.record(f"{prefix}_batch_count", len(losses))

    def _record(self, prefix, losses, sizes):
        if losses and isinstance(losses[0], torch.Tensor):
            losses = torch.stack(losses).tolist()
        for value, size in zip(losses, sizes, strict=True):
            self.history.new_batch()
            self.history.record_batch(f"{prefix}_loss", value)
            self.history.record_batch(f"{prefix}_batch_size", size)

    def train_step(self, batch, **fit_params):
        if self._told_of("on_grad_computed"):
            return super().train_step(batch, **fit_params)
        steps = self.get_train_step_accumulator()

        def closure():
            self._zero_grad_optimizer()
            step = self.train_step_single(batch, **fit_params)
            steps.store_step(step)
            return step["loss"]

        self._step_optimizer(closure)
        return steps.get_step()

    def train_step_single(self, batch, **fit_params):
        # skorch walks through all modules here to set them to training, batch after batch.
        if not self.module_.training:
            self._set_training(True)
        x, y = unpack_data(batch)
        y_pred = self.infer(x, **fit_params)
        loss = self.get_loss(y_pred, y, X=x, training=True)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def _told_of(self, *events):
        """Return whether a callback does anything at one of the events of training."""
        return any(
            _listens(callback, event) for _, callback in self.callbacks_ for event in events
        )


def _listens(callback, event):
    method = getattr(type(callback), event, None)
    if event in vars(callback):
        return True
    # Epoch scores of validation rows collect predictions, of validation batches alone.
    if method is EpochScoring.on_batch_end:
        return callback.on_train
    return method is not getattr(Callback, event)


class TrainingGuard:
    """Mixin of nets: stops at a loss that is not finite, and says when it was interrupted.

    After each epoch the weights are kept, so that there are some to go back to. The net is one of
    skorch's. A callback may set ``epochs_resumed_`` as training begins: so many are done already.
    """

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        self._keep_weights()
        self._stopped_by_callback = False
        self._epochs_before = len(self.history)
        try:
            epochs = self.max_epochs if epochs is None else epochs
            left = max(0, epochs - self.__dict__.pop("epochs_resumed_", 0))
            return super().fit_loop(X, y, left, **kwargs)
        except KeyboardInterrupt:
            # skorch ends training here; its callbacks stop early by the same exception.
            if not self._stopped_by_callback:
                warnings.warn(
                    f"Training was interrupted in epoch {len(self.history)}: the network is as it "
                    "was then, and can be used. Train on with partial_fit, or with warm_start.",
                    stacklevel=users_stacklevel(),
                )
            raise
        finally:
            del self._kept_weights, self._stopped_by_callback, self._epochs_before
            # A generator is of no use after training, and would have to be copied with the net.
            self.__dict__.pop("order_generator_", None)

    def notify(self, method_name, **kwargs):
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt:
            self._stopped_by_callback = True
            raise

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        losses = [batch.get("train_loss", 0.0) for batch in self.history[-1]["batches"]]
        if math.isfinite(sum(losses)) and _are_finite(self._trained_tensors()):
            self._keep_weights()
            return
        self.module_.load_state_dict(self._kept_weights)
        # Its running averages are as wrong as the weights were.
        self.optimizer_.state.clear()
        del self.history[-1]
        good = len(self.history)
        kept = f" The network keeps its weights of epoch {good}." if good else ""
        raise TrainingDiverged(
            "Training diverged: the loss or the network's weights are not finite in epoch "
            f"{good + 1} at lr={self.optimizer_.param_groups[0]['lr']:g}. Scale X, or lower lr."
            f"{kept}",
            learned=good > self._epochs_before,
        )

    def _trained_tensors(self):
        """Return weights and the optimizer's averages: an infinite one stops it in silence."""
        averages = [value for state in self.optimizer_.state.values() for value in state.values()]
        return [*self.module_.parameters(), *filter(torch.is_tensor, averages)]

    def _keep_weights(self):
        self._kept_weights = {
            name: value.clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)
            for name, value in self.module_.state_dict().items()
        }


class TrainingDiverged(ValueError):
    """The loss or a weight was not finite: `fit` and `partial_fit` raise it.

    Parameters
    ----------
    message : str
        What happened, and what helps.
    learned : bool, default=False
        Whether an epoch of this training came before, to whose weights the network went back.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo import InfoSoftmaxClassifier, TrainingDiverged
    >>> X, y = np.eye(4), [0, 1, 0, 1]
    >>> try:
    ...     InfoSoftmaxClassifier(lr=1e30, random_state=0).fit(X, y)
    ... except TrainingDiverged as error:
    ...     print(error)  # doctest: +ELLIPSIS
    Training diverged: the loss or the network's weights are not finite in epoch ...
    """

    def __init__(self, message, learned=False):
        super().__init__(message)
        self.learned = learned


def _are_finite(weights):
    """Return whether all weights are finite: one look at a sum, most often."""
    sums = [weight.detach().sum() for weight in weights]
    if not sums or math.isfinite(sum(sums)):
        return True
    return all(bool(torch.isfinite(weight).all()) for weight in weights)
