"""The skorch layer: the only file that imports skorch.

The estimators own a fitted net of this file as ``net_``. Labels are class indices here, weights
travel beside the input in one dict, and modules return logits.
"""

from __future__ import annotations

import copy
import os
import threading
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import Dataset, ValidSplit, unpack_data
from skorch.utils import to_tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler, Subset

from ._objectives import log_mean_exp
from ._window_logits import WindowLogits

# Prefixes of the parameters that travel to skorch as ``prefix__name``.
SKORCH_PREFIXES = (
    "module",
    "criterion",
    "optimizer",
    "callbacks",
    "iterator_train",
    "iterator_valid",
    "dataset",
    "compile",
)
# Parameters of skorch's nets that our estimators pass through under skorch's own names.
SKORCH_NAMES = (
    "compile",
    "dataset",
    "iterator_train",
    "iterator_valid",
    "torch_load_kwargs",
    "use_caching",
)

# Callbacks that skorch's classifier always has.
DEFAULT_CALLBACKS = ("epoch_timer", "train_loss", "valid_loss", "valid_acc", "print_log")

_GLOBAL_GENERATOR = threading.RLock()


@contextmanager
def seeded(seed):
    """Seed torch's global generators, and give them back as they were.

    Modules draw their first weights and their dropout from the global generator. The lock keeps
    another thread's fit from drawing in between.
    """
    with _GLOBAL_GENERATOR:
        state = torch.get_rng_state()
        on_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        cuda_state = torch.cuda.get_rng_state_all() if on_cuda else None
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_rng_state(state)
            if cuda_state is not None:
                torch.cuda.set_rng_state_all(cuda_state)


def whole_batches(dataset, batch_size, shuffle=False, generator=None, **kwargs):
    """Iterate over an in-memory dataset, indexing a whole batch at once.

    The default collation fetches and stacks one row at a time, which costs more than a small
    network's forward and backward pass.
    """
    if not _is_in_memory(dataset):
        return DataLoader(
            dataset, batch_size=batch_size, shuffle=shuffle, generator=generator, **kwargs
        )
    sampler = (
        RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
    )
    batches = BatchSampler(sampler, batch_size, drop_last=kwargs.pop("drop_last", False))
    return DataLoader(dataset, sampler=batches, batch_size=None, generator=generator, **kwargs)


def _is_in_memory(dataset):
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if type(dataset) is not Dataset:
        return False
    parts = dataset.X.values() if isinstance(dataset.X, dict) else [dataset.X]
    return all(isinstance(part, np.ndarray | torch.Tensor) for part in parts)


