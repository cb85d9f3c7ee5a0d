"""Confidence limits: their coverage by simulation, and what they must never do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from sksoftinfo._bounds.accumulator import BoundsAccumulator
from sksoftinfo._bounds.betting import betting_lower_limit
from sksoftinfo._bounds.confidence import (
    METHODS,
    clopper_pearson_upper_limit,
    fano_information,
    floor_mixture,
    information_lower_limit,
    mean_lower_limit,
    normal_lower_limit,
)
from sksoftinfo._bounds.equations import entropy, label_frequencies
from tests.helpers.worlds import logits_and_labels

LEVEL, N_WORLDS = 0.95, 400
# Three standard errors of a share of 0.95 among N_WORLDS.
LEAST_COVERAGE = LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / N_WORLDS)


def coverage(draw, truth, n, **options):
    """Return how often the limit from `draw(rng, n)` lies at or below the truth."""
    rng = np.random.default_rng(0)
    limits = [mean_lower_limit(*draw(rng, n), level=LEVEL, **options) for _ in range(N_WORLDS)]
    return np.mean(np.array(limits) <= truth)


MEANS = {
    "coin": (lambda rng, n: (rng.integers(0, 2, n), 0, 1), 0.5),
    "rare failure": (lambda rng, n: (rng.random(n) > 0.01, 0, 1), 0.99),
    "uniform": (lambda rng, n: (rng.uniform(-3, 5, n), -3, 5), 1.0),
    "rare success": (lambda rng, n: (rng.random(n) < 0.01, 0, 1), 0.01),
}


def test_normal_covers_where_the_sample_is_large_and_not_where_failures_are_rare():
    draw, truth = MEANS["uniform"]
    assert coverage(draw, truth, 1000, method="normal") >= LEAST_COVERAGE
    # Without a failure among the rows their spread says nothing of failures.
    draw, truth = MEANS["rare failure"]
    assert coverage(draw, truth, 100, method="normal") < 0.8


# Of each world: prior of the classes, and distance between their means in standard deviations.
WORLDS = {
    "balanced": ([0.25, 0.25, 0.25, 0.25], 1.5),
    "imbalanced": ([0.85, 0.1, 0.05], 1.5),
    "near-deterministic": ([0.5, 0.5], 6.0),
    "independent": ([0.7, 0.2, 0.1], 0.0),
}


def gaussian_world(prior, distance, n, rng):
    """Return labels and the log posterior of equal Gaussians in a row."""
    prior = np.array(prior)
    y = rng.choice(len(prior), size=n, p=prior)
    means = distance * np.arange(len(prior))
    x = rng.normal(means[y])
    return y, log_softmax(np.log(prior) - 0.5 * (x[:, None] - means) ** 2, axis=1)


def limits_of_world(name, n, temperature=1.0, **options):
    """Return the truth, from two million rows, and the limits in `N_WORLDS` samples of n rows."""
    prior, distance = WORLDS[name]
    rng = np.random.default_rng(1)
    y, log_proba = gaussian_world(prior, distance, 2_000_000, rng)
    truth = (log_proba[np.arange(len(y)), y] - np.log(prior)[y]).mean()
    limits = np.empty((N_WORLDS, 2))
    for row in limits:
        y, log_proba = gaussian_world(prior, distance, n, rng)
        accumulator = BoundsAccumulator(len(prior))
        accumulator.update(temperature * log_proba, y)
        found = accumulator.limits(level=LEVEL, **options)
        row[:] = found["mi_lower_limit"], found["fano_lower_limit"]
    return truth, limits.T


@pytest.mark.parametrize("n", [100, 300, 1000])
@pytest.mark.parametrize("name", WORLDS)
def test_limits_lie_below_the_information_even_of_the_true_posterior(name, n):
    """The true posterior is the hardest case: its bound is the information itself."""
    truth, (information, fano) = limits_of_world(name, n, method="betting")
    assert np.mean(information <= truth) >= LEAST_COVERAGE
    assert np.mean(fano <= truth) >= LEAST_COVERAGE
    if n == 1000 and name in ("balanced", "near-deterministic"):
        assert np.median(information) > 0.85 * truth


def test_known_prior_and_over_confidence_keep_the_level():
    prior = np.array(WORLDS["imbalanced"][0])
    truth, (information, _) = limits_of_world(
        "imbalanced", 300, method="betting", known_prior=prior
    )
    assert np.mean(information <= truth) >= LEAST_COVERAGE
    truth, (information, _) = limits_of_world("balanced", 300, temperature=4.0, method="betting")
    assert np.mean(information <= truth) >= LEAST_COVERAGE


def test_a_wrong_known_prior_does_no_harm():
    """A perfect prediction scored against a uniform prior has no spread at all."""
    prior = np.array([0.9, 0.1])
    rng = np.random.default_rng(0)
    limits = []
    for _ in range(N_WORLDS):
        y = rng.choice(2, size=300, p=prior)
        limits.append(
            information_lower_limit(
                np.zeros(300),
                y,
                label_frequencies(y, 2),
                level=LEVEL,
                method="betting",
                known_prior=np.array([0.5, 0.5]),
            )
        )
    assert np.mean(np.array(limits) <= entropy(prior)) >= LEAST_COVERAGE


def test_importance_weights_keep_the_level():
    """Rows of one half of the line are drawn four times too often, and weighted down."""

    def draw(rng, n):
        x = rng.random(n)
        often = rng.random(n) < 0.8
        x = np.where(often, 0.5 * x, 0.5 + 0.5 * x)
        return x, np.where(x < 0.5, 0.25, 1.0)

    rng = np.random.default_rng(0)
    for method in METHODS:
        limits = []
        for _ in range(N_WORLDS):
            values, weights = draw(rng, 300)
            limits.append(
                mean_lower_limit(values, 0, 1, level=LEVEL, method=method, weights=weights)
            )
        assert np.mean(np.array(limits) <= 0.5) >= LEAST_COVERAGE
        assert np.median(limits) > 0.4


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(1e-3, 1e3))
def test_equal_weights_and_units_change_nothing(seed, n, weight):
    values = np.random.default_rng(seed).beta(0.5, 0.5, n)
    betting = betting_lower_limit(values, 0, 1)
    weighted = betting_lower_limit(values, 0, 1, weights=np.full(n, weight))
    moved = betting_lower_limit(2 * values - 7, -7, -5)
    np.testing.assert_allclose([weighted, (moved + 7) / 2], betting, rtol=0, atol=1e-8)
    if n > 1:
        normal = normal_lower_limit(values)
        weighted = normal_lower_limit(values, weights=np.full(n, weight))
        moved = normal_lower_limit(2 * values - 7)
        np.testing.assert_allclose([weighted, (moved + 7) / 2], normal, rtol=0, atol=1e-8)


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_limits_are_ordered(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.beta(*rng.uniform(0.2, 5, 2), size=n)
    limits = [betting_lower_limit(values, 0, 1, level=level) for level in (0.5, 0.9, 0.99)]
    assert (np.diff(limits) <= 1e-9).all()
    assert 0 <= limits[2] and limits[0] <= values.mean() + 1e-9
    normal = [normal_lower_limit(values, level=level) for level in (0.9, 0.99)]
    assert normal[1] <= normal[0]
    assert n > 1 or normal[0] == -np.inf


def test_weight_zero_is_absence():
    values = np.random.default_rng(0).random(500)
    weights = np.repeat([1.0, 0.0], 250)
    assert normal_lower_limit(values, weights=weights) == pytest.approx(
        normal_lower_limit(values[:250]), abs=1e-12
    )
    whole = betting_lower_limit(values, 0, 1, weights=weights)
    assert whole < values[:250].mean()


def test_clopper_pearson_is_exact():
    """At the limit, as few successes have the probability 1 - level."""
    from scipy.stats import binom

    for k, n in ((0, 10), (3, 50), (9, 10)):
        limit = clopper_pearson_upper_limit(k, n, level=0.9)
        assert binom.cdf(k, n, limit) == pytest.approx(0.1)
    assert clopper_pearson_upper_limit(10, 10) == 1.0


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_fano_holds_for_every_joint_distribution(seed, m):
    joint = np.random.default_rng(seed).dirichlet(np.full(4 * m, 0.3)).reshape(4, m)
    error = 1 - joint.max(axis=1).sum()
    prior = joint.sum(axis=0)
    information = entropy(prior) + entropy(joint.sum(axis=1)) - entropy(joint.ravel())
    assert fano_information(entropy(prior), error, m) <= information + 1e-12


def test_fano_is_the_information_of_a_symmetric_channel():
    channel = np.full((5, 5), 0.02) + 0.9 * np.eye(5)
    information = np.log(5) - entropy(channel[0])
    assert fano_information(np.log(5), 0.08, 5) == pytest.approx(information)


@given(logits_and_labels(), st.sampled_from(METHODS))
def test_limits_of_random_worlds_are_finite_or_minus_infinity_and_never_above_the_entropy(
    world, method
):
    z, y = world
    accumulator = BoundsAccumulator(z.shape[-1])
    accumulator.update(z, y)
    label_entropy = accumulator.result()["label_entropy"]
    for limit in accumulator.limits(level=LEVEL, method=method).values():
        assert not np.isnan(limit)
        assert limit <= label_entropy + 1e-9


def test_floor_is_a_mixture_and_bounded():
    q, r = np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.3, 0.5])
    with np.errstate(divide="ignore"):
        mixed = floor_mixture(np.log(q), np.log(r))
    np.testing.assert_allclose(np.exp(mixed), 0.999 * q + 0.001 * r)
