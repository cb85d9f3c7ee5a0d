"""The learning curve's picture against scikit-learn's numbers."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import learning_curve

from sksoftinfo import InformationLearningCurveDisplay
from sksoftinfo.metrics import mi_lower_scorer

pytest.importorskip("matplotlib")
X, Y = load_iris(return_X_y=True)


def test_learning_curve_is_that_of_scikit_learn():
    options = {"train_sizes": [0.3, 1.0], "cv": 3, "shuffle": True, "random_state": 0}
    display = InformationLearningCurveDisplay.from_estimator(
        LinearDiscriminantAnalysis(), X, Y, units="bits", **options
    )
    sizes, train, test = learning_curve(
        LinearDiscriminantAnalysis(), X, Y, scoring=mi_lower_scorer, **options
    )
    held_out, training, label_entropy = display.lines_
    np.testing.assert_array_equal(held_out.get_xdata(), sizes)
    np.testing.assert_allclose(held_out.get_ydata(), test.mean(axis=1) / np.log(2))
    np.testing.assert_allclose(training.get_ydata(), train.mean(axis=1) / np.log(2))
    np.testing.assert_allclose(label_entropy.get_ydata(), np.log2(3))
