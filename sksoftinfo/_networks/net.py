"""`InfoSoftmaxNet`, the skorch net around a module that returns logits.

A fitted estimator has such a net as ``net_``. Labels of the net are class indices, and sample
weights are passed beside the rows in one dict.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from skorch import NeuralNetClassifier

from .._utils import users_stacklevel
from .batches import whole_batches
from .callbacks import QuietPrintLog
from .compat import (
    set_training,
    step_optimizers,
    to_device,
    to_tensor,
    unpack_data,
    with_callbacks,
    zero_gradients,
)
from .losses import LogSoftmaxLoss, weighted_mean
from .module_copy import copied_module
from .overfitting import warn_of_overfitting
from .precision import in_precision, widened
from .predictions import (
    evaluate_module,
    log_proba_batches,
    make_iterator,
    module_input,
    posterior_logits,
    prediction_batches,
)
from .refused_rows import naming_rows
from .torch_flags import pinned_flags
from .training import (
    TrainingDiverged,
    TrainingState,
    check_steps,
    has_diverged,
    is_heard,
    risen_loss,
    run_epoch,
)


@with_callbacks(print_log=QuietPrintLog)
class InfoSoftmaxNet(NeuralNetClassifier):
    """skorch net whose module returns logits and whose loss may be weighted by row.

    Training stops if the loss or a weight is not finite, and the net is restored to the last epoch
    before.

    Parameters
    ----------
    module, **kwargs
        Parameters of skorch's ``NeuralNetClassifier``.
    n_classes : int
    log_class_prior : tensor of shape (n_classes,) or None
        Added to the logits: the class prior inside the softmax.
    dtype : torch.dtype
        Dtype of the module.
    precision : {"full", "bf16"}
        Whether the module computes in its dtype, or multiplies in bfloat16.
    seed : int
        Seed of the order of the training rows.
    lr_falls : bool
        Whether the learning rate falls to 0 in the course of a training, along half a cosine.
    """

    # Axes of the module's output: rows and classes.
    _logits_ndim = 2
    # Draws of each row's output in prediction.
    _n_draws = 1

    def __init__(
        self,
        module,
        *,
        n_classes,
        log_class_prior=None,
        dtype=torch.float32,
        precision="full",
        seed=0,
        lr_falls=False,
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
        self.precision = precision
        self.seed = seed
        self.lr_falls = lr_falls

    @property
    def _input_device(self):
        return self.device

    def __getstate__(self):
        # Copies of constants are on devices of this machine.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_constants"}

    def initialized_instance(self, instance_or_cls, kwargs):
        # skorch trains the instance that it is given; the user's instance must stay unchanged.
        if isinstance(instance_or_cls, torch.nn.Module) and not kwargs:
            return copied_module(instance_or_cls)
        return super().initialized_instance(instance_or_cls, kwargs)

    def initialize_module(self):
        super().initialize_module()
        self.module_ = self.module_.to(self.dtype)
        return self

    def get_params_for_optimizer(self, prefix, named_parameters):
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        # Before 2.5, torch cannot fuse the steps of weights whose shape comes with the first rows.
        if any(torch.nn.parameter.is_lazy(one) for group in args[0] for one in group["params"]):
            kwargs.pop("fused", None)
        return args, kwargs

    def get_iterator(self, dataset, training=False):
        return make_iterator(self, dataset, training, self.batch_size, resident=True)

    def infer(self, x, **fit_params):
        x = module_input(self, x)
        with in_precision(self), naming_rows(self.module_, x):
            logits = self.module_(x, **fit_params)
        # skorch's convention for modules with several outputs: the first is the prediction.
        return widened(logits[0] if isinstance(logits, tuple) else logits, self.dtype)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        logits = posterior_logits(self, y_pred)
        y_true = to_tensor(y_true, device=logits.device)
        weighted = isinstance(X, dict)
        if type(self.criterion_) is LogSoftmaxLoss and logits.ndim == 2 and not weighted:
            # One kernel for losses and mean: 7 % of `20,000 x 50` in benchmarks/bench_speed.py.
            return torch.nn.functional.cross_entropy(logits, y_true)
        if isinstance(self.criterion_, torch.nn.NLLLoss):
            logits = torch.log_softmax(logits, dim=-1)
        loss = self.criterion_(logits, y_true)
        if weighted and loss.ndim == 0:
            raise ValueError(
                "`criterion` must return one value for each row if sample_weight or class_weight "
                f"is used; got {self.criterion!r}, which returns one number for a batch. Set e.g. "
                "reduction='none'."
            )
        return weighted_mean(loss, X["sample_weight"] if weighted else None)

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        self._last_good = TrainingState(self, with_optimizer=False)
        self._n_epochs_before = len(self.history)
        self._stopped_by_callback = False
        epochs = self.max_epochs if epochs is None else epochs
        # A callback may have resumed training, so that some epochs are done already.
        resumed = self.__dict__.pop("epochs_resumed_", 0)
        left = max(0, epochs - resumed)
        self._n_planned, self._first_epoch = epochs, len(self.history) - resumed
        try:
            # Gradients are computed outside `infer`.
            with pinned_flags():
                super().fit_loop(X, y, left, **kwargs)
            self._check_loss()
            return self
        except KeyboardInterrupt:
            # skorch ends training here; its callbacks stop early by the same exception.
            if not self._stopped_by_callback:
                warnings.warn(
                    f"Training was interrupted in epoch {len(self.history)}: the network keeps "
                    "its current weights and can be used. Continue with partial_fit or "
                    "warm_start.",
                    stacklevel=users_stacklevel(),
                )
            else:
                self._check_loss()
            raise
        except ValueError as error:
            if "more than 1 value per channel" in str(error):
                raise ValueError(
                    "`batch_size` must not leave a single row over, on which batch normalisation "
                    f"cannot be trained; got {self.batch_size}. Set another batch_size, or "
                    "iterator_train__drop_last=True."
                ) from error
            raise
        finally:
            set_training(self, False)
            del self._n_epochs_before, self._last_good, self._stopped_by_callback
            del self._n_planned, self._first_epoch
            if self.lr_falls:
                self._set_learning_rate(self.lr)
            # The generator is not needed after training, and would be copied with the net.
            self.__dict__.pop("order_generator_", None)

    def _check_loss(self):
        loss = risen_loss(self, self._first_epoch)
        if loss is not None:
            raise TrainingDiverged(
                f"Training diverged: in half of the epochs, at lr={self.lr:.3g}, the loss of the "
                f"training rows is at least {loss:.3g} nats, more than ten times the loss before "
                "training. Scale X, or lower lr."
            ) from None

    def notify(self, method_name, **kwargs):
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt:
            if method_name != "on_train_end":
                self._stopped_by_callback = True
                raise
            # Training is over, and skorch would discard its result.
            warnings.warn(
                "Training was interrupted after its last epoch, before all callbacks had "
                "finished: the network keeps its weights and can be used.",
                stacklevel=users_stacklevel(),
            )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        told = is_heard(self, "on_batch_begin", "on_batch_end")
        if training and not told:
            run_epoch(self, iterator, prefix, step_fn, **fit_params)
        else:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        if training:
            check_steps(self, self.history[-1, f"{prefix}_batch_count"])

    # skorch walks through all modules and callbacks in each step. Without that, training takes a
    # tenth less time (`20,000 x 50` in benchmarks/bench_speed.py).

    def train_step(self, batch, **fit_params):
        if is_heard(self, "on_grad_computed"):
            return super().train_step(batch, **fit_params)
        steps = self.get_train_step_accumulator()

        def closure():
            zero_gradients(self)
            step = self.train_step_single(batch, **fit_params)
            steps.store_step(step)
            return step["loss"]

        step_optimizers(self, closure)
        return steps.get_step()

    def train_step_single(self, batch, **fit_params):
        if not self.module_.training:
            set_training(self, True)
        x, y = unpack_data(batch)
        y_pred = self.infer(x, **fit_params)
        loss = self.get_loss(y_pred, y, X=x, training=True)
        loss.backward()
        return {"loss": loss, "y_pred": y_pred}

    def _share_done(self):
        """Return the share of the planned epochs of this training that are done."""
        return (len(self.history) - self._first_epoch) / self._n_planned

    def _share_of_lr(self):
        """Return the factor of the learning rate in the next epoch."""
        return (1 + math.cos(math.pi * self._share_done())) / 2

    def _set_learning_rate(self, lr):
        for group in self.optimizer_.param_groups:
            group["lr"] = lr

    def on_epoch_begin(self, net, **kwargs):
        if self.lr_falls:
            self._set_learning_rate(self.lr * self._share_of_lr())
        super().on_epoch_begin(net, **kwargs)

    def on_train_end(self, net, **kwargs):
        warn_of_overfitting(self)
        super().on_train_end(net, **kwargs)

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        if not has_diverged(self):
            self._last_good = TrainingState(self, with_optimizer=False)
            return
        epoch, lr = len(self.history), self.optimizer_.param_groups[0]["lr"]
        self._last_good.restore(self)
        kept = f" The network keeps its weights of epoch {epoch - 1}." if epoch > 1 else ""
        raise TrainingDiverged(
            "Training diverged: the loss or the network's weights are not finite in epoch "
            f"{epoch} at lr={lr:.3g}. Scale X, or lower lr.{kept}",
            learned=self._last_good.n_epochs > self._n_epochs_before,
        )

    def forward_iter(self, X, training=False, device="cpu"):
        if training:
            yield from super().forward_iter(X, training=True, device=device)
            return
        evaluate_module(self)
        for batch in prediction_batches(self, X, self._n_draws):
            with torch.inference_mode():
                logits = self.infer(unpack_data(batch)[0])
            yield to_device(logits, device=device)

    def predict_proba(self, X):
        # skorch's scorers pass batches of their own, which may lack rows.
        batches = [np.exp(log_proba) for log_proba in log_proba_batches(self, X)]
        return np.concatenate(batches) if batches else np.empty((0, self.n_classes))


def make_net(net_class, accelerator=None, **kwargs):
    """Build an uninitialised net, wrapped for accelerate where a factory is given."""
    if accelerator is None:
        return net_class(**kwargs)
    from .accelerate import accelerated_net

    return accelerated_net(net_class, accelerator, **kwargs)
