"""Differences of results: their intervals, their p-values, and which rows may be compared."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from scipy import stats

from sksoftinfo import BoundsDifference, compare_bounds, information_bounds
from sksoftinfo._bounds import cross_fitted_bounds

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 80)
FIRST, SECOND = RNG.dirichlet(np.ones(3), 80), RNG.dirichlet(np.ones(3), 80)


def of(proba, **options):
    return information_bounds(Y, proba, **options)


def test_it_is_student_s_t_of_paired_rows():
    a, b = of(FIRST), of(SECOND)
    found = compare_bounds(a, b, confidence_level=0.9)
    expected = stats.ttest_rel(a.pointwise, b.pointwise)
    assert isinstance(found, BoundsDifference)
    assert found.difference == pytest.approx(a.mi_lower - b.mi_lower)
    assert found.p_value == pytest.approx(expected.pvalue)
    np.testing.assert_allclose(found.interval, expected.confidence_interval(0.9))
    assert (found.n_samples, found.n_groups, found.cross_fitted) == (80, None, False)
    in_bits = compare_bounds(a, b.to_bits(), confidence_level=0.9)
    assert in_bits.interval == pytest.approx(found.interval)


def test_a_minus_b():
    a, b = of(FIRST, confidence_level=0.8), of(SECOND)
    assert a - b == compare_bounds(a, b, confidence_level=0.8)
    assert (b - a).difference == -(a - b).difference
    assert (a - b).p_value == (b - a).p_value
    assert (a - a).difference == 0 and (a - a).p_value == 1
    with pytest.raises(TypeError):
        a - 1


def test_units_are_those_of_the_first():
    nats, bits = of(FIRST) - of(SECOND), of(FIRST, units="bits") - of(SECOND)
    assert (nats.units, bits.units) == ("nats", "bits")
    assert bits.difference == pytest.approx(nats.difference / np.log(2))
    np.testing.assert_allclose(bits.interval, np.array(nats.interval) / np.log(2))
    assert bits.p_value == pytest.approx(nats.p_value)


def test_integer_weights_of_groups_are_repetition_within_a_group():
    groups, weight = np.arange(80) // 4, RNG.integers(0, 3, 80)
    repeated = np.repeat(np.arange(80), weight)
    weighted = of(FIRST, sample_weight=weight, groups=groups) - of(
        SECOND, sample_weight=weight, groups=groups
    )
    rows = [
        information_bounds(Y[repeated], proba[repeated], groups=groups[repeated])
        for proba in (FIRST, SECOND)
    ]
    by_rows = rows[0] - rows[1]
    for name in ("difference", "standard_error", "interval", "p_value", "n_groups"):
        assert getattr(weighted, name) == pytest.approx(getattr(by_rows, name)), name


@pytest.mark.filterwarnings("ignore:The weights of the")
def test_unequal_groups_and_weights_keep_the_level():
    # Both classifiers predict equally well.
    rng, n_worlds, missed = np.random.default_rng(2), 150, {"groups": 0, "sample_weight": 0}
    for _ in range(n_worlds):
        size = np.minimum(rng.random(30) ** (-1 / 1.2), 100).astype(int)
        y = rng.integers(0, 2, 30)
        logits = np.where(y == 1, 0.8, -0.8) + 0.3 * rng.normal(size=(2, 30))
        first, second = 1 / (1 + np.exp(-logits))
        groups = np.repeat(np.arange(30), size)
        for name, rows, option in (
            ("groups", groups, groups),
            ("sample_weight", np.arange(30), size),
        ):
            a, b = (
                information_bounds(y[rows], one[rows], **{name: option}) for one in (first, second)
            )
            missed[name] += (a - b).p_value < 0.05
    # Three standard errors above 5 %.
    assert max(missed.values()) / n_worlds < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_worlds)


def test_groups_of_repeated_rows_are_one_row_each():
    groups = np.tile(np.arange(80), 5)
    once = of(FIRST) - of(SECOND)
    five = [
        information_bounds(np.tile(Y, 5), np.tile(p, (5, 1)), groups=groups)
        for p in (FIRST, SECOND)
    ]
    clustered = five[0] - five[1]
    assert clustered.interval == pytest.approx(once.interval)
    assert clustered.p_value == pytest.approx(once.p_value)
    assert clustered.n_groups == 80 and "80 observations" in repr(clustered)


def test_a_column_of_noise_adds_nothing_more_often_than_said():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(300):
        y = rng.integers(0, 2, 100)
        proba = np.clip(0.5 + 0.3 * (2 * y - 1) + 0.2 * rng.normal(size=100), 0.05, 0.95)
        noise = rng.normal(size=100)
        first, second = (
            information_bounds(y, 1 / (1 + (1 / proba - 1) * np.exp(sign * 0.3 * noise)))
            for sign in (1, -1)
        )
        p_values.append((first - second).p_value)
    # Three standard errors above 5 % of 300.
    assert np.mean(np.array(p_values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(p_values) < 0.5) > 0.35


def test_cross_fitted_results_are_labelled():
    folds = np.arange(80) % 5
    a = cross_fitted_bounds(Y, FIRST, folds=folds)
    found = a - cross_fitted_bounds(Y, SECOND, folds=folds)
    assert found.cross_fitted and "approximate" in repr(found)
    assert "approximate" not in repr(of(FIRST) - of(SECOND))


def test_copies_can_be_compared():
    a, b = of(FIRST), of(SECOND)
    for copied in (pickle.loads(pickle.dumps(a)), copy.deepcopy(a), a.to_bits().to_nats()):
        assert (copied - b).difference == pytest.approx((a - b).difference)
    assert json.loads(json.dumps((a - b).to_dict()))["interval"] == list((a - b).interval)


@pytest.mark.parametrize(
    "other, message",
    [
        (lambda: information_bounds(Y[::-1], SECOND), "different labels or order of rows"),
        (lambda: information_bounds(Y[:70], SECOND[:70]), "different labels"),
        (lambda: information_bounds(Y, SECOND, labels=[2, 1, 0]), "different classes"),
        (lambda: of(SECOND, sample_weight=np.ones(80)), "different sample_weight"),
        (lambda: of(SECOND, groups=Y), "different groups"),
        (lambda: of(SECOND, reference_prior="uniform"), "different reference_prior"),
        (lambda: information_bounds(Y, np.c_[SECOND, 0 * Y], labels=range(4)), "classes"),
        (lambda: dataclasses.replace(of(SECOND), _rows=None), "created directly"),
        (lambda: 0.3, "`b` must be an InformationBounds; got 0.3"),
    ],
)
def test_other_rows_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        compare_bounds(of(FIRST), other())


def test_names_of_groups_do_not_count():
    groups = np.arange(80) // 4
    expected = of(FIRST, groups=groups) - of(SECOND, groups=groups)
    names = [f"patient {100 - group}" for group in groups]
    assert of(FIRST, groups=groups) - of(SECOND, groups=names) == expected


def test_bad_level_and_too_few_groups():
    with pytest.raises(ValueError, match="`confidence_level` must be"):
        compare_bounds(of(FIRST), of(SECOND), confidence_level=95)
    groups = np.zeros(80)
    with pytest.raises(ValueError, match="rows of positive weight, or groups; got 1"):
        of(FIRST, groups=groups) - of(SECOND, groups=groups)


@pytest.mark.parametrize("n", [6, 60])
@pytest.mark.parametrize("options", [{}, {"groups": True}, {"sample_weight": True}])
def test_equal_differences_have_no_error_to_be_certain_of(n, options):
    y = np.arange(n) % 2
    if "groups" in options:
        options = {"groups": np.arange(n) // 2}
    elif options:
        options = {"sample_weight": 1.0 + np.arange(n) % 3}
    sure, less = (information_bounds(y, np.where(y == 1, q, 1 - q), **options) for q in (0.8, 0.7))
    found = sure - less
    assert found.difference == pytest.approx(np.log(8 / 7))
    assert np.isnan([found.standard_error, found.p_value, *found.interval]).all()
    assert "All differences are equal: their standard error cannot be estimated" in repr(found)
    same = sure - sure
    assert (same.difference, same.standard_error, same.p_value) == (0, 0, 1)
    assert same.interval == (0, 0)
    assert "large differences are rare" in repr(of(FIRST) - of(SECOND))
