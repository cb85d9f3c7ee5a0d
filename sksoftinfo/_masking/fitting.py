"""Steps of `InfoMaskTransformer.fit`: classifier, patch sizes, calibration, presence floors."""

from __future__ import annotations

import uuid

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_memory

from .._bounds import check_distribution, label_frequencies
from .._classifiers import InfoSoftmaxClassifier
from .._utils import check_two_classes, encode_labels
from .composites import content_of
from .image_classifier import is_fitted_already, neural
from .maps import InformationMapper, calibration_inputs
from .patch_sizes import with_surroundings
from .picture_mapper import PictureMapper
from .picture_scorer import PictureScorer
from .row_shapes import estimator_row_shape
from .saved_calibration import use_numbers
from .scoring import make_scorer
from .shared_calibration import FEWEST_IMAGES, are_enough
from .size_choice import Rule, Sample, score_sizes
from .targets import images_with_target

# Largest number of images that calibration and the choice of a patch size use.
_CALIBRATION_IMAGES = 1000
# The same for a calibration shared by all classes, which learns only three coefficients.
_SHARED_IMAGES = 200
# Share of the images of a class whose best patch may have less information about the class than
# `presence_floor_`. Chosen on validation composites of digits: a larger share loses targets.
_FLOOR_SHARE = 0.01


def known_classes(estimator, y):
    """Return the classes before training, so that an invalid target is refused at once.

    Parameters
    ----------
    estimator : classifier or None
        The transformer's `estimator`, which may not be fitted.
    y : ndarray of shape (n,) or None
        Labels.
    """
    if is_fitted_already(estimator):
        check_is_fitted(estimator)
        if y is not None:
            encode_labels(y, estimator.classes_)
        return estimator.classes_
    if y is None:
        raise ValueError(
            "InfoMaskTransformer requires y to be passed, but the target y is None: the labels "
            "of the images train `estimator`. Pass them as y, or pass a fitted classifier: a "
            "FrozenEstimator or InfoSoftmaxClassifier.from_module(network, classes=...)."
        )
    classes = np.unique(y)
    check_two_classes(classes)
    return classes


def fit_estimator(estimator, X, y, image_shape, random_state, memory):
    """Return a fitted clone of `estimator`, or `estimator` itself if it is fitted already.

    Parameters
    ----------
    estimator : classifier or None
        Classifier of images; ``None`` is the default classifier.
    X : ndarray of shape (n, ...)
        Rows, as passed to `fit`.
    y : ndarray of shape (n,)
        Labels.
    image_shape : tuple of int
        Shape (C, H, W) of the image in a row.
    random_state : int, RandomState instance or None
        Seeds all parts of the clone; ``None`` leaves their own seeds.
    memory : str, path, joblib.Memory or None
        Caches the fitted clone.

    Returns
    -------
    estimator : classifier
        Fitted classifier.
    row_shape : tuple of int
        Shape of the rows that the classifier takes.
    key : str or None
        Key of this fit in the cache; ``None`` without a cache.
    """
    if estimator is None:
        estimator = InfoSoftmaxClassifier(max_epochs=30)
    row_shape = estimator_row_shape(estimator, X.shape[1:], image_shape)
    if is_fitted_already(estimator):
        return estimator, row_shape, None if memory is None else joblib.hash(estimator)
    estimator = clone(estimator)
    if random_state is not None:
        set_random_states(estimator, random_state)
    fit = check_memory(memory).cache(fit_classifier)
    fitted, key = fit(estimator, X.reshape(len(X), *row_shape), y)
    return fitted, row_shape, key


def fit_classifier(estimator, rows, y):
    """Return the fitted classifier, and a key of this fit for results in the cache."""
    return estimator.fit(rows, y), uuid.uuid4().hex


def set_random_states(estimator, seed):
    """Seed the estimator and its nested estimators, each with a number of its own."""
    rng = check_random_state(seed)
    names = sorted(estimator.get_params(deep=True))
    names = [name for name in names if name.split("__")[-1] == "random_state"]
    return estimator.set_params(**{name: rng.randint(np.iinfo(np.int32).max) for name in names})


