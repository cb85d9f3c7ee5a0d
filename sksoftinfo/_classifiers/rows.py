"""Validation of rows and labels before they reach the net of a classifier."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from .._networks import resolve_device, warn_of_rounding
from .._utils import (
    are_plain_labels,
    as_images,
    check_channels_first,
    check_classes,
    check_column_order,
    check_labels,
    check_row_shape,
    check_rows,
    check_weights,
    encode_labels,
    holds_pictures,
    in_fixed_order,
    is_on_cuda,
    labels_of,
    listed,
    on_host,
    plain_rows,
    stacked_pictures,
    validate_on_device,
    validate_rows,
)
from .categories import learn_categories, with_codes, with_indicators, without_unused

# Remedy for text columns if the network is the default one.
_ENCODE_TEXTS = (
    "Convert text columns with few values to categories by X[name].astype('category'), encode "
    "other columns in a pipeline, e.g. by skrub's TableVectorizer, or drop them."
)


def validated_rows(classifier, X, y="no_validation"):
    """Return rows, and labels if they are given, as arrays that a net can take.

    A tensor on a CUDA device stays there if the network is there as well.

    Parameters
    ----------
    classifier : InfoSoftmaxClassifier or StochasticInfoClassifier
        Classifier whose feature names and number of features are compared, as by
        ``validate_data``.
    X, y
        Rows and labels as passed to a prediction method. ``y=None`` takes the labels of a data
        set.

    Raises
    ------
    ValueError
        If the rows are not finite, or differ in shape from the rows of `fit`.
    """
    found = _coded_rows(classifier, X, y, reset=False)
    if isinstance(y, str):
        return with_indicators(found, classifier.categories_)
    return with_indicators(found[0], classifier.categories_), found[1]


def _coded_rows(classifier, X, y, *, reset):
    """Return validated rows, in which a category is a number, and labels if they are given."""
    if not reset and _is_plain(X, classifier):
        if isinstance(y, str):
            return X
        if are_plain_labels(y, len(X)):
            return X, y
    X, y = read_rows(classifier, X, y)
    check_column_order(classifier, X, reset=reset)
    X = as_images(X)
    shape = getattr(X, "shape", ())
    if len(shape) > 2 and 0 in shape[1:]:
        raise ValueError(
            f"`X` must have images of at least one pixel and channel; got shape {tuple(shape)}. "
            "Check how the images were read."
        )
    check_channels_first(X, any_dtype=classifier.module is None)
    if not reset:
        of_shape = (f"as in `fit` of {type(classifier).__name__}",)
        if classifier._is_pretrained:
            of_shape = (
                "the `input_shape` of from_module",
                "Pass rows of that shape, or call from_module without `input_shape`.",
            )
        check_row_shape(X, classifier.input_shape_, *of_shape)
    if _stays_on_device(X, classifier, reset):
        validate, options = validate_on_device, {}
        categories = None
    else:
        validate = validate_rows
        options = {"remedy": _ENCODE_TEXTS if classifier.module is None else None}
        X = plain_rows(X)
        if reset:
            categories = learn_categories(
                X, classifier.categorical_features, takes_categories=classifier.module is None
            )
        else:
            categories = classifier.categories_
            if categories is not None and _may_be_other_columns(X, classifier):
                # Otherwise, categories would be looked up in the wrong columns.
                validate_data(classifier, X, reset=False, skip_check_array=True)
        X = with_codes(X, categories)
    if reset:
        classifier.categories_ = categories
    dtypes = _dtypes(classifier)
    if len(getattr(X, "shape", ())) > 2:
        dtypes = dtypes[::-1]
    options |= {"reset": reset, "allow_nd": True, "allow_nan": classifier.module is None}
    if reset and classifier.module is None and dtypes == (np.float32,):
        found = validate(classifier, X, dtype=[np.float64, np.float32], **options)
        if found.ndim == 2 and "float64" in str(found.dtype):
            warn_of_rounding(found, getattr(classifier, "feature_names_in_", None))
    return validate(classifier, X, y, dtype=list(dtypes), **options)


def _may_be_other_columns(X, classifier):
    shape = np.shape(X)
    if len(shape) == 2 and shape[1] != classifier.n_features_in_:
        return True
    return hasattr(X, "columns") and hasattr(classifier, "feature_names_in_")


def _stays_on_device(X, classifier, reset):
    """Return whether `X` is a tensor on a CUDA device on which the network is, or will be."""
    if not is_on_cuda(X):
        return False
    # Categories are looked up on the host. A tensor has them only if the user names its columns.
    by_user = classifier.categorical_features is not None and not isinstance(
        classifier.categorical_features, str
    )
    if by_user if reset else classifier.categories_ is not None:
        return False
    # Loaders and accelerators of the user's own take rows from the host.
    if classifier.accelerator is not None or any(
        name.partition("__")[0] in ("dataset", "iterator_train", "iterator_valid")
        for name in classifier._skorch_params
    ):
        return False
    device = resolve_device(classifier.device) if reset else classifier.net_._input_device
    return torch.device(device or "cpu").type == "cuda"


def _dtypes(classifier):
    """Return the dtypes that rows may have; tables of other types become the first of them."""
    if classifier.dtype != "auto":
        return (getattr(np, classifier.dtype),)
    return (np.float32,) if classifier.precision == "bf16" else (np.float64, np.float32)


def read_rows(classifier, X, y="no_validation"):
    """Return rows and labels as arrays where `X` is a data set or holds PIL images.

    Anything else is returned as it is. A data set's own labels take the place of ``y=None``.
    """
    X = listed(X)
    check_rows(X)
    if not holds_pictures(X):
        return X, y
    if y is not None:
        in_fixed_order(X)
    shape = getattr(classifier, "input_shape_", None)
    rows, labels = stacked_pictures(X, shape[0] if shape is not None and len(shape) == 3 else None)
    if y is None:
        y = labels_of(labels, X, getattr(classifier, "classes_", None))
    return rows, y


def rows_to_score(classifier, X, y, sample_weight):
    """Return rows, labels, and weights or None for the accuracy of a fitted classifier.

    Raises
    ------
    ValueError
        If labels or weights are invalid, or if the labels of a data set are indices, and the
        classes have other names than the data set's.
    """
    rows, labels = read_rows(classifier, X, y)
    classes = classifier.classes_
    if (
        y is None
        and labels is not None
        and labels.dtype.kind in "iu"
        and classes.dtype.kind in "OU"
    ):
        encode_labels(labels, classes, "labels of X")
    check_labels(labels)
    return rows, on_host(labels), check_weights(sample_weight, rows)


def _is_plain(X, classifier):
    """Return whether `X` is sure to pass validation unchanged.

    scikit-learn's validation of a row takes longer than a small network, and doubles the time
    of ``one row`` in benchmarks/bench_speed.py.
    """
    if type(X) is not np.ndarray or not len(X):
        return False
    if classifier.input_shape_ is not None and X.shape[1:] != classifier.input_shape_:
        return False
    if (
        X.dtype.type not in _dtypes(classifier)
        or not X.dtype.isnative
        or hasattr(classifier, "feature_names_in_")
        or classifier.categories_ is not None
    ):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def training_input(classifier, X, y, sample_weight, *, reset):
    """Return the rows to train on, their labels, and their weights or None.

    Parameters
    ----------
    classifier, X, y
        As in `validated_rows`.
    reset : bool
        Whether the rows are the first that the classifier sees.
    sample_weight : array-like of shape (n,) or None
        Non-negative weights. Rows of weight zero are left out.
    """
    X, y = _coded_rows(classifier, X, y, reset=reset)
    check_classes(y)
    weight = check_weights(sample_weight, X)
    if weight is not None and not weight.all():
        # Rows of weight zero would take places in the batches, and change the order of training.
        used = np.flatnonzero(weight)
        X, y, weight = X[used], y[used], weight[used]
        if reset:
            X, classifier.categories_ = without_unused(X, classifier.categories_)
    return with_indicators(X, classifier.categories_), y, weight
