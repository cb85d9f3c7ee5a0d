"""Raw tables: columns of any scale, and missing values."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks.prepare import PrepareColumns
from sksoftinfo.export import log_proba_module

FEW = {"max_epochs": 5, "random_state": 0}


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_raw_columns_need_no_scaler(estimator):
    """The scales of wine's columns range from 0.1 to 1,700."""
    X, y = load_wine(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    raw = estimator(max_epochs=50, random_state=0).fit(X, y)
    assert raw.score(X_test, y_test) > 0.9
    sizes = 10.0 ** np.linspace(-9, 9, X.shape[1])
    scaled = estimator(max_epochs=50, random_state=0).fit(X * sizes, y)
    np.testing.assert_allclose(
        scaled.predict_proba(X_test * sizes), raw.predict_proba(X_test), atol=1e-6
    )


@pytest.fixture(scope="module")
def gaps():
    """Iris without a tenth of two columns, where the gaps are informative."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    rng = np.random.default_rng(0)
    X.loc[rng.random(len(X)) < 0.1, "petal width (cm)"] = np.nan
    X["told"] = np.where((y == 0) & (rng.random(len(X)) < 0.9), np.nan, 1.0)
    return X, y


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_missing_values_are_taken_from_frames_and_arrays(estimator, gaps):
    X, y = gaps
    options = {"max_epochs": 50, "random_state": 0}
    fitted = estimator(**options).fit(X, y)
    assert fitted.score(X, y) > 0.9
    proba = fitted.predict_proba(X)
    array = estimator(**options).fit(X.to_numpy(), y)
    np.testing.assert_array_equal(array.predict_proba(X.to_numpy()), proba)
    nullable = estimator(**options).fit(X.convert_dtypes(), y)
    np.testing.assert_allclose(nullable.predict_proba(X.convert_dtypes()), proba)
    only_told = InfoSoftmaxClassifier(random_state=0).fit(X[["told"]], y)
    assert only_told.score_bounds(X[["told"]][:149], y[:149]).mi_lower > 0.3


def test_a_value_missing_where_none_was_at_fit_is_the_median(gaps):
    X, y = gaps
    fitted = InfoSoftmaxClassifier(**FEW).fit(X, y)
    row = X.iloc[[100]].copy()
    row["sepal length (cm)"] = np.nan
    filled = row.fillna({"sepal length (cm)": X["sepal length (cm)"].quantile(0.5, "lower")})
    np.testing.assert_allclose(fitted.predict_proba(row), fitted.predict_proba(filled))


def test_the_first_chunk_decides_how_columns_that_vary_are_prepared(gaps):
    X, y = gaps
    chunk = np.arange(len(X)) % 2 == 0
    clf = InfoSoftmaxClassifier(random_state=0)
    clf.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    kept = {name: value.clone() for name, value in clf.module_.prepare.state_dict().items()}
    later = 1e3 * X[~chunk]
    clf.partial_fit(later.assign(told=X["told"]), y[~chunk])
    torch.testing.assert_close(dict(clf.module_.prepare.state_dict()), kept)


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
@pytest.mark.parametrize("n_first", [1, 40])
def test_a_column_that_is_constant_in_the_first_chunks_is_learned_later(estimator, n_first):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), rng.integers(0, 2, size=400)
    X[:, 1] = 3 + (y if n_first == 1 else 1e3 * y)
    X[:n_first, 1] = 3
    clf = estimator(random_state=0)
    for _ in range(8):
        for rows in [slice(0, n_first), slice(n_first, 220), slice(220, 400)]:
            clf.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert clf.score(X[n_first:], y[n_first:]) > 0.95
    # Further training by `fit` has the same effect.
    clf = estimator(warm_start=True, max_epochs=20, random_state=0).fit(X[:40] * [1, 0], y[:40])
    assert clf.fit(X[n_first:], y[n_first:]).score(X[n_first:], y[n_first:]) > 0.95


@pytest.mark.parametrize("n_first", [2, 5, 9, 10])
def test_scales_that_come_from_few_rows_of_a_chunk_are_warned_about(n_first):
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    clf = InfoSoftmaxClassifier(random_state=0)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for rows in [slice(0, 1), slice(1, 1 + n_first), slice(1 + n_first, 30)]:
            clf.partial_fit(X[rows], y[rows], classes=[0, 1])
    told = [str(one.message) for one in found if "centres and scales" in str(one.message)]
    assert [f"3 columns were learned from {n_first} row" in one for one in told] == [True] * (
        n_first < 10
    )


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_values_missing_in_any_row_of_a_long_table_are_marked(estimator):
    X = np.zeros((20_001, 2))
    X[7, 1] = X[20_000, 0] = np.nan
    clf = estimator(max_epochs=1, batch_size=-1, random_state=0).fit(X, np.arange(20_001) % 2)
    assert clf._missing.tolist() == [0, 1]


def test_what_was_learned_of_columns_travels_with_the_network(gaps, tmp_path):
    pytest.importorskip("safetensors")
    from sksoftinfo import load, save

    X, y = gaps
    fitted = InfoSoftmaxClassifier(**FEW).fit(X, y)
    save(fitted, tmp_path / "classifier")
    proba = fitted.predict_proba(X)
    np.testing.assert_array_equal(load(tmp_path / "classifier").predict_proba(X), proba)
    module = log_proba_module(fitted)
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.as_tensor(X.to_numpy())).exp(), proba)


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_images_have_to_be_complete(estimator, wrong):
    images = np.zeros((20, 8, 8), dtype=np.float32)
    images[1::2] = 1
    y = np.arange(20) % 2
    fitted = estimator(max_epochs=1, random_state=0).fit(images, y)
    images[3, 4, 5] = wrong
    for shape in [(20, 8, 8), (20, 1, 8, 8)]:
        place = r"first at \(3, " + ("0, " if len(shape) == 4 else "") + r"4, 5\)"
        with pytest.raises(ValueError, match=f"contains (NaN|infinity).*{place}"):
            estimator(max_epochs=1).fit(images.reshape(shape), y)
    with pytest.raises(ValueError, match="contains (NaN|infinity)"):
        fitted.predict(images)


def test_infinity_and_the_gaps_of_a_module_of_ones_own_are_refused(gaps):
    X, y = gaps
    infinite = X.fillna(0)
    infinite.iloc[3, 0] = np.inf
    with pytest.raises(ValueError, match="contains infinity .* in column 'sepal length"):
        InfoSoftmaxClassifier(**FEW).fit(infinite, y)
    both = X.copy()
    both.iloc[3, 0] = np.inf
    with pytest.raises(ValueError, match="contains infinity .* in column 'sepal length"):
        InfoSoftmaxClassifier(**FEW).fit(both, y)
    with pytest.raises(ValueError, match="contains NaN in column 'petal width"):
        InfoSoftmaxClassifier(torch.nn.Linear(5, 3), **FEW).fit(X, y)


def test_the_remedy_for_an_array_of_texts_is_literal():
    X, y = np.array([["a", "b"], ["c", "b"]] * 20), np.arange(40) % 2
    for texts in (X, X.tolist(), X.astype(object)):
        with pytest.raises(ValueError, match="got texts, e.g. 'a'. Encode the texts") as error:
            InfoSoftmaxClassifier(**FEW).fit(texts, y)
    remedy = re.search(r"OneHotEncoder\(.*?\)", str(error.value))[0]
    encoder = eval(remedy, {"OneHotEncoder": OneHotEncoder})
    make_pipeline(encoder, InfoSoftmaxClassifier(**FEW)).fit(X, y)


def test_weights_are_repetitions_for_columns_too():
    rng = np.random.default_rng(0)
    X, y = rng.lognormal(size=(20, 3)), np.arange(20) % 2
    X[rng.random(X.shape) < 0.2] = np.nan
    weight = rng.integers(0, 4, 20)
    options = {"max_epochs": 20, "batch_size": -1, "random_state": 0}
    weighted = InfoSoftmaxClassifier(**options).fit(X, y, weight)
    repeated = InfoSoftmaxClassifier(**options).fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_frames_of_polars_may_have_gaps():
    pl = pytest.importorskip("polars")
    X = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0] * 5, "b": [0.0, 1.0, 0.0, 1.0] * 5})
    y = np.arange(20) % 2
    clf = InfoSoftmaxClassifier(**FEW)
    expected = clf.fit(X, y).predict_proba(X)
    frame = pl.from_pandas(X)
    np.testing.assert_allclose(clf.fit(frame, y).predict_proba(frame), expected)


def test_columns_that_a_module_of_ones_own_hardly_sees_are_warned_about(gaps):
    X, y = gaps[0].fillna(0), gaps[1]
    X["told"] = 1e6 * np.arange(len(X))
    options = {"max_epochs": 1, "lr": 1e-9, "random_state": 0}
    with pytest.warns(UserWarning, match="differ by a factor of .*e.g. 'told' and 'sepal width"):
        InfoSoftmaxClassifier(torch.nn.Linear(5, 3), **options).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        InfoSoftmaxClassifier(**options).fit(X, y)
        InfoSoftmaxClassifier(torch.nn.Linear(4, 3), **options).fit(X.iloc[:, :4], y)


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"precision": "bf16"}])
def test_differences_that_single_precision_rounds_away_are_warned_about(options):
    X, y = load_iris(return_X_y=True, as_frame=True)
    far = X.copy()
    far["petal width (cm)"] += 1e8
    remedies = "Subtract a constant .* precision='full' with dtype='auto'"
    message = f"rounds away .* in column 'petal width \\(cm\\)'. {remedies}"
    single = InfoSoftmaxClassifier(max_epochs=1, random_state=0, **options)
    for rows in (far, far.to_numpy()):
        with pytest.warns(UserWarning, match=message if rows is far else "in column 3. Sub"):
            single.fit(rows, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        double = {"precision": "full", "dtype": "auto"}
        InfoSoftmaxClassifier(max_epochs=1, **double).fit(far, y)
        single.fit(far.assign(**{"petal width (cm)": far["petal width (cm)"] - 1e8}), y)
        single.fit(X.astype(np.float32), y)


def test_a_device_without_double_precision_has_its_own_remedy():
    prepare = PrepareColumns(1)  # in single precision, as on such a device
    with pytest.warns(UserWarning, match="in column 0. .* double precision: device='cpu'"):
        prepare.learn(1e8 + np.arange(9.0)[:, None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare.double().learn(1e8 + np.arange(9.0)[:, None])
