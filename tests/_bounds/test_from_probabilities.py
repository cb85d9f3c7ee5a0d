import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.metrics import d2_log_loss_score

from sksoftinfo import information_bounds

Y = np.array(["b", "a", "c", "a", "b"])
PROBA = np.array(
    [[0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.4, 0.3, 0.3], [0.3, 0.5, 0.2]]
)


@pytest.fixture
def bounds():
    return information_bounds(Y, PROBA)


def test_values_by_hand(bounds):
    p = np.array([0.4, 0.4, 0.2])
    label_entropy = -(p * np.log(p)).sum()
    log_likelihood = np.log([0.7, 0.6, 0.8, 0.4, 0.5])
    assert bounds.label_entropy == pytest.approx(label_entropy)
    assert bounds.mi_lower == pytest.approx(label_entropy + log_likelihood.mean())
    assert bounds.log_softmax == pytest.approx(log_likelihood.mean())
    np.testing.assert_allclose(bounds.pointwise, log_likelihood - np.log(p[[1, 0, 2, 0, 1]]))
    assert bounds.d2 == pytest.approx(d2_log_loss_score(Y, PROBA), abs=1e-6)
    assert bounds.classes.tolist() == ["a", "b", "c"]
    assert (bounds.n_samples, bounds.n_classes, bounds.n_draws) == (5, 3, 1)


@pytest.mark.parametrize("prior", ["empirical", "uniform", [0.2, 0.3, 0.5]])
def test_reference_prior_spreads_the_same_mean(bounds, prior):
    other = information_bounds(Y, PROBA, reference_prior=prior)
    assert other.pointwise.mean() == pytest.approx(bounds.mi_lower, abs=1e-12)
    assert other.mi_lower == bounds.mi_lower
    if prior != "empirical":
        assert np.abs(other.pointwise - bounds.pointwise).max() > 0.01


