"""Maps from scores and calibrations, computed once where there is a cache."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.maps import InformationMapper
from sksoftinfo._networks import predict_logits
from sksoftinfo.metrics import MaskIoUScorer


class Counting(LogisticRegression):
    """A classifier that counts the rows that it classifies, over all its copies."""

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
                # Each search uses another location, so that it cannot find results of an earlier
                # search.
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
    uncached = InfoMaskTransformer(FrozenEstimator(net), **options).fit(X, y)
    for threshold in (0.2, 0.5):
        cached = InfoMaskTransformer(
            FrozenEstimator(net), memory=str(tmp_path), threshold=threshold, **options
        ).fit(X, y)
        uncached.set_params(threshold=threshold)
        for rows in (slice(0, 20), slice(20, 50)):
            np.testing.assert_array_equal(cached.mask(X[rows]), uncached.mask(X[rows]))
            np.testing.assert_array_equal(cached.transform(X[rows]), uncached.transform(X[rows]))


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
    with pytest.raises(ValueError, match="`calibrate` must not be 'features' without dense"):
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


def test_presence_is_judged_by_what_the_calibration_has_not_seen(small, net):
    """With more features than images, a calibration separates all images that it was fitted on."""
    X, y = small[0][:40], np.random.default_rng(0).permutation(small[1][:40])
    masker = InfoMaskTransformer(FrozenEstimator(net), target=1, patch_size=4).fit(X, y)
    mapper = InformationMapper(
        masker._mapper.scorer, "weight_of_evidence", masker.prior_, [slice(None)], False
    )
    noise = np.random.default_rng(1).normal(size=(40, 2, 4, 1, 100)).astype(np.float32)
    noise = noise.transpose(3, 4, 0, 1, 2)
    mapper.calibrate(noise, y, 0)
    (seen,) = mapper.places(noise, np.ones((1, 40), dtype=int), mapper.calibrations_)
    held_out = mapper.held_out_maxima(noise, y, 0)
    assert np.isfinite(held_out).all()
    assert seen.mean(axis=(1, 2))[y == 1].min() > 0
    assert held_out[y == 1].min() < seen.max(axis=(1, 2))[y == 1].min()
