"""Saving and loading classifiers by files that hold no code."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._networks import LogSoftmaxLoss
from .._version import __version__
from .info_softmax import InfoSoftmaxClassifier
from .portable import net_state, restored_net
from .stochastic_info import StochasticInfoClassifier

# Of the layout of the file, not of the package.
_FORMAT = 1
_KEY = "sksoftinfo"
_CLASSES = {cls.__name__: cls for cls in (InfoSoftmaxClassifier, StochasticInfoClassifier)}
#: Types of this package that ``skops.io.load`` has to trust, so that the estimators load.
SKOPS_TRUSTED_TYPES = (
    "sksoftinfo._masking.cell_geometry.CellGeometry",
    "sksoftinfo._masking.dense.DenseScorer",
    "sksoftinfo._masking.feature_layer.FeatureLayer",
    "sksoftinfo._masking.image_classifier.ImageClassifier",
    "sksoftinfo._masking.transformer.InfoMaskTransformer",
    "sksoftinfo._classifiers.info_softmax.InfoSoftmaxClassifier",
    "sksoftinfo._masking.maps.InformationMapper",
    "sksoftinfo._masking.fill.Fill",
    "sksoftinfo._networks.losses.LogSoftmaxLoss",
    "sksoftinfo._masking.calibration.PatchCalibration",
    "sksoftinfo._masking.grid.GridScorer",
    "sksoftinfo._masking.patch_grid.PatchGrid",
    "sksoftinfo._classifiers.stochastic_info.StochasticInfoClassifier",
)


def save(estimator, path):
    """Save a fitted classifier in one file: safetensors weights, and the rest as JSON in its head.

    Parameters
    ----------
    estimator : InfoSoftmaxClassifier or StochasticInfoClassifier
        Fitted. Parameters that are neither numbers, texts, arrays nor classes of torch, such as a
        module of your own, are not saved: `load` has to be given them.
    path : str or path-like
        The file, replaced as a whole where it exists.

    Raises
    ------
    TypeError
        If `estimator` is of another class: use skops for it.
    NotFittedError
        If it is not fitted.
    ValueError
        If it was given an attribute that JSON does not hold.
    ImportError
        If safetensors is not installed.

    See Also
    --------
    load : The way back.

    Notes
    -----
    The optimizer's state is left out: training that goes on after `load` starts with a fresh one.

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
    if type(estimator) not in _CLASSES.values():
        raise TypeError(
            f"estimator is of class {type(estimator).__name__}: save takes "
            f"{' or '.join(_CLASSES)}. For others there is skops.io.dump, with "
            "sksoftinfo.SKOPS_TRUSTED_TYPES to load it."
        )
    check_is_fitted(estimator)
    net = net_state(estimator)
    weights = {name: np.ascontiguousarray(value) for name, value in net.pop("weights").items()}
    params = estimator.get_params()
    encoded = {name: _encode(value) for name, value in params.items()}
    fitted = {
        name: _encode(value)
        for name, value in vars(estimator).items()
        if name not in params and name not in ("net_", "_random", "_skorch_params", "_built_with")
    }
    unknown = [name for name, value in fitted.items() if value is _UNKNOWN]
    if unknown:
        raise ValueError(
            f"estimator has attributes that JSON does not hold: {', '.join(unknown)}. Delete "
            "them, or use pickle."
        )
    content = {
        "format": _FORMAT,
        "version": __version__,
        "class": type(estimator).__name__,
        "params": {name: value for name, value in encoded.items() if value is not _UNKNOWN},
        "not_saved": sorted(name for name, value in encoded.items() if value is _UNKNOWN),
        "fitted": fitted,
        "net": net,
    }
    text = json.dumps(content)
    head = {_KEY: text, "sha256": _digest(text, weights)}
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    safetensors.numpy.save_file(weights, part, metadata=head)
    os.replace(part, path)


