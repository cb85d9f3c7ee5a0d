"""Priors: named, given as arrays or by labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, information_bounds
from sksoftinfo._bounds import (
    check_distribution,
    check_reference_covers,
    label_frequencies,
    resolve_class_prior,
    resolve_reference_prior,
)

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}
CLASSES = np.array(["a", "b", "c"])
SHARES = np.array([0.5, 0.5, 0.0])


def test_a_prior_by_labels_is_brought_into_their_order():
    prior = pd.Series({"virginica": 0.5, "setosa": 0.3, "versicolor": 0.2})
    clf = InfoSoftmaxClassifier(class_prior=prior, **FAST).fit(X, NAMES)
    np.testing.assert_allclose(clf.class_prior_, [0.3, 0.2, 0.5])
    proba = clf.predict_proba(X)
    by_label = information_bounds(NAMES, proba, reference_prior=prior)
    np.testing.assert_allclose(by_label.reference_prior, [0.3, 0.2, 0.5])
    positional = InfoSoftmaxClassifier(class_prior=pd.Series([0.3, 0.2, 0.5]), **FAST)
    np.testing.assert_allclose(positional.fit(X, NAMES).class_prior_, [0.3, 0.2, 0.5])
    with pytest.raises(ValueError, match="`class_prior` must have the labels as its index"):
        clf.set_params(class_prior=prior.rename({"setosa": "setsa"})).fit(X, NAMES)


def test_names_of_priors():
    np.testing.assert_allclose(resolve_class_prior("uniform", CLASSES, SHARES), 1 / 3)
    np.testing.assert_array_equal(resolve_class_prior("empirical", CLASSES, SHARES), SHARES)
    np.testing.assert_allclose(resolve_reference_prior("uniform", CLASSES, SHARES), 1 / 3)
    np.testing.assert_array_equal(resolve_reference_prior("train", CLASSES, SHARES), SHARES)


@pytest.mark.parametrize(
    "prior", [[0.5, 0.5], [0.5, 0.6, 0.1], [-0.1, 0.6, 0.5], [np.nan, 0.5, 0.5], [[1.0, 0.0, 0.0]]]
)
def test_what_is_not_a_distribution(prior):
    with pytest.raises(ValueError, match="my_prior"):
        check_distribution(prior, CLASSES, "my_prior")


def test_a_label_that_the_reference_excludes():
    check_reference_covers(SHARES, np.array([0, 1, 1]), CLASSES)
    with pytest.raises(ValueError, match=r"'c'"):
        check_reference_covers(SHARES, np.array([0, 2]), CLASSES)


def test_frequencies_count_weights():
    np.testing.assert_allclose(label_frequencies(np.array([0, 1, 1]), 3), [1 / 3, 2 / 3, 0])
