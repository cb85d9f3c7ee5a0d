"""Fitted classifiers as arrays, numbers and strings, so that loading one runs no code.

The state of a skorch net contains pickled bytes, which a safe file must not contain. The weights
are kept instead, and the net around them is built anew.
"""

from __future__ import annotations

import copyreg
import json
import warnings

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._networks import (
    StochasticModule,
    draw_bank,
    history_text,
    resolve_device,
    seeded,
    unwrapped,
)
from .._utils import check_params, ignored_warnings, param_names, users_stacklevel
from .build import module_dtype
from .categories import with_indicators
from .file_content import (
    check_fitted,
    check_n_draws,
    check_net,
    check_sizes,
    refused_params,
)
from .warm_start import as_built, changed_params

# Attributes that are neither parameters nor results, and are set whenever a net is built.
_NO_RESULTS = (
    "net_",
    "_random",
    "_skorch_params",
    "_built_with",
    "_fitted_on",
    "_column_labels",
)
# Parameters on which the network or its noise bank depends.
_OF_THE_NET = ("dtype", "precision", "noise", "noise_scale", "latent_size", "beta", "n_draws")
_PARTS_OF_THE_NET = ("module", "criterion", "optimizer")


class PickledState(dict):
    """State of a classifier in a pickle, which is restored without checks.

    skops does not build this class, so that a file read by skops is not taken for a pickle.
    """


class CheckedStateMixin:
    """Mixin of estimators whose state is checked when skops restores it.

    skops calls ``__getstate__``; pickle and copy call ``__reduce_ex__``, which keeps everything
    but the hashes of the training rows: by the hashes, a reader could test whether a row was used
    for training. The estimator implements ``_set_checked_state(state)``, which sets a state that
    ``__getstate__`` returned, and raises an exception for any other state.
    """

    def __reduce_ex__(self, protocol):
        state = PickledState(BaseEstimator.__getstate__(self))
        state.pop("_fitted_on", None)
        return copyreg.__newobj__, (type(self),), state

    def __setstate__(self, state):
        if isinstance(state, PickledState):
            super().__setstate__(state)
            return
        try:
            self._set_checked_state(state)
        except Exception as error:
            # A partly restored estimator must not be used.
            vars(self).clear()
            raise ValueError(
                f"The file holds an estimator of class {type(self).__name__} that cannot be "
                f"restored: {error}"
            ) from error


class PortableMixin(CheckedStateMixin):
    """Mixin of the classifiers, whose state for skops contains no pickled bytes."""

    # Whether the network was trained elsewhere, and its parameters cannot change.
    _is_pretrained = False

    def __setstate__(self, state):
        super().__setstate__(state)
        # An unfitted classifier looks for its device in `fit`.
        if isinstance(state, PickledState) and "net_" in state and _leave_absent_device(self):
            self._built_with = {**self._built_with, "device": self.device}

    def __getstate__(self):
        refused = refused_params(self.get_params(), param_names(self), trusted=True)
        if refused:
            raise ValueError(
                f"{', '.join(refused)} cannot be restored by skops. Set parameters that are not "
                "needed to their defaults, or use sksoftinfo.save and pass the parameters to "
                "sksoftinfo.load."
            )
        state = dict(super().__getstate__())
        for name in ("_built_with", "_fitted_on", "_column_labels"):
            state.pop(name, None)
        if "net_" in state:
            state["net_"] = net_state(self)
            check_results(self, fitted_attributes(self))
        return state

    def _set_checked_state(self, state):
        if type(state) is not dict or not all(isinstance(name, str) for name in state):
            raise ValueError("its state is not a dict of attributes")
        own_names = param_names(self)
        skorch_params = state.get("_skorch_params")
        if type(skorch_params) is not dict or not set(own_names) <= state.keys():
            raise ValueError("it lacks parameters")
        params = {**{name: state[name] for name in own_names}, **skorch_params}
        refused = refused_params(params, own_names, trusted=True)
        if refused:
            raise ValueError(
                f"{', '.join(map(str, refused))[:300]} are not taken from a file. Use "
                "sksoftinfo.save, and pass the parameters to sksoftinfo.load(path, **params)."
            )
        rest = {name: state[name] for name in state.keys() - {*own_names, "_skorch_params"}}
        net = rest.pop("net_", None)
        random = rest.pop("_random", None)
        check_n_draws(params, rest)
        type(self).__init__(self, **params)
        if net is None:
            if rest:
                raise ValueError("it has attributes of a fitted classifier, but not its net")
            return
        restore(self, rest, net)
        if isinstance(random, np.random.RandomState):
            self._random = random


