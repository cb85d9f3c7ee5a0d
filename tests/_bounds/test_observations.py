"""Observations: rows and groups, their weights, and their bounds."""

import warnings

import numpy as np
import pandas as pd
import pytest

from sksoftinfo import information_bounds
from sksoftinfo._bounds import betting
from sksoftinfo._bounds.observations import Observations, effective_size


def test_rows_are_shuffled_in_the_same_way_each_time():
    first, second = Observations(1_000), Observations(1_000)
    np.testing.assert_array_equal(first.rows, second.rows)
    assert sorted(first.rows) == list(range(1_000))
    assert np.abs(np.diff(first.rows)).mean() > 200
    assert first.alike


def test_groups_are_observations_whose_weight_is_their_size():
    groups = np.array([5, 5, 5, 2, 2, 9])
    observations = Observations(6, groups=groups)
    assert sorted(observations.weights) == pytest.approx([1 / 3, 2 / 3, 1])
    members = groups[observations.rows]
    assert (np.diff(members) != 0).sum() == 2
    values = np.arange(6.0)
    (part,) = observations.parts()
    sums = part.totals(values[part.rows])
    assert sorted(3 * sums) == pytest.approx([3, 5, 7])
    assert not observations.alike


@pytest.mark.parametrize("size", [1, 3, 40, 10_000])
@pytest.mark.parametrize("kind", ["rows", "weighted", "grouped"])
def test_parts_hold_each_row_once_in_the_order_of_the_bets(monkeypatch, size, kind):
    monkeypatch.setattr(betting, "_PART_ROWS", size)
    rng = np.random.default_rng(0)
    weights = None if kind == "rows" else rng.integers(0, 3, 300).astype(float)
    groups = rng.integers(0, 90, 300) if kind == "grouped" else None
    observations = Observations(300, weights, groups)
    parts = list(observations.parts())
    np.testing.assert_array_equal(np.concatenate([part.rows for part in parts]), observations.rows)
    np.testing.assert_array_equal(
        np.concatenate([part.weights for part in parts]), observations.row_weights
    )
    totals = [part.totals(np.ones(len(part.rows))) for part in parts]
    np.testing.assert_allclose(np.concatenate(totals), observations.weights)
    for part in parts:
        n_observations = part.observations.stop - part.observations.start
        assert len(part.rows) <= size or n_observations == 1
    # The first row of each round, among all rows.
    first = np.cumsum([0] + [len(part.rows) for part in parts])
    starts = [
        start + part.starts[0 if part.begins else 1 :]
        for start, part in zip(first, parts, strict=False)
    ]
    expected = observations.rounds[:-1]
    if kind == "grouped":
        members = groups[observations.rows]
        expected = np.flatnonzero(np.diff(members, prepend=-1))[expected]
    np.testing.assert_array_equal(np.concatenate(starts), expected)


def test_rows_of_weight_zero_are_left_out():
    observations = Observations(4, np.array([0.0, 2.0, 1.0, 0.0]))
    assert sorted(observations.rows) == [1, 2]
    assert sorted(observations.row_weights) == [0.5, 1.0]
    grouped = Observations(4, np.array([0.0, 2.0, 1.0, 0.0]), np.array([7, 7, 7, 8]))
    assert grouped.weights.tolist() == [1.0]


def test_a_bound_scales_the_weights():
    assert Observations(3, bound=10.0).weights.tolist() == [0.1, 0.1, 0.1]


def test_effective_size():
    assert effective_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_size([1.0, 0.0, 0.0]) == 1


Y, PROBA = np.arange(60) % 2, np.tile([0.2, 0.8], 30)


def test_a_larger_bound_lowers_the_limit():
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    limits = [
        information_bounds(Y, PROBA, sample_weight=weights, weight_bound=bound).mi_lower_limit
        for bound in (2, 4, 8)
    ]
    assert limits[0] > limits[1] > limits[2] >= 0
    assert limits[0] == information_bounds(Y, PROBA, sample_weight=weights).mi_lower_limit
    groups = np.arange(60) // 2
    limits = [
        information_bounds(Y, PROBA, groups=groups, group_bound=bound).mi_lower_limit
        for bound in (2, 4)
    ]
    assert limits[0] > limits[1]
    assert limits[0] == information_bounds(Y, PROBA, groups=groups).mi_lower_limit


def test_few_large_weights_are_warned_of():
    weights = np.where(np.arange(60) < 2, 100.0, 1.0)
    with pytest.warns(UserWarning, match="rows are very unequal: .* 3.3.*weight_bound"):
        information_bounds(Y, PROBA, sample_weight=weights)
    groups = np.concatenate([np.zeros(30), np.arange(30)])
    with pytest.warns(UserWarning, match="groups are very unequal.*`group_bound`") as caught:
        information_bounds(Y, PROBA, groups=groups)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        information_bounds(Y, PROBA, sample_weight=weights, weight_bound=100)
        information_bounds(Y, PROBA, groups=groups, group_bound=31)
        information_bounds(Y, PROBA, groups=np.arange(60) // 30)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"weight_bound": 0.5},
            "`weight_bound` must be a finite number of at least 1.*got 0.5",
        ),
        ({"weight_bound": "large"}, "`weight_bound` must be a finite number"),
        ({"weight_bound": np.inf}, "`weight_bound` must be a finite number"),
        ({"group_bound": 3}, "`group_bound` must be None without groups; got 3"),
        ({"groups": Y, "weight_bound": 3}, "`weight_bound` must be None with groups; got 3"),
        ({"groups": Y, "group_bound": 3}, "`group_bound` must be .* at least 30, .*; got 3"),
        ({"groups": Y[:3]}, "`groups` must hold one group for each row; got 3 for"),
        ({"groups": np.where(Y == 1, np.nan, 0.0)}, "`groups` must hold a group .* for 30 of 60"),
        ({"groups": np.array([None, "a"] * 30, dtype=object)}, "`groups` must hold a group"),
        (
            {"groups": pd.Series([pd.NA, "a"] * 30, dtype="string")},
            "`groups` must hold a group .* for 30 of 60",
        ),
        ({"groups": np.zeros((60, 2))}, "`groups` must hold one group for each row"),
    ],
)
def test_bad_bounds_and_groups(options, message):
    with pytest.raises(ValueError, match=message):
        information_bounds(Y, PROBA, **options)


def test_groups_may_be_texts():
    names = np.array(["a", "b", "c"])[np.arange(60) % 3]
    assert information_bounds(Y, PROBA, groups=names).n_groups == 3
    assert information_bounds(Y, PROBA).n_groups is None


@pytest.mark.parametrize("unit", [1e-300, 1e-8, 1e300])
def test_the_unit_of_weights_changes_nothing(unit):
    rng = np.random.default_rng(0)
    y, proba, weights = rng.integers(0, 2, 80), rng.random(80), rng.uniform(0.5, 1, 80)
    expected = information_bounds(y, proba, sample_weight=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = information_bounds(y, proba, sample_weight=unit * weights)
    assert effective_size(unit * weights) == pytest.approx(effective_size(weights))
    assert found.standard_errors == pytest.approx(expected.standard_errors)
    for name in ("mi_lower", "betting_lower_limit", "label_entropy_upper_limit", "interval"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_groups_in_several_columns_are_refused():
    y = [0, 1] * 4
    flat = information_bounds(y, [0.2, 0.8] * 4, groups=np.arange(8)[:, None])
    assert flat.n_groups == 8
    with pytest.raises(ValueError, match=r"`groups` must hold one group .* got shape \(8, 2\)"):
        information_bounds(y, [0.2, 0.8] * 4, groups=np.zeros((8, 2)))
