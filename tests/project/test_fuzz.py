"""Any arguments give a valid result, or an exception that the docstrings name."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from sksoftinfo import (
    InfoMaskTransformer,
    InformationBoundsDisplay,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    cross_val_bounds,
    information_bounds,
    load,
    metrics,
    mi_estimate,
    save,
)
from sksoftinfo.datasets import make_digit_pairs

DOCUMENTED = (ValueError, TypeError)
fuzz = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ODD = st.sampled_from(
    [None, True, -1, 0, 1, 2, 0.5, 1e-3, -0.5, np.nan, np.inf, "auto", "x", "", (), [], {}, [0.5]]
    + [np.float32(0.1), np.int64(3), np.array([0.5, 0.5]), "uniform", "empirical", object()]
)


def mostly(*values):
    """Return a strategy for one of these values and, less often, for any odd value."""
    return st.one_of(*[st.sampled_from(values)] * 4, ODD)


@st.composite
def params_of(draw, **known):
    """Draw parameters within their ranges; in half of the examples, one may be invalid."""
    optional = {name: st.sampled_from(values) for name, values in known.items()}
    params = draw(st.fixed_dictionaries({}, optional=optional))
    if draw(st.booleans()):
        params[draw(st.sampled_from(sorted(known)))] = draw(ODD)
    return params


SHARED = {
    "module": [None, torch.nn.Linear(3, 2)],
    "class_prior": ["uniform", "empirical", [0.3, 0.7]],
    "decision": ["posterior", "information"],
    "optimizer": [None, torch.optim.SGD],
    "lr": [0.01, 10.0, 1e30],
    "max_epochs": [1, 2],
    "batch_size": [-1, 1, 4, 1000],
    "train_split": [None, 0.3, 2],
    "callbacks": [None, [], "disable"],
    "class_weight": [None, "balanced", {0: 1.0, 1: 2.0}],
    "dtype": ["auto", "float32", "float64"],
    "device": ["auto", "cpu"],
    "accelerator": [None],
    "warm_start": [True, False],
    "random_state": [0, 1],
    "verbose": [0],
    "module__hidden_sizes": [(), (4,)],
    "iterator_train__drop_last": [False],
}
CLASSIFIERS = st.one_of(
    st.tuples(
        st.just(InfoSoftmaxClassifier),
        params_of(**SHARED, criterion=[torch.nn.CrossEntropyLoss, torch.nn.NLLLoss]),
    ),
    st.tuples(
        st.just(StochasticInfoClassifier),
        params_of(
            **SHARED,
            noise=["additive", "gaussian", "latent", "dropout", "module"],
            noise_scale=[0.0, 1.0, 1e3],
            latent_size=[1, 4],
            beta=[0.0, 0.1],
            n_draws=[1, 4],
            objective=["log_softmax", "dv", "predictive"],
        ),
    ),
)
NUMBERS = st.one_of(
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.sampled_from([0.0, -0.0, 1e-310, 1e30, -1e200, np.nan, np.inf]),
)


@st.composite
def tables(draw):
    """Draw rows and labels, usually valid ones of 3 columns and 2 classes."""
    n = draw(st.sampled_from([12] * 8 + [0, 1, 2, 5]))
    shape = draw(st.sampled_from([(n, 3)] * 12 + [(n, 1), (n, 0), (n,), (n, 2, 2), (n, 1, 2, 2)]))
    X = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
    for _ in range(draw(st.sampled_from([0] * 7 + [1])) if X.size else 0):
        X.flat[draw(st.integers(0, X.size - 1))] = draw(NUMBERS)
    kind = draw(st.sampled_from(["float64"] * 6 + ["float32", "float16", "int8", "object", "str"]))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        X = X.astype(kind)
    labels = draw(
        st.sampled_from([[0, 1]] * 6 + [["a", "b"], [0, 0], [0, 1, 2], [0.5, 1], ["a", None]])
    )
    y = np.array(labels, dtype=object if None in labels else None)
    return X, y[np.arange(draw(st.sampled_from([n] * 7 + [n + 1]))) % len(labels)]


def attempt(function, *args, **kwargs):
    """Return the result, or None after a documented exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)
    except DOCUMENTED as error:
        assert str(error)
        return None