def is_stochastic(estimator):
    """Return whether a fitted estimator of this class has a noise bank."""
    return "n_draws" in param_names(estimator)


def check_results(estimator, fitted):
    """Raise ValueError unless `fitted` are valid attributes of a classifier like `estimator`."""
    check_fitted(fitted, stochastic=is_stochastic(estimator), pretrained=estimator._is_pretrained)


def fitted_attributes(estimator):
    """Return the fitted attributes of a classifier by name, without the net."""
    left_out = {*param_names(estimator), *_NO_RESULTS}
    return {name: value for name, value in vars(estimator).items() if name not in left_out}


def net_state(estimator):
    """Return the net of a fitted classifier, without its optimizer, as arrays and numbers.

    Raises
    ------
    ValueError
        If the module's state contains anything but tensors, or if a parameter on which the net
        depends was changed since the net was built.
    """
    check_is_fitted(estimator, "net_")
    changed = [] if estimator._is_pretrained else _changed(estimator)
    changed = [name for name in changed if _is_built_by(name, estimator.get_params(deep=False))]
    if changed:
        now = estimator.get_params(deep=False)
        raise ValueError(
            f"{as_built(changed, 'in fit', estimator._built_with, now)}, so that "
            "the file would restore another network. Set the old value, or call fit."
        )
    net = estimator.net_
    weights = {}
    for name, value in unwrapped(net.module_).state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f"module={type(net.module_).__name__} keeps {name!r}, of class "
                f"{type(value).__name__}, in its state, of which only tensors can be saved. Use "
                "pickle."
            )
        try:
            weights[name] = value.detach().cpu().numpy()
        except TypeError as error:
            raise ValueError(
                f"module={type(net.module_).__name__} keeps {name!r} as {value.dtype}, which "
                "NumPy does not support. Use pickle."
            ) from error
    history = json.loads(history_text(net.history))
    dtype = str(net.dtype).removeprefix("torch.")
    return {"weights": weights, "dtype": dtype, "seed": int(net.seed), "history": history}


def _is_built_by(name, params):
    """Return whether a net, its optimizer or its criterion depends on a parameter."""
    prefix, separator, _ = name.partition("__")
    if prefix not in _PARTS_OF_THE_NET:
        return name in _OF_THE_NET
    # Weights do not depend on the class of the optimizer, but its own parameters do.
    return prefix == "module" or bool(separator) or any(x.startswith(f"{name}__") for x in params)


def _changed(estimator):
    return changed_params(estimator._built_with, estimator.get_params(deep=False))


def restore(estimator, fitted, state):
    """Set the fitted attributes of a classifier that has its parameters, and build its net.

    Parameters
    ----------
    estimator : InfoSoftmaxClassifier or StochasticInfoClassifier
        Unfitted classifier.
    fitted : dict
        As `fitted_attributes` returns.
    state : dict
        As `net_state` returns.

    Raises
    ------
    ValueError
        If an attribute is invalid, or if the weights do not match the estimator's module. No
        memory is allocated for a module whose weights differ.

    Warns
    -----
    UserWarning
        If the saved device, e.g. CUDA, is not available.
    """
    estimator._check_skorch_names()
    check_params(estimator)
    check_results(estimator, fitted)
    check_net(state)
    vars(estimator).update(fitted)
    estimator._random = check_random_state(estimator.random_state)
    estimator._take_over(_restored_net(estimator, state))


