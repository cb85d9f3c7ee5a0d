"""Outputs of an exported module in onnxruntime agree with the outputs of the estimator."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo.export import information_map_module, log_proba_module

X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(n_class=3)
IMAGES, DIGIT = (DIGITS.images / 16).astype(np.float32), DIGITS.target
# The exporter that uses dynamo supports dynamic shapes from torch 2.7 on.
HAS_DYNAMIC_SHAPES = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 7)
FAST = {"max_epochs": 4, "random_state": 0}


@pytest.fixture
def runtime(tmp_path):
    """Return a function that exports a module and runs onnxruntime on any number of rows."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    if not HAS_DYNAMIC_SHAPES:
        pytest.skip("torch before 2.7 exports otherwise")

    def asked(module, rows):
        path = tmp_path / "module.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                (torch.as_tensor(rows[:2]),),
                path,
                dynamo=True,
                input_names=["X"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                verbose=False,
            )
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        whole, one = (session.run(None, {"X": part})[0] for part in (rows, rows[:1]))
        np.testing.assert_allclose(one, whole[:1], atol=1e-5)
        return whole

    return asked


@pytest.mark.parametrize(
    "kind, class_prior",
    [("float32", "uniform"), ("float64", "empirical"), ("images", "empirical")],
)
def test_log_proba_in_onnx(runtime, kind, class_prior):
    rows, labels = (IMAGES, DIGIT) if kind == "images" else (X.astype(kind), Y)
    rows, labels = rows[:-30], labels[:-30]
    clf = InfoSoftmaxClassifier(class_prior=class_prior, **FAST).fit(rows, labels)
    result = runtime(log_proba_module(clf), rows[:, None] if kind == "images" else rows)
    np.testing.assert_allclose(result, clf.predict_log_proba(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patch_size": [3, 5]},
        {"information": "pmi", "calibrate": False, "patch_size": [3, 5]},
        {"information": "logit"},
        {"calibrate": "features"},
    ],
    ids=str,
)
def test_information_maps_in_onnx(runtime, options):
    estimator = InfoSoftmaxClassifier(class_prior="empirical", **FAST)
    options = {"patch_size": 4, "random_state": 0, **options}
    masker = InfoMaskTransformer(estimator, **options).fit(IMAGES, DIGIT)
    assert masker.patch_scoring_ == "dense"
    result = runtime(information_map_module(masker, 2), IMAGES[:40, None])
    expected = masker.information_map(IMAGES[:40], target=2)
    np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


def test_two_classes_and_the_network_is_copied():
    two = DIGIT < 2
    masker = InfoMaskTransformer(InfoSoftmaxClassifier(**FAST), patch_size=4, random_state=0)
    masker.fit(IMAGES[two], DIGIT[two])
    module = information_map_module(masker, 1)
    result = module(torch.as_tensor(IMAGES[:10, None])).detach()
    np.testing.assert_allclose(result, masker.information_map(IMAGES[:10], target=1), atol=1e-4)
    clf = masker.estimator_
    before = clf.predict_proba(IMAGES[:5])
    exported = log_proba_module(clf)
    with torch.no_grad():
        for weight in exported.parameters():
            weight.zero_()
    np.testing.assert_array_equal(clf.predict_proba(IMAGES[:5]), before)


@pytest.mark.parametrize(
    "noise, options",
    [
        ("ensemble", {"class_prior": "empirical"}),
        ("ensemble", {"early_stopping": True, "images": False}),
        ("additive", {}),
    ],
)
def test_averages_over_draws_in_onnx(runtime, noise, options):
    options = {**FAST, "noise": noise, "n_draws": 4, **options}
    images = options.pop("images", noise == "ensemble")
    rows, labels = (IMAGES[:-30], DIGIT[:-30]) if images else (X[:-30], Y[:-30])
    clf = StochasticInfoClassifier(**options).fit(rows, labels)
    result = runtime(log_proba_module(clf), rows[:, None] if images else rows)
    np.testing.assert_allclose(result, clf.predict_log_proba(rows), rtol=1e-5, atol=1e-5)


def test_what_is_no_module():
    with pytest.raises(TypeError, match="must be an InfoSoftmaxClassifier or .*; got Logistic"):
        log_proba_module(LogisticRegression().fit(X, Y))
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=4, patch_scoring="paste")
    with pytest.raises(ValueError, match="must be 'dense'; got 'paste'"):
        information_map_module(masker.fit(IMAGES, DIGIT), 0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    other = InfoMaskTransformer(
        InfoSoftmaxClassifier(torch.nn.Sequential(net, torch.nn.Linear(4, 3)), **FAST),
        patch_size=4,
        patch_scoring="dense",
    ).fit(IMAGES, DIGIT)
    with pytest.raises(ValueError, match=r"must score .*feature_map.*got the network Sequential"):
        information_map_module(other, 0)
    dense = InfoMaskTransformer(InfoSoftmaxClassifier(**FAST), patch_size=4).fit(IMAGES, DIGIT)
    with pytest.raises(ValueError, match=r"`target` must be one of \[0, 1, 2\]; got 7"):
        information_map_module(dense, 7)
