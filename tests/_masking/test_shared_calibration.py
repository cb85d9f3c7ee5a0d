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
    picture_units,
)
from tests.helpers.pretrained import NAMES, Colours


def test_the_numbers_are_stable_over_pictures_classes_and_penalty(monkeypatch):
    """Vary the pictures from 10 to 200, the classes from 10 to 1,000, and the penalty."""
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
        # Windows are averages of cells, so that they separate classes better.
        windows = seen[0].reshape(*seen[0].shape[:2], 2, 2, 2, 2).mean((3, 5))
        rivals = fitted.fit_rivals(windows).rival_slope_
        # The logit with zero evidence among average rivals.
        zero = -(fitted.intercept_ + of_rivals * seen[1].mean()) / slope
        return slope, zero, rivals, of_rivals

    slope, zero, rivals, of_rivals = numbers(200, 1000)
    assert slope > 0.2 and 0 < zero < 3 and rivals > slope
    few, few_of_few, many_of_few = numbers(10, 1000), numbers(10, 10), numbers(200, 10)
    loose = numbers(200, 1000, 1e4)
    for other in (few, few_of_few, many_of_few, loose):
        assert other[0] == pytest.approx(slope, rel=0.15)
        assert other[1] == pytest.approx(zero, abs=0.4)
        assert other[2] == pytest.approx(rivals, rel=0.3)
    # The mean logit of the other classes depends on their number, and so does its slope.
    for other in (few[3], loose[3]):
        assert other == pytest.approx(of_rivals, rel=0.15)
    assert few_of_few[3] == pytest.approx(many_of_few[3], rel=0.15)


def test_the_slope_of_rivals_is_finite_and_known_for_separated_and_useless_logits():
    separated = np.array([[[[3.0, 3.0]]], [[[0.0, 0.0]]]])
    calibration = SharedCalibration(np.full(2, 0.5))
    # One label in a thousand is wrong: the log-odds of a difference of 3 are log(999).
    assert 3 * calibration.fit_rivals(separated).rival_slope_ == pytest.approx(np.log(999))
    assert 30 * calibration.fit_rivals(10 * separated).rival_slope_ == pytest.approx(np.log(999))
    assert calibration.fit_rivals(separated[::-1]).rival_slope_ == 0
    assert calibration.fit_rivals(0 * separated).rival_slope_ == 0


def test_each_picture_has_its_own_scale(network, pictures):
    """The logits of low-contrast pictures vary less, in `fit` and in `mask` alike."""
    images, _, labels = pictures
    faint = images.copy()
    faint[::2] *= 0.5
    plain = InfoMaskTransformer(network, random_state=0).fit(images)
    mixed = InfoMaskTransformer(network, random_state=0).fit(faint)
    assert plain.calibration_ == mixed.calibration_ == "shared"
    np.testing.assert_allclose(
        mixed._mapper.calibrations_[0].coef_, plain._mapper.calibrations_[0].coef_, rtol=0.05
    )
    maps = [
        masker.information_map(one, y=labels) for masker, one in ((plain, images), (mixed, faint))
    ]
    np.testing.assert_allclose(maps[1], maps[0], rtol=0.1, atol=0.3)


def test_units_of_pictures():
    whole = np.array([[1.0, -1.0], [3.0, -1.0], [2.0, 2.0]])
    np.testing.assert_array_equal(picture_units(whole).ravel(), [1, 2, 1])


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
