"""Data frames of texts, dates and gaps as numbers: by skrub, learned from training rows alone."""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

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
