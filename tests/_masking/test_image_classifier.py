"""Classifiers as functions of images."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from sksoftinfo._masking.image_classifier import ImageClassifier, neural


def test_a_network_gives_its_own_logits(small, net):
    classifier = ImageClassifier(FrozenEstimator(net), (8, 16), batch_size=7)
    images, expected = small[0][:20, None], net.predict_proba(small[0][:20])
    np.testing.assert_allclose(softmax(classifier.logits(images), axis=1), expected, atol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(images), expected, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_other_classifiers_are_given_flat_rows_batch_by_batch(small, batch_size):
    X, y = small
    rows = pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")
    estimator = LogisticRegression().fit(rows, y)
    classifier = ImageClassifier(estimator, (128,), batch_size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classifier.predict_proba(X[:20, None])
    np.testing.assert_allclose(found, estimator.predict_proba(rows[:20]), rtol=1e-3)
    np.testing.assert_allclose(classifier.logits(X[:20, None]), np.log(found))


def test_logits_of_exact_zeros_are_finite(small):
    X, y = small
    estimator = KNeighborsClassifier(1).fit(X.reshape(len(X), -1), y)
    logits = ImageClassifier(estimator, (128,), 50).logits(X[:20, None])
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(logits.argmax(axis=1), y[:20])


def test_what_is_neural(net):
    assert neural(net) is neural(FrozenEstimator(net)) is net
    assert neural(LogisticRegression()) is neural(FrozenEstimator(LogisticRegression())) is None
