"""Scores of cells and of large windows of pictures, at their own size or enlarged."""

import numpy as np
import pytest

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._masking.dense import dense_layer
from sksoftinfo._masking.image_classifier import ImageClassifier
from sksoftinfo._masking.picture_scorer import PictureScorer

IMAGES = np.random.default_rng(0).random((12, 1, 24, 32), dtype=np.float32)
LABELS = np.arange(12) % 3


@pytest.fixture(scope="module")
def scorer():
    options = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
    classifier = ImageClassifier(
        InfoSoftmaxClassifier(**options).fit(IMAGES, LABELS), IMAGES.shape[1:], 4
    )
    layer, geometry = dense_layer(classifier, IMAGES, None)
    return PictureScorer(classifier, layer, geometry, IMAGES.shape[2:], 2.0, False)


def test_logits_of_cells_windows_and_whole_pictures(scorer):
    windows, whole, details = scorer.read(IMAGES[:3])
    assert windows.shape[:3] == (2, 3, 3)
    assert details is None
    expected = scorer.classifier.logits(IMAGES[:3])
    np.testing.assert_allclose(
        whole - whole.mean(1, keepdims=True),
        expected - expected.mean(1, keepdims=True),
        atol=1e-5,
    )
    np.testing.assert_array_equal(scorer.patch_logits(IMAGES[:3]), windows)


def test_large_windows_vary_less_than_cells(scorer):
    cells, large = scorer.patch_logits(IMAGES[:3])
    assert (large.std(axis=(2, 3)) < cells.std(axis=(2, 3))).all()


def test_equal_scores_make_a_flat_map_of_the_picture(scorer):
    cells = scorer.patch_logits(IMAGES[:1]).shape[-2:]
    maps = scorer.assemble(np.full((2, *cells), 1.5))
    assert maps.shape == (2, 24, 32)
    np.testing.assert_allclose(maps, 1.5)


def test_an_image_that_is_enlarged_too_much_names_zoom(scorer, monkeypatch):
    def full(*args, **options):
        raise MemoryError

    monkeypatch.setattr(scorer, "_read", full)
    with pytest.raises(MemoryError, match="lower batch_size=4 or zoom=2"):
        scorer.read(IMAGES[:1])
