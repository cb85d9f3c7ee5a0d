"""Steps of the transformer's fit."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.fitting import (
    best_sizes,
    calibration_data,
    fit_estimator,
    known_classes,
    presence_floors,
    set_random_states,
)


def test_parts_of_the_classifier_are_seeded_each_on_its_own():
    estimator = make_pipeline(MinMaxScaler(), LogisticRegression(), LogisticRegression())
    numbers = [
        set_random_states(estimator, 0).get_params()[f"{name}__random_state"]
        for name in ("logisticregression-1", "logisticregression-2")
    ]
    assert numbers[0] != numbers[1]
    again = set_random_states(estimator, 0).get_params()
    assert again["logisticregression-1__random_state"] == numbers[0]


def test_presence(small, net):
    X, y = small
    options = {"target": 1, "patch_size": 4, "random_state": 0}
    frozen = FrozenEstimator(net)
    required = InfoMaskTransformer(frozen, **options).fit(X, y)
    free = InfoMaskTransformer(frozen, require_presence=False, **options).fit(X, y)
    assert (free.presence_floor_ == -np.inf).all()
    best = free.information_map(X).max(axis=(1, 2))
    floor = required.presence_floor_[1]
    # A two-parameter calibration on one half of the images gives similar values on the other half.
    assert np.quantile(best[y == 1], 0.0) < floor < np.quantile(best[y == 1], 0.05)
    absent = (net.predict_proba(X)[:, 1] <= y.mean()) & (best <= floor)
    np.testing.assert_array_equal(
        required.mask(X), np.where(absent[:, None, None], False, free.mask(X))
    )
    assert absent[y == 0].mean() > 0.9


def test_presence_of_a_class_with_one_image_is_never_denied(small, net):
    X, y = small
    rows = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)[:1]]
    masker = InfoMaskTransformer(FrozenEstimator(net), target=1, patch_size=4).fit(
        X[rows], y[rows]
    )
    assert masker.presence_floor_[1] == -np.inf
    assert np.isfinite(masker.information_map(X)).all()


def test_classes_are_known_before_anything_is_trained(net):
    np.testing.assert_array_equal(known_classes(None, np.array(["b", "a", "b"])), ["a", "b"])
    np.testing.assert_array_equal(known_classes(FrozenEstimator(net), np.zeros(3, int)), [0, 1])
    with pytest.raises(ValueError, match="`y` must hold at least two classes"):
        known_classes(LogisticRegression(), np.zeros(3, int))
    with pytest.raises(ValueError, match="must hold known labels"):
        known_classes(FrozenEstimator(net), np.array([0, 2]))


def test_a_clone_is_fitted_once_where_there_is_a_cache(small, tmp_path):
    X, y = small
    estimator = LogisticRegression()
    fits = [fit_estimator(estimator, X, y, (1, 8, 16), 0, str(tmp_path)) for _ in range(2)]
    assert fits[0][2] == fits[1][2]
    assert fit_estimator(estimator, X, y[::-1], (1, 8, 16), 0, str(tmp_path))[2] != fits[0][2]
    fitted, row_shape, _ = fit_estimator(estimator, X, y, (1, 8, 16), 0, None)
    assert row_shape == (128,) and fitted.random_state is not None
    assert estimator.random_state is None and not hasattr(estimator, "coef_")
    np.testing.assert_array_equal(fitted.coef_, fits[0][0].coef_)
    frozen = FrozenEstimator(fitted)
    found, row_shape, key = fit_estimator(frozen, X, y, (1, 8, 16), 0, None)
    assert found is frozen and row_shape == (128,) and key is None
    assert fit_estimator(frozen, X, y, (1, 8, 16), 0, str(tmp_path))[2] is not None


class Halves:
    """A classifier of two classes, whose calls are counted."""

    n_calls = 0

    def logits(self, images):
        self.n_calls += 1
        return np.stack([images[:, 0, 0, 0], 5 - images[:, 0, 0, 0]], axis=1)


def sample_of(n, *, y=None, needs_whole=False, of_pictures=False, classifier=None):
    images = np.arange(n, dtype=float).reshape(n, 1, 1, 1)
    images, *rest = calibration_data(classifier, images, y, 0, needs_whole, of_pictures)
    return images.ravel().astype(int), *rest


def test_a_sample_is_without_repetition_and_repeatable():
    rows, y, whole, seed = sample_of(1500, y=np.arange(1500) % 7)
    assert len(np.unique(rows)) == 1000 and rows.max() < 1500 and whole is None
    np.testing.assert_array_equal(y, rows % 7)
    again, *_, same = sample_of(1500)
    np.testing.assert_array_equal(rows, again)
    assert seed == same
    assert sorted(sample_of(7)[0]) == list(range(7))
    assert len(sample_of(1500, needs_whole=True, classifier=Halves())[0]) == 200


def test_logits_are_computed_where_something_needs_them():
    classifier = Halves()
    options = {"needs_whole": True, "classifier": classifier}
    assert sample_of(9, of_pictures=True, **options)[1:3] == (None, None)
    assert classifier.n_calls == 0
    rows, y, whole, _ = sample_of(9, **options)
    np.testing.assert_array_equal(y, rows < 2.5)
    assert whole.shape == (9, 2) and len(sample_of(10, of_pictures=True, **options)[1]) == 10
    given = sample_of(9, y=np.zeros(9, dtype=int), **options)
    assert not given[1].any() and given[2].shape == (9, 2)


def test_of_equal_sizes_the_first_is_taken():
    candidates = [((size, size),) for size in (2, 4, 6)]
    best, scores = best_sizes(candidates, [-3, -1, -1])
    assert best == ((4, 4),)
    assert scores == {(2, 2): -3, (4, 4): -1, (6, 6): -1}


def test_floors_are_those_of_few_images():
    maxima = np.concatenate([np.arange(200.0), [7.0]])
    floors = presence_floors(maxima, np.repeat([0, 2], [200, 1]), 3)
    np.testing.assert_array_equal(floors, [1.0, -np.inf, 7.0])
