"""Checks of the state of a transformer that is restored from a file, before it is used."""

from __future__ import annotations

from math import isfinite, prod
from numbers import Integral

import numpy as np

from .fill import Fill
from .image_classifier import ImageClassifier
from .maps import InformationMapper
from .picture_mapper import PictureMapper

_OPTIONAL = {"patch_size_scores_", "reference_maximum_", "feature_names_in_"}
# Classes and attributes of the transformer's parts.
_PARTS = {
    "_fill": (Fill, {"fill_value", "constant_"}),
    "_classifier": (ImageClassifier, {"estimator", "row_shape", "batch_size"}),
}
_OF_MAPPERS = {"scorer", "kind", "prior", "size_groups", "on_features", "calibrations_"}
_MAPPERS = {InformationMapper: _OF_MAPPERS, PictureMapper: _OF_MAPPERS | {"question"}}


def check_state(state, param_names):
    """Raise ValueError unless a state is valid for an InfoMaskTransformer, fitted or not.

    Parameters
    ----------
    state : dict
        Attributes by name.
    param_names : iterable of str
        Names of the parameters.
    """
    if type(state) is not dict or not all(isinstance(name, str) for name in state):
        raise ValueError("its state is not a dict of attributes")
    params = set(param_names)
    if not params <= state.keys():
        raise ValueError(f"it lacks {sorted(params - state.keys())}")
    # A cache holds pickles, and a file's author could have placed pickles in a named folder.
    if state["memory"] is not None:
        raise ValueError(
            f"`memory` must be None in a file; got {state['memory']!r:.100}. Set memory=None "
            "before skops writes the file, and set `memory` again after reading it."
        )
    fitted = {name: state[name] for name in state.keys() - params}
    output = fitted.pop("_sklearn_output_config", {})
    if type(output) is not dict or not output.keys() <= {"transform"}:
        raise ValueError("it has an output configuration that set_output cannot set")
    if not fitted:
        return
    checks = _checks(state)
    unknown = sorted(map(ascii, fitted.keys() - checks.keys()))
    if unknown:
        raise ValueError(f"it has attributes that a file does not hold: {', '.join(unknown)}")
    missing = sorted(checks.keys() - _OPTIONAL - fitted.keys())
    if missing:
        raise ValueError(f"it lacks {missing}")
    # The order matters: later checks rely on earlier checks.
    for name, check in checks.items():
        if name in fitted and not check(fitted[name]):
            raise ValueError(f"it has another {name} than `fit` sets")


def _checks(state):
    """Return, for each attribute, a function that checks whether `fit` could set a value."""

    def is_of_classes(value):
        shape = np.shape(state["classes_"])
        return _is_numbers(value) and value.shape == shape and not np.isnan(value).any()

    def is_estimator(value):
        return callable(getattr(value, "predict_proba", None))

    return {
        "input_shape_": _is_shape,
        "n_features_in_": lambda value: _is_size(value) and value == state["input_shape_"][0],
        "feature_names_in_": lambda value: (
            isinstance(value, np.ndarray)
            and value.shape == (state["n_features_in_"],)
            and all(isinstance(name, str) for name in value)
        ),
        "_image_shape": lambda value: (
            _is_shape(value) and len(value) == 3 and prod(value) == prod(state["input_shape_"])
        ),
        "_largest_value": lambda value: type(value) is float and isfinite(value) and value >= 0,
        "estimator_": is_estimator,
        "classes_": lambda value: (
            isinstance(value, np.ndarray)
            and value.ndim == 1
            and np.array_equal(value, getattr(state["estimator_"], "classes_", None))
        ),
        "prior_": is_of_classes,
        "presence_floor_": is_of_classes,
        "reference_maximum_": is_of_classes,
        "calibration_": lambda value: value is None or isinstance(value, str),
        "patch_scoring_": lambda value: (
            isinstance(value, str) and value in ("dense", "crop", "paste")
        ),
        "feature_layer_": lambda value: value is None or isinstance(value, str),
        "receptive_field_": lambda value: value is None or _is_shape(value),
        "patch_size_": _is_sizes,
        "patch_size_scores_": lambda value: type(value) is dict,
        "stride_": _is_stride,
        "_dense": lambda value: (
            value is None if state["patch_scoring_"] != "dense" else type(value) is tuple
        ),
        "_fit_key": lambda value: value is None or isinstance(value, str),
        "_map_key": lambda value: value is None or isinstance(value, str),
        "_fill": lambda value: _is_part("_fill", value),
        "_classifier": lambda value: (
            _is_part("_classifier", value)
            and is_estimator(value.estimator)
            and _is_size(value.batch_size)
            and type(value.row_shape) is tuple
        ),
        "_mapper": lambda value: (
            type(value) in _MAPPERS
            and vars(value).keys() == _MAPPERS[type(value)]
            and is_of_classes(value.prior)
            and callable(getattr(value.scorer, "patch_logits", None))
            and value.kind == state["information"]
            and type(value.size_groups) is list
            and isinstance(value.on_features, bool)
            and getattr(value, "question", "auto") in ("auto", "where", "which")
        ),
    }


def _is_part(name, value):
    cls, attributes = _PARTS[name]
    return type(value) is cls and vars(value).keys() == attributes


def _is_numbers(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _is_size(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 < value < 1 << 31


def _is_shape(value):
    return type(value) is tuple and 0 < len(value) <= 8 and all(map(_is_size, value))


def _is_stride(value):
    """Return whether a value is a pair of distances in pixels, or a pair for each size."""
    if type(value) in (tuple, list):
        return 0 < len(value) and all(map(_is_stride, value))
    return _is_size(value) or (isinstance(value, float) and 0 < value < 1 << 31)


def _is_sizes(value):
    """Return whether a value is a size, or a nested tuple or list of sizes."""
    if type(value) in (tuple, list):
        return 0 < len(value) and all(map(_is_sizes, value))
    return _is_size(value)
