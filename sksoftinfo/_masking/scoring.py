"""Choice of the scoring of patches that a fitted classifier allows: dense, crop or paste.

`DenseScorer` and `GridScorer` have the same methods. ``logits(images)`` returns the logits for
patches of S sizes around the same places, (S, M, n, rows, columns), and for whole images, (n, M),
in the scorer's ``dtype``. ``assemble(scores)`` turns the scores of places into maps of pixels,
(..., H, W). Neighbouring places are ``stride`` pixels apart.
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
    """Return the scorer that `scoring` names.

    Parameters
    ----------
    scoring : {"dense", "crop", "paste"}
    classifier : ImageClassifier
    image_size : tuple of int
        Height and width of the images, in pixels.
    sizes : sequence of (int, int)
        Heights and widths of the patches, smallest first. Sizes larger than the image are clipped
        to the size of the image.
    stride : "auto", int or (int, int)
        Stride, as in `resolve_stride`. Dense scoring does not use it.
    fill : callable
        Returns the fill of images.
    dense : (FeatureLayer, tuple of CellGeometry) or None
        Feature layer and its geometry, for dense scoring.
    on_features : bool, default=False
        Whether the calibration reads the features of the windows.

    Raises
    ------
    ValueError
        If the calibration reads features and the scoring is not dense.
    """
    if on_features and scoring != "dense":
        raise ValueError(
            "`calibrate` must not be 'features' without dense scoring, which has a feature map; "
            f"got 'features' with patch_scoring_={scoring!r}. Use calibrate=True."
        )
    if scoring == "dense":
        return DenseScorer(classifier, *dense, image_size, sizes)
    sizes = [tuple(map(min, size, image_size)) for size in sizes]
    grids = [PatchGrid(image_size, size, resolve_stride(stride, size)) for size in sizes]
    return GridScorer(classifier, grids, fill if scoring == "paste" else None)


def takes_crops(classifier, images, patch_size):
    """Return whether the classifier is a network that takes images of the patch size."""
    if neural(classifier.estimator) is None or len(classifier.row_shape) < 2:
        return False
    crop = images[:1, :, : patch_size[0], : patch_size[1]]
    try:
        return bool(np.isfinite(classifier.logits(crop)).all())
    # Any exception means that the module does not accept this size. A lack of memory is raised,
    # since it is not a property of the network.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return False


def choose_scoring(wanted, stride, classifier, images, smallest, feature_layer):
    """Return the scoring to use, and the feature layer and its geometry for dense scoring.

    Raises
    ------
    ValueError
        If the classifier does not allow the wanted scoring.
    """
    if wanted == "dense" and not isinstance(stride, str):
        raise ValueError(
            "`stride` must be 'auto' with patch_scoring='dense', which has a patch around every "
            f"cell of the feature map; got {stride!r}. Use stride='auto' or another patch_scoring."
        )
    if feature_layer is not None and (wanted in ("crop", "paste") or not isinstance(stride, str)):
        raise ValueError(
            f"`feature_layer` must be None without dense scoring; got {feature_layer!r} with "
            f"patch_scoring={wanted!r} and stride={stride!r}. Use 'auto' for both."
        )
    if wanted == "dense" or (wanted == "auto" and isinstance(stride, str)):
        found = dense_layer(classifier, images, feature_layer)
        if found is not None:
            return "dense", found
        if feature_layer is not None:
            raise ValueError(
                "`feature_layer` must name a submodule of an InfoSoftmaxClassifier's network "
                f"whose output is a spatial map that the network pools; got {feature_layer!r}. "
                "Use feature_layer=None to search for the layer."
            )
        if wanted == "dense":
            raise ValueError(
                "`patch_scoring` must be 'auto', 'crop' or 'paste' unless the network of an "
                "InfoSoftmaxClassifier pools its last feature map of images globally; got "
                "'dense', and no such map was found. Use 'auto'."
            )
    if wanted != "paste":
        if takes_crops(classifier, images, smallest):
            return "crop", None
        if wanted == "crop":
            raise ValueError(
                "`patch_scoring` must be 'auto' or 'paste' for a classifier that does not take "
                f"images of {smallest[0]} x {smallest[1]} pixels; got 'crop'. Use 'auto'."
            )
    return "paste", None
