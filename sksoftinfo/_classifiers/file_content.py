"""Checks of the parameters, attributes and classes that a file may contain.

Files may come from untrusted sources. Numbers and strings of known parameters are accepted, and
classes on a list. Whatever could name other code (how batches are made, modules compiled or
callbacks built) has to be passed by the caller.
"""

from __future__ import annotations

import re
import types
from math import prod
from numbers import Integral

import numpy as np
import torch

from .._networks import MLP, ConvNet, LogSoftmaxLoss, check_history
from .categories import MOST_CATEGORIES, n_columns

# A selection of torch's classes: the criteria take logits and class indices and return a loss.
_OPTIMIZERS = (
    *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon"),
    *("NAdam", "RAdam", "RMSprop", "Rprop", "SGD", "SparseAdam"),
)
_CRITERIA = ("CrossEntropyLoss", "MultiMarginLoss", "NLLLoss")


def _listed(base, place, owner, names):
    found = {f"{place}.{name}": getattr(owner, name, None) for name in names}
    # Not every version of torch has all of them.
    return {
        name: cls for name, cls in found.items() if isinstance(cls, type) and issubclass(cls, base)
    }


#: Accepted classes by their names in files, for each parameter that takes a class.
CLASSES = {
    "module": {
        "sksoftinfo.MLP": MLP,
        "sksoftinfo.ConvNet": ConvNet,
        **_listed(torch.nn.Module, "torch.nn", torch.nn, ["Linear"]),
    },
    "optimizer": _listed(torch.optim.Optimizer, "torch.optim", torch.optim, _OPTIMIZERS),
    "criterion": {
        "sksoftinfo.LogSoftmaxLoss": LogSoftmaxLoss,
        **_listed(torch.nn.Module, "torch.nn", torch.nn, _CRITERIA),
    },
}
_BASES = {
    "module": torch.nn.Module,
    "optimizer": torch.optim.Optimizer,
    "criterion": torch.nn.Module,
}
_DEVICE = re.compile(r"auto|cpu|mps(:\d)?|(cuda|xpu)(:\d{1,3})?")
# Deepest nesting of a parameter in a file.
_DEEPEST = 8
_MOST_PARTS = 1_000_000
# Largest total size of the class labels, which are strings or numbers.
_MOST_LABEL_BYTES = 1 << 26
_MOST_DIMENSIONS = 8
_SEEDS = 1 << 32
_MOST_MEMBERS = 64


def refused_params(params, own_names, *, trusted=False):
    """Return the names of parameters that are not taken from a file.

    Parameters
    ----------
    params : dict
        Values by name.
    own_names : iterable of str
        Names of the estimator's own parameters, without those of skorch.
    trusted : bool, default=False
        Whether the caller has named the classes that the file may contain, as with skops. The
        parameters of such a class may be numbers, but not strings, which could name files or code.

    Returns
    -------
    list of str
        Sorted names.
    """
    own_names = set(own_names)

    def is_taken(name, value):
        prefix, separator, _ = name.partition("__")
        if name in CLASSES:
            return _is_taken_class(name, value, trusted)
        if not separator:
            return name in own_names and _is_taken_value(name, value)
        if prefix not in CLASSES:
            return False
        # The estimator's own default where the file does not name a class.
        listed = params.get(prefix) is None or params[prefix] in CLASSES[prefix].values()
        return _is_plain(value, texts=listed) if listed or trusted else False

    return sorted(name for name, value in params.items() if not is_taken(name, value))


def _is_taken_class(name, value, trusted):
    if value is None or (isinstance(value, type) and value in CLASSES[name].values()):
        return True
    if not trusted:
        return False
    if isinstance(value, type):
        return issubclass(value, _BASES[name])
    return name == "module" and isinstance(value, types.FunctionType)


def _is_taken_value(name, value):
    if name == "callbacks":
        return value is None or (isinstance(value, str) and value == "disable")
    if name == "accelerator":
        return value is None
    if name == "device":
        return isinstance(value, str | torch.device) and bool(_DEVICE.fullmatch(str(value)))
    if name == "random_state" and isinstance(value, np.random.RandomState):
        return True
    return _is_plain(value, texts=True)