class InfoSoftmaxNet(WindowLogits, NeuralNetClassifier):
    """skorch net whose module returns logits and whose loss may be weighted by row.

    Parameters
    ----------
    module, **kwargs
        As skorch's ``NeuralNetClassifier``.
    n_classes : int
    log_class_prior : tensor of shape (n_classes,) or None
        Added to the logits: the class prior inside the softmax.
    dtype : torch.dtype
        Dtype of the module.
    seed : int
        Seeds the order of the training rows.
    """

    logits_ndim = 2

    def __init__(
        self,
        module,
        *,
        n_classes,
        log_class_prior=None,
        dtype=torch.float32,
        seed=0,
        iterator_train=whole_batches,
        iterator_valid=whole_batches,
        iterator_train__shuffle=True,
        **kwargs,
    ):
        super().__init__(
            module,
            iterator_train=iterator_train,
            iterator_valid=iterator_valid,
            iterator_train__shuffle=iterator_train__shuffle,
            classes=np.arange(n_classes),
            **kwargs,
        )
        self.n_classes = n_classes
        self.log_class_prior = log_class_prior
        self.dtype = dtype
        self.seed = seed

    def initialized_instance(self, instance_or_cls, kwargs):
        # skorch trains the very instance that it is given; the user's own must stay as it was.
        if isinstance(instance_or_cls, torch.nn.Module) and not kwargs:
            return copy.deepcopy(instance_or_cls)
        return super().initialized_instance(instance_or_cls, kwargs)

    def initialize_module(self):
        super().initialize_module()
        self.module_ = self.module_.to(self.dtype)
        return self

    def get_iterator(self, dataset, training=False):
        prefix = "iterator_train" if training else "iterator_valid"
        kwargs = {"batch_size": self.batch_size, **self.get_params_for(prefix)}
        if kwargs["batch_size"] == -1:
            kwargs["batch_size"] = len(dataset)
        # Without one of its own, a DataLoader draws from the global generator even to predict.
        kwargs.setdefault("generator", torch.Generator().manual_seed(self.seed))
        if "sampler" in kwargs or "batch_sampler" in kwargs:
            kwargs.pop("shuffle", None)
        if "batch_sampler" in kwargs:
            kwargs.pop("batch_size")
        return getattr(self, prefix)(dataset, **kwargs)

    def module_output(self, x, **fit_params):
        """Return what the module returns for a batch, in its own dtype and on its device."""
        if isinstance(x, dict):
            x = x["X"]
        return super().infer(to_tensor(x, device=self.device).to(self.dtype), **fit_params)

    def infer(self, x, **fit_params):
        logits = self.module_output(x, **fit_params)
        # skorch's convention for modules with several outputs: the first is the prediction.
        return logits[0] if isinstance(logits, tuple) else logits

    def input_batches(self, X):
        """Yield batches of `X` as the module takes them."""
        for batch in self.get_iterator(self.get_dataset(X)):
            yield to_tensor(unpack_data(batch)[0], device=self.device).to(self.dtype)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        logits = self.posterior_logits(y_pred)
        if isinstance(self.criterion_, torch.nn.NLLLoss):
            logits = torch.log_softmax(logits, dim=-1)
        loss = self.criterion_(logits, to_tensor(y_true, device=logits.device))
        if isinstance(X, dict):
            if loss.ndim == 0:
                raise ValueError(
                    f"criterion={self.criterion!r} returns one number for a batch, so that "
                    "sample_weight and class_weight cannot apply: use a criterion that returns "
                    "one value for each row, as reduction='none' does."
                )
        return self.weighted_mean(loss, X)

    def weighted_mean(self, values, X):
        """Return the mean of one value for each row of a batch, weighted where `X` has weights."""
        if isinstance(X, dict):
            weight = to_tensor(X["sample_weight"], device=values.device)
            values = values * weight.to(values.dtype)
        return values.mean()

    def posterior_logits(self, logits):
        """Return ``z + log(class prior)``, whose softmax is the class posterior."""
        if logits.ndim != self.logits_ndim or logits.shape[-1] != self.n_classes:
            draws = ", n_draws" if self.logits_ndim == 3 else ""
            raise ValueError(
                f"module={type(self.module_).__name__} returned logits of shape "
                f"{tuple(logits.shape)} where (n_samples{draws}, {self.n_classes}) is needed, one "
                f"column for each of the {self.n_classes} classes: let its last layer have "
                f"{self.n_classes} outputs, or an `n_classes` argument that sets them."
            )
        if self.log_class_prior is None:
            return logits
        return logits + self.log_class_prior.to(logits)

    def log_proba(self, logits):
        """Return log class probabilities (b, M) in float64, averaged over draws in (b, K, M)."""
        logits = self.posterior_logits(logits.double())
        log_proba = torch.log_softmax(logits, dim=-1)
        return log_mean_exp(log_proba, dim=1) if log_proba.ndim == 3 else log_proba

    def log_proba_batches(self, X):
        """Yield the log class probabilities of each batch of `X`, as float64 arrays (b, M)."""
        for logits in self.forward_iter(X):
            yield self.log_proba(logits).numpy()

    def predict_log_proba(self, X):
        """Return log class probabilities, float64 of shape (n, M)."""
        return np.concatenate(list(self.log_proba_batches(X)))

    def predict_proba(self, X):
        return np.exp(self.predict_log_proba(X))

    def predict_logits(self, X):
        """Return posterior logits, or log probabilities averaged over draws, float64 (n, M)."""
        batches = []
        for logits in self.forward_iter(X):
            logits = self.log_proba(logits) if logits.ndim == 3 else self.posterior_logits(logits)
            batches.append(logits.double().numpy())
        return np.concatenate(batches)


class EpochTicker(Callback):
    """skorch callback that calls a function after each epoch.

    Parameters
    ----------
    function : callable
        Takes no argument.
    """

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


def make_net(net_class, accelerator=None, **kwargs):
    """Build an uninitialised net, wrapped for accelerate where a factory is given."""
    if accelerator is None:
        return net_class(**kwargs)
    from skorch.hf import AccelerateMixin

    def reduce(net, protocol=None):
        state = {**net.__getstate__(), "optimizer_": getattr(net.optimizer_, "optimizer", None)}
        del state["accelerator"]
        return _restore, (net_class, state)

    # A live accelerator cannot travel to another process: copies are plain nets.
    members = {"__reduce_ex__": reduce}
    accelerated = type(f"Accelerated{net_class.__name__}", (AccelerateMixin, net_class), members)
    # The accelerator places data and module itself, batch by batch, and so needs a DataLoader.
    kwargs.update(device=None, iterator_train=DataLoader, iterator_valid=DataLoader)
    kwargs.setdefault("callbacks__print_log__sink", _print_on_main_process)
    return accelerated(accelerator=accelerator(), **kwargs)


def _restore(net_class, state):
    net = net_class.__new__(net_class)
    net.__setstate__(state)
    return net


def _print_on_main_process(text):
    if os.environ.get("RANK", "0") == "0":
        print(text)


def make_train_split(train_split, seed):
    """Return skorch's split for a share or a number of folds; anything else is taken as it is."""
    if isinstance(train_split, float | int) and not isinstance(train_split, bool):
        shuffled = isinstance(train_split, float)
        return ValidSplit(train_split, stratified=True, random_state=seed if shuffled else None)
    return train_split


def own_callbacks(callbacks):
    """Return copies of the callbacks: skorch initialises and trains with those it is given."""
    if not isinstance(callbacks, list | tuple):
        return callbacks
    return [_own_callback(callback) for callback in callbacks]


def _own_callback(callback):
    if isinstance(callback, tuple):
        return (*callback[:-1], _own_callback(callback[-1]))
    if isinstance(callback, type):
        return callback
    return clone(callback) if hasattr(callback, "get_params") else copy.deepcopy(callback)
