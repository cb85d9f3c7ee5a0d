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
    validate_params,
)
from .fingerprint import fingerprint, is_of
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
    plain_rows,
    refuse_masked,
    validate_rows,
)
from .versions import show_versions
from .whole_files import whole_file

__all__ = [
    "IntegerInterval",
    "HasMethods",
    "Interval",
    "Options",
    "RealNotInt",
    "StrOptions",
    "fit_context",
    "num_samples",
    "validate_params",
    "are_plain_labels",
    "assert_finite",
    "check_channels_first",
    "axis_or_new",
    "check_labels",
    "check_row_shape",
    "check_two_classes",
    "check_weights",
    "encode_labels",
    "fingerprint",
    "is_of",
    "naming_wrong_columns",
    "plain_rows",
    "pyplot",
    "refuse_masked",
    "show_versions",
    "users_stacklevel",
    "validate_rows",
    "whole_file",
]
