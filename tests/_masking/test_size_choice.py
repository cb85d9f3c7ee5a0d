"""Choice of a patch size by composites."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.svm import SVC

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.size_choice import Rule, Sample, score_sizes
from sksoftinfo.metrics import mask_iou_score

HARD = Rule(0.2, "image", False)


class Painted:
    """A mapper whose maps show the first channel, which belongs to the target, but no other."""

    prior = np.array([0.5, 0.5])
    calibrations_ = None
    scorer = SimpleNamespace(
        assemble=lambda scores: scores, classifier=SimpleNamespace(batch_size=7)
    )

    def __init__(self, kept):
        self.kept = kept

    def inputs(self, images):
        return images.swapaxes(0, 1)[None]

    def places(self, inputs, classes, calibrations):
        target, others = inputs[0]
        return self.kept(target, others)[None]


def painted(n=60, seed=0):
    """Return images (n, 2, 8, 16) of two objects, and which images have the target's object."""
    rng = np.random.default_rng(seed)
    images, y = np.zeros((n, 2, 8, 16), np.float32), np.arange(n) % 2
    for image, present in zip(images, y, strict=True):
        ours = rng.permutation([0 if present else 1, 1])
        for channel, left in zip(ours, (2, 10), strict=True):
            image[channel, 2:6, left : left + 4] = 1
    return images, y


def scores(rules, rule=HARD, **changes):
    images, y = painted()
    sample = Sample(images, images.sum(axis=1), y, y == 1, None, 0)._replace(**changes)
    mappers = [Painted(kept) for kept in rules]
    return score_sizes(mappers, None, sample, rule, None, [None] * len(rules))


def exact(target, others):
    return target - others


def half_lost(target, others):
    first_rows = np.arange(8)[:, None] < 4
    return np.where(first_rows, target, -target) - others


def half_of_others_kept(target, others):
    return target + half_lost(others, 0)


def everything(target, others):
    return target + others


@pytest.mark.parametrize("rule", [HARD, Rule(0.2, "fit", False), Rule(0.5, "absolute", True)])
def test_the_score_falls_with_what_is_lost_and_with_what_else_is_kept(rule):
    found = scores([exact, half_lost, half_of_others_kept, everything], rule)
    np.testing.assert_allclose(found, [1, 0.5, 0.5, 0], atol=1e-6)


def test_the_sizes_agree_on_the_side_of_the_target():
    def elsewhere(target, others):
        return others - 2 * target

    # Most patches find the target, and the others do not gain from their mistake.
    found = scores([exact, elsewhere, half_lost])
    np.testing.assert_allclose(found, [1, -1, 0.5], atol=1e-6)


def test_images_of_one_class_only_have_a_score():
    for n in (60, 1):
        images = painted()[0][-n:]
        ones = np.ones(n, dtype=int)
        found = scores(
            [exact, everything], images=images, content=images.sum(axis=1), y=ones, shown=ones == 1
        )
        assert np.isfinite(found).all() and np.abs(found).max() <= 1


def pairs_of_digits(rows, n, seed):
    """Return images, 8 x 16, of two digits, the labels "there is a 0", and the half with the 0."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    zeros, others = (rows[(digits.target[rows] == 0) == zero] for zero in (True, False))
    y = np.arange(n) % 2
    first = np.where(y, rng.choice(zeros, n), rng.choice(others, n))
    tiles = np.stack([digits.images[first], digits.images[rng.choice(others, n)]]) / 16
    swap = rng.random(n) < 0.5
    tiles[:, swap] = tiles[::-1, swap]
    halves = np.zeros((n, 8, 16), dtype=bool)
    halves[(y == 1) & ~swap, :, :8] = halves[(y == 1) & swap, :, 8:] = True
    return np.concatenate(list(tiles), axis=2), y, halves


def quality(masker, X, halves):
    ink = X > 0.2
    return mask_iou_score(halves & ink, masker.mask(X) & ink)


@pytest.mark.parametrize("calibrate", [True, False])
def test_the_chosen_patches_are_about_as_good_as_the_best(calibrate):
    """The network's own probability for the kept part would choose patches of 2 pixels."""
    rows = np.random.default_rng(0).permutation(1797)
    X, y, _ = pairs_of_digits(rows[:1200], 80, seed=0)
    X_test, _, halves = pairs_of_digits(rows[1200:], 60, seed=1)
    svc = CalibratedClassifierCV(SVC(), ensemble=False).fit(X.reshape(len(X), -1), y)
    options = {"target": 1, "random_state": 0, "context": 1, "calibrate": calibrate}
    options["require_presence"] = False
    fixed = {
        size: quality(
            InfoMaskTransformer(FrozenEstimator(svc), patch_size=size, **options).fit(X, y),
            X_test,
            halves,
        )
        for size in (2, 6)
    }
    chosen = InfoMaskTransformer(FrozenEstimator(svc), **options).fit(X, y)
    assert sorted(chosen.patch_size_scores_) == [(size, size) for size in (2, 3, 4, 6, 8)]
    assert quality(chosen, X_test, halves) > max(fixed.values()) - 0.05 > fixed[2] + 0.2


@pytest.mark.parametrize("calibrate", [True, "features"])
def test_dense_patches_are_chosen_by_few_images_and_repeatably(small, net, calibrate):
    X, y = small
    options = {"target": 1, "calibrate": calibrate, "random_state": 0}
    found = [
        InfoMaskTransformer(FrozenEstimator(net), **options).fit(X[:16], y[:16]) for _ in range(2)
    ]
    assert found[0].patch_scoring_ == "dense"
    assert found[0].patch_size_scores_ == found[1].patch_size_scores_
    values = list(found[0].patch_size_scores_.values())
    assert len(set(values)) > 1 and -1 <= min(values) <= max(values) <= 1
