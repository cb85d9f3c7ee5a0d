import numpy as np
import pytest
from scipy.special import softmax

from sksoftinfo._networks.pooling import pooling_factors

OFFSET = np.log([0.5, 0.3, 0.2])


def drawn(n, factors, seed=0):
    """Return logits of families, and labels whose posterior is their sum with these factors."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(factors), n, 3))
    proba = softmax(OFFSET + np.tensordot(factors, logits, 1), axis=1)
    return logits, (proba.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


@pytest.mark.parametrize("factors", [[0.3, 1.4], [1.0, 0.0], [2.5], [0.0, 0.0, 0.0]])
def test_the_factors_of_many_rows_are_found(factors):
    logits, y = drawn(20_000, factors)
    expected = np.full(len(factors), 1 / len(factors))
    found, floor = pooling_factors(logits, OFFSET, y, np.ones(len(y)), expected)
    # Without evidence, the floor and small factors have the same effect.
    np.testing.assert_allclose((1 - floor) * found, factors, atol=0.06)
    assert floor < 0.03 or not any(factors)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_share_of_wrong_labels_is_found(share):
    logits, y = drawn(20_000, [3.0])
    rng = np.random.default_rng(1)
    wrong = rng.random(len(y)) < share
    y[wrong] = rng.choice(3, wrong.sum(), p=np.exp(OFFSET))
    (factor,), floor = pooling_factors(logits, OFFSET, y, np.ones(len(y)), [1.0])
    assert factor == pytest.approx(3, abs=0.2)
    assert floor == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("n", [10, 1000])
def test_without_a_surprise_the_floor_is_about_a_tenth_of_a_row(n):
    y = np.arange(n) % 3
    _, floor = pooling_factors(200 * np.eye(3)[y][None], OFFSET, y, np.ones(n), [1.0])
    # The floor exceeds the frequency of errors, since the floor also predicts right labels.
    assert 0.1 / (n + 10.1) < floor < 0.2 / (n + 10.1)


def test_a_family_that_misleads_gets_no_negative_factor():
    logits, y = drawn(1000, [1.0, 1.0])
    logits[1] *= -1
    (first, second), _ = pooling_factors(logits, OFFSET, y, np.ones(1000), [0.5, 0.5])
    assert first > 0.5 and second == 0


def test_factors_stay_bounded_where_the_rows_are_separable():
    """Without a prior, five correctly classified rows would make the network certain."""
    y = np.array([0, 1, 2, 0, 1])
    logits = np.stack([np.eye(3)[y], np.eye(3)[y]])
    found, floor = pooling_factors(logits, OFFSET, y, np.ones(5), [0.5, 0.5])
    assert (found > 0.5).all() and (found < 2).all()
    assert 0 < floor < 0.5


def test_nothing_does_better():
    logits, y = drawn(50, [0.8, 0.4])
    weight = np.random.default_rng(1).uniform(0.1, 3, 50)
    expected = np.array([0.5, 0.5])

    def loss(factors, floor):
        proba = softmax(OFFSET + np.tensordot(factors, logits, 1), axis=1)
        mixed = ((1 - floor) * proba + floor * np.exp(OFFSET))[np.arange(50), y]
        prior = ((factors - expected) ** 2).sum() / 2
        prior -= 0.1 * np.log(floor) + 10 * np.log(1 - floor)
        return prior - weight @ np.log(mixed)

    found, floor = pooling_factors(logits, OFFSET, y, weight, expected)
    for step in 0.01 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
        assert loss(np.maximum(found + step, 0), floor) >= loss(found, floor)
    for times in (0.8, 1.2):
        assert loss(found, times * floor) >= loss(found, floor)


def test_weights_are_repetitions():
    logits, y = drawn(60, [0.8, 0.4])
    weight = np.arange(60) % 4
    weighted, floor = pooling_factors(logits, OFFSET, y, weight, [0.5, 0.5])
    repeated, same_floor = pooling_factors(
        np.repeat(logits, weight, axis=1), OFFSET, np.repeat(y, weight), np.ones(90), [0.5, 0.5]
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4)
    assert floor == pytest.approx(same_floor, rel=1e-2)
    without, _ = pooling_factors(logits, OFFSET, y, np.zeros(60), [0.5, 0.5])
    np.testing.assert_allclose(without, 0.5)


def test_a_class_of_prior_zero_is_left_out():
    logits, y = drawn(200, [1.0])
    offset = np.array([0.0, 0.0, -np.inf])
    with np.errstate(all="raise"):
        found, floor = pooling_factors(logits, offset, np.minimum(y, 1), np.ones(200), [1.0])
    assert np.isfinite([*found, floor]).all()
