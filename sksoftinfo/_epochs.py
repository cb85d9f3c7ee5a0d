"""skorch's loop over an epoch, without what nobody asks for."""

from __future__ import annotations

import torch
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import get_len, unpack_data


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
