"""What every folder may use: checks, warnings, versions; imports nothing of ours."""

from .compat import (
    HasMethods,
    IntegerInterval,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
    fit_context,
    num_samples,
    params_of_rows,
    safe_indexing,
    safe_split,
    validate_params,
)
from .fingerprint import are_continuous, fingerprint, n_trained_on, row_hashes, training_rows
from .progress import progress
from .pyplot import axis_or_new, pyplot
from .user_warnings import users_stacklevel
from .validation import (
    are_plain_labels,
    assert_finite,
    check_channels_first,
    check_labels,
    check_row_shape,
    check_two_classes,
    check_weights,
    encode_labels,
    naming_wrong_columns,
    on_host,
    plain_rows,
    refuse_masked,
    validate_rows,
)
from .versions import show_versions
from .whole_files import check_regular_file, whole_file

__all__ = [
    "HasMethods",
    "IntegerInterval",
    "Interval",
    "Options",
    "RealNotInt",
    "StrOptions",
    "are_continuous",
    "are_plain_labels",
    "assert_finite",
    "axis_or_new",
    "check_channels_first",
    "check_labels",
    "check_row_shape",
    "check_two_classes",
    "check_weights",
    "encode_labels",
    "fingerprint",
    "fit_context",
    "n_trained_on",
    "naming_wrong_columns",
    "num_samples",
    "params_of_rows",
    "on_host",
    "plain_rows",
    "progress",
    "pyplot",
    "refuse_masked",
    "row_hashes",
    "safe_indexing",
    "safe_split",
    "show_versions",
    "training_rows",
    "users_stacklevel",
    "validate_params",
    "validate_rows",
    "check_regular_file",
    "whole_file",
]