def assert_bounds_hold(bounds):
    assert np.isfinite(bounds.mi_lower)
    tolerance = 1e-9 * (1 + abs(bounds.mi_lower))
    assert bounds.dv_label_prior <= bounds.mi_output_lower + tolerance
    assert bounds.mi_output_lower <= bounds.mi_lower + tolerance
    assert bounds.mi_lower <= bounds.label_entropy + tolerance
    assert 0 <= bounds.mi_lower_limit <= bounds.label_entropy_upper_limit + tolerance
    assert bounds.jensen_gap >= -tolerance


@fuzz
@given(CLASSIFIERS, tables(), mostly(None, "ones"), mostly(None, "twice"))
def test_classifiers(made, table, weight, again):
    cls, params = made
    X, y = table
    weight = np.ones(len(y)) if isinstance(weight, str) and weight == "ones" else weight
    clf = attempt(cls, **{"max_epochs": 1, "random_state": 0, **params})
    assert clf is not None
    if attempt(clf.fit, X, y, sample_weight=weight) is None:
        return
    if again == "twice":
        attempt(clf.partial_fit, X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), len(clf.classes_))
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert set(clf.predict(X)) <= set(clf.classes_)
    bounds = attempt(clf.score_bounds, X, y)
    if bounds is not None:
        assert_bounds_hold(bounds)


