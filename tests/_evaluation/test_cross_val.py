import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from sksoftinfo import InfoSoftmaxClassifier, cross_val_bounds, information_bounds
from sksoftinfo._evaluation.stack import mix_held_out, mixture_weights, stack_members
from tests._bounds.test_confidence import gaussian_world

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
LDA = LinearDiscriminantAnalysis()


def world(n, distance=1.5, seed=0):
    """Return rows of three Gaussians on a line, and the log posterior."""
    rng = np.random.default_rng(seed)
    prior = np.array([0.6, 0.3, 0.1])
    y = rng.choice(3, size=n, p=prior)
    x = rng.normal(distance * y)
    score = np.log(prior) - 0.5 * (x[:, None] - distance * np.arange(3)) ** 2
    return x[:, None], y, score - np.logaddexp.reduce(score, axis=1, keepdims=True)


def test_pools_the_held_out_predictions_of_every_row():
    bounds = cross_val_bounds(LDA, X, NAMES, cv=3)
    proba = cross_val_predict(LDA, X, NAMES, cv=3, method="predict_proba")
    assert bounds == information_bounds(NAMES, proba)
    assert bounds.n_samples == len(X)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), InfoSoftmaxClassifier(random_state=0)),
        HistGradientBoostingClassifier(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_any_classifier(estimator):
    bounds = cross_val_bounds(estimator, X, NAMES, units="bits")
    assert 1.0 < bounds.mi_lower < bounds.label_entropy == pytest.approx(np.log2(3))
    assert bounds.mi_lower_limit < bounds.mi_lower
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_training_rows_overstate_and_held_out_rows_do_not():
    """Labels drawn without a look at X hold no information about it."""
    rng = np.random.default_rng(0)
    noise, y = rng.normal(size=(200, 60)), rng.integers(0, 2, 200)
    trained = information_bounds(y, LDA.fit(noise, y).predict_proba(noise))
    assert trained.mi_lower > trained.mi_lower_limit > 0.05
    assert cross_val_bounds(LDA, noise, y).mi_lower < 0
    assert -0.02 < cross_val_bounds("stack", noise, y).mi_lower < 0.02


def test_impossible_labels_of_a_forest_have_a_finite_bound():
    forest = RandomForestClassifier(n_estimators=10, random_state=0)
    with pytest.warns(UserWarning, match="Probability 0 was predicted for the label"):
        bounds = cross_val_bounds(forest, X, Y)
    assert np.isfinite(bounds.mi_lower)
    assert 0.5 < bounds.mi_lower_limit < bounds.mi_lower_floored < bounds.label_entropy


def test_groups_stay_together_and_folds_run_in_parallel():
    groups = np.arange(len(X)) % 10
    bounds = cross_val_bounds(LDA, X, Y, groups=groups, cv=GroupKFold(5), n_jobs=2)
    proba = cross_val_predict(LDA, X, Y, groups=groups, cv=GroupKFold(5), method="predict_proba")
    assert bounds == information_bounds(Y, proba)
    with pytest.raises(ValueError, match="groups"):
        cross_val_bounds(LDA, X, Y, cv=GroupKFold(5))
    # The stack splits by itself.
    assert cross_val_bounds("stack", X, Y, groups=groups, cv=GroupKFold(2)).n_samples == 150
    with pytest.raises(ValueError, match="groups"):
        cross_val_bounds("stack", X, Y, cv=GroupKFold(5))


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


def test_containers_and_string_labels():
    frame = pd.DataFrame(X, columns=list("abcd"))
    expected = cross_val_bounds(LDA, X, NAMES)
    assert cross_val_bounds(LDA, frame, pd.Series(NAMES)) == expected
    assert cross_val_bounds(LDA, frame, pd.Series(NAMES, dtype="category")) == expected
    stacked = cross_val_bounds("stack", frame, NAMES, cv=2)
    assert stacked.classes.tolist() == ["setosa", "versicolor", "virginica"]


class Constant(ClassifierMixin, BaseEstimator):
    """Predicts what it knows of training, as floats of single precision."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.share_ = (counts / counts.sum()).astype(np.float32)
        return self

    def predict_proba(self, X):
        return np.tile(self.share_, (len(X), 1))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_a_class_missing_from_a_training_fold_is_impossible_there():
    y = np.array([0, 1] * 10 + [2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bounds = cross_val_bounds(Constant(), np.zeros((21, 1)), y, cv=StratifiedKFold(2))
    assert bounds.n_classes == 3
    assert np.isfinite(bounds.mi_lower)


@pytest.mark.parametrize(
    "estimator, y, options, message",
    [
        ("forest", Y, {}, "estimator='forest' is unknown: use 'stack'"),
        (SVC(), Y, {}, "has no predict_proba"),
        (LDA, np.zeros(150), {}, "one class"),
        (LDA, Y + 0.5, {}, "(?i)unknown label type: continuous"),
        (LDA, Y[:-1], {}, "inconsistent numbers of samples"),
        (LDA, Y, {"cv": ShuffleSplit(3, random_state=0)}, "partitions"),
        ("stack", Y, {"cv": ShuffleSplit(3, random_state=0)}, "rows of 150, or some of them"),
        (LDA, Y, {"units": "bytes"}, "units='bytes' is unknown"),
        (LDA, Y, {"confidence_level": 95}, "`confidence_level` must be a probability"),
        (LDA, Y, {"confidence_method": "bootstrap"}, "`confidence_method` must be 'betting'"),
    ],
)
def test_bad_input(estimator, y, options, message):
    with pytest.raises(ValueError, match=message):
        cross_val_bounds(estimator, X, y, **options)


def test_stack_wants_a_finite_numeric_table():
    with pytest.raises(ValueError, match="X contains NaN"):
        cross_val_bounds("stack", np.where(X > 7, np.nan, X), Y)
    with pytest.raises(ValueError, match="could not convert string to float"):
        cross_val_bounds("stack", np.full((150, 2), "a", dtype=object), Y)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_mixture_weights_maximise_the_likelihood(seed, n_members):
    rng = np.random.default_rng(seed)
    likelihoods = rng.beta(1, 1, size=(50, n_members))
    weights = mixture_weights(likelihoods)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    best = np.log(likelihoods @ weights).mean()
    others = rng.dirichlet(np.ones(n_members), 20)
    assert np.log(likelihoods @ others.T).mean(axis=0).max() <= best + 1e-4


def test_mixture_weights_of_rows_that_are_impossible():
    assert mixture_weights(np.zeros((3, 2))).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(mixture_weights([[0.0, 0.0], [0.2, 0.1]]), [1, 0], atol=1e-3)


def test_weights_of_a_fold_come_from_the_labels_of_the_others():
    y = np.array([0, 0, 1, 1])
    splits = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    says_0, says_1 = np.tile([0.9, 0.1], (4, 1)), np.tile([0.1, 0.9], (4, 1))
    mixed = mix_held_out([says_0, says_1], y, splits)
    # The first two rows are predicted by what was best on the last two, and the reverse.
    np.testing.assert_allclose(mixed, [[0.1, 0.9], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1]], atol=1e-4)


def test_stack_leaves_out_what_the_rows_cannot_support():
    y = np.array([0] * 20 + [1] * 20 + [2] * 2)
    splits = [(np.delete(np.arange(42), test), test) for test in ([0, 20, 40], [1, 21, 41])]
    assert "qda" not in stack_members(y, splits, 1)
    everything = [(np.arange(40), np.arange(1))]
    assert "qda" in stack_members(y[:40], everything, 19)
    assert "qda" not in stack_members(y[:40], everything, 20)
    assert "neighbours" not in stack_members(y[:25], [(np.arange(25), np.arange(1))], 1)


@pytest.mark.parametrize(
    "counts, cv", [([6, 6], 3), ([2, 2], 2), ([25, 25, 1], 5), ([398, 2], 5), ([4] * 50, 4)]
)
@pytest.mark.filterwarnings("ignore:.*least populated class", "ignore:Number of classes")
@pytest.mark.filterwarnings("ignore:1 labels that occurred:UserWarning")
def test_stack_of_few_rows_or_rare_classes(counts, cv):
    """Members that have to hold out rows of each class do not, or are left out."""
    y = np.repeat(np.arange(len(counts)), counts)
    bounds = cross_val_bounds("stack", np.random.default_rng(0).normal(size=(len(y), 3)), y, cv=cv)
    # There is no information, and the members know too little to find any.
    assert -np.log(len(y)) < bounds.mi_lower_floored < 3 * bounds.standard_errors["mi_lower"]


def test_stack_of_a_table_with_more_columns_than_rows_of_a_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    bounds = cross_val_bounds("stack", rng.normal(size=(60, 20)) + y[:, None], y)
    assert 0.5 < bounds.mi_lower < np.log(3)


def test_stack_is_near_the_true_posterior_and_its_limit_below_the_truth():
    x, y, log_posterior = world(3000)
    bounds = cross_val_bounds("stack", x, y)
    oracle = information_bounds(y, np.exp(log_posterior))
    assert abs(bounds.mi_lower - oracle.mi_lower) < 0.01
    _, many, log_posterior = world(1_000_000, seed=1)
    truth = information_bounds(many, np.exp(log_posterior)).mi_lower
    assert bounds.mi_lower_limit < truth
    assert cross_val_bounds("stack", x, y) == bounds


def test_limits_of_cross_fitted_bounds_keep_their_level():
    truth_rng = np.random.default_rng(1)
    prior = [0.5, 0.3, 0.2]
    labels, log_proba = gaussian_world(prior, 1.5, 1_000_000, truth_rng)
    truth = (log_proba[np.arange(len(labels)), labels] - np.log(prior)[labels]).mean()
    n_worlds, below = 200, 0
    for seed in range(n_worlds):
        rng = np.random.default_rng(seed)
        y = rng.choice(3, size=200, p=prior)
        x = rng.normal(1.5 * y)[:, None]
        below += cross_val_bounds(LDA, x, y, cv=4).mi_lower_limit <= truth
    assert below / n_worlds >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / n_worlds)