def resolve_prior(prior, y, estimator, classes):
    """Return the positive prior of the classes against which information is measured.

    Parameters
    ----------
    prior : None, "uniform" or array-like of shape (M,)
        ``None`` is the label frequencies of `y` or, without `y`, of the classifier's training.
    y : ndarray of shape (n,), int, or None
        Class indices.
    estimator : fitted classifier
    classes : ndarray of shape (M,)
    """
    n_classes = len(classes)
    uniform = np.full(n_classes, 1 / n_classes)
    if isinstance(prior, str):
        return uniform
    if prior is not None:
        return check_distribution(prior, classes, "prior")
    if y is None:
        own = getattr(neural(estimator), "train_prior_", uniform)
        return own if own.min() > 0 else (own + uniform) / 2
    counts = np.bincount(y, minlength=n_classes)
    # A class that did not occur is not impossible: add half an image of each class.
    return (
        label_frequencies(y, n_classes)
        if counts.min() > 0
        else (counts + 0.5) / (len(y) + 0.5 * n_classes)
    )


def kind_of_calibration(calibrate, information, y, n_classes, question="auto", ready=False):
    """Return the kind of calibration: "labels", "shared", "given" or None.

    Parameters
    ----------
    calibrate : bool, "shared", "features" or dict
    information : str
    y : ndarray of shape (n,), int, or None
        Class indices.
    n_classes : int
    question : {"auto", "where", "which"}, default="auto"
        As in the transformer. ``"where"`` and ``"which"`` need a shared calibration.
    ready : bool, default=False
        Whether the network is pretrained and `patch_size` is "auto". A shared calibration then
        serves the network better than a calibration on labelled pictures, given enough pictures.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.fitting import kind_of_calibration
    >>> [kind_of_calibration(True, "pmi", y, 2) for y in (np.array([0, 1]), np.array([1]), None)]
    ['labels', 'shared', 'shared']
    """
    if information == "logit":
        return None
    if isinstance(calibrate, dict):
        return "given"
    if not calibrate:
        return None
    if calibrate == "features":
        if y is None:
            raise ValueError(
                "`y` must be passed with calibrate='features', which learns from labels; got "
                "None. Pass the images' labels, or use calibrate=True."
            )
        return "labels"
    if y is None or len(np.unique(y)) < n_classes:
        return "shared"
    is_shared = calibrate == "shared" or question != "auto" or (ready and are_enough(y))
    return "shared" if is_shared else "labels"


def calibration_data(classifier, images, y, random_state, needs_whole, of_pictures):
    """Return the images to calibrate on, with their labels and logits.

    Parameters
    ----------
    classifier : ImageClassifier
    images : ndarray of shape (n, C, H, W)
    y : ndarray of shape (n,), int, or None
        Class indices; ``None`` uses the classifier's predictions.
    random_state : int, RandomState instance or None
        Seeds the draw of the images.
    needs_whole : bool
        Whether the calibration, or the missing labels, need the logits of whole images.
    of_pictures : bool
        Whether a `PictureMapper` is calibrated. With too few pictures it is not fitted, and needs
        neither labels nor logits.

    Returns
    -------
    images : ndarray of shape (m, C, H, W)
    y : ndarray of shape (m,), int, or None
    whole : ndarray of shape (m, M) or None
    seed : int
        Seed for the calibration.
    """
    rng = check_random_state(random_state)
    rows = rng.permutation(len(images))[: _SHARED_IMAGES if needs_whole else _CALIBRATION_IMAGES]
    seed = int(rng.randint(np.iinfo(np.int32).max))
    images, y = images[rows], None if y is None else y[rows]
    if not needs_whole or (of_pictures and len(images) < FEWEST_IMAGES):
        return images, y, None, seed
    whole = classifier.logits(images)
    return images, whole.argmax(axis=1) if y is None else y, whole, seed


def mapper_of(masker, sizes):
    """Return an uncalibrated mapper for a transformer, and the patch sizes in use.

    Parameters
    ----------
    masker : InfoMaskTransformer
        Transformer whose scoring and prior are set already.
    sizes : tuple of (int, int)
        Patch sizes in pixels, which are not used for pictures.
    """
    image_size = masker._image_shape[1:]
    if masker._of_pictures:
        scorer = PictureScorer(
            masker._classifier, *masker._dense, image_size, masker.zoom, masker.detail
        )
        sizes = (tuple(round(length) for length in scorer.stride),)
        mapper = PictureMapper(scorer, masker.information, masker.prior_, masker.question)
        return mapper, sizes
    context = 1 if masker.information == "logit" else masker.context
    with_context, groups = with_surroundings(sizes, context, image_size)
    scorer = make_scorer(
        masker.patch_scoring_,
        masker._classifier,
        image_size,
        with_context,
        masker.stride,
        masker._fill,
        masker._dense,
        masker._on_features,
    )
    mapper = InformationMapper(
        scorer, masker.information, masker.prior_, groups, masker._on_features
    )
    return mapper, sizes


