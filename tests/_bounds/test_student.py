"""Student's t of weighted means: by hand, against matrices, and its coverage."""

import numpy as np
import pytest
from scipy import stats

from sksoftinfo._bounds.student import means_of_observations, student_of


def test_equal_weights_are_student_s_t():
    values = np.random.default_rng(0).normal(1.0, 2.0, 40)
    mean, error, freedom = student_of(values, np.full(40, 3.0))
    assert (mean, error) == pytest.approx((values.mean(), stats.sem(values)))
    assert freedom == pytest.approx(39)


def test_degrees_of_freedom_are_those_of_the_matrix_of_the_squared_error():
    rng = np.random.default_rng(1)
    weights, values = rng.pareto(1.2, 12) + 1, rng.normal(size=12)
    share = weights / weights.sum()
    deviations = np.eye(12) - share
    matrix = deviations.T @ np.diag(share**2 / (1 - 2 * share + share @ share)) @ deviations
    mean, error, freedom = student_of(values, weights)
    assert mean == pytest.approx(np.average(values, weights=weights))
    assert error**2 == pytest.approx(values @ matrix @ values)
    assert freedom == pytest.approx(np.trace(matrix) ** 2 / np.trace(matrix @ matrix))
    # For values of variance 1, the squared error estimates the variance of the mean.
    assert np.trace(matrix) == pytest.approx(share @ share)


def test_observations_are_rows_or_groups_of_positive_weight():
    values, weights = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1.0, 3.0, 2.0, 0.0])
    means, totals = means_of_observations(values, weights, np.array([7, 7, 3, 5]))
    np.testing.assert_allclose([means, totals], [[4, 1.75], [2 / 3, 4 / 3]])
    means, totals = means_of_observations(values)
    assert (means.tolist(), totals.tolist()) == (values.tolist(), [1.0] * 4)


def test_one_overwhelming_weight_leaves_one_degree_of_freedom():
    values = np.array([1.0, 5.0, 3.0])
    mean, error, freedom = student_of(values, np.array([2e3, 1.0, 2.0]))
    assert mean == pytest.approx(1, abs=0.01)
    assert error > 1 and freedom == pytest.approx(1, abs=0.01)
    assert student_of(values, np.array([1e300, 1.0, 2.0]))[1] == np.inf


@pytest.mark.parametrize("n", [10, 30, 300])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_power_laws_of_weights_keep_the_level(n, spread):
    # Without degrees of freedom of their own, 8 to 24 % of the intervals miss.
    rng, n_worlds = np.random.default_rng(n), 1_000
    missed = 0
    for _ in range(n_worlds):
        weights = np.minimum(rng.random(n) ** (-1 / 1.2), 100)
        values = rng.normal(size=n) * np.where(weights > 20, spread, 1.0)
        mean, error, freedom = student_of(values, weights)
        missed += 2 * stats.t.sf(abs(mean) / error, freedom) < 0.05
    assert missed / n_worlds < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_worlds)
