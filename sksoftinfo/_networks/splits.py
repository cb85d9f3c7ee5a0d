"""Validation rows: skorch's splits, and the user's own rows, encoded like the training rows."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import torch
from skorch.dataset import Dataset, ValidSplit
from torch.utils.data import Subset

from .._utils import (
    assert_finite,
    check_labels,
    encode_labels,
    label_array,
    plain_rows,
    refuse_times_and_bytes,
)


def make_train_split(
    train_split, seed, classes, input_shape, feature_names=None, encode=plain_rows
):
    """Return skorch's split for a share, a number of folds or a split of skorch's.

    Parameters
    ----------
    train_split : float, int, callable or None
    seed : int
        Seed of the draw of a share.
    classes : ndarray of shape (n_classes,)
        Sorted labels, whose indices the net is trained on.
    input_shape : tuple of int
        Shape of a row that the net is trained on, of grey images without a channel.
    feature_names : ndarray of shape (n_features,), default=None
        Column names of the training rows.
    encode : callable, default=plain_rows
        ``encode(X, name)`` returns the rows of `X` as numbers.
    """
    if train_split is None:
        return None
    if isinstance(train_split, Integral):
        return ValidSplit(int(train_split), stratified=True)
    if isinstance(train_split, Real):
        return ValidSplit(float(train_split), stratified=True, random_state=seed)
    return EncodedSplit(train_split, classes, input_shape, feature_names, encode)


class EncodedSplit:
    """skorch split whose validation rows may come from elsewhere, as in `predefined_split`.

    Validation rows from elsewhere have the user's labels, and images without channels. These rows
    are encoded as `fit` encodes the training rows. Rows that were split off from the training rows
    are encoded already.

    Parameters
    ----------
    split : callable
        Split, as in skorch's ``train_split``.
    classes : ndarray of shape (n_classes,)
    input_shape : tuple of int
    feature_names : ndarray of shape (n_features,), default=None
    encode : callable, default=plain_rows
    """

    def __init__(self, split, classes, input_shape, feature_names=None, encode=plain_rows):
        self.split = split
        self.classes = classes
        self.input_shape = input_shape
        self.feature_names = feature_names
        self.encode = encode

    def __call__(self, dataset, *args, **kwargs):
        train, valid = self.split(dataset, *args, **kwargs)
        if valid is None or _source(valid) is _source(dataset):
            return train, valid
        source = _source(valid)
        # In a data set of skorch, a list holds several inputs, as a dict does.
        if type(source) is Dataset and not isinstance(source.X, dict | tuple | list):
            return train, self._encoded_arrays(source, _rows_of(valid))
        return train, _EncodedRows(valid, self.classes, len(self.input_shape) == 2)

    def _encoded_arrays(self, dataset, rows):
        self._check_columns(dataset.X)
        refuse_times_and_bytes(dataset.X)
        check_labels(dataset.y, "y of train_split")
        X, y = np.asarray(self.encode(dataset.X, "X of train_split")), label_array(dataset.y)
        if rows is not None:
            X, y = X[rows], y[rows]
        if X.shape[1:] != tuple(self.input_shape):
            raise ValueError(
                f"`train_split` must give validation rows of shape {tuple(self.input_shape)}; got "
                f"{X.shape[1:]}. Pass rows of the shape of the training rows."
            )
        assert_finite(X, "X of train_split")
        y = encode_labels(y, self.classes, "y of train_split")
        return Dataset(X[:, None] if len(self.input_shape) == 2 else X, y)

    def _check_columns(self, X):
        columns = getattr(X, "columns", None)
        if columns is None or self.feature_names is None:
            return
        if list(columns) != list(self.feature_names):
            raise ValueError(
                "`train_split` must give validation rows with the columns "
                f"{list(self.feature_names)}; got {list(columns)}. Pass the columns of the "
                "training rows, in their order."
            )


class _EncodedRows(torch.utils.data.Dataset):
    """Rows of any dataset of torch, with class indices in place of labels."""

    def __init__(self, dataset, classes, is_grey):
        self.dataset = dataset
        self.classes = classes
        self.is_grey = is_grey

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        x, label = self.dataset[index]
        label = encode_labels(np.asarray([label]).ravel(), self.classes, "y of train_split")
        x = plain_rows(x) if isinstance(x, np.ndarray) else x
        return x[None] if self.is_grey else x, int(label[0])


def _rows_of(dataset):
    """Return the rows of its source that a subset of a subset holds, or None for all of them."""
    rows = None
    while isinstance(dataset, Subset):
        indices = np.asarray(dataset.indices)
        rows = indices if rows is None else indices[rows]
        dataset = dataset.dataset
    return rows


def _source(dataset):
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset
