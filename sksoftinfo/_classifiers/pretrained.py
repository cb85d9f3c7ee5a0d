"""`PretrainedClassifier`: a fitted classifier around a network that was trained elsewhere."""

from __future__ import annotations

import inspect
from numbers import Integral

import numpy as np
import torch

from .._bounds import check_distribution
from .._networks import (
    LogSoftmaxLoss,
    PretrainedNet,
    check_has_weights,
    check_input_shape,
)
from .._utils import check_labels, check_params, label_array
from .build import with_channels
from .info_softmax import InfoSoftmaxClassifier

# Parameters that can be set without another network or training.
_SETTABLE = ("decision", "batch_size")
# Images in a batch: networks for photographs are large, and nothing is learned from batches.
_BATCH_SIZE = 32


class PretrainedClassifier(InfoSoftmaxClassifier):
    """Fitted classifier that is never trained; `InfoSoftmaxClassifier.from_module` returns it.

    The parameter `module` is the network of the net itself, not a second copy.
    """

    _is_pretrained = True

    @property
    def module(self):
        """The network."""
        return self.net_.module_ if "net_" in vars(self) else self._given

    @module.setter
    def module(self, module):
        if "net_" in vars(self):
            raise AttributeError(
                "`module` must not be set on a classifier of from_module. Call "
                "InfoSoftmaxClassifier.from_module with the other network."
            )
        self._given = module

    def wrap(self, module, classes, input_shape, prior, device):
        """Set what `fit` would learn, around a copy of `module`.

        Parameters
        ----------
        module, classes, input_shape, prior, device
            As in `InfoSoftmaxClassifier.from_module`.
        """
        if not isinstance(module, torch.nn.Module):
            raise TypeError(
                f"`module` must be a torch.nn.Module; got {_called(module)}. Pass an instance "
                "that holds the trained weights."
            )
        self.classes_ = _checked_classes(classes)
        n_classes = len(self.classes_)
        self.input_shape_ = _checked_shape(input_shape)
        if self.input_shape_ is not None:
            self.n_features_in_ = self.input_shape_[0]
        uniform = np.full(n_classes, 1 / n_classes)
        is_uniform = isinstance(prior, str) and prior == "uniform"
        self.train_prior_ = (
            uniform if is_uniform else check_distribution(prior, self.classes_, "prior")
        )
        self.class_prior_ = uniform
        self._label_weight = self.train_prior_
        self.categories_ = None
        self._missing = np.arange(0)
        self._n_members = 0
        check_has_weights(module)
        # Set directly: `set_params` rejects these parameters from now on.
        self.module, self.device, self.dtype = module, device, "float32"
        self.batch_size = _BATCH_SIZE
        check_params(self)
        self._take_over(self._initialized_net(self._no_rows(), seed=0))
        if self.input_shape_ is not None:
            row = np.random.default_rng(0).random((1, *self.input_shape_), dtype=np.float32)
            row = torch.from_numpy(with_channels(row))
            check_input_shape(self.net_, row, self.input_shape_)
        return self

    def _take_over(self, net):
        net.module_.eval()
        # One by one, since scripted modules lack `requires_grad_`.
        for weight in net.module_.parameters():
            weight.requires_grad_(False)
        # Drop skorch's and our own reference to the original: each would be pickled.
        net.module = type(net.module_)
        del self._given
        self.net_ = net

    def _net_class_and_params(self):
        return PretrainedNet, {"criterion": LogSoftmaxLoss}

    def _optimizer_params(self, X, device):
        return {}

    def _module_and_params(self, X):
        module, params = super()._module_and_params(X)
        if self.input_shape_ is None:
            # If rows may have any shape, the number of channels is unknown.
            params = {name: params[name] for name in params if name == "module__n_classes"}
        return module, params

    def _no_rows(self):
        """Return rows of the right shape and dtype that take no memory."""
        shape = self.input_shape_ or (1, 1, 1)
        return np.broadcast_to(np.zeros((), np.float32), (1, *shape))

    def fit(self, X, y=None, sample_weight=None):
        """Raise ValueError: the network is never trained."""
        self._refuse_training()

    def partial_fit(self, X, y=None, classes=None, sample_weight=None):
        """Raise ValueError: the network is never trained."""
        self._refuse_training()

    def _refuse_training(self):
        raise ValueError(
            "A classifier from InfoSoftmaxClassifier.from_module is fitted, and is never "
            "trained. Use it as it is, wrap it in sklearn.frozen.FrozenEstimator as a step of a "
            "pipeline, which calls fit, or train InfoSoftmaxClassifier(module)."
        )

    def __sklearn_clone__(self):
        return self

    def set_params(self, **params):
        """Set `decision` or `batch_size`; raise ValueError if another parameter differs.

        Parameters
        ----------
        **params : dict
            Named parameters.

        Returns
        -------
        self
            The classifier.
        """
        if "net_" not in vars(self):
            # The classifier is being loaded from a file.
            return super().set_params(**params)
        now = self.get_params(deep=False)
        fixed = [
            name
            for name, value in params.items()
            if name not in _SETTABLE and not (name in now and _is_same(now[name], value))
        ]
        if fixed:
            names = ", ".join(f"`{name}`" for name in sorted(fixed))
            raise ValueError(
                f"{names} must not be set: a classifier from "
                "InfoSoftmaxClassifier.from_module is never trained, and only "
                f"{' and '.join(_SETTABLE)} can be set. Call from_module again for another "
                "classifier."
            )
        before = {name: now[name] for name in _SETTABLE}
        super().set_params(**{name: params[name] for name in _SETTABLE if name in params})
        try:
            check_params(self)
        except ValueError:
            super().set_params(**before)
            raise
        self.net_.batch_size = int(self.batch_size)
        return self


def is_pretrained(estimator):
    """Return whether a classifier is one of `InfoSoftmaxClassifier.from_module`."""
    return isinstance(estimator, PretrainedClassifier)


def _is_same(one, other):
    return one is other or (type(one) is type(other) and bool(np.all(one == other)))


def _called(value):
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    return f"an object of class {type(value).__name__}"


def _checked_classes(classes):
    """Return the names of outputs as an array, or raise."""
    names = label_array(classes)
    if names.ndim != 1 or len(names) < 2:
        raise ValueError(
            "`classes` must be one-dimensional and name at least two outputs; got shape "
            f"{names.shape}. Pass one name for each output of the network."
        )
    check_labels(names, "classes")
    if names.dtype == object:
        names = np.array(names.tolist())
    if names.dtype.kind not in "biufUO":
        raise ValueError(
            f"`classes` must be strings or numbers; got {names.dtype}. Pass one name for each "
            "output of the network."
        )
    distinct, counts = np.unique(names, return_counts=True)
    if len(distinct) < len(names):
        twice = distinct[counts > 1][:5].tolist()
        raise ValueError(
            f"`classes` must be distinct; got {twice} more than once. Give these outputs "
            "different names, e.g. by appending their index."
        )
    return names


def _checked_shape(input_shape):
    if input_shape is None:
        return None
    shape = tuple(input_shape) if isinstance(input_shape, tuple | list) else ()
    if not shape or not all(isinstance(side, Integral) and side > 0 for side in shape):
        raise ValueError(
            f"`input_shape` must be the shape of a row, e.g. (3, 224, 224); got {input_shape!r}. "
            "Pass positive ints, or None for rows of any shape."
        )
    return tuple(int(side) for side in shape)
