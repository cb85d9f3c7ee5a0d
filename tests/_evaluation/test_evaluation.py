import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit

from sksoftinfo import information_bounds
from sksoftinfo._evaluation.evaluation import prepare_evaluation
from sksoftinfo._evaluation.held_out import View

N = 90
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
Y = np.where(X[:, 0] + RNG.normal(size=N) > 0, "up", "down")


def prepared(**options):
    return prepare_evaluation(LogisticRegression(), X, Y, **options)


def test_views_are_held_out_in_the_same_folds():
    evaluation = prepared(labels=["up", "sideways", "down"])
    assert evaluation.classes.tolist() == ["down", "sideways", "up"]
    assert set(evaluation.encoded) == {0, 2}
    (whole,) = evaluation.held_out()
    again, first = evaluation.held_out([View(), View([0])])
    np.testing.assert_array_equal(whole, again)
    assert whole.shape == (N, 3) and not whole[:, 1].any()
    assert np.abs(whole - first).max() > 1e-3


def test_bounds_are_of_the_rows_that_are_scored():
    weight = np.arange(N) % 3 + 1.0
    evaluation = prepared(cv=TimeSeriesSplit(4), sample_weight=weight)
    (proba,) = evaluation.held_out()
    bounds = evaluation.bounds(proba, units="bits")
    scored = evaluation.folds.scored
    assert bounds.n_samples == len(scored) < N
    same = information_bounds(Y[scored], proba[scored], sample_weight=weight[scored], units="bits")
    assert bounds.mi_lower == pytest.approx(same.mi_lower)
    assert bounds.assumption == evaluation.folds.assumption


@pytest.mark.parametrize("given", [True, False])
def test_groups_that_are_given_are_told_from_copies(given):
    table, labels = np.tile(X[:30], (3, 1)), np.tile(Y[:30], 3)
    groups = {"groups": np.tile(np.arange(30), 3)} if given else {"equal_rows": "together"}
    evaluation = prepare_evaluation(LogisticRegression(), table, labels, **groups)
    assert evaluation.has_groups == given
    assert evaluation.folds.groups.max() == 29


@pytest.mark.parametrize(
    "options, message",
    [
        ({"labels": ["up"]}, "down"),
        ({"sample_weight": -np.ones(N)}, "sample_weight"),
        ({"cv": 1}, "`cv` must be an integer"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_fitted(options, message):
    with pytest.raises(ValueError, match=message):
        prepared(**options)
