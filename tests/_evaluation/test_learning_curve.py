"""The figure of the learning curve, compared with scikit-learn's numbers."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sksoftinfo import InformationLearningCurveDisplay, information_bounds
from sksoftinfo._evaluation.folds import make_folds

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_iris(return_X_y=True)
LDA = LinearDiscriminantAnalysis()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_all_training_rows_give_the_bounds_of_the_folds():
    display = InformationLearningCurveDisplay.from_estimator(
        LDA, X, Y, units="bits", train_sizes=[0.3, 1.0], cv=3
    )
    held_out, training, label_entropy = display.lines_
    np.testing.assert_array_equal(held_out.get_xdata(), [30, 100])
    expected = [
        information_bounds(Y[test], LDA.fit(X[train], Y[train]).predict_proba(X[test]))
        for train, test in make_folds(3, X, Y).splits
    ]
    np.testing.assert_allclose(
        display.test_scores[1], [one.to_bits().mi_lower for one in expected]
    )
    np.testing.assert_allclose(held_out.get_ydata(), display.test_scores.mean(axis=1))
    np.testing.assert_allclose(training.get_ydata(), display.train_scores.mean(axis=1))
    np.testing.assert_allclose(label_entropy.get_ydata(), np.log2(3))


def test_sorted_rows_of_rare_classes_are_drawn_without_gaps():
    """Every part of the training rows has all classes, in proportion."""
    y = np.repeat([0, 1, 2], [100, 40, 10])
    table = np.random.default_rng(0).normal(size=(150, 2)) + y[:, None]
    display = InformationLearningCurveDisplay.from_estimator(
        LogisticRegression(), table, y, train_sizes=[3, 10, 30, 120]
    )
    assert np.isfinite(display.test_scores).all()
    assert display.test_scores[-1].mean() > display.test_scores[0].mean()
    again = InformationLearningCurveDisplay.from_estimator(
        LogisticRegression(), table, y, train_sizes=[3, 10, 30, 120]
    )
    np.testing.assert_array_equal(display.test_scores, again.test_scores)


class Fails(LinearDiscriminantAnalysis):
    def fit(self, X, y):
        if len(y) < 50:
            raise LookupError("too few for me")
        return super().fit(X, y)


def test_what_fails_is_raised_and_nothing_is_drawn():
    with pytest.raises(LookupError, match="too few for me"):
        InformationLearningCurveDisplay.from_estimator(Fails(), X, Y)
    with pytest.raises(ValueError, match="`train_sizes` must leave .* each of 3 classes"):
        InformationLearningCurveDisplay.from_estimator(LDA, X, Y, train_sizes=[2, 50])
    for sizes in ([], 0.5):
        with pytest.raises(ValueError, match=r"list of at least one size; .* Pass e.g. \(0.1, 0"):
            InformationLearningCurveDisplay.from_estimator(LDA, X, Y, train_sizes=sizes)
    with pytest.raises(ValueError, match="have predict_proba; got LinearSVC.* Wrap it in"):
        InformationLearningCurveDisplay.from_estimator(LinearSVC(), X, Y)
    with pytest.raises(ValueError, match="bins=4"):
        InformationLearningCurveDisplay.from_estimator(LDA, X, X[:, 0])
    assert not plt.get_fignums()


def test_groups_bins_and_weights():
    display = InformationLearningCurveDisplay.from_estimator(
        LogisticRegression(max_iter=1000),
        X,
        X[:, 2],
        groups=np.arange(150) // 3,
        bins=3,
        params={"sample_weight": np.ones(150)},
        train_sizes=[0.5, 1.0],
    )
    assert display.test_scores.mean() > 0.3
