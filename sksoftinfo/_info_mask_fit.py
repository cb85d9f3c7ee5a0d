"""How `InfoMaskTransformer` learns: the classifier, how it may be asked, and what it answers."""

from __future__ import annotations

import uuid

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble._base import _set_random_states
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_memory

from ._checks import check_row_shape, check_two_classes, encode_labels
from ._image_classifier import ImageClassifier, choose_scoring, estimator_row_shape
from ._info_softmax import InfoSoftmaxClassifier
from ._information import label_frequencies
from ._information_maps import InformationMapper, collect
from ._input_checks import validate_rows
from ._masks import Fill, soft_masks, threshold_masks, whole_components
from ._patch_information import PatchCalibration
from ._patch_scoring import make_scorer
from ._patch_sizes import candidate_sizes, resolve_stride, sizes_for_stride
from ._patches import canonical_shape

# Images that calibration and the choice of a size look at, at most.
_CALIBRATION_IMAGES = 1000
_SELECTION_IMAGES = 500
_SMALLEST_PROBA = 1e-12
# Share of the images with a class whose best patch may say less of it than `presence_floor_`.
# Chosen on validation composites of digits; with more, the mean IoU falls faster than what is kept
# of images without the target.
_FLOOR_SHARE = 0.02


def _default_estimator():
    return InfoSoftmaxClassifier(max_epochs=30)


def fit_classifier(estimator, rows, y):
    """Return the fitted classifier, and a name for this fit where the result is cached."""
    return estimator.fit(rows, y), uuid.uuid4().hex


def calibration_inputs(mapper, images, key=None):
    """Return what the calibration reads; `key` stands for the mapper where that is cached."""
    return mapper.calibration_inputs(images)


