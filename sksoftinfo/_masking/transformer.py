"""`InfoMaskTransformer`: masks of the pixels that carry information about a class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._classifiers import CheckedStateMixin, is_pretrained, unchanged_on_error
from .._utils import (
    HasMethods,
    IntegerInterval,
    Interval,
    StrOptions,
    as_images,
    check_classes,
    check_params,
    check_row_shape,
    encode_labels,
    fit_context,
    is_on_cuda,
    output_container,
    param_names,
    validate_on_device,
    validate_rows,
)
from .edges import check_refine
from .fill import Fill
from .fitting import (
    calibrate_mapper,
    calibration_data,
    choose_sizes,
    fit_estimator,
    keyed_mapper,
    kind_of_calibration,
    known_classes,
    resolve_prior,
)
from .image_classifier import ImageClassifier, is_fitted_already, neural
from .mask_score import score_masks
from .masks import check_threshold
from .patch_sizes import candidate_sizes, candidates_for_stride
from .picture_reader import picture_reader, sampled
from .picture_results import PictureResults
from .restored import check_state
from .results import ArrayResults, as_images_of
from .row_shapes import canonical_shape
from .saved_calibration import calibration_numbers, is_for_pictures, patch_sizes_of
from .scoring import choose_scoring
from .shared_calibration import are_enough
from .targets import check_one_kind_of_targets, encode_target
from .value_scale import check_scale, largest_value

if TYPE_CHECKING:
    from typing_extensions import Self


class InfoMaskTransformer(
    CheckedStateMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Transformer that keeps the parts of images with enough evidence, and masks the rest.

    It implements information masking, section 4 of [1]_. A classifier is trained on the labels of
    whole images. Each patch is then scored by its information about the target class t, by default
    the weight of evidence

    .. math:: S = \\operatorname{logit} p(t|\\text{patch}) - \\operatorname{logit} p(t)

    in nats. By default, pixels are kept where S is positive and above 20 % of the maximum in the
    image.

    The paper scores a patch by its logit z_t, which is defined only up to a constant per patch
    (Proposition 1 of the paper holds after normalising). Moreover, the logits for a small patch
    are arbitrary if the network was trained on whole images only. The score is therefore
    normalised and calibrated on patches, and the patches are about as large as the object.

    The mask shows where the evidence lies. The pixels that are kept need not be the pixels whose
    deletion changes the prediction most.

    Parameters
    ----------
    estimator : classifier, default=None
        Classifier with ``predict_proba``, which is trained on X and y in `fit`. ``None`` is an
        ``InfoSoftmaxClassifier(max_epochs=30)``. A ``sklearn.frozen.FrozenEstimator`` and a
        network of ``InfoSoftmaxClassifier.from_module`` are not trained.
    target : label, list of labels or None, default=None
        Class, or list of classes, whose evidence is kept. ``None`` is the predicted class of each
        image.
    combine : {"union", "group"}, default="union"
        Meaning of a list of labels. ``"union"`` joins the masks of the classes, which are each
        other's rivals. ``"group"`` masks for the single target "any of the classes", whose classes
        do not count as rivals of each other (see `question`).
    patch_size : "auto", int, (int, int) or list of these, default="auto"
        Height and width of a patch in pixels, or the number of neighbouring columns of a table.
        The scores of all patch sizes in a list are combined. ``"auto"`` tries shares of the
        image's shorter side, and uses the share with the best of ``patch_size_scores_``. In
        photograph mode (see `question`), ``"auto"`` uses the windows that `question` sets.
        Otherwise, without labels or for a network of ``InfoSoftmaxClassifier.from_module``, it is
        0.15 of the shorter side.
    context : float, default=1.5
        Side of a patch's surroundings, as a multiple of the side of the patch. A patch counts with
        the smaller of two values, the information of the patch and of its surroundings, so that a
        patch does not count if it resembles the target only out of context. With 1, and with
        ``information="logit"``, surroundings are not used.
    stride : "auto", int or (int, int), default="auto"
        Distance between neighbouring patches in pixels. ``"auto"`` is a quarter of the patch.
        Dense scoring has a patch around every cell of the feature map and takes ``"auto"`` only.
    patch_scoring : {"auto", "dense", "crop", "paste"}, default="auto"
        ``"dense"`` scores windows of the last feature map of an `InfoSoftmaxClassifier`'s network,
        in one forward pass for all patches and classes. ``"crop"`` passes each patch alone through
        such a network. ``"paste"`` pastes each patch at its place on an image of masked pixels,
        for any classifier. ``"auto"`` is ``"dense"`` if the pooled feature map reproduces the
        network's logits, else ``"crop"`` if the network accepts images as small as a patch, else
        ``"paste"``.
    feature_layer : str, default=None
        Name of the submodule whose output is the feature map; ``None`` searches for it.
    question : {"auto", "where", "which"}, default="auto"
        What maps show in photograph mode, which is used if ``patch_size="auto"``, all classes
        share a calibration, and scoring is dense. ``"where"``: places where there is the target
        rather than something else. The map shows the evidence of single cells, refined by
        `detail`, and outlines a single object. ``"which"``: places where the target has more
        evidence than its rivals, the classes with the most evidence elsewhere in the image.
        Windows of half the shorter side are scored, so that objects are separated, each with its
        surroundings. ``"auto"``: ``"which"`` for images with a rival whose evidence is at least
        2.2 nats, and ``"where"`` for others. Outside photograph mode, ``"auto"`` has no effect:
        patches of `patch_size` are scored against all other classes. ``"where"`` and ``"which"``
        always share a calibration, and need dense scoring and ``patch_size="auto"``.
    zoom : float, default=1.4
        Factor by which images are enlarged for the network in photograph mode. The enlarged sides
        are rounded to whole cells of the feature map. The factor is 1 if the network takes images
        of one size only.
    detail : bool, default=True
        Whether maps in photograph mode are refined by the last feature map of higher resolution,
        whose channels are weighted by their covariance with the evidence in the image: the whole
        map of ``"where"``, and a quarter of the log-odds of ``"which"``.
    information : {"weight_of_evidence", "pmi", "logit"}, default="weight_of_evidence"
        Weight of evidence, pointwise mutual information ``log p(t|patch) - log p(t)``, or the
        paper's literal logit, which is neither normalised nor calibrated.
    calibrate : bool, "shared", "features" or dict, default=True
        Source of ``p(t|patch)``:

        - ``True``: a logistic regression, fitted in `fit`, of the image's label on the logits of
          its patches. ``"shared"`` is used instead if `fit` has no labels, if the labels lack a
          class, if `question` is not "auto", or, for a network of
          ``InfoSoftmaxClassifier.from_module`` with ``patch_size="auto"``, if there are at least
          ten images with labels of at least five classes.
        - ``False``: the classifier's own probability for the patch.
        - ``"shared"``: one logistic regression for all classes, of "the class is present in the
          image" on the logits of the class and of the other classes. Without labels, the
          classifier's predictions serve as labels. With fewer than ten images, or if the labels
          name fewer than five classes, the coefficients that the package contains are used
          (`calibration_` is then "shipped").
        - ``"features"``: a logistic regression on windows of the feature map, which needs labels
          and dense scoring. The regression replaces the network's head, so that the mask does not
          explain the given network.
        - a dict: `shared_calibration_` of another transformer of the same network, unchanged. If
          `patch_size` is "auto", the dict sets the patch sizes.
    prior : None, "uniform" or array-like of shape (n_classes,), default=None
        Prior p(t) against which information is measured: positive probabilities in the order of
        ``classes_``, or a pandas Series indexed by the labels. ``None`` is the label frequencies
        of `fit`, with half an image added to each class if a class is missing. Without labels,
        ``None`` is the classifier's ``train_prior_``, or uniform.
    threshold : float, default=0.2
        Information above which pixels are kept: a share within [0, 1], or, with
        ``threshold_reference="absolute"``, a number of nats.
    threshold_reference : {"image", "fit", "absolute"}, default="image"
        Unit of `threshold`: a share of the image's maximum, a share of the maximum over the images
        of `fit`, or nats. With a share, only positive information is kept, so that an image
        without positive information is masked as a whole.
    require_presence : bool, default=True
        Whether to mask an image as a whole if the target is absent. The target counts as absent if
        the classifier's probability for the image is at most the prior, ``p(t|image) <= p(t)``,
        and no patch has more information than ``presence_floor_``. In photograph mode, the target
        counts as absent if no window of half the shorter side has more weight of evidence than
        ``presence_floor_``. Presence is not judged if ``threshold_reference="absolute"``, nor for
        the predicted class (``target=None`` and no `y`).
    refine : {None, "edges"}, default=None
        ``"edges"`` moves the outline of a hard mask to where colours change, by OpenCV's GrabCut
        (``pip install 'sksoftinfo[edges]'``). Not available for tables.
    mask_type : {"hard", "soft"}, default="hard"
        ``"hard"`` keeps or masks each pixel as a whole. In photograph mode without `refine`,
        connected parts that are smaller than a cell of the feature map are masked, except for the
        largest part. ``"soft"`` weights pixels below the threshold by their information, linearly
        down to 0 at no information.
    components : bool, default=False
        Whether to keep or mask each connected component of the pixels that differ from
        `fill_value` as a whole, as the majority of its pixels. Suitable for objects on an empty
        background.
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable, default=0.0
        Values of masked pixels, and of the pixels around a patch in paste scoring: a number, a
        number for each channel, the mean of each channel over the images of `fit` (of each column
        for a table), the blurred image, or a function of images (n, channels, height, width). For
        PIL images and with `preprocess`, numbers are shares of the largest brightness, within
        [0, 1]. For such images, and for lists and data sets, the mean is the mean of the image
        itself.
    image_shape : tuple of int, default=None
        Shape (height, width) or (channels, height, width) of the images in flat rows.
    preprocess : callable, default=None
        Preprocessing that the network was trained with. It takes an image, as a PIL image or a
        tensor (channels, height, width), and returns a tensor of floats, e.g. a transform of
        torchvision such as ``weights.transforms()``. It may resize, crop, pad and mirror: the
        position of each pixel is measured, and maps, masks and results have the pixels of the
        original images. ``None`` passes arrays to the network unchanged, scales PIL images to
        [0, 1], and resizes images to the network's input size.
    channels : {"auto", "first", "last"}, default="auto"
        Position of the channels in arrays. ``"auto"`` looks for an axis of length 1, 3 or 4.
    batch_size : int, default=256
        Largest number of patches or images scored at once, which bounds the memory.
    memory : str, path or joblib.Memory, default=None
        Cache of the trained classifier and of the maps, so that a search over thresholds computes
        each map once. Equal fits are recognised if `random_state` is an integer.
    random_state : int, RandomState instance or None, default=None
        Seed of the classifier's training (if not None) and of the sampling of images.

    Attributes
    ----------
    estimator_ : classifier
        Fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    prior_ : ndarray of shape (n_classes,)
        Prior in use.
    calibration_ : {"labels", "shared", "shipped", "given"} or None
        Source of the calibration: labels of `fit`, for each class separately; images of `fit`, for
        all classes together; the coefficients that the package contains; `calibrate`; or no
        calibration.
    shared_calibration_ : dict
        Calibration that all classes share, as numbers that ``json.dump`` writes: the settings
        that it is valid for, the coefficients, the slope for target and rival, and the presence
        floor in nats. Pass the dict as `calibrate` of another transformer of the same network. Not
        available if each class has a calibration of its own.
    patch_scoring_ : {"dense", "crop", "paste"}
        Scoring in use.
    patch_size_ : tuple of int, or tuple of tuples
        Patch size in use, or all sizes of a list, in pixels.
    stride_ : tuple
        Distance between neighbouring patches in pixels, down and across. For dense scoring, the
        measured distance between the cells of the feature map.
    feature_layer_ : str or None
        Name of the feature layer in use; ``None`` without dense scoring.
    receptive_field_ : tuple of int or None
        Number of pixels, down and across, that a cell of the feature map depends on; ``None``
        without dense scoring.
    patch_size_scores_ : dict of (int, int) to float
        Score, within [-1, 1], of each patch size, (height, width), that was compared. Set only if
        ``patch_size="auto"`` compared several sizes. Each image of the target in `fit` is joined
        with a part of an image of another class. The score is the share of the content that masks
        keep on the side of the target, less the share that they keep on the other side. Content is
        the difference from `fill_value`. `require_presence`, `components` and `refine` do not
        enter the score.
    reference_maximum_ : ndarray of shape (n_classes,)
        Largest evidence for each class, in nats, in the images of `fit` on which the
        calibration is fitted: at most 1000, drawn at random, or 200 if all classes share the
        calibration. Set if ``threshold_reference="fit"``.
    presence_floor_ : ndarray of shape (n_classes,)
        Presence floor of each class: the evidence for the class, in nats, that the best patch
        reaches in 99 % of the images of the class in `fit`. Each image is held out from the
        calibration that scores it. A shared calibration has one floor for all classes, from all
        images, which are not held out. In photograph mode, the floor is half of the weight of
        evidence that the best window of half the shorter side reaches in 99 % of the images, since
        a class has less evidence among several objects. ``-inf`` if presence is not required, or
        if `fit` had fewer than two images of the class.
    n_features_in_ : int
        Number of columns of flat input.
    input_shape_ : tuple of int
        Shape of a row of X.

    See Also
    --------
    InfoMaskDisplay : Draw images, evidence and masks.
    sksoftinfo.metrics.mask_iou_score : Compare masks with true masks.
    sksoftinfo.export.information_map_module : Export the maps.

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
        "combine": [StrOptions({"union", "group"})],
        "patch_size": [StrOptions({"auto"}), IntegerInterval(1), tuple, list],
        "context": [Interval(Real, 1, None, closed="left")],
        "stride": [StrOptions({"auto"}), IntegerInterval(1), tuple],
        "patch_scoring": [StrOptions({"auto", "dense", "crop", "paste"})],
        "question": [StrOptions({"auto", "where", "which"})],
        "zoom": [Interval(Real, 1, None, closed="left")],
        "detail": ["boolean"],
        "information": [StrOptions({"weight_of_evidence", "pmi", "logit"})],
        "feature_layer": [None, str],
        "calibrate": ["boolean", StrOptions({"shared", "features"}), dict],
        "prior": [None, StrOptions({"uniform"}), "array-like"],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "threshold_reference": [StrOptions({"image", "fit", "absolute"})],
        "require_presence": ["boolean"],
        "refine": [None, StrOptions({"edges"})],
        "mask_type": [StrOptions({"hard", "soft"})],
        "components": ["boolean"],
        "fill_value": [
            Interval(Real, None, None, closed="neither"),
            StrOptions({"mean", "blur"}),
            "array-like",
            callable,
        ],
        "image_shape": [None, tuple, list],
        "preprocess": [None, callable],
        "channels": [StrOptions({"auto", "first", "last"})],
        "batch_size": [IntegerInterval(1)],
        "memory": [None, str, os.PathLike, HasMethods(["cache"])],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        target=None,
        combine="union",
        patch_size="auto",
        context=1.5,
        stride="auto",
        patch_scoring="auto",
        feature_layer=None,
        question="auto",
        zoom=1.4,
        detail=True,
        information="weight_of_evidence",
        calibrate=True,
        prior=None,
        threshold=0.2,
        threshold_reference="image",
        require_presence=True,
        refine=None,
        mask_type="hard",
        components=False,
        fill_value=0.0,
        image_shape=None,
        preprocess=None,
        channels="auto",
        batch_size=256,
        memory=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.target = target
        self.combine = combine
        self.patch_size = patch_size
        self.context = context
        self.stride = stride
        self.patch_scoring = patch_scoring
        self.feature_layer = feature_layer
        self.question = question
        self.zoom = zoom
        self.detail = detail
        self.information = information
        self.calibrate = calibrate
        self.prior = prior
        self.threshold = threshold
        self.threshold_reference = threshold_reference
        self.require_presence = require_presence
        self.refine = refine
        self.mask_type = mask_type
        self.components = components
        self.fill_value = fill_value
        self.image_shape = image_shape
        self.preprocess = preprocess
        self.channels = channels
        self.batch_size = batch_size
        self.memory = memory
        self.random_state = random_state

    # scikit-learn calls this method before `fit`, so that a check in `fit` would come too late.
    def _validate_params(self):
        if isinstance(self.estimator, torch.nn.Module):
            raise TypeError(
                "`estimator` must be a classifier; got a torch module of class "
                f"{type(self.estimator).__name__}. Wrap it in "
                "InfoSoftmaxClassifier.from_module(module, classes=...)."
            )
        super()._validate_params()

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Train the classifier on whole images, and calibrate its logits for patches.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, channels, height, width) or (n, d), list \
of images, or torch Dataset or DataLoader
            Images, flat images if `image_shape` is given, or a table. A list holds PIL images,
            arrays or tensors of any size, and items of a data set are images with or without a
            label. If the classifier is fitted already, at most 1000 images, drawn at random, are
            read; a DataLoader is read as a whole.
        y : array-like of shape (n,), default=None
            Labels of whole images. If None, the labels of X are used if X is a data set with
            labels. A classifier that is fitted already needs no labels: any images are suitable,
            even a single image, and even images without the target. Labels of a data set are
            ignored if the fitted classifier does not have them all.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        TypeError
            If `estimator` is a torch module, which ``InfoSoftmaxClassifier.from_module`` wraps.
        ValueError
            If a parameter does not fit the images; if a label or target is unknown; if labels are
            missing although the classifier has to be trained or ``calibrate="features"``; or if
            the network cannot process the images.
        """
        with unchanged_on_error(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        check_threshold(self.threshold, self.threshold_reference)
        X, reader = picture_reader(X, self.estimator, self.preprocess, self.channels)
        if reader is not None:
            X, y = sampled(X, y, self.estimator, self.random_state)
            X, y = reader.read_all(X, y, self.estimator, self.batch_size)
        if y is None:
            X = self._validate(X, reset=True)
        else:
            X, y = self._validate(X, y, reset=True)
            check_classes(y)
        encode_target(self.target, known_classes(self.estimator, y), self.combine)
        self.input_shape_ = X.shape[1:]
        self._image_shape = canonical_shape(X.shape[1:], self.image_shape)
        check_refine(self.refine, self.mask_type, self._image_shape)
        # The labels do not choose the windows of a pretrained network: on few labelled images,
        # the score prefers windows that keep everything.
        ready = is_pretrained(neural(self.estimator)) and isinstance(self.patch_size, str)
        labelled = y is not None and not ready
        patch_size = patch_sizes_of(self.calibrate, self.patch_size)
        candidates = candidate_sizes(patch_size, self._image_shape[1:], labelled)
        candidates = candidates_for_stride(candidates, self.stride)
        images = as_images_of(self, X)
        self._largest_value = largest_value(images)
        self._fill = Fill(self.fill_value).fit(images)
        if reader is not None and reader.has_full_scale:
            self._fill.check_shares()

        self.estimator_, row_shape, self._fit_key = fit_estimator(
            self.estimator, X, y, self._image_shape, self.random_state, self.memory
        )
        self._classifier = ImageClassifier(self.estimator_, row_shape, self.batch_size)
        self._classifier.check_network(images)
        self.classes_ = self.estimator_.classes_
        encoded = None if y is None else encode_labels(y, self.classes_)
        self.prior_ = resolve_prior(self.prior, encoded, self.estimator_, self.classes_)
        self.calibration_ = kind_of_calibration(
            self.calibrate, self.information, encoded, len(self.classes_), self.question, ready
        )
        self.patch_scoring_, self._dense = choose_scoring(
            self.patch_scoring,
            self.stride,
            self._classifier,
            images,
            candidates[0][0],
            self.feature_layer,
        )
        self.feature_layer_ = self.receptive_field_ = None
        if self._dense is not None:
            layer, geometry = self._dense
            self.feature_layer_ = layer.name
            self.receptive_field_ = tuple(one.receptive_field for one in geometry)

        shared = encoded is None or self.calibration_ == "shared"
        images, encoded, whole, seed = calibration_data(
            self._classifier, images, encoded, self.random_state, shared, self._of_pictures
        )
        if self.calibration_ == "shared" and not are_enough(encoded):
            self.calibration_ = "shipped"
        if self._of_pictures:
            # The sizes of the windows depend on the question only, not on labels.
            candidates = candidates[:1]
        elif self.question != "auto":
            raise ValueError(
                "`question` must be 'auto' without dense scoring, a shared calibration and "
                f"patch_size='auto'; got {self.question!r} with "
                f"patch_scoring_={self.patch_scoring_!r}, calibration_={self.calibration_!r} and "
                f"patch_size={self.patch_size!r}. Use question='auto'."
            )
        self._fit_sizes(candidates, images, encoded, seed, whole)
        return self

    def _fit_sizes(self, candidates, images, y, seed, whole):
        """Use the candidate with the best score, calibrate, and compute the presence floors."""
        best = candidates[0]
        if len(candidates) > 1:
            best, self.patch_size_scores_ = choose_sizes(self, candidates, images, y, seed, whole)
        self._mapper, sizes, self._map_key = keyed_mapper(self, best, images, y, seed)
        self.patch_size_ = sizes[0] if len(sizes) == 1 else sizes
        stride = self._mapper.scorer.stride
        self.stride_ = tuple(int(one) if float(one).is_integer() else one for one in stride)
        key = self._map_key
        floors = calibrate_mapper(self, self._mapper, images, y, seed, whole, key)
        if self.threshold_reference == "fit":
            self.reference_maximum_ = self._mapper.maxima(images)
        self.presence_floor_ = (
            floors() if self._presence_required else np.full(len(self.classes_), -np.inf)
        )

    def information_map(
        self, X: Any, target: Any = None, *, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Return, for each pixel, the information about the target in the patches that cover it.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        target : label, list of labels or None, default=None
            Target; ``None`` is the transformer's own `target`. For a list of labels, the map is
            the maximum over the classes or, with ``combine="group"``, the information about "any
            of the classes".
        y : array-like of shape (n,), default=None
            Target of each image. Not together with `target`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            Information in nats. Dense scoring returns the dtype of the network, usually float32;
            other scorings return float64. For a list or data set of images, a list of arrays
            (height, width). Pixels that `preprocess` crops are NaN.

        Raises
        ------
        ValueError
            If the target is unknown, if both `target` and `y` are given, or if rows have another
            shape than in `fit`.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.
        """
        check_is_fitted(self)
        check_one_kind_of_targets(target, y, "target")
        return self._results(X, y).map(target)

    def information_maps(
        self, X: Any, targets: Sequence | None = None, *, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Return the information about several classes from one pass over the images.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        targets : list of labels, default=None
            Classes, each of which has its own map; ``None`` is all of ``classes_``.
        y : array-like of shape (n,), default=None
            Target of each image, which gives one map for each image. Not together with `targets`.

        Returns
        -------
        ndarray of shape (n_targets, n, height, width), or (n_targets, n, d) for a table
            Information in nats, in the dtype of `information_map`. For a list or data set of
            images, a list of n_targets lists of arrays (height, width).

        Raises
        ------
        ValueError
            If a target is unknown, if both `targets` and `y` are given, or if rows have another
            shape than in `fit`.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.
        """
        check_is_fitted(self)
        check_one_kind_of_targets(targets, y)
        if targets is None and y is None:
            targets = self.classes_
        return self._results(X, y).maps(targets)

    def mask(self, X: Any, *, y: ArrayLike | None = None) -> np.ndarray:
        """Return the mask of the pixels that are kept.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            Target of each image, instead of the transformer's own `target`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            Masks of dtype bool, or float64 weights within [0, 1] for ``mask_type="soft"``. For a
            list or data set of images, a list of arrays (height, width).

        Raises
        ------
        ValueError
            If a target is unknown, if rows have another shape than in `fit`, or if a parameter was
            changed so that `fit` is needed again.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.
        """
        self._check_parameters()
        return self._results(X, y).masks()

    def bounding_boxes(self, X: Any, *, y: ArrayLike | None = None) -> np.ndarray:
        """Return the bounding box of the largest connected component of each mask.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.
        y : array-like of shape (n,), default=None
            Target of each image, instead of the transformer's own `target`.

        Returns
        -------
        ndarray of shape (n, 4), int64
            Left, top, right and bottom in pixels, as in torchvision's ``xyxy``. Right and bottom
            are exclusive. All 0 if no pixel is kept. In a soft mask, pixels with a weight of at
            least 0.5 count as kept.

        Raises
        ------
        ValueError
            If a target is unknown, if rows have another shape than in `fit`, or if a parameter was
            changed so that `fit` is needed again.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.

        See Also
        --------
        sksoftinfo.metrics.box_iou_score : Agreement of boxes with true boxes.
        """
        self._check_parameters()
        return self._results(X, y).boxes()

    def transform(self, X: Any, y: ArrayLike | None = None) -> np.ndarray:
        """Replace the pixels that are not kept by `fill_value`.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            Target of each image, instead of the transformer's own `target`.

        Returns
        -------
        ndarray of the shape of X
            Masked images in the dtype of X. Without `preprocess`, dtypes other than float32 and
            float64 become float64 if the channels come first, and a list of arrays or tensors of
            one shape, with the channels first, becomes one array. For another list, or for a data
            set of images, a list of images of the same types.

        Raises
        ------
        ValueError
            If a target is unknown, if rows have another shape than in `fit`, if a parameter was
            changed so that `fit` is needed again, or if `set_output` or the global configuration
            selects data frames as output, and the images are not flat.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.
        """
        self._check_parameters()
        container = output_container(self)
        if len(self.input_shape_) > 1 and container != "default":
            raise ValueError(
                f"`transform` of set_output must be 'default' for images; got {container!r}, but "
                "data frames hold tables only. Call set_output(transform='default'), or pass flat "
                "images with `image_shape`."
            )
        return self._results(X, y).filled()

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return a score of the masks, within [-1, 1], that does not need true masks.

        Each image of the target is joined with a part of an image of another class, as for
        ``patch_size_scores_``, and the transformer masks the composite. The score is the share of
        the content that the masks keep on the side of the target, less the share that they keep on
        the other side. It falls if masks lose parts of the target, and if they keep parts of other
        objects. Content is the difference from `fill_value`. With ``target=None``, the target is
        the label of each image. The composites depend only on X, y, `target`, `fill_value` and the
        classifier, so that a search over other parameters compares masks of the same composites.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            Labels of the images. If None, X must be a data set with labels.

        Returns
        -------
        float
            Score within [-1, 1]; larger is better. A mask that keeps everything scores 0.

        Raises
        ------
        ValueError
            If no image has the label of the target, if all images have it, if labels are missing,
            or if images consist of one pixel.

        Warns
        -----
        UserWarning
            If the largest values in X and in `fit` differ by a factor of at least 30.
        """
        self._check_parameters()
        X, reader = self._reader(X)
        if reader is not None:
            X, y = reader.read_all(X, y, self.estimator_, self.batch_size)
        if y is None:
            raise ValueError("`y` must hold the labels of `X`; got None. Pass one for each image.")
        X, y = self._validate(X, y, reset=False)
        y = encode_labels(y, self.classes_)
        return score_masks(self, as_images_of(self, X), y)

    def _results(self, X, y):
        """Return the results for arrays or images `X` and targets `y`."""
        X, reader = self._reader(X)
        if reader is not None:
            return PictureResults(self, reader, X, y)
        return ArrayResults(self, self._validate(X, reset=False, stays=self._stays(X)), y)

    def _stays(self, X):
        """Return whether `X` stays on the device of the network."""
        # Grid scoring and a cache need arrays.
        if not is_on_cuda(X) or self._dense is None or self.memory is not None:
            return False
        return self._mapper.scorer.device.type == "cuda"

    @property
    def _of_pictures(self):
        """Whether maps are in photograph mode, which `question` describes."""
        is_auto = isinstance(self.patch_size, str)
        is_shared = self.calibration_ in ("shared", "shipped") or is_for_pictures(self.calibrate)
        return is_auto and is_shared and self.patch_scoring_ == "dense"

    @property
    def shared_calibration_(self):
        """The calibration that all classes share, as a dict of plain numbers."""
        if getattr(self, "calibration_", None) not in ("shared", "shipped", "given"):
            raise AttributeError(
                "`shared_calibration_` requires a fitted transformer whose classes share a "
                f"calibration; got calibration_={getattr(self, 'calibration_', None)!r}. Use "
                "calibrate='shared'."
            )
        return calibration_numbers(self, self._mapper, self.presence_floor_[0])

    @property
    def _on_features(self):
        return self.calibration_ is not None and self.calibrate == "features"

    @property
    def _presence_required(self):
        return self.require_presence and self.threshold_reference != "absolute"

    def _check_parameters(self):
        """Check that the transformer is fitted, and the parameters, which may have changed."""
        check_is_fitted(self)
        check_params(self)
        check_threshold(self.threshold, self.threshold_reference)
        check_refine(self.refine, self.mask_type, self._image_shape)
        if self.threshold_reference == "fit" and not hasattr(self, "reference_maximum_"):
            raise ValueError(
                "`threshold_reference` must be set to 'fit' before `fit`, which computes the "
                "maxima; got a transformer that was fitted without them. Fit it again."
            )

    def _reader(self, X):
        """Return `X`, and a reader of its images; None if `X` holds arrays."""
        shape = self._image_shape
        return picture_reader(X, self.estimator_, self.preprocess, self.channels, shape)

    def _validate(self, X, y="no_validation", *, reset, stays=False):
        X = as_images(X)
        if not reset:
            check_row_shape(X, self.input_shape_, f"as in `fit` of {type(self).__name__}")
        validate = validate_on_device if stays else validate_rows
        found = validate(self, X, y, reset=reset, allow_nd=True, dtype=[np.float64, np.float32])
        # The columns of a table may be of any scale.
        if not reset and self._image_shape[:2] != (1, 1):
            check_scale(found if isinstance(y, str) else found[0], self._largest_value)
        return found

    def __getstate__(self):
        state = super().__getstate__()
        check_state(state, param_names(self))
        return state

    def _set_checked_state(self, state):
        check_state(state, param_names(self))
        BaseEstimator.__setstate__(self, state)
        check_params(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = not is_fitted_already(self.estimator)
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
