"""What the two classifiers share: parameters, validation and training."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, Options, RealNotInt, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from .._bounds import check_distribution
from .._networks import (
    MLP,
    ConvNet,
    TrainingDiverged,
    check_monitors,
    check_output,
    make_net,
    make_train_split,
    own_callbacks,
    resolve_device,
    seeded,
)
from .._utils import (
    are_plain_labels,
    check_row_shape,
    check_two_classes,
    check_weights,
    encode_labels,
    fingerprint,
    validate_rows,
)
from .portable import PortableMixin
from .prediction import PredictionMixin
from .skorch_params import SkorchParams

if TYPE_CHECKING:
    from typing_extensions import Self


# Of the default optimizer. That for tables was chosen by held-out log-likelihood on small and
# noisy ones; convolutions share their weights, and train too slowly with as much.
_TABLE_WEIGHT_DECAY = 1.0
_IMAGE_WEIGHT_DECAY = 0.01
_MAX_SEED = np.iinfo(np.int32).max


class BaseInfoClassifier(
    PortableMixin, SkorchParams, PredictionMixin, ClassifierMixin, BaseEstimator
):
    """Base of the classifiers. Subclasses choose the net and how its bounds are scored."""

    _parameter_constraints: dict = {
        "module": [None, callable],
        "class_prior": [StrOptions({"uniform", "empirical"}), "array-like"],
        "decision": [StrOptions({"posterior", "information"})],
        "optimizer": [None, callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1})],
        "train_split": [
            None,
            callable,
            Interval(RealNotInt, 0, 1, closed="neither"),
            Interval(Integral, 2, None, closed="left"),
        ],
        "callbacks": [None, list, StrOptions({"disable"})],
        "class_weight": [None, dict, StrOptions({"balanced"})],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "device": [str, torch.device],
        "accelerator": [None, callable],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) or \
(n_samples, n_channels, height, width)
            Table or images.
        y : array-like of shape (n_samples,)
            Labels: numbers or strings, at least two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Rows of weight zero are left out.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            If the input is not finite, has the wrong shape or fewer than two classes, if a
            parameter is out of its range, or if training diverges.
        """
        self._check_skorch_names()
        continuing = self.warm_start and hasattr(self, "net_")
        X, y, weight = self._validate_training(X, y, sample_weight, reset=not continuing)
        if continuing:
            y = encode_labels(y, self.classes_)
        else:
            classes, y = np.unique(y, return_inverse=True)
            self._start(X, classes)
        self._fitted_on = fingerprint(X, y)
        return self._train(X, y, weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on these rows, going on from where the network is.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        self
            The classifier.
        """
        self._check_skorch_names()
        first = not hasattr(self, "net_")
        X, y, weight = self._validate_training(X, y, sample_weight, reset=first)
        if first:
            if classes is None:
                raise ValueError(
                    "classes=None in the first call of partial_fit: name all classes there."
                )
            classes = np.unique(classes)
        else:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(
                    f"classes={classes!r} differ from those of the first call, "
                    f"{self.classes_.tolist()}: leave `classes` out."
                )
            classes = self.classes_
        encoded = encode_labels(y, classes)
        if first:
            self._start(X, classes)
        return self._train(X, encoded, weight, epochs=1)

    def _validate_training(self, X, y, sample_weight, reset):
        X, y = self._validate(X, y, reset=reset)
        check_classification_targets(y)
        weight = None
        if sample_weight is not None:
            weight = check_weights(sample_weight, X)
            # Left in, such rows would share in the batches and so in the order of training.
            used = weight > 0
            if not used.all():
                X, y, weight = X[used], y[used], weight[used]
        return X, y, weight

    def _validate(self, X, y="no_validation", *, reset):
        if not reset and self._is_plain(X):
            if isinstance(y, str):
                return X
            if are_plain_labels(y, len(X)):
                return X, y
        if not reset:
            check_row_shape(X, self.input_shape_, type(self).__name__)
        options = {"reset": reset, "allow_nd": True, "dtype": [np.float64, np.float32]}
        if self.dtype != "auto":
            options["dtype"] = self.dtype
        elif len(getattr(X, "shape", ())) > 2:
            options["dtype"] = [np.float32, np.float64]
        return validate_rows(self, X, y, **options)

    def _is_plain(self, X):
        """Return whether `X` is sure to pass validation unchanged.

        That of scikit-learn takes longer than a small network needs for a row.
        """
        if type(X) is not np.ndarray or not len(X) or X.shape[1:] != self.input_shape_:
            return False
        dtypes = ("float32", "float64") if self.dtype == "auto" else (self.dtype,)
        if X.dtype.name not in dtypes or hasattr(self, "feature_names_in_"):
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.isfinite(X.sum()))

    def _start(self, X, classes):
        """Set what the first look at the data decides, and build the net."""
        check_two_classes(classes)
        self.classes_ = classes
        self.input_shape_ = X.shape[1:]
        self._random = check_random_state(self.random_state)
        self._label_weight = np.zeros(len(classes))
        if hasattr(self, "net_"):
            del self.net_
        if not isinstance(self.class_prior, str):
            check_distribution(self.class_prior, len(classes), "class_prior")

    def _train(self, X, y, weight, epochs=None):
        self._label_weight += np.bincount(y, weight, minlength=len(self.classes_))
        self.train_prior_ = self._label_weight / self._label_weight.sum()
        self.class_prior_ = self._resolve_class_prior()
        if self.class_weight is not None:
            base = np.ones(len(y)) if weight is None else weight
            weight = base * self._class_weights(y, base)[y]
        seed = int(self._random.randint(_MAX_SEED))
        with seeded(seed):
            net = self.net_ if hasattr(self, "net_") else self._build(X, seed)
            net.seed = seed
            for name in ("lr", "max_epochs", "batch_size", "verbose"):
                if getattr(net, name) != getattr(self, name):
                    net.set_params(**{name: getattr(self, name)})
            net.log_class_prior = self._log_class_prior()
            X = self._module_array(X)
            if weight is not None:
                X = {"X": X, "sample_weight": weight / weight.mean()}
            try:
                net.partial_fit(X, y.astype(np.int64), **({} if epochs is None else {"epochs": 1}))
            except TrainingDiverged as error:
                if error.learned:
                    self.net_ = net
                raise
        self.net_ = net
        return self

    def _class_weights(self, y, weight):
        """Return one weight for each class."""
        if self.class_weight == "balanced":
            total = np.bincount(y, weight, minlength=len(self.classes_))
            present = total > 0
            return np.divide(
                total.sum(), present.sum() * total, out=np.zeros(len(total)), where=present
            )
        weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[y]
        )
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights[y].any()):
            raise ValueError(
                f"class_weight={self.class_weight!r} has a weight that is negative or not finite, "
                "or none for the classes of these rows: give positive numbers."
            )
        return weights

    def _resolve_class_prior(self):
        if isinstance(self.class_prior, str):
            if self.class_prior == "uniform":
                return np.full(len(self.classes_), 1.0 / len(self.classes_))
            return self.train_prior_
        return check_distribution(self.class_prior, len(self.classes_), "class_prior")

    def _log_class_prior(self):
        # The softmax of logits plus one constant is that of the logits: uniform adds nothing.
        if np.ptp(self.class_prior_) == 0:
            return None
        with np.errstate(divide="ignore"):
            return torch.as_tensor(np.log(self.class_prior_))

    def _build(self, X, seed):
        module, module_params = self._module_and_params(X)
        params = {
            "module": module,
            **self._optimizer_params(X),
            "lr": self.lr,
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "train_split": make_train_split(self.train_split, seed),
            "callbacks": own_callbacks(self.callbacks),
            "device": resolve_device(self.device),
            "verbose": self.verbose,
            "n_classes": len(self.classes_),
            "log_class_prior": self._log_class_prior(),
            "dtype": self._torch_dtype(X),
            "seed": seed,
            **module_params,
            **self._skorch_params,
        }
        net_class, more = self._net_class_and_params()
        net = make_net(net_class, self.accelerator, **{**more, **params})
        net.initialize()
        check_monitors(net)
        if self.module is not None:
            check_output(net, self._module_array(X))
        return net

    def _optimizer_params(self, X):
        if self.optimizer is not None:
            return {"optimizer": self.optimizer}
        decay = _TABLE_WEIGHT_DECAY if X.ndim == 2 else _IMAGE_WEIGHT_DECAY
        # One kernel for all parameters: on small networks a third of the time of training.
        fused = torch.device(resolve_device(self.device)).type in ("cpu", "cuda")
        return {
            "optimizer": torch.optim.AdamW,
            "optimizer__weight_decay": decay,
            "optimizer__fused": fused,
        }

    def _module_and_params(self, X):
        """Return what builds the network, and its parameters that follow from the data."""
        module = self.module
        if module is None:
            module = {2: MLP, 3: ConvNet, 4: ConvNet}.get(X.ndim)
            if module is None:
                raise ValueError(
                    f"X has shape {X.shape}, for which there is no default network: give a table "
                    "(n, d), images (n, height, width) or (n, channels, height, width), or set "
                    "`module`."
                )
        if isinstance(module, torch.nn.Module):
            return module, {}
        sizes = {
            "n_features": int(np.prod(X.shape[1:])),
            "n_channels": X.shape[1] if X.ndim == 4 else 1,
            "n_classes": len(self.classes_),
        }
        accepted = inspect.signature(module).parameters
        return module, {
            f"module__{name}": size for name, size in sizes.items() if name in accepted
        }

    def _torch_dtype(self, X):
        if self.dtype != "auto":
            return getattr(torch, self.dtype)
        return torch.float64 if X.ndim == 2 and X.dtype == np.float64 else torch.float32

    def _module_array(self, X):
        """Give grey images the channel axis that convolutions need."""
        return X[:, None] if X.ndim == 3 else X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = False
        return tags
