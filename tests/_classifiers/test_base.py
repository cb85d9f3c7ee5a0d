"""Parameters, training and predictions, which both classifiers share."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


class default_dtype:
    """A context in which torch makes tensors of another dtype."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __enter__(self):
        self.before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)

    def __exit__(self, *error):
        torch.set_default_dtype(self.before)


@pytest.mark.parametrize("name", ["batch_size", "max_epochs"])
def test_true_is_not_a_number(name):
    with pytest.raises(ValueError, match=name):
        InfoSoftmaxClassifier(**{**FAST, name: True}).fit(X, Y)
    with pytest.raises(ValueError, match="batch_size"):
        InfoMaskTransformer(batch_size=True).fit(X, Y)


def test_small_integer_types_do_not_overflow():
    options = {**FAST, "batch_size": np.uint8(200), "max_epochs": np.int8(3)}
    clf = InfoSoftmaxClassifier(**options).fit(X, Y)
    many = np.tile(X, (50, 1))
    expected = InfoSoftmaxClassifier(**{**FAST, "batch_size": 200}).fit(X, Y).predict_proba(many)
    np.testing.assert_array_equal(clf.predict_proba(many), expected)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    "context",
    [
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.device("meta"),
        lambda: default_dtype(torch.float64),
        lambda: default_dtype(torch.float16),
    ],
    ids=["inference_mode", "no_grad", "meta", "float64", "float16"],
)
def test_the_callers_global_state_changes_nothing(estimator, context):
    rows = X.astype(np.float32)
    expected = estimator(**FAST).fit(rows, Y)
    with context():
        clf = estimator(**FAST).fit(rows, Y)
        inside = clf.predict_proba(rows)
        bounds = clf.score_bounds(rows[1:], Y[1:])
    np.testing.assert_array_equal(inside, expected.predict_proba(rows))
    assert bounds == expected.score_bounds(rows[1:], Y[1:])
    clf.partial_fit(rows, Y)
    np.testing.assert_array_equal(
        clf.predict_proba(rows), expected.partial_fit(rows, Y).predict_proba(rows)
    )


def test_pointwise_information_is_log_posterior_over_prior(fitted, split):
    X = split[1]
    expected = fitted.predict_log_proba(X) - np.log(fitted.train_prior_)
    np.testing.assert_allclose(fitted.pointwise_information(X), expected)
    uniform = fitted.pointwise_information(X, reference_prior="uniform", units="bits")
    np.testing.assert_allclose(uniform, (fitted.predict_log_proba(X) + np.log(3)) / np.log(2))


def test_information_decision_raises_balanced_accuracy_under_imbalance():
    """Two overlapping normal classes, one of them 5 % of the rows."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.05).astype(int)
    X = rng.normal(size=(4000, 2)) + 1.5 * y[:, None]
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    options = {"class_prior": "empirical", "max_epochs": 10, "random_state": 0}
    by_posterior = InfoSoftmaxClassifier(**options).fit(X, y)
    by_information = InfoSoftmaxClassifier(decision="information", **options).fit(X, y)
    np.testing.assert_array_equal(
        by_posterior.predict_proba(X_test), by_information.predict_proba(X_test)
    )
    scores = [
        balanced_accuracy_score(y_test, c.predict(X_test)) for c in (by_posterior, by_information)
    ]
    assert scores[1] > scores[0] + 0.1
    decision = by_information.decision_function(X_test)
    np.testing.assert_array_equal((decision > 0).astype(int), by_information.predict(X_test))


def test_partial_fit_is_one_epoch_of_fit(split):
    X, X_test, y, _ = split
    whole = InfoSoftmaxClassifier(random_state=0, max_epochs=1, batch_size=-1).fit(X, y)
    part = InfoSoftmaxClassifier(random_state=0, max_epochs=50, batch_size=-1)
    part.partial_fit(X, y, classes=np.unique(y))
    np.testing.assert_allclose(part.predict_proba(X_test), whole.predict_proba(X_test))
    before = part.score_bounds(X, y).mi_lower
    for _ in range(20):
        part.partial_fit(X, y)
    assert part.score_bounds(X, y).mi_lower > before
    assert len(part.history_) == 21


def test_partial_fit_on_chunks_that_lack_classes(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(random_state=0, class_prior="empirical", decision="information")
    first = y != "virginica"
    clf.partial_fit(X[first], y[first], classes=np.unique(y))
    assert clf.train_prior_[2] == 0
    assert "virginica" not in clf.predict(X)
    assert clf.predict_proba(X)[:, 2].max() == 0
    clf.partial_fit(X, y)
    np.testing.assert_allclose(clf.train_prior_.sum(), 1)
    assert clf.train_prior_[2] > 0
    assert np.isfinite(clf.predict_log_proba(X)).all()
