"""`InfoMaskTransformer`: keeps what carries information about a class and masks the rest."""

from __future__ import annotations

import os
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._utils import HasMethods, IntegerInterval, Interval, StrOptions, encode_labels, fit_context
from .fitting import BaseInfoMask
from .masks import largest_boxes

if TYPE_CHECKING:
    from typing_extensions import Self


class InfoMaskTransformer(OneToOneFeatureMixin, TransformerMixin, BaseInfoMask):
    """Keep the parts of an image that carry information about a class; mask the rest.

    Information masking, section 4 of the paper. A classifier is trained on the labels of whole
    images; each patch is then scored by its own information about the target class t, by default
    the weight of evidence

    .. math:: S = \\operatorname{logit} p(t|\\text{patch}) - \\operatorname{logit} p(t)

    in nats, and pixels are kept where S is positive and above 20 % of the image's maximum.

    The paper scores a patch by its logit z_t. That is defined only up to a constant per patch
    (its Proposition 1 holds after normalising), and a network that has only seen whole images
    answers a small patch arbitrarily. Hence the normalised score, its calibration on patches,
    and windows of about the size of the object.

    What is claimed is where the evidence lies, not that deleting it changes the prediction most.

    Parameters
    ----------
    estimator : classifier, default=None
        Trained on X and y in `fit`; ``None`` is an
        ``InfoSoftmaxClassifier(max_epochs=30)``. A
        ``sklearn.frozen.FrozenEstimator`` is used as it is. Any classifier with
        ``predict_proba`` will do.
    target : label, list of labels or None, default=None
        Class whose evidence is kept; the union for a list. ``None`` is the predicted class of
        each image.
    patch_size : "auto", int, (int, int) or list of these, default="auto"
        Height and width of a patch in pixels; the number of neighbouring columns for a table.
        Patches of all sizes in a list are weighed together. ``"auto"`` tries shares of the
        shorter side and takes the one whose `score` on images of `fit` is best.
    context : float, default=1.5
        A patch only counts as far as its surroundings, so many times larger, speak for the target
        as well: its information is the lesser of the two. What looks like the target as long as
        the rest of it is not seen does not count. 1 is the patch alone; the literal logit has no
        other.
    stride : "auto", int or (int, int), default="auto"
        Pixels between patches: a quarter of the patch by default. Dense scoring has a patch
        around every cell of the feature map and takes ``"auto"`` only.
    patch_scoring : {"auto", "dense", "crop", "paste"}, default="auto"
        ``"dense"`` asks an `InfoSoftmaxClassifier`'s network about windows of its last feature
        map, one forward pass for all patches and classes; ``"crop"`` feeds it each patch alone;
        ``"paste"`` shows each patch at its place on an image of masked pixels, to any classifier.
        ``"auto"`` is dense if the network's own logits are reproduced from the pooled map, else
        crop if it takes small images, else paste.
    feature_layer : str, default=None
        Name of the submodule whose output is the feature map; ``None`` looks for it.
    information : {"weight_of_evidence", "pmi", "logit"}, default="weight_of_evidence"
        Weight of evidence, pointwise mutual information ``log p(t|patch) - log p(t)``, or the
        paper's literal logit, which is neither normalised nor calibrated.
    calibrate : bool or "features", default=True
        Whether ``p(t|patch)`` comes from a logistic regression, fitted in `fit`, of the image's
        label on the logits of its patches; else it is the classifier's own answer to the patch.
        ``"features"`` regresses on windows of the feature map: that replaces the network's
        head, and no longer explains the network that was given.
    threshold : float, default=0.2
        Pixels with more information than this are kept: a share within [0, 1], or nats.
    threshold_reference : {"image", "fit", "absolute"}, default="image"
        Share of the image's maximum, of the maximum seen in `fit`, or nats. With a share the
        information must also be positive, so that an image without the target is masked whole.
    require_presence : bool, default=True
        Whether an image is masked whole where nothing speaks for the target: neither the
        classifier's answer to all of it, ``p(t|image) <= p(t)``, nor a patch as clearly as in 99 %
        of the images of `fit` that have it. Nats, and ``target=None``, go without.
    mask_type : {"hard", "soft"}, default="hard"
        ``"soft"`` fades what lies below the threshold, linearly to nothing at no information.
    components : bool, default=False
        Whether connected parts of what differs from `fill_value` are kept or masked whole, by
        the majority of their pixels: for objects on an empty ground.
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable, default=0.0
        What masked pixels look like, also around the patch in paste scoring: a number, one for
        each channel, their mean over the images of `fit` (of each column for a table), the image
        itself blurred, or what a function makes of images (n, channels, height, width).
    image_shape : tuple of int, default=None
        (height, width) or (channels, height, width) of images that come as flat rows.
    batch_size : int, default=256
        Patches or images scored at once, at most: bounds the memory.
    memory : str, path or joblib.Memory, default=None
        Caches the trained classifier and the maps, so that a search over thresholds computes
        each map once. Equal fits are recognised if `random_state` is a number.
    random_state : int, RandomState instance or None, default=None
        Seeds the classifier's training, unless None, and the sampling of patches.

    Attributes
    ----------
    estimator_ : classifier
        Fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Its labels.
    prior_ : ndarray of shape (n_classes,)
        Label frequencies of `fit`.
    patch_scoring_ : str
        Scoring in use.
    patch_size_ : tuple of int, or tuple of tuples
        In use, in pixels; all sizes of a list.
    stride_ : tuple
        Pixels between patches, down and across; between the cells of the feature map, as
        measured, for dense scoring.
    feature_layer_, receptive_field_ : str and tuple of int, or None
        Of dense scoring: the layer in use, and how many pixels a cell of it depends on.
    patch_size_scores_ : dict
        Score of each size tried, presence not required, where ``patch_size="auto"``.
    reference_maximum_ : ndarray of shape (n_classes,)
        Largest information about each class in at most 1000 images of `fit`, where
        ``threshold_reference="fit"``.
    presence_floor_ : ndarray of shape (n_classes,)
        What the best patch says of a class, at least, in 99 % of the images of `fit` that have
        it, in nats, by a calibration on the half without them; ``-inf`` where presence is not
        required, or `fit` had fewer than two images of the class.
    n_features_in_ : int
        Columns of flat input.
    input_shape_ : tuple of int
        Shape of a row.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629, section 4.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksoftinfo import InfoMaskTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> masker = InfoMaskTransformer(
    ...     LogisticRegression(max_iter=1000), target=3, patch_size=4, image_shape=(8, 8)
    ... )
    >>> masker.fit(X[:500] / 16, y[:500]).transform(X[500:] / 16).shape
    (1297, 64)
    """

    _parameter_constraints: dict = {
        "estimator": [None, HasMethods(["fit", "predict_proba"])],
        "target": "no_validation",
        "patch_size": [
            StrOptions({"auto"}),
            IntegerInterval(1),
            tuple,
            list,
        ],
        "context": [Interval(Real, 1, None, closed="left")],
        "stride": [StrOptions({"auto"}), IntegerInterval(1), tuple],
        "patch_scoring": [StrOptions({"auto", "dense", "crop", "paste"})],
        "information": [StrOptions({"weight_of_evidence", "pmi", "logit"})],
        "feature_layer": [None, str],
        "calibrate": ["boolean", StrOptions({"features"})],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "threshold_reference": [StrOptions({"image", "fit", "absolute"})],
        "require_presence": ["boolean"],
        "mask_type": [StrOptions({"hard", "soft"})],
        "components": ["boolean"],
        "fill_value": [
            Interval(Real, None, None, closed="neither"),
            StrOptions({"mean", "blur"}),
            "array-like",
            callable,
        ],
        "image_shape": [None, tuple, list],
        "batch_size": [IntegerInterval(1)],
        "memory": [None, str, os.PathLike, HasMethods(["cache"])],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        target=None,
        patch_size="auto",
        context=1.5,
        stride="auto",
        patch_scoring="auto",
        feature_layer=None,
        information="weight_of_evidence",
        calibrate=True,
        threshold=0.2,
        threshold_reference="image",
        require_presence=True,
        mask_type="hard",
        components=False,
        fill_value=0.0,
        image_shape=None,
        batch_size=256,
        memory=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.target = target
        self.patch_size = patch_size
        self.context = context
        self.stride = stride
        self.patch_scoring = patch_scoring
        self.feature_layer = feature_layer
        self.information = information
        self.calibrate = calibrate
        self.threshold = threshold
        self.threshold_reference = threshold_reference
        self.require_presence = require_presence
        self.mask_type = mask_type
        self.components = components
        self.fill_value = fill_value
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.memory = memory
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Train the classifier on whole images, and learn how it reads patches.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, channels, height, width) or (n, d)
            Images, flat images if `image_shape` is given, or a table.
        y : array-like of shape (n,)
            Labels of the images. No pixel is labelled.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter does not fit the images, or a label or target is unknown.
        """
        return self._fit(X, y)

    def mask(self, X: Any) -> np.ndarray:
        """Which pixels are kept.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            Of dtype bool; float64 weights within [0, 1] for ``mask_type="soft"``.
        """
        check_is_fitted(self)
        self._check_parameters()
        return self._as_map(self._all_masks(self._images(self._validate(X, reset=False))))

    def bounding_boxes(self, X: Any) -> np.ndarray:
        """Box around the largest connected part of each mask.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        ndarray of shape (n, 4), int64
            Left, top, right and bottom in pixels, as torchvision's ``xyxy``; right and bottom
            are exclusive. All 0 where nothing is kept. Of a soft mask, the half with more
            weight counts.

        See Also
        --------
        sksoftinfo.metrics.box_iou_score : How well boxes agree with true ones.
        """
        check_is_fitted(self)
        self._check_parameters()
        images = self._images(self._validate(X, reset=False))
        return largest_boxes(self._all_masks(images) >= 0.5)

    def transform(self, X: Any) -> np.ndarray:
        """Replace the pixels that are not kept by `fill_value`.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of the shape of X
            Masked rows, of the dtype of the images.
        """
        check_is_fitted(self)
        self._check_parameters()
        X = self._validate(X, reset=False)
        images = self._images(X)
        out = np.empty_like(images)
        for rows, kept in self._masks(images):
            out[rows] = self._fill.mix(images[rows], kept)
        return out.reshape(X.shape)

    def score(self, X: Any, y: ArrayLike) -> float:
        """How well the mask separates the evidence, without knowing the true mask.

        The mean of ``log p(t | kept part) + log p(not t | the rest)``, t being the target, over
        images that have its label; with ``target=None`` t is each image's label. A mask that
        keeps everything scores well too: compare sizes and thresholds by it, not mask against
        no mask.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,)
            Labels of the images.

        Returns
        -------
        float
            In nats, at most 0; larger is better.

        Raises
        ------
        ValueError
            If no image has the target's label.
        """
        check_is_fitted(self)
        self._check_parameters()
        X, y = self._validate(X, y, reset=False)
        return float(self._separation(self._images(X), encode_labels(y, self.classes_)).mean())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
