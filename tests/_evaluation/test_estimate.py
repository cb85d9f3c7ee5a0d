import re

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import GaussianNB

from sksoftinfo import cross_val_bounds, information_bounds, mi_estimate
from sksoftinfo._evaluation import bounds_and_estimate

MEANS = np.random.default_rng(0).normal(size=(3, 15))


def world(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    X = 0.5 * MEANS[y] + rng.normal(size=(n, 15))
    return X, y, log_softmax(0.5 * X @ MEANS.T - 0.125 * (MEANS**2).sum(axis=1), axis=1)


def test_most_of_the_gap_is_closed():
    """Classifiers that contain the true posterior: their gap falls as one over the rows."""
    errors = []
    for seed in range(20):
        X, y, log_posterior = world(300, seed)
        oracle = information_bounds(y, np.exp(log_posterior)).mi_lower
        estimate = mi_estimate(LinearDiscriminantAnalysis(), X, y)
        errors.append([estimate.mi_lower - oracle, estimate.value - oracle])
    errors = np.array(errors)
    bound, extrapolated = np.abs(errors.mean(axis=0))
    assert extrapolated < bound / 2
    # The second order of the gap remains, and is visible with few rows.
    assert extrapolated < 0.03 + 3 * errors[:, 1].std() / np.sqrt(20)


@pytest.mark.parametrize("units", ["nats", "bits"])
def test_what_it_was_made_from(units):
    X, y, _ = world(200, 0)
    classifier = LogisticRegression()
    estimate = mi_estimate(classifier, X, y, cv=3, units=units)
    bound = cross_val_bounds(classifier, X, y, cv=3, units=units)
    assert estimate.mi_lower == pytest.approx(bound.mi_lower)
    assert estimate.label_entropy == pytest.approx(bound.label_entropy)
    assert estimate.value == pytest.approx(2 * estimate.mi_lower - estimate.mi_lower_half)
    assert estimate.interval[0] < estimate.value < estimate.interval[1]
    reach = estimate.interval[1] - estimate.value
    assert reach == pytest.approx(1.972 * estimate.standard_error, rel=1e-3)
    assert estimate.n_samples == 200
    assert estimate.assumption == bound.assumption
    assert mi_estimate(classifier, X, y, cv=3, units=units) == estimate
    assert estimate.to_dict()["units"] == units
    for shown in (f"in {units}", "estimate of I(X;Y), not a bound", "assumed: rows are indep"):
        assert shown in repr(estimate)
    assert "failed" not in repr(estimate)


def test_bounds_and_estimate_share_their_fits(monkeypatch):
    X, y, _ = world(200, 0)
    options = {"cv": 3, "units": "bits", "confidence_level": 0.9, "groups": np.arange(200) // 2}
    classifier = LogisticRegression()
    separate = [f(classifier, X, y, **options) for f in (cross_val_bounds, mi_estimate)]
    fits, fit = [], LogisticRegression.fit
    monkeypatch.setattr(
        LogisticRegression,
        "fit",
        lambda self, *args: fits.append(len(args[1])) or fit(self, *args),
    )
    assert [*bounds_and_estimate(classifier, X, y, **options)] == separate
    assert len(fits) == 6
    assert max(fits[3:]) < 80 < min(fits[:3])


def test_one_progress_bar_for_all_and_half_of_the_rows(capsys):
    X, y, _ = world(200, 0)
    mi_estimate(LogisticRegression(), X, y, cv=3, verbose=1)
    shares = [int(share) for share in re.findall(r"training: +(\d+)%", capsys.readouterr().err)]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 100)


def test_failures_are_told_and_not_clipped():
    y = np.arange(120) % 2
    noise = np.random.default_rng(0).normal(size=(120, 5))
    with pytest.warns(UserWarning, match="is not reliable: the value is negative"):
        nothing = mi_estimate(Blind(), noise, y)
    assert nothing.value < 0
    assert "failed: the value is negative" in repr(nothing)
    with pytest.warns(
        UserWarning, match="half of the training rows gave a higher bound"
    ) as caught:
        below = mi_estimate(FewRowsAreBetter(), noise, y)
    assert below.value < below.mi_lower < below.mi_lower_half
    # The message does not offer a bound below 0 as an alternative.
    assert "Use the lower bound" not in str(caught[0].message)
    with pytest.warns(UserWarning, match=r"above the entropy H\(Y\)") as caught:
        above = mi_estimate(ManyRowsAreBetter(), y[:, None].astype(float), y)
    assert above.value > above.label_entropy > above.mi_lower
    assert "Use the lower bound instead." in str(caught[0].message)


class Blind(LogisticRegression):
    """A classifier that is certain of one class, with any number of rows."""

    def predict_proba(self, X):
        return np.tile([0.9, 0.1], (len(X), 1))


class FewRowsAreBetter(LogisticRegression):
    """A classifier that becomes more certain with more rows, whatever the labels are."""

    def predict_proba(self, X):
        certain = 0.5 + 0.4 * min(self.n_rows_ / 100, 1)
        return np.tile([certain, 1 - certain], (len(X), 1))

    def fit(self, X, y):
        self.n_rows_ = len(y)
        return super().fit(X, y)


class ManyRowsAreBetter(FewRowsAreBetter):
    """A classifier that receives the labels, and becomes more certain with more rows."""

    def predict_proba(self, X):
        certain = 0.5 + 0.45 * (self.n_rows_ > 60)
        return np.where(X > 0, [1 - certain, certain], [certain, 1 - certain])


def test_groups_labels_params_and_weights():
    X, y, _ = world(120, 0)
    names = np.array(["a", "b", "c"])[y]
    groups = np.arange(120) // 4
    estimate = mi_estimate(LogisticRegression(), X, names, groups=groups, cv=GroupKFold(4))
    assert "30 groups" in estimate.assumption
    # Whole groups are halved: repeated rows are as informative as one of them.
    four = mi_estimate(
        LogisticRegression(), X[::4].repeat(4, axis=0), y[::4].repeat(4), groups=groups
    )
    one = mi_estimate(LogisticRegression(C=4), X[::4], y[::4])
    assert four.standard_error == pytest.approx(one.standard_error, rel=0.5)
    weight = 1.0 + (y == 0)
    weighted = mi_estimate(LogisticRegression(), X, y, sample_weight=weight)
    expected = cross_val_bounds(LogisticRegression(), X, y, sample_weight=weight)
    assert weighted.mi_lower == pytest.approx(expected.mi_lower)
    trained = mi_estimate(LogisticRegression(), X, y, params={"sample_weight": weight})
    assert trained.mi_lower == pytest.approx(
        cross_val_bounds(LogisticRegression(), X, y, params={"sample_weight": weight}).mi_lower
    )
    binned = mi_estimate(LogisticRegression(), X, X[:, 0] + X[:, 1], bins=2)
    assert binned.label_entropy == pytest.approx(np.log(2))


def test_impossible_labels_are_mixed_with_the_frequencies():
    X, y, _ = world(150, 0)
    forest = RandomForestClassifier(10, random_state=0)
    with pytest.warns(UserWarning, match="Probability 0 was predicted for the label"):
        estimate = mi_estimate(forest, X, y)
    assert abs(estimate.value) < 1


def test_bad_input():
    X, y, _ = world(60, 0)
    with pytest.raises(ValueError, match="must be 'stack' or a classifier; got 'forest'"):
        mi_estimate("forest", X, y)
    with pytest.raises(ValueError, match="two training rows of each class .* got 1 of class 1.0"):
        mi_estimate(LogisticRegression(), X[:12], np.r_[np.zeros(10), 1, 1], cv=2)
    with pytest.raises(ValueError, match="confidence_level"):
        mi_estimate(LogisticRegression(), X, y, confidence_level=95)


def test_a_negative_bound_is_a_failure_even_where_the_value_is_not():
    random = np.random.default_rng(0)
    rows, y = random.normal(size=(60, 20)), np.arange(60) % 2
    with pytest.warns(
        UserWarning,
        match=r"nats, is not reliable: the lower bound L\(n\) is negative.*\. Pass",
    ):
        estimate = mi_estimate(GaussianNB(), rows, y)
    assert estimate.mi_lower < 0
    assert "failed: the lower bound L(n) is negative" in repr(estimate)


def test_labels_that_are_missing_from_the_rows():
    X, y, _ = world(240, 0)
    rows = y < 2
    classifier = LogisticRegression()
    found = mi_estimate(classifier, X[rows], y[rows], labels=[0, 1, 2], cv=2)
    expected = cross_val_bounds(classifier, X[rows], y[rows], labels=[0, 1, 2], cv=2)
    assert found.mi_lower == pytest.approx(expected.mi_lower)
    with pytest.raises(ValueError, match="labels"):
        mi_estimate(classifier, X[rows], y[rows], labels=[1, 2], cv=2)
