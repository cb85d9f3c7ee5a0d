"""`save` and `load`: classifiers in files that contain no code."""

from __future__ import annotations

import hashlib
import json
from math import prod

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .._networks import LogSoftmaxLoss
from .._utils import check_params, check_regular_file, param_names, whole_file
from .._version import __version__
from .categories import plain_selection
from .file_content import CLASSES, check_n_draws, refused_params
from .info_softmax import InfoSoftmaxClassifier
from .portable import check_results, fitted_attributes, net_state, restore
from .pretrained import PretrainedClassifier
from .stochastic_info import StochasticInfoClassifier

# Version of the file's layout, not of the package.
_FORMAT = 8
_KEY = "sksoftinfo"
_ESTIMATORS = {
    cls.__name__: cls
    for cls in (InfoSoftmaxClassifier, StochasticInfoClassifier, PretrainedClassifier)
}
#: Classes of this folder and below that ``skops.io.load`` has to trust.
TRUSTED_CLASSES = (InfoSoftmaxClassifier, StochasticInfoClassifier, LogSoftmaxLoss)
_KEYS = {
    "format": int,
    "version": str,
    "class": str,
    "params": dict,
    "not_saved": list,
    "fitted": dict,
    "net": dict,
}
_NUMBER_DTYPES = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
)
# Largest array of strings: one long string makes every item long.
_MOST_TEXT_BYTES = 1 << 26


def save(estimator, path):
    """Save a fitted classifier in one safetensors file: the weights, and the rest as JSON.

    Parameters
    ----------
    estimator : InfoSoftmaxClassifier or StochasticInfoClassifier
        Fitted classifier. Saved parameters are numbers, strings and arrays, the default networks,
        ``torch.nn.Linear``, and the optimizers and classification criteria of torch. Other
        parameters are not saved, and have to be passed to `load`: a module, optimizer or criterion
        of your own with its parameters, callbacks, an accelerator, ``compile``, ``iterator_*``,
        ``dataset`` and ``callbacks__*``.
    path : str or path-like
        File to write. An existing file is replaced as a whole; a symbolic link is followed.

    Raises
    ------
    TypeError
        If `estimator` is of another class, for which skops can be used.
    NotFittedError
        If `estimator` is not fitted.
    ValueError
        If an attribute was added to `estimator` by hand, if the state of its module holds more
        than tensors, if a parameter is invalid, or if a parameter of the network or its optimizer
        was changed after `fit`.
    OSError
        If the file cannot be written, e.g. because its folder does not exist or the disk is full.
        An existing file is left unchanged.
    ImportError
        If safetensors is not installed.

    See Also
    --------
    load : Load a classifier from such a file.

    Notes
    -----
    The state of the optimizer is not saved: training after `load` starts with a fresh optimizer.

    Examples
    --------
    >>> import os, tempfile
    >>> from sksoftinfo import InfoSoftmaxClassifier, load, save
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> clf = InfoSoftmaxClassifier(lr=0.1, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "classifier.safetensors")
    ...     save(clf, path)
    ...     same = load(path)
    >>> same.predict([[0.5], [2.5]])
    array(['low', 'high'], dtype='<U4')
    """
    safetensors = _safetensors()
    if type(estimator) not in _ESTIMATORS.values():
        raise TypeError(
            "`estimator` must be an InfoSoftmaxClassifier or a StochasticInfoClassifier; got "
            f"{type(estimator).__name__}. Write other estimators by skops.io.dump, and load them "
            "with trusted=sksoftinfo.SKOPS_TRUSTED_TYPES."
        )
    check_is_fitted(estimator)
    # Parameters may have been set since `fit`, and `load` rejects invalid ones.
    estimator._check_skorch_names()
    check_params(estimator)
    net = net_state(estimator)
    weights = {name: np.asarray(value, order="C") for name, value in net.pop("weights").items()}
    fitted = fitted_attributes(estimator)
    try:
        check_results(estimator, fitted)
    except ValueError as error:
        raise ValueError(f"`estimator` cannot be saved: {error}. Use pickle.") from error
    params = estimator.get_params()
    if "categorical_features" in params:
        params["categorical_features"] = plain_selection(params["categorical_features"])
    not_saved = refused_params(params, param_names(estimator))
    if isinstance(params["random_state"], np.random.RandomState):
        not_saved = sorted([*not_saved, "random_state"])
    content = {
        "format": _FORMAT,
        "version": __version__,
        "class": type(estimator).__name__,
        "params": {
            name: _encode(value, name) for name, value in params.items() if name not in not_saved
        },
        "not_saved": not_saved,
        "fitted": {name: _encode(value) for name, value in fitted.items()},
        "net": net,
    }
    text = json.dumps(content)
    head = {_KEY: text, "sha256": _digest(text, weights)}
    with whole_file(path) as file:
        file.write(safetensors.numpy.save(weights, metadata=head))


