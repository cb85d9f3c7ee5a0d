"""The method of scoring patches for each classifier, and the agreement of all methods."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo.metrics import mask_iou_score


def test_maps_are_as_precise_as_the_network(small, net):
    X, y = small
    maskers = [
        InfoMaskTransformer(FrozenEstimator(net), patch_size=4, patch_scoring=scoring).fit(X, y)
        for scoring in ("dense", "crop")
    ]
    assert [masker.information_map(X[:2]).dtype for masker in maskers] == ["float32", "float64"]


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
@pytest.mark.parametrize("scoring", ["dense", "crop", "paste"])
def test_batch_size_changes_nothing(small, net, scoring, batch_size):
    X, y = small[0][:20], small[1][:20]
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
                FrozenEstimator(classifier), information=kind, target=1, **options
            ).fit(X, y)
            maps[kind, classifier is net] = masker.information_map(X[:20])
    np.testing.assert_allclose(
        maps["weight_of_evidence", True], maps["weight_of_evidence", False], rtol=1e-3, atol=1e-3
    )
    assert np.abs(maps["logit", True] - maps["logit", False]).max() > 1.0


class Shifted(torch.nn.Module):
    """A network that adds a constant per sample to all logits, which changes no probability."""

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
        with pytest.raises(ValueError, match=f"`patch_scoring` must be 'auto'.* got '{scoring}'"):
            masker.fit(X, y)


@pytest.fixture(scope="module")
def small_pairs():
    """8 x 16 composites with or without a 0 beside another digit; test digits are unseen."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(digits.target))
    parts = (order[:1250], 600), (order[1250:], 200)
    return [small_composites(digits, rows, rng, n) for rows, n in parts]


def small_composites(digits, rows, rng, n):
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
    # A mask that keeps all ink scores about 0.5.
    assert found[True] >= 0.96
    assert found[True] > found[False] - 0.02


@pytest.mark.parametrize("noise", ["additive", "ensemble"])
def test_a_stochastic_classifier_is_cropped(small, noise):
    X, y = small
    masker = InfoMaskTransformer(
        StochasticInfoClassifier(noise=noise, max_epochs=2, n_draws=4),
        patch_size=8,
        random_state=0,
    ).fit(X, y)
    assert masker.patch_scoring_ == "crop"
    assert masker.transform(X[:5]).shape == (5, 8, 16)