def load(path, **params):
    """Load a classifier that `save` has written. No code of the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    **params
        Parameters in place of those of the file, and those that could not be saved, such as
        ``module``; ``device`` to use another one.

    Returns
    -------
    InfoSoftmaxClassifier or StochasticInfoClassifier
        Fitted.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is truncated, changed, of another format or not of this package, or if a parameter
        is missing that could not be saved.
    ImportError
        If safetensors is not installed.

    Notes
    -----
    The checksum finds damage, not forgery: who can write the file can write its checksum. What a
    forged file can do is to predict wrongly.

    Examples
    --------
    See `save`.
    """
    text, digest, weights = _read(path)
    content = json.loads(text)
    if content.get("format") != _FORMAT:
        raise ValueError(
            f"{path} has format {content.get('format')!r}, written by sksoftinfo "
            f"{content.get('version')}; version {__version__} reads format {_FORMAT}: save it "
            "again, or use the other version."
        )
    if _digest(text, weights) != digest:
        raise ValueError(f"{path} was changed after it was saved: its checksum differs.")
    missing = sorted(set(content["not_saved"]) - params.keys())
    if missing:
        raise ValueError(
            f"{path} could not keep {', '.join(missing)}, which JSON does not hold: give "
            f"load(path, {', '.join(f'{name}=...' for name in missing)}) what was used in fit."
        )
    saved = {name: _decode(value) for name, value in content["params"].items()}
    estimator = _CLASSES[content["class"]]().set_params(**{**saved, **params})
    estimator._check_skorch_names()
    for name, value in content["fitted"].items():
        setattr(estimator, name, _decode(value))
    estimator._random = check_random_state(estimator.random_state)
    estimator.net_ = restored_net(estimator, {**content["net"], "weights": weights})
    return estimator


def _read(path):
    safetensors = _safetensors()
    with open(path, "rb"):
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            head = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{path} is no whole safetensors file: it is truncated, or another kind of file. "
            f"({error})"
        ) from error
    if not {_KEY, "sha256"} <= head.keys():
        raise ValueError(
            f"{path} has weights, but no classifier that sksoftinfo.save has written."
        )
    return head[_KEY], head["sha256"], weights


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "save and load need safetensors: pip install 'sksoftinfo[persistence]'"
        ) from error
    return safetensors


def _digest(text, weights):
    digest = hashlib.sha256(text.encode())
    for name in sorted(weights):
        value = weights[name]
        digest.update(repr((name, value.dtype.str, value.shape)).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


_UNKNOWN = object()


def _encode(value):
    """Return what JSON holds of `value`, or _UNKNOWN."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, np.ndarray):
        items = _encode_all(value.ravel().tolist())
        kind = "object" if value.dtype == object else value.dtype.str
        return _tagged("array", items, dtype=kind, shape=list(value.shape))
    if isinstance(value, list | tuple):
        return _tagged(type(value).__name__, _encode_all(value))
    if isinstance(value, dict):
        return _tagged("dict", _encode_all([item for pair in value.items() for item in pair]))
    if isinstance(value, type):
        return next(
            (
                {"kind": "class", "of": of, "name": value.__name__}
                for of, known in _KNOWN.items()
                if getattr(known, value.__name__, None) is value
            ),
            _UNKNOWN,
        )
    return _UNKNOWN


class _Own:
    LogSoftmaxLoss = LogSoftmaxLoss


# Where classes are looked up by name, and nowhere else.
_KNOWN = {"torch.optim": torch.optim, "torch.nn": torch.nn, "sksoftinfo": _Own}


def _encode_all(values):
    items = [_encode(value) for value in values]
    return _UNKNOWN if any(item is _UNKNOWN for item in items) else items


def _tagged(kind, items, **more):
    return _UNKNOWN if items is _UNKNOWN else {"kind": kind, "items": items, **more}


def _decode(value):
    if not isinstance(value, dict):
        return value
    kind = value["kind"]
    if kind == "class":
        found = getattr(_KNOWN[value["of"]], value["name"])
        if not isinstance(found, type):
            raise ValueError(f"{value['of']}.{value['name']} is no class.")
        return found
    items = [_decode(item) for item in value["items"]]
    if kind == "array":
        return np.array(items, dtype=value["dtype"]).reshape(value["shape"])
    if kind == "dict":
        return dict(zip(items[::2], items[1::2], strict=True))
    return tuple(items) if kind == "tuple" else items
