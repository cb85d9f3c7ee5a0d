import functools
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_log_loss_score, log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sksoftinfo import InfoSoftmaxClassifier, information_bounds
from sksoftinfo.metrics import (
    InformationScorer,
    bounds_scorer,
    d2_score,
    dv_score,
    dv_scorer,
    log_softmax_score,
    log_softmax_scorer,
    mask_iou_scorer,
    mi_lower_limit_score,
    mi_lower_score,
    mi_lower_scorer,
)

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def test_scores_are_the_fields_of_the_bounds_and_agree_with_scikit_learn():
    proba = np.random.default_rng(0).dirichlet(np.ones(3), len(Y))
    weight = np.random.default_rng(1).random(len(Y))
    for w in (None, weight):
        bounds = information_bounds(Y, proba, sample_weight=w)
        options = {"sample_weight": w}
        assert mi_lower_score(Y, proba, **options) == bounds.mi_lower
        assert dv_score(Y, proba, **options) == bounds.dv
        assert mi_lower_limit_score(Y, proba, **options) == bounds.mi_lower_limit
        assert log_softmax_score(Y, proba, **options) == pytest.approx(
            -log_loss(Y, proba, **options), abs=1e-6
        )
        assert d2_score(Y, proba, **options) == pytest.approx(
            d2_log_loss_score(Y, proba, **options), abs=1e-6
        )
    assert (
        mi_lower_score(Y, proba, units="bits")
        == information_bounds(Y, proba, units="bits").mi_lower
    )


@pytest.mark.parametrize("labels", [Y, NAMES, (Y == 2).astype(int)])
def test_grid_search_maximises_the_lower_bound(labels):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(
        pipeline, {"logisticregression__C": [1e-4, 1.0]}, scoring=mi_lower_scorer
    ).fit(X, labels)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    assert 0 < search.best_score_ < np.log(3)


def test_multimetric_and_our_own_classifier():
    clf = InfoSoftmaxClassifier(max_epochs=20, random_state=0)
    results = cross_validate(clf, X, NAMES, scoring=bounds_scorer, cv=3)
    for name in ("mi_lower", "mi_lower_floored", "mi_lower_limit", "dv", "log_softmax", "d2"):
        assert np.isfinite(results[f"test_{name}"]).all()
    assert (results["test_mi_lower_limit"] < results["test_mi_lower"]).all()
    # Balanced folds: with uniform labels the two representations agree.
    np.testing.assert_allclose(results["test_mi_lower"], results["test_dv"], atol=1e-3)
    search = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": [0.1, 1]}, scoring=bounds_scorer, refit="dv"
    )
    assert search.fit(X, NAMES).best_params_ == {"C": 1}


def test_a_tree_is_chosen_by_the_floored_bound():
    """For labels of predicted probability zero, each label lowers the bound by some 700 nats."""
    rng = np.random.default_rng(0)
    y = np.where(rng.random(150) < 0.1, rng.integers(0, 3, 150), Y)
    tree = DecisionTreeClassifier(random_state=0)
    grid = {"max_depth": [1, 2, None]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        search = GridSearchCV(tree, grid, scoring=bounds_scorer, refit="mi_lower_floored")
        assert search.fit(X, y).best_params_ == {"max_depth": 2}
    assert search.best_score_ > 0.3
    assert search.cv_results_["mean_test_mi_lower"].min() < -10


def test_scorers_of_folds_that_lack_a_class():
    y = np.array(["a", "b"] * 20 + ["c"] * 3)
    clf = LogisticRegression().fit(np.arange(43)[:, None], y)
    part = np.arange(10)[:, None]
    assert np.isfinite(mi_lower_scorer(clf, part, y[:10]))
    only_a = mi_lower_scorer(clf, part[::2], y[:10:2])
    assert only_a == pytest.approx(np.log(clf.predict_proba(part[::2])[:, 0]).mean())
    # The classifier has two classes, one of which occurs.
    clf = LogisticRegression().fit(part, y[:10])
    assert log_softmax_scorer(clf, part[::2], y[:10:2]) < 0


def test_sample_weight_by_hand_and_by_routing():
    clf = LogisticRegression(max_iter=1000).fit(X, Y)
    weight = np.where(Y == 0, 0.0, 1.0)
    weighted = dv_scorer(clf, X, Y, sample_weight=weight)
    assert weighted == pytest.approx(dv_scorer(clf, X[Y > 0], Y[Y > 0]))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = InformationScorer(mi_lower_score).set_score_request(sample_weight=True)
        results = cross_validate(
            LogisticRegression(max_iter=1000).set_fit_request(sample_weight=False),
            X,
            Y,
            scoring=scorer,
            params={"sample_weight": weight},
            cv=StratifiedKFold(3),
        )
        # The rows of one class have weight zero: the maximum is H(Y) of the other two classes.
        assert (results["test_score"] < np.log(2)).all()
        assert (results["test_score"] > 0.3).all()


def test_scorers_pickle_and_say_what_they_are():
    clf = LogisticRegression(max_iter=1000).fit(X, Y)
    assert pickle.loads(pickle.dumps(mi_lower_scorer))(clf, X, Y) == mi_lower_scorer(clf, X, Y)
    assert repr(mi_lower_scorer) == "InformationScorer(mi_lower_score)"
    in_bits = InformationScorer(functools.partial(mi_lower_score, units="bits"))
    assert "units='bits'" in repr(in_bits)


def test_no_predict_proba():
    with pytest.raises(AttributeError, match="predict_proba"):
        mi_lower_scorer(SVC().fit(X, Y), X, Y)


def test_several_scores_predict_once():
    calls = []

    class Counted(LogisticRegression):
        def predict_proba(self, X):
            calls.append(len(X))
            return super().predict_proba(X)

    cross_validate(Counted(max_iter=1000), X, Y, scoring=bounds_scorer, cv=StratifiedKFold(3))
    assert calls == [50] * 3


@pytest.mark.parametrize(
    "scorer, name", [(mi_lower_scorer, "sample_weight"), (mask_iou_scorer, "masks")]
)
def test_a_request_changes_no_scorer_that_others_use(scorer, name):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = scorer.set_score_request(**{name: True})
        requested = [s.get_metadata_routing().score.requests.get(name) for s in (scorer, asked)]
    assert requested == [None, True]
