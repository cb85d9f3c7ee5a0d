"""Which way of scoring patches a fitted classifier allows: dense, crop or paste.

`DenseScorer` and `GridScorer` have the same methods. Each returns the logits of patches of S sizes
around the same places and of whole images, ``logits(images) -> (S, M, n, rows, columns), (n, M)``,
of its ``dtype``, and spreads scores of places over pixels, ``assemble(scores) -> (..., H, W)``;
its places are ``stride`` pixels apart.
"""

from __future__ import annotations

import numpy as np

from .._networks import is_out_of_memory
from .dense import DenseScorer, dense_layer
from .grid import GridScorer
from .image_classifier import neural
from .patch_grid import PatchGrid
from .patch_sizes import resolve_stride


def make_scorer(
    scoring, classifier, image_size, sizes, stride, fill, dense=None, on_features=False
):
    """Return the scorer named by `scoring`.

    Parameters
    ----------
    scoring : {"dense", "crop", "paste"}
    classifier : ImageClassifier
    image_size : tuple of int
    sizes : sequence of (int, int)
        Smallest first. What is larger than the image is taken as large as it.
    stride : "auto", int or (int, int)
        As in `resolve_stride`; not used by dense scoring.
    fill : callable
        Returns the masked pixels of images.
    dense : (FeatureLayer, tuple of CellGeometry) or None
        Of dense scoring.
    on_features : bool, default=False
        Whether the calibration reads the windows' features.

    Raises
    ------
    ValueError
        If features are to be read, and the scoring has none.
    """
    if on_features and scoring != "dense":
        raise ValueError(
            "calibrate='features' reads windows of a network's feature map, and "
            f"patch_scoring_={scoring!r} has none: use calibrate=True."
        )
    if scoring == "dense":
        return DenseScorer(classifier, *dense, image_size, sizes)
    sizes = [tuple(map(min, size, image_size)) for size in sizes]
    grids = [PatchGrid(image_size, size, resolve_stride(stride, size)) for size in sizes]
    return GridScorer(classifier, grids, fill if scoring == "paste" else None)


def takes_crops(classifier, images, patch_size):
    """Return whether the classifier is a network that runs on patches of this size."""
    if neural(classifier.estimator) is None or len(classifier.row_shape) < 2:
        return False
    crop = images[:1, :, : patch_size[0], : patch_size[1]]
    try:
        return bool(np.isfinite(classifier.logits(crop)).all())
    # Whatever a module raises on a size that it cannot take, the answer is no; but a device that
    # is full says nothing of the network.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return False


def choose_scoring(wanted, stride, classifier, images, smallest, feature_layer):
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
