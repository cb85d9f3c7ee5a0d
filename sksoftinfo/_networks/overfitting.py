"""Warning about networks that have memorised their training rows."""

from __future__ import annotations

import math
import warnings

from .._utils import users_stacklevel
from .losses import LogSoftmaxLoss

# Share of the largest label entropy, log M, by which the losses may differ.
_LARGEST_GAP = 0.5


def warn_of_overfitting(net):
    """Warn if the bound of the training rows lies far above the bound of the held-out rows.

    Nothing is compared if no rows are held out, if the loss is not the negative log-softmax, or if
    a callback restores the weights of an earlier epoch, which are not those of the last losses.

    Parameters
    ----------
    net : InfoSoftmaxNet
        Net at the end of its training.

    Warns
    -----
    UserWarning
        If the log-loss of the held-out rows in the last epoch exceeds that of the training rows by
        more than half the entropy of uniform labels.
    """
    if net.train_split is None or type(net.criterion_) is not LogSoftmaxLoss:
        return
    if any(getattr(callback, "load_best", False) for _, callback in net.callbacks_):
        return
    last = net.history[-1] if len(net.history) else {}
    if "train_loss" not in last or "valid_loss" not in last:
        return
    gap = last["valid_loss"] - last["train_loss"]
    if gap > _LARGEST_GAP * math.log(net.n_classes):
        warnings.warn(
            f"The network has memorised its training rows: its log-loss is {gap:.2f} nats lower "
            "on them than on the validation rows. Bounds on held-out rows will be low. To raise "
            "them, train for fewer epochs (max_epochs), set a larger optimizer__weight_decay, or "
            "add EarlyStopping(load_best=True) to the callbacks.",
            stacklevel=users_stacklevel(),
        )
