"""Intervals of means, and p-values that allow for their number."""

import numpy as np
import pytest
from scipy import stats

from sksoftinfo._evaluation.paired import holm, mean_interval

VALUES = np.random.default_rng(0).normal(1.0, 2.0, 40)


def test_mean_interval_is_students():
    mean, error, interval = mean_interval(VALUES, level=0.9)
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(0.9)
    np.testing.assert_allclose([*interval], [expected.low, expected.high])
    assert error == pytest.approx(stats.sem(VALUES))
    assert mean == pytest.approx(VALUES.mean())


def test_a_group_is_one_observation():
    one = mean_interval(VALUES, level=0.95)
    three = mean_interval(VALUES.repeat(3), level=0.95, groups=np.arange(40).repeat(3))
    np.testing.assert_allclose([*three[:2], *three[2]], [*one[:2], *one[2]])
    weighted = mean_interval(np.r_[VALUES, 1e9], level=0.95, weights=np.r_[np.full(40, 2.5), 0.0])
    np.testing.assert_allclose([*weighted[:2], *weighted[2]], [*one[:2], *one[2]])


def test_one_observation_has_no_interval():
    mean, error, interval = mean_interval(VALUES, level=0.95, groups=np.zeros(40, dtype=int))
    assert mean == pytest.approx(VALUES.mean())
    assert np.isnan(error)
    assert interval == (-np.inf, np.inf)


def test_holm_by_hand():
    p_values = np.array([0.2, 0.001, 0.02, 0.9, 0.03])
    np.testing.assert_allclose(holm(p_values), [0.4, 0.005, 0.08, 0.9, 0.09])
    assert holm(np.array([0.3])) == [0.3]
