"""Every equation of the paper that the library implements, by its number.

Where the paper is right, both sides are computed separately and agree over random logits; where
the printed equation is wrong, a small counterexample shows it, and the corrected form is tested.
The paper is arXiv 1910.02629.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from sksoftinfo._bounds.accumulator import row_terms
from sksoftinfo._bounds.equations import (
    log_softmax,
    pointwise_information,
)
from tests.helpers.worlds import (
    donsker_varadhan_of,
    exact_mutual_information,
    expected_log_softmax,
    logits_and_labels,
)

CLOSE = {"rtol": 1e-12, "atol": 1e-10}


def softmax_by_hand(z):
    """Compute Eq. 1 as printed; the shift by the maximum cancels in the fraction."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def label_logits(z, y):
    return np.stack([z[i, :, label] for i, label in enumerate(y)])


@given(logits_and_labels(scale=5.0))
def test_eq_1_softmax(world):
    z, _ = world
    printed = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(np.exp(log_softmax(z)), printed, rtol=1e-12)
    np.testing.assert_allclose(np.exp(log_softmax(z)).sum(-1), 1.0, rtol=1e-12)


@given(logits_and_labels())
def test_eq_2_and_3_loss_is_minus_the_objective(world):
    import torch

    from sksoftinfo._networks.losses import LogSoftmaxLoss

    z, y = world
    loss = LogSoftmaxLoss()(torch.as_tensor(z[:, 0]), torch.as_tensor(y)).numpy()
    objective = np.log(softmax_by_hand(z[:, 0])[np.arange(len(y)), y])
    np.testing.assert_allclose(-loss, objective, rtol=1e-9, atol=1e-9)


@given(logits_and_labels())
def test_eq_11_a_deterministic_network_needs_no_expectation(world):
    z, y = world
    repeated = np.repeat(z[:, :1], 3, axis=1)
    np.testing.assert_allclose(
        expected_log_softmax(repeated, y), expected_log_softmax(z[:, 0], y), **CLOSE
    )


@given(logits_and_labels())
def test_eq_12_and_13_donsker_varadhan_with_the_label_logit_as_critic(world):
    z, y = world
    rng = np.random.default_rng(0)
    label_distribution = rng.dirichlet(np.ones(z.shape[-1]), size=len(z))
    total = 0.0
    for i in range(len(z)):
        positive = np.mean([z[i, k, y[i]] for k in range(z.shape[1])])
        shift = z[i].max()
        expectation = np.mean(
            [np.sum(label_distribution[i] * np.exp(z[i, k] - shift)) for k in range(z.shape[1])]
        )
        total += positive - shift - np.log(expectation)
    np.testing.assert_allclose(
        donsker_varadhan_of(z, y, label_distribution=label_distribution), total / len(z), **CLOSE
    )


@given(logits_and_labels())
def test_eq_13_read_literally_is_never_positive(world):
    """E_y = P(Y|X=x): the expected critic is below its log-mean-exp for every network."""
    z, _ = world
    rng = np.random.default_rng(1)
    n, _, m = z.shape
    conditional = rng.dirichlet(np.ones(m), size=n)
    # The expectation over y ~ P(Y|X=x), written out as a weighted sum over all labels.
    rows, labels = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    literal = donsker_varadhan_of(
        z[rows],
        labels,
        label_distribution=conditional[rows],
        sample_weight=conditional[rows, labels],
    )
    assert literal <= 1e-9


def test_eq_13_read_literally_is_zero_for_deterministic_labels():
    z, y = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 4
    literal = donsker_varadhan_of(z, y, label_distribution=np.eye(4)[y])
    assert abs(literal) < 1e-12


def test_eq_8_and_13_with_uniform_labels_exceed_the_conditional_information():
    """Z and Y are independent given X: I(Z;Y|X) = 0, but a good network reaches up to log M."""
    y = np.arange(60) % 3
    z = 30 * np.eye(3)[y]
    assert donsker_varadhan_of(z, y) == pytest.approx(np.log(3), abs=1e-9)
    # Eq. 23 holds there, but it does not hold with the labels as printed.
    assert expected_log_softmax(z, y) == pytest.approx(donsker_varadhan_of(z, y) - np.log(3))
    printed = donsker_varadhan_of(z, y, label_distribution=np.eye(3)[y])
    assert printed == pytest.approx(0.0, abs=1e-9)
    assert abs(expected_log_softmax(z, y) - (printed - np.log(3))) > 1


