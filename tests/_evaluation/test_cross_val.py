import dataclasses
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sksoftinfo import (
    InformationLearningCurveDisplay,
    InfoSoftmaxClassifier,
    cross_val_bounds,
    feature_information,
    information_bounds,
    mi_estimate,
    score_bounds,
)
from sksoftinfo._evaluation.duplicates import equal_rows_of
from tests._bounds.test_confidence import gaussian_world
from tests.helpers.estimators import Labels

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


def same_numbers(bounds, others):
    """Return whether two results differ only in the recalibrated fields and in the assumption."""
    others_own = ("assumption", "betting_lower_limit", "mi_lower_limit")
    return (
        dataclasses.replace(bounds, **{name: getattr(others, name) for name in others_own})
        == others
    )


def test_pools_the_held_out_predictions_of_every_row():
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    bounds = cross_val_bounds(LDA, X, NAMES, cv=3)
    proba = cross_val_predict(LDA, X, NAMES, cv=cv, method="predict_proba")
    assert same_numbers(bounds, information_bounds(NAMES, proba))
    assert bounds.n_samples == len(X)
    assert same_numbers(cross_val_bounds(LDA, X, NAMES, cv=cv), bounds)
    assert cross_val_bounds(LDA, X, NAMES, cv=3, random_state=1) != bounds


def test_sorted_rows_are_shuffled():
    """Rows are sorted by label and by a related column: unshuffled folds would lack classes."""
    rng = np.random.default_rng(0)
    place = np.sort(rng.normal(size=300))
    y = (place + 0.3 * rng.normal(size=300) > 0).astype(int)
    table = np.column_stack([place, rng.normal(size=300)])
    in_order = cross_val_bounds(LDA, table, y, cv=StratifiedKFold(5)).mi_lower
    default = cross_val_bounds(LDA, table, y).mi_lower
    shuffled = rng.permutation(300)
    assert default == pytest.approx(
        cross_val_bounds(LDA, table[shuffled], y[shuffled]).mi_lower, abs=0.02
    )
    assert default > in_order + 0.02


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), InfoSoftmaxClassifier(max_epochs=50, random_state=0)),
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
    """Labels that are drawn independently of X are uninformative about X."""
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
    with joblib.parallel_config("threading"):
        bounds = cross_val_bounds(LDA, X, Y, groups=groups, cv=GroupKFold(5), n_jobs=2)
    proba = cross_val_predict(LDA, X, Y, groups=groups, cv=GroupKFold(5), method="predict_proba")
    assert bounds.mi_lower == pytest.approx(information_bounds(Y, proba).mi_lower, abs=1e-12)
    assert "10 groups are independent draws" in repr(bounds)
    with pytest.raises(ValueError, match="groups"):
        cross_val_bounds(LDA, X, Y, cv=GroupKFold(5))
    # The stack splits the rows itself.
    assert cross_val_bounds("stack", X, Y, groups=groups, cv=GroupKFold(2)).n_samples == 150
    with pytest.raises(ValueError, match="groups"):
        cross_val_bounds("stack", X, Y, cv=GroupKFold(5))


def test_containers_and_string_labels():
    frame = pd.DataFrame(X, columns=list("abcd"))
    expected = cross_val_bounds(LDA, X, NAMES)
    assert cross_val_bounds(LDA, frame, pd.Series(NAMES)) == expected
    assert cross_val_bounds(LDA, frame, pd.Series(NAMES, dtype="category")) == expected
    stacked = cross_val_bounds("stack", frame, NAMES, cv=2)
    assert stacked.classes.tolist() == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize(
    "estimator, y, options, message",
    [
        ("forest", Y, {}, "must be 'stack' or a classifier; got 'forest'"),
        (
            SVC(),
            Y,
            {},
            "must have predict_proba; got SVC.*Wrap it in .*CalibratedClassifierCV",
        ),
        (LinearRegression(), Y, {}, "Pass a classifier that predicts probabilities"),
        (
            LinearDiscriminantAnalysis,
            Y,
            {},
            "not its class; got LinearDiscriminantAn",
        ),
        (LDA, np.zeros(150), {}, "one class"),
        (LDA, X[:, 0], {}, "`y` must hold classes; got 35 different numbers"),
        (LDA, Y[:-1], {}, "inconsistent numbers of samples"),
        (LDA, Y, {"cv": ShuffleSplit(9, random_state=0)}, "`cv` must score each row at most once"),
        ("stack", Y, {"cv": RepeatedStratifiedKFold(n_splits=3)}, "instead of repeated or random"),
        ("stack", Y, {"params": {"sample_weight": Y}}, "`params` must be empty"),
        (LDA, Y, {"bins": 3.5}, "`bins` must be None or an integer"),
        (LDA, Y, {"cv": [(np.arange(50), np.arange(50, 150))]}, r"fold 0, whose 50 .* \[0\]"),
        (LDA, Y, {"units": "bytes"}, "`units` must be 'nats' or 'bits'; got 'bytes'"),
        (LDA, Y, {"confidence_level": 95}, "`confidence_level` must be a probability"),
    ],
)
def test_bad_input(estimator, y, options, message):
    with pytest.raises(ValueError, match=message):
        cross_val_bounds(estimator, X, y, **options)


