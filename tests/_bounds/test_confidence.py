"""Confidence limits: their coverage by simulation, and the values that they must never take."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from sksoftinfo import information_bounds
from sksoftinfo._bounds.accumulator import BoundsAccumulator, certain_row_terms
from sksoftinfo._bounds.confidence import (
    LimitsTask,
    clopper_pearson_upper_limit,
    fano_information,
    floor_mixture,
    floor_share,
    limits_of,
)
from sksoftinfo._bounds.equations import entropy, kl_divergence, label_frequencies
from sksoftinfo._bounds.observations import Observations
from tests.helpers.worlds import exact_mutual_information, logits_and_labels

LEVEL, N_WORLDS = 0.95, 200
LOWER = ("mi_lower_limit", "betting_lower_limit", "fano_lower_limit")


def assert_holds(shares):
    """Assert that the share of valid limits is the level, within three standard errors."""
    assert np.min(shares) >= LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / N_WORLDS), shares


# For each world: prior of the classes, and distance between their means in standard deviations.
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


@cache
def information_of_world(name):
    """Return the information of a world, from a million rows."""
    prior, distance = WORLDS[name]
    y, log_proba = gaussian_world(prior, distance, 1_000_000, np.random.default_rng(1))
    return (log_proba[np.arange(len(y)), y] - np.log(prior)[y]).mean()


def limits_of_samples(samples, n_classes, **options):
    """Return the limits of samples of log probabilities and labels, all of one size."""
    tasks = []
    for log_proba, y in samples:
        terms = certain_row_terms(log_proba, y)
        found = (terms.predictive, terms.tempered, terms.error, y, n_classes)
        tasks.append(LimitsTask(*found, Observations(len(y)), levels=[LEVEL], **options))
    return [limits for (limits,) in limits_of(tasks)]


def limits_of_world(name, n, temperature=1.0, **options):
    """Return the truth, and the limits in `N_WORLDS` samples of n rows."""
    prior, distance = WORLDS[name]
    rng = np.random.default_rng(2)
    samples = [gaussian_world(prior, distance, n, rng) for _ in range(N_WORLDS)]
    scored = [(log_softmax(temperature * log_proba, axis=1), y) for y, log_proba in samples]
    return information_of_world(name), limits_of_samples(scored, len(prior), **options)


def medians(found):
    return {name: np.median([getattr(limits, name) for limits in found]) for name in LOWER}


@pytest.mark.parametrize("n", [50, 300])
@pytest.mark.parametrize("name", WORLDS)
def test_limits_lie_below_the_information_even_of_the_true_posterior(name, n):
    """The true posterior is the hardest case: its bound equals the information."""
    truth, found = limits_of_world(name, n)
    label_entropy = entropy(WORLDS[name][0])
    assert_holds(
        [np.mean([getattr(one, limit) <= truth + 1e-9 for one in found]) for limit in LOWER]
    )
    assert_holds(np.mean([one.label_entropy_upper_limit >= label_entropy for one in found]))
    if n == 300 and name in ("balanced", "near-deterministic"):
        assert medians(found)["betting_lower_limit"] > 0.8 * truth


def test_the_limit_to_use_is_the_larger_of_two_that_share_the_probability_of_being_wrong():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    right = np.eye(3)[np.where(rng.random(400) < 0.02, (y + 1) % 3, y)]
    # Score the predictions as they are, and after they are flattened so much that only the order
    # of the classes is useful.
    for proba, larger in ((0.94 * right + 0.02, "betting"), (0.04 * right + 0.32, "fano")):
        one = information_bounds(y, proba, confidence_level=0.95)
        parts = {
            "betting": information_bounds(y, proba, confidence_level=0.955).betting_lower_limit,
            "fano": information_bounds(y, proba, confidence_level=0.995).fano_lower_limit,
        }
        assert max(parts, key=parts.get) == larger
        assert one.mi_lower_limit == pytest.approx(parts[larger], abs=1e-9)


# For each input (row) and label (column): the joint probability. An important event occurs in few
# of 100 rows, or in none. The scored prediction is the posterior, or more confident than the
# posterior.
RARE = {
    "class of 3 %": ([[0.97, 0.0], [0.0, 0.03]], None),
    "class of 0.1 %": ([[0.9985, 0.0005], [0.0005, 0.0005]], None),
    "failures in 3 %": ([[0.485, 0.015], [0.015, 0.485]], None),
    "sure, and wrong in 1 %": ([[0.495, 0.005], [0.005, 0.495]], np.eye(2)),
    "informative input of 1 %": ([[0.495, 0.495], [0.01, 0.0]], None),
    "ties": ([[0.25, 0.25, 0, 0], [0, 0, 0.25, 0.25]], None),
}


@pytest.mark.parametrize("name", RARE)
def test_limits_hold_if_few_rows_matter(name):
    joint, proba = np.array(RARE[name][0]), RARE[name][1]
    proba = joint / joint.sum(axis=1, keepdims=True) if proba is None else proba
    log_proba = np.log(np.maximum(proba, 1e-12))
    rng = np.random.default_rng(0)
    cells = rng.choice(joint.size, (N_WORLDS, 100), p=joint.ravel())
    samples = [(log_proba[x], y) for x, y in zip(*np.divmod(cells, joint.shape[1]), strict=True)]
    found = limits_of_samples(samples, joint.shape[1])
    truth = exact_mutual_information(joint)
    label_entropy = entropy(joint.sum(axis=0))
    assert_holds(
        [np.mean([getattr(one, limit) <= truth + 1e-9 for one in found]) for limit in LOWER]
    )
    assert_holds(np.mean([one.label_entropy_upper_limit >= label_entropy - 1e-9 for one in found]))


def test_over_confident_predictions_are_recalibrated():
    truth, found = limits_of_world("balanced", 300, temperature=4.0)
    assert_holds(np.mean([one.mi_lower_limit <= truth for one in found]))
    assert medians(found)["betting_lower_limit"] > 0.75 * truth
    # The interval covers the information of the unchanged predictions, which are worse.
    assert np.median([one.interval[1] for one in found]) < 0.95 * truth


def test_a_known_prior_keeps_the_level():
    prior = np.array(WORLDS["imbalanced"][0])
    truth, found = limits_of_world("imbalanced", 300, prior=prior)
    assert_holds(np.mean([one.mi_lower_limit <= truth for one in found]))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_entropy_of_a_known_prior_enters_fanos_limit(weighted):
    y = np.repeat([0, 1], 500)
    log_proba = np.log(np.eye(2)[y] * 0.98 + 0.01)
    terms = certain_row_terms(log_proba, y)
    weights = np.where(np.arange(len(y)) % 3, 1.0, 2.0) if weighted else None
    observations = Observations(len(y), weights)

    def limits(prior):
        scored = (terms.predictive, terms.tempered, terms.error, y, 2, observations)
        return limits_of([LimitsTask(*scored, levels=[LEVEL], prior=prior)])[0][0]

    unknown = limits(None).fano_lower_limit
    prior = np.array([0.9, 0.1])
    known = limits(prior).fano_lower_limit
    assert 0.5 * entropy(prior) < known < entropy(prior) < unknown
    # A prior whose entropy is no less than that of the label frequencies cannot raise the limit.
    assert limits(np.array([0.5, 0.5])).fano_lower_limit == unknown


def test_a_wrong_known_prior_does_no_harm():
    """The contributions of a perfect prediction scored against a uniform prior do not vary."""
    prior = np.array([0.9, 0.1])
    rng = np.random.default_rng(0)
    labels = [rng.choice(2, size=300, p=prior) for _ in range(N_WORLDS)]
    samples = [(np.log(np.eye(2)[y] * (1 - 2e-9) + 1e-9), y) for y in labels]
    found = limits_of_samples(samples, 2, prior=np.array([0.5, 0.5]))
    assert_holds(np.mean([one.betting_lower_limit <= entropy(prior) for one in found]))


def test_the_interval_holds_the_information_of_the_classifier():
    """The scored probabilities are wrong: the information of the classifier is not I(X;Y)."""
    wrong, right, n = 0.05, 0.15, 200
    floor = floor_share(n)
    proba = (1 - floor) * np.array([1 - wrong, wrong]) + floor / 2
    truth = np.array([1 - right, right]) @ np.log(proba) + np.log(2)
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(N_WORLDS):
        y = rng.integers(0, 2, n)
        seen = np.where(rng.random(n) < right, 1 - y, y)
        samples.append((np.log([[1 - wrong, wrong], [wrong, 1 - wrong]])[seen], y))
    held = []
    for low, high in (limits.interval for limits in limits_of_samples(samples, 2)):
        held.append(low <= truth <= high)
        assert high - low < 0.5
    assert_holds(np.mean(held))


def test_the_entropy_of_many_classes_is_not_under_estimated():
    """The plug-in lies below the truth in every sample; log M caps the limit."""
    rng = np.random.default_rng(0)
    zipf = 1 / np.arange(1, 51)
    zipf /= zipf.sum()
    for p in (np.full(50, 0.02), zipf):
        held = []
        for _ in range(50):
            y = rng.choice(50, 100, p=p)
            b = information_bounds(y, np.tile(p, (100, 1)), labels=np.arange(50))
            assert b.mi_upper < entropy(p) or p is zipf
            held.append(b.label_entropy_upper_limit >= entropy(p) - 1e-12)
            assert b.label_entropy_upper_limit <= np.log(50)
        assert np.mean(held) >= 0.9


def test_groups_of_repeated_rows_keep_the_level():
    """Twenty groups of fifty identical rows are twenty observations, and not a thousand."""
    rng = np.random.default_rng(0)
    truth = np.log(2) - entropy([0.02, 0.98])
    held, without = [], []
    for number in range(N_WORLDS):
        y = np.repeat(rng.integers(0, 2, 20), 50)
        wrong = np.repeat(rng.random(20) < 0.02, 50)
        proba = np.where((y == 1) != wrong, 0.98, 0.02)
        grouped = information_bounds(y, proba, groups=np.arange(1000) // 50)
        held.append([getattr(grouped, name) <= truth for name in LOWER])
        if number < 60:
            without.append(information_bounds(y, proba).fano_lower_limit <= truth)
    assert_holds(np.mean(held, axis=0))
    assert np.mean(without) < 0.8


def test_weights_within_their_bound_keep_the_level():
    """Rows of weight 20 are rare, often missing, and all of them are wrong."""
    rng = np.random.default_rng(0)
    n, rare, large = 200, 0.01, 20.0
    share = rare * large / (rare * large + 1 - rare)
    truth = np.log(2) - entropy([share, 1 - share])
    bounded, unbounded = [], []
    for _ in range(N_WORLDS):
        y = rng.integers(0, 2, n)
        wrong = rng.random(n) < rare
        proba = np.where((y == 1) != wrong, 1 - share, share)
        options = {"sample_weight": np.where(wrong, large, 1.0)}
        limits = information_bounds(y, proba, weight_bound=large, **options)
        bounded.append([getattr(limits, name) <= truth for name in LOWER])
        if not wrong.any():
            unbounded.append(information_bounds(y, proba, **options).mi_lower_limit <= truth)
    assert_holds(np.mean(bounded, axis=0))
    assert len(unbounded) > 10 and not any(unbounded)


def test_the_label_frequencies_of_all_other_rows_are_no_information():
    """With a negative slope across folds, the frequencies would be informative in every sample."""
    from sksoftinfo._bounds import cross_fitted_bounds

    rng = np.random.default_rng(0)
    n, above = 60, []
    for _ in range(100):
        y = rng.integers(0, 2, n)
        ones = (y.sum() - y + 0.5) / n
        b = cross_fitted_bounds(y, np.clip(ones, 0.01, 0.99), folds=np.arange(n))
        above.append(b.mi_lower_limit > 0)
    assert np.mean(above) < 0.05


# For each cell of a tiny world: input, label, weight, number of equal rows in a group.
ROWS = [(x, y, 1, 1) for x in (0, 1) for y in (0, 1)]
HEAVY_ERRORS = [(0, 0, 1, 1), (1, 1, 1, 1), (0, 1, 4, 1), (1, 0, 4, 1)]
LARGE_GROUPS = [(0, 0, 1, 3), (1, 1, 1, 1), (0, 1, 1, 1), (1, 0, 1, 3)]


@pytest.mark.parametrize(
    "cells, n, proba",
    [
        (ROWS, 5, [[0.9, 0.1], [0.1, 0.9]]),
        (ROWS, 5, [[1.0, 0.0], [0.0, 1.0]]),
        (HEAVY_ERRORS, 5, [[0.9, 0.1], [0.1, 0.9]]),
        (LARGE_GROUPS, 5, [[1.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_no_population_of_a_tiny_world_is_missed_more_often_than_said(cells, n, proba):
    # All samples of n observations, each with its exact probability under 200 populations.
    levels = (0.5, 0.8, 0.95)
    inputs, labels, weights, sizes = np.array(cells).T
    largest = (weights * sizes).max()
    samples = np.array(list(itertools.product(range(4), repeat=n)))
    tasks = []
    for sample in samples:
        rows, groups = (np.repeat(one, sizes[sample]) for one in (sample, np.arange(n)))
        with np.errstate(divide="ignore"):
            terms = certain_row_terms(np.log(np.array(proba)[inputs[rows]]), labels[rows])
        observations = Observations(
            len(rows),
            None if largest == 1 else weights[rows].astype(float),
            groups if sizes.max() > 1 else None,
            float(largest),
        )
        tasks.append(
            LimitsTask(
                *(terms.predictive, terms.tempered, terms.error, labels[rows], 2, observations),
                levels=levels,
            )
        )
    found = limits_of(tasks) if largest == 1 else [limits_of([task])[0] for task in tasks]
    rng = np.random.default_rng(0)
    populations = np.vstack([rng.dirichlet([a] * 4, 50) for a in (0.1, 0.3, 1, 3)])
    shares = populations * weights * sizes
    shares /= shares.sum(axis=1, keepdims=True)
    joint = np.zeros((200, 2, 2))
    for cell in range(4):
        joint[:, inputs[cell], labels[cell]] += shares[:, cell]
    information = np.array([exact_mutual_information(one) for one in joint])
    label_entropy = np.array([entropy(one) for one in joint.sum(axis=1)])
    probability = populations.T[samples].prod(axis=1)
    for place, level in enumerate(levels):
        for name in (*LOWER, "label_entropy_upper_limit"):
            limits = np.array([getattr(one[place], name) for one in found])[:, None]
            upper = name not in LOWER
            missed = limits < label_entropy - 1e-9 if upper else limits > information + 1e-9
            assert (probability * missed).sum(axis=0).max() <= 1 - level, (name, level)


def test_equal_weights_change_nothing():
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 2, 90), rng.random(90)
    plain = information_bounds(y, proba)
    weighted = information_bounds(y, proba, sample_weight=np.full(90, 7.0))
    single = information_bounds(y, proba, groups=np.arange(90))
    for other in (weighted, single):
        np.testing.assert_allclose(other.interval, plain.interval, atol=1e-9)
        assert other.betting_lower_limit == pytest.approx(plain.betting_lower_limit, abs=1e-9)
        for name, error in plain.standard_errors.items():
            assert other.standard_errors[name] == pytest.approx(error, abs=1e-12)


@pytest.mark.parametrize("tiny", [1e-300, 1e-320])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, None, 2)])
def test_tiny_weights_leave_all_limits_finite(tiny, rows):
    y, proba, weights = np.arange(40) % 2, np.tile([0.1, 0.9], 20), np.ones(40)
    weights[rows] = tiny
    b = information_bounds(y, proba, sample_weight=weights)
    assert np.isfinite(
        [b.mi_lower_floored, *b.interval, *(getattr(b, one) for one in LOWER)]
    ).all()
    assert np.isfinite(b.label_entropy_upper_limit)


def test_standard_errors_are_those_of_groups():
    y, proba = np.tile([0, 1, 1], 10), np.tile([0.3, 0.8, 0.6], 10)
    groups = np.arange(30)
    rows = information_bounds(y, proba, groups=groups)
    doubled = information_bounds(np.tile(y, 2), np.tile(proba, 2), groups=np.tile(groups, 2))
    for name, error in rows.standard_errors.items():
        assert doubled.standard_errors[name] == pytest.approx(error, abs=1e-12), name


def test_clopper_pearson_is_exact():
    """If the limit is the true rate, as many successes or fewer have probability 1 - level."""
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


@given(logits_and_labels())
def test_limits_of_random_worlds_are_finite_and_within_what_is_possible(world):
    z, y = world
    accumulator = BoundsAccumulator(z.shape[-1], len(z))
    accumulator.update(z, y)
    result = accumulator.result()
    limits = accumulator.limits(Observations(len(y)), level=LEVEL)
    for name in LOWER:
        assert 0 <= getattr(limits, name) <= np.log(z.shape[-1])
    low, high = limits.interval
    assert low <= limits.mi_lower_floored <= high
    assert result["label_entropy"] <= limits.label_entropy_upper_limit + 1e-12
    assert limits.fano_lower_limit <= result["label_entropy"] + 1e-12


def test_floor_is_a_mixture_and_bounded():
    q, r = np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.3, 0.5])
    with np.errstate(divide="ignore"):
        mixed = floor_mixture(np.log(q / r), 0.001) + np.log(r)
    np.testing.assert_allclose(np.exp(mixed), 0.999 * q + 0.001 * r)


def test_mi_lower_floored_by_hand():
    y = np.array([0, 1, 1, 0] * 20)
    proba = np.tile([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], (20, 1))
    share = 10 / 80
    share = min(share, 0.1)
    floored = (1 - share) * proba + share * label_frequencies(y, 2)
    expected = information_bounds(y, floored).mi_lower
    assert information_bounds(y, proba).mi_lower_floored == pytest.approx(expected)
    assert kl_divergence([0.5, 0.5], label_frequencies(y, 2)) == 0
