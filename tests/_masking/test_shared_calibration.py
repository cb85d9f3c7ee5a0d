"""One calibration for all classes, learned from pictures without labels."""

import numpy as np
import pytest

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking import shared_calibration
from sksoftinfo._masking.shared_calibration import (
    N_OTHERS,
    SharedCalibration,
    features,
    other_labels,
)
from tests.helpers.pretrained import NAMES, Colours


def test_the_numbers_are_stable_over_pictures_classes_and_penalty(monkeypatch):
    """Ten to 200 pictures, ten to 1,000 classes, a hundred times the penalty's constant."""
    rng = np.random.default_rng(0)

    def numbers(n_images, n_classes, penalty=shared_calibration._C):
        monkeypatch.setattr(shared_calibration, "_C", penalty)
        labels = rng.permutation(n_classes)[np.arange(n_images) % n_classes]
        logits = rng.normal(0, 1, (n_classes, n_images, 4, 4))
        object_here = rng.random((n_images, 4, 4)) < 0.5
        logits[labels, np.arange(n_images)] += 6 * object_here
        others = other_labels(labels, N_OTHERS, np.random.RandomState(0))
        seen = features(logits, np.concatenate([labels[None], others]))
        fitted = SharedCalibration(np.full(n_classes, 1 / n_classes)).fit(seen)
        slope, of_rivals = fitted.coef_
        # The logit that is no evidence among rivals as they are on average.
        return slope, -(fitted.intercept_ + of_rivals * seen[1].mean()) / slope

    slope, zero = numbers(200, 1000)
    assert slope > 0.2 and 0 < zero < 3
    for other in (numbers(10, 1000), numbers(10, 10), numbers(200, 10), numbers(200, 1000, 1e4)):
        assert other[0] == pytest.approx(slope, rel=0.15)
        assert other[1] == pytest.approx(zero, abs=0.4)


def test_a_constant_added_to_all_logits_changes_nothing(network, pictures):
    images = pictures[0]
    shifted = Colours()
    shifted.head.bias.data += 50
    other = InfoSoftmaxClassifier.from_module(shifted, classes=NAMES)
    maps = [
        InfoMaskTransformer(clf, random_state=0).fit(images[:n]).information_maps(images)
        for n in (1, 30)
        for clf in (network, other)
    ]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(maps[2], maps[3], rtol=1e-3, atol=1e-3)
