"""The mixture of the stack's members and of their pool."""

import numpy as np
import pytest
from scipy.special import softmax

from sksoftinfo._evaluation.log_pool import LogPool
from sksoftinfo._evaluation.stack import label_likelihoods, mixture_weights
from sksoftinfo._evaluation.stack_mixture import StackMixture, fit_mixture, may_help


def of_likelihoods(likelihoods):
    """Return members of two classes, and labels, from the probabilities of the labels."""
    return [np.column_stack([1 - one, one]) for one in np.transpose(likelihoods)]


@pytest.mark.parametrize("weighted", [False, True])
def test_members_of_no_use_are_told_from_those_that_may_help(weighted):
    rng = np.random.default_rng(0)
    good = rng.uniform(0.4, 0.9, size=400)
    # The last member is poor in most rows, and better than all other members in some rows.
    rare = np.where(rng.random(400) < 0.3, 0.99, 0.5)
    likelihoods = np.column_stack([good, 0.6 * good, np.full(400, 0.05), rare])
    weight = np.ones(400) if weighted else None
    probas, y = of_likelihoods(likelihoods), np.ones(400, dtype=int)
    assert may_help(probas, y, weight).tolist() == [True, False, False, True]
    # A few rows are not conclusive.
    assert may_help(of_likelihoods([[0.9, 0.2], [0.1, 0.3], [0.8, 0.6]]), y[:3]).all()
    assert may_help(of_likelihoods(np.zeros((3, 2))), y[:3]).all()
    if weighted:
        weight[200:] = 0
        same = may_help([proba[:200] for proba in probas], y[:200])
        np.testing.assert_array_equal(may_help(probas, y, weight), same)


def independent_evidence(n, strength, seed=0):
    """Return label frequencies and two members, each with evidence of its own."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    evidence = strength * np.eye(3)[y] + rng.normal(size=(2, n, 3))
    return [np.full((n, 3), 1 / 3), *softmax(strength * evidence, axis=2)], y


def test_a_pool_that_gains_more_than_it_has_parameters_is_mixed_in():
    probas, y = independent_evidence(500, 1.5)
    mixture = fit_mixture(probas, y)
    assert mixture.pool_weight > 0.9
    assert mixture.weights.sum() + mixture.pool_weight == pytest.approx(1)
    np.testing.assert_allclose(mixture.predict(probas).sum(axis=1), 1)
    fresh, y_fresh = independent_evidence(5000, 1.5, seed=1)
    likelihoods = label_likelihoods(fresh, y_fresh)
    linear = likelihoods @ mixture_weights(label_likelihoods(probas, y))
    pooled = label_likelihoods([mixture.predict(fresh)], y_fresh)[:, 0]
    assert np.log(pooled / linear).mean() > 0.1


def test_a_pool_of_members_without_information_is_left_out():
    probas, _ = independent_evidence(100, 0.5)
    left_out = []
    for seed in range(10):
        y = np.random.default_rng(seed).integers(3, size=100)
        mixture = fit_mixture(probas, y)
        left_out.append(mixture.pool_weight < 1e-3)
        if left_out[-1]:
            expected = mixture_weights(label_likelihoods(probas, y))
            np.testing.assert_allclose(mixture.weights, expected, atol=1e-2)
    assert sum(left_out) >= 9


@pytest.mark.parametrize("y", [[], [2, 2]])
def test_labels_that_teach_nothing_leave_members_equal(y):
    # None of the training rows has label 2.
    probas = [np.tile([0.5, 0.5, 0.0], (len(y), 1))] * 2
    mixture = fit_mixture(probas, np.array(y, dtype=int))
    assert mixture.weights.tolist() == [0.5, 0.5]
    assert mixture.pool_weight == 0
    np.testing.assert_array_equal(mixture.predict(probas), probas[0])


def test_label_frequencies_alone():
    probas, y = [np.full((10, 2), 0.5)], np.arange(10) % 2
    mixture = fit_mixture(probas, y)
    np.testing.assert_array_equal(mixture.predict(probas), probas[0])


def test_members_that_are_not_used_are_left_out():
    probas, _ = independent_evidence(20, 1.0)
    pool = LogPool(np.array([0.0, 0.7]), 0.1)
    mixture = StackMixture(np.array([0.0, 0.0, 0.4]), 0.6, pool)
    assert mixture.used.tolist() == [True, False, True]
    reduced = mixture.reduced()
    np.testing.assert_allclose(
        reduced.predict([probas[0], probas[2]]), mixture.predict(probas), atol=1e-12
    )
    linear = StackMixture(np.array([1e-6, 0.9994, 0.0]), 0.0005, pool)
    assert linear.used.tolist() == [True, True, False]
    assert linear.reduced().pool_weight == 0
    assert linear.reduced().used.all()
    np.testing.assert_allclose(linear.reduced().predict(probas[:2]), probas[1], atol=1e-5)
