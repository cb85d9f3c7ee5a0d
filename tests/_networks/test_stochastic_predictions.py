"""Predictions of a network with random outputs."""

import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import StochasticInfoClassifier


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


def test_trunk_runs_once_for_all_draws(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(max_epochs=1, random_state=0).fit(X, y)
    rows = []
    clf.module_.module.register_forward_hook(lambda module, x, out: rows.append(len(out)))
    clf.predict_proba(X_test, n_draws=64)
    assert sum(rows) == len(X_test)
    clf.score_bounds(X_test, y_test)
    assert sum(rows) == 2 * len(X_test)
