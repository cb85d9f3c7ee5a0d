"""Training of a net: epochs without waits, saved states, and the error of divergence."""

from __future__ import annotations

import copy
import math
import statistics
from collections import defaultdict
from contextlib import contextmanager

import torch
from skorch.callbacks import Callback, EpochScoring

from .compat import get_len, largest_entries, set_training
from .losses import DonskerVaradhanLoss, LogSoftmaxLoss, PredictiveLoss

# Largest median loss of the epochs, in units of the first loss and of the label entropy.
_LARGEST_RISE = 10.0
_IN_NATS = (LogSoftmaxLoss, PredictiveLoss, DonskerVaradhanLoss)


class TrainingDiverged(ValueError):
    """Error that `fit` and `partial_fit` raise if the loss is far too large or not finite.

    The loss is far too large if its median over the epochs exceeds both ten times the loss of the
    first step and 10 log M, for M classes; losses of your own are not judged by this. The error is
    also raised if a weight is not finite.

    Parameters
    ----------
    message : str
        Text of the error.
    learned : bool, default=False
        Value of the attribute.

    Attributes
    ----------
    learned : bool
        Whether the network keeps the weights of an earlier, finite epoch of this training.

    See Also
    --------
    InfoSoftmaxClassifier : Classifier that raises this error.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo import InfoSoftmaxClassifier, TrainingDiverged
    >>> X, y = np.eye(4), [0, 1, 0, 1]
    >>> try:
    ...     InfoSoftmaxClassifier(lr=1e30, max_epochs=5, random_state=0).fit(X, y)
    ... except TrainingDiverged as error:
    ...     print(error)  # doctest: +ELLIPSIS
    Training diverged: the loss or the network's weights are not finite in epoch ...
    """

    def __init__(self, message, learned=False):
        super().__init__(message)
        self.learned = learned


class TrainingState:
    """Copy of the state that training changes in a net, to which the net can be restored.

    Parameters
    ----------
    net : InfoSoftmaxNet
        Initialised net.
    with_optimizer : bool, default=True
        Whether the optimizer's averages are kept. The averages take as much memory as the weights,
        or twice as much; without the averages, a restored optimizer starts afresh.
    """

    def __init__(self, net, with_optimizer=True):
        self.n_epochs = len(net.history)
        self.weights = _copied(net.module_)
        self.criterion = _copied(net.criterion_)
        self.optimizer = copy.deepcopy(net.optimizer_.state_dict()) if with_optimizer else None
        generator = getattr(net, "noise_generator_", None)
        self.noise = None if generator is None else generator.get_state()

    def restore(self, net):
        """Restore the net to this state."""
        del net.history[self.n_epochs :]
        net.module_.load_state_dict(self.weights)
        if self.criterion is not None:
            net.criterion_.load_state_dict(self.criterion)
        if self.optimizer is None:
            net.optimizer_.state.clear()
        else:
            net.optimizer_.load_state_dict(self.optimizer)
        if self.noise is not None:
            net.noise_generator_.set_state(self.noise)


def trainable(net):
    """Return the net, or a copy that can be trained if it has tensors of inference mode.

    Copies and pickles that are made under ``torch.inference_mode()`` have such tensors, which
    cannot be made trainable again.
    """
    module = net.module_
    if not any(one.is_inference() for one in (*module.parameters(), *module.buffers())):
        return net
    with torch.inference_mode(False):
        return copy.deepcopy(net)


@contextmanager
def net_unchanged_on_error(net):
    """Restore a net if an error is raised inside the context.

    The weights, the optimizer and the attributes, such as the class prior, learning rate and
    callbacks, are restored. Epochs before a divergence are kept.
    """
    attributes, state = dict(vars(net)), TrainingState(net)
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, TrainingDiverged) and error.learned):
            vars(net).clear()
            vars(net).update(attributes)
            state.restore(net)
            set_training(net, False)
        raise


def _copied(module):
    if not isinstance(module, torch.nn.Module):
        return None
    return {
        name: value.clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)
        for name, value in module.state_dict().items()
    }