def calibrate_mapper(masker, mapper, images, y, seed, whole, key):
    """Calibrate a mapper, and return a function that computes the presence floors.

    Parameters
    ----------
    masker : InfoMaskTransformer
        Transformer whose `calibration_` and `patch_size_` are set already.
    mapper : InformationMapper or PictureMapper
        Mapper whose calibrations are set.
    images : ndarray of shape (n, C, H, W)
    y : ndarray of shape (n,), int
        Class indices.
    seed : int
    whole : ndarray of shape (n, M) or None
        Logits for whole images, which set the units of a shipped calibration.
    key : str or None
        Key of the mapper in the cache.

    Returns
    -------
    callable
        Function without arguments that returns the floors, an ndarray of shape (M,), in nats. They
        may be ``-inf`` if presence is not required.
    """
    kind, n_classes = masker.calibration_, len(mapper.prior)
    if kind == "given":
        floor = use_numbers(masker, mapper, masker.calibrate)
        return lambda: np.full(n_classes, floor)
    if kind == "shipped":
        floor = mapper.ship_calibrations(whole)
        return lambda: np.full(n_classes, floor)
    if kind == "shared":
        maxima = mapper.share_calibrations(images, y, seed)
        return lambda: np.full(n_classes, shared_floor(maxima))
    if kind is None and not masker._presence_required:
        return lambda: np.full(n_classes, -np.inf)
    read = check_memory(masker.memory).cache(calibration_inputs, ignore=["mapper"])
    inputs = read(mapper, images, key)
    if kind is not None:
        mapper.calibrate(inputs, y, seed)
    return lambda: presence_floors(mapper.held_out_maxima(inputs, y, seed), y, n_classes)


def keyed_mapper(masker, sizes, images, y, seed):
    """Return an uncalibrated mapper, the sizes in use, and the mapper's key in the cache."""
    mapper, sizes = mapper_of(masker, sizes)
    if masker.memory is None:
        return mapper, sizes, None
    identity = (masker._fit_key, images, y, seed, sizes, mapper.scorer.stride, masker.fill_value)
    identity = (*identity, masker.patch_scoring_, masker.feature_layer_, masker.calibration_)
    identity = (*identity, masker.calibrate, masker.context, masker.question, masker.zoom)
    identity = (*identity, masker.detail, masker.information, masker.prior_)
    return mapper, sizes, joblib.hash(identity)


def choose_sizes(masker, candidates, images, y, seed, whole):
    """Return the candidate with the best score, and the scores as `best_sizes` does."""
    shown = np.zeros(len(y), dtype=bool)
    shown[images_with_target(y, masker.classes_, masker.target, masker.combine)] = True
    sample = Sample(images, content_of(images, masker._fill), y, shown, whole, seed)
    rule = Rule(masker.threshold, masker.threshold_reference, masker.mask_type == "soft")
    keyed = [keyed_mapper(masker, sizes, images, y, seed) for sizes in candidates]
    mappers, _, keys = zip(*keyed, strict=True)
    kind = masker.calibration_
    return best_sizes(candidates, score_sizes(mappers, kind, sample, rule, masker.memory, keys))


def best_sizes(candidates, scores):
    """Return the candidate with the best score, and all scores by the candidates' smallest size.

    Examples
    --------
    >>> from sksoftinfo._masking.fitting import best_sizes
    >>> best_sizes([((2, 2),), ((4, 4),)], [0.5, 0.25])
    (((2, 2),), {(2, 2): 0.5, (4, 4): 0.25})
    """
    by_size = {sizes[0]: score for sizes, score in zip(candidates, scores, strict=True)}
    return max(candidates, key=lambda sizes: by_size[sizes[0]]), by_size


def shared_floor(maxima):
    """Return a low quantile of the information of each image's best patch about its class."""
    return np.quantile(maxima, _FLOOR_SHARE, method="lower")


def presence_floors(maxima, y, n_classes):
    """Return a low quantile, for each class, of the information of its images' best patches.

    Parameters
    ----------
    maxima : ndarray of shape (n,)
        Information of the best patch of each image about the image's label, in nats.
    y : ndarray of shape (n,)
        Class indices of the images.
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes,)
        Lower quantile over the images of each class, which is one of the maxima; ``-inf`` for a
        class without an image.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.fitting import presence_floors
    >>> presence_floors(np.array([3.0, 1.0, 2.0]), np.array([0, 0, 1]), 3)
    array([  1.,   2., -inf])
    """
    floors = np.full(n_classes, -np.inf)
    for label in np.unique(y):
        floors[label] = np.quantile(maxima[y == label], _FLOOR_SHARE, method="lower")
    return floors
