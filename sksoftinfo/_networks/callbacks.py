"""Callbacks of skorch, as the estimators accept and use them."""

from __future__ import annotations

import copy

from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LoadInitState,
    LRScheduler,
    ParamMapper,
    PrintLog,
)

# Scores that skorch records for validation rows only.
_OF_VALIDATION_ROWS = ("valid_loss", "valid_acc")
# Callbacks that change the weights, the learning rate or the end of training.
OF_TRAINING = (EarlyStopping, GradientNormClipping, LRScheduler, ParamMapper)


class QuietPrintLog(PrintLog):
    """skorch's table of epochs, which is formatted only if it is printed."""

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


def own_callbacks(callbacks):
    """Return copies of the callbacks, since skorch changes the callbacks that it is given."""
    if not isinstance(callbacks, list | tuple):
        return callbacks
    own = [_own_callback(callback) for callback in callbacks]
    # A callback that saves the state of training has to run after the others.
    return sorted(own, key=_runs_last)


def changes_training(callbacks):
    """Return whether a skorch callback may stop training, or change weights or the learning rate.

    Parameters
    ----------
    callbacks : list, str or None
        Callbacks as the estimators accept them: instances, classes, or tuples of a name and
        either.
    """
    for callback in callbacks if isinstance(callbacks, list | tuple) else ():
        one = callback[-1] if isinstance(callback, tuple) else callback
        kind = one if isinstance(one, type) else type(one)
        # A checkpoint may restore the weights at which its own monitor was best.
        if issubclass(kind, (*OF_TRAINING, LoadInitState)) or getattr(one, "load_best", False):
            return True
    return False


def check_monitors(net):
    """Raise ValueError if a callback of an initialised net monitors rows that are not held out."""
    if net.train_split is not None:
        return
    for name, callback in net.callbacks_:
        monitor = getattr(callback, "monitor", None)
        # A callback of the user's own may record scores under other names.
        if isinstance(monitor, str) and monitor.removesuffix("_best") in _OF_VALIDATION_ROWS:
            raise ValueError(
                "`callbacks` must not monitor validation rows with train_split=None; got "
                f"{name!r}, which monitors {monitor!r}. Hold rows out, e.g. train_split=0.2, or "
                "set monitor='train_loss'."
            )


def _runs_last(callback):
    return getattr(callback[-1] if isinstance(callback, tuple) else callback, "runs_last", False)


def _own_callback(callback):
    if isinstance(callback, tuple):
        return (*callback[:-1], _own_callback(callback[-1]))
    if not hasattr(callback, "on_train_begin"):
        raise ValueError(
            f"`callbacks` must contain skorch callbacks; got {callback!r}. Pass instances of "
            "skorch.callbacks.Callback, or tuples (name, callback)."
        )
    if isinstance(callback, type):
        return callback
    return clone(callback) if hasattr(callback, "get_params") else copy.deepcopy(callback)
