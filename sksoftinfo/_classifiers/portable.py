"""Fitted classifiers as plain arrays, numbers and texts, so that loading one runs no code.

skorch's nets hold pickled bytes in their state, which a file that is meant to be safe cannot
have. What is kept here instead are the weights; the net around them is built anew.
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

from .._networks import StochasticModule, resolve_device, seeded, unwrapped
from .._utils import check_params, param_names, users_stacklevel
from .build import module_dtype
from .file_content import (
    check_fitted,
    check_n_draws,
    check_net,
    check_sizes,
    refused_params,
)
from .warm_start import changed_params

# Attributes that are neither parameters nor results, and are set anew where a net is built.
_NO_RESULTS = ("net_", "_random", "_skorch_params", "_built_with", "_fitted_on")
# Parameters that another network, optimizer or bank of noise is built by.
_OF_THE_NET = ("dtype", "precision", "noise", "noise_scale", "latent_size", "beta", "n_draws")
_PARTS_OF_THE_NET = ("module", "criterion", "optimizer")


class PickledState(dict):
    """The state of a classifier in a pickle, which restores whatever it holds.

    skops does not build it, so that no file that skops reads is taken for a pickle.
    """


class CheckedStateMixin:
    """Mixin of estimators that skops restores: what a file says of one is checked.

    pickle and copy keep everything, as it is, but the hashes of the training rows: whoever reads
    them could test whether a row was trained on. They call ``__reduce_ex__``, skops
    ``__getstate__``.
    The estimator offers ``_set_checked_state(state)``, which sets what ``__getstate__`` returned
    and raises for anything else.
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
            # What was set on the way is not to be used.
            vars(self).clear()
            raise ValueError(
                f"The file holds a {type(self).__name__} that cannot be restored: {error}"
            ) from error


class PortableMixin(CheckedStateMixin):
    """Mixin of the classifiers: what skops sees of one has no pickle in it."""

    # Whether the network was trained elsewhere, and its parameters cannot change.
    _is_pretrained = False

    def __setstate__(self, state):
        super().__setstate__(state)
        # Of what was not trained yet, the device is looked for by `fit`.
        if isinstance(state, PickledState) and "net_" in state and _leave_absent_device(self):
            self._built_with = {**self._built_with, "device": self.device}

    def __getstate__(self):
        refused = refused_params(self.get_params(), param_names(self), trusted=True)
        if refused:
            raise ValueError(
                f"{', '.join(refused)} cannot be restored by skops: set what is not needed to its "
                "default, or use sksoftinfo.save, and give the rest to sksoftinfo.load."
            )
        state = dict(super().__getstate__())
        for name in ("_built_with", "_fitted_on"):
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
                "sksoftinfo.save, and sksoftinfo.load(path, **params), which is given them."
            )
        rest = {name: state[name] for name in state.keys() - {*own_names, "_skorch_params"}}
        net = rest.pop("net_", None)
        random = rest.pop("_random", None)
        check_n_draws(params, rest)
        type(self).__init__(self, **params)
        if net is None:
            if rest:
                raise ValueError("it has attributes of a fitted classifier, and no net")
            return
        restore(self, rest, net)
        if isinstance(random, np.random.RandomState):
            self._random = random


def is_stochastic(estimator):
    """Return whether an estimator has a bank of noise once it is fitted."""
    return "n_draws" in param_names(estimator)


def check_results(estimator, fitted):
    """Raise ValueError unless attributes are those that a classifier like `estimator` has."""
    check_fitted(fitted, stochastic=is_stochastic(estimator), pretrained=estimator._is_pretrained)


def fitted_attributes(estimator):
    """Return the results of a fitted classifier by name, without the net."""
    left_out = {*param_names(estimator), *_NO_RESULTS}
    return {name: value for name, value in vars(estimator).items() if name not in left_out}


def net_state(estimator):
    """Return the net of a fitted classifier without its optimizer: arrays, numbers and texts.

    Raises
    ------
    ValueError
        If the module's state holds anything but tensors, or if a parameter was changed since the
        net was built, so that another net would be built from it.
    """
    check_is_fitted(estimator, "net_")
    changed = [] if estimator._is_pretrained else _changed(estimator)
    changed = [name for name in changed if _is_built_by(name, estimator.get_params(deep=False))]
    if changed:
        raise ValueError(
            f"{', '.join(changed)} changed since the network was built, and another one would be "
            "built from the file: set the parameter back, or call fit."
        )
    net = estimator.net_
    weights = {}
    for name, value in unwrapped(net.module_).state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f"module={type(net.module_).__name__} keeps {name!r}, a {type(value).__name__}, "
                "in its state, where only tensors can be saved: use pickle."
            )
        try:
            weights[name] = value.detach().cpu().numpy()
        except TypeError as error:
            raise ValueError(
                f"module={type(net.module_).__name__} keeps {name!r} as {value.dtype}, which "
                "NumPy does not have: use pickle."
            ) from error
    history = json.loads(json.dumps(list(net.history), default=_plain_number))
    dtype = str(net.dtype).removeprefix("torch.")
    return {"weights": weights, "dtype": dtype, "seed": int(net.seed), "history": history}


