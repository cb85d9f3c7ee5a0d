"""Information in columns: compared with bounds one by one, and with known values."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from sksoftinfo import FeatureInformation, cross_val_bounds, feature_information

X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=["sl", "sw", "pl", "pw"])
LDA = LinearDiscriminantAnalysis()


def test_against_bounds_one_by_one():
    found = feature_information(LDA, FRAME, Y, given="sl", units="bits")

    def bounds(columns):
        return cross_val_bounds(LDA, FRAME[columns], Y, units="bits")

    assert found.names == ["sw", "pl", "pw"]
    assert found.given == ["sl"]
    everything, given = bounds(list(FRAME)), bounds(["sl"])
    assert found.bounds_all == everything
    assert found.bounds_given == given
    for index, name in enumerate(found.names):
        alone = bounds([name])
        assert found.bounds_alone[index] == alone
        assert found.alone_lower[index] == alone.mi_lower
        assert found.alone_limit[index] == alone.mi_lower_limit
        lost = everything.pointwise - bounds([one for one in FRAME if one != name]).pointwise
        gained = bounds(["sl", name]).pointwise - given.pointwise
        for stem, rows in (("lost", lost), ("gained", gained)):
            test = stats.ttest_1samp(rows, 0)
            assert found.alone_interval[index] == pytest.approx(alone.interval)
            assert getattr(found, f"{stem}_estimate")[index] == pytest.approx(rows.mean())
            assert getattr(found, f"{stem}_p_value")[index] == pytest.approx(test.pvalue, rel=1e-6)
            np.testing.assert_allclose(
                getattr(found, f"{stem}_interval")[index], test.confidence_interval()
            )
    assert (found.lost_p_value_holm >= found.lost_p_value).all()
    assert found.any_p_value is None


@pytest.mark.parametrize(
    "table, columns",
    [
        (FRAME, ["sl", ["pl", "pw"]]),
        (pl.from_pandas(FRAME), {"sl": "sl", "pl + pw": ["pl", "pw"]}),
        (X, {"sl": 0, "pl + pw": [2, -1]}),
        (X.tolist(), {"sl": [0], "pl + pw": (3, 2)}),
        (scipy.sparse.csc_array(X), {"sl": 0, "pl + pw": [2, 3]}),
        (FRAME, {"sl": 0, "pl + pw": [2, 3]}),
        (
            FRAME.set_axis(pd.MultiIndex.from_product([["s", "p"], ["l", "w"]]), axis=1),
            {"sl": ("s", "l"), "pl + pw": [("p", "l"), ("p", "w")]},
        ),
    ],
)
def test_columns_by_name_and_by_position(table, columns):
    expected = feature_information(LogisticRegression(max_iter=500), X, Y, columns=[0, [2, 3]])
    found = feature_information(LogisticRegression(max_iter=500), table, Y, columns=columns)
    assert found.names == ["sl", "pl + pw"]
    np.testing.assert_allclose(found.alone_lower, expected.alone_lower, atol=1e-4)
    np.testing.assert_allclose(found.lost_estimate, expected.lost_estimate, atol=1e-4)


def test_what_is_known():
    """Each bit of a parity is uninformative alone; logistic regression finds no information."""
    rng = np.random.default_rng(0)
    a, b, noise = rng.integers(0, 2, size=(3, 2000))
    y = a ^ b
    table = pd.DataFrame({"a": a, "b": b, "noise": noise})
    boosting = HistGradientBoostingClassifier(random_state=0, max_iter=30)
    found = feature_information(boosting, table[["a", "b"]], y, given="a", units="bits")
    assert abs(found.alone_lower).max() < 0.02
    assert found.gained_estimate[0] > 0.9
    assert found.lost_estimate.min() > 0.9
    # This estimate lies above the truth, which is zero: a and b already contain all information.
    table["parity"] = y
    fooled = feature_information(
        LogisticRegression(), table, y, columns=["parity"], given=["a", "b"]
    )
    assert fooled.gained_estimate[0] > 0.6
    # This estimate lies below the truth: each column is necessary, but no loss is detected.
    blind = feature_information(LogisticRegression(), table[["a", "b"]], y)
    assert abs(blind.lost_estimate).max() < 0.01


def test_impossible_labels_are_mixed_with_the_frequencies():
    forest = RandomForestClassifier(5, random_state=0)
    with pytest.warns(UserWarning, match="Probability 0 was predicted for the label"):
        found = feature_information(forest, X, Y, columns=[1, 2], given=[0], cv=3)
    for values in (found.alone_lower, found.lost_estimate, found.gained_estimate):
        assert abs(values).max() < np.log(3)


def test_all_columns_are_compared_with_none():
    found = feature_information(LDA, X, Y, columns=[[0, 1, 2, 3]])
    assert found.lost_estimate[0] == pytest.approx(found.alone_lower[0], abs=1e-9)
    one = feature_information(LDA, X[:, 2:3], Y)
    assert one.lost_estimate[0] == pytest.approx(one.alone_lower[0], abs=1e-9)


def test_intervals_and_p_values_keep_their_level():
    """For a column without information, p-values are uniform, and intervals contain zero."""
    rng = np.random.default_rng(0)
    p_values, covered, n_runs = [], 0, 100
    for _ in range(n_runs):
        y = rng.integers(0, 2, 120)
        table = np.column_stack([y + rng.normal(size=120), rng.normal(size=120)])
        found = feature_information(GaussianNB(), table, y, columns=[1], given=[0], cv=3)
        better = found.gained_estimate[0] > 0
        p_values.append(found.gained_p_value[0] / 2 if better else 1 - found.gained_p_value[0] / 2)
        covered += found.gained_interval[0, 0] <= 0
    assert np.mean(np.array(p_values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_runs)
    assert covered / n_runs > 0.95 - 3 * np.sqrt(0.05 * 0.95 / n_runs)


def test_groups_count_once():
    once = feature_information(LDA, X, Y, cv=3)
    rows = np.arange(150).repeat(4)
    four = feature_information(
        LDA, X[rows], Y[rows], groups=rows, cv=list(expanded(once, rows)), equal_rows="independent"
    )
    width = np.ptp(once.lost_interval, axis=1)
    np.testing.assert_allclose(np.ptp(four.lost_interval, axis=1), width, rtol=0.1)
    assert "150 groups" in four.bounds_all.assumption


def expanded(found, rows):
    from sksoftinfo._evaluation.folds import make_folds

    for train, test in make_folds(3, X, Y).splits:
        yield np.flatnonzero(np.isin(rows, train)), np.flatnonzero(np.isin(rows, test))


def test_permutations_tell_information_from_none():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    table = np.column_stack([2 * y + rng.normal(size=80), rng.normal(size=80)])
    found = feature_information(GaussianNB(), table, y, n_permutations=49, cv=3)
    assert found.any_p_value[0] == pytest.approx(1 / 50)
    assert found.any_p_value[1] > 0.05
    assert found.any_p_value_all == pytest.approx(1 / 50)
    np.testing.assert_array_equal(found.any_p_value_holm, [2 / 50, found.any_p_value[1]])
    again = feature_information(GaussianNB(), table, y, n_permutations=49, cv=3)
    np.testing.assert_array_equal(found.any_p_value, again.any_p_value)
    # The noise repeats within groups, and so do the labels: there are many rows and few groups.
    few = rng.normal(size=(16, 1)).repeat(10, axis=0)
    labels = (np.arange(16) % 2).repeat(10)
    grouped = feature_information(
        GaussianNB(), few, labels, groups=np.arange(16).repeat(10), n_permutations=49, cv=4
    )
    assert grouped.any_p_value[0] > 0.05


def test_permutation_p_values_keep_their_level():
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(40):
        y = rng.integers(0, 2, 40)
        found = feature_information(
            BernoulliNB(), rng.normal(size=(40, 1)), y, n_permutations=9, cv=2
        )
        p_values.append(found.any_p_value[0])
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 40)


def test_table_and_text():
    found = feature_information(LDA, FRAME, Y, given=["sl", "sw"], n_permutations=1, cv=2)
    assert isinstance(found, FeatureInformation)
    frame = found.to_frame()
    assert frame.index.tolist() == ["pl", "pw"]
    assert {"alone_lower", "alone_low", "alone_high", "lost_estimate", "gained_p_value_holm"} < {
        *frame.columns
    }
    np.testing.assert_array_equal(frame["lost_low"], found.lost_interval[:, 0])
    assert "any_p_value" in frame
    text = repr(found)
    for shown in ("assumed: rows are independent", "estimate I(columns;Y|others)", "given ["):
        assert shown in text
    first, second = found.alone_lower_floored.argsort()[::-1]
    assert text.index(f"\n  {found.names[first]}") < text.index(f"\n  {found.names[second]}")
    without = feature_information(LDA, FRAME, Y, cv=2)
    assert "gained" not in " ".join(without.to_frame().columns)
    assert without.gained_estimate is None


def test_weights_params_bins_and_progress(capsys):
    weight = 1.0 + (Y == 1)
    found = feature_information(
        LogisticRegression(max_iter=500),
        X,
        Y,
        sample_weight=weight,
        params={"sample_weight": weight},
        columns=[2],
        verbose=1,
    )
    expected = cross_val_bounds(
        LogisticRegression(max_iter=500),
        X[:, [2]],
        Y,
        sample_weight=weight,
        params={"sample_weight": weight},
    )
    assert found.alone_lower[0] == pytest.approx(expected.mi_lower)
    assert "training: 100%" in capsys.readouterr().err
    with joblib.parallel_config("threading"):
        binned = feature_information(LDA, X[:, 1:], X[:, 0], bins=2, n_jobs=2)
    assert binned.bounds_all.label_entropy == pytest.approx(np.log(2), abs=0.01)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"columns": ["z"]},
            "`columns` must hold names or .* of X; got 'z'. Choose from \\['sl'",
        ),
        ({"columns": [7]}, "`columns` must hold names or positions of columns of X; got 7"),
        ({"columns": []}, "`columns` must name at least one column in each group"),
        ({"columns": [["sl"], []]}, "`columns` must name at least one column in each group"),
        ({"columns": ["sl", "sl"]}, "`columns` must not repeat a group"),
        ({"columns": [["sl", "sw"], ["sw", "sl"]]}, "`columns` must not repeat a group"),
        ({"columns": [3, -1]}, r"`columns` must not repeat a group; got \[3, -1\]"),
        ({"columns": {"a": [0], "b": [0, 0]}}, "`columns` must not repeat a group; got {'a'"),
        ({"columns": slice(0, 2)}, "`columns` must be a sequence of columns"),
        ({"columns": 2}, "`columns` must be a sequence of columns .*; got 2"),
        ({"given": "z"}, "`given` must hold names or positions of columns of X; got 'z'"),
        ({"given": list(range(4))}, "`given` must leave at least one column of X; got all 4"),
        ({"n_permutations": None}, "`n_permutations` must be an integer of at least 0; got None"),
        ({"n_permutations": -1}, "`n_permutations` must be an integer of at least 0"),
        (
            {"n_permutations": 9, "cv": TimeSeriesSplit(2)},
            "`n_permutations` must be 0 for folds",
        ),
        ({"confidence_level": 2}, "confidence_level"),
        ({"estimator": "forest"}, "must be 'stack' or a classifier; got 'forest'"),
        ({"X": X.reshape(150, 2, 2)}, "`X` must be a table of rows and columns"),
        ({"X": FRAME.set_axis(["a", "a", "b", "c"], axis=1)}, "got 'a' more than once"),
        ({"y": X[:, 0]}, "bins=4"),
    ],
)
def test_bad_input(options, message):
    rows = np.random.default_rng(0).permutation(150)
    arguments = {"estimator": LDA, "X": FRAME.iloc[rows], "y": Y[rows], **options}
    with pytest.raises(ValueError, match=message):
        feature_information(**arguments)


def test_labels_that_are_missing_from_the_rows():
    rows = Y < 2
    found = feature_information(LDA, X[rows], Y[rows], columns=[2], labels=[2, 1, 0], cv=2)
    expected = cross_val_bounds(LDA, X[rows], Y[rows], labels=[2, 1, 0], cv=2)
    assert found.bounds_all.n_classes == found.bounds_alone[0].n_classes == 3
    assert found.bounds_all.label_entropy_upper_limit == expected.label_entropy_upper_limit
    with pytest.raises(ValueError, match="`labels` must be None if `bins` is given"):
        feature_information(LDA, X[:, 1:], X[:, 0], bins=2, labels=[0, 1])


MASK = [True, False, True, False]


@pytest.mark.parametrize("mask", [MASK, tuple(MASK), np.array(MASK), pd.Series(MASK)])
@pytest.mark.parametrize("table", [X, FRAME])
def test_booleans_are_a_mask_of_columns(table, mask):
    known = list(FRAME.columns) if table is FRAME else [0, 1, 2, 3]
    first, second = known[::2], known[1::2]
    assert feature_information(LDA, table, Y, given=mask, cv=2).given == first
    assert feature_information(LDA, table, Y, columns=mask, cv=2).columns == [
        [one] for one in first
    ]
    groups = {"one": mask, "other": [not entry for entry in mask]}
    assert feature_information(LDA, table, Y, columns=groups, cv=2).columns == [first, second]
    if table is FRAME:
        names = FRAME.columns[::2]
        assert feature_information(LDA, table, Y, given=names, cv=2).given == first
    for option in ("given", "columns"):
        with pytest.raises(ValueError, match=f"`{option}` must have one boolean for each of"):
            feature_information(LDA, table, Y, **{option: MASK[:3]})
        with pytest.raises(ValueError, match=f"`{option}` must name columns of X, or be a mask"):
            feature_information(LDA, table, Y, **{option: [True, known[1]]})


def test_shown_values_lie_in_their_intervals_and_p_values_are_shown():
    found = feature_information(LDA, X, Y, columns=[[2, 3]], n_permutations=1, cv=2)
    text = repr(found)
    assert "1 group of columns" in text
    assert f"{found.alone_lower_floored[0]:.4f}" in text
    assert f"{found.any_p_value_holm[0]:.2g}" in text
    assert f"{found.lost_p_value_holm[0]:.2g}" in text
    low, high = found.alone_interval[0]
    assert low <= found.to_frame()["alone_lower_floored"].iloc[0] <= high
    without = feature_information(LDA, X, Y, cv=2)
    header = repr(without).splitlines()[-5]
    assert "4 groups" in repr(without) and header.split() == [
        "alone_lower_floored",
        "lost_estimate",
        "p",
    ]
