"""The score of masks, against its definition."""

import numpy as np
import pytest

from sksoftinfo._masking.separation import separation


class Bright:
    """Takes an image for class 1 by its brightest pixel."""

    def predict_proba(self, images):
        p = np.clip(images.reshape(len(images), -1).max(axis=1), 0, 1)
        return np.stack([1 - p, p], axis=1)


class Black:
    def mix(self, images, kept):
        return images * kept[:, None]


IMAGES = np.zeros((1, 1, 2, 2))
IMAGES[0, 0, 0, 0] = 0.9


def score(mask):
    return separation(Bright(), Black(), IMAGES, np.asarray([mask]), np.array([1]))[0]


def test_masks_by_hand():
    right, wrong = [[True, False], [False, False]], [[False, True], [True, True]]
    assert score(right) == pytest.approx(np.log(0.9))
    # Probabilities of 0 count as 1e-12.
    assert score(wrong) == pytest.approx(np.log(1e-12) + np.log(0.1))
    # All that is left is not evidence, so that a mask that keeps everything scores well too.
    assert score([[True] * 2] * 2) == score(right)
    assert score([[0.5, 0.0], [0.0, 0.0]]) == pytest.approx(np.log(0.45) + np.log(0.55))
