"""The logarithmic pool of classifiers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from sksoftinfo._evaluation.log_pool import LogPool, fit_log_pool
from sksoftinfo._evaluation.stack import label_likelihoods, mixture_weights


def label_frequencies(y, n_classes):
    return np.tile(np.bincount(y, minlength=n_classes) / len(y), (len(y), 1))


def loss(pool, probas, y, weight=None):
    return -np.average(np.log(pool.predict(probas)[np.arange(len(y)), y]), weights=weight)


def views(n, rng, n_classes=4, n_members=3, keep=1.0):
    """Return members with independent evidence on a class, and partly randomised labels."""
    hidden = rng.integers(n_classes, size=n)
    evidence = 1.5 * np.eye(n_classes)[hidden] + rng.normal(size=(n_members, n, n_classes))
    members = list(softmax(1.5 * evidence, axis=2))
    y = np.where(rng.random(n) < keep, hidden, rng.integers(n_classes, size=n))
    clean = softmax(1.5 * evidence.sum(axis=0), axis=1)
    return members, y, keep * clean + (1 - keep) / n_classes


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_no_exponents_near_the_best_are_better(seed, n_members):
    rng = np.random.default_rng(seed)
    members, y, _ = views(80, rng, n_members=n_members, keep=0.8)
    probas = [label_frequencies(y, 4), *members]
    pool = fit_log_pool(probas, y, np.ones(80))
    assert (pool.exponents >= 0).all()
    assert 0 <= pool.floor <= 1
    best = loss(pool, probas, y)
    for _ in range(10):
        exponents = np.abs(pool.exponents + 0.05 * rng.normal(size=n_members))
        floor = np.clip(pool.floor + 0.02 * rng.normal(), 0, 1)
        assert loss(LogPool(exponents, floor), probas, y) > best - 1e-4


@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_evidence_adds_up_to_the_true_probabilities(keep):
    """The pool adds up independent evidence, which a linear mixture cannot, and wrong labels."""
    members, y, true = views(4000, np.random.default_rng(0), keep=keep)
    probas = [label_frequencies(y, 4), *members]
    pool = fit_log_pool(probas, y, np.ones(len(y)))
    np.testing.assert_allclose(pool.exponents, 1, atol=0.2)
    assert pool.floor == pytest.approx(1 - keep, abs=0.03)
    oracle = -np.log(true[np.arange(len(y)), y]).mean()
    assert loss(pool, probas, y) < oracle + 0.003
    likelihoods = label_likelihoods(probas, y)
    linear = -np.log(likelihoods @ mixture_weights(likelihoods)).mean()
    assert linear > oracle + 0.05


def test_members_that_are_too_sure_are_corrected():
    rng = np.random.default_rng(0)
    (member,), y, _ = views(4000, rng, n_members=1)
    too_sure = softmax(1.5 * np.log(member), axis=1)
    pool = fit_log_pool([label_frequencies(y, 4), too_sure], y, np.ones(len(y)))
    assert pool.exponents[0] == pytest.approx(2 / 3, abs=0.1)


def test_weights_equal_repetitions():
    rng = np.random.default_rng(0)
    members, y, _ = views(60, rng)
    probas, weight = [label_frequencies(y, 4), *members], rng.integers(0, 3, size=60)
    weighted = fit_log_pool(probas, y, weight)
    again = [proba.repeat(weight, axis=0) for proba in probas]
    repeated = fit_log_pool(again, y.repeat(weight), np.ones(weight.sum()))
    np.testing.assert_allclose(weighted.exponents, repeated.exponents, atol=1e-3)
    assert weighted.floor == pytest.approx(repeated.floor, abs=1e-3)


def test_labels_that_a_member_rules_out_stay_possible():
    probas = [np.full((4, 2), 0.5), np.tile([1.0, 0.0], (4, 1))]
    pool = fit_log_pool(probas, np.array([0, 0, 0, 1]), np.ones(4))
    np.testing.assert_allclose(pool.predict(probas), np.tile([0.75, 0.25], (4, 1)), atol=1e-3)
    # A class without training rows has probability 0.
    absent = [np.tile([1.0, 0.0], (4, 1))] * 2
    np.testing.assert_allclose(pool.predict(absent), absent[0], atol=1e-12)
