"""Calibration of patches."""

import numpy as np
import pytest

from sksoftinfo._masking.calibration import PatchCalibration
from sksoftinfo._masking.evidence import log_odds


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_without_a_row_has_no_probability(dtype):
    rng = np.random.default_rng(0)
    y = np.array([0, 2] * 20)
    inputs = rng.normal(size=(2, 3, 40, 1, 2)).astype(dtype) + y[:, None, None].astype(dtype)
    prior = np.array([0.4, 0.2, 0.4])
    calibration = PatchCalibration(3).fit(inputs, y, prior, np.random.RandomState(0))
    scores = calibration.scores(inputs)
    assert scores.shape == (3, 40, 1, 2) and scores.dtype == dtype
    assert (scores[1] == -np.inf).all()
    expected = calibration.coef_ @ inputs.reshape(6, -1) + calibration.intercept_[:, None]
    np.testing.assert_allclose(scores[[0, 2]].reshape(2, -1), expected, rtol=1e-5, atol=1e-5)
    classes = np.repeat([[0], [1], [2]], 40, axis=1)
    odds = log_odds(scores, classes)
    assert (odds[1] == -np.inf).all()
    np.testing.assert_array_equal(odds[0], -odds[2])