def _is_plain(value, texts):
    """Return whether a value consists of numbers, and of strings if `texts` is true."""
    left, n_seen = [(value, 0)], 0
    while left:
        value, depth = left.pop()
        n_seen += 1
        # A few parts that contain each other would never come to an end.
        if depth > _DEEPEST or n_seen > _MOST_PARTS:
            return False
        # Exact types only: the methods of a subclass might be called.
        if type(value) in (list, tuple):
            left += [(item, depth + 1) for item in value]
        elif type(value) is dict:
            left += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, np.ndarray) and value.dtype == object:
            left += [(item, depth + 1) for item in value.ravel()]
        elif not _is_plain_part(value, texts):
            return False
    return True


def _is_plain_part(value, texts):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf" or (value.dtype.kind == "U" and texts)
    if isinstance(value, str):
        return texts
    if isinstance(value, int):
        # Larger ints do not fit a count or a size.
        return abs(value) < 1 << 63
    return value is None or isinstance(value, float | np.number | np.bool_)


def check_sizes(params, n_weights):
    """Raise ValueError if a parameter of the module lists more layers than there are weights.

    A layer takes much more memory than its entry in the file.
    """
    for name, value in params.items():
        if name.startswith("module__") and isinstance(value, list | tuple):
            if len(value) > n_weights:
                raise ValueError(f"{name} has {len(value)} entries for {n_weights} weights")


def check_n_draws(params, fitted):
    """Raise ValueError if the parameter `n_draws` is not the length of the noise bank.

    A forged `n_draws` would decide how much noise the next `fit` draws.
    """
    bank = fitted.get("noise_bank_")
    if "n_draws" in params and isinstance(bank, np.ndarray) and bank.ndim:
        _check(
            params["n_draws"] == len(bank), "has an n_draws that is not the length of noise_bank_"
        )


def check_fitted(fitted, *, stochastic, pretrained=False):
    """Raise ValueError unless the attributes of a fitted classifier are complete and consistent.

    Parameters
    ----------
    fitted : dict
        Values by name, without the net.
    stochastic : bool
        Whether the attributes belong to a `StochasticInfoClassifier`.
    pretrained : bool, default=False
        Whether the attributes belong to a network that was trained elsewhere, whose classes may
        have any order and whose rows may have any shape.
    """
    required = {
        "classes_",
        "input_shape_",
        "_label_weight",
        "train_prior_",
        "class_prior_",
        "categories_",
        "_missing",
        "_n_members",
        *(("noise_bank_", "_noise_seed") if stochastic else ()),
    }
    any_shape = pretrained and fitted.get("input_shape_") is None
    if not any_shape:
        required.add("n_features_in_")
    optional = set() if pretrained else {"feature_names_in_"}
    _check(required <= fitted.keys(), f"lacks {sorted(required - fitted.keys())}")
    unknown = sorted(
        name if name.isidentifier() else ascii(name)
        for name in fitted.keys() - required - optional
    )
    _check(not unknown, f"has attributes that a file does not hold: {', '.join(unknown)[:200]}")
    _check_classes(fitted["classes_"], in_order=not pretrained)
    n_classes = len(fitted["classes_"])
    if not any_shape:
        _check_shape(fitted["input_shape_"], fitted["n_features_in_"])
    categories, n_features = fitted["categories_"], fitted.get("n_features_in_", 0)
    if categories is not None:
        _check(not pretrained, "has categories_ of a network that takes none")
        _check_categories(categories, fitted["input_shape_"])
    _check_missing(fitted["_missing"], n_columns(n_features, categories))
    n_members = fitted["_n_members"]
    _check(
        _is_int(n_members) and 0 <= n_members <= _MOST_MEMBERS,
        "has an _n_members that is not a number of networks",
    )
    _check_vector("_label_weight", fitted["_label_weight"], n_classes)
    for name in ("train_prior_", "class_prior_"):
        _check_vector(name, fitted[name], n_classes)
        _check(abs(fitted[name].sum() - 1) < 1e-6, f"has a {name} that does not sum to 1")
    if "feature_names_in_" in fitted:
        names = fitted["feature_names_in_"]
        _check(
            isinstance(names, np.ndarray)
            and names.shape == (fitted["n_features_in_"],)
            and all(isinstance(name, str) for name in names),
            "has feature_names_in_ that are not one string for each column",
        )
    if stochastic:
        _check_seed("_noise_seed", fitted["_noise_seed"])
        bank = fitted["noise_bank_"]
        _check(
            isinstance(bank, np.ndarray)
            and bank.dtype.kind in "fiub"
            and bank.ndim >= 1
            and len(bank) > 0
            and np.isfinite(bank).all(),
            "has a noise_bank_ that is not a bank of finite noise",
        )


