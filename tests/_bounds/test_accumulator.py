import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import d2_log_loss_score, log_loss

from sksoftinfo._bounds.accumulator import BoundsAccumulator, row_terms
from sksoftinfo._bounds.equations import (
    at_label,
    entropy,
    expected_entropy,
    kl_divergence,
    label_frequencies,
    label_log_likelihood,
    log_softmax,
    pointwise_information,
    predictive_entropy,
    predictive_log_proba,
)
from tests.helpers.worlds import (
    donsker_varadhan_of,
    exact_mutual_information,
    expected_log_softmax,
    logits_and_labels,
)

CLOSE = {"rtol": 1e-10, "atol": 1e-9}
SCALARS = (
    "log_softmax",
    "dv",
    "dv_minus_log_m",
    "jensen_gap",
    "label_entropy",
    "dv_label_prior",
    "mi_output_lower",
    "mi_lower",
    "mi_upper",
)


def bounds(z, y, sample_weight=None, reference_prior=None):
    accumulator = BoundsAccumulator(z.shape[-1], len(z))
    accumulator.update(z, y, sample_weight)
    return accumulator.result(reference_prior)


def assert_same(first, second, names=SCALARS):
    for name in names:
        np.testing.assert_allclose(first[name], second[name], err_msg=name, **CLOSE)


@given(logits_and_labels())
def test_ladder(world):
    z, y = world
    b = bounds(z, y)
    rungs = [b["dv_label_prior"], b["mi_output_lower"], b["mi_lower"], b["label_entropy"]]
    assert (np.diff([*rungs, np.log(z.shape[-1])]) >= -1e-10).all()
    assert b["dv_minus_log_m"] <= b["log_softmax"] + 1e-10 <= b["conditional_mi"] + 2e-10


@given(logits_and_labels())
def test_definitions_agree_with_the_equations(world):
    z, y = world
    b = bounds(z, y)
    p_hat = label_frequencies(y, z.shape[-1])
    np.testing.assert_allclose(b["log_softmax"], expected_log_softmax(z, y), **CLOSE)
    np.testing.assert_allclose(b["dv"], donsker_varadhan_of(z, y), **CLOSE)
    np.testing.assert_allclose(b["label_entropy"], entropy(p_hat), **CLOSE)
    predictive = predictive_log_proba(z)[np.arange(len(y)), y].mean()
    np.testing.assert_allclose(b["mi_lower"], entropy(p_hat) + predictive, **CLOSE)


@given(logits_and_labels())
def test_lowest_rung_is_donsker_varadhan_with_the_label_prior(world):
    """The critic is z_m - log p_m, for which E_y e^T with E_y = P(Y) is the sum of e^z."""
    z, y = world
    m = z.shape[-1]
    y = np.concatenate([y, np.arange(m)])
    z = np.concatenate([z, np.zeros((m, *z.shape[1:]))])
    p_hat = label_frequencies(y, m)
    dv = donsker_varadhan_of(z - np.log(p_hat), y, label_distribution=p_hat)
    np.testing.assert_allclose(bounds(z, y)["dv_label_prior"], dv, **CLOSE)


@given(logits_and_labels(), st.integers(0, 2**32 - 1))
def test_dv_with_any_reference_less_its_divergence_is_mi_lower(world, seed):
    z, y = world
    z = z[:, 0]
    m = z.shape[-1]
    r = np.random.default_rng(seed).dirichlet(np.ones(m)) * 0.9 + 0.1 / m
    dv = donsker_varadhan_of(z - np.log(r), y, label_distribution=r)
    divergence = kl_divergence(label_frequencies(y, m), r)
    b = bounds(z, y, reference_prior=r)
    np.testing.assert_allclose(dv - divergence, b["mi_lower"], **CLOSE)
    np.testing.assert_allclose(b["pointwise"].mean(), b["mi_lower"], **CLOSE)


@given(logits_and_labels(), st.floats(-1e4, 1e4))
def test_a_constant_per_sample_changes_nothing(world, constant):
    z, y = world
    shift = constant * np.linspace(-1, 1, len(y))[:, None, None]
    first, second = bounds(z, y), bounds(z + shift, y)
    assert_same(first, second)
    np.testing.assert_allclose(first["pointwise"], second["pointwise"], rtol=1e-9, atol=1e-8)


@given(logits_and_labels())
def test_a_constant_per_draw_leaves_log_softmax_and_mi_lower(world):
    z, y = world
    shift = np.linspace(-30, 30, z.shape[1])[None, :, None]
    names = ("log_softmax", "mi_output_lower", "mi_lower", "label_entropy")
    assert_same(bounds(z, y), bounds(z + shift, y), names)


