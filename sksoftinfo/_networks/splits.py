"""Validation rows: skorch's splits, and rows of the user's own, encoded as training rows are."""

from __future__ import annotations

import numpy as np
import torch
from skorch.dataset import Dataset, ValidSplit
from torch.utils.data import Subset

from .._utils import assert_finite, check_labels, encode_labels


def make_train_split(train_split, seed, classes, input_shape):
    """Return skorch's split for a share, a number of folds or a split of skorch's.

    Parameters
    ----------
    train_split : float, int, callable or None
    seed : int
        Draws the rows of a share.
    classes : ndarray of shape (n_classes,)
        Sorted labels, whose indices the net is trained on.
    input_shape : tuple of int
        Shape of a row, as the user gives rows.
    """
    if train_split is None:
        return None
    if isinstance(train_split, float | int):
        shuffled = isinstance(train_split, float)
        return ValidSplit(train_split, stratified=True, random_state=seed if shuffled else None)
    return EncodedSplit(train_split, classes, input_shape)


class EncodedSplit:
    """A split of skorch's whose validation rows may come from elsewhere, as in `predefined_split`.

    Such rows hold the user's labels and images without channels. They are encoded as `fit` encodes
    the training rows; rows that were cut from these are encoded already.

    Parameters
    ----------
    split : callable
        As skorch's ``train_split``.
    classes : ndarray of shape (n_classes,)
    input_shape : tuple of int
    """

    def __init__(self, split, classes, input_shape):
        self.split = split
        self.classes = classes
        self.input_shape = input_shape

    def __call__(self, dataset, *args, **kwargs):
        train, valid = self.split(dataset, *args, **kwargs)
        if valid is None or _source(valid) is _source(dataset):
            return train, valid
        if type(valid) is Dataset and isinstance(valid.X, np.ndarray | torch.Tensor):
            return train, self._encoded_arrays(valid)
        return train, _EncodedRows(valid, self.classes, len(self.input_shape) == 2)

    def _encoded_arrays(self, dataset):
        X, y = np.asarray(dataset.X), np.asarray(dataset.y)
        check_labels(y, "y of train_split")
        if X.shape[1:] != tuple(self.input_shape):
            raise ValueError(
                f"train_split holds validation rows of shape {X.shape[1:]}, and the training rows "
                f"have shape {tuple(self.input_shape)}: give rows of that shape."
            )
        assert_finite(X, "X of train_split")
        y = encode_labels(y, self.classes, "y of train_split")
        return Dataset(X[:, None] if len(self.input_shape) == 2 else X, y)


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
        return x[None] if self.is_grey else x, int(label[0])


def _source(dataset):
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset
