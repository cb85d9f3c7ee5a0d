"""Limits by betting: what a gambler who keeps books by hand wins, and how often they hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksoftinfo._bounds import betting
from sksoftinfo._bounds.betting import betting_lower_limits

LEVEL, N_WORLDS = 0.95, 2_000
# Three standard errors of a share of 0.95 among N_WORLDS.
LEAST_COVERAGE = LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / N_WORLDS)
# Values that are not negative, and their mean.
WORLDS = {
    "coin": (lambda rng, size: rng.integers(0, 2, size), 0.5),
    "rare failure": (lambda rng, size: rng.random(size) > 0.01, 0.99),
    "uniform": (lambda rng, size: rng.uniform(0, 8, size), 4.0),
    "rare success": (lambda rng, size: rng.random(size) < 0.01, 0.01),
    "rare large": (lambda rng, size: np.where(rng.random(size) < 0.02, 51.0, 1.0), 2.0),
}


@pytest.mark.parametrize("n, width", [(30, 1), (128, 1), (300, 3)])
@pytest.mark.parametrize("name", WORLDS)
def test_limits_hold_as_often_as_they_say(name, n, width):
    draw, truth = WORLDS[name]
    values = draw(np.random.default_rng(0), (N_WORLDS, n)).astype(float)
    limits = betting_lower_limits(values, np.ones(n), np.full(N_WORLDS, LEVEL), width=width)
    assert np.mean(limits <= truth) >= LEAST_COVERAGE


def log_wealth_by_hand(values, weights, mean, target, width):
    """Return the log wealth of a gambler who bets on one round after the other."""
    used = len(values) // width * width
    squares, wealth = betting._FIRST_DEVIATION**2 * mean**2, 0.0
    for start in range(0, used, width):
        left = used - start
        missing = max(target - wealth, 0.0)
        stake = min(np.sqrt(2 * missing / (left * squares / (1 + start))), 0.9 / mean)
        rows = range(start, start + width)
        wealth += sum(np.log1p(stake * (values[row] - weights[row] * mean)) for row in rows)
        squares += sum((values[row] - weights[row] * mean) ** 2 for row in rows)
    return wealth


@pytest.mark.parametrize("weighted", [False, True])
# One row in a round; several, and some too many; more than one product of factors.
@pytest.mark.parametrize("n, width", [(40, 1), (130, 4), (700, 300)])
def test_the_wealth_is_that_of_a_gambler_who_keeps_books(n, width, weighted):
    rng = np.random.default_rng(n)
    weights = rng.uniform(0.2, 1, n) if weighted else np.ones(n)
    values = weights * rng.beta(2, 0.7, (2, n))
    candidates, targets = np.array([[0.3, 0.6, 0.7], [0.5, 0.72, 0.8]]), np.log([20.0, 3.0])
    wealth = betting._Table(values, weights, width).log_wealth(candidates, targets)
    for row, line in enumerate(candidates):
        expected = [
            log_wealth_by_hand(values[row], weights, mean, targets[row], width) for mean in line
        ]
        np.testing.assert_allclose(wealth[row], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [1, 7, 60, 120])
def test_stakes_depend_on_earlier_rows_only(n):
    """Whatever comes later, the wealth up to a row is the same factor of the wealth before."""
    rng = np.random.default_rng(0)
    values = rng.random((1, n + 1))
    other = values.copy()
    other[0, -1] = 0.3
    args = np.array([[0.5]]), np.log([20.0])
    first, second = (
        betting._Table(one, np.ones(n + 1), 1).log_wealth(*args)[0, 0] for one in (values, other)
    )
    # The last factors are 1 + stake (v - m) with one stake: it lies within what a stake may be.
    lost, won = np.exp(first - second) - 1, values[0, -1] - 0.3
    stake = lost / (won - lost * (0.3 - 0.5))
    assert 0 <= stake <= 0.9 / 0.5 + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_all_candidates_below_the_limit_are_rejected_and_one_just_above_is_not(seed):
    rng = np.random.default_rng(seed)
    n, target = 10 * (seed + 1), np.log([20.0])
    values = rng.beta(*rng.uniform(0.3, 5, 2), size=(1, n))
    (limit,) = betting_lower_limits(values, np.ones(n), np.array([0.95]))
    table = betting._Table(values, np.ones(n), 1)
    below = np.linspace(1e-5, limit, 500)[None]
    assert (table.log_wealth(below, target) >= target - 1e-9).all()
    above = limit + np.linspace(0, 0.05, 50)[None] * (values.mean() - limit)
    assert (table.log_wealth(above, target) < target).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(0.01, 0.9999))
def test_limits_are_within_zero_and_the_mean(seed, n, level):
    rng = np.random.default_rng(seed)
    values = rng.beta(*rng.uniform(0.05, 5, 2), size=(1, n))
    (limit,) = betting_lower_limits(values, np.ones(n), np.array([level]))
    assert 0 <= limit <= values.mean() * (1 + 1e-12)


def test_a_sure_prediction_with_few_rows():
    """Nothing was ever lost: the fixed floor of old left -0.25 nats, and log 2 is the truth."""
    floor = np.log(0.1)
    value = np.log(0.9 * 2 + 0.1)
    limits = betting_lower_limits(np.full((1, 30), value - floor), np.ones(30), np.array([0.95]))
    assert limits[0] + floor > 0.3


def test_rows_without_spread():
    zeros, ones = betting_lower_limits(
        np.array([np.zeros(100), np.ones(100)]), np.ones(100), np.array([0.95, 0.95])
    )
    assert zeros == 0
    # Wealth grows by at most 0.9 (1 - m) / m of itself with each row.
    assert 1 - ones == pytest.approx(-np.log(0.05) / (0.9 * 100), rel=0.1)


def test_wide_rounds_lose_little():
    values = np.random.default_rng(0).random((1, 50_000))
    options = np.ones(50_000), np.array([0.95])
    coarse = betting_lower_limits(values, *options, width=391)[0]
    fine = betting_lower_limits(values, *options, width=50)[0]
    standard_error = values.std() / np.sqrt(values.size)
    for limit in (coarse, fine):
        assert values.mean() - 2.7 * standard_error < limit < values.mean()


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(1e-3, 1e3))
def test_units_change_nothing(seed, n, unit):
    values = np.random.default_rng(seed).beta(0.5, 0.5, (1, n))
    args = np.ones(n), np.array([0.9])
    np.testing.assert_allclose(
        betting_lower_limits(unit * values, *args) / unit,
        betting_lower_limits(values, *args),
        rtol=1e-6,
        atol=1e-9,
    )
