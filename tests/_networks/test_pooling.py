import numpy as np
import pytest
from scipy.special import log_softmax, softmax

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
    found = pooling_factors(logits, OFFSET, y, np.ones(len(y)), expected)
    np.testing.assert_allclose(found, factors, atol=0.06)


def test_a_family_that_misleads_gets_no_negative_factor():
    logits, y = drawn(1000, [1.0, 1.0])
    logits[1] *= -1
    first, second = pooling_factors(logits, OFFSET, y, np.ones(1000), [0.5, 0.5])
    assert first > 0.5 and second == 0


def test_factors_stay_bounded_where_the_rows_are_separable():
    """Without a prior, five rows that all are right would make the network certain."""
    y = np.array([0, 1, 2, 0, 1])
    logits = np.stack([np.eye(3)[y], np.eye(3)[y]])
    found = pooling_factors(logits, OFFSET, y, np.ones(5), [0.5, 0.5])
    assert (found > 0.5).all() and (found < 2).all()


def test_nothing_does_better():
    logits, y = drawn(50, [0.8, 0.4])
    weight = np.random.default_rng(1).uniform(0.1, 3, 50)
    expected = np.array([0.5, 0.5])

    def loss(factors):
        log_proba = log_softmax(OFFSET + np.tensordot(factors, logits, 1), axis=1)
        return ((factors - expected) ** 2).sum() / 2 - weight @ log_proba[np.arange(50), y]

    found = pooling_factors(logits, OFFSET, y, weight, expected)
    for step in 0.01 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
        assert loss(np.maximum(found + step, 0)) >= loss(found)


def test_weights_are_repetitions():
    logits, y = drawn(60, [0.8, 0.4])
    weight = np.arange(60) % 4
    weighted = pooling_factors(logits, OFFSET, y, weight, [0.5, 0.5])
    repeated = pooling_factors(
        np.repeat(logits, weight, axis=1), OFFSET, np.repeat(y, weight), np.ones(90), [0.5, 0.5]
    )
    np.testing.assert_allclose(weighted, repeated, rtol=1e-4)
    without = pooling_factors(logits, OFFSET, y, np.zeros(60), [0.5, 0.5])
    np.testing.assert_allclose(without, 0.5)


def test_a_class_of_prior_zero_is_left_out():
    logits, y = drawn(200, [1.0])
    offset = np.array([0.0, 0.0, -np.inf])
    with np.errstate(all="raise"):
        found = pooling_factors(logits, offset, np.minimum(y, 1), np.ones(200), [1.0])
    assert np.isfinite(found).all()
