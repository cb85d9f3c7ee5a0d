"""Probabilities of rows that were held out."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold

from sksoftinfo import cross_val_bounds, feature_information, mi_estimate
from sksoftinfo._evaluation import held_out
from tests.helpers.estimators import Labels

X, Y = load_iris(return_X_y=True)


class Constant(ClassifierMixin, BaseEstimator):
    """A classifier that predicts the training frequencies, as floats of single precision."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.share_ = (counts / counts.sum()).astype(np.float32)
        return self

    def predict_proba(self, X):
        return np.tile(self.share_, (len(X), 1))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_params_reach_fit_and_are_routed():
    weight = np.where(Y == 2, 5.0, 1.0)
    plain = LogisticRegression(max_iter=1000)
    weighted = cross_val_bounds(plain, X, Y, params={"sample_weight": weight})
    assert weighted != cross_val_bounds(plain, X, Y)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_bounds(
            LogisticRegression(max_iter=1000).set_fit_request(sample_weight=True),
            X,
            Y,
            params={"sample_weight": weight, "groups": np.arange(150) % 7},
            cv=GroupKFold(5),
        )
        assert routed.n_samples == 150
        stacked = cross_val_bounds(
            "stack", X, Y, params={"groups": np.arange(150) % 7}, cv=GroupKFold(2)
        )
        assert stacked.n_samples == 150


@pytest.mark.parametrize("measure", [cross_val_bounds, mi_estimate, feature_information])
def test_splits_of_a_generator_outlive_the_routing(measure):
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    expected = measure(LinearDiscriminantAnalysis(), X, Y, cv=folds)
    with sklearn.config_context(enable_metadata_routing=True):
        found = measure(LinearDiscriminantAnalysis(), X, Y, cv=folds.split(X, Y))
    assert (
        found.to_frame().equals(expected.to_frame())
        if hasattr(found, "to_frame")
        else (found.mi_lower == expected.mi_lower)
    )


def test_groups_are_routed_to_a_search_within_the_folds():
    groups = np.arange(150) // 5 % 10
    search = GridSearchCV(LinearDiscriminantAnalysis(), {"tol": [1e-4, 1e-3]}, cv=GroupKFold(3))
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_bounds(search, X, Y, params={"groups": groups}, cv=2)
        plain = cross_val_bounds(
            LinearDiscriminantAnalysis(), X, Y, params={"groups": groups}, cv=2
        )
    assert routed.n_groups == plain.n_groups == 10
    assert routed.mi_lower == pytest.approx(plain.mi_lower)


def test_a_class_missing_from_a_training_fold_is_impossible_there():
    y = np.array([0, 1] * 10 + [2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bounds = cross_val_bounds(Constant(), np.zeros((21, 1)), y, cv=StratifiedKFold(2))
    assert bounds.n_classes == 3
    assert np.isfinite(bounds.mi_lower)


@pytest.mark.parametrize("labels", [[1, 2], ["b", "a"], [True, False], [-1.0, 7.0]])
def test_the_estimator_gets_the_labels_as_they_are(labels):
    y = np.array(labels)[np.arange(60) % 3 // 2]
    bounds = cross_val_bounds(Labels(tuple(labels)), np.zeros((60, 1)), y, cv=4)
    assert bounds.classes.tolist() == sorted(labels)
    assert bounds.mi_lower == pytest.approx(0, abs=0.02)


class Warns(Labels):
    """A classifier that warns in each fit, once by a warning whose argument is not text."""

    def fit(self, X, y):
        warnings.warn("These are labels.", RuntimeWarning, stacklevel=2)
        warnings.warn(InconsistentVersionWarning(**VERSIONS), stacklevel=2)
        return super().fit(X, y)


VERSIONS = {
    "estimator_name": "Warns",
    "current_sklearn_version": "2",
    "original_sklearn_version": "1",
}


def tells_twice():
    for level in (1, 2):
        warnings.warn("This comes once.", stacklevel=level)


@pytest.mark.parametrize(("n_jobs", "verbose"), [(None, 0), (None, 1), (2, 0)])
def test_what_all_folds_warn_of_is_one_warning(n_jobs, verbose):
    y = np.arange(60) % 3 // 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_val_bounds(Warns((0, 1)), np.zeros((60, 1)), y, cv=4, n_jobs=n_jobs, verbose=verbose)
    told = [one for one in caught if one.category is RuntimeWarning]
    assert [str(one.message) for one in told] == ["These are labels."]
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="once") as once:
        held_out.warning_once(tells_twice)
    assert len(once) == 1 and once[0].filename == __file__
    with pytest.raises(RuntimeWarning, match="These are labels"), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        cross_val_bounds(Warns((0, 1)), np.zeros((60, 1)), y, cv=4)


def test_stack_wants_a_finite_numeric_table():
    with pytest.raises(ValueError, match="X contains NaN"):
        cross_val_bounds("stack", np.where(X > 7, np.nan, X), Y)
    texts = np.array([["a", "b"], ["c", "b"], ["a", "d"]] * 50, dtype=object)
    with pytest.raises(ValueError, match="`X` must hold numbers; got texts, e.g. 'a'. Pass a d"):
        cross_val_bounds("stack", texts, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cross_val_bounds("stack", pd.DataFrame(texts, columns=["s", "t"]), Y)
