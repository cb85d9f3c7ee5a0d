"""Rows that are held out together, and the assumption behind this choice."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from sksoftinfo._evaluation.folds import make_folds

RNG = np.random.default_rng(0)
Y = np.arange(120) // 40
X = RNG.normal(size=(120, 2))
GROUPS = np.arange(120) // 4


def test_an_integer_shuffles_and_stratifies():
    folds = make_folds(5, X, Y)
    for train, test in folds.splits:
        assert np.bincount(Y[test]).tolist() == [8, 8, 8]
        assert np.ptp(np.diff(np.sort(test))) > 0
        assert len(train) == 96
    again, other = make_folds(5, X, Y), make_folds(5, X, Y, random_state=1)
    np.testing.assert_array_equal(folds.fold, again.fold)
    assert (folds.fold != other.fold).any()
    assert folds.groups is None
    assert folds.assumption == "rows are independent draws (shuffled stratified folds)"
    np.testing.assert_array_equal(make_folds(None, X, Y).fold, folds.fold)


@pytest.mark.parametrize("names", [GROUPS, GROUPS.astype(str), pd.Series(GROUPS).astype("object")])
def test_groups_stay_together(names):
    folds = make_folds(5, X, Y, groups=names)
    for group in range(30):
        assert len(np.unique(folds.fold[GROUPS == group])) == 1
    assert len(np.unique(folds.fold)) == 5
    assert "30 groups are independent draws" in folds.assumption
    assert make_folds(5, X, Y, groups=names, random_state=3).fold.tolist() != folds.fold.tolist()


def test_fewer_groups_than_folds():
    with pytest.warns(UserWarning, match="at least cv=5 groups; got 3"):
        folds = make_folds(5, X, Y, groups=np.arange(120) % 3)
    assert len(folds.splits) == 3
    # Copies count, too: here, twenty folds are requested for twelve distinct rows.
    few, y = X[:12].repeat(10, axis=0), (np.arange(12) % 2).repeat(10)
    with (
        pytest.warns(UserWarning, match="108 of 120 rows are copies"),
        pytest.warns(UserWarning, match="should hold at least cv=20 rows that differ, .*; got 12"),
    ):
        folds = make_folds(20, few, y)
    assert 10 <= len(folds.splits) <= 12
    with pytest.raises(ValueError, match="got one group of 120 rows"):
        make_folds(5, X, Y, groups=np.zeros(120))


def test_copies_stay_together_and_join_groups():
    table = np.vstack([X[:60], X[:60]])
    y = np.tile(np.arange(60) % 2, 2)
    with pytest.warns(UserWarning, match="60 of 120 rows are copies"):
        folds = make_folds(5, table, y)
    np.testing.assert_array_equal(folds.fold[:60], folds.fold[60:])
    assert folds.assumption.startswith("60 rows that differ are independent draws (shuffled")
    with pytest.warns(UserWarning, match="60 of 120 rows are copies"):
        joined = make_folds(5, table, y, groups=np.r_[np.arange(60) // 2, np.arange(60, 120)])
    # Rows 0 and 1 share a group, and row 60 is a copy of row 0.
    assert joined.groups.max() + 1 == 30
    assert joined.assumption.startswith("30 groups are independent draws (shuffled")
    np.testing.assert_array_equal(joined.fold[:60:2], joined.fold[61::2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apart = make_folds(5, table, y, equal_rows="independent")
        together = make_folds(5, table, y, equal_rows="together")
        # The user's groups already contain all copies.
        make_folds(5, table, y, groups=np.tile(np.arange(60) // 2, 2))
    assert (apart.fold[:60] != apart.fold[60:]).any()
    np.testing.assert_array_equal(together.fold, folds.fold)


def test_splits_of_the_user():
    cv = TimeSeriesSplit(4)
    folds = make_folds(cv, X, Y)
    assert folds.in_time_order
    assert len(folds.scored) == 96
    assert folds.scored[0] == 24
    assert "96 of 120 rows were scored" in folds.assumption
    np.testing.assert_array_equal(folds.observations, folds.fold[24:])
    months = make_folds(cv, X, Y, groups=np.arange(120) // 12)
    np.testing.assert_array_equal(months.observations, np.arange(24, 120) // 12)
    assert "a group of rows is one observation" in months.assumption
    assert not make_folds([(np.arange(60), np.arange(60, 120))], X, Y).in_time_order
    held_out = make_folds(ShuffleSplit(1, random_state=0), X, Y)
    assert len(held_out.scored) == 12
    predefined = make_folds(PredefinedSplit(np.r_[np.full(60, -1), np.arange(60) % 2]), X, Y)
    np.testing.assert_array_equal(predefined.scored, np.arange(60, 120))
    masks = [(np.arange(120) % 2 == part, np.arange(120) % 2 != part) for part in (0, 1)]
    np.testing.assert_array_equal(make_folds(masks, X, Y).fold, 1 - np.arange(120) % 2)
    assert len(make_folds(LeaveOneGroupOut(), X, Y, groups=GROUPS).splits) == 30
    generator = StratifiedKFold(3).split(X, Y)
    assert make_folds(generator, X, Y).assumption.endswith("(folds of an iterable)")


def test_folds_that_ignore_groups_or_copies_are_warned_about():
    with pytest.warns(UserWarning, match="120 rows are scored by a classifier that was trained"):
        make_folds(KFold(4, shuffle=True, random_state=0), X, Y, groups=np.arange(120) % 6)
    table = np.vstack([X[:60], X[:60]])
    with (
        pytest.warns(UserWarning, match="60 of 120 rows are copies"),
        pytest.warns(UserWarning, match="120 rows are scored .* or on copies"),
    ):
        make_folds(KFold(2), table, np.tile(np.arange(60) % 2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_folds(GroupKFold(4), X, Y, groups=GROUPS)


@pytest.mark.parametrize(
    "cv, options, message",
    [
        (1, {}, "`cv` must be an integer of at least 2"),
        (0.2, {}, "`cv` must be an integer of at least 2, a splitter or splits; got 0.2"),
        (True, {}, "`cv` must be an integer of at least 2"),
        ("stratified", {}, "`cv` must be an integer of at least 2"),
        (
            RepeatedKFold(n_splits=3),
            {},
            "must score each row at most once; got RepeatedKFold",
        ),
        (ShuffleSplit(20), {}, "such as StratifiedKFold, instead of repeated or random splits"),
        ([([0, 1], [1, 2])], {}, "got 1 row in both parts of split 0, such as row 1"),
        ([([0, 1], [2, 2])], {}, "scores 1 row again in split 0, such as row 2"),
        ([([0, 1], [])], {}, "`cv` must hold out rows to score"),
        ([], {}, "`cv` must hold out rows to score"),
        (KFold, {}, "`cv` must be an integer of at least 2, a splitter or splits; got <class"),
        ([1, 2], {}, "`cv` must yield pairs of training and held-out rows; got 1"),
        ([([0], [1], [2])], {}, "`cv` must yield pairs of training and held-out rows"),
        ([(np.arange(60.0), np.arange(60, 120))], {}, "got float64 from 0.0 to 59.0"),
        ([([0, 1], [200])], {}, "`cv` must yield positions or masks of 120 rows"),
        ([([0, 1], [-1])], {}, "`cv` must yield positions or masks of 120 rows"),
        (50, {}, "got at most 40 rows in each class"),
        (5, {"groups": np.arange(9)}, "`groups` must hold one group for each row; got 9 for"),
        (5, {"groups": [None] + ["a"] * 119}, "got none for 1 of 120 rows"),
        (5, {"groups": np.array([1] + ["a"] * 119, dtype=object)}, "`groups` must be of one type"),
        (5, {"equal_rows": "apart"}, "`equal_rows` must be one of"),
    ],
)
def test_bad_folds(cv, options, message):
    with pytest.raises(ValueError, match=message):
        make_folds(cv, X, Y, **options)


def test_too_few_rows_that_differ_have_a_literal_remedy():
    y = np.arange(40) % 2
    with pytest.raises(ValueError, match="`X` must .* two rows that differ.*; got 40") as error:
        make_folds(5, np.ones((40, 1)), y, equal_rows="together")
    assert str(error.value).endswith("Use equal_rows='independent'.")
    assert len(make_folds(5, np.ones((40, 1)), y, equal_rows="independent").splits) == 5
    three = (np.arange(40) % 3)[:, None]
    with pytest.warns(UserWarning, match="`X` should .* cv=5 rows that differ.*; got 3, .*cv=3"):
        assert len(make_folds(5, three, y, equal_rows="together").splits) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_folds(3, three, y, equal_rows="together")


def test_groups_that_equal_rows_join_have_a_literal_remedy():
    y, groups = np.arange(40) % 2, np.arange(40) % 8
    with pytest.raises(ValueError, match="groups that share no equal rows.*; got one") as error:
        make_folds(5, np.ones((40, 1)), y, groups=groups, equal_rows="together")
    assert str(error.value).endswith("Use equal_rows='independent'.")
    make_folds(5, np.ones((40, 1)), y, groups=groups, equal_rows="independent")
    with pytest.raises(ValueError, match="two groups; got one group .* Leave `groups` out"):
        make_folds(5, np.ones((40, 1)), y, groups=np.ones(40), equal_rows="together")
    make_folds(5, np.arange(40)[:, None], y)


@pytest.mark.parametrize("equal_rows", ["auto", "together"])
def test_equal_rows_join_blocks_in_time_order_and_never_split_them(equal_rows):
    def folds_of(order, splits=8):
        rows = RNG.normal(size=(90, 2))[order]
        y = np.arange(len(rows)) % 2
        return make_folds(TimeSeriesSplit(splits), rows, y, equal_rows=equal_rows)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Each block contains both copies of its rows, and thus ten distinct rows.
        within = folds_of(np.arange(90).repeat(2))
        np.testing.assert_array_equal(within.observations, within.fold[within.scored])
        assert "a block of rows is one observation" in within.assumption
        # The last block repeats rows of the second: together, they are one of seven observations.
        order = np.r_[np.arange(80), np.arange(20, 30)]
        joined = folds_of(order)
        blocks = joined.fold[joined.scored]
        assert len(np.unique(joined.observations)) == 7
        assert len(np.unique(joined.observations[(blocks == 1) | (blocks == 7)])) == 1
        assert len(np.unique(np.column_stack([blocks, joined.observations]), axis=0)) == 8
        assert "as are blocks that share equal rows" in joined.assumption
    with pytest.warns(UserWarning, match="8 blocks in time order share equal rows .* count as 7"):
        folds_of(order)