@given(logits_and_labels())
def test_eq_17_softmax_over_the_number_of_classes(world):
    z, y = world
    z = z[:, 0]
    m = z.shape[1]
    shift = z.max(axis=1)
    mean = np.mean(np.exp(z - shift[:, None]), axis=1)
    right = np.mean(z[np.arange(len(y)), y] - shift - np.log(mean) - np.log(m))
    np.testing.assert_allclose(expected_log_softmax(z, y), right, **CLOSE)


@given(logits_and_labels())
def test_eq_18_and_19_the_constant_leaves_the_expectation(world):
    z, y = world
    shift = z.max(axis=-1)
    normaliser = shift + np.log(np.mean(np.exp(z - shift[..., None]), axis=-1))
    critic = label_logits(z, y)
    right = np.mean(critic.mean(1) - normaliser.mean(1)) - np.log(z.shape[-1])
    np.testing.assert_allclose(expected_log_softmax(z, y), right, **CLOSE)


def test_eq_20_as_printed_fails_for_labels_that_are_not_uniform():
    critic = np.array([0.0, np.log(3.0)])
    mean_over_classes = np.exp(critic).mean()
    conditional = np.array([0.9, 0.1])
    assert mean_over_classes == pytest.approx(2.0)
    assert conditional @ np.exp(critic) == pytest.approx(1.2)


@given(logits_and_labels())
def test_eq_20_corrected_holds_with_uniform_labels(world):
    z, y = world
    uniform = np.full(z.shape[-1], 1 / z.shape[-1])
    np.testing.assert_allclose(
        donsker_varadhan_of(z, y, label_distribution=uniform), donsker_varadhan_of(z, y), **CLOSE
    )


@given(logits_and_labels(max_draws=1))
def test_eq_23_log_softmax_is_donsker_varadhan_minus_log_m(world):
    z, y = world
    np.testing.assert_allclose(
        expected_log_softmax(z, y), donsker_varadhan_of(z, y) - np.log(z.shape[-1]), **CLOSE
    )


def test_eq_24_as_printed_fails():
    """E_z log E_y e^T >= log E_z E_y e^T is Jensen's inequality with its sign reversed."""
    z = np.log([[[1.0, 1.0], [3.0, 3.0]]])  # two draws, e^T = 1 and 3
    mean_of_logs = np.log(np.exp(z).mean(-1)).mean()
    log_of_mean = np.log(np.exp(z).mean())
    assert mean_of_logs == pytest.approx(np.log(3) / 2)
    assert log_of_mean == pytest.approx(np.log(2))
    assert mean_of_logs < log_of_mean


@given(logits_and_labels())
def test_eq_24_corrected_is_the_jensen_gap(world):
    z, y = world
    shift = z.max(axis=(1, 2))
    e = np.exp(z - shift[:, None, None])
    # Here, draws far below the largest draw underflow to log 0; the library avoids this.
    with np.errstate(divide="ignore"):
        mean_of_logs = np.log(e.mean(-1)).mean(1)
    log_of_mean = np.log(e.mean((1, 2)))
    assert (mean_of_logs <= log_of_mean + 1e-12).all()
    gap = row_terms(z, y).jensen_gap
    assert (gap >= 0).all()
    np.testing.assert_allclose(gap, log_of_mean - mean_of_logs, rtol=1e-9, atol=1e-9)


@given(logits_and_labels())
def test_eq_25_corrected_log_softmax_is_at_least_donsker_varadhan_minus_log_m(world):
    z, y = world
    left = expected_log_softmax(z, y)
    right = donsker_varadhan_of(z, y) - np.log(z.shape[-1])
    assert left >= right - 1e-10
    np.testing.assert_allclose(left - right, row_terms(z, y).jensen_gap.mean(), **CLOSE)


def test_eq_25_as_printed_is_moved_by_a_constant():
    """The left side is E_z log E_y e^T: logits of -100 put the left side below the right side."""
    for constant, holds in ((0.0, True), (-100.0, False)):
        z, y = np.full((1, 2), constant), np.array([0])
        left = np.log(np.mean(np.exp(z)))
        right = donsker_varadhan_of(z, y) - np.log(2)
        assert right == pytest.approx(-np.log(2))
        assert (left >= right) == holds


