"""`InfoMaskTransformer`: keeps what carries information about a class and masks the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._classifiers import CheckedStateMixin, is_pretrained
from .._utils import (
    HasMethods,
    IntegerInterval,
    Interval,
    StrOptions,
    as_images,
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
from .edges import import_opencv
from .fill import Fill
from .fitting import (
    best_sizes,
    calibrate_mapper,
    calibration_sample,
    fit_estimator,
    kind_of_calibration,
    known_classes,
    mapper_of,
    resolve_prior,
)
from .image_classifier import ImageClassifier, is_fitted_already, neural
from .masks import check_threshold
from .patch_sizes import candidate_sizes, candidates_for_stride
from .picture_reader import picture_reader, sampled
from .picture_results import PictureResults
from .restored import check_state
from .results import ArrayResults, all_masks, as_images_of
from .row_shapes import canonical_shape
from .scoring import choose_scoring
from .separation import separation
from .shared_calibration import are_enough
from .targets import encode_target, images_with_target

if TYPE_CHECKING:
    from typing_extensions import Self


class InfoMaskTransformer(
    CheckedStateMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Keep the parts of an image that carry information about a class; mask the rest.

    Information masking, section 4 of the paper. A classifier is trained on the labels of whole
    images; each patch is then scored by its own information about the target class t, by default
    the weight of evidence

    .. math:: S = \\operatorname{logit} p(t|\\text{patch}) - \\operatorname{logit} p(t)

    in nats, and pixels are kept where S is positive and above 20 % of the image's maximum.

    The paper scores a patch by its logit z_t. That is defined only up to a constant per patch
    (its Proposition 1 holds after normalising), and the logits of a network that has only seen
    whole images are arbitrary on a small patch. Hence the normalised score, its calibration on
    patches, and windows of about the size of the object.

    What is claimed is where the evidence lies, not that deleting it changes the prediction most.

    Parameters
    ----------
    estimator : classifier, default=None
        Trained on X and y in `fit`; ``None`` is an
        ``InfoSoftmaxClassifier(max_epochs=30)``. A
        ``sklearn.frozen.FrozenEstimator`` is used as it is, and so is a network of
        ``InfoSoftmaxClassifier.from_module``. Any classifier with ``predict_proba`` will do.
    target : label, list of labels or None, default=None
        Class whose evidence is kept; several for a list. ``None`` is the predicted class of
        each image.
    combine : {"union", "group"}, default="union"
        What a list of labels stands for: the union of the masks of each, which are each other's
        rivals, or one group, "any of them", whose classes are not.
    patch_size : "auto", int, (int, int) or list of these, default="auto"
        Height and width of a patch in pixels; the number of neighbouring columns for a table.
        Patches of all sizes in a list are weighed together. ``"auto"`` tries shares of the
        shorter side and takes the one whose `score` on images of `fit` is best; without labels,
        and for a network of ``InfoSoftmaxClassifier.from_module``, it is 0.15 of the shorter
        side, or what `question` says.
    context : float, default=1.5
        A patch only counts as far as its surroundings, so many times larger, are evidence of the
        target as well: its information is the lesser of the two. What looks like the target only
        until the rest of it is seen does not count. 1 is the patch alone; the literal logit has no
        other.
    stride : "auto", int or (int, int), default="auto"
        Pixels between patches: a quarter of the patch by default. Dense scoring has a patch
        around every cell of the feature map and takes ``"auto"`` only.
    patch_scoring : {"auto", "dense", "crop", "paste"}, default="auto"
        ``"dense"`` scores windows of the last feature map of an `InfoSoftmaxClassifier`'s
        network, one forward pass for all patches and classes; ``"crop"`` feeds it each patch
        alone; ``"paste"`` shows each patch at its place on an image of masked pixels, to any
        classifier.
        ``"auto"`` is dense if the network's own logits are reproduced from the pooled map, else
        crop if it takes small images, else paste.
    feature_layer : str, default=None
        Name of the submodule whose output is the feature map; ``None`` looks for it.
    question : {"auto", "where", "which"}, default="auto"
        What a map of a photograph tells, where all classes share a calibration. ``"where"``: that
        the target is here rather than elsewhere, by the evidence of single cells, drawn by finer
        features. It shows a single object. ``"which"``: that this is the target rather than its
        rivals, the classes that are most evident elsewhere in the picture, by windows of half the
        shorter side. It tells objects apart, each with its surroundings. ``"auto"`` is
        ``"which"`` in pictures with a rival whose evidence is at least 1.6 nats, else
        ``"where"``; where each class has a calibration of its own, the rivals are all other
        classes. The other two share a calibration whatever the labels, and all need dense scoring
        and ``patch_size="auto"``.
    zoom : float, default=1.4
        How many times as large as they are photographs go through the network, for the map of
        such a question; to whole cells of its map. 1 where the network takes one size alone.
    detail : bool, default=True
        Whether the map of ``"where"`` is drawn by the last map of the network that has more
        cells: its channels are weighted by their covariance with the evidence in the picture.
    information : {"weight_of_evidence", "pmi", "logit"}, default="weight_of_evidence"
        Weight of evidence, pointwise mutual information ``log p(t|patch) - log p(t)``, or the
        paper's literal logit, which is neither normalised nor calibrated.
    calibrate : bool, "shared" or "features", default=True
        Whether ``p(t|patch)`` comes from a logistic regression, fitted in `fit`, of the image's
        label on the logits of its patches; else it is the classifier's own probability for the
        patch. ``"shared"`` is one regression for all classes, of "is this class in the image" on
        its logit and its rivals', and is used as well where `fit` has no labels, or none of some
        class, and for a network of ``InfoSoftmaxClassifier.from_module`` unless `patch_size` is
        given or the labels are too few. With fewer than ten images, or five different labels, its
        three numbers are those that ship with the package.
        ``"features"`` regresses on windows of the feature map: that replaces the network's
        head, and no longer explains the network that was given.
    prior : None, "uniform" or array-like of shape (n_classes,), default=None
        Prior p(t) against which information is measured. ``None`` is the label frequencies of
        `fit`, with half an image of each class more where one is missing; without labels it is
        the classifier's ``train_prior_``, or uniform.
    threshold : float, default=0.2
        Pixels with more information than this are kept: a share within [0, 1], or nats.
    threshold_reference : {"image", "fit", "absolute"}, default="image"
        Share of the image's maximum, of the maximum seen in `fit`, or nats. With a share the
        information must also be positive, so that an image without the target is masked whole.
    require_presence : bool, default=True
        Whether an image is masked whole where nothing is evidence of the target: neither the
        classifier's probability for all of it, ``p(t|image) <= p(t)``, nor a patch as clearly as
        in 99 % of the images of `fit` that have it. Nats, and ``target=None``, go without.
    refine : {None, "edges"}, default=None
        ``"edges"`` moves the outline of a mask to where colours change, by OpenCV's GrabCut
        (``pip install 'sksoftinfo[edges]'``); for hard masks of images.
    mask_type : {"hard", "soft"}, default="hard"
        ``"soft"`` fades what lies below the threshold, linearly to nothing at no information.
    components : bool, default=False
        Whether connected parts of what differs from `fill_value` are kept or masked whole, by
        the majority of their pixels: for objects on an empty ground.
    fill_value : float, array-like of shape (channels,), "mean", "blur" or callable, default=0.0
        What masked pixels look like, also around the patch in paste scoring: a number, one for
        each channel, their mean over the images of `fit` (of each column for a table), the image
        itself blurred, or what a function makes of images (n, channels, height, width). Of
        pictures, numbers are shares of the brightest, and the mean is each one's own.
    image_shape : tuple of int, default=None
        (height, width) or (channels, height, width) of images that come as flat rows.
    preprocess : callable, default=None
        What the network was trained to be given: takes a picture, as a PIL image or a tensor
        (channels, height, width), and returns a tensor of floats, as the transforms of
        torchvision do, e.g. ``weights.transforms()``. It may resize, crop, pad and mirror; where
        it takes each pixel from is measured, and maps, masks and results have the pixels of the
        pictures. With ``None``, arrays are given to the network as they are, and pictures as
        numbers from 0 to 1, resized where they differ in size.
    channels : {"auto", "first", "last"}, default="auto"
        Where the channels of arrays are. ``"auto"`` looks for a side of 1, 3 or 4.
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
        Prior in use.
    calibration_ : {"labels", "shared", "shipped"} or None
        Where the calibration comes from: the labels of `fit`, a class at a time; images of
        `fit`, for all classes together; or the package.
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
        Information of the best patch about a class, at least, in 99 % of the images of `fit` that
        have it, in nats, by a calibration on the half without them; ``-inf`` where presence is not
        required, or `fit` had fewer than two images of the class. One number for all classes
        where the calibration is shared.
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
        "calibrate": ["boolean", StrOptions({"shared", "features"})],
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

    # scikit-learn calls it before `fit`, whose errors it would hide.
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
        """Train the classifier on whole images, and learn how it reads patches.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, channels, height, width) or (n, d), list \
