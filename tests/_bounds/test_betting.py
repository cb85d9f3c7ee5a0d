"""Betting limits: the wealth of a gambler who keeps books by hand, and the coverage of limits."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksoftinfo._bounds import betting
from sksoftinfo._bounds.betting import betting_lower_limits, rounds_of

LEVEL, N_WORLDS = 0.95, 2_000
# Three standard errors of a share of 0.95 among N_WORLDS.
LEAST_COVERAGE = LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / N_WORLDS)
# Nonnegative values, and their mean.
WORLDS = {
    "coin": (lambda rng, size: rng.integers(0, 2, size), 0.5),
    "rare failure": (lambda rng, size: rng.random(size) > 0.01, 0.99),
    "uniform": (lambda rng, size: rng.uniform(0, 8, size), 4.0),
    "rare success": (lambda rng, size: rng.random(size) < 0.01, 0.01),
    "rare large": (lambda rng, size: np.where(rng.random(size) < 0.02, 51.0, 1.0), 2.0),
}


@pytest.mark.parametrize("n", [30, 128, 300])
@pytest.mark.parametrize("name", WORLDS)
def test_limits_hold_as_often_as_they_say(name, n):
    draw, truth = WORLDS[name]
    values = draw(np.random.default_rng(0), (N_WORLDS, n)).astype(float)
    limits = betting_lower_limits(values, np.ones(n), np.full(N_WORLDS, LEVEL), rounds_of(n))
    assert np.mean(limits <= truth) >= LEAST_COVERAGE


@pytest.mark.parametrize("name", WORLDS)
def test_limits_from_sums_of_powers_hold_as_often(name):
    draw, truth = WORLDS[name]
    n, n_worlds = 5_000, 200
    values = draw(np.random.default_rng(0), (n_worlds, n)).astype(float)
    limits = betting_lower_limits(values, np.ones(n), np.full(n_worlds, LEVEL), rounds_of(n))
    assert np.mean(limits <= truth) >= LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / n_worlds)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 0.2, 1.0), (0.1, 1.0, 0.4)])
def test_no_distribution_over_three_values_is_missed_more_often_than_said(weights):
    # All samples of six rows, each with its exact probability under each of 400 distributions.
    values, weights, n = np.array([0.0, 0.3, 1.0]), np.array(weights), 6
    samples = np.array(list(itertools.product(range(3), repeat=n)))
    levels = np.array([0.5, 0.8, 0.95])
    limits = [
        betting_lower_limits(
            (values * weights)[sample][None], weights[sample], levels, rounds_of(n), [0, 0, 0]
        )
        for sample in samples
    ]
    p = np.vstack([np.random.default_rng(0).dirichlet([a] * 3, 100) for a in (0.1, 0.3, 1, 3)])
    means = p @ (values * weights) / (p @ weights)
    for level, limit in zip(levels, np.transpose(limits), strict=True):
        missed = limit[:, None] > means + 1e-9
        assert (p.T[samples].prod(axis=1) * missed).sum(axis=0).max() <= 1 - level + 1e-9


@given(st.integers(1, 10**7))
def test_rounds_follow_each_other_and_are_narrow_at_both_ends(n):
    rounds = rounds_of(n)
    widths = np.diff(rounds)
    assert rounds[0] == 0 and rounds[-1] == n and widths.min() >= 1
    assert widths[0] == widths[-1] == 1
    assert (widths <= np.maximum(1, rounds[:-1] / 4)).all()
    assert (widths <= np.maximum(1, (n - rounds[:-1]) / 8)).all()
    assert widths.max() <= n / 32 + 1 and len(widths) < 250


def missing_by_hand(values, weights, mean, target, rounds):
    """Return the log of the wealth that a gambler, who bets round by round, still has to win."""
    squares, missing = betting._FIRST_DEVIATION**2 * mean**2, target
    for start, stop in zip(rounds[:-1], rounds[1:], strict=True):
        variance = squares / (1 + start)
        stake = 0.8 * np.sqrt(2 * missing / ((len(values) - start) * variance))
        stake = min(stake, 0.98 / mean)
        rows = slice(start, stop)
        excess = values[rows] - weights[rows] * mean
        x = stake * excess
        sample_mean = values.sum() / weights.sum()
        change = stake * abs(values[rows] - weights[rows] * sample_mean).max()
        if stop - start < 64 or change > 0.5:
            won = np.log1p(x).sum()
        else:
            won = (x - x**2 / 2 + x**3 / 3 - x**4 / 2).sum()
        missing = max(missing - won, 0.0)
        squares += (excess**2).sum()
    return missing


# The sizes give one row in a round, several rows, and so many that sums of powers are used.
@pytest.mark.parametrize("n", [20, 130, 700, 4_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_wealth_is_that_of_a_gambler_who_keeps_books(n, weighted):
    rng = np.random.default_rng(n)
    weights = rng.uniform(0.2, 1, n) if weighted else np.ones(n)
    values = weights * rng.beta(2, 0.7, (2, n))
    means = values.sum(axis=1) / weights.sum()
    candidates = means[:, None] * (1 - np.array([2.0, 0.5, 0.1, 0.01]) / np.sqrt(n))
    targets, rounds = np.log([20.0, 3.0]), rounds_of(n)
    game = betting._Game(values, weights, rounds, np.arange(2))
    for column in candidates.T:
        missing = game.missing(column[:, None], targets)[:, 0]
        expected = [
            missing_by_hand(*line, rounds)
            for line in zip(values, [weights, weights], column, targets, strict=True)
        ]
        np.testing.assert_allclose(missing, expected, rtol=1e-8)


def test_the_lower_bound_of_a_logarithm():
    x = np.linspace(-0.5, 3, 100_001)
    assert (x - x**2 / 2 + x**3 / 3 - x**4 / 2 <= np.log1p(x) + 1e-16).all()


def test_a_large_loss_among_many_rows_is_counted_row_by_row():
    """Nearly all values are equal: stakes are large, and sums of powers would not be a bound."""
    n = 20_000
    values = np.ones((1, n))
    values[0, 10_000] = 0.0
    candidates, target = np.array([[0.9993, 0.9999]]), np.log([20.0])
    missing = betting._Game(values, np.ones(n), rounds_of(n), np.array([0])).missing(
        candidates, target
    )
    expected = [
        missing_by_hand(values[0], np.ones(n), mean, target[0], rounds_of(n))
        for mean in candidates[0]
    ]
    np.testing.assert_allclose(missing[0], expected, rtol=1e-4)


@pytest.mark.parametrize("n", [1, 7, 60, 120])
def test_stakes_depend_on_earlier_rows_only(n):
    """Later rows do not change the factor by which a row multiplies the wealth."""
    rng = np.random.default_rng(0)
    values = rng.random((1, n + 1))
    other = values.copy()
    other[0, -1] = 0.3
    first, second = (
        betting._Game(one, np.ones(n + 1), rounds_of(n + 1), np.array([0])).missing(
            np.array([[0.5]]), np.log([2000.0])
        )[0, 0]
        for one in (values, other)
    )
    # The last factors are 1 + stake (v - m) with the same stake, which lies in its allowed range.
    lost, won = np.exp(second - first) - 1, values[0, -1] - 0.3
    stake = lost / (won - lost * (0.3 - 0.5))
    assert 0 <= stake <= 0.98 / 0.5 + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_all_candidates_below_the_limit_are_rejected_and_one_just_above_is_not(seed):
    rng = np.random.default_rng(seed)
    n, target = 10 * (seed + 1), np.log([20.0])
    values = rng.beta(*rng.uniform(0.3, 5, 2), size=(1, n))
    (limit,) = betting_lower_limits(values, np.ones(n), np.array([0.95]), rounds_of(n))
    game = betting._Game(values, np.ones(n), rounds_of(n), np.array([0]))
    assert (game.missing(np.linspace(1e-5, limit, 500)[None], target) < 1e-9).all()
    above = limit + np.linspace(0, 0.05, 50)[None] * (values.mean() - limit)
    assert (game.missing(above, target) > 0).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(0.01, 0.9999))
def test_limits_are_within_zero_and_the_mean(seed, n, level):
    rng = np.random.default_rng(seed)
    values = rng.beta(*rng.uniform(0.05, 5, 2), size=(1, n))
    (limit,) = betting_lower_limits(values, np.ones(n), np.array([level]), rounds_of(n))
    assert 0 <= limit <= values.mean() * (1 + 1e-12)


def test_a_sure_prediction_with_few_rows():
    """Nothing was ever lost: a former fixed floor gave -0.25 nats, while the truth is log 2."""
    floor = np.log(0.1)
    value = np.log(0.9 * 2 + 0.1)
    limits = betting_lower_limits(
        np.full((1, 30), value - floor), np.ones(30), np.array([0.95]), rounds_of(30)
    )
    assert limits[0] + floor > 0.3


def test_rows_without_spread():
    zeros, ones = betting_lower_limits(
        np.array([np.zeros(100), np.ones(100)]),
        np.ones(100),
        np.array([0.95, 0.95]),
        rounds_of(100),
    )
    assert zeros == 0
    # Each row multiplies the wealth by at most 1 + 0.98 (1 - m) / m.
    assert 1 - ones == pytest.approx(-np.log(0.05) / (0.98 * 100), rel=0.1)


def test_wide_rounds_lose_little():
    """For a normal mean, the best limit lies 1.64 standard errors below the mean."""
    values = np.random.default_rng(0).random((20, 20_000))
    limits = betting_lower_limits(values, np.ones(20_000), np.full(20, 0.95), rounds_of(20_000))
    distances = (values.mean(axis=1) - limits) / (values.std(axis=1) / np.sqrt(20_000))
    assert 1.64 < np.median(distances) < 2.0


def test_several_levels_of_one_variable():
    values = np.random.default_rng(0).random((2, 90))
    levels, variables = np.array([0.8, 0.9, 0.99]), np.array([1, 0, 1])
    args = np.ones(90), levels, rounds_of(90)
    np.testing.assert_array_equal(
        betting_lower_limits(values, *args, variables),
        betting_lower_limits(values[variables], *args),
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.floats(1e-3, 1e3))
def test_units_change_nothing(seed, n, unit):
    values = np.random.default_rng(seed).beta(0.5, 0.5, (1, n))
    args = np.ones(n), np.array([0.9]), rounds_of(n)
    np.testing.assert_allclose(
        betting_lower_limits(unit * values, *args) / unit,
        betting_lower_limits(values, *args),
        rtol=1e-6,
        atol=1e-9,
    )
