"""Tables from files: read, encoded as numbers, and asked what they hold about one column."""

from __future__ import annotations

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .._classifiers import InfoSoftmaxClassifier
from .._evaluation import cross_val_bounds

MODELS = ("info", "logistic", "boosting", "stack")
# Rarer categories share one column: one of an identifier each would only cost memory.
_MAX_CATEGORIES = 30
# What separates columns where it is not a comma.
_OTHER_MARKS = (";", "\t", "|")


def read_columns(path):
    """Read a comma-separated file with a header.

    pandas reads it where it is installed; else NumPy does, which wants every row to have as many
    fields as the header.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        float64 with NaN where a number is missing, or object with None where a text is.

    Raises
    ------
    ValueError
        If the file is no table.
    OSError
        If it cannot be opened.
    """
    try:
        import pandas as pd
    except ImportError:
        return _read_with_numpy(path)
    try:
        frame = pd.read_csv(path)
    except (ValueError, UnicodeError) as error:
        raise ValueError(f"{path} is no comma-separated table: {error}") from error
    columns = {}
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = column.to_numpy(dtype=np.float64)
        else:
            columns[str(name)] = np.where(column.isna(), None, column.astype(str)).astype(object)
    return columns


def _read_with_numpy(path):
    try:
        table = np.loadtxt(path, dtype=str, delimiter=",", quotechar='"', comments=None, ndmin=2)
    except (ValueError, UnicodeError) as error:
        raise ValueError(
            f"{path} is no comma-separated table that NumPy reads; pandas reads more, if it is "
            f"installed: {error}"
        ) from error
    if not table.size:
        raise ValueError(f"{path} is empty.")
    columns = {}
    for name, texts in zip(table[0], table[1:].T, strict=True):
        try:
            columns[str(name)] = np.where(texts == "", "nan", texts).astype(np.float64)
        except ValueError:
            columns[str(name)] = np.where(texts == "", None, texts.astype(object))
    return columns


def split_target(columns, target):
    """Return the other columns, and the labels in column `target`.

    Raises
    ------
    ValueError
        If the column is missing, constant, continuous or incomplete, or the only one.
    """
    if target not in columns:
        if len(columns) == 1 and any(mark in next(iter(columns)) for mark in _OTHER_MARKS):
            raise ValueError(
                f"--target {target}: the table has one column, named {next(iter(columns))!r}: "
                "separate its columns by commas."
            )
        raise ValueError(f"--target {target}: no such column; there are {', '.join(columns)}.")
    features = {name: column for name, column in columns.items() if name != target}
    labels = columns[target]
    if not features:
        raise ValueError(f"--target {target} is the only column: there is nothing to ask.")
    missing = np.array([value is None or value != value for value in labels], dtype=bool)
    if missing.any():
        raise ValueError(
            f"--target {target} has no value in {missing.sum()} of {len(labels)} rows: fill them "
            "or leave these rows out."
        )
    if labels.dtype == object:
        labels = labels.astype(str)
    elif (labels != np.round(labels)).any():
        raise ValueError(
            f"--target {target} is continuous: bring it into classes, as by its quartiles."
        )
    else:
        labels = labels.astype(np.int64)
    if len(np.unique(labels)) < 2:
        raise ValueError(f"--target {target} is constant: it holds no information.")
    return features, labels


def encode(features):
    """Encode columns as numbers: categories as indicators, missing numbers by the median.

    Labels are not looked at, so that all rows may be encoded before any is held out.

    Parameters
    ----------
    features : dict of str to ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows, n_encoded), float64
    """
    table = np.column_stack([np.asarray(column, dtype=object) for column in features.values()])
    is_text = [column.dtype == object for column in features.values()]
    texts = [index for index, text in enumerate(is_text) if text]
    numbers = [index for index, text in enumerate(is_text) if not text]
    encoder = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            ),
            numbers,
        ),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="", missing_values=None),
                OneHotEncoder(max_categories=_MAX_CATEGORIES, sparse_output=False),
            ),
            texts,
        ),
        sparse_threshold=0.0,
    )
    return encoder.fit_transform(table).astype(np.float64)


def table_bounds(path, target, *, model="stack", units="bits"):
    """How much a table holds about one of its columns.

    Parameters
    ----------
    path : str or path-like
        Comma-separated, with a header.
    target : str
        Column of labels.
    model : {"info", "logistic", "boosting", "stack"}, default="stack"
    units : {"nats", "bits"}, default="bits"

    Returns
    -------
    InformationBounds
        Cross-fitted in five shuffled stratified folds.
    """
    features, y = split_target(read_columns(path), target)
    _, counts = np.unique(y, return_counts=True)
    if counts.min() < 5:
        raise ValueError(
            f"--target {target} has a class of {counts.min()} rows: each needs at least five. "
            "Merge rare classes, or leave them out."
        )
    estimator = {
        "info": make_pipeline(StandardScaler(), InfoSoftmaxClassifier(random_state=0)),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "boosting": HistGradientBoostingClassifier(early_stopping=True, random_state=0),
        "stack": "stack",
    }[model]
    return cross_val_bounds(estimator, encode(features), y, units=units)


def bounds(options):
    """Print what a table holds about one of its columns."""
    found = table_bounds(options.table, options.target, model=options.model, units=options.units)
    print(
        f"{options.table} says of {options.target!r} at least {found.mi_lower:.3f} of "
        f"H(Y) = {found.label_entropy:.3f} {found.units}; at least "
        f"{found.mi_lower_limit:.3f} {found.units} with 95 % confidence.\n\n{found}"
    )
