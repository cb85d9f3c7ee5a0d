"""Probabilities that an estimator predicts, and the rounding of their sums."""

from __future__ import annotations

import numpy as np

from .validation import plain_rows


def rounding_of_sums(proba):
    """Return how far sums of probabilities may differ from 1 in the precision of `proba`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._utils import rounding_of_sums
    >>> rounding_of_sums([[0.5, 0.5]]), rounding_of_sums(np.ones((1, 1), dtype="float32"))
    (1e-06, 0.001)
    """
    precision = str(getattr(proba, "dtype", "float64"))
    return 1e-2 if "float16" in precision else 1e-3 if "float32" in precision else 1e-6


def checked_proba(proba, estimator, n_classes, n_rows=None):
    """Return the probabilities that an estimator predicted as an array of floats.

    Parameters
    ----------
    proba : array-like of shape (n_rows, n_classes)
        Return value of `predict_proba`.
    estimator : classifier
        Classifier that errors name.
    n_classes : int
        Number of classes that the estimator knows.
    n_rows : int, default=None
        Number of rows; any number if None.

    Raises
    ------
    ValueError
        If the shape differs, or if a row does not consist of probabilities whose sum is 1.

    Examples
    --------
    >>> from sksoftinfo._utils import checked_proba
    >>> checked_proba([[0, 1]], "an estimator", 2)
    array([[0., 1.]])
    """
    tolerance = rounding_of_sums(proba)
    proba = np.asarray(plain_rows(proba))
    shape = (len(proba) if n_rows is None else n_rows, n_classes)
    if proba.shape != shape:
        raise ValueError(
            f"`estimator` must return probabilities of shape {shape}; got "
            f"{proba.shape} from predict_proba of {estimator!r}. Return one column for each class "
            "of the training rows."
        )
    if proba.dtype.kind != "f":
        proba = proba.astype(np.float64)
    # NaN is not close to 1.
    right = (np.abs(proba.sum(axis=1, dtype=np.float64) - 1) <= tolerance) & (proba >= 0).all(1)
    if not right.all():
        row = int(np.argmin(right))
        remedy = (
            "Wrap the estimator in scikit-learn's CalibratedClassifierCV, whose probabilities sum "
            "to 1."
        )
        if not np.isfinite(proba[row]).all():
            remedy = "Leave out rows that it cannot predict, or use another classifier."
        raise ValueError(
            f"`estimator` must return rows of probabilities that sum to 1; got "
            f"{proba[row].tolist()} from predict_proba of {estimator!r}, in row {row} of "
            f"{len(proba)}. {remedy}"
        )
    return proba