@given(logits_and_labels(), st.randoms(use_true_random=False))
def test_relabelling_classes_changes_nothing(world, random):
    z, y = world
    order = list(range(z.shape[-1]))
    random.shuffle(order)
    relabelled = np.argsort(order)[y]
    assert_same(bounds(z, y), bounds(z[..., order], relabelled))


@given(logits_and_labels(), st.integers(1, 5))
def test_streaming_equals_one_pass(world, size):
    z, y = world
    streamed = BoundsAccumulator(z.shape[-1], len(z))
    for start in range(0, len(y), size):
        streamed.update(z[start : start + size], y[start : start + size])
    assert_same(bounds(z, y), streamed.result())
    np.testing.assert_array_equal(bounds(z, y)["pointwise"], streamed.result()["pointwise"])


@given(logits_and_labels(), st.integers(0, 2**32 - 1))
def test_integer_weights_are_repetition(world, seed):
    z, y = world
    weight = np.random.default_rng(seed).integers(0, 4, len(y))
    weight[0] = 1
    repeated = np.repeat(np.arange(len(y)), weight)
    assert_same(bounds(z, y, weight), bounds(z[repeated], y[repeated]))


@given(logits_and_labels())
def test_averages_over_all_values_of_the_noise_are_exact(world):
    """For an ensemble, the gaps are the disagreement of its members, without sampling error."""
    z, y = world
    accumulator = BoundsAccumulator(z.shape[-1], len(z))
    accumulator.update(z, y, exhaustive=True)
    found = accumulator.result()
    assert set(found["monte_carlo_errors"].values()) == {0.0}
    assert found["dv_jackknife"] == found["dv_closed_form"] == found["dv"]
    sampled = bounds(z, y)
    assert_same(found, sampled)
    members = log_softmax(z)
    mixture = predictive_log_proba(z)
    gap = mixture[np.arange(len(y)), y] - members[np.arange(len(y)), :, y].mean(1)
    difference = found["mi_lower"] - found["mi_output_lower"]
    np.testing.assert_allclose(difference, gap.mean(), **CLOSE)
    assert gap.min() >= -1e-9
    # For labels that follow the mixture, the gap is the divergence of the members from it.
    expected = (np.exp(mixture) * (mixture - members.mean(1))).sum(1)
    divergence = [
        [kl_divergence(np.exp(m), np.exp(one)) for one in row]
        for m, row in zip(mixture, members, strict=True)
    ]
    np.testing.assert_allclose(expected, np.mean(divergence, axis=1), rtol=1e-6, atol=1e-6)


@given(logits_and_labels())
def test_entropies_differ_by_the_information_between_member_and_label(world):
    z, _ = world
    whole, of_members = predictive_entropy(z), expected_entropy(z)
    joint = np.exp(log_softmax(z)) / z.shape[1]
    information = [exact_mutual_information(one) for one in joint]
    np.testing.assert_allclose(whole - of_members, information, rtol=1e-7, atol=1e-7)
    assert (whole - of_members).min() > -1e-9


@given(logits_and_labels(max_draws=1), st.integers(2, 5))
def test_members_that_agree_leave_no_gap(world, n_members):
    z, y = world
    accumulator = BoundsAccumulator(z.shape[-1], len(z))
    accumulator.update(np.repeat(z, n_members, axis=1), y, exhaustive=True)
    found = accumulator.result()
    np.testing.assert_allclose(found["jensen_gap"], 0.0, atol=1e-9)
    np.testing.assert_allclose(found["mi_lower"], found["mi_output_lower"], **CLOSE)
    z = np.repeat(z, n_members, axis=1)
    np.testing.assert_allclose(predictive_entropy(z), expected_entropy(z), **CLOSE)


@given(logits_and_labels(max_draws=1))
def test_agrees_with_scikit_learn(world):
    z, y = world
    m = z.shape[-1]
    y = np.concatenate([y, np.arange(m)])
    z = np.concatenate([z[:, 0], np.zeros((m, m))])
    # log_loss clips probabilities at float epsilon; the probabilities here are not clipped.
    z = np.clip(z, -15, 15)
    b = bounds(z, y)
    proba = np.exp(log_softmax(z))
    np.testing.assert_allclose(-b["log_softmax"], log_loss(y, proba), atol=1e-6)
    np.testing.assert_allclose(b["d2"], d2_log_loss_score(y, proba), atol=1e-6)


