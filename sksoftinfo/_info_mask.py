"""`InfoMaskTransformer`: keeps what carries information about a class and masks the rest."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, _fit_context, clone
from sklearn.ensemble._base import _set_random_states
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ._checks import check_row_shape, check_two_classes, encode_labels
from ._info_softmax import InfoSoftmaxClassifier
from ._information import label_frequencies
from ._patch_information import InformationMapper, PatchCalibration, patch_logits
from ._patch_scoring import ImageClassifier, choose_scoring, estimator_row_shape, make_scorer
from ._patch_sizes import candidate_sizes, resolve_stride, sizes_for_stride
from ._patches import canonical_shape

# Images that calibration and the choice of a size look at, at most.
_CALIBRATION_IMAGES = 500
_SELECTION_IMAGES = 200
_SMALLEST_PROBA = 1e-12


def _default_estimator():
    return InfoSoftmaxClassifier(max_epochs=30)


class InfoMaskTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
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
    patch_size : "auto", int or (int, int), default="auto"
        Height and width of a patch in pixels; the number of neighbouring columns for a table.
        ``"auto"`` tries shares of the shorter side and takes the largest whose `score` on
        training images is within a standard error of the best.
    stride : "auto", int or (int, int), default="auto"
        Pixels between patches: a quarter of the patch by default. Dense scoring has a patch
        around every cell of the feature map and takes ``"auto"`` only.
    patch_scoring : {"auto", "dense", "crop", "paste"}, default="auto"
        ``"dense"`` averages the network's last feature map over windows, one forward pass for
        all; ``"crop"`` feeds it each patch alone; ``"paste"`` shows each patch at its place on
        an empty image, to any classifier. ``"auto"`` is dense if the network is shown to allow
        it, else crop if it takes small images, else paste.
    information : {"weight_of_evidence", "pmi", "logit"}, default="weight_of_evidence"
        Weight of evidence, pointwise mutual information ``log p(t|patch) - log p(t)``, or the
        paper's literal logit, which is neither normalised nor calibrated.
    calibrate : bool, default=True
        Whether ``p(t|patch)`` comes from a logistic regression, fitted in `fit`, of the image's
        label on the logits of its patches; else it is the classifier's own answer to the patch.
    threshold : float, default=0.2
        Pixels with more information than this are kept: a share within [0, 1], or nats.
    threshold_reference : {"image", "fit", "absolute"}, default="image"
        Share of the image's maximum, of the maximum seen in `fit`, or nats. With a share the
        information must also be positive, so that an image without the target is masked whole.
    fill_value : float, default=0.0
        Value of masked pixels, and of the empty image of paste scoring.
    image_shape : tuple of int, default=None
        (height, width) or (channels, height, width) of images that come as flat rows.
    batch_size : int, default=256
        Patches or images scored at once: bounds the memory.
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
    patch_size_, stride_ : tuple of int
        In use, in pixels.
    patch_size_scores_ : dict
        Score of each size tried, where ``patch_size="auto"``.
    reference_maximum_ : ndarray of shape (n_classes,)
        Largest information about each class in at most 500 images of `fit`, where
        ``threshold_reference="fit"``.
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
        "patch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), tuple],
        "stride": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), tuple],
        "patch_scoring": [StrOptions({"auto", "dense", "crop", "paste"})],
        "information": [StrOptions({"weight_of_evidence", "pmi", "logit"})],
        "calibrate": ["boolean"],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "threshold_reference": [StrOptions({"image", "fit", "absolute"})],
        "fill_value": [Interval(Real, None, None, closed="neither")],
        "image_shape": [None, tuple, list],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        target=None,
        patch_size="auto",
        stride="auto",
        patch_scoring="auto",
        information="weight_of_evidence",
        calibrate=True,
        threshold=0.2,
        threshold_reference="image",
        fill_value=0.0,
        image_shape=None,
        batch_size=256,
        random_state=None,
    ):
        self.estimator = estimator
        self.target = target
        self.patch_size = patch_size
        self.stride = stride
        self.patch_scoring = patch_scoring
        self.information = information
        self.calibrate = calibrate
        self.threshold = threshold
        self.threshold_reference = threshold_reference
        self.fill_value = fill_value
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
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
        self._check_threshold()
        X, y = self._validate(X, y, reset=True)
        check_classification_targets(y)
        self._encode_targets(self._known_classes(y))
        self.input_shape_ = X.shape[1:]
        self._image_shape = canonical_shape(X.shape[1:], self.image_shape)
        sizes = candidate_sizes(self.patch_size, self._image_shape[1:])
        sizes = sizes_for_stride(sizes, self.stride)

        self._fit_estimator(X, y)
        self.classes_ = self.estimator_.classes_
        encoded = encode_labels(y, self.classes_)
        self.prior_ = label_frequencies(encoded, len(self.classes_))
        images = self._images(X)
        self.patch_scoring_, self._cell_stride = choose_scoring(
            self.patch_scoring, self.stride, self._classifier, images, sizes[0]
        )
        rng = check_random_state(self.random_state)
        sample = rng.permutation(len(images))[:_CALIBRATION_IMAGES]
        seed = int(rng.randint(np.iinfo(np.int32).max))
        self._use_best_size(sizes, images[sample], encoded[sample], seed)
        return self

    def _check_threshold(self):
        if self.threshold_reference != "absolute" and not 0 <= self.threshold <= 1:
            raise ValueError(
                f"threshold={self.threshold!r} is outside [0, 1], and threshold_reference="
                f"{self.threshold_reference!r} makes it a share: give one, or use "
                "threshold_reference='absolute' for nats."
            )

    def _validate(self, X, y="no_validation", *, reset):
        if not reset:
            check_row_shape(X, self.input_shape_, type(self).__name__)
        return validate_data(
            self, X, y, reset=reset, allow_nd=True, dtype=[np.float64, np.float32]
        )

    def _known_classes(self, y):
        """Return the classes before anything is trained, so that a wrong target fails at once."""
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(self.estimator)
            encode_labels(y, self.estimator.classes_)
            return self.estimator.classes_
        classes = np.unique(y)
        check_two_classes(classes)
        return classes

    def _fit_estimator(self, X, y):
        estimator = _default_estimator() if self.estimator is None else self.estimator
        row_shape = estimator_row_shape(estimator, X.shape[1:], self._image_shape)
        if isinstance(estimator, FrozenEstimator):
            self.estimator_ = estimator
        else:
            self.estimator_ = clone(estimator)
            if self.random_state is not None:
                _set_random_states(self.estimator_, self.random_state)
            self.estimator_.fit(X.reshape(len(X), *row_shape), y)
        self._classifier = ImageClassifier(self.estimator_, row_shape, self.batch_size)

    def _use_best_size(self, sizes, images, y, seed):
        """Settle for the largest size whose score is within a standard error of the best."""
        self._use_size(sizes[0], images, y, seed)
        if len(sizes) == 1:
            return
        scores = {}
        for size in sizes:
            self._use_size(size, images, y, seed)
            scores[size] = self._separation(images[:_SELECTION_IMAGES], y[:_SELECTION_IMAGES])
        self.patch_size_scores_ = {size: float(score.mean()) for size, score in scores.items()}
        best = max(scores.values(), key=np.mean)
        limit = best.mean() - best.std() / np.sqrt(len(best))
        chosen = [size for size in sizes if self.patch_size_scores_[size] >= limit][-1]
        if chosen != self.patch_size_:
            self._use_size(chosen, images, y, seed)

    def _use_size(self, size, images, y, seed):
        """Score patches of this size from here on, and calibrate them."""
        self.patch_size_ = size
        self.stride_ = self._cell_stride or resolve_stride(self.stride, size)
        scorer = make_scorer(
            self.patch_scoring_,
            self._classifier,
            self._image_shape[1:],
            size,
            self.stride_,
            self.fill_value,
        )
        calibration = None
        if self.calibrate and self.information != "logit":
            logits = np.concatenate(list(patch_logits(scorer, images)))
            calibration = PatchCalibration(len(self.classes_))
            calibration.fit(logits, y, np.random.RandomState(seed))
        self._mapper = InformationMapper(scorer, calibration, self.information, self.prior_)
        if self.threshold_reference == "fit":
            self.reference_maximum_ = self._mapper.maxima(images)

    def _images(self, X):
        return X.reshape(len(X), *self._image_shape)

    def _kept(self, information, target):
        """Return which pixels of maps (b, H, W) about class `target` pass the threshold."""
        if self.threshold_reference == "absolute":
            return information > self.threshold
        if self.threshold_reference == "fit":
            limit = self.threshold * self.reference_maximum_[target]
        else:
            limit = self.threshold * information.max(axis=(1, 2), keepdims=True)
        return (information > limit) & (information > 0)

    def _encode_targets(self, classes, target=None):
        """Return class indices of the target, or None for the predicted class."""
        target = self.target if target is None else target
        if target is None:
            return None
        labels = list(target) if isinstance(target, list | tuple | np.ndarray) else [target]
        known = np.asarray(classes).tolist()
        if not labels or any(label not in known for label in labels):
            raise ValueError(f"target={target!r} is no class that is known: choose among {known}.")
        return [known.index(label) for label in labels]

    def _evaluate(self, images, target=None, apply=None):
        targets = self._encode_targets(self.classes_, target)
        predicted = None
        if targets is None:
            predicted = self._classifier.predict_proba(images).argmax(axis=1)
        return self._mapper.evaluate(images, targets, predicted, apply)

    def information_map(self, X, target=None):
        """Information of each pixel's patches about the target.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        target : label, list of labels or None, default=None
            ``None`` is the transformer's own `target`; the maximum for a list.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            In nats.

        Raises
        ------
        ValueError
            If the target is unknown, or rows have another shape than in `fit`.
        """
        check_is_fitted(self)
        return self._as_map(self._evaluate(self._images(self._validate(X, reset=False)), target))

    def mask(self, X):
        """Which pixels are kept.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table, bool
        """
        check_is_fitted(self)
        self._check_threshold()
        images = self._images(self._validate(X, reset=False))
        return self._as_map(self._evaluate(images, apply=self._kept))

    def _as_map(self, values):
        is_table = self._image_shape[:2] == (1, 1) and len(self.input_shape_) == 1
        return values[:, 0] if is_table else values

    def transform(self, X):
        """Replace the pixels that are not kept by `fill_value`.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of the shape of X
        """
        check_is_fitted(self)
        self._check_threshold()
        X = self._validate(X, reset=False)
        images = self._images(X)
        kept = self._evaluate(images, apply=self._kept)[:, None]
        return self._filled(images, kept).reshape(X.shape)

    def _filled(self, images, kept):
        return np.where(kept, images, np.asarray(self.fill_value, dtype=images.dtype))

    def score(self, X, y):
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
        self._check_threshold()
        X, y = self._validate(X, y, reset=False)
        return float(self._separation(self._images(X), encode_labels(y, self.classes_)).mean())

    def _separation(self, images, y):
        """Return the score of each image that has the target."""
        targets = self._encode_targets(self.classes_)
        if targets is not None:
            has_target = np.isin(y, targets)
            if not has_target.any():
                raise ValueError(
                    f"y holds no image with target={self.target!r}: the score is over such."
                )
            images, y = images[has_target], y[has_target]
        kept = self._evaluate(images, apply=self._kept)[:, None]
        rows = np.arange(len(y))
        inside = self._classifier.predict_proba(self._filled(images, kept))[rows, y]
        outside = self._classifier.predict_proba(self._filled(images, ~kept))[rows, y]
        return np.log(np.maximum(inside, _SMALLEST_PROBA)) + np.log(
            np.maximum(1 - outside, _SMALLEST_PROBA)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
