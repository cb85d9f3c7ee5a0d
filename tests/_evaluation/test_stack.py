"""The stack: its members, and the weights of its mixture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksoftinfo import cross_val_bounds
from sksoftinfo._evaluation.stack import mixture_weights, stack_members


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_mixture_weights_maximise_the_likelihood(seed, n_members):
    rng = np.random.default_rng(seed)
    likelihoods = rng.beta(1, 1, size=(50, n_members))
    weights = mixture_weights(likelihoods)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    best = np.log(likelihoods @ weights).mean()
    others = rng.dirichlet(np.ones(n_members), 20)
    assert np.log(likelihoods @ others.T).mean(axis=0).max() <= best + 1e-4


def test_mixture_weights_of_rows_that_are_impossible():
    assert mixture_weights(np.zeros((3, 2))).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(mixture_weights([[0.0, 0.0], [0.2, 0.1]]), [1, 0], atol=1e-3)


def test_stack_leaves_out_what_the_rows_cannot_support():
    y = np.array([0] * 20 + [1] * 20 + [2] * 2)
    splits = [(np.delete(np.arange(42), test), test) for test in ([0, 20, 40], [1, 21, 41])]
    assert "qda" not in stack_members(y, splits, 1)
    everything = [(np.arange(40), np.arange(1))]
    assert "qda" in stack_members(y[:40], everything, 19)
    assert "qda" not in stack_members(y[:40], everything, 20)
    assert "neighbours" not in stack_members(y[:25], [(np.arange(25), np.arange(1))], 1)


def test_weighted_labels_count_as_often():
    likelihoods = np.random.default_rng(0).random((20, 3))
    weight = np.arange(20) % 3
    np.testing.assert_allclose(
        mixture_weights(likelihoods, weight), mixture_weights(likelihoods.repeat(weight, axis=0))
    )


@pytest.mark.parametrize(
    "counts, cv", [([6, 6], 3), ([2, 2], 2), ([25, 25, 1], 5), ([398, 2], 5), ([4] * 50, 4)]
)
@pytest.mark.filterwarnings("ignore:.*least populated class", "ignore:Number of classes")
@pytest.mark.filterwarnings("ignore:1 labels that occurred:UserWarning")
def test_stack_of_few_rows_or_rare_classes(counts, cv):
    """Members that hold out rows of each class stop doing so, or are left out."""
    y = np.repeat(np.arange(len(counts)), counts)
    bounds = cross_val_bounds("stack", np.random.default_rng(0).normal(size=(len(y), 3)), y, cv=cv)
    # The data are uninformative, so that the bound must not exceed its sampling error.
    assert -np.log(len(y)) < bounds.mi_lower < 3 * bounds.standard_errors["mi_lower"]


def test_stack_of_a_table_with_more_columns_than_rows_of_a_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    bounds = cross_val_bounds("stack", rng.normal(size=(60, 20)) + y[:, None], y)
    assert 0.5 < bounds.mi_lower < np.log(3)