def run_epoch(net, iterator, prefix, step_fn, **fit_params):
    """Train an epoch and read its losses at the end, so that no batch waits for a GPU.

    Callbacks are not notified of batches. The function is therefore used only for nets whose
    callbacks ignore batches (see `is_heard`).
    """
    losses = []
    try:
        for batch in iterator:
            loss = step_fn(batch, **fit_params)["loss"].detach()
            x = batch[0] if isinstance(batch, tuple | list) else batch
            # On the CPU, small tensors kept between large ones would fragment the memory. One
            # append, so that an interruption cannot separate a loss from its number of rows.
            losses.append((loss.item() if loss.device.type == "cpu" else loss, get_len(x)))
    finally:
        # An interrupted epoch leaves its batches in the history, as in skorch.
        values = [value for value, _ in losses]
        if values and isinstance(values[0], torch.Tensor):
            values = torch.stack(values).tolist()
        for value, (_, size) in zip(values, losses, strict=True):
            net.history.new_batch()
            net.history.record_batch(f"{prefix}_loss", value)
            net.history.record_batch(f"{prefix}_batch_size", size)
    net.history.record(f"{prefix}_batch_count", len(losses))


def check_steps(net, n_steps):
    """Raise ValueError if an epoch had no step: nothing was trained."""
    if not n_steps:
        raise ValueError(
            "`iterator_train` must give at least one batch; got none at "
            f"batch_size={net.batch_size}. Lower batch_size, or leave out drop_last."
        )


def is_heard(net, *events):
    """Return whether a callback of an initialised net handles one of these events."""
    return any(_listens(callback, event) for _, callback in net.callbacks_ for event in events)


def _listens(callback, event):
    method = getattr(type(callback), event, None)
    if event in vars(callback):
        return True
    # Epoch scores of validation rows collect predictions of validation batches only.
    if method is EpochScoring.on_batch_end:
        return callback.on_train
    return method is not getattr(Callback, event)


def risen_loss(net, first_epoch):
    """Return the median loss of the epochs if it is far too large, and None otherwise.

    A learning rate that falls to 0 may fit the training rows in the end, by weights that are too
    large for any other row. The last epoch alone would not show this.

    Parameters
    ----------
    net : InfoSoftmaxNet
        Net at the end of a training.
    first_epoch : int
        Index of the first epoch of this training.

    Returns
    -------
    float or None
        Median of the mean losses of the training rows, if it exceeds ten times the loss of the
        first step and ten times the entropy of uniform labels.
    """
    epochs = [
        [
            (one["train_loss"], one["train_batch_size"])
            for one in epoch["batches"]
            if "train_loss" in one
        ]
        for epoch in net.history[first_epoch:]
    ]
    epochs = [batches for batches in epochs if batches]
    # The user's own losses are not comparable with an entropy.
    if type(net.criterion_) not in _IN_NATS or not epochs:
        return None
    losses = [
        sum(loss * size for loss, size in batches) / sum(size for _, size in batches)
        for batches in epochs
    ]
    loss, usual = statistics.median(losses), max(epochs[0][0][0], math.log(net.n_classes))
    return loss if loss > _LARGEST_RISE * usual else None


def has_diverged(net):
    """Return whether the last epoch's losses, the weights or the optimizer are not finite."""
    losses = [batch.get("train_loss", 0.0) for batch in net.history[-1]["batches"]]
    # An infinite average of the optimizer would silently freeze its weight.
    averages = [value for state in net.optimizer_.state.values() for value in state.values()]
    weights = [weight for weight in net.module_.parameters() if weight.requires_grad]
    trained = [*weights, *filter(torch.is_tensor, averages)]
    return not (math.isfinite(sum(losses)) and _are_finite(trained))


def _are_finite(tensors):
    """Return whether all tensors are finite, by one test for each device and dtype."""
    groups = defaultdict(list)
    for tensor in tensors:
        if tensor.numel():
            groups[tensor.device, tensor.dtype].append(tensor.detach())
    return all(
        math.isfinite(torch.stack(largest_entries(group)).amax()) for group in groups.values()
    )
