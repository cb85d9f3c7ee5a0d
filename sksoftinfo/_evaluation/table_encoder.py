"""Data frames of texts, dates and gaps as numbers: by skrub, learned from training rows alone."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import check_array

from .._utils import assert_finite, naming_wrong_columns, plain_rows, refuse_times_and_bytes

# Texts with more values are encoded by the letters that they share.
_MAX_CATEGORIES = 30
_N_TEXT_COMPONENTS = 30


def make_table_encoder() -> Pipeline:
    """Return a transformer of data frames into finite numbers.

    Categories become indicators, texts of many values the components of their letters, dates
    their parts. Numbers are brought to one scale on which outliers end at ten interquartile
    ranges, also infinite ones. A missing number becomes the median, with an indicator.

    Returns
    -------
    sklearn.pipeline.Pipeline

    Raises
    ------
    ImportError
        If skrub is not installed.
    """
    try:
        from skrub import SquashingScaler, StringEncoder, TableVectorizer
    except ImportError as error:
        raise ImportError(
            "Texts, dates and gaps in a data frame are encoded by skrub, which is not installed: "
            "install sksoftinfo[table], or encode the columns as finite numbers."
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
    """Return whether `X` is a data frame with texts, dates or gaps among its entries."""
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
    """Return an unfitted transformer of `X` into numbers; None where `X` is taken as it is.

    Parameters
    ----------
    encoder : "auto", transformer or None
        ``"auto"`` is `make_table_encoder` for a data frame of texts, dates or gaps.
    X : table

    Returns
    -------
    transformer or None

    Raises
    ------
    ValueError
        If `encoder` is something else.
    """
    if not (encoder is None or encoder == "auto" or hasattr(encoder, "transform")):
        raise ValueError(f"encoder must be 'auto', a transformer or None; got {encoder!r}.")
    if not isinstance(encoder, str):
        return None if encoder is None else clone(encoder)
    return make_table_encoder() if is_raw_frame(X) else None


def numeric_table(X):
    """Return `X` as a finite table of float64, or raise an error that names what is wrong."""
    if sparse.issparse(X):
        raise TypeError(
            "X is sparse, and the stack takes dense tables alone: pass X.toarray() if it fits "
            "into memory, put TruncatedSVD before a classifier in a Pipeline, or pass a "
            "classifier that takes sparse tables, such as LogisticRegression()."
        )
    column_names = getattr(X, "columns", None)
    X = plain_rows(X)
    refuse_times_and_bytes(X)
    with naming_wrong_columns(X):
        X = check_array(X, dtype=np.float64, ensure_all_finite=False, input_name="X")
    assert_finite(X, "X", column_names)
    return X