def _check(condition, message):
    if not condition:
        raise ValueError(f"it {message}")


def _check_classes(classes, in_order):
    _check(
        isinstance(classes, np.ndarray)
        and classes.ndim == 1
        and len(classes) >= 2
        and classes.nbytes <= _MOST_LABEL_BYTES
        and classes.dtype.kind in "biufUO",
        "has classes_ that are not at least two labels",
    )
    if classes.dtype == object:
        _check(
            all(isinstance(label, str | int | float) for label in classes),
            "has classes_ that are neither strings nor numbers",
        )
    try:
        classes = classes if in_order else np.sort(classes)
        ordered = bool(np.all(classes[:-1] < classes[1:]))
    except TypeError:
        ordered = False
    _check(ordered, "has classes_ that are not sorted and distinct")


def _check_shape(shape, n_features):
    _check(
        isinstance(shape, tuple)
        and 0 < len(shape) <= _MOST_DIMENSIONS
        and all(_is_int(size) and size > 0 for size in shape)
        and prod(shape) < 2**62,
        "has an input_shape_ that is not a shape of rows",
    )
    _check(
        _is_int(n_features) and n_features == shape[0],
        "has an n_features_in_ of another shape",
    )


def _check_categories(categories, shape):
    _check(
        type(categories) is list
        and (len(categories),) == shape
        and all(values is None or _are_categories(values) for values in categories)
        and any(values is not None for values in categories),
        "has categories_ that are not those of columns",
    )


def _are_categories(values):
    if not (isinstance(values, np.ndarray) and values.ndim == 1):
        return False
    if len(values) > MOST_CATEGORIES or values.dtype.kind not in "biufO":
        return False
    if values.dtype == object and not all(type(value) is str for value in values):
        return False
    # NaN is not below anything.
    return bool(np.all(values[:-1] < values[1:])) and not (
        values.dtype.kind == "f" and not np.isfinite(values).all()
    )


def _check_missing(missing, n_features):
    _check(
        isinstance(missing, np.ndarray)
        and missing.ndim == 1
        and missing.dtype.kind == "i"
        and bool((np.diff(missing) > 0).all())
        and (not len(missing) or (missing[0] >= 0 and missing[-1] < n_features)),
        "has a _missing that does not list columns",
    )


def _check_vector(name, values, n_classes):
    _check(
        isinstance(values, np.ndarray)
        and values.shape == (n_classes,)
        and values.dtype == np.float64
        and bool(np.isfinite(values).all())
        and bool((values >= 0).all()),
        f"has a {name} that is not one weight for each class",
    )


def _check_seed(name, value):
    _check(_is_int(value) and 0 <= value < _SEEDS, f"has a {name} that is not a seed")


def _is_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_net(state):
    """Raise ValueError unless the state of a net is what `net_state` returns."""
    _check(
        type(state) is dict and state.keys() == {"weights", "dtype", "seed", "history"},
        "has a net with other entries",
    )
    _check(
        isinstance(state["dtype"], str) and state["dtype"] in ("float32", "float64"),
        "has a net whose dtype is neither float32 nor float64",
    )
    _check_seed("net's seed", state["seed"])
    _check(
        type(state["weights"]) is dict
        and all(
            isinstance(name, str) and isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
            for name, value in state["weights"].items()
        ),
        "has weights that are not arrays of numbers",
    )
    _check(
        type(state["history"]) is list and all(map(_is_epoch, state["history"])),
        "has a history that is not a list of epochs",
    )
    check_history(state["history"])


def _is_epoch(epoch):
    return (
        type(epoch) is dict
        and type(epoch.get("batches")) is list
        and all(type(batch) is dict and _is_plain(batch, texts=True) for batch in epoch["batches"])
        and _is_plain({**epoch, "batches": None}, texts=True)
    )
