"""Patches by windows, alone and on an empty image: what each classifier is asked."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._masking.dense import DenseScorer
from sksoftinfo._masking.fill import Fill
from sksoftinfo._masking.image_classifier import ImageClassifier
from sksoftinfo._masking.scoring import make_scorer
from sksoftinfo._networks import predict_logits
from sksoftinfo.metrics import mask_iou_score
from tests.helpers.images import digits_beside_nothing, small_net


@pytest.fixture(scope="module")
def small():
    X, y = digits_beside_nothing()
    return X, np.array(["zero", "one"])[y]


@pytest.fixture(scope="module")
def net(small):
    return small_net(*small)


@pytest.mark.parametrize("scoring", ["crop", "paste"])
@pytest.mark.parametrize("size, stride", [(4, 4), ((3, 5), (2, 3)), ((8, 16), 1), (1, 1)])
def test_batched_scores_equal_a_loop_over_patches(small, net, scoring, size, stride):
    images = small[0][:3, None]
    size = size if isinstance(size, tuple) else (size, size)
    stride = stride if isinstance(stride, tuple) else (stride, stride)
    classifier = ImageClassifier(net, (8, 16), batch_size=5)
    fill = Fill(0.25).fit(images)
    scorer = make_scorer(scoring, classifier, (8, 16), [size], lambda size: stride, fill)
    (batched,) = scorer.patch_logits(images)
    (grid,) = scorer.grids
    for i, image in enumerate(images):
        for a, top in enumerate(grid.tops):
            for b, left in enumerate(grid.lefts):
                patch = image[:, top : top + size[0], left : left + size[1]]
                if scoring == "paste":
                    canvas = np.full_like(image, 0.25)
                    canvas[:, top : top + size[0], left : left + size[1]] = patch
                    patch = canvas
                with torch.no_grad():
                    alone = net.module_(torch.as_tensor(patch[None]))[0].numpy()
                np.testing.assert_allclose(batched[:, i, a, b], alone, rtol=1e-4, atol=1e-5)


def test_dense_scores_are_the_head_on_each_windows_average(small, net):
    X, y = small
    masker = InfoMaskTransformer(
        FrozenEstimator(net), patch_size=[4, (4, 12)], context=2, patch_scoring="dense"
    ).fit(X, y)
    scorer = masker._mapper.scorer
    assert scorer.windows == [(1.0, 1.0), (1.0, 3.0), (2.0, 2.0), (2.0, 6.0)]
    logits, whole = scorer.logits(X[:3, None])
    with torch.no_grad():
        feature_map = net.module_.feature_map(torch.as_tensor(X[:3, None]))
        window = feature_map[:, :, 0:1, 1:4].mean((2, 3))
        expected = net.module_.head(window).numpy()
        single = net.module_.head(feature_map[:, :, 1, 3]).numpy()
    np.testing.assert_allclose(logits[1, :, :, 0, 2].T, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits[0, :, :, 1, 3].T, single, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(whole, predict_logits(net.net_, X[:3, None]), rtol=1e-5, atol=1e-5)


def test_maps_are_as_precise_as_the_network(small, net):
    X, y = small
    maskers = [
        InfoMaskTransformer(FrozenEstimator(net), patch_size=4, patch_scoring=scoring).fit(X, y)
        for scoring in ("dense", "crop")
    ]
    assert [masker.information_map(X[:2]).dtype for masker in maskers] == ["float32", "float64"]


def test_batches_of_large_images_are_smaller(small, net):
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4).fit(*small)
    classifier, dense = masker._classifier, masker._dense
    scorers = {
        side: DenseScorer(classifier, *dense, (side, side), [(4, 4)]) for side in (8, 64, 999)
    }
    assert {side: scorer.images_per_batch for side, scorer in scorers.items()} == {
        8: 256,
        64: 64,
        999: 32,
    }


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
@pytest.mark.parametrize("scoring", ["dense", "crop", "paste"])
def test_batch_size_changes_nothing(small, net, scoring, batch_size):
    X, y = small[0][:40], small[1][:40]
    fitted = [
        InfoMaskTransformer(
            FrozenEstimator(net),
            patch_scoring=scoring,
            patch_size=4,
            batch_size=size,
            random_state=0,
        ).fit(X, y)
        for size in (64, batch_size)
    ]
    maps = [masker.information_map(X) for masker in fitted]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-3, atol=1e-4)


def test_weight_of_evidence_is_blind_to_a_constant_per_patch_and_the_raw_logit_is_not(small, net):
    X, y = small
    shifted = InfoSoftmaxClassifier(Shifted(net.module_), max_epochs=1, lr=1e-12).fit(X, y)
    options = {"patch_size": 4, "patch_scoring": "crop", "calibrate": False}
    maps = {}
    for kind in ("weight_of_evidence", "logit"):
        for classifier in (net, shifted):
            masker = InfoMaskTransformer(
                FrozenEstimator(classifier), information=kind, target="one", **options
            ).fit(X, y)
            maps[kind, classifier is net] = masker.information_map(X[:20])
    np.testing.assert_allclose(
        maps["weight_of_evidence", True], maps["weight_of_evidence", False], rtol=1e-3, atol=1e-3
    )
    assert np.abs(maps["logit", True] - maps["logit", False]).max() > 1.0


class Shifted(torch.nn.Module):
    """Adds a constant per sample to all logits, which changes no probability."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x) + 3.0 + x.mean((1, 2, 3))[:, None]