def _is_built_by(name, params):
    """Return whether a net, its optimizer or its criterion is built by a parameter."""
    prefix, separator, _ = name.partition("__")
    if prefix not in _PARTS_OF_THE_NET:
        return name in _OF_THE_NET
    # Weights do not depend on the class of the optimizer, but its own parameters do.
    return prefix == "module" or bool(separator) or any(x.startswith(f"{name}__") for x in params)


def _changed(estimator):
    return changed_params(estimator._built_with, estimator.get_params(deep=False))


def restore(estimator, fitted, state):
    """Set the attributes of a fitted classifier, which has its parameters, and build its net.

    Parameters
    ----------
    estimator : InfoSoftmaxClassifier or StochasticInfoClassifier
        Unfitted.
    fitted : dict
        As `fitted_attributes` returns.
    state : dict
        As `net_state` returns.

    Raises
    ------
    ValueError
        If any of it is not what a fitted classifier has, or if the weights are not those of the
        estimator's module. No memory is taken for a module whose weights differ.

    Warns
    -----
    UserWarning
        If the classifier was trained on CUDA, and there is none.
    """
    estimator._check_skorch_names()
    check_params(estimator)
    check_results(estimator, fitted)
    check_net(state)
    vars(estimator).update(fitted)
    estimator._random = check_random_state(estimator.random_state)
    estimator._take_over(_restored_net(estimator, state))


def _leave_absent_device(estimator):
    """Set ``device="auto"``, with a warning, where the estimator's device is not there.

    Return whether that was so.
    """
    try:
        resolve_device(estimator.device)
    except ValueError as error:
        warnings.warn(f"{error} device='auto' takes its place.", stacklevel=users_stacklevel())
        estimator.device = "auto"
        return True
    return False


def _restored_net(estimator, state):
    _leave_absent_device(estimator)
    # Of no size in memory, whatever their shape.
    shape = (1,) if estimator.input_shape_ is None else estimator.input_shape_
    rows = np.broadcast_to(np.zeros((), state["dtype"]), (1, *shape))
    weights = {
        name: torch.as_tensor(np.array(value), device="cpu")
        for name, value in state["weights"].items()
    }
    accelerator, estimator.accelerator = estimator.accelerator, None
    try:
        # What there is to warn about was said when it was trained.
        with seeded(0), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_weights(estimator, rows, weights)
            net = estimator._initialized_net(rows, state["seed"])
            unwrapped(net.module_).load_state_dict(weights)
    except Exception as error:
        raise ValueError(
            f"The network, module={_module_name(estimator)}, cannot be built as it was: give the "
            f"parameters that it was trained with. ({type(error).__name__}: {error})"
        ) from error
    finally:
        estimator.accelerator = accelerator
    if hasattr(estimator, "noise_bank_"):
        _check_bank(estimator.noise_bank_, unwrapped(net.module_))
        net.noise_bank = torch.as_tensor(estimator.noise_bank_, device="cpu")
    net.module_.eval()
    net.history.extend(state["history"])
    return net


def _check_weights(estimator, rows, weights):
    """Compare the shapes of weights with those of the module, which takes no memory for it."""
    module, params = estimator._module_and_params(rows)
    given = estimator.get_params(deep=False)
    params = {**params, **{name: given[name] for name in given if name.startswith("module__")}}
    check_sizes(params, len(weights))
    if isinstance(module, torch.nn.Module) and not params:
        # Of the caller, and built already.
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
            f"the weights are not those of the module, {sorted(weights)} for {sorted(expected)}"
        )
    for name, value in expected.items():
        if torch.nn.parameter.is_lazy(value):
            continue
        if value.shape != weights[name].shape:
            raise ValueError(
                f"the weights are not those of the module, {name} of shape "
                f"{tuple(weights[name].shape)} for {tuple(value.shape)}"
            )
        if not torch.can_cast(weights[name].dtype, value.dtype):
            raise ValueError(
                f"the weights are not those of the module, {name} of {weights[name].dtype} for "
                f"{value.dtype}"
            )


def _check_bank(bank, module):
    drawn_here = type(module).draw is StochasticModule.draw
    if drawn_here and bank.shape[1:] != (module.noise_size,):
        raise ValueError(
            f"The noise bank has draws of shape {bank.shape[1:]}, and the module needs "
            f"{module.noise_size} numbers for each: give the module that it was trained with."
        )


def _module_name(estimator):
    module = estimator.module
    if module is None:
        return "None"
    return getattr(module, "__name__", type(module).__name__)


def _plain_number(value):
    return value.item() if hasattr(value, "item") else str(value)
