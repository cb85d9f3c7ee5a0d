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

from .._networks import resolve_device, seeded
from .._utils import users_stacklevel


class PortableMixin:
    """Mixin of the classifiers: what skops sees of a fitted one has no pickle in it.

    pickle and copy keep everything, as it is. They ask ``__reduce_ex__``, skops ``__getstate__``.
    """

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self),), super().__getstate__()

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "net_" in state:
            state["net_"] = net_state(self)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(getattr(self, "net_", None), dict):
            self.net_ = restored_net(self, self.__dict__.pop("net_"))


def net_state(estimator):
    """Return the net of a fitted classifier without its optimizer: arrays, numbers and texts.

    Raises
    ------
    ValueError
        If the module's state holds anything but tensors.
    """
    net = estimator.net_
    weights = {}
    for name, value in net.module_.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f"module={type(net.module_).__name__} keeps {name!r}, a {type(value).__name__}, "
                "in its state, where only tensors can be saved: use pickle."
            )
        weights[name] = value.detach().cpu().numpy()
    history = json.loads(json.dumps(list(net.history), default=_plain_number))
    dtype = str(net.dtype).removeprefix("torch.")
    return {"weights": weights, "dtype": dtype, "seed": int(net.seed), "history": history}


def restored_net(estimator, state):
    """Build the net of a classifier whose other attributes are set, and give it its weights.

    Raises
    ------
    ValueError
        If the weights are not those of the estimator's module.

    Warns
    -----
    UserWarning
        If the classifier was trained on CUDA, and there is none.
    """
    try:
        resolve_device(estimator.device)
    except ValueError as error:
        warnings.warn(f"{error} device='auto' takes its place.", stacklevel=users_stacklevel())
        estimator.device = "auto"
    rows = np.zeros((1, *estimator.input_shape_), dtype=state["dtype"])
    accelerator, estimator.accelerator = estimator.accelerator, None
    try:
        # What there is to warn about was said when it was trained.
        with seeded(0), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = estimator._build(rows, state["seed"])
    finally:
        estimator.accelerator = accelerator
    weights = {name: torch.as_tensor(np.array(value)) for name, value in state["weights"].items()}
    try:
        net.module_.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"The weights are not those of module={type(net.module_).__name__}: give the module "
            f"and the module__* parameters that it was trained with. {error}"
        ) from error
    net.history.extend(state["history"])
    estimator._built_with = estimator.get_params(deep=False)
    return net


def _plain_number(value):
    return value.item() if hasattr(value, "item") else str(value)