def _leave_absent_device(estimator):
    """Set ``device="auto"``, with a warning, if the estimator's device is not available.

    Return whether the device was replaced.
    """
    try:
        resolve_device(estimator.device)
    except ValueError as error:
        warnings.warn(f"{error} device='auto' is used instead.", stacklevel=users_stacklevel())
        estimator.device = "auto"
        return True
    return False


def _restored_net(estimator, state):
    _leave_absent_device(estimator)
    # These rows take no memory, whatever their shape.
    shape = (1,) if estimator.input_shape_ is None else estimator.input_shape_
    rows = np.broadcast_to(np.zeros((), state["dtype"]), (1, *shape))
    rows = with_indicators(rows, estimator.categories_)
    weights = {
        name: torch.as_tensor(np.array(value), device="cpu")
        for name, value in state["weights"].items()
    }
    accelerator, estimator.accelerator = estimator.accelerator, None
    try:
        # Warnings were issued when the network was trained.
        with seeded(0), ignored_warnings():
            _check_weights(estimator, rows, weights)
            net = estimator._initialized_net(rows, state["seed"])
            unwrapped(net.module_).load_state_dict(weights)
    except Exception as error:
        raise ValueError(
            f"The network, module={_module_name(estimator)}, cannot be built from these "
            f"parameters. Pass the parameters that it was trained with. ({type(error).__name__}: "
            f"{error})"
        ) from error
    finally:
        estimator.accelerator = accelerator
    if hasattr(estimator, "noise_bank_"):
        _check_bank(estimator, unwrapped(net.module_))
        net.noise_bank = torch.as_tensor(estimator.noise_bank_, device="cpu")
    net.module_.eval()
    net.history.extend(state["history"])
    return net


def _check_weights(estimator, rows, weights):
    """Check the shapes of weights against the module, without allocating memory for it."""
    module, params = estimator._module_and_params(rows)
    given = estimator.get_params(deep=False)
    params = {**params, **{name: given[name] for name in given if name.startswith("module__")}}
    check_sizes(params, len(weights))
    if isinstance(module, torch.nn.Module) and not params:
        # The caller's own instance, which is built already.
        return
    build = type(module) if isinstance(module, torch.nn.Module) else module
    params = {name.removeprefix("module__"): value for name, value in params.items()}
    try:
        with torch.device("meta"):
            built = build(**params).to(module_dtype(estimator.dtype, estimator.precision, rows))
        expected = built.state_dict()
    except Exception:
        if refused_params({"module": estimator.module}, ["module"]):
            # A module of the caller's own may compute with its weights as it is built.
            return
        raise
    if expected.keys() != weights.keys():
        raise ValueError(
            f"the weights do not fit the module: {sorted(weights)} in place of {sorted(expected)}"
        )
    for name, value in expected.items():
        if torch.nn.parameter.is_lazy(value):
            continue
        if value.shape != weights[name].shape:
            raise ValueError(
                f"the weights do not fit the module: {name} has the shape "
                f"{tuple(weights[name].shape)} in place of {tuple(value.shape)}"
            )
        if not torch.can_cast(weights[name].dtype, value.dtype):
            raise ValueError(
                f"the weights do not fit the module: {name} has the dtype {weights[name].dtype} "
                f"in place of {value.dtype}"
            )


def _check_bank(estimator, module):
    bank = estimator.noise_bank_
    drawn_here = type(module).draw is StochasticModule.draw
    if drawn_here and bank.shape[1:] != (module.noise_size,):
        raise ValueError(
            f"The noise bank has draws of shape {bank.shape[1:]}, but the module needs "
            f"{module.noise_size} numbers for each draw. Pass the module that the classifier was "
            "trained with."
        )
    if module.exhaustive:
        expected = draw_bank(module, len(bank), estimator._noise_seed)
        if not np.array_equal(bank, expected):
            raise ValueError(
                "The noise bank does not have the draws of the module, which are all values of "
                "its noise. Pass the module that the classifier was trained with."
            )


def _module_name(estimator):
    module = estimator.module
    if module is None:
        return "None"
    return getattr(module, "__name__", type(module).__name__)