class BaseInfoMask(BaseEstimator):
    """Base of the transformer: everything but its public face."""

    def _fit(self, X, y):
        self._check_threshold()
        X, y = self._validate(X, y, reset=True)
        check_classification_targets(y)
        self._encode_targets(self._known_classes(y))
        self.input_shape_ = X.shape[1:]
        self._image_shape = canonical_shape(X.shape[1:], self.image_shape)
        scales = candidate_sizes(self.patch_size, self._image_shape[1:])
        scales = sizes_for_stride(scales, self.stride)
        images = self._images(X)
        self._fill = Fill(self.fill_value).fit(images)

        self._fit_estimator(X, y)
        self.classes_ = self.estimator_.classes_
        encoded = encode_labels(y, self.classes_)
        self.prior_ = label_frequencies(encoded, len(self.classes_))
        self.patch_scoring_, self._dense = choose_scoring(
            self.patch_scoring,
            self.stride,
            self._classifier,
            images,
            scales[0][0],
            self.feature_layer,
        )
        self._set_cells()
        rng = check_random_state(self.random_state)
        sample = rng.permutation(len(images))[:_CALIBRATION_IMAGES]
        seed = int(rng.randint(np.iinfo(np.int32).max))
        self._use_best_scale(scales, images[sample], encoded[sample], seed)
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
        return validate_rows(
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
        cached = self.memory is not None
        if isinstance(estimator, FrozenEstimator):
            self.estimator_ = estimator
            self._fit_key = joblib.hash(estimator) if cached else None
        else:
            estimator = clone(estimator)
            if self.random_state is not None:
                _set_random_states(estimator, self.random_state)
            fit = check_memory(self.memory).cache(fit_classifier)
            self.estimator_, self._fit_key = fit(estimator, X.reshape(len(X), *row_shape), y)
        self._classifier = ImageClassifier(self.estimator_, row_shape, self.batch_size)

    def _set_cells(self):
        if self._dense is None:
            self.feature_layer_ = self.receptive_field_ = None
            return
        layer, geometry = self._dense
        self.feature_layer_ = layer.name
        self.receptive_field_ = tuple(one.receptive_field for one in geometry)

    def _use_best_scale(self, scales, images, y, seed):
        """Settle for the sizes whose score is best."""
        self._use_scale(scales[0], images, y, seed)
        if len(scales) == 1:
            return
        self.patch_size_scores_ = {}
        for scale in scales:
            self._use_scale(scale, images, y, seed)
            score = self._separation(images[:_SELECTION_IMAGES], y[:_SELECTION_IMAGES]).mean()
            self.patch_size_scores_[scale[0]] = float(score)
        best = max(scales, key=lambda scale: self.patch_size_scores_[scale[0]])
        if best != scales[-1]:
            self._use_scale(best, images, y, seed)

    def _use_scale(self, scale, images, y, seed):
        """Score patches of these sizes from here on, and calibrate them."""
        self.patch_size_ = scale[0] if len(scale) == 1 else scale
        scorer = make_scorer(
            self.patch_scoring_,
            self._classifier,
            self._image_shape[1:],
            scale,
            lambda size: resolve_stride(self.stride, size),
            self._fill,
            self._dense,
        )
        if self._dense is None:
            self.stride_ = scorer.grids[0].stride
        else:
            strides = (one.stride for one in self._dense[1])
            self.stride_ = tuple(
                int(stride) if float(stride).is_integer() else stride for stride in strides
            )
        calibrated = bool(self.calibrate) and self.information != "logit"
        on_features = calibrated and self.calibrate == "features"
        if on_features and self._dense is None:
            raise ValueError(
                "calibrate='features' reads windows of a network's feature map, and "
                f"patch_scoring_={self.patch_scoring_!r} has none: use calibrate=True."
            )
        mapper = InformationMapper(scorer, self.information, self.prior_, on_features=on_features)
        self._map_key = None
        if self.memory is not None:
            identity = (self._fit_key, images, y, seed, scale, self.stride_, self.fill_value)
            kinds = (self.patch_scoring_, self.feature_layer_, self.calibrate, self.information)
            self._map_key = joblib.hash((*identity, *kinds))
        if calibrated:
            read = check_memory(self.memory).cache(calibration_inputs, ignore=["mapper"])
            inputs = read(mapper, images, self._map_key)
            mapper.calibration = PatchCalibration(len(self.classes_)).fit(
                inputs, y, self.prior_, np.random.RandomState(seed)
            )
        self._mapper = mapper
        if self.threshold_reference == "fit":
            self.reference_maximum_ = mapper.maxima(images)
        self.presence_floor_ = self._floors(images, y)

    def _floors(self, images, y):
        """Return what the best patch of nearly all images with a class says of it."""
        floors = np.full(len(self.classes_), np.inf)
        if self._presence_required:
            evaluated = self._evaluate(images, y[None])
            best = np.concatenate([maps[0].max(axis=(1, 2)) for _, maps, _ in evaluated])
            for label in np.unique(y):
                floors[label] = np.quantile(best[y == label], _FLOOR_SHARE)
        return floors

    def _images(self, X):
        return X.reshape(len(X), *self._image_shape)

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

    def _classes_of(self, images, targets):
        """Return the classes asked about, (T, n): the targets, or what each image is taken for."""
        if targets is None:
            return self._classifier.predict_proba(images).argmax(axis=1)[None]
        return np.repeat(np.asarray(targets)[:, None], len(images), axis=1)

    def _evaluate(self, images, classes):
        """Yield slices of rows, their maps (T, b, H, W) and evidence (T, b), as the mapper does.

        With `memory`, all maps are computed at once, and only once for the same images.
        """
        if self.memory is None:
            yield from self._mapper.evaluate(images, classes)
            return
        cached = check_memory(self.memory).cache(collect, ignore=["mapper"])
        yield slice(0, len(images)), *cached(self._mapper, images, classes, self._map_key)

    def _masks(self, images, target=None):
        """Yield slices of rows and their masks (b, H, W): bool, or weights for soft masks."""
        targets = self._encode_targets(self.classes_, target)
        classes = self._classes_of(images, targets)
        presence = self._presence_required and targets is not None
        for rows, maps, whole in self._evaluate(images, classes):
            kept = self._kept(maps, classes[:, rows])
            if presence:
                floor = self.presence_floor_[classes[:, rows]]
                absent = (whole <= 0) & (maps.max(axis=(2, 3)) <= floor)
                kept[absent] = 0
            kept = kept.max(axis=0)
            if self.components:
                part = images[rows]
                ink = (part != self._fill(part)).any(axis=1)
                kept = whole_components(kept >= 0.5, ink).astype(kept.dtype)
            yield rows, kept

    @property
    def _presence_required(self):
        return self.require_presence and not self._in_nats

    @property
    def _in_nats(self):
        return self.threshold_reference == "absolute"

    def _kept(self, maps, classes):
        """Return masks of maps (T, b, H, W) about classes (T, b)."""
        if self._in_nats:
            limit = self.threshold
        elif self.threshold_reference == "fit":
            limit = self.threshold * self.reference_maximum_[classes][..., None, None]
        else:
            limit = self.threshold * maps.max(axis=(2, 3), keepdims=True)
        if self.mask_type == "soft":
            return soft_masks(maps, limit)
        return threshold_masks(maps, limit, positive=not self._in_nats)

    def _all_masks(self, images, target=None):
        dtype = bool if self.mask_type == "hard" else np.float64
        out = np.zeros((len(images), *images.shape[2:]), dtype=dtype)
        for rows, kept in self._masks(images, target):
            out[rows] = kept
        return out

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
        rows = np.arange(len(y))
        kept = self._all_masks(images)
        rest = ~kept if kept.dtype == bool else 1 - kept
        inside, outside = (
            self._classifier.predict_proba(self._fill.mix(images, mask))[rows, y]
            for mask in (kept, rest)
        )
        return np.log(np.maximum(inside, _SMALLEST_PROBA)) + np.log(
            np.maximum(1 - outside, _SMALLEST_PROBA)
        )