@fuzz
@given(
    tables(),
    params_of(
        cv=[2, 3],
        units=["nats", "bits"],
        confidence_level=[0.5, 0.99],
        n_jobs=[None, 1],
        groups=[None, np.arange(12) // 2],
    ),
)
def test_cross_val_bounds_and_estimates(table, options):
    X, y = table
    shared = {name: options[name] for name in ("cv", "units", "groups") if name in options}
    for estimator in (GaussianNB(), "stack" if len(y) < 6 else "none", None):
        bounds = attempt(cross_val_bounds, estimator, X, y, **options)
        if bounds is not None:
            assert_bounds_hold(bounds)
        estimate = attempt(mi_estimate, estimator, X, y, **shared)
        if estimate is not None:
            assert np.isfinite(estimate.value)
            assert estimate.interval[0] <= estimate.value <= estimate.interval[1]


@st.composite
def predictions(draw):
    n = draw(st.sampled_from([7] * 8 + [0, 1, 2]))
    m = draw(st.sampled_from([3] * 8 + [1, 2, 4]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    proba = rng.dirichlet(np.ones(m), n)
    if proba.size and draw(st.integers(0, 4)) == 4:
        proba.flat[draw(st.integers(0, proba.size - 1))] = draw(NUMBERS)
    proba = draw(st.sampled_from([proba] * 8 + [proba.astype("float32"), proba[:, 0], proba * 2]))
    labels = draw(
        st.sampled_from([[0, 1, 2]] * 8 + [["a", "b", "c"], [0, 0], [None, 1], [0.5, 1]])
    )
    y = np.array(labels, dtype=object if None in labels else None)
    return y[rng.integers(0, len(labels), n)], proba


@fuzz
@given(
    predictions(),
    params_of(
        labels=[[0, 1, 2]],
        sample_weight=[None, np.ones(7), np.arange(7.0), np.zeros(7)],
        confidence_level=[0.95, 0.5, 1 - 1e-12],
        reference_prior=["empirical", "uniform", [0.2, 0.3, 0.5]],
        units=["nats", "bits"],
    ),
)
def test_bounds_of_predictions(predicted, options):
    bounds = attempt(information_bounds, *predicted, **options)
    if bounds is not None:
        assert_bounds_hold(bounds)
        assert bounds.to_bits().to_nats().mi_lower == pytest.approx(bounds.to_nats().mi_lower)
        repr(bounds)
    kept = {
        name: options[name] for name in ("labels", "sample_weight", "units") if name in options
    }
    for score in (metrics.mi_lower_score, metrics.dv_score, metrics.log_softmax_score):
        value = attempt(score, *predicted, **kept)
        assert value is None or np.isfinite(value)
    attempt(InformationBoundsDisplay.from_predictions, *predicted)
    plt.close("all")


IMAGES = np.random.default_rng(0).random((12, 6, 6)).astype(np.float32)
IMAGES[1::2, :3, :3] += 1.0


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    params_of(
        estimator=[
            LogisticRegression(),
            GaussianNB(),
            InfoSoftmaxClassifier(max_epochs=1, random_state=0),
        ],
        target=[None, 0, 1, [0, 1]],
        patch_size=["auto", 2, 3, (3, 2), [2, 3], 99],
        stride=["auto", 1, (1, 2)],
        patch_scoring=["auto", "dense", "crop", "paste"],
        feature_layer=[None, "body"],
        information=["weight_of_evidence", "pmi", "logit"],
        calibrate=[True, False, "features"],
        threshold=[0.0, 0.2, 1.0],
        threshold_reference=["image", "fit", "absolute"],
        require_presence=[True, False],
        mask_type=["hard", "soft"],
        components=[True, False],
        fill_value=[0.0, "mean", "blur"],
        image_shape=[None, (6, 6)],
        batch_size=[1, 7, 256],
        memory=[None],
        random_state=[0, 1],
    ),
    st.sampled_from([IMAGES] * 4 + [IMAGES.reshape(12, -1), IMAGES[:, None], IMAGES * np.nan]),
    st.sampled_from([[0, 1]] * 4 + [["a", "b"], [0, 0], [None, 1]]),
)
def test_masks(params, X, labels):
    y = np.array(labels, dtype=object if None in labels else None)[np.arange(12) % 2]
    params = {"estimator": LogisticRegression(), "patch_size": 3, **params}
    # A cache would be written into a folder of this name.
    params = {name: value for name, value in params.items() if not (name == "memory" and value)}
    masker = InfoMaskTransformer(**params)
    if attempt(masker.fit, X, y) is None:
        return
    masked, kept = masker.transform(X), masker.mask(X)
    assert masked.shape == X.shape and np.isfinite(masked).all()
    assert np.isfinite(masker.information_map(X)).all()
    assert ((kept >= 0) & (kept <= 1)).all()
    attempt(masker.score, X, y)


@fuzz
@given(
    st.sampled_from(
        ["mask_iou_score", "pointing_game_score", "box_iou_score", "box_accuracy_score"]
    ),
    st.lists(
        st.one_of(
            ODD,
            st.sampled_from(
                [np.zeros((2, 3, 3), bool), np.eye(3)[None].repeat(2, 0) > 0, np.ones((2, 4))]
            ),
        ),
        min_size=2,
        max_size=2,
    ),
)
def test_scores_of_masks_and_boxes(name, arguments):
    value = attempt(getattr(metrics, name), *arguments)
    assert value is None or np.isnan(value) or 0 <= value <= 1


@settings(max_examples=15)
@given(mostly(1, 2, 5), mostly("train", "test", "all"), mostly(0, 9), mostly(None, 0))
def test_digit_pairs(n_samples, subset, target, random_state):
    pairs = attempt(
        make_digit_pairs, n_samples, subset=subset, target=target, random_state=random_state
    )
    assert pairs is None or pairs.data.shape == (n_samples, 28, 56)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_files_with_one_byte_changed(tmp_path_factory, place, value, cut):
    pytest.importorskip("safetensors")
    path = tmp_path_factory.mktemp("saved") / "clf"
    clf = InfoSoftmaxClassifier(max_epochs=1, random_state=0, module__hidden_sizes=())
    save(clf.fit([[0.0], [1.0]], [0, 1]), path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    changed = content[:place] if cut else content[:place] + bytes([value]) + content[place + 1 :]
    path.write_bytes(changed)
    loaded = attempt(load, path)
    assert loaded is None or changed == content
