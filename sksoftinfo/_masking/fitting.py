"""How `InfoMaskTransformer` learns: the classifier, how it may be asked, and what it answers."""

from __future__ import annotations

import uuid

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_memory

from .._bounds import label_frequencies
from .._classifiers import InfoSoftmaxClassifier
from .._utils import check_two_classes, encode_labels
from .applying import InformationMasking
from .fill import Fill
from .image_classifier import ImageClassifier, estimator_row_shape
from .maps import InformationMapper
from .patch_sizes import candidate_sizes, resolve_stride, sizes_for_stride, surrounding_sizes
from .patches import canonical_shape
from .scoring import choose_scoring, make_scorer

# Images that calibration and the choice of a size look at, at most.
_CALIBRATION_IMAGES = 1000
# Share of the images with a class whose best patch may say less of it than `presence_floor_`.
# Chosen on validation composites of digits: with more, targets are lost.
_FLOOR_SHARE = 0.01


def _default_estimator():
    return InfoSoftmaxClassifier(max_epochs=30)


def fit_classifier(estimator, rows, y):
    """Return the fitted classifier, and a name for this fit where the result is cached."""
    return estimator.fit(rows, y), uuid.uuid4().hex


def set_random_states(estimator, seed):
    """Seed the estimator and what it is made of, each with a number of its own."""
    rng = check_random_state(seed)
    names = sorted(estimator.get_params(deep=True))
    names = [name for name in names if name.split("__")[-1] == "random_state"]
    return estimator.set_params(**{name: rng.randint(np.iinfo(np.int32).max) for name in names})


def calibration_inputs(mapper, images, key=None):
    """Return what the calibration reads; `key` stands for the mapper where that is cached."""
    return mapper.inputs(images)


class BaseInfoMask(InformationMasking):
    """Base of the transformer: how it is fitted."""

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
                set_random_states(estimator, self.random_state)
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
        """Settle for the sizes whose score is best, and for what tells that a class is there."""
        # Sizes are compared by what all images have to say: none is masked whole.
        self.presence_floor_ = np.full(len(self.classes_), -np.inf)
        if len(scales) > 1:
            self.patch_size_scores_ = {}
            for scale in scales:
                self._use_scale(scale, images, y, seed)
                self.patch_size_scores_[scale[0]] = float(self._separation(images, y).mean())
            best = max(scales, key=lambda scale: self.patch_size_scores_[scale[0]])
        else:
            (best,) = scales
        inputs = self._use_scale(best, images, y, seed)
        if self._presence_required:
            maxima = self._mapper.held_out_maxima(inputs, y, seed)
            for label in np.unique(y):
                self.presence_floor_[label] = np.quantile(
                    maxima[y == label], _FLOOR_SHARE, method="lower"
                )

    def _use_scale(self, scale, images, y, seed):
        """Score patches of these sizes from here on, calibrated; return what that read."""
        self.patch_size_ = scale[0] if len(scale) == 1 else scale
        literal = self.information == "logit"
        sizes, scales = scale, [slice(len(scale))]
        if self.context > 1 and not literal:
            sizes += surrounding_sizes(scale, self.context, self._image_shape[1:])
            scales.append(slice(len(scale), None))
        scorer = make_scorer(
            self.patch_scoring_,
            self._classifier,
            self._image_shape[1:],
            sizes,
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
        calibrated = bool(self.calibrate) and not literal
        on_features = calibrated and self.calibrate == "features"
        if on_features and self._dense is None:
            raise ValueError(
                "calibrate='features' reads windows of a network's feature map, and "
                f"patch_scoring_={self.patch_scoring_!r} has none: use calibrate=True."
            )
        self._mapper = mapper = InformationMapper(
            scorer, self.information, self.prior_, scales, on_features
        )
        self._map_key = None
        if self.memory is not None:
            identity = (self._fit_key, images, y, seed, sizes, self.stride_, self.fill_value)
            kinds = (self.patch_scoring_, self.feature_layer_, self.calibrate, self.information)
            self._map_key = joblib.hash((*identity, *kinds))
        inputs = None
        if calibrated or self._presence_required:
            read = check_memory(self.memory).cache(calibration_inputs, ignore=["mapper"])
            inputs = read(mapper, images, self._map_key)
        if calibrated:
            mapper.calibrate(inputs, y, seed)
        if self.threshold_reference == "fit":
            self.reference_maximum_ = mapper.maxima(images)
        return inputs
