"""The limit by betting: what a gambler who keeps books by hand wins, and how often it holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksoftinfo._bounds import betting as _betting
from sksoftinfo._bounds.betting import betting_lower_limit

LEVEL, N_WORLDS = 0.95, 400
# Three standard errors of a share of 0.95 among N_WORLDS.
LEAST_COVERAGE = LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / N_WORLDS)
# Rows of a world, their bounds and their mean.
WORLDS = {
    "coin": (lambda rng, n: (rng.integers(0, 2, n), 0, 1), 0.5),
    "rare failure": (lambda rng, n: (rng.random(n) > 0.01, 0, 1), 0.99),
    "uniform": (lambda rng, n: (rng.uniform(-3, 5, n), -3, 5), 1.0),
    "rare success": (lambda rng, n: (rng.random(n) < 0.01, 0, 1), 0.01),
}


def coverage(draw, truth, n):
    """Return how often the limit from `draw(rng, n)` lies at or below the truth."""
    rng = np.random.default_rng(0)
    limits = [betting_lower_limit(*draw(rng, n), level=LEVEL) for _ in range(N_WORLDS)]
    return np.mean(np.array(limits) <= truth)


@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("name", WORLDS)
def test_limits_hold_as_often_as_they_say(name, n):
    draw, truth = WORLDS[name]
    assert coverage(draw, truth, n) >= LEAST_COVERAGE


def log_wealth_by_hand(values, weights, mean, target):
    """Return the largest log wealth of a gambler who bets on one round after the other."""
    order = np.random.default_rng(0).permutation(len(values))
    n_rows = -(-len(values) // _betting._ROUNDS)
    width = len(values) // n_rows
    rounds = order[: n_rows * width].reshape(n_rows, width).T
    total, total_weight, squares, count = 0.5, 1.0, 0.25, 1.0
    wealth, largest = 0.0, 0.0
    for rows in rounds:
        bet = np.sqrt(2 * target / (rounds.size * squares / count))
        stake = min(bet, 0.75 / mean)
        for row in rows:
            wealth += np.log1p(stake * weights[row] * (values[row] - mean))
        largest = max(largest, wealth)
        total += sum(weights[row] * values[row] for row in rows)
        total_weight += sum(weights[row] for row in rows)
        expected = total / total_weight
        squares += sum((weights[row] * (values[row] - expected)) ** 2 for row in rows)
        count += len(rows)
    return largest


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("level", [0.9, 0.999])
# One row in a round; two, and one too many; more than one product of factors.
@pytest.mark.parametrize("n", [40, 512, 1_025, 17_000])
def test_wealth_at_the_limit_is_what_is_needed(n, level, weighted):
    rng = np.random.default_rng(n)
    values = rng.beta(2, 0.7, n)
    weights = rng.uniform(0.2, 1, n) if weighted else np.ones(n)
    weights /= weights.max()
    limit = betting_lower_limit(values, 0, 1, level=level, weights=weights if weighted else None)
    target = -np.log(1 - level)
    excess = log_wealth_by_hand(values, weights, limit, target) - target
    assert -1e-9 <= excess <= _betting._precision(target) + 1e-9
    # And there is no wealth to speak of at the truth.
    assert limit < np.average(values, weights=weights)


def test_rows_of_one_round_more_lose_little(monkeypatch):
    """Rounds of many rows are bet on with less knowledge, and cover all the same."""
    monkeypatch.setattr(_betting, "_ROUNDS", 9)
    draw, truth = WORLDS["uniform"]
    assert coverage(draw, truth, 100) >= LEAST_COVERAGE
    values = np.random.default_rng(0).random(50_000)
    monkeypatch.setattr(_betting, "_ROUNDS", 512)
    coarse = betting_lower_limit(values, 0, 1)
    monkeypatch.setattr(_betting, "_ROUNDS", 50_000)
    fine = betting_lower_limit(values, 0, 1)
    standard_error = values.std() / np.sqrt(len(values))
    assert values.mean() - 4 * standard_error < coarse < values.mean()
    assert coarse == pytest.approx(fine, abs=standard_error)


def test_sorted_rows_do_no_harm():
    """Bets on sorted rows would be sure to win: the later rows exceed the mean of the earlier."""
    draw, truth = WORLDS["uniform"]

    def drawn_sorted(rng, n):
        values, *bounds = draw(rng, n)
        return np.sort(values), *bounds

    assert coverage(drawn_sorted, truth, 100) >= LEAST_COVERAGE


def test_order_is_the_same_whether_it_is_kept_or_not(monkeypatch):
    values = np.random.default_rng(0).random(2_000)
    kept = betting_lower_limit(values, 0, 1)
    monkeypatch.setattr(_betting, "_KEPT_ORDER", 10)
    assert betting_lower_limit(values, 0, 1) == kept


def test_rows_are_left_as_they_were():
    values, weights = np.random.default_rng(0).random((2, 1_300))
    copies = values.copy(), weights.copy()
    betting_lower_limit(values, 0, 1, weights=weights)
    np.testing.assert_array_equal((values, weights), copies)


@pytest.mark.parametrize("n", [1, 2, 600, 3_000])
def test_rows_without_spread(n):
    assert betting_lower_limit(np.zeros(n), 0, 1) == 0
    ones = betting_lower_limit(np.ones(n), 0, 1)
    # Wealth grows by at most 3/4 (1 - m) / m of itself with each row.
    assert 0 <= ones < 1
    assert n < 600 or 1 - ones == pytest.approx(-np.log(0.05) / (0.75 * n), rel=0.2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 1_200), st.floats(0.01, 0.9999))
def test_search_ends_at_the_limit_for_all_levels(seed, n, level):
    rng = np.random.default_rng(seed)
    values = rng.beta(*rng.uniform(0.05, 5, 2), size=n)
    limit = betting_lower_limit(values, 0, 1, level=level)
    assert 0 <= limit <= values.mean()
    if 0 < limit < values.mean():
        target = -np.log1p(-level)
        excess = log_wealth_by_hand(values, np.ones(n), limit, target) - target
        assert -1e-9 <= excess
        further = log_wealth_by_hand(values, np.ones(n), limit + 1e-9, target) - target
        assert further <= _betting._precision(target) + 1e-9
