import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sksoftinfo import InfoStackClassifier, cross_val_bounds, feature_information

pd = pytest.importorskip("pandas")
N = 150


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    return X, np.where(X[:, 0] + rng.normal(size=N) > 0, "up", "down")


@pytest.fixture(scope="module")
def frame(rows):
    X, _ = rows
    sign = np.where(X[:, 0] > 0, "high", "low").astype(object)
    gaps = np.where(np.arange(N) % 7 == 0, np.nan, X[:, 1])
    return pd.DataFrame({"sign": sign, "gaps": gaps})


def quick(**params):
    return InfoStackClassifier(members="quick", **params)


def test_members_and_weights(rows):
    X, y = (table[:90] for table in rows)
    stack = InfoStackClassifier(cv=2).fit(X, y)
    mixture = stack.mixture_
    assert mixture.weights.sum() + mixture.pool_weight == pytest.approx(1.0)
    assert mixture.used.all()
    assert len(stack.members_) == len(mixture.weights)
    assert stack.members_.keys() <= {
        "prior",
        "logistic",
        "lda",
        "qda",
        "neighbours",
        "boosting",
        "mlp",
        "smooth mlp",
    }
    proba = stack.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    columns = stack.encoder_.transform(X)
    expected = mixture.predict([one.predict_proba(columns) for one in stack.members_.values()])
    np.testing.assert_array_equal(proba, expected)
    assert stack.classes_.tolist() == ["down", "up"]
    assert stack.score(X, y) > 0.7