def test_binary_probabilities_of_the_second_label():
    flat = information_bounds([0, 1, 1], [0.2, 0.7, 0.9])
    assert flat == information_bounds([0, 1, 1], [[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    assert flat == information_bounds([0, 1, 1], [[0.2], [0.7], [0.9]])


def test_labels_that_do_not_occur():
    b = information_bounds(["a", "b"], [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]], labels=["a", "b", "c"])
    assert b.classes.tolist() == ["a", "b", "c"]
    assert b.label_entropy == pytest.approx(np.log(2))
    assert b.dv == pytest.approx(np.log([0.5, 0.8]).mean() + np.log(3))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_columns_are_in_the_order_of_the_labels(bounds, order):
    """A silent sort of the labels ["b", "a"] once turned 0.588 nats into -1.609."""
    labels, prior = np.array(["a", "b", "c"])[order], np.array([0.2, 0.3, 0.5])
    frame = pd.DataFrame(PROBA[:, order], columns=labels)
    for proba in (PROBA[:, order], frame):
        b = information_bounds(Y, proba, labels=labels, reference_prior=prior[order])
        assert b.classes.tolist() == labels.tolist()
        assert b.mi_lower == pytest.approx(bounds.mi_lower, abs=1e-12)
        np.testing.assert_allclose(b.reference_prior, prior[order])
        expected = information_bounds(Y, PROBA, reference_prior=prior)
        np.testing.assert_allclose(b.pointwise, expected.pointwise)
        assert b.mi_lower_limit == pytest.approx(expected.mi_lower_limit, abs=1e-9)
    flat = information_bounds(["a", "b"], [0.8, 0.1], labels=["b", "a"])
    assert flat.mi_lower == pytest.approx(np.log(2) + np.log([0.8, 0.9]).mean())


def test_chunks_change_nothing(monkeypatch, bounds):
    monkeypatch.setattr("sksoftinfo._bounds.from_probabilities._CHUNK", 4)
    chunked = information_bounds(Y, PROBA)
    assert chunked.mi_lower == pytest.approx(bounds.mi_lower, abs=1e-14)
    np.testing.assert_array_equal(chunked.pointwise, bounds.pointwise)


def peak_memory(y, proba, **options):
    """Return the peak of memory beyond the rows, in bytes."""
    tracemalloc.start()
    try:
        information_bounds(y, proba, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "options, most", [({}, 110), ({"sample_weight": True}, 145), ({"groups": True}, 140)]
)
def test_memory_of_a_row_is_that_of_few_numbers(options, most):
    rng = np.random.default_rng(0)
    few, many = (
        peak_memory(
            rng.integers(0, 2, n),
            rng.random(n),
            **{name: rng.integers(1, n // 5, n) for name in options},
        )
        for n in (100_000, 300_000)
    )
    assert (many - few) / 200_000 < most


def test_memory_does_not_grow_with_the_number_of_probabilities():
    y = np.arange(4_000) % 1_000
    assert peak_memory(y, np.full((4_000, 1_000), 1e-3)) < 10e6


def test_weights_are_repetition():
    weight = [2, 0, 1, 3, 1]
    weighted = information_bounds(Y, PROBA, sample_weight=weight)
    repeated = information_bounds(np.repeat(Y, weight), np.repeat(PROBA, weight, axis=0))
    assert weighted.mi_lower == pytest.approx(repeated.mi_lower, abs=1e-12)
    assert weighted.label_entropy == pytest.approx(repeated.label_entropy, abs=1e-12)


@pytest.mark.parametrize(
    "container",
    [
        np.asfortranarray,
        np.float32,
        lambda p: pd.DataFrame(p),
        lambda p: pl.DataFrame(p),
        lambda p: p.tolist(),
        lambda p: np.repeat(p, 2, axis=0)[::2],
    ],
)
def test_containers(bounds, container):
    b = information_bounds(pd.Series(Y), container(PROBA))
    assert b.mi_lower == pytest.approx(bounds.mi_lower, abs=1e-6)


def test_read_only_input_is_left_alone(bounds):
    proba = PROBA.copy()
    proba.flags.writeable = False
    assert information_bounds(Y, proba) == bounds


def test_impossible_labels_are_counted_and_not_far_from_nearly_impossible_ones():
    y, proba = [0, 1, 1, 0], np.array([0.1, 0.0, 0.9, 0.0])
    with pytest.warns(UserWarning, match="occurred in 1 of 4 rows. `mi_lower`") as caught:
        b = information_bounds(y, proba)
    assert caught[0].filename == __file__
    nearly = information_bounds(y, np.array([0.1, 2.3e-308, 0.9, 0.0]))
    for name in ("mi_lower", "log_softmax", "dv", "mi_output_lower", "d2", "pointwise"):
        np.testing.assert_allclose(getattr(b, name), getattr(nearly, name), rtol=1e-3)
    for name in ("mi_lower_floored", "mi_lower_limit", "interval"):
        np.testing.assert_allclose(getattr(b, name), getattr(nearly, name), atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        information_bounds([0, 1, 1], [0.0, 0.5, 0.0], sample_weight=[1, 1, 0])


def many_rows(n=2000):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([0.5, 1.0, 0.7], n)
    y = (rng.random((n, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    return y, proba


def test_limits_are_near_the_bound_and_fall_with_the_level():
    y, proba = many_rows()
    levels = [0.5, 0.8, 0.95, 0.999]
    results = [information_bounds(y, proba, confidence_level=level) for level in levels]
    limits = np.array([b.betting_lower_limit for b in results])
    assert (np.diff(limits) < 0).all()
    assert (np.diff([b.fano_lower_limit for b in results]) < 0).all()
    standard_error = results[0].pointwise.std() / np.sqrt(len(y))
    assert 1.5 < (results[2].mi_lower - limits[2]) / standard_error < 2.8
    assert results[2].mi_lower_limit <= max(limits[2], results[2].fano_lower_limit)
    assert results[2].confidence_level == 0.95


def test_limits_follow_labels_and_units():
    y, proba = many_rows()
    one = information_bounds(y, proba)
    names = ("mi_lower_limit", "fano_lower_limit", "label_entropy_upper_limit")
    relabelled = information_bounds(2 - y, proba[:, ::-1])
    for name in names:
        assert getattr(relabelled, name) == pytest.approx(getattr(one, name), abs=1e-9)
        in_bits = getattr(one.to_bits(), name)
        assert in_bits == pytest.approx(getattr(one, name) / np.log(2))
    np.testing.assert_allclose(one.to_bits().interval, np.array(one.interval) / np.log(2))
    uniform = information_bounds(y, proba, reference_prior="uniform")
    assert uniform.mi_lower_limit == one.mi_lower_limit
    known = information_bounds(y, proba, reference_prior=[0.5 / 2.2, 1 / 2.2, 0.7 / 2.2])
    assert abs(known.mi_lower_limit - one.mi_lower_limit) < 0.01
    assert known.mi_lower_limit <= one.mi_lower_limit


def test_over_confident_predictions_have_a_limit_above_their_bound():
    """Recalibrated on earlier rows, the predictions are as informative as their class order."""
    y, proba = many_rows()
    proba = np.eye(3)[proba.argmax(axis=1)] * (1 - 3e-9) + 1e-9
    b = information_bounds(y, proba)
    assert b.mi_lower < b.mi_lower_floored < 0
    assert b.interval[1] < 0
    assert b.betting_lower_limit > 0.05


def test_weights_count_as_importance_not_as_rows():
    y, proba = many_rows(300)
    plain = information_bounds(y, proba)
    heavy = information_bounds(y, proba, sample_weight=np.full(300, 3))
    assert heavy.mi_lower_limit == pytest.approx(plain.mi_lower_limit, abs=1e-9)
    tripled = information_bounds(np.tile(y, 3), np.tile(proba, (3, 1)))
    assert tripled.mi_lower_limit > plain.mi_lower_limit
    light = information_bounds(y, proba, sample_weight=np.linspace(0, 1, 300))
    assert light.mi_lower - light.mi_lower_limit > plain.mi_lower - plain.mi_lower_limit


def test_limits_below_zero_are_zero_and_point_values_are_not():
    """Information is not negative; the sum of a bad prediction's contributions may be negative."""
    b = information_bounds([0, 1] * 20, [0.6, 0.4] * 20)
    assert b.mi_lower_limit == b.betting_lower_limit == b.fano_lower_limit == 0
    assert b.mi_lower < 0 and b.interval[0] < b.mi_lower_floored < 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((Y, PROBA * 2), "probabilities that sum to 1; got .* in row 0, which sums to 2"),
        ((Y, PROBA * (1 + 1e-5)), r"sums to 1\.00001\. Divide each row by its sum"),
        ((Y, PROBA.round(1) - 0.01), "Divide each row by its sum"),
        (
            (Y, np.log(PROBA)),
            "no negative entries; got .* in row 0. Pass probabilities, not logits",
        ),
        ((Y, PROBA - [0.9, -0.9, 0]), "`y_proba` must have no negative entries; got .* in row 0"),
        ((Y, PROBA[:, :2]), "`y_proba` must have one column for each of the 3 labels; got shape"),
        ((Y[:3], PROBA), "inconsistent numbers of samples"),
        ((Y, np.where(PROBA > 0.7, np.nan, PROBA)), "y_proba contains NaN"),
        ((Y, np.where(PROBA > 0.7, np.inf, PROBA)), "y_proba contains infinity"),
        (([0, 1], [0.5, 1.5]), "`y_proba` must be within .*; got values between 0.5 and 1.5"),
        (([1, 1], [0.5, 0.5]), r"labels of `y_true`, must be at least two classes; got \[1\]"),
        (([], np.empty((0, 2))), "`y_true` must not be empty"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        information_bounds(*arguments)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"units": "bananas"}, "`units` must be 'nats' or 'bits'; got 'bananas'"),
        ({"confidence_level": 1.0}, "`confidence_level` must be a probability .* got 1.0"),
        ({"confidence_level": "high"}, "`confidence_level` must be .* got 'high'"),
        ({"reference_prior": "train"}, "`reference_prior` must be one of .*; got 'train'"),
        ({"reference_prior": [0.5, 0.5]}, "`reference_prior` must be a distribution"),
        ({"reference_prior": [0.5, 0.5, 0.5]}, "`reference_prior` must be a distribution"),
        (
            {"labels": ["a", "b", "x"]},
            r"must hold known labels; got \['c'\].* Pass all labels of `y_true` as `labels`",
        ),
        ({"labels": ["a", "b", "c", "c"]}, "`labels` must not repeat a label"),
        ({"labels": 3}, "`labels` must be one-dimensional; got 3"),
        ({"y_proba": pd.DataFrame(PROBA, columns=list("bac"))}, r"got \['b', 'a', 'c'\]"),
        ({"y_proba": pl.DataFrame(PROBA, schema=list("bac"))}, r"got \['b', 'a', 'c'\]"),
        ({"sample_weight": [1, 1, 1, 1, -1]}, "(?i)negative"),
        ({"sample_weight": [0, 0, 0, 0, 0]}, "(?i)zero"),
        ({"sample_weight": [1, 1]}, "inconsistent numbers of samples"),
        ({"groups": [1, 2]}, r"`groups` must hold one group for each row; got 2 for \d+ rows"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        information_bounds(**{"y_true": Y, "y_proba": PROBA, **options})


@pytest.mark.parametrize("names", ["abc", "xyz", None])
def test_frames_of_probabilities(names):
    """Columns are in the order of the sorted labels, whether or not the columns are named."""
    frame = pd.DataFrame(PROBA, columns=names and list(names))
    assert information_bounds(Y, frame) == information_bounds(Y, PROBA)


def test_quantities_are_refused_in_one_line():
    y = np.random.default_rng(0).normal(size=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="got non-integer numbers.*bins=4") as refused:
            information_bounds(y, np.full((1000, 2), 0.5))
    assert len(str(refused.value)) < 300


def test_one_class_and_the_largest_information():
    one = information_bounds([1, 1], [0.9, 0.9], labels=[0, 1])
    assert not np.signbit(one.label_entropy) and one.label_entropy == 0
    for n_classes in (2, 5):
        y = np.arange(20) % n_classes
        sure = information_bounds(y, np.eye(n_classes)[y])
        assert sure.interval[1] == pytest.approx(np.log(n_classes))
        assert sure.interval[1] <= np.log(n_classes)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_may_be_tensors_that_need_a_gradient(dtype):
    logits = torch.randn(60, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    proba = torch.softmax(logits, 1).to(dtype)
    labels = np.arange(50) % 3
    found = information_bounds(torch.as_tensor(labels), proba[:50])
    array = proba[:50].detach().double().numpy()
    array /= array.sum(axis=1, keepdims=True)
    assert found.mi_lower == pytest.approx(information_bounds(labels, array).mi_lower)


@pytest.mark.parametrize("labels", [None, [0, 1], ["a", "b"]])
def test_quantities_are_told_what_to_do_whether_or_not_labels_are_named(labels):
    with pytest.raises(ValueError, match=r"got non-integer numbers, e\.g\. 0\.5.*bins=4"):
        information_bounds(np.arange(20) + 0.5, np.full((20, 2), 0.5), labels=labels)
    halves = information_bounds([0.5, 1.5] * 9, [0.2, 0.8] * 9, labels=[0.5, 1.5])
    assert halves.mi_lower > 0
