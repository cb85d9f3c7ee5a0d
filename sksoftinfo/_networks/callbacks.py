"""skorch's callbacks, as our estimators take and use them."""

from __future__ import annotations

import copy

from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
    ParamMapper,
    PrintLog,
)

# What skorch records of validation rows alone.
_OF_VALIDATION_ROWS = ("valid_loss", "valid_acc")
# Those that change weights, learning rate or the end of a training.
OF_TRAINING = (EarlyStopping, GradientNormClipping, LRScheduler, ParamMapper)


class QuietPrintLog(PrintLog):
    """skorch's table of epochs, which is not even set where nobody sees it."""

    watches_only = True

    def on_epoch_end(self, net, **kwargs):
        if net.verbose or self.sink is not print:
            super().on_epoch_end(net, **kwargs)


class EpochTicker(Callback):
    """skorch callback that calls a function after each epoch.

    Parameters
    ----------
    function : callable
        Takes no argument.
    """

    watches_only = True

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        self.function()


def early_stopping(patience):
    """Return a callback that stops when the validation loss has not fallen for `patience` epochs.

    The network is left as it was at its best.
    """
    return EarlyStopping(patience=patience, load_best=True, sink=_print_nothing)


def _print_nothing(text):
    pass


def own_callbacks(callbacks):
    """Return copies of the callbacks: skorch initialises and trains with those it is given."""
    if not isinstance(callbacks, list | tuple):
        return callbacks
    own = [_own_callback(callback) for callback in callbacks]
    # One that keeps the state of training has to see what the others made of the epoch.
    return sorted(own, key=_runs_last)


def changes_training(callbacks):
    """Return whether any of skorch's callbacks stops training, or changes weights or their rate.

    Parameters
    ----------
    callbacks : list, str or None
        As the estimators take them: instances and classes, or tuples of a name and one of them.
    """
    for callback in callbacks if isinstance(callbacks, list | tuple) else ():
        one = callback[-1] if isinstance(callback, tuple) else callback
        if issubclass(one if isinstance(one, type) else type(one), OF_TRAINING):
            return True
    return False


def check_monitors(net):
    """Raise ValueError if a callback of an initialised net waits for validation rows in vain."""
    if net.train_split is not None:
        return
    for name, callback in net.callbacks_:
        monitor = getattr(callback, "monitor", None)
        # Under other names, a callback of the user's own may record what it validates by itself.
        if isinstance(monitor, str) and monitor.removesuffix("_best") in _OF_VALIDATION_ROWS:
            raise ValueError(
                f"callbacks holds {name!r}, which monitors {monitor!r}, and no rows are held out "
                "for validation: set train_split, as train_split=0.2, or let it monitor the "
                "training, as monitor='train_loss'."
            )


def _runs_last(callback):
    return getattr(callback[-1] if isinstance(callback, tuple) else callback, "runs_last", False)


def _own_callback(callback):
    if isinstance(callback, tuple):
        return (*callback[:-1], _own_callback(callback[-1]))
    if not hasattr(callback, "on_train_begin"):
        raise ValueError(
            f"callbacks holds {callback!r}, which is no skorch callback: give instances of "
            "skorch.callbacks.Callback, or tuples (name, callback)."
        )
    if isinstance(callback, type):
        return callback
    return clone(callback) if hasattr(callback, "get_params") else copy.deepcopy(callback)
