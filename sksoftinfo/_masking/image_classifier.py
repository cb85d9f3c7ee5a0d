"""`ImageClassifier`: a fitted classifier as a function of images."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from .._classifiers import BaseInfoClassifier, is_pretrained
from .._networks import check_pretrained, naming_batch_size, predict_logits
from .._utils import checked_proba, ignored_warnings

# Lower limit of probabilities before their logarithm is taken: forests and nearest neighbours
# predict exact zeros.
_PROBA_FLOOR = 1e-6


def neural(estimator):
    """Return the classifier of this package that `estimator` is or wraps, or None."""
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator if isinstance(estimator, BaseInfoClassifier) else None


def is_fitted_already(estimator):
    """Return whether a classifier is used without training."""
    return isinstance(estimator, FrozenEstimator) or is_pretrained(estimator)


class ImageClassifier:
    """A fitted classifier as a function of images (n, C, H, W), whatever the shape of its rows.

    Parameters
    ----------
    estimator : fitted classifier with ``predict_proba``
    row_shape : tuple of int
        Shape of the rows that the classifier takes.
    batch_size : int
        Number of images classified at once.
    """

    def __init__(self, estimator, row_shape, batch_size):
        self.estimator = estimator
        self.row_shape = row_shape
        self.batch_size = batch_size

    def check_network(self, images):
        """Let a pretrained network be checked on an image, unless it was checked before."""
        classifier = neural(self.estimator)
        if is_pretrained(classifier) and not classifier.net_.is_checked:
            net, row = classifier.net_, images[:1]
            flat = len(self.row_shape) == 1
            row = torch.from_numpy(np.array(row.reshape(1, -1) if flat else row))
            with naming_batch_size(net.batch_size):
                check_pretrained(net, row)

    def predict_proba(self, images):
        """Return the probabilities of the classes (n, M)."""
        rows = images.reshape(len(images), *self.row_shape)
        starts = range(0, len(rows), self.batch_size)
        # The columns have the order of `fit`; only their names are missing in an array.
        with ignored_warnings("X does not have valid feature names"):
            chunks = [self.estimator.predict_proba(rows[i : i + self.batch_size]) for i in starts]
        proba = np.concatenate(chunks)
        return checked_proba(proba, self.estimator, len(self.estimator.classes_), len(rows))

    def logits(self, images):
        """Return posterior logits (n, M): logits of a network, or log-probabilities."""
        classifier = neural(self.estimator)
        if classifier is None:
            return np.log(np.clip(self.predict_proba(images), _PROBA_FLOOR, None))
        flat = len(self.row_shape) == 1
        rows = images.reshape(len(images), -1) if flat else images
        with naming_batch_size(classifier.net_.batch_size):
            return predict_logits(classifier.net_, rows)
