"""`InfoMaskTransformer` in searches, with a cache, and with options that build on its maps."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.fitting import set_random_states
from sksoftinfo._masking.maps import InformationMapper
from sksoftinfo._masking.patches import interpolation_matrix
from sksoftinfo._networks import predict_logits
from sksoftinfo.metrics import MaskIoUScorer, box_accuracy_score
from tests.helpers.images import digits_beside_nothing, small_net


@pytest.fixture(scope="module")
def small():
    return digits_beside_nothing()


@pytest.fixture(scope="module")
def net(small):
    return small_net(*small)


class Counting(LogisticRegression):
    """Counts the rows that it classifies, over all its copies."""

    rows = 0

    def predict_proba(self, X):
        Counting.rows += len(X)
        return super().predict_proba(X)


def test_a_search_over_thresholds_computes_each_map_once(small, tmp_path):
    X, y = small[0][:120], small[1][:120]
    masks = X > 0.2
    counts, results = {}, {}
    for memory in (None, str(tmp_path)):
        for thresholds in ([0.2], [0.1, 0.2, 0.3, 0.4]):
            Counting.rows = 0
            masker = InfoMaskTransformer(
                Counting(),
                target=1,
                patch_size=4,
                require_presence=False,
                # Another location for each search: nothing is left from the one before.
                memory=memory and f"{memory}/{len(thresholds)}",
                random_state=0,
            )
            search = GridSearchCV(
                masker,
                {"threshold": thresholds},
                scoring=MaskIoUScorer().set_score_request(masks=True),
                cv=3,
                refit=False,
            )
            with config_context(enable_metadata_routing=True):
                search.fit(X, y, masks=masks)
            counts[memory, len(thresholds)] = Counting.rows
            results[memory, len(thresholds)] = search.cv_results_["mean_test_score"]
    assert counts[None, 4] == 4 * counts[None, 1]
    assert counts[str(tmp_path), 4] == counts[str(tmp_path), 1] == counts[None, 1]
    np.testing.assert_array_equal(results[None, 4], results[str(tmp_path), 4])


def test_the_cache_serves_a_frozen_network_and_other_images(small, net, tmp_path):
    X, y = small
    options = {"target": 1, "patch_size": 4, "random_state": 0}
    plain = InfoMaskTransformer(FrozenEstimator(net), **options).fit(X, y)
    for threshold in (0.2, 0.5):
        cached = InfoMaskTransformer(
            FrozenEstimator(net), memory=str(tmp_path), threshold=threshold, **options
        ).fit(X, y)
        plain.set_params(threshold=threshold)
        for rows in (slice(0, 20), slice(20, 50)):
            np.testing.assert_array_equal(cached.mask(X[rows]), plain.mask(X[rows]))
            np.testing.assert_array_equal(cached.transform(X[rows]), plain.transform(X[rows]))


def test_all_classes_from_one_pass(small, net, monkeypatch):
    X, y = small
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4, random_state=0).fit(X, y)
    scorer, seen = masker._mapper.scorer, []
    original = scorer.logits
    monkeypatch.setattr(
        scorer, "logits", lambda images: seen.append(len(images)) or original(images)
    )
    maps = masker.information_maps(X[:30])
    assert sum(seen) == 30
    for label in (0, 1):
        np.testing.assert_allclose(maps[label], masker.information_map(X[:30], label))


@pytest.mark.parametrize("scoring", ["crop", "paste"])
def test_several_sizes_meet_at_the_places_of_the_smallest(small, net, scoring):
    X, y = small
    options = {"patch_scoring": scoring, "calibrate": False, "context": 1, "target": 1}
    frozen = FrozenEstimator(net)
    both = InfoMaskTransformer(frozen, patch_size=[3, (4, 6)], **options).fit(X, y)
    assert both.patch_size_ == ((3, 3), (4, 6))
    places = []
    for size in (3, (4, 6)):
        one = InfoMaskTransformer(frozen, patch_size=size, **options).fit(X, y)
        (logits,) = one._mapper.scorer.patch_logits(X[:5, None])
        information = logits[1] - logits[0]
        places.append((one._mapper.scorer.grids[0], information))
    (grid, small_ones), (other, large_ones) = places
    down, across = (
        interpolation_matrix(*pair) for pair in zip(other.centres, grid.centres, strict=True)
    )
    mean = (small_ones + down.T @ large_ones @ across) / 2
    prior = np.log(y.mean() / (1 - y.mean()))
    np.testing.assert_allclose(
        both.information_map(X[:5]), grid.assemble(mean) - prior, rtol=1e-3, atol=1e-4
    )


def test_calibration_on_features(small, net):
    X, y = small
    masker = InfoMaskTransformer(
        FrozenEstimator(net), target=1, patch_size=[4, 8], calibrate="features", random_state=0
    ).fit(X, y)
    features = masker._mapper.scorer.patch_features(X[:3, None])
    assert features.shape == (4, 8, 3, 2, 4)
    weights = masker._mapper._weights()
    assert weights.shape == (4, 2, 8)
    weighed, whole = masker._mapper.scorer.weighed_features(X[:3, None], weights)
    expected = np.einsum("smc,scnij->smnij", weights, features)
    np.testing.assert_allclose(weighed, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(whole, predict_logits(net.net_, X[:3, None]), rtol=1e-5, atol=1e-5)
    ink = X > 0.2
    kept = masker.mask(X)
    assert (kept & ink)[y == 1].sum() > 0.8 * ink[y == 1].sum()
    assert (kept & ink)[y == 0].sum() < 0.1 * ink[y == 0].sum()
    with pytest.raises(ValueError, match="calibrate='features' reads windows of a network's"):
        InfoMaskTransformer(LogisticRegression(), calibrate="features", patch_size=4).fit(X, y)


@pytest.mark.parametrize("scoring", ["dense", "crop", "paste"])
def test_the_surroundings_have_to_agree(small, net, scoring):
    X, y = small
    options = {"target": 1, "patch_scoring": scoring, "random_state": 0}
    frozen = FrozenEstimator(net)
    masker = InfoMaskTransformer(frozen, patch_size=4, context=2, **options).fit(X, y)
    scorer, calibrations = masker._mapper.scorer, masker._mapper.calibrations_
    logits = scorer.patch_logits(X[:20, None])
    assert len(logits) == len(calibrations) == 2
    prior = np.log(y.mean() / (1 - y.mean()))
    patch, surroundings = (
        calibration.scores(logits[size])[1] - prior
        for size, calibration in enumerate(calibrations)
    )
    assert (patch < surroundings).any() and (patch > surroundings).any()
    np.testing.assert_allclose(
        masker.information_map(X[:20]),
        scorer.assemble(np.minimum(patch, surroundings)),
        rtol=1e-4,
        atol=1e-4,
    )
    alone = InfoMaskTransformer(frozen, patch_size=4, context=1, **options).fit(X, y)
    np.testing.assert_allclose(
        alone.information_map(X[:20]), scorer.assemble(patch), rtol=1e-4, atol=1e-4
    )
    literal = InfoMaskTransformer(frozen, patch_size=4, information="logit", **options).fit(X, y)
    assert literal._mapper.scorer.patch_logits(X[:1, None]).shape[0] == 1


def test_presence(small, net):
    X, y = small
    options = {"target": 1, "patch_size": 4, "random_state": 0}
    frozen = FrozenEstimator(net)
    required = InfoMaskTransformer(frozen, **options).fit(X, y)
    free = InfoMaskTransformer(frozen, require_presence=False, **options).fit(X, y)
    assert (free.presence_floor_ == -np.inf).all()
    best = free.information_map(X).max(axis=(1, 2))
    floor = required.presence_floor_[1]
    # Two numbers calibrated on one half of the images say much the same of the other.
    assert np.quantile(best[y == 1], 0.0) < floor < np.quantile(best[y == 1], 0.05)
    absent = (net.predict_proba(X)[:, 1] <= y.mean()) & (best <= floor)
    np.testing.assert_array_equal(
        required.mask(X), np.where(absent[:, None, None], False, free.mask(X))
    )
    assert absent[y == 0].mean() > 0.9


def test_presence_is_judged_by_what_the_calibration_has_not_seen(small, net):
    """More features than images: each is told apart by a calibration that has seen it."""
    X, y = small[0][:40], np.random.default_rng(0).permutation(small[1][:40])
    masker = InfoMaskTransformer(FrozenEstimator(net), target=1, patch_size=4).fit(X, y)
    mapper = InformationMapper(masker._mapper.scorer, "weight_of_evidence", masker.prior_)
    noise = np.random.default_rng(1).normal(size=(40, 2, 4, 1, 100)).astype(np.float32)
    noise = noise.transpose(3, 4, 0, 1, 2)
    mapper.calibrate(noise, y, 0)
    (seen,) = mapper._places(noise, np.ones((1, 40), dtype=int), mapper.calibrations_)
    held_out = mapper.held_out_maxima(noise, y, 0)
    assert np.isfinite(held_out).all()
    assert seen.mean(axis=(1, 2))[y == 1].min() > 0
    assert held_out[y == 1].min() < seen.max(axis=(1, 2))[y == 1].min()


def test_presence_of_a_class_with_one_image_is_never_denied(small, net):
    X, y = small
    rows = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y == 1)[:1]]
    masker = InfoMaskTransformer(FrozenEstimator(net), target=1, patch_size=4).fit(
        X[rows], y[rows]
    )
    assert masker.presence_floor_[1] == -np.inf
    assert np.isfinite(masker.information_map(X)).all()


def test_parts_of_the_classifier_are_seeded_each_on_its_own():
    estimator = make_pipeline(MinMaxScaler(), LogisticRegression(), LogisticRegression())
    numbers = [
        set_random_states(estimator, 0).get_params()[f"{name}__random_state"]
        for name in ("logisticregression-1", "logisticregression-2")
    ]
    assert numbers[0] != numbers[1]
    again = set_random_states(estimator, 0).get_params()
    assert again["logisticregression-1__random_state"] == numbers[0]


def test_soft_masks_fade(small, net):
    X, y = small
    options = {"target": 1, "patch_size": 4, "random_state": 0, "fill_value": "mean"}
    hard = InfoMaskTransformer(FrozenEstimator(net), **options).fit(X, y)
    soft = InfoMaskTransformer(FrozenEstimator(net), mask_type="soft", **options).fit(X, y)
    weight = soft.mask(X)
    assert weight.dtype == np.float64
    assert (weight[hard.mask(X)] == 1).all()
    assert ((weight > 0) & (weight < 1)).any()
    mean = X.mean()
    np.testing.assert_allclose(soft.transform(X), weight * X + (1 - weight) * mean, atol=1e-5)
    assert np.isfinite(soft.score(X, y))


def test_boxes_hold_the_digits(small, net):
    X, y = small
    masker = InfoMaskTransformer(
        FrozenEstimator(net), target=1, patch_size=4, components=True, random_state=0
    ).fit(X, y)
    boxes = masker.bounding_boxes(X)
    assert boxes.shape == (len(X), 4)
    left = X[:, :, :8].sum(axis=(1, 2)) > 0
    halves = np.where(left[:, None], [0, 0, 8, 8], [8, 0, 16, 8])
    present = y == 1
    assert box_accuracy_score(halves[present], boxes[present], iou_threshold=0.3) > 0.8
    # Images of the other class have nothing to keep.
    assert (boxes[~present] == 0).all(axis=1).mean() > 0.9


def test_patches_as_large_as_the_image_and_as_small_as_a_pixel(small):
    X, y = small
    estimator = LogisticRegression().fit(X.reshape(len(X), -1), y)
    whole = InfoMaskTransformer(
        FrozenEstimator(estimator), target=1, patch_size=(8, 16), random_state=0
    ).fit(X, y)
    maps = whole.information_map(X)
    assert np.ptp(maps, axis=(1, 2)).max() < 1e-9
    assert (whole.mask(X).all(axis=(1, 2)) == (maps[:, 0, 0] > 0)).mean() > 0.99
    pixels = InfoMaskTransformer(
        FrozenEstimator(estimator), target=1, patch_size=1, random_state=0
    ).fit(X, y)
    assert np.isfinite(pixels.information_map(X[:5])).all()
    assert pixels.mask(X[:5]).shape == (5, 8, 16)


def test_pipeline_and_grid_search_over_threshold_and_patch_size(small):
    X, y = small
    X, y = X[:120].reshape(120, -1), y[:120]
    pipeline = make_pipeline(
        InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), random_state=0),
        LogisticRegression(),
    )
    search = GridSearchCV(
        pipeline,
        {
            "infomasktransformer__threshold": [0.1, 0.4],
            "infomasktransformer__patch_size": [4, 8],
        },
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.predict(X).shape == (120,)
    own = GridSearchCV(
        InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), random_state=0),
        {"threshold": [0.1, 0.4], "patch_size": [4, [4, 8]], "information": ["pmi", "logit"]},
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    assert np.isfinite(own.cv_results_["mean_test_score"]).all()
    assert own.best_score_ == own.cv_results_["mean_test_score"].max()


def test_as_the_last_step_of_a_pipeline(small):
    X, y = small
    masker = InfoMaskTransformer(
        LogisticRegression(), image_shape=(8, 16), patch_size=8, random_state=0
    )
    pipeline = make_pipeline(MinMaxScaler(), masker).fit(X.reshape(-1, 128), y)
    masked = pipeline.transform(X.reshape(-1, 128))
    assert masked.shape == (len(X), 128)
    assert 0 < (masked != 0).mean() < (X != 0).mean()
    pipeline.set_output(transform="pandas")
    frame = pipeline.transform(X.reshape(-1, 128))
    assert frame.columns.tolist() == pipeline.get_feature_names_out().tolist()


def test_score_works_in_cross_validation(small):
    X, y = small
    masker = InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), patch_size=8)
    scores = cross_val_score(masker, X.reshape(-1, 128), y, cv=3)
    assert (scores <= 0).all() and np.isfinite(scores).all()
