"""The nets; their mixins, `_accelerate.py`, `_callbacks.py`, `_checkpoint.py` know skorch too.

The estimators own a fitted net of this file as ``net_``. Labels are class indices here, weights
travel beside the input in one dict, and modules return logits.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.dataset import unpack_data
from skorch.utils import to_device, to_tensor

from .batches import whole_batches
from .callbacks import QuietPrintLog
from .losses import LogSoftmaxLoss, log_mean_exp, log_proba_of_rows
from .training import ThinEpochs, TrainingGuard

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
# Numbers that a batch of prediction holds, if that is more rows than a batch of training.
_PREDICTION_NUMBERS = 1 << 18


class RowPredictions:
    """Mixin of skorch nets: log probabilities of rows, in batches that bound the memory.

    The net offers ``module_``, ``prediction_batches``, ``_module_input``, ``infer``,
    ``posterior_logits``, ``log_proba`` and ``n_classes``.
    """

    def input_batches(self, X, n_draws=1):
        """Yield batches of `X` as the module takes them."""
        for batch in self.prediction_batches(X, n_draws):
            yield self._module_input(unpack_data(batch)[0])

    def first_input(self, X):
        """Return the first batch of `X` as the module takes it."""
        for x in self.input_batches(X):
            return x
        self._check_all_came(0, len(X))

    def forward_iter(self, X, training=False, device="cpu"):
        if training:
            yield from super().forward_iter(X, training=True, device=device)
            return
        self._evaluate_module()
        for batch in self.prediction_batches(X):
            with torch.inference_mode():
                logits = self.evaluation_step(batch)
            yield to_device(logits, device=device)

    def _evaluate_module(self):
        # Setting a module's mode costs more than a look at it, and a row's forward pass as much.
        if any(module.training for module in self.module_.modules()):
            self._set_training(False)

    def evaluation_step(self, batch, training=False):
        # skorch walks through all modules here to set them to evaluation, batch after batch.
        if training or self.module_.training:
            return super().evaluation_step(batch, training=training)
        with torch.no_grad():
            return self.infer(unpack_data(batch)[0])

    def log_proba_batches(self, X):
        """Yield the log class probabilities of each batch of `X`, as float64 arrays (b, M)."""
        for logits in self.forward_iter(X):
            yield self.checked(self.log_proba(logits).numpy())

    def checked(self, log_proba):
        """Return log probabilities, unless there is a NaN among them."""
        if math.isnan(log_proba.sum()):
            raise ValueError(
                f"module={type(self.module_).__name__} returned logits that are not finite: its "
                "weights or X are too large. Scale X, or train with a lower lr."
            )
        return log_proba

    def predict_log_proba(self, X, **options):
        """Return log class probabilities, float64 of shape (n, M)."""
        return self._joined(self.log_proba_batches(X, **options), len(X))

    def predict_proba(self, X):
        log_proba = self.predict_log_proba(X)
        return np.exp(log_proba, out=log_proba)

    def predict_logits(self, X):
        """Return posterior logits, or log probabilities averaged over draws, float64 (n, M)."""
        batches = (
            self.log_proba(logits) if logits.ndim == 3 else self.posterior_logits(logits)
            for logits in self.forward_iter(X)
        )
        return self._joined(batches, len(X))

    def _joined(self, batches, n_samples):
        # Filled as they come: a list of batches joined at the end would need the memory twice.
        values = np.empty((n_samples, self.n_classes))
        for rows, batch in self.with_rows(batches, n_samples):
            values[rows] = batch
        return values

    def with_rows(self, batches, n_samples):
        """Yield batches with the slices of rows that they are of; all rows have to come."""
        start = 0
        for batch in batches:
            rows = slice(start, start + len(batch))
            start = rows.stop
            yield rows, batch
        self._check_all_came(start, n_samples)

    def _check_all_came(self, n_came, n_samples):
        if n_came != n_samples:
            raise ValueError(
                f"iterator_valid gave {n_came} rows of {n_samples}: predictions need each row "
                "once, without drop_last."
            )


class InfoSoftmaxNet(ThinEpochs, RowPredictions, TrainingGuard, NeuralNetClassifier):
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

    @property
    def _default_callbacks(self):
        callbacks = dict(super()._default_callbacks)
        return list({**callbacks, "print_log": QuietPrintLog()}.items())

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
        return self._iterator(dataset, training, self.batch_size)

    def _iterator(self, dataset, training, batch_size):
        prefix = "iterator_train" if training else "iterator_valid"
        kwargs = {"batch_size": batch_size, **self.get_params_for(prefix)}
        if kwargs["batch_size"] == -1:
            kwargs["batch_size"] = len(dataset)
        # Without one of its own, a DataLoader draws from the global generator even to predict.
        kwargs.setdefault("generator", torch.Generator().manual_seed(self.seed))
        if training:
            self.order_generator_ = kwargs["generator"]
        if "sampler" in kwargs or "batch_sampler" in kwargs:
            kwargs.pop("shuffle", None)
        if "batch_sampler" in kwargs:
            kwargs.pop("batch_size")
        if getattr(self, prefix) is whole_batches:
            kwargs.update(device=self.device, resident=training)
        return getattr(self, prefix)(dataset, **kwargs)

    def prediction_batches(self, X, n_draws=1):
        """Return batches of `X` for prediction with a number of draws for each row.

        Small rows go through the network in larger batches than those of training: without
        gradients these take no more memory, and the overhead of a batch is shared by more rows.
        """
        plain = isinstance(X, np.ndarray | torch.Tensor)
        if plain and len(X) == 1 and self.iterator_valid is whole_batches:
            # A copy: torch wants rows that can be written.
            return [(torch.as_tensor(X.copy()) if isinstance(X, np.ndarray) else X, None)]
        dataset = self.get_dataset(X)
        batch_size = self.batch_size
        if plain and len(X) and batch_size != -1:
            numbers = max(1, math.prod(X.shape[1:]), self.n_classes)
            rows = min(32 * batch_size, _PREDICTION_NUMBERS // numbers) // n_draws
            batch_size = max(batch_size, rows)
        return self._iterator(dataset, False, batch_size)

    def module_output(self, x, **fit_params):
        """Return what the module returns for a batch, in its own dtype and on its device."""
        return self.module_(self._module_input(x), **fit_params)

    def _module_input(self, x):
        if isinstance(x, dict):
            x = x["X"]
        if isinstance(x, torch.Tensor):
            return x.to(self.input_device, self.dtype)
        return to_tensor(x, device=self.input_device).to(self.dtype)

    @property
    def input_device(self):
        """Device of the module's input."""
        return self.device

    def outputs(self, x):
        """Return what the module makes of a batch on its way to logits, the logits last."""
        return [self.infer(x)]

    def infer(self, x, **fit_params):
        logits = self.module_output(x, **fit_params)
        # skorch's convention for modules with several outputs: the first is the prediction.
        return logits[0] if isinstance(logits, tuple) else logits

    def get_loss(self, y_pred, y_true, X=None, training=False):
        logits = self.posterior_logits(y_pred)
        if (
            type(self.criterion_) is LogSoftmaxLoss
            and logits.ndim == 2
            and not isinstance(X, dict)
        ):
            # The mean in the same kernel: row by row costs a small network a tenth of its time.
            y_true = torch.as_tensor(y_true, device=logits.device)
            return torch.nn.functional.cross_entropy(logits, y_true)
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
        # Scores of training rows reuse the logits of training, which carry gradients.
        logits = self.posterior_logits(logits.detach().double())
        log_proba = log_proba_of_rows(logits)
        return log_mean_exp(log_proba, dim=1) if logits.ndim == 3 else log_proba


def make_net(net_class, accelerator=None, **kwargs):
    """Build an uninitialised net, wrapped for accelerate where a factory is given."""
    if accelerator is None:
        return net_class(**kwargs)
    from .accelerate import accelerated_net

    return accelerated_net(net_class, accelerator, **kwargs)
