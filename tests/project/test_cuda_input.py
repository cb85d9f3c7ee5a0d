"""What users have on a GPU, or in memory that torch does not take, goes in everywhere."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    InfoStackClassifier,
    StochasticInfoClassifier,
    cross_val_bounds,
    feature_information,
    information_bounds,
    mi_estimate,
    score_bounds,
)
from sksoftinfo.metrics import (
    bounds_scores,
    box_iou_score,
    mask_iou_score,
    mi_lower_score,
    pointing_game_score,
)

X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(n_class=2)
IMAGES, DIGIT = (DIGITS.images[:60] / 16).astype(np.float32), DIGITS.target[:60]
WEIGHT = np.linspace(0.5, 2, len(Y))
FAST = {"random_state": 0, "max_epochs": 2, "batch_size": 40}


def there(array):
    return torch.as_tensor(np.asarray(array)).to("cuda")


def backwards(array, folder):
    return array[::-1].copy()[::-1]


def read_only(array, folder):
    np.save(folder / f"{array.ndim}.npy", array)
    return np.load(folder / f"{array.ndim}.npy", mmap_mode="r")


def fortran(array, folder):
    return np.asfortranarray(array)


def strided(array, folder):
    return np.repeat(array, 2, axis=-1)[..., ::2]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("layout", [backwards, read_only, fortran, strided])
@pytest.mark.parametrize("kind", ["table", "images", "noise"])
def test_layouts_of_memory(cuda, device, layout, kind, tmp_path):
    rows, y = (IMAGES, DIGIT) if kind == "images" else (X, Y)
    options = {"device": device, "class_weight": "balanced", "train_split": 0.2, **FAST}
    clf = (StochasticInfoClassifier if kind == "noise" else InfoSoftmaxClassifier)(**options)
    expected = clf.fit(rows, y).predict_proba(rows)
    other = layout(rows, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = clf.fit(other, y).predict_proba(other)
        np.testing.assert_array_equal(found, expected)
        # The warning about rows that were trained on is right here.
        warnings.filterwarnings("ignore", message=".* rows and their labels are those that")
        clf.score_bounds(other[1:], y[1:])
        if kind == "images":
            masker = InfoMaskTransformer(FrozenEstimator(clf), patch_size=4).fit(other, y)
            np.testing.assert_array_equal(masker.transform(other), masker.transform(rows))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_tensors_of_the_device(cuda, device):
    """Rows, labels, weights, classes, priors and probabilities."""
    weight = WEIGHT
    options = {"device": device, **FAST}
    plain = InfoSoftmaxClassifier(class_prior=[0.2, 0.3, 0.5], **options).fit(X, Y, weight)
    prior = there([0.2, 0.3, 0.5])
    clf = InfoSoftmaxClassifier(class_prior=prior, **options).fit(
        there(X), there(Y), there(weight)
    )
    expected = plain.predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(there(X)), expected)
    assert clf.score(there(X), there(Y)) == plain.score(X, Y)
    expected_bounds = plain.score_bounds(
        X[1:], Y[1:], sample_weight=weight[1:], reference_prior=[0.2, 0.3, 0.5]
    )
    found = clf.score_bounds(
        there(X[1:]), there(Y[1:]), sample_weight=there(weight[1:]), reference_prior=prior
    )
    assert found == expected_bounds
    first = InfoSoftmaxClassifier(**options).partial_fit(X, Y, classes=[0, 1, 2])
    again = InfoSoftmaxClassifier(**options).partial_fit(
        there(X), there(Y), classes=there([0, 1, 2])
    )
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))


def test_masks_of_tensors_of_the_device(cuda):
    images, labels = torch.as_tensor(IMAGES).to("cuda"), torch.as_tensor(DIGIT).to("cuda")
    masker = InfoMaskTransformer(patch_size=4, random_state=0)
    expected = masker.fit(IMAGES, DIGIT).transform(IMAGES)
    found = masker.fit(images, labels).transform(images)
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-6)
    assert masker.score(images, labels) == pytest.approx(masker.score(IMAGES, DIGIT))


LDA = LinearDiscriminantAnalysis()
GROUPS = np.arange(len(Y)) // 2
PROBA = LDA.fit(X, Y).predict_proba(X)
PIPELINE = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(X, Y)
BOUNDS = information_bounds(Y, np.full((len(Y), 3), 1 / 3))
MASKS = np.arange(60).reshape(5, 3, 4) % 3 > 0
CALLS = {
    "information_bounds": (
        information_bounds,
        [Y, PROBA],
        {
            "sample_weight": WEIGHT,
            "labels": [2, 1, 0],
            "reference_prior": [0.2, 0.3, 0.5],
            "groups": GROUPS,
        },
    ),
    "mi_lower_score": (mi_lower_score, [Y, PROBA], {"sample_weight": WEIGHT}),
    "bounds_scores": (bounds_scores, [Y, PROBA], {"labels": [0, 1, 2]}),
    "compare_bounds": (lambda y, p: information_bounds(y, p) - BOUNDS, [Y, PROBA], {}),
    "score_bounds": (lambda X, y: score_bounds(LDA, X, y), [X, Y], {}),
    "of a pipeline": (lambda X, y: score_bounds(PIPELINE, X, y), [X, Y], {}),
    "cross_val_bounds": (
        partial(cross_val_bounds, LDA, cv=2),
        [X, Y],
        {"sample_weight": WEIGHT, "labels": [0, 1, 2], "groups": GROUPS},
    ),
    "params": (
        lambda X, y, **params: cross_val_bounds(GaussianNB(), X, y, cv=2, params=params),
        [X, Y],
        {"sample_weight": WEIGHT},
    ),
    "quantities": (partial(cross_val_bounds, LDA, cv=2, bins=3), [X, X[:, 0]], {}),
    "mi_estimate": (partial(mi_estimate, LDA, cv=2), [X, Y], {"groups": GROUPS}),
    "feature_information": (
        lambda X, y: feature_information(LDA, X, y, cv=2).alone_lower.tolist(),
        [X, Y],
        {},
    ),
    "stack": (
        lambda X, y: InfoStackClassifier(members="quick", cv=2).fit(X, y).predict(X).tolist(),
        [X, Y],
        {},
    ),
    "masks": (mask_iou_score, [MASKS, np.roll(MASKS, 1, axis=2)], {"foreground": MASKS}),
    "pointing": (pointing_game_score, [MASKS, MASKS * 1.0], {}),
    "boxes": (box_iou_score, [[[0, 0, 4, 4]], [[2, 0, 4, 4]]], {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_tensors_of_the_device_in_functions(cuda, name):
    """What needs no device takes its tensors all the same."""
    call, given, options = CALLS[name]
    expected = call(*given, **options)
    found = call(*map(there, given), **{name: there(one) for name, one in options.items()})
    assert found == expected