def test_class_weights_name_the_labels_of_the_user():
    names = np.array(["set", "ver", "vir"])[Y]
    weighted = LogisticRegression(class_weight={"set": 1, "ver": 1, "vir": 20}, max_iter=1000)
    numbers = LogisticRegression(class_weight={0: 1, 1: 1, 2: 20}, max_iter=1000)
    bounds = cross_val_bounds(weighted, X, names)
    assert bounds.mi_lower == pytest.approx(cross_val_bounds(numbers, X, Y).mi_lower)
    assert (
        bounds.mi_lower
        < cross_val_bounds(clone(numbers).set_params(class_weight=None), X, Y).mi_lower
    )
    shifted = clone(numbers).set_params(class_weight={1: 1, 2: 1, 3: 20})
    assert cross_val_bounds(shifted, X, Y + 1).mi_lower == bounds.mi_lower


def test_weights_of_the_evaluation_and_of_training():
    weight = np.where(Y == 2, 3.0, 1.0)
    proba = cross_val_predict(LDA, X, Y, cv=StratifiedKFold(5), method="predict_proba")
    bounds = cross_val_bounds(LDA, X, Y, cv=StratifiedKFold(5), sample_weight=weight)
    expected = information_bounds(Y, proba, sample_weight=weight)
    assert bounds.mi_lower == pytest.approx(expected.mi_lower)
    assert bounds.label_entropy == expected.label_entropy
    y = Y[:100] + 1
    trained = cross_val_bounds(
        Labels(), X[:100], y, params={"sample_weight": np.where(y == 2, 3.0, 1.0)}
    )
    assert trained.mi_lower == pytest.approx(np.log(2) + (np.log(0.25) + np.log(0.75)) / 2)
    stacked = cross_val_bounds("stack", X, Y, cv=2, sample_weight=weight)
    assert stacked.label_entropy == expected.label_entropy


def test_blocks_in_time_are_predicted_from_those_before():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    drift = np.column_stack([y + np.linspace(0, 3, 120), rng.normal(size=120)])
    cv = TimeSeriesSplit(5)
    bounds = cross_val_bounds(LDA, drift, y, cv=cv)
    scored = np.arange(20, 120)
    proba = np.vstack(
        [LDA.fit(drift[a], y[a]).predict_proba(drift[b]) for a, b in cv.split(drift)]
    )
    assert bounds.n_samples == len(bounds.pointwise) == 100
    assert bounds.mi_lower == pytest.approx(information_bounds(y[scored], proba).mi_lower)
    assert "rows are in time order" in bounds.assumption
    assert "100 of 120 rows were scored" in bounds.assumption
    stacked = cross_val_bounds("stack", drift, y, cv=cv)
    # Nothing is learned from later rows: without them, the earlier results stay the same.
    shorter = cross_val_bounds("stack", drift[:100], y[:100], cv=list(cv.split(drift))[:-1])
    contributions = stacked.pointwise[:80] - shorter.pointwise
    for label in (0, 1):
        # Only the label frequencies differ, which are the reference of all contributions.
        assert np.ptp(contributions[y[20:100] == label]) < 1e-12


