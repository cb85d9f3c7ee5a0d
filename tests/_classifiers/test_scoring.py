"""Information bounds of a classifier on rows."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import d2_log_loss_score

from sksoftinfo import InfoSoftmaxClassifier, information_bounds, score_bounds


def test_bounds_are_those_of_the_probabilities(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y, reference_prior="empirical")
    pure = information_bounds(y, fitted.predict_proba(X))
    for name, value in pure.to_dict().items():
        if isinstance(value, float):
            assert getattr(bounds, name) == pytest.approx(value, abs=1e-12), name
    assert bounds.d2 == pytest.approx(d2_log_loss_score(y, fitted.predict_proba(X)), abs=1e-6)
    assert bounds.jensen_gap == 0
    bits = fitted.score_bounds(X, y, units="bits")
    assert bits.mi_lower == pytest.approx(bounds.mi_lower / np.log(2))
    np.testing.assert_allclose(bits.reference_prior, fitted.train_prior_)
    assert bits.pointwise.mean() == pytest.approx(bits.mi_lower)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64, np.float32, "U1", object])
def test_bounds_do_not_depend_on_how_labels_are_held(dtype):
    """Labels that need no validation skip a part of the checks."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = rng.normal(y[:, None], size=(200, 3))
    labels = np.array(["a", "b"], dtype=object)[y] if dtype is object else y.astype(dtype)
    clf = InfoSoftmaxClassifier(max_epochs=3, random_state=0)
    expected = clf.fit(X[:100], y[:100]).score_bounds(X[100:], y[100:])
    clf.fit(X[:100], labels[:100])
    for given in (labels[100:], labels[100:].tolist(), pd.Series(labels[100:])):
        found = clf.score_bounds(X[100:], given)
        np.testing.assert_array_equal(found.pointwise, expected.pointwise)
        assert found.mi_lower_limit == expected.mi_lower_limit
        assert found.fano_lower_limit == expected.fano_lower_limit


def test_bounds_do_not_depend_on_the_batch(fitted, split):
    _, X, _, y = split
    whole = fitted.score_bounds(X, y)
    other = pickle.loads(pickle.dumps(fitted))
    other.net_.set_params(batch_size=5)
    assert other.score_bounds(X, y).mi_lower == pytest.approx(whole.mi_lower, abs=1e-12)
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    assert fitted.score_bounds(X, y, sample_weight=weight).mi_lower == pytest.approx(
        fitted.score_bounds(X[rows], y[rows]).mi_lower, abs=1e-12
    )


def test_reference_prior_that_excludes_what_occurs(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(random_state=0)
    first = y != "virginica"
    clf.partial_fit(X[first], y[first], classes=np.unique(y))
    with pytest.raises(ValueError, match="must be positive .*; got 0 for 'virginica'"):
        clf.score_bounds(X, y)
    assert np.isfinite(clf.score_bounds(X, y, reference_prior="empirical").mi_lower)


def test_the_accuracy_counts_unknown_labels_as_wrong(fitted, split):
    _, X, _, y = split
    accuracy = fitted.score(X, y)
    unknown = np.where(np.arange(len(y)) < 10, "rose", y)
    expected = (fitted.predict(X) == unknown).mean()
    assert fitted.score(X, unknown) == pytest.approx(expected) and expected < accuracy
    with pytest.raises(ValueError, match="Mix of label input types"):
        fitted.score(X, np.arange(len(y)))


def test_bounds_of_the_training_rows_overstate_and_are_warned_about():
    """Labels are drawn independently of X: the network memorises rows that are not held out."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 30)), rng.integers(0, 2, 120)
    clf = InfoSoftmaxClassifier(max_epochs=50, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="120 of 120 rows and their labels were used for"):
        trained = clf.score_bounds(X, y)
    assert trained.mi_lower_limit > 0
    shuffled = rng.permutation(120)
    for rows, labels in (
        (X[shuffled], y[shuffled]),
        (X[:20], y[:20]),
        (X.astype(np.float32), y),
        (np.vstack([X[:20], X[20:] + 1]), y),
    ):
        with pytest.warns(UserWarning, match="(20|120) of (20|120) rows and their labels"):
            clf.score_bounds(rows, labels)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* rows and their labels")
        clf.score_bounds(X, 1 - y)
        clf.score_bounds(rng.normal(size=(120, 30)), y)
        # Hashes of the rows are not saved.
        pickle.loads(pickle.dumps(clf)).score_bounds(X, y)
    assert "_fitted_on" not in clf.__getstate__()
    chunks = InfoSoftmaxClassifier(random_state=0).partial_fit(X[:60], y[:60], classes=[0, 1])
    chunks.partial_fit(X[60:], y[60:])
    with pytest.warns(UserWarning, match="20 of 20 rows and their labels"):
        chunks.score_bounds(X[50:70], y[50:70])


@pytest.mark.parametrize("kind", ["table", "images", "forest"])
def test_predictions_worse_than_the_label_frequencies_are_warned_about(kind):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 4, 4)), rng.integers(0, 2, size=400)
    if kind != "images":
        X = X.reshape(400, -1)
    clf = InfoSoftmaxClassifier(max_epochs=60, lr=0.02, random_state=0)
    if kind == "forest":
        clf = ExtraTreesClassifier(20, random_state=0)
    clf.fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match="label frequencies would: .* Calibrate it"):
        bounds = score_bounds(clf, X[100:], y[100:])
    assert bounds.mi_lower < bounds.interval[1] < 0
    # Calibration is the remedy.
    calibrated = CalibratedClassifierCV(clf, cv=3, ensemble=False).fit(X[:100], y[:100])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The classifier predicts")
        assert score_bounds(calibrated, X[100:], y[100:]).mi_lower > -0.1
