"""Private names of scikit-learn, so that a new release can break this file only."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_params,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as params_of_rows
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "IntegerInterval",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "check_params",
    "check_sample_weight",
    "fit_context",
    "num_samples",
    "output_container",
    "param_names",
    "params_of_rows",
    "safe_indexing",
    "safe_split",
    "validate_params",
]


def output_container(estimator):
    """Return "default", "pandas" or "polars", the output that `transform` is set to."""
    return _get_output_config("transform", estimator)["dense"]


def param_names(estimator):
    """Return the names of the parameters of an estimator or of its class, sorted."""
    return estimator._get_param_names()


def check_params(estimator):
    """Raise ValueError if a parameter of an estimator violates its constraints."""
    estimator._validate_params()


class IntegerInterval(Interval):
    """Interval of integers from `left` on, without True and False."""

    def __init__(self, left):
        super().__init__(Integral, left, None, closed="left")

    def is_satisfied_by(self, val):
        return not isinstance(val, bool | np.bool_) and super().is_satisfied_by(val)
