"""A fitted classifier as a function of images, and the ways in which it may be asked."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ._base import BaseInfoClassifier
from ._stochastic_net import StochasticInfoNet

# Probabilities are floored here before their logarithm: forests and neighbours give exact zeros.
_SMALLEST_PROBA = 1e-6
_N_PROBED = 4


def neural(estimator):
    """Return our own classifier inside `estimator`, or None where there is another."""
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator if isinstance(estimator, BaseInfoClassifier) else None


class ImageClassifier:
    """A fitted classifier as a function of images (n, C, H, W), whatever layout it was fitted on.

    Parameters
    ----------
    estimator : fitted classifier with ``predict_proba``
    row_shape : tuple of int
        Shape of the rows that it takes.
    batch_size : int
        Images to classify at once.
    """

    def __init__(self, estimator, row_shape, batch_size):
        self.estimator = estimator
        self.row_shape = row_shape
        self.batch_size = batch_size

    def predict_proba(self, images):
        """Return probabilities (n, M)."""
        rows = images.reshape(len(images), *self.row_shape)
        starts = range(0, len(rows), self.batch_size)
        with warnings.catch_warnings():
            # The columns are those of fit, in their order; their names were left with the frame.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            chunks = [self.estimator.predict_proba(rows[i : i + self.batch_size]) for i in starts]
        return np.concatenate(chunks)

    def logits(self, images):
        """Return posterior logits (n, M): the network's own, or log-probabilities."""
        classifier = neural(self.estimator)
        if classifier is None:
            return np.log(np.clip(self.predict_proba(images), _SMALLEST_PROBA, None))
        flat = len(self.row_shape) == 1
        return classifier.net_.predict_logits(images.reshape(len(images), -1) if flat else images)


def estimator_row_shape(estimator, row_shape, canonical):
    """Return the shape of the rows that `estimator` was fitted on, or should be.

    Images stay images for those that take them, and are flattened for the others.
    """
    classifier = neural(estimator)
    if isinstance(estimator, FrozenEstimator) and classifier is not None:
        return classifier.input_shape_
    is_table = len(row_shape) == 1 and canonical[:2] == (1, 1)
    if is_table or not get_tags(estimator).input_tags.three_d_array:
        return (int(np.prod(canonical)),)
    if len(row_shape) > 1:
        return row_shape
    return canonical[1:] if canonical[0] == 1 else canonical


def dense_layer(classifier, images, feature_layer=None):
    """Return the feature layer and its geometry, or None where dense scoring is not proven.

    The proof is by trial on some images and on noise: what the network makes of the pooled map
    must be its own logits.
    """
    ours = neural(classifier.estimator)
    if ours is None or isinstance(ours.net_, StochasticInfoNet) or len(classifier.row_shape) < 2:
        return None
    probe = images[:_N_PROBED]
    # On an image that is the same everywhere, any pooling gives the same.
    noise = np.random.default_rng(0).normal(probe.mean(), probe.std() + 1e-3, probe.shape)
    return ours.net_.find_feature_layer(
        np.concatenate([probe, noise.astype(probe.dtype)]), feature_layer
    )


def takes_crops(classifier, images, patch_size):
    """Whether the network runs on patches of this size."""
    if neural(classifier.estimator) is None or len(classifier.row_shape) < 2:
        return False
    crop = images[:1, :, : patch_size[0], : patch_size[1]]
    try:
        return bool(np.isfinite(classifier.logits(crop)).all())
    # Whatever a module raises on a size that it cannot take, the answer is no.
    except (RuntimeError, ValueError, IndexError):
        return False


def choose_scoring(wanted, stride, classifier, images, smallest, feature_layer=None):
    """Return the scoring to use, and the feature layer and its geometry if it is dense.

    Raises
    ------
    ValueError
        If the classifier does not allow the scoring that is wanted.
    """
    if wanted == "dense" and not isinstance(stride, str):
        raise ValueError(
            f"stride={stride!r} cannot be set with patch_scoring='dense', which has a patch "
            "around every cell of the feature map: use stride='auto'."
        )
    if feature_layer is not None and (wanted in ("crop", "paste") or not isinstance(stride, str)):
        raise ValueError(
            f"feature_layer={feature_layer!r} is of dense scoring: leave patch_scoring and stride "
            "'auto' with it."
        )
    if wanted == "dense" or (wanted == "auto" and isinstance(stride, str)):
        found = dense_layer(classifier, images, feature_layer)
        if found is not None:
            return "dense", found
        if feature_layer is not None:
            raise ValueError(
                f"feature_layer={feature_layer!r} cannot be scored densely: give the name of a "
                "submodule of an InfoSoftmaxClassifier's network whose output is a spatial map "
                "that the network pools, or None."
            )
        if wanted == "dense":
            raise ValueError(
                "patch_scoring='dense' needs an InfoSoftmaxClassifier on images whose module has "
                "a feature map behind which positions do not count (global pooling), and no such "
                "map was found: use 'auto', 'crop' or 'paste'."
            )
    if wanted != "paste":
        if takes_crops(classifier, images, smallest):
            return "crop", None
        if wanted == "crop":
            raise ValueError(
                f"patch_scoring='crop' needs a network that takes images of {smallest[0]} x "
                f"{smallest[1]} pixels, and the classifier does not: use 'auto' or 'paste'."
            )
    return "paste", None
