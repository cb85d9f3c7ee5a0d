"""Categorical columns: found by dtype or by name, encoded inside, saved with the classifier."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, cross_val_bounds
from sksoftinfo._classifiers.categories import (
    categorical_columns,
    learn_categories,
    with_codes,
    with_indicators,
    without_unused,
)

FEW = {"max_epochs": 3, "random_state": 0}
BOTH = pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
N = 120
Y = np.arange(N) % 3
HEIGHT = np.random.default_rng(0).normal(size=N)
CITY = np.array(["Bern", "Oslo", "Rome"])[Y]
FRAME = pd.DataFrame({"height": HEIGHT, "city": pd.Categorical(CITY)})
# The input of the network in place of FRAME.
NUMBERS = np.column_stack([HEIGHT, np.eye(3)[Y]])
CATEGORIES = {
    "texts": CITY,
    "ints": np.array([30, 10, 20])[Y],
    "floats": np.array([0.5, -1.5, 2.0])[Y],
    "bools": Y == 1,
    "ordered": pd.Categorical(CITY, ["Rome", "Bern", "Oslo"], ordered=True),
    "unused": pd.Categorical(CITY, ["Athens", "Bern", "Oslo", "Rome"]),
    "gaps": np.where(Y == 2, None, CITY),
    "nullable": pd.array(np.where(Y == 2, None, Y), dtype="Int64"),
}


@BOTH
@pytest.mark.parametrize("kind", CATEGORIES)
def test_a_category_is_an_indicator(estimator, kind):
    X = FRAME.assign(city=pd.Series(CATEGORIES[kind]).astype("category"))
    clf = estimator(**FEW).fit(X, Y)
    known = pd.Series(CATEGORIES[kind]).dropna()
    assert clf.categories_[0] is None
    assert clf.categories_[1].tolist() == sorted(known.unique())
    assert (clf.n_features_in_, clf.input_shape_) == (2, (2,))
    assert clf.feature_names_in_.tolist() == ["height", "city"]
    indicators = [X["city"].isin([one]) for one in clf.categories_[1]]
    numbers = np.column_stack([HEIGHT, *indicators])
    expected = estimator(**FEW).fit(numbers, Y).predict_proba(numbers)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    with pytest.warns(UserWarning, match="120 of 120 rows and their labels"):
        clf.score_bounds(X, Y)


@pytest.mark.parametrize(
    "table, given",
    [
        (FRAME, "from_dtype"),
        (FRAME.astype({"city": object}), ["city"]),
        (FRAME.astype({"city": object}), [False, True]),
        (FRAME.astype({"city": object}), np.array([1])),
        (FRAME.to_numpy(), [1]),
        (FRAME.to_numpy().tolist(), [1]),
        (np.column_stack([HEIGHT, Y]), np.array([False, True])),
        (torch.as_tensor(np.column_stack([HEIGHT, Y])), [1]),
    ],
    ids=["dtype", "names", "mask", "positions", "objects", "list", "numbers", "tensor"],
)
def test_columns_are_named_as_in_gradient_boosting(table, given):
    clf = InfoSoftmaxClassifier(categorical_features=given, **FEW).fit(table, Y)
    expected = InfoSoftmaxClassifier(**FEW).fit(NUMBERS, Y).predict_proba(NUMBERS)
    np.testing.assert_array_equal(clf.predict_proba(table), expected)


@pytest.mark.parametrize("given", [None, [], [False, False]])
def test_no_column_is_categorical(given):
    X = FRAME.assign(city=pd.Categorical(Y))
    clf = InfoSoftmaxClassifier(categorical_features=given, **FEW).fit(X, Y)
    assert clf.categories_ is None
    numbers = np.column_stack([HEIGHT, Y])
    expected = InfoSoftmaxClassifier(**FEW).fit(numbers, Y).predict_proba(numbers)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


@pytest.mark.parametrize(
    "given, message",
    [
        ([2], "positions from 0 to 1"),
        ([-1], "positions from 0 to 1"),
        ([True], "a mask with one bool for each column"),
        ([0.5], "must be 'from_dtype', None"),
        ([[0]], "must be 'from_dtype', None"),
        (["town"], r"got 'town'\. Choose from 'height', 'city'"),
        ("city", "categorical_features"),
    ],
)
def test_columns_that_are_not_there_are_refused(given, message):
    clf = InfoSoftmaxClassifier(categorical_features=given)
    with pytest.raises(ValueError, match=message):
        clf.fit(FRAME, Y)
    assert not hasattr(clf, "categories_")


def test_names_need_a_frame_and_columns_a_table():
    with pytest.raises(ValueError, match="if X has no column names"):
        InfoSoftmaxClassifier(categorical_features=["city"]).fit(NUMBERS, Y)
    with pytest.raises(ValueError, match="None for images"):
        InfoSoftmaxClassifier(categorical_features=[0]).fit(np.zeros((N, 4, 4)), Y)
    with pytest.raises(TypeError, match="dense"):
        InfoSoftmaxClassifier(categorical_features=[0]).fit(sparse.csr_array(NUMBERS), Y)


@BOTH
def test_missing_and_unknown_are_the_same(estimator):
    clf = estimator(**FEW).fit(FRAME, Y)
    rows = FRAME.iloc[:4].astype({"city": object})
    # The first row has a known category; an unknown value of another type is not a category
    # either.
    rows["city"] = ["Bern", "Paris", None, 7]
    proba = clf.predict_proba(rows)
    # A GPU sums batches of another size in another order.
    np.testing.assert_allclose(proba[0], clf.predict_proba(FRAME.iloc[:1])[0], rtol=1e-12)
    rows["city"] = [np.nan, pd.NA, "Paris", []]
    rows["height"] = FRAME["height"].iloc[[1, 1, 1, 1]].to_numpy()
    np.testing.assert_allclose(clf.predict_proba(rows), np.tile(proba[1], (4, 1)), rtol=1e-12)


def test_a_gap_in_training_is_information():
    X = pd.DataFrame({"city": pd.Categorical(np.where(Y == 0, None, "Bern"))})
    clf = InfoSoftmaxClassifier(random_state=0).fit(X[:-30], Y[:-30] > 0)
    assert clf.score(X[-30:], Y[-30:] > 0) == 1
    nothing = pd.DataFrame({"city": pd.Categorical([None] * N)})
    proba = InfoSoftmaxClassifier(**FEW).fit(nothing, Y).predict_proba(nothing)
    np.testing.assert_allclose(proba, np.tile(proba[0], (N, 1)))


def test_the_first_chunk_decides_which_categories_there_are():
    clf = InfoSoftmaxClassifier(random_state=0)
    some = CITY != "Rome"
    clf.partial_fit(FRAME[some], Y[some], classes=[0, 1, 2])
    assert clf.categories_[1].tolist() == ["Bern", "Oslo"]
    clf.partial_fit(FRAME, Y)
    clf.partial_fit(FRAME[CITY == "Bern"], Y[CITY == "Bern"])
    assert clf.categories_[1].tolist() == ["Bern", "Oslo"]
    again = InfoSoftmaxClassifier(warm_start=True, **FEW).fit(FRAME[some], Y[some])
    assert again.fit(FRAME[some], Y[some]).categories_[1].tolist() == ["Bern", "Oslo"]


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    weight = (CITY != "Oslo").astype(float)
    used = np.flatnonzero(weight)
    clf = InfoSoftmaxClassifier(**FEW).fit(FRAME, Y, weight)
    expected = InfoSoftmaxClassifier(**FEW).fit(FRAME.iloc[used], Y[used], weight[used])
    assert clf.categories_[1].tolist() == ["Bern", "Rome"]
    np.testing.assert_array_equal(clf.predict_proba(FRAME), expected.predict_proba(FRAME))


@pytest.mark.parametrize(
    "column, message",
    [
        (pd.cut(HEIGHT, 3), r"strings, booleans or finite numbers.*'k'.*astype\(str\)"),
        (pd.Series([1, "1", 2] * 40, dtype="category"), "all of one kind"),
        (pd.Series([True, 1.5, 0] * 40, dtype="category"), "all of one kind"),
        (pd.Categorical(np.where(Y == 0, np.inf, 1.0)), "finite numbers"),
        (pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"] * 60)), "strings|times"),
        (pd.Categorical([(1, 2), (3, 4)] * 60), "strings, booleans"),
        *(
            (pd.Categorical(np.array([1, 2] * 60, dtype=f"{kind}[ns]")), "strings, booleans")
            for kind in ("datetime64", "timedelta64")
        ),
    ],
    ids=[
        *("intervals", "text and number", "bool and number", "infinity", "times", "tuples"),
        *("nanoseconds", "durations"),
    ],
)
def test_categories_that_are_not_plain_are_refused(column, message):
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier().fit(FRAME.assign(k=column), Y)


def test_a_column_of_lists_and_one_of_too_many_categories():
    lists = FRAME.assign(city=[[1]] * N)
    with pytest.raises(ValueError, match="strings, booleans or finite numbers.*'city'"):
        InfoSoftmaxClassifier(categorical_features=["city"]).fit(lists, Y)
    many = pd.DataFrame({"id": pd.Categorical(range(256))})
    with pytest.raises(ValueError, match="at most 255 categories .* got 256 in column 'id'"):
        InfoSoftmaxClassifier().fit(many, np.arange(256) % 2)
    assert InfoSoftmaxClassifier(**FEW).fit(many[1:], np.arange(255) % 2).categories_


@BOTH
def test_texts_and_a_module_of_ones_own_are_told_what_to_do(estimator):
    for kind in (object, "string"):
        with pytest.raises(
            ValueError, match=r"'city' \((str|obj|string).*astype\('category'\).*Ta"
        ):
            estimator().fit(FRAME.astype({"city": kind}), Y)
    clf = estimator(lambda n_features, n_classes: torch.nn.Linear(n_features, n_classes), **FEW)
    with pytest.raises(ValueError, match="if `module` is set; .*: 'city'.*OneHotEncoder"):
        clf.fit(FRAME, Y)
    as_numbers = FRAME.assign(city=pd.Categorical(Y))
    assert clf.set_params(categorical_features=None).fit(as_numbers, Y).categories_ is None
    with pytest.raises(ValueError, match=r"'city' \((str|obj).*OneHotEncoder"):
        clf.fit(FRAME.astype({"city": object}), Y)


def test_columns_are_those_of_fit():
    clf = InfoSoftmaxClassifier(**FEW).fit(FRAME, Y)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(FRAME[["city", "height"]])
    with pytest.raises(ValueError, match="feature names|features"):
        clf.predict(FRAME[["city"]])
    with pytest.raises(ValueError, match="expecting 2 features|has 1 features"):
        clf.predict(FRAME[["city"]].to_numpy())
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        proba = clf.predict_proba(FRAME.to_numpy())
    np.testing.assert_array_equal(proba, clf.predict_proba(FRAME))


@pytest.mark.parametrize("kind", ["Categorical", "Enum"])
def test_frames_of_polars(kind):
    pl = pytest.importorskip("polars")
    dtype = pl.Categorical if kind == "Categorical" else pl.Enum(["Rome", "Oslo", "Bern"])
    gap = np.where(np.arange(N) == 5, None, CITY)
    frame = pl.DataFrame({"height": HEIGHT, "city": pl.Series(gap.tolist(), dtype=dtype)})
    expected = InfoSoftmaxClassifier(**FEW).fit(FRAME.assign(city=pd.Categorical(gap)), Y)
    clf = InfoSoftmaxClassifier(**FEW).fit(frame, Y)
    np.testing.assert_array_equal(
        clf.predict_proba(frame), expected.predict_proba(FRAME.assign(city=pd.Categorical(gap)))
    )


@BOTH
def test_what_is_saved_predicts_the_same(estimator, tmp_path):
    pytest.importorskip("safetensors")
    from sksoftinfo import load, save

    X = FRAME.assign(size=pd.Categorical(Y), big=pd.Series(Y > 1, dtype="category"))
    clf = estimator(categorical_features=["city", "size", "big"], **FEW).fit(X, Y)
    save(clf, tmp_path / "classifier")
    for same in (
        load(tmp_path / "classifier"),
        pickle.loads(pickle.dumps(clf)),
        copy.deepcopy(clf),
    ):
        np.testing.assert_array_equal(same.predict_proba(X), clf.predict_proba(X))
        for one, other in zip(same.categories_[1:], clf.categories_[1:], strict=True):
            assert one.dtype == other.dtype and one.tolist() == other.tolist()
    assert not hasattr(clone(clf), "categories_")


@pytest.mark.parametrize(
    "given",
    [
        pd.Index(["city"]),
        pd.Series(["city"], index=[7]),
        np.array(["city"], dtype=object),
        range(1, 2),
        np.array([1]),
        np.array([False, True]),
        pd.array([False, True]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_any_list_of_categorical_columns_is_saved(tmp_path, given):
    pytest.importorskip("safetensors")
    from sksoftinfo import load, save

    clf = InfoSoftmaxClassifier(categorical_features=given, **FEW).fit(FRAME, Y)
    save(clf, tmp_path / "classifier")
    same = load(tmp_path / "classifier")
    assert same.categorical_features == np.asarray(given).tolist()
    np.testing.assert_array_equal(same.predict_proba(FRAME), clf.predict_proba(FRAME))


@pytest.mark.parametrize("learned", ["float32", "float64"])
def test_numbers_are_the_same_category_in_single_and_double_precision(learned):
    numbers = np.array([0.1, 2.7, -3.3, 1e300])[np.arange(40) % (4 if learned == "float64" else 3)]
    frame = pd.DataFrame({"a": pd.Categorical(numbers.astype(learned))})
    categories = learn_categories(frame, "from_dtype", True)
    expected = with_codes(frame, categories)["a"].to_numpy()
    for dtype in ("float32", "float64"):
        with np.errstate(over="ignore"):
            other = pd.DataFrame({"a": numbers.astype(dtype)})
        np.testing.assert_array_equal(with_codes(other, categories)["a"], expected)


def test_categories_that_single_precision_confuses_stay_apart():
    frame = pd.DataFrame({"a": pd.Categorical([0.1, 0.1 + 1e-12, 0.2])})
    categories = learn_categories(frame, "from_dtype", True)
    assert with_codes(frame, categories)["a"].tolist() == [0.0, 1.0, 2.0]


def test_skops_restores_categories():
    skops = pytest.importorskip("skops.io")
    from sksoftinfo import SKOPS_TRUSTED_TYPES

    clf = InfoSoftmaxClassifier(**FEW).fit(FRAME, Y)
    same = skops.loads(skops.dumps(clf), trusted=SKOPS_TRUSTED_TYPES)
    np.testing.assert_array_equal(same.predict_proba(FRAME), clf.predict_proba(FRAME))


@pytest.mark.parametrize(
    "wrong",
    [
        "categories",
        (None, np.array(["a", "b"], dtype=object)),
        [None],
        [None, None],
        [None, ["a", "b"]],
        [None, np.array(["b", "a"], dtype=object)],
        [None, np.array(["a", "a"], dtype=object)],
        [None, np.array([1.0, np.nan])],
        [None, np.array([1.0, np.inf])],
        [None, np.array([np.nan])],
        [None, np.array([["a", "b"]], dtype=object)],
        [None, np.array([1, "a"], dtype=object)],
        [None, np.array(["2020-01-01"], dtype="datetime64[D]")],
        [None, np.arange(256)],
        [None, np.array(["a", "b"], dtype=object)],
    ],
)
def test_forged_categories_are_refused(wrong):
    clf = InfoSoftmaxClassifier(**FEW).fit(FRAME, Y)
    state = clf.__getstate__()
    assert InfoSoftmaxClassifier.__new__(InfoSoftmaxClassifier).__setstate__(dict(state)) is None
    with pytest.raises(ValueError, match="categories_|the weights do not fit"):
        InfoSoftmaxClassifier.__new__(InfoSoftmaxClassifier).__setstate__(
            {**state, "categories_": wrong}
        )


def test_searches_pipelines_and_cross_fitting():
    search = GridSearchCV(InfoSoftmaxClassifier(**FEW), {"lr": [0.003, 0.01]}, cv=2)
    assert search.fit(FRAME, Y).best_estimator_.categories_[1].tolist() == ["Bern", "Oslo", "Rome"]
    scaled = make_column_transformer(
        (StandardScaler(), ["height"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(scaled, InfoSoftmaxClassifier(**FEW)).fit(FRAME, Y)
    assert pipeline[-1].feature_names_in_.tolist() == ["height", "city"]
    assert pipeline[-1].categories_[1].tolist() == ["Bern", "Oslo", "Rome"]
    clf = InfoSoftmaxClassifier(max_epochs=50, lr=0.03, random_state=0)
    with_city, without = (
        cross_val_bounds(clf, table, Y, cv=3) for table in (FRAME, FRAME[["height"]])
    )
    assert with_city.mi_lower > 0.8 > 0.1 > without.mi_lower


def test_validation_rows_are_encoded_as_training_rows():
    split = predefined_split(Dataset(FRAME[:30], Y[:30]))
    given = InfoSoftmaxClassifier(train_split=split, **FEW).fit(FRAME[30:], Y[30:])
    split = predefined_split(Dataset(NUMBERS[:30], Y[:30]))
    expected = InfoSoftmaxClassifier(train_split=split, **FEW).fit(NUMBERS[30:], Y[30:])
    assert given.history_[:, "valid_loss"] == expected.history_[:, "valid_loss"]


def test_a_refused_fit_leaves_the_categories():
    clf = InfoSoftmaxClassifier(**FEW).fit(FRAME, Y)
    before = clf.predict_proba(FRAME)
    other = FRAME.assign(city=pd.Categorical(Y))
    with pytest.raises(ValueError, match="labels"):
        clf.fit(other, np.where(Y == 0, np.nan, Y))
    np.testing.assert_array_equal(clf.predict_proba(FRAME), before)


def test_the_users_table_is_left_alone():
    X, array = FRAME.copy(), np.column_stack([HEIGHT, Y])
    kept = array.copy()
    InfoSoftmaxClassifier(**FEW).fit(X, Y).predict(X)
    InfoSoftmaxClassifier(categorical_features=[1], **FEW).fit(array, Y).predict(array)
    pd.testing.assert_frame_equal(X, FRAME)
    np.testing.assert_array_equal(array, kept)


def test_the_steps_of_encoding():
    assert categorical_columns(FRAME, "from_dtype").tolist() == [1]
    assert categorical_columns(NUMBERS, "from_dtype").tolist() == []
    categories = learn_categories(FRAME, "from_dtype", takes_categories=True)
    coded = with_codes(FRAME, categories).to_numpy()
    np.testing.assert_array_equal(coded, np.column_stack([HEIGHT, Y]))
    np.testing.assert_array_equal(with_indicators(coded, categories), NUMBERS)
    fewer, kept = without_unused(coded[Y != 1], categories)
    assert kept[1].tolist() == ["Bern", "Rome"]
    np.testing.assert_array_equal(with_indicators(fewer, kept), NUMBERS[Y != 1][:, [0, 1, 3]])


def test_a_column_without_a_known_category_is_warned_of():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": pd.Categorical(rng.choice(["a", "b"], 60)), "x": rng.normal(size=60)})
    clf = InfoSoftmaxClassifier(max_epochs=1, random_state=0).fit(X, np.arange(60) % 2)
    other = X.assign(c=X["c"].str.upper().astype("category"))
    with pytest.warns(
        UserWarning, match="column 'c', which are 'a', 'b'; got only others, 'B', 'A', which"
    ):
        clf.predict(other)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.predict(other[:1])
        clf.predict(X.assign(c=pd.Categorical([None] * 60)))
        clf.predict(pd.concat([X, other]).astype({"c": "category"}))


def test_large_integers_are_categories_of_their_own():
    X = np.tile([[2**60, 1], [2**60 + 1, 2]], (20, 1))
    options = {"max_epochs": 1, "categorical_features": [0]}
    clf = InfoSoftmaxClassifier(**options).fit(X, np.arange(40) % 2)
    assert clf.categories_[0].tolist() == [2**60, 2**60 + 1]


def test_a_mask_of_objects_is_a_mask():
    X, y = np.tile([[0.0, 1.0], [1.0, 2.0]], (20, 1)), np.arange(40) % 2
    mask = np.array([True, False], dtype=object)
    clf = InfoSoftmaxClassifier(categorical_features=mask, max_epochs=1).fit(X, y)
    assert clf.categories_[0].tolist() == [0, 1] and clf.categories_[1] is None
