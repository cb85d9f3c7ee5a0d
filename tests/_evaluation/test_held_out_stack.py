"""Members of the stack that do not help are dropped; a fold's own labels have no influence."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit

from sksoftinfo import InfoStackClassifier, cross_val_bounds
from sksoftinfo._evaluation import held_out_stack
from sksoftinfo._evaluation.folds import Folds, make_folds
from sksoftinfo._evaluation.held_out import View
from sksoftinfo._evaluation.held_out_stack import HeldOutStack, held_out_stacks

N = 600


class Wrong(DummyClassifier):
    """A useless classifier, which reverses the meaning of the first column."""

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(4 * X[:, 0]))
        return np.column_stack([1 - p, p])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    return X, (X[:, 0] + rng.normal(size=N) > 0).astype(int)


@pytest.fixture
def with_wrong(monkeypatch):
    """Make the stack of logistic regression and a useless member."""
    members = {"logistic": LogisticRegression(), "wrong": Wrong()}
    monkeypatch.setattr(held_out_stack, "stack_members", lambda *args, **kwargs: dict(members))
    monkeypatch.setattr(
        held_out_stack, "expected_seconds", lambda names, *_: dict.fromkeys(names, 1)
    )


def predicted(rows, cv=5):
    X, y = rows
    folds = make_folds(cv, X, y, equal_rows="independent")
    (found,) = held_out_stacks(InfoStackClassifier(), X, [View()], y, folds, 2)
    return found, folds


def test_a_member_of_no_use_is_trained_for_two_folds_alone(rows, with_wrong, monkeypatch):
    fits = {Wrong: 0, LogisticRegression: 0}
    for kind in fits:

        def count(self, X, y, kind=kind, fit=kind.fit):
            fits[kind] += 1
            return fit(self, X, y)

        monkeypatch.setattr(kind, "fit", count)
    found, folds = predicted(rows)
    assert fits == {Wrong: 2, LogisticRegression: 5}
    assert list(found.members) == ["prior", "logistic", "wrong"]
    assert found.helping.all(axis=0).tolist() == [True, True, False]
    names, mixture = found.mixture(rows[1], folds)
    assert "wrong" not in names
    assert len(names) == len(mixture.weights)
    mixed = found.mixed(rows[1], folds)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert "wrong" not in InfoStackClassifier().fit(*rows).members_


def test_what_a_fold_mixes_does_not_hang_on_its_labels(rows, with_wrong):
    """Corrupted labels of one judging fold favour a member in that fold, and in no other."""
    X, y = rows
    folds = make_folds(5, X, y, equal_rows="independent")
    likelihoods = np.column_stack([np.full(N, 0.5), np.full(N, 0.7), np.full(N, 0.1)])
    spoilt = likelihoods.copy()
    spoilt[folds.fold == 0] = [0.5, 0.1, 0.7]
    clean, other = (
        held_out_stack._helping(
            [np.where(np.arange(2) == y[:, None], p, 1 - p) for p in one.T[:, :, None]],
            y,
            folds,
            None,
        )
        for one in (likelihoods, spoilt)
    )
    assert clean.tolist() == [[True, True, False]] * 5
    assert other.tolist() == [[True, True, False], *[[True, False, True]], *[[True] * 3] * 3]


@pytest.mark.parametrize("cv", [2, TimeSeriesSplit(4)])
def test_all_members_are_trained_where_none_can_be_judged(rows, with_wrong, cv):
    found, folds = predicted(rows, cv)
    if cv != 2:
        # No labels precede the first block.
        assert found.helping[0].all()
    late = found.probas[2][folds.fold == len(folds.splits) - 1]
    assert 0.9 < late.max() < 1


def test_weights_of_a_fold_come_from_the_labels_of_the_others():
    y = np.array([0, 0, 1, 1])
    splits = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    says_0, says_1 = np.tile([0.9, 0.1], (4, 1)), np.tile([0.1, 0.9], (4, 1))
    folds = Folds(splits, np.array([0, 0, 1, 1]), None, False, "")
    found = HeldOutStack({"a": None, "b": None}, [says_0, says_1], np.ones((2, 2), dtype=bool))
    mixed = found.mixed(y, folds)
    # The first two rows are predicted by the best member on the last two, and vice versa.
    np.testing.assert_allclose(mixed, [[0.1, 0.9], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1]], atol=1e-4)


def test_dropping_members_changes_little(rows, monkeypatch):
    stack = InfoStackClassifier(members="quick")
    with_dropping = cross_val_bounds(stack, *rows)
    monkeypatch.setattr(held_out_stack, "_FEWEST_LABELS", N)
    without = cross_val_bounds(stack, *rows)
    assert with_dropping.mi_lower == pytest.approx(without.mi_lower, abs=0.002)


def test_the_time_left_is_shown_at_once(rows, capsys):
    cross_val_bounds(InfoStackClassifier(members="quick"), *rows, verbose=1)
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    first = next(line for line in shown if line.startswith("training:"))
    assert "0%" in first
    assert any("about" in line and "left" in line for line in shown)
    assert "100%" in shown[-1]