def load(path, **params):
    """Load a classifier that `save` has written, without executing code from the file.

    Parameters
    ----------
    path : str or path-like
        File to read.
    **params
        Parameters that `save` did not write, such as a ``module`` of your own, and parameters that
        replace saved ones, such as ``device``.

    Returns
    -------
    InfoSoftmaxClassifier or StochasticInfoClassifier
        Fitted classifier.

    Raises
    ------
    OSError
        If the file cannot be read, e.g. because it does not exist.
    ValueError
        If the file is truncated, was changed, has another format or was not written by `save`; if
        any of its content is invalid; or if a parameter that `save` did not write is not passed.
        The message names the file.
    ValueError
        If a passed parameter does not exist or has an invalid value.
    ImportError
        If safetensors is not installed.

    Warns
    -----
    UserWarning
        If the saved device, e.g. CUDA, is not available. ``device='auto'`` is used instead.

    See Also
    --------
    save : Save a fitted classifier.

    Notes
    -----
    Files from untrusted sources can be read. The checksum detects damage, not forgery: whoever can
    write the file can write its checksum. Therefore only listed parameters, classes and attributes
    are accepted, and their values are checked. Memory for the module is allocated only after its
    weights have been found to match those in the file. A classifier from a forged file can still
    predict wrongly.

    Examples
    --------
    See `save`.
    """
    text, weights = _read(path)
    content = _parsed(text, path)
    try:
        cls = _ESTIMATORS[content["class"]]
        own_names = param_names(cls)
        saved = {
            name: _decode(value, name)
            for name, value in content["params"].items()
            if name not in params
        }
        refused = refused_params({**saved, **params}, own_names)
        missing = {*content["not_saved"], *refused} - params.keys()
    except Exception as error:
        raise _not_saved_here(path, error) from error
    if missing:
        names = ", ".join(f"`{name}`" for name in sorted(missing))[:300]
        passed = ", ".join(f"{name}=..." for name in sorted(missing))[:300]
        raise ValueError(
            f"{path} does not contain all parameters of its classifier; got a file without "
            f"{names}. Call load(path, {passed}) with the values that were used in "
            "fit or from_module."
        )
    estimator = cls().set_params(**params)
    # Invalid parameters of the caller are not a fault of the file.
    check_params(estimator)
    try:
        estimator.set_params(**saved)
        fitted = {name: _decode(value) for name, value in content["fitted"].items()}
        check_n_draws(saved, fitted)
        restore(estimator, fitted, {**content["net"], "weights": weights})
    except Exception as error:
        raise _not_saved_here(path, error) from error
    return estimator


def _not_saved_here(path, error):
    reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    # The error may quote any amount of the file.
    return ValueError(f"{path} holds a classifier that cannot be restored: {reason[:500]}")


def _read(path):
    """Return the JSON text and the weights of a file whose checksum is right."""
    safetensors = _safetensors()
    check_regular_file(path)
    with open(path, "rb"):
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            head = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError:
        raise
    # Raised by safetensors, and by NumPy for dtypes that it lacks.
    except Exception as error:
        raise ValueError(
            f"{path} is not a complete safetensors file: it is truncated, or another kind of file "
            f"({error}). Pass a file that save has written."
        ) from error
    if not {_KEY, "sha256"} <= head.keys():
        raise ValueError(
            f"{path} contains weights, but was not written by sksoftinfo.save. Pass a file that "
            "save has written."
        )
    # Before anything else is done with the text.
    if _digest(head[_KEY], weights) != head["sha256"]:
        raise ValueError(
            f"{path} was changed after it was saved: its checksum differs. Restore the file from "
            "a copy, or save the classifier again."
        )
    return head[_KEY], weights


