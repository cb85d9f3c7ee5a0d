"""Classifiers that name columns, trained on some of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sksoftinfo import feature_information
from sksoftinfo._evaluation.chosen_columns import for_columns

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 120)
FRAME = pd.DataFrame(
    {
        "height": Y + RNG.normal(size=120),
        "weight": RNG.normal(size=120),
        "city": np.where(RNG.random(120) < 0.8, Y, 1 - Y).astype(str),
        "note": np.where(Y == 1, "tall and grown", "small and young"),
    }
)
NAMES = list(FRAME)
TABLE = FRAME[["height", "weight"]].assign(city=FRAME["city"].astype(float)).to_numpy()


def classifier(numbers, categories, encoder=OneHotEncoder, **options):
    parts = make_column_transformer(
        (StandardScaler(), numbers), (encoder(), categories), **options
    )
    return make_pipeline(parts, LogisticRegression())


def by_type():
    return classifier(
        make_column_selector(dtype_include="number"),
        make_column_selector(dtype_exclude="number"),
    )


@pytest.mark.parametrize(
    "estimator",
    [
        classifier(["height", "weight"], ["city"]),
        classifier(slice("height", "weight"), slice("city", "city")),
        classifier([0, 1], [2]),
        classifier([-3, -2], [-1]),
        classifier(np.array([True, True, False]), [False, False, True]),
        classifier(["weight", "height"], make_column_selector(dtype_exclude="number")),
    ],
)
def test_named_columns_are_those_of_each_set(estimator):
    table = FRAME[["height", "weight", "city"]]
    expected = feature_information(by_type(), table, Y, given="city", cv=2)
    found = feature_information(estimator, table, Y, given="city", cv=2)
    for field in ("alone_lower", "lost_estimate", "gained_estimate"):
        np.testing.assert_allclose(getattr(found, field), getattr(expected, field), atol=1e-6)


def test_positions_of_an_array():
    estimator = classifier([0, 1], [2])
    found = feature_information(estimator, TABLE, Y, columns=[[0, 2], 1], cv=2)
    frame = pd.DataFrame(TABLE, columns=["a", "b", "c"])
    named = classifier(["a", "b"], ["c"])
    expected = feature_information(named, frame, Y, columns=[["a", "c"], "b"], cv=2)
    np.testing.assert_allclose(found.alone_lower, expected.alone_lower)
    np.testing.assert_allclose(found.lost_estimate, expected.lost_estimate)


def test_a_single_column_of_texts_stays_single_and_wrappers_are_looked_into():
    parts = [("words", CountVectorizer(), "note"), ("numbers", StandardScaler(), ["height"])]
    pipeline = make_pipeline(ColumnTransformer(parts), LogisticRegression())
    wrapped = CalibratedClassifierCV(pipeline, cv=2)
    found = feature_information(wrapped, FRAME, Y, columns=["height", "note"], cv=2)
    assert found.alone_lower[1] > 0.3 > found.alone_lower[0] > 0
    chosen = for_columns(wrapped, (0, 2), NAMES)
    assert chosen.estimator[0].transformers[0][2] == ["height"]
    assert wrapped.estimator[0].transformers == parts


def test_columns_of_which_nothing_is_used_are_named():
    estimator = classifier(["height"], ["city"])
    with pytest.raises(ValueError, match=r"got \['weight'\], none of which is used. Leave"):
        feature_information(estimator, FRAME, Y, cv=2)
    passing = classifier(["height"], ["city"], remainder="passthrough")
    used = FRAME[["height", "weight", "city"]]
    assert len(feature_information(passing, used, Y, cv=2).alone_lower) == 3
    for wrong in (["wieght"], slice("wieght", None), [7]):
        with pytest.raises(ValueError, match="must name columns of X; got (7|'wieght'). Choose"):
            feature_information(classifier(wrong, ["city"]), used, Y, columns=["city"], cv=2)


def test_other_estimators_that_name_columns_are_told_what_to_do():
    table = FRAME[["height", "city"]].astype({"city": "category"})
    named = HistGradientBoostingClassifier(categorical_features=["city"], max_iter=5)
    with pytest.raises(ValueError, match=r"an error on \['height'\]: .*'from_dtype'"):
        feature_information(named, table, Y, cv=2)
    by_dtype = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=5)
    assert feature_information(by_dtype, table, Y, cv=2).alone_lower[1] > 0.05


@pytest.mark.parametrize("given", [[1], [False, True], np.array([1])])
def test_positions_of_categorical_features_are_refused_for_parts_of_a_table(given):
    """On its own, the second column becomes the first, and would silently be read as numbers."""
    X = np.column_stack([np.arange(60) / 60, np.arange(60) % 3])
    forest = HistGradientBoostingClassifier(categorical_features=given, max_iter=5)
    for estimator in (forest, make_pipeline(StandardScaler(), forest)):
        with pytest.raises(ValueError, match="categorical_features` must not hold positions"):
            feature_information(estimator, X, np.arange(60) % 2, cv=2)
    assert feature_information(
        clone(forest).set_params(categorical_features=None), X, Y[:60], cv=2
    )