def test_walks_that_know_nothing_of_each_other():
    """Shuffled folds leak from neighbours; blocks in time order do not, and each counts once."""
    trees = HistGradientBoostingClassifier(max_iter=10, random_state=0)
    limits, n_scored = [], 0
    for seed in range(12):
        walk, other = np.random.default_rng(seed).normal(size=(2, 500)).cumsum(axis=1)
        y = (other > np.median(other)).astype(int)
        if len(np.unique(y[:80])) < 2:
            continue
        n_scored += 1
        leaked = cross_val_bounds(trees, walk[:, None], y).mi_lower_limit
        in_order = cross_val_bounds(trees, walk[:, None], y, cv=TimeSeriesSplit(5))
        stretches = cross_val_bounds(trees, walk[:, None], y, groups=np.arange(500) // 50)
        assert in_order.n_groups == 5
        limits.append([leaked, in_order.mi_lower_limit, stretches.mi_lower_limit])
    assert n_scored >= 4
    leaked, in_order, stretches = np.transpose(limits)
    assert (leaked > 0).all()
    assert (in_order == 0).all()
    assert (stretches == 0).mean() > 0.7


def test_noise_that_is_repeated_holds_no_information():
    rng = np.random.default_rng(0)
    noise, y = np.repeat(rng.normal(size=(60, 5)), 5, axis=0), np.repeat(rng.integers(0, 2, 60), 5)
    neighbour = KNeighborsClassifier(3, weights="distance")
    with pytest.warns(UserWarning, match="240 of 300 rows are copies"):
        bounds = cross_val_bounds(make_pipeline(StandardScaler(), LDA), noise, y)
    assert bounds.mi_lower < 0.02
    overruled = cross_val_bounds(neighbour, noise, y, equal_rows="independent")
    assert overruled.mi_lower > 0.5
    with pytest.warns(UserWarning, match="240 rows are scored|300 rows are scored"):
        cross_val_bounds(neighbour, noise, y, cv=StratifiedKFold(5, shuffle=True, random_state=0))


def test_repeats_of_discrete_rows_stay_apart():
    """Parity of three of eight bits, and one column of forty categories."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, size=(2000, 8))
    parity = bits[:, 0] ^ bits[:, 3] ^ bits[:, 5]
    forest = HistGradientBoostingClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cross_val_bounds(forest, bits, parity, units="bits").mi_lower > 0.99
        category = rng.integers(0, 40, size=(600, 1))
        y = rng.integers(0, 2, 40)[category[:, 0]]
        encoded = make_pipeline(OneHotEncoder(), LogisticRegression(C=100))
        apart = cross_val_bounds(encoded, category, y)
        assert apart.mi_lower > 0.6
        together = cross_val_bounds(
            encoded.set_params(onehotencoder__handle_unknown="ignore"),
            category,
            y,
            equal_rows="together",
        )
        assert together.mi_lower < 0.1


def test_quantities_get_bins_or_the_line_to_write():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(200, 2))
    target = table[:, 0] + 0.1 * rng.normal(size=200)
    bounds = cross_val_bounds(LDA, table, target, bins=4, units="bits")
    assert bounds.label_entropy == pytest.approx(2)
    assert bounds.mi_lower > 1
    with pytest.raises(ValueError, match=r"bins=4") as refused:
        cross_val_bounds(LDA, table, target)
    (line,) = (one for one in str(refused.value).splitlines() if one.startswith("    y = "))
    scope = {"y": target, "numpy": np}
    exec(line.strip(), scope)
    assert cross_val_bounds(LDA, table, scope["y"], units="bits") == bounds


def test_progress_is_shown(capsys):
    cross_val_bounds(LDA, X, Y, verbose=1)
    assert "training: 100%" in capsys.readouterr().err


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


def test_a_bound_of_weights_is_that_of_the_groups_that_equal_rows_make():
    random = np.random.default_rng(0)
    rows, y = random.normal(size=(60, 2)).repeat(3, axis=0), np.arange(60).repeat(3) % 2
    weight = random.uniform(0.5, 1, 180)
    of = {"sample_weight": weight, "cv": 3}
    with pytest.warns(UserWarning, match="120 of 180 rows are copies"):
        bounded = cross_val_bounds(LogisticRegression(), rows, y, weight_bound=2, **of)
    groups = equal_rows_of(rows)
    grouped = cross_val_bounds(LogisticRegression(), rows, y, groups=groups, group_bound=6, **of)
    assert bounded.mi_lower_limit == grouped.mi_lower_limit
    assert bounded.interval == grouped.interval
    blocks = cross_val_bounds(
        LogisticRegression(),
        rows,
        y,
        weight_bound=2,
        cv=TimeSeriesSplit(5),
        equal_rows="independent",
    )
    assert blocks.n_groups == 5
    with (
        pytest.warns(UserWarning, match="are copies"),
        pytest.raises(ValueError, match="`weight_bound` must be a finite number of at least"),
    ):
        cross_val_bounds(LogisticRegression(), rows, y, weight_bound=0.5, **of)
    with pytest.raises(ValueError, match="`weight_bound` must be None with groups"):
        cross_val_bounds(LogisticRegression(), rows, y, groups=groups, weight_bound=2, **of)


def test_named_classes_that_do_not_occur_count_in_the_entropy():
    random = np.random.default_rng(0)
    held = []
    for _ in range(10):
        y, rows = random.integers(0, 50, 40), random.normal(size=(40, 1))
        y[:3] = y[0]
        seen, named = (
            cross_val_bounds(
                DummyClassifier(strategy="prior"), rows, y.astype(str), cv=2, labels=labels
            )
            for labels in (None, np.arange(50).astype(str))
        )
        assert seen.label_entropy_upper_limit <= np.log(seen.n_classes) < np.log(50)
        assert named.n_classes == 50 and named.classes.tolist() == sorted(map(str, range(50)))
        assert named.mi_lower == pytest.approx(seen.mi_lower)
        held.append(named.label_entropy_upper_limit >= np.log(50) - 1e-12)
        assert f"the {seen.n_classes} classes that occur" in repr(seen)
    assert np.mean(held) >= 0.9
    with pytest.raises(ValueError, match="`labels` must be None if `bins`"):
        cross_val_bounds(LogisticRegression(), rows, y, bins=2, labels=[0, 1])


@pytest.mark.parametrize("evaluate", [cross_val_bounds, mi_estimate])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_frozen_classifier_scores_rows_of_some_of_its_classes(evaluate, in_pipeline):
    frozen = FrozenEstimator(LogisticRegression(max_iter=1000).fit(X[::2], NAMES[::2]))
    estimator = make_pipeline(FunctionTransformer(), frozen) if in_pipeline else frozen
    some = np.flatnonzero(Y[1::2] != 2) * 2 + 1
    found = evaluate(estimator, X[some], NAMES[some])
    named = evaluate(estimator, X[some], NAMES[some], labels=frozen.estimator.classes_)
    assert repr(found) == repr(named)
    if evaluate is cross_val_bounds:
        assert found.classes.tolist() == ["setosa", "versicolor", "virginica"]
        expected = score_bounds(frozen, X[some], NAMES[some]).log_softmax
        assert found.log_softmax == pytest.approx(expected)


def test_a_pretrained_network_scores_photographs_of_some_of_its_classes():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    clf = InfoSoftmaxClassifier.from_module(network, classes=["tabby", "beagle", "car"])
    images = np.random.default_rng(0).random((20, 3, 2, 2), dtype=np.float32)
    bounds = cross_val_bounds(FrozenEstimator(clf), images, ["car", "beagle"] * 10)
    assert bounds.classes.tolist() == ["beagle", "car", "tabby"]
    assert np.isfinite(bounds.mi_lower)


@pytest.mark.parametrize(
    "evaluate",
    [
        score_bounds,
        cross_val_bounds,
        mi_estimate,
        feature_information,
        InformationLearningCurveDisplay.from_estimator,
    ],
)
@pytest.mark.parametrize(
    ("labels", "unknown"),
    [(Y, [2]), (Y + 1, [2, 3]), (NAMES, NAMES[::50].tolist()), (Y.astype(str), ["0", "1", "2"])],
)
def test_labels_that_a_frozen_classifier_does_not_know(evaluate, labels, unknown):
    fitted = LogisticRegression(max_iter=1000).fit(X[Y < 2], Y[Y < 2])
    fitted.predict_proba = None  # Labels are refused before any row is predicted.
    message = f"`y` must hold known labels; got {re.escape(str(unknown))}. .* are \\[0, 1\\]. "
    with pytest.raises(ValueError, match=message + ".*[Ee]ncode the labels"):
        evaluate(FrozenEstimator(fitted), X, labels)


def test_named_labels_and_bins_of_a_frozen_classifier():
    frozen = FrozenEstimator(LogisticRegression(max_iter=1000).fit(X[Y < 2], Y[Y < 2]))
    with pytest.raises(ValueError, match=r"`y` must hold known labels; got \[2\]"):
        cross_val_bounds(frozen, X, Y, labels=[0, 1, 2])
    with pytest.raises(ValueError, match=r"`y` must hold known labels; got \[2\]"):
        cross_val_bounds(frozen, X, X[:, 0], bins=3)
    with pytest.raises(ValueError, match=r"got \[3\].* all classes of the classifier as `labels`"):
        cross_val_bounds(
            FrozenEstimator(LogisticRegression(max_iter=1000).fit(X, Y + (X[:, 0] > 7))),
            X[:100],
            Y[:100],
            labels=[0, 1, 2],
        )
    assert cross_val_bounds(frozen, X, X[:, 0], bins=2).classes.tolist() == [0, 1]
    # A label of the population that neither occurs nor is known is counted as a class.
    assert cross_val_bounds(frozen, X[:100], Y[:100], labels=[0, 1, 2]).n_classes == 3


class OfThreeClasses(DummyClassifier):
    """A classifier whose classes differ from the classes of its training rows."""

    def fit(self, X, y):
        super().fit([[0]] * 3, ["a", "b", "c"])
        return self


def test_classes_that_do_not_occur_have_to_be_named():
    rows, labels = np.zeros((20, 1)), ["a", "b"] * 10
    message = r"got \['c'\].* Pass all classes of the classifier as `labels`"
    with pytest.raises(ValueError, match=message):
        cross_val_bounds(OfThreeClasses(), rows, labels, equal_rows="independent")
    bounds = cross_val_bounds(
        OfThreeClasses(), rows, labels, labels=["a", "b", "c"], equal_rows="independent"
    )
    assert len(bounds.classes) == 3
