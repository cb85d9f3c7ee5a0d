"""Encoding of data frames with texts, dates and missing values as numbers, by skrub."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.utils import check_array

from .._utils import (
    assert_finite,
    check_any_row,
    naming_wrong_columns,
    plain_rows,
    refuse_times_and_bytes,
)

# Text columns with more distinct values are encoded by shared letter sequences.
_MAX_CATEGORIES = 30
_N_TEXT_COMPONENTS = 30
# Limit of columns, in units of the largest entry of the training rows.
_LIMIT = 1e6


def make_table_encoder() -> Pipeline:
    """Return a transformer of data frames into finite numbers.

    Categories become indicators. Text columns with many distinct values become components of
    their letter sequences, and dates become their parts. Numbers are scaled robustly, and outliers
    (infinite values, too) are squashed to within ten interquartile ranges. A missing number is
    replaced by the median and marked by an indicator.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted transformer.

    Raises
    ------
    ImportError
        If skrub is not installed.
    """
    try:
        from skrub import SquashingScaler, StringEncoder, TableVectorizer
    except ImportError as error:
        raise ImportError(
            "Texts, dates and missing values in a data frame need skrub, which is not installed. "
            "Run pip install 'sksoftinfo[table]', or encode the columns as finite numbers."
        ) from error
    return make_pipeline(
        TableVectorizer(
            cardinality_threshold=_MAX_CATEGORIES,
            numeric=SquashingScaler(max_absolute_value=10.0),
            high_cardinality=StringEncoder(n_components=_N_TEXT_COMPONENTS, random_state=0),
        ),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
    )


def is_raw_frame(X):
    """Return whether `X` is a data frame that holds texts, dates or missing values."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")) or len(X.shape) != 2:
        return False
    if 0 in X.shape:
        return False
    entries = np.asarray(X)
    if entries.dtype.kind in "mM":
        return True
    try:
        return bool(np.isnan(entries.astype(np.float64)).any())
    except (TypeError, ValueError):
        return True


def encoder_for(encoder, X):
    """Return an unfitted transformer of `X` into numbers, or None if `X` needs no encoding.

    Parameters
    ----------
    encoder : "auto", transformer or None
        ``"auto"`` is `make_table_encoder` for a data frame with texts, dates or missing values.
    X : table

    Returns
    -------
    transformer or None

    Raises
    ------
    ValueError
        If `encoder` is not "auto", a transformer or None.
    """
    if not (encoder is None or encoder == "auto" or hasattr(encoder, "transform")):
        raise ValueError(
            f"`encoder` must be 'auto', a transformer or None; got {encoder!r}. Use 'auto' for "
            "skrub's TableVectorizer."
        )
    if not isinstance(encoder, str):
        return None if encoder is None else clone(encoder)
    return make_table_encoder() if is_raw_frame(X) else None


def standardised(encoder):
    """Return an unfitted pipeline of an encoder, or of none, that ends in standardised columns.

    Columns are divided by their largest entry first: squares of entries above 1e154 are infinite.
    For the same reason, rows far outside the training rows are clipped.
    """
    steps = [] if encoder is None else [encoder]
    clip = FunctionTransformer(
        np.clip, kw_args={"a_min": -_LIMIT, "a_max": _LIMIT}, feature_names_out="one-to-one"
    )
    return make_pipeline(*steps, MaxAbsScaler(), clip, StandardScaler())


def numeric_table(X):
    """Return `X` as a finite table of float64, or raise an error that names the invalid column."""
    if sparse.issparse(X):
        raise TypeError(
            "`X` must be dense for the stack; got a sparse table. Pass X.toarray() if it fits "
            "into memory, put TruncatedSVD before a classifier in a Pipeline, or pass a "
            "classifier that takes sparse tables, such as LogisticRegression()."
        )
    column_names = getattr(X, "columns", None)
    X = plain_rows(X)
    check_any_row(X)
    refuse_times_and_bytes(X)
    with naming_wrong_columns(X, of_texts="Pass a data frame, whose texts are encoded."):
        X = check_array(X, dtype=np.float64, ensure_all_finite=False, input_name="X")
    assert_finite(X, "X", column_names)
    return X
