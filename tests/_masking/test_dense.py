"""Dense scores equal the head on each window, with the current weights of the network."""

import copy

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.dense import DenseScorer
from sksoftinfo._networks import predict_logits


def test_dense_scores_are_the_head_on_each_windows_average(small, net):
    X, y = small
    masker = InfoMaskTransformer(
        FrozenEstimator(net), patch_size=[4, (4, 12)], context=2, patch_scoring="dense"
    ).fit(X, y)
    scorer = masker._mapper.scorer
    assert scorer.windows == [(1.0, 1.0), (1.0, 3.0), (2.0, 2.0), (2.0, 6.0)]
    logits, whole = scorer.logits(X[:3, None])
    with torch.no_grad():
        module = copy.deepcopy(net.module_).cpu()
        feature_map = module.feature_map(torch.as_tensor(X[:3, None]))
        window = feature_map[:, :, 0:1, 1:4].mean((2, 3))
        expected = module.head(window).numpy()
        single = module.head(feature_map[:, :, 1, 3]).numpy()
    np.testing.assert_allclose(logits[1, :, :, 0, 2].T, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits[0, :, :, 1, 3].T, single, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(whole, predict_logits(net.net_, X[:3, None]), rtol=1e-5, atol=1e-5)


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


def test_stride_of_the_cells_is_measured(small, net):
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4).fit(*small)
    assert masker.stride_ == (4, 4)
    assert masker.receptive_field_ == (7, 7)
    assert masker.feature_layer_ == "body"
    strided = InfoMaskTransformer(FrozenEstimator(net), patch_size=4, stride=2).fit(*small)
    assert (strided.patch_scoring_, strided.stride_) == ("crop", (2, 2))
    assert strided.feature_layer_ is None


@pytest.mark.parametrize("change", ["train", "data"])
def test_masks_follow_the_weights(small, change):
    """Neither a fused optimizer nor ``weight.data`` moves torch's version counters."""
    X, y = small[0][:48], small[1][:48]
    classifier = InfoSoftmaxClassifier(max_epochs=1, random_state=0, device="cpu").fit(X, y)

    def maps(classifier):
        return masker_of(classifier, X, y).information_maps(X[:2])

    # A transformer that was fitted before the change uses the current weights as well.
    fitted_before = masker_of(classifier, X, y)
    before = maps(classifier)
    logits, _ = fitted_before._mapper.scorer.logits(X[:2, None])
    if change == "train":
        for _ in range(3):
            classifier.partial_fit(X, y)
    else:
        for weight in classifier.module_.parameters():
            weight.data.mul_(2)
    after = maps(classifier)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(after, maps(copy.deepcopy(classifier)))
    found, whole = fitted_before._mapper.scorer.logits(X[:2, None])
    assert np.abs(found - logits).max() > 1e-3
    np.testing.assert_allclose(
        whole, predict_logits(classifier.net_, X[:2, None]), rtol=1e-4, atol=1e-5
    )


def masker_of(classifier, X, y):
    frozen = FrozenEstimator(classifier)
    return InfoMaskTransformer(frozen, target=1, patch_size=4, random_state=0).fit(X, y)


def test_hooks_of_dense_scoring_are_seen_by_nobody_else(small):
    X, y = small[0][:48], small[1][:48]
    classifier = InfoSoftmaxClassifier(max_epochs=1, random_state=0, device="cpu").fit(X, y)
    masker = masker_of(classifier, X, y)
    assert masker.patch_scoring_ == "dense"
    classifier.module_.train()
    masker.transform(X[:2])
    hooks = [h for module in classifier.module_.modules() for h in module._forward_hooks]
    assert classifier.module_.training and not hooks


def test_a_module_that_works_in_place_leaves_the_images(small):
    class InPlace(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Conv2d(1, 4, 3, padding=1)
            self.head = torch.nn.Linear(4, 2)

        def forward(self, x):
            x -= 0.5
            return self.head(self.body(x).mean((2, 3)))

    X, y = small
    clf = InfoSoftmaxClassifier(InPlace(), max_epochs=1, random_state=0).fit(X, y)
    images = X[:20].copy()
    masker = InfoMaskTransformer(FrozenEstimator(clf), patch_size=4, random_state=0)
    masker.fit(images, y[:20])
    assert masker.patch_scoring_ == "dense"
    first, second = masker.information_map(images), masker.information_map(images)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(images, X[:20])