of pictures, or torch Dataset or DataLoader
            Images, flat images if `image_shape` is given, or a table. Pictures are PIL images,
            arrays or tensors, each of its own size; items of a data set are pictures, with or
            without a label. Where the classifier is fitted already, 1000 of them are read at
            most, drawn at random.
        y : array-like of shape (n,), default=None
            Labels of the images, by default those of a data set. No pixel is labelled. A
            classifier that is fitted already needs none: any images will do, even one, and none
            has to hold the target. Labels of a data set that it does not know are left aside.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        TypeError
            If `estimator` is a torch module: ``InfoSoftmaxClassifier.from_module`` wraps it.
        ValueError
            If a parameter does not fit the images, or a label or target is unknown; or if there
            are no labels and the classifier is not fitted, or ``calibrate="features"``.
        """
        check_threshold(self.threshold, self.threshold_reference)
        X, reader = picture_reader(X, self.estimator, self.preprocess, self.channels)
        if reader is not None:
            X, y = sampled(X, y, self.estimator, self.random_state)
            X, y = reader.read_all(X, y, self.estimator, self.batch_size)
        if y is None:
            X = self._validate(X, reset=True)
        else:
            X, y = self._validate(X, y, reset=True)
            check_classification_targets(y)
        encode_target(self.target, known_classes(self.estimator, y), self.combine)
        self.input_shape_ = X.shape[1:]
        self._image_shape = canonical_shape(X.shape[1:], self.image_shape)
        self._check_refine()
        # A network that was trained elsewhere knows more than the labelled pictures show: a
        # score on these prefers the windows that keep everything.
        ready = is_pretrained(neural(self.estimator)) and isinstance(self.patch_size, str)
        labelled = y is not None and not ready
        candidates = candidate_sizes(self.patch_size, self._image_shape[1:], labelled)
        candidates = candidates_for_stride(candidates, self.stride)
        images = as_images_of(self, X)
        self._fill = Fill(self.fill_value).fit(images)

        self.estimator_, row_shape, self._fit_key = fit_estimator(
            self.estimator, X, y, self._image_shape, self.random_state, self.memory
        )
        self._classifier = ImageClassifier(self.estimator_, row_shape, self.batch_size)
        self.classes_ = self.estimator_.classes_
        encoded = None if y is None else encode_labels(y, self.classes_)
        self.prior_ = resolve_prior(self.prior, encoded, self.estimator_, self.classes_)
        self.calibration_ = kind_of_calibration(
            self.calibrate,
            self.information,
            encoded,
            len(self.classes_),
            self.question,
            ready,
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
        sample, seed = calibration_sample(len(images), self.random_state, shared)
        images = images[sample]
        whole: Any = self._classifier.logits(images) if shared else None
        encoded = whole.argmax(axis=1) if encoded is None else encoded[sample]
        if self.calibration_ == "shared" and not are_enough(encoded):
            self.calibration_ = "shipped"
        if self._of_pictures:
            # Windows of the sizes that answer the question, whatever the labels.
            candidates = candidates[:1]
        elif self.question != "auto":
            raise ValueError(
                f"question={self.question!r} needs dense scoring, a calibration and "
                f"patch_size='auto'; got patch_scoring_={self.patch_scoring_!r}, calibration_="
                f"{self.calibration_!r} and patch_size={self.patch_size!r}. Use question='auto'."
            )
        self._fit_sizes(candidates, images, encoded, seed, whole)
        return self

    def _fit_sizes(self, candidates, images, y, seed, whole):
        """Settle for the candidate whose score is best, and learn when a class is there."""

        def score(sizes):
            self._use_sizes(sizes, images, y, seed, whole)
            return self._separation(images, y).mean()

        # Candidates are compared on all images: none is masked whole.
        self.presence_floor_ = np.full(len(self.classes_), -np.inf)
        best = candidates[0]
        if len(candidates) > 1:
            best, self.patch_size_scores_ = best_sizes(candidates, score)
        floors = self._use_sizes(best, images, y, seed, whole)
        if self._presence_required:
            self.presence_floor_ = floors()

    def _use_sizes(self, sizes, images, y, seed, whole):
        """Map information by patches of these sizes from now on.

        What is returned is a function without arguments, of the floors of presence.
        """
        self._mapper, sizes = mapper_of(self, sizes)
        self.patch_size_ = sizes[0] if len(sizes) == 1 else sizes
        stride = self._mapper.scorer.stride
        self.stride_ = tuple(int(one) if float(one).is_integer() else one for one in stride)
        self._map_key = None
        if self.memory is not None:
            identity = (self._fit_key, images, y, seed, sizes, self.stride_, self.fill_value)
            kinds = (self.patch_scoring_, self.feature_layer_, self.calibration_, self.calibrate)
            kinds = (*kinds, self.context, self.question, self.zoom, self.detail)
            self._map_key = joblib.hash((*identity, *kinds, self.information, self.prior_))
        floors = calibrate_mapper(
            self._mapper,
            self.calibration_,
            images,
            y,
            seed,
            whole,
            (self.memory, self._map_key),
            self._presence_required,
        )
        if self.threshold_reference == "fit":
            self.reference_maximum_ = self._mapper.maxima(images)
        return floors

    def information_map(
        self, X: Any, target: Any = None, *, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Return the information of each pixel's patches about the target.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        target : label, list of labels or None, default=None
            ``None`` is the transformer's own `target`. Of a list the maximum or, with
            ``combine="group"``, the information about any of them.
        y : array-like of shape (n,), default=None
            A target for each image, instead of `target`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            In nats; of the network's dtype, float32 as a rule, for dense scoring, else float64.

        Raises
        ------
        ValueError
            If the target is unknown, or rows have another shape than in `fit`.
        """
        check_is_fitted(self)
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
            All of ``classes_``, if None. They are never a group.
        y : array-like of shape (n,), default=None
            A target for each image, instead of `targets`: one map of each.

        Returns
        -------
        ndarray of shape (n_targets, n, height, width), or (n_targets, n, d) for a table
            In nats, of the dtype of `information_map`.

        Raises
        ------
        ValueError
            If a target is unknown, or rows have another shape than in `fit`.
        """
        check_is_fitted(self)
        if targets is None and y is None:
            targets = self.classes_
        return self._results(X, y).maps(targets)

    def mask(self, X: Any, *, y: ArrayLike | None = None) -> np.ndarray:
        """Return which pixels are kept.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            A target for each image, instead of the transformer's own `target`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            Of dtype bool; float64 weights within [0, 1] for ``mask_type="soft"``.

        Raises
        ------
        ValueError
            If a target is unknown, or rows have another shape than in `fit`.
        """
        self._check_parameters()
        return self._results(X, y).masks()

    def bounding_boxes(self, X: Any, *, y: ArrayLike | None = None) -> np.ndarray:
        """Return the box around the largest connected part of each mask.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.
        y : array-like of shape (n,), default=None
            A target for each image, instead of the transformer's own `target`.

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
        self._check_parameters()
        return self._results(X, y).boxes()

    def transform(self, X: Any, y: ArrayLike | None = None) -> np.ndarray:
        """Replace the pixels that are not kept by `fill_value`.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            A target for each image, instead of the transformer's own `target`.

        Returns
        -------
        ndarray of the shape of X
            Masked rows, of the dtype of the images.

        Raises
        ------
        ValueError
            If `set_output` or the global configuration wants a frame of images that are not flat.
        """
        self._check_parameters()
        container = output_container(self)
        if len(self.input_shape_) > 1 and container != "default":
            raise ValueError(
                f"The output of transform must be an array for images; got {container!r}, whose "
                'frames hold tables alone. Call set_output(transform="default").'
            )
        return self._results(X, y).filled()

    def score(self, X: Any, y: ArrayLike | None = None) -> float:
        """Return how well the mask separates the evidence; the true mask is not needed.

        The mean of ``log p(t | kept part) + log p(not t | the rest)``, t being the target, over
        images that have its label; with ``target=None`` t is each image's label. A mask that
        keeps everything scores well too: compare sizes and thresholds by it, not mask against
        no mask.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n,), default=None
            Labels of the images, by default those of a data set.

        Returns
        -------
        float
            In nats, at most 0; larger is better.

        Raises
        ------
        ValueError
            If no image has the target's label.
        """
        self._check_parameters()
        X, reader = self._reader(X)
        if reader is not None:
            X, y = reader.read_all(X, y, self.estimator_, self.batch_size)
        if y is None:
            raise ValueError("`y` must hold the labels of `X`; got None. Give one for each image.")
        X, y = self._validate(X, y, reset=False)
        y = encode_labels(y, self.classes_)
        return float(self._separation(as_images_of(self, X), y).mean())

    def _separation(self, images, y):
        """Return the score of each image that has the target."""
        shown = images_with_target(y, self.classes_, self.target, self.combine)
        images, y = images[shown], y[shown]
        return separation(self._classifier, self._fill, images, all_masks(self, images), y)

    def _results(self, X, y):
        """Return what has the results for `X`, arrays or pictures, and targets `y`."""
        X, reader = self._reader(X)
        if reader is not None:
            return PictureResults(self, reader, X, y)
        return ArrayResults(self, self._validate(X, reset=False, stays=self._stays(X)), y)

    def _stays(self, X):
        """Return whether masks are read from `X` where it is: on the device of the network."""
        # Grids and a cache read arrays.
        if not is_on_cuda(X) or self._dense is None or self.memory is not None:
            return False
        return self._mapper.scorer.device.type == "cuda"

    @property
    def _of_pictures(self):
        """Whether a map answers a question, and is not one of windows of a size."""
        is_auto = isinstance(self.patch_size, str)
        is_shared = self.calibration_ in ("shared", "shipped")
        return is_auto and is_shared and self.patch_scoring_ == "dense"

    @property
    def _on_features(self):
        return self.calibration_ is not None and self.calibrate == "features"

    @property
    def _presence_required(self):
        return self.require_presence and self.threshold_reference != "absolute"

    def _check_parameters(self):
        """Check that it is fitted, and the parameters: those of masks may have been set since."""
        check_is_fitted(self)
        check_params(self)
        check_threshold(self.threshold, self.threshold_reference)
        self._check_refine()
        if self.threshold_reference == "fit" and not hasattr(self, "reference_maximum_"):
            raise ValueError(
                "threshold_reference='fit' was set after a fit that did not look for the maxima: "
                "fit again."
            )

    def _check_refine(self):
        if self.refine is None:
            return
        if self.mask_type != "hard" or self._image_shape[:2] == (1, 1):
            raise ValueError(
                "refine='edges' must go with hard masks of images; got "
                f"mask_type={self.mask_type!r} and images of shape {self._image_shape}. Use "
                "mask_type='hard' or refine=None."
            )
        import_opencv()

    def _reader(self, X):
        """Return `X`, and what reads it where it holds pictures, or None."""
        shape = self._image_shape
        return picture_reader(X, self.estimator_, self.preprocess, self.channels, shape)

    def _validate(self, X, y="no_validation", *, reset, stays=False):
        X = as_images(X)
        if not reset:
            check_row_shape(X, self.input_shape_, type(self).__name__)
        validate = validate_on_device if stays else validate_rows
        return validate(self, X, y, reset=reset, allow_nd=True, dtype=[np.float64, np.float32])

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
