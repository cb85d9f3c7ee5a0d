import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from sksoftinfo import cross_val_bounds, information_bounds, mi_estimate

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
    # The second order of the gap remains, and is seen at few rows.
    assert extrapolated < 0.03 + 3 * errors[:, 1].std() / np.sqrt(20)


def test_what_it_started_from_is_the_bound_and_units():
    X, y, _ = world(200, 0)
    estimate = mi_estimate(LogisticRegression(), X, y, cv=3)
    assert estimate.mi_lower == cross_val_bounds(LogisticRegression(), X, y, cv=3).mi_lower
    bits = mi_estimate(LogisticRegression(), X, y, cv=3, units="bits")
    np.testing.assert_allclose(bits, np.array(estimate) / np.log(2))
    assert mi_estimate(LogisticRegression(), X, y, cv=3) == estimate


def test_never_outside_zero_and_the_entropy():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    nothing = mi_estimate(LogisticRegression(), rng.normal(size=(60, 5)), y)
    assert nothing.value >= 0
    everything = mi_estimate(LogisticRegression(), 5.0 * y[:, None], y)
    assert everything.value <= np.log(2)


def test_groups_and_labels():
    X, y, _ = world(120, 0)
    names = np.array(["a", "b", "c"])[y]
    groups = np.arange(120) // 4
    estimate = mi_estimate(LogisticRegression(), X, names, groups=groups, cv=GroupKFold(4))
    assert np.isfinite(estimate).all()
    with pytest.raises(ValueError, match="estimator='forest' is unknown"):
        mi_estimate("forest", X, y)
    with pytest.raises(ValueError, match="too few|least populated"):
        mi_estimate(LogisticRegression(), X[:11], np.r_[np.zeros(10), 1], cv=2)
