"""Bounds of fitted classifiers of any kind."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from sksoftinfo import (
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    information_bounds,
    score_bounds,
)

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, NAMES, stratify=NAMES, random_state=0)
LOGISTIC = LogisticRegression(max_iter=1000)
NETWORK = InfoSoftmaxClassifier(max_epochs=5, random_state=0)


@pytest.mark.parametrize(
    "estimator",
    [
        LOGISTIC,
        make_pipeline(StandardScaler(), LOGISTIC),
        make_pipeline(LOGISTIC),
        make_pipeline(FunctionTransformer(), make_pipeline(StandardScaler(), LOGISTIC)),
        GridSearchCV(make_pipeline(StandardScaler(), LOGISTIC), {"logisticregression__C": [1, 9]}),
        CalibratedClassifierCV(LinearSVC(), ensemble=False),
        FrozenEstimator(LogisticRegression(max_iter=1000).fit(X_TRAIN, Y_TRAIN)),
        make_pipeline(StandardScaler(), NETWORK),
        GridSearchCV(
            make_pipeline(StandardScaler(), NETWORK), {"infosoftmaxclassifier__lr": [0.01]}
        ),
    ],
)
def test_bounds_are_those_of_the_probabilities(estimator):
    estimator.fit(X_TRAIN, Y_TRAIN)
    weight = 1.0 + np.arange(len(Y_TEST)) % 2
    for options in ({}, {"sample_weight": weight, "units": "bits", "confidence_level": 0.8}):
        bounds = score_bounds(estimator, X_TEST, Y_TEST, **options)
        expected = information_bounds(Y_TEST, estimator.predict_proba(X_TEST), **options)
        for field in dataclasses.fields(expected):
            if isinstance(getattr(expected, field.name), float):
                assert getattr(bounds, field.name) == pytest.approx(
                    getattr(expected, field.name), rel=1e-6
                )


def test_draws_and_training_rows_are_known_behind_a_pipeline():
    noisy = StochasticInfoClassifier(max_epochs=3, n_draws=4, random_state=0)
    pipeline = make_pipeline(StandardScaler(), noisy).fit(X_TRAIN, Y_TRAIN)
    assert score_bounds(pipeline, X_TEST, Y_TEST).n_draws == 4
    with pytest.warns(UserWarning, match="112 of 112 rows and their labels"):
        score_bounds(pipeline, X_TRAIN, Y_TRAIN)


@pytest.mark.parametrize("estimator", [LOGISTIC, make_pipeline(StandardScaler(), NETWORK)])
def test_groups_count_once(estimator):
    estimator.fit(X_TRAIN, Y_TRAIN)
    rows = np.arange(len(Y_TEST)).repeat(3)
    options = {"groups": [f"patient {row}" for row in rows], "group_bound": 3}
    grouped = score_bounds(estimator, X_TEST[rows], Y_TEST[rows], **options)
    once = score_bounds(estimator, X_TEST, Y_TEST)
    assert grouped.n_groups == len(Y_TEST)
    assert grouped.assumption == "groups are independent draws"
    assert grouped.mi_lower == pytest.approx(once.mi_lower)
    assert grouped.mi_lower_limit == pytest.approx(once.mi_lower_limit, abs=0.1)
    alone = score_bounds(estimator, X_TEST[rows], Y_TEST[rows]).mi_lower_limit
    assert grouped.mi_lower_limit < alone - 0.02


def test_some_classes_and_frames():
    names = [f"column {i}" for i in range(4)]
    clf = make_pipeline(StandardScaler(), LOGISTIC).fit(
        pd.DataFrame(X_TRAIN, columns=names), Y_TRAIN
    )
    some = Y_TEST != "setosa"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bounds = score_bounds(clf, pd.DataFrame(X_TEST[some], columns=names), Y_TEST[some])
    assert bounds.n_classes == 3
    assert bounds.label_entropy == pytest.approx(np.log(2), abs=0.01)


@pytest.mark.parametrize(
    "estimator, error, message",
    [
        (LogisticRegression(), NotFittedError, "not fitted"),
        (make_pipeline(StandardScaler(), LogisticRegression()), NotFittedError, "not fitted"),
        ("stack", ValueError, "`estimator` must be a fitted classifier; got 'stack'"),
        (StandardScaler().fit(X), ValueError, "`estimator` must be a fitted classifier"),
        (SVC().fit(X, NAMES), ValueError, "`estimator` must have predict_proba"),
        (LogisticRegression(max_iter=1000).fit(X[50:], NAMES[50:]), ValueError, "setosa"),
    ],
)
def test_bad_input(estimator, error, message):
    with pytest.raises(error, match=message):
        score_bounds(estimator, X_TEST, Y_TEST)
    with pytest.raises((ValueError, NotFittedError)):
        score_bounds(estimator, X_TEST, Y_TEST[1:])
