"""What becomes of a net whose training diverges, or is interrupted."""

from __future__ import annotations

import copy
import math
import warnings

import torch

from ._utils.user_warnings import users_stacklevel


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