@pytest.mark.parametrize("scale", [1e308, 1e200, 1e-100])
def test_columns_of_any_scale(rows, scale):
    X, y = rows
    extreme = X / np.abs(X).max(axis=0) * [scale, 1.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, usual = (cross_val_bounds(quick(), table, y).mi_lower for table in (extreme, X))
    assert found == pytest.approx(usual, abs=0.01)
    assert quick().fit(extreme, y).score(extreme, y) > 0.7


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return InfoStackClassifier(cv=2).fit(X, y), X


@pytest.mark.parametrize("factor", [10.0, 1e6, 1e15, 1e200, 1e308])
def test_rows_far_outside_cost_a_bounded_number_of_bits(wine, factor):
    """Set all columns to their limits, in any combination of signs."""
    stack, X = wine
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=X.shape)
    far = factor * (signs * X / np.abs(X).max(axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proba = stack.predict_proba(far)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert proba.min() > 2.0**-20


def test_noise_is_left_to_the_label_frequencies():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(N, 5)), rng.integers(2, size=N)
    stack = quick().fit(X, y)
    assert stack.mixture_.weights[list(stack.members_).index("prior")] > 0.5


def test_wrong_labels_do_not_hide_what_members_know_together():
    """Labels are randomised in 40 % of the rows, so that no member may be certain of them."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(3, size=300)
    X = 2 * np.eye(3)[hidden] + rng.normal(size=(300, 3))
    y = np.where(rng.random(300) < 0.6, hidden, rng.integers(3, size=300))
    stack = quick().fit(X, y)
    assert stack.mixture_.pool_weight > 0.5
    assert 0.1 < stack.mixture_.pool.floor < 0.5
    assert stack.predict_proba(X + 20 * np.eye(3)[hidden]).max() < 0.9


def test_columns_in_another_order_are_refused(rows):
    """scikit-learn compares the names of columns only if all are strings."""
    X, y = rows
    for names in ([2, 1], [("a", 1), ("a", 0)]):
        frame = pd.DataFrame(X, columns=pd.Index(names, tupleize_cols=False))
        stack = quick().fit(frame, y)
        with pytest.raises(ValueError, match="must have its columns in the order of `fit`; got"):
            stack.predict(frame[names[::-1]])
        # Columns with other names, and arrays, are taken by position.
        expected = stack.predict_proba(X)
        np.testing.assert_allclose(stack.predict_proba(frame.set_axis([7, 8], axis=1)), expected)
    assert "_column_labels" not in vars(stack.fit(X, y))


def test_the_name_is_the_default(rows):
    X, y = rows
    named = cross_val_bounds("stack", X[:80], y[:80])
    assert named == cross_val_bounds(InfoStackClassifier(), X[:80], y[:80])


def test_each_member_is_fitted_once_for_each_fold(rows, monkeypatch):
    fits = []
    fit = LogisticRegression.fit
    monkeypatch.setattr(
        LogisticRegression, "fit", lambda self, *args: fits.append(1) or fit(self, *args)
    )
    cross_val_bounds(quick(), *rows)
    assert len(fits) == 5


def test_columns_are_encoded_once_for_each_fold(rows, monkeypatch):
    fits = []
    fit = StandardScaler.fit
    monkeypatch.setattr(
        StandardScaler, "fit", lambda self, *args: fits.append(1) or fit(self, *args)
    )
    cross_val_bounds(quick(), *rows)
    assert len(fits) == 5
    quick().fit(*rows).predict(rows[0])
    assert len(fits) == 5 + 6


def test_weights_of_a_fold_do_not_see_its_labels(rows):
    """Flipping held-out labels leaves the predictions for their rows as they are."""
    X, y = rows
    cv = [(np.arange(50, N), np.arange(50))]
    flipped = y.copy()
    flipped[:50] = np.where(y[:50] == "up", "down", "up")
    first, second = (cross_val_bounds(quick(), X, labels, cv=cv) for labels in (y, flipped))
    assert first.mi_lower > 0.1 > -0.1 > second.mi_lower


def test_raw_frames(frame, rows):
    pytest.importorskip("skrub")
    y = rows[1]
    stack = quick().fit(frame, y)
    assert stack.feature_names_in_.tolist() == ["sign", "gaps"]
    assert stack.score(frame, y) > 0.65
    # Rows without a gap are encoded as in `fit`.
    assert stack.predict_proba(frame[1:3]).shape == (2, 2)
    assert cross_val_bounds(quick(), frame, y).mi_lower > 0.05
    found = feature_information(quick(), frame, y)
    assert found.alone_lower[0] > found.alone_lower[1]
    with pytest.raises(ValueError, match="feature names should match"):
        stack.predict(frame[["gaps", "sign"]])


def test_a_category_of_one_row_causes_no_warning(frame, rows):
    pytest.importorskip("skrub")
    rare = frame.assign(sign=np.where(np.arange(N) == 3, "unique", frame["sign"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_val_bounds(InfoStackClassifier(), rare[:80], rows[1][:80])


def test_an_encoder_of_ones_own(frame, rows):
    y = rows[1]
    encoder = make_column_transformer((OneHotEncoder(), ["sign"]), sparse_threshold=0)
    assert cross_val_bounds(quick(encoder=encoder), frame, y).mi_lower > 0.05
    with pytest.raises(ValueError, match="`X` must have numeric columns only; got 'sign'"):
        quick(encoder=None).fit(frame, y)


def test_in_pipelines_searches_and_learning_curves(rows):
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), quick(cv=3))
    search = GridSearchCV(pipeline, {"infostackclassifier__cv": [2, 3]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.6
    sizes, _, scores = learning_curve(pipeline, X, y, cv=2, train_sizes=[0.5, 1.0])
    assert len(sizes) == len(scores) == 2


def test_the_same_random_state_gives_the_same_mixture(rows):
    X, y = rows
    first, again = (quick().fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    folds = quick(cv=KFold(3)).fit(X, y)
    assert clone(folds).cv is not folds.cv


@pytest.mark.parametrize(
    "params, message",
    [
        ({"members": "some"}, "`members` must be 'all' or 'quick'; got 'some'"),
        ({"encoder": "onehot"}, "`encoder` must be 'auto', a transformer or None; got 'onehot'"),
        ({"cv": 1}, "`cv` must be an integer of at least 2"),
    ],
)
def test_bad_parameters(rows, params, message):
    with pytest.raises(ValueError, match=message):
        InfoStackClassifier(**params).fit(*rows)


def test_weights_for_training_are_refused_with_a_reason(rows):
    weights = {"sample_weight": np.ones(N)}
    for stack in ("stack", quick()):
        with pytest.raises(ValueError, match="`params` must be empty for the stack, because some"):
            cross_val_bounds(stack, *rows, params=weights)
    with pytest.raises(TypeError, match="sample_weight"):
        quick().fit(*rows, sample_weight=np.ones(N))


def test_sparse_tables_are_refused_with_a_remedy(rows):
    X, y = rows
    for table in (scipy.sparse.csr_matrix(X), scipy.sparse.coo_array(X)):
        for refused in (
            lambda table=table: cross_val_bounds("stack", table, y),
            lambda table=table: cross_val_bounds(quick(), table, y),
            lambda table=table: feature_information("stack", table, y),
            lambda table=table: quick().fit(table, y),
        ):
            with pytest.raises(TypeError, match=r"`X` must be dense.*toarray.*TruncatedSVD"):
                refused()
    # Other classifiers accept sparse matrices.
    sparse = cross_val_bounds(LogisticRegression(), scipy.sparse.csr_matrix(X), y)
    dense = cross_val_bounds(LogisticRegression(), X, y)
    assert sparse.mi_lower == pytest.approx(dense.mi_lower, abs=1e-3)
