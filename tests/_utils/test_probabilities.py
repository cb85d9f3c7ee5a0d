"""Probabilities of an estimator, checked wherever an estimator and not its output is passed."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sksoftinfo import (
    InfoMaskTransformer,
    InformationBoundsDisplay,
    cross_val_bounds,
    feature_information,
    score_bounds,
)
from sksoftinfo.metrics import mi_lower_scorer

X, Y = load_iris(return_X_y=True)


class Altered(LinearDiscriminantAnalysis):
    """A classifier whose predictions are not probabilities."""

    def __init__(self, alter=None):
        super().__init__()
        self.alter = alter

    def predict_proba(self, X):
        return self.alter(super().predict_proba(X))


def scaled(proba):
    return 0.9 * proba


def negative(proba):
    return 3 * proba - 2 / 3


def with_gaps(proba):
    return np.where(np.arange(len(proba))[:, None] == 3, np.nan, proba)


def without_a_class(proba):
    return proba[:, :2] / proba[:, :2].sum(axis=1, keepdims=True)


FUNCTIONS = {
    "cross_val_bounds": lambda clf: cross_val_bounds(clf, X, Y),
    "score_bounds": lambda clf: score_bounds(clf.fit(X, Y), X, Y),
    "feature_information": lambda clf: feature_information(clf, X, Y),
    "scorer": lambda clf: mi_lower_scorer(clf.fit(X, Y), X, Y),
    "masker": lambda clf: InfoMaskTransformer(clf, patch_size=2).fit(X, Y),
    "display": lambda clf: InformationBoundsDisplay.from_estimator(clf.fit(X, Y), X, Y),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (
            scaled,
            r"that sum to 1; got \[.*of Altered.*, in row 0 of .*Calibrated",
        ),
        (negative, r"that sum to 1; got \[.*-.*from predict_proba of Altered.*Calibrated"),
        (with_gaps, r"got \[nan, nan, nan\] .*, in row 3 of .* Leave out rows"),
        (without_a_class, r"of shape \(\d+, 3\); got \(\d+, 2\) from predict_proba of Altered"),
    ],
)
def test_what_is_not_a_probability_is_named_with_its_estimator(name, alter, message):
    with pytest.raises(ValueError, match="`estimator` must return .*" + message):
        FUNCTIONS[name](Altered(alter))


@pytest.mark.parametrize("name", ["score_bounds", "scorer", "display"])
def test_labels_are_named_as_they_were_passed(name):
    """The caller passed neither `y_true` nor `labels`."""
    lda = LinearDiscriminantAnalysis().fit(X, Y)
    functions = {
        "score_bounds": lambda y: score_bounds(lda, X, y),
        "scorer": lambda y: mi_lower_scorer(lda, X, y),
        "display": lambda y: InformationBoundsDisplay.from_estimator(lda, X, y),
    }
    with pytest.raises(
        ValueError, match=r"`y` must hold known labels; got \[7\].* Encode the lab"
    ):
        functions[name](np.where(Y == 2, 7, Y))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        functions[name](np.where(Y == 2, np.nan, Y))
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \["):
        functions[name](Y[:9])


@pytest.mark.parametrize("alter", [scaled, negative])
def test_the_remedy_is_literal(alter):
    assert cross_val_bounds(CalibratedClassifierCV(Altered(alter)), X, Y).mi_lower > 0.5
