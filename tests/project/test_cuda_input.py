"""What users have on a GPU, or in memory that torch does not take, goes in everywhere."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
)

X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(n_class=2)
IMAGES, DIGIT = (DIGITS.images[:60] / 16).astype(np.float32), DIGITS.target[:60]
FAST = {"random_state": 0, "max_epochs": 2, "batch_size": 40}


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

    def there(array):
        return torch.as_tensor(np.asarray(array)).to("cuda")

    weight = np.linspace(0.5, 2, len(Y))
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