def _parsed(text, path):
    """Return the content of a file, whose entries have the right types."""
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    # RecursionError: too deeply nested.
    except (ValueError, RecursionError) as error:
        raise _not_saved_here(path, error) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds {type(content).__name__} where a classifier should be. Pass a file "
            "that save has written."
        )
    if content.get("format") != _FORMAT:
        raise ValueError(
            f"{path} has format {repr(content.get('format'))[:20]}, written by sksoftinfo "
            f"{str(content.get('version'))[:20]}; version {__version__} reads format {_FORMAT}. "
            "Save the classifier again, or use the other version."
        )
    right = content.keys() == _KEYS.keys() and all(
        type(content[name]) is kind for name, kind in _KEYS.items()
    )
    names = [*content.get("params", ()), *content.get("not_saved", ())] if right else ()
    if not right or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise ValueError(
            f"{path} holds a classifier whose entries have the wrong types. Pass a file that save "
            "has written."
        )
    return content


def _unique(pairs):
    """Return the dict of a JSON object, in which each name may occur once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in its JSON")
    return found


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "save and load need safetensors, which is not installed. Run pip install "
            "'sksoftinfo[persistence]'."
        ) from error
    return safetensors


def _digest(text, weights):
    digest = hashlib.sha256(text.encode())
    for name in sorted(weights):
        value = weights[name]
        digest.update(repr((name, value.dtype.str, value.shape)).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _encode(value, name=None):
    """Return the JSON form of the value of the parameter `name`, or of an attribute."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, type):
        found = (known for known, cls in CLASSES[name].items() if cls is value)
        return {"kind": "class", "name": next(found)}
    if isinstance(value, np.ndarray):
        # An array of strings is as wide as its longest item: the width is not taken from a file.
        dtype = "text" if value.dtype.kind == "U" else value.dtype.name
        items = [_encode(item) for item in value.ravel().tolist()]
        return {"kind": "array", "items": items, "dtype": dtype, "shape": list(value.shape)}
    if isinstance(value, dict):
        items = [_encode(item) for pair in value.items() for item in pair]
        return {"kind": "dict", "items": items}
    return {"kind": type(value).__name__, "items": [_encode(item) for item in value]}


def _decode(value, name=None):
    """Invert `_encode`; any other value raises an exception."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = value["kind"]
    if kind == "class":
        return CLASSES[name][value["name"]]
    items = [_decode(item) for item in value["items"]]
    if kind == "array":
        return _decode_array(items, value["dtype"], value["shape"])
    if kind == "dict":
        return dict(zip(items[::2], items[1::2], strict=True))
    return {"tuple": tuple, "list": list}[kind](items)


def _decode_array(items, dtype, shape):
    if not all(type(size) is int and size >= 0 for size in shape) or prod(shape) != len(items):
        raise ValueError("an array does not have its stated shape")
    if dtype == "text":
        if not all(isinstance(item, str) for item in items):
            raise ValueError("an array of strings has other items")
        if 4 * len(items) * max(map(len, items), default=0) > _MOST_TEXT_BYTES:
            raise ValueError("an array of strings is too large")
        array = np.array(items, dtype=str)
    elif dtype == "object":
        array = np.empty(len(items), dtype=object)
        array[:] = items
    elif dtype in _NUMBER_DTYPES:
        if not all(isinstance(item, bool | int | float) for item in items):
            raise ValueError("an array of numbers has other items")
        array = np.array(items, dtype=dtype)
        # Fractions would be cut off, and NumPy 1 wraps large integers around.
        if array.dtype.kind in "biu" and array.tolist() != items:
            raise ValueError("an array has numbers that its dtype does not hold")
    else:
        raise ValueError("an array has an unknown dtype")
    return array.reshape(shape)