def test_eq_25_corrected_needs_uniform_labels():
    z, y, distribution = np.array([[5.0, 0.0]]), np.array([0]), np.array([0.01, 0.99])
    right = donsker_varadhan_of(z, y, label_distribution=distribution) - np.log(2)
    assert expected_log_softmax(z, y) < right - 3
    assert expected_log_softmax(z, y) >= donsker_varadhan_of(z, y) - np.log(2) - 1e-12


@given(st.integers(0, 2**32 - 1))
def test_eq_26_the_upper_end_of_the_sandwich_is_zero(seed):
    """Z and Y are drawn from x separately, so I(Z;Y|X) = 0, and log-softmax lies below zero."""
    rng = np.random.default_rng(seed)
    n_x, n_z, m = 4, 3, 5
    given_x = [(rng.dirichlet(np.ones(n_z)), rng.dirichlet(np.ones(m))) for _ in range(n_x)]
    conditional = np.mean([exact_mutual_information(np.outer(z, y)) for z, y in given_x])
    assert abs(conditional) < 1e-12
    z = rng.normal(size=(20, 3, m))
    assert expected_log_softmax(z, rng.integers(0, m, 20)) <= 0.0


@given(logits_and_labels())
def test_eq_27_the_sandwich(world):
    z, y = world
    middle = expected_log_softmax(z, y)
    assert donsker_varadhan_of(z, y) - np.log(z.shape[-1]) <= middle + 1e-10
    assert middle <= 0.0


def test_eq_28_without_its_premise_fails():
    """Eq. 28 puts -log 2 below log-softmax, which lies even lower for a wrong network."""
    z, y = np.array([[0.0, 10.0]]), np.array([0])
    conditional_mi = 0.0
    printed_lower_end = conditional_mi - np.log(2)
    assert expected_log_softmax(z, y) == pytest.approx(-10.0, abs=1e-4)
    assert expected_log_softmax(z, y) < printed_lower_end


@pytest.mark.parametrize("seed", range(10))
def test_eq_28_holds_under_its_premise_with_uniform_labels(seed):
    """Logits are scaled until the DV of a network that makes errors is 0, the optimum."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(50, 3, 4))
    y = (z.mean(axis=1) + rng.normal(size=(50, 4))).argmax(axis=1)
    scale = brentq(lambda s: donsker_varadhan_of(s * z, y), 1e-2, 1e3)
    assert donsker_varadhan_of(scale * z, y) == pytest.approx(0.0, abs=1e-9)
    assert -np.log(4) <= expected_log_softmax(scale * z, y) < 0


def test_eq_28_fails_under_its_premise_with_labels_as_printed():
    """With deterministic labels the DV of every network is 0, the optimum."""
    z, y = np.array([[0.0, 10.0]]), np.array([0])
    assert donsker_varadhan_of(z, y, label_distribution=np.eye(2)[y]) == 0
    assert expected_log_softmax(z, y) < -np.log(2)


@given(logits_and_labels())
def test_proposition_1_needs_normalised_logits(world):
    """A constant per sample moves z_t; it changes no probability and no information."""
    z, _ = world
    z = z[:, 0]
    prior = np.full(z.shape[1], 1 / z.shape[1])
    shift = np.linspace(-5, 5, len(z))[:, None] + 1.0
    np.testing.assert_allclose(
        pointwise_information(log_softmax(z + shift), prior),
        pointwise_information(log_softmax(z), prior),
        rtol=1e-9,
        atol=1e-9,
    )
    assert np.abs((z + shift)[:, 0] - z[:, 0]).max() >= 1.0


def test_donsker_varadhan_reaches_the_mutual_information_at_the_optimal_critic():
    """Proposition 1, with E_y = P(Y): T* = log p(y|x)/p(y) is tight."""
    joint = np.array([[0.30, 0.05, 0.05], [0.02, 0.28, 0.30]])
    marginal = joint.sum(0)
    log_posterior = np.log(joint / joint.sum(1, keepdims=True))
    critic = pointwise_information(log_posterior, marginal)
    rows, labels = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    weight = joint[rows, labels]
    # log E over x and y ~ P(Y) of exp(T*) is zero, so that DV is the expected critic.
    assert np.log(joint.sum(1) @ np.exp(critic) @ marginal) == pytest.approx(0.0, abs=1e-12)
    dv = donsker_varadhan_of(
        critic[rows], labels, label_distribution=marginal, sample_weight=weight
    )
    assert dv == pytest.approx(exact_mutual_information(joint), abs=1e-12)