def test_auto_scoring_is_dense_only_where_it_is_proven(small, net):
    X, y = small

    def fitted(module):
        return InfoSoftmaxClassifier(module, max_epochs=1, random_state=0).fit(X, y)

    positions = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d((2, 2)),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 2),
    )
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(128, 2))
    by_place, flattening = fitted(positions), fitted(flat)
    for classifier, scoring in ((net, "dense"), (by_place, "crop"), (flattening, "paste")):
        masker = InfoMaskTransformer(FrozenEstimator(classifier), patch_size=4).fit(X, y)
        assert masker.patch_scoring_ == scoring
    for classifier, scoring in ((by_place, "dense"), (flattening, "crop")):
        masker = InfoMaskTransformer(
            FrozenEstimator(classifier), patch_size=4, patch_scoring=scoring
        )
        with pytest.raises(ValueError, match=f"patch_scoring='{scoring}' needs"):
            masker.fit(X, y)


def test_stride_of_the_cells_is_measured(small, net):
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4).fit(*small)
    assert masker.stride_ == (4, 4)
    assert masker.receptive_field_ == (7, 7)
    assert masker.feature_layer_ == "body"
    strided = InfoMaskTransformer(FrozenEstimator(net), patch_size=4, stride=2).fit(*small)
    assert (strided.patch_scoring_, strided.stride_) == ("crop", (2, 2))
    assert strided.feature_layer_ is None


@pytest.fixture(scope="module")
def small_pairs():
    """8 x 16 composites of a 0, or not, beside another digit; test digits are unseen."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(digits.target))
    return [small_composites(digits, rows, rng) for rows in (order[:1250], order[1250:])]


def small_composites(digits, rows, rng, n=600):
    zeros, others = rows[digits.target[rows] == 0], rows[digits.target[rows] != 0]
    present = np.arange(n) % 2 == 0
    first = np.where(present, rng.choice(zeros, n), rng.choice(others, n))
    tiles = [digits.images[first] / 16, digits.images[rng.choice(others, n)] / 16]
    swap = rng.random(n) < 0.5
    left = np.where(swap[:, None, None], tiles[1], tiles[0])
    right = np.where(swap[:, None, None], tiles[0], tiles[1])
    X = np.concatenate([left, right], axis=2)
    masks = np.zeros_like(X, dtype=bool)
    masks[present & ~swap, :, :8] = True
    masks[present & swap, :, 8:] = True
    return X.reshape(n, -1), present.astype(int), masks


@pytest.mark.parametrize(
    "classifier",
    [
        SVC(probability=True, random_state=0),
        RandomForestClassifier(100, random_state=0),
        LogisticRegression(max_iter=2000),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
@pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning")
def test_any_classifier_by_pasting(small_pairs, classifier):
    (X, y, _), (X_test, y_test, masks) = small_pairs
    ink = X_test.reshape(masks.shape) > 0.2
    options = {"target": 1, "patch_size": 6, "stride": 1, "image_shape": (8, 16)}
    found = {}
    for calibrate in (True, False):
        masker = InfoMaskTransformer(
            classifier, calibrate=calibrate, require_presence=False, random_state=0, **options
        ).fit(X, y)
        assert masker.patch_scoring_ == "paste"
        found[calibrate] = mask_iou_score(masks, masker.mask(X_test), foreground=ink)
        if calibrate:
            absent = masker.mask(X_test)[y_test == 0] & ink[y_test == 0]
            assert absent.sum() <= 0.1 * ink[y_test == 0].sum()
    # Keeping all ink scores about 0.5.
    assert found[True] >= 0.96
    assert found[True] > found[False] - 0.02


def test_a_stochastic_classifier_is_cropped(small):
    X, y = small
    masker = InfoMaskTransformer(
        StochasticInfoClassifier(max_epochs=2, n_draws=4), patch_size=8, random_state=0
    ).fit(X, y)
    assert masker.patch_scoring_ == "crop"
    assert masker.transform(X[:5]).shape == (5, 8, 16)