@pytest.mark.parametrize("scale", [1e4, 1e6])
def test_huge_logits_stay_finite_and_ordered(scale):
    rng = np.random.default_rng(0)
    z, y = scale * rng.standard_normal((40, 3, 5)), rng.integers(0, 5, 40)
    b = bounds(z, y)
    assert all(np.isfinite(b[name]) for name in SCALARS)
    assert b["dv_label_prior"] <= b["mi_output_lower"] <= b["mi_lower"] <= b["label_entropy"]


def test_jensen_gap_is_zero_without_noise_and_grows_with_it():
    rng = np.random.default_rng(0)
    z, noise, y = rng.normal(size=(200, 1, 4)), rng.normal(size=(200, 64, 4)), rng.integers(4)
    labels = np.full(200, y)
    gaps = [bounds(z + s * noise, labels)["jensen_gap"] for s in (0.0, 0.5, 1.0, 2.0)]
    assert gaps[0] < 1e-12
    assert (np.diff(gaps) > 0).all()


def test_uniform_dv_exceeds_the_information_where_labels_are_imbalanced_and_mi_lower_does_not():
    """Input and label are independent: I(X;Y) = 0, and the label prior is the best prediction."""
    prior = np.array([0.8, 0.1, 0.1])
    z = np.log(prior)[None]
    y = np.arange(3)
    z = np.repeat(z, 3, axis=0)
    b = bounds(z, y, sample_weight=prior)
    assert b["dv"] == pytest.approx(np.log(3) - entropy(prior))
    assert b["dv"] > 0.4
    assert b["mi_lower"] == pytest.approx(0.0, abs=1e-12)
    assert b["dv_label_prior"] == pytest.approx(0.0, abs=1e-12)


def test_true_posterior_reaches_the_mutual_information():
    joint = np.array([[0.30, 0.05, 0.05], [0.02, 0.28, 0.30]])
    posterior = joint / joint.sum(1, keepdims=True)
    rows, labels = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    b = bounds(np.log(posterior)[rows], labels, sample_weight=joint[rows, labels])
    assert b["mi_lower"] == pytest.approx(exact_mutual_information(joint), abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_no_prediction_exceeds_the_mutual_information(seed):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.ones(12)).reshape(4, 3)
    z = rng.normal(size=(4, 3, 3)) * 2
    rows, labels = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    b = bounds(z[rows], labels, sample_weight=joint[rows, labels])
    assert b["mi_lower"] <= exact_mutual_information(joint) + 1e-12


def test_weight_zero_hides_an_impossible_label():
    z = np.array([[0.0, -np.inf], [0.0, 0.0]])
    b = bounds(z, np.array([1, 0]), sample_weight=np.array([0.0, 1.0]))
    assert b["log_softmax"] == pytest.approx(-np.log(2))


def test_one_observed_class_has_no_share_explained():
    b = bounds(np.zeros((3, 2)), np.zeros(3, dtype=int))
    assert b["label_entropy"] == 0.0
    assert np.isnan(b["d2"])


def test_small_functions():
    assert entropy([1.0, 0.0]) == 0.0
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf
    np.testing.assert_allclose(
        pointwise_information(np.log([[0.2, 0.8]]), [0.4, 0.6]), np.log([[0.5, 0.8 / 0.6]])
    )
    np.testing.assert_allclose(
        row_terms(np.zeros((2, 3, 4)), [0, 3]).predictive, -np.log(4) * np.ones(2)
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 8))
def test_label_log_likelihood_in_whichever_memory_order(seed, n, m):
    """Draw few distinct values, so that classes are tied: the first tied class counts."""
    rng = np.random.default_rng(seed)
    log_proba = rng.integers(-4, 0, (n, m)).astype(float)
    log_proba[rng.random((n, m)) < 0.1] = -np.inf
    y = rng.integers(0, m, n)
    pairs = zip(log_proba, y, strict=True)
    expected = [(row[label], np.argmax(row) != label) for row, label in pairs]
    for rows in (log_proba, np.asfortranarray(log_proba), np.repeat(log_proba, 2, axis=0)[::2]):
        log_likelihood, error = label_log_likelihood(rows, y)
        assert list(zip(log_likelihood, error, strict=True)) == expected
        np.testing.assert_array_equal(at_label(rows, y), log_likelihood)


def test_errors_without_ties_are_found_by_comparison():
    rng = np.random.default_rng(0)
    log_proba = np.asfortranarray(rng.standard_normal((500, 7)))
    y = rng.integers(0, 7, 500)
    _, error = label_log_likelihood(log_proba, y)
    np.testing.assert_array_equal(error, log_proba.argmax(axis=1) != y)
