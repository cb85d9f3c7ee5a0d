"""Masks that follow outlines."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.edges import snap_to_edges
from tests.helpers.pretrained import NAMES, Colours


@pytest.fixture
def disc():
    """A red disc on a noisy grey ground, and the pixels of the disc."""
    down, across = np.mgrid[:48, :48]
    inside = (down - 20) ** 2 + (across - 27) ** 2 < 13**2
    image = np.random.default_rng(0).normal(0, 0.1, (1, 3, 48, 48)).astype(np.float32)
    image[0, 0, inside] += 1.4
    return image, inside


def iou(kept, inside):
    return (kept & inside).sum() / (kept | inside).sum()


def test_a_coarse_mask_becomes_the_outline(disc):
    pytest.importorskip("cv2")
    image, inside = disc
    down, across = np.mgrid[:48, :48]
    distance = np.maximum(abs(down - 20), abs(across - 27))
    excess = np.maximum(1 - distance / 9, -0.1)[None]
    before = iou(excess[0] > 0, inside)
    for colours in (image, image[:, :1], image * 40 - 3):
        refined = snap_to_edges(excess, colours)
        assert iou(refined[0] > 0, inside) > 0.97 > 0.8 > before
        np.testing.assert_array_equal(refined, snap_to_edges(excess, colours))
        np.testing.assert_allclose(abs(refined), abs(excess), atol=1e-12)
    # Pictures that are masked or kept as a whole do not change.
    for same in (np.full((1, 48, 48), -np.inf), -abs(excess) - 1, np.ones((1, 48, 48))):
        np.testing.assert_array_equal(snap_to_edges(same, image), same)


def test_a_transformer_refines_its_masks(disc):
    pytest.importorskip("cv2")
    image, inside = disc
    clf = InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES)
    masker = InfoMaskTransformer(clf, target="red").fit(image)
    coarse = iou(masker.mask(image)[0], inside)
    masker.set_params(refine="edges")
    assert iou(masker.mask(image)[0], inside) > max(0.97, coarse + 0.05)
    assert not masker.mask(image, y=["blue"]).any()
    with pytest.raises(ValueError, match="`refine` must be None without hard masks; .*'soft'"):
        masker.set_params(mask_type="soft").mask(image)


def test_masks_of_tables_cannot_be_refined():
    X, y = np.random.default_rng(0).random((20, 5)), np.arange(20) % 2
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=2, refine="edges")
    with pytest.raises(ValueError, match="must be None for a table; .* Use refine=None"):
        masker.fit(X, y)
    masker.set_params(refine=None).fit(X, y)


def test_what_is_missing_is_named(disc, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install 'sksoftinfo\[edges\]'"):
        clf = InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES)
        InfoMaskTransformer(clf, refine="edges").fit(disc[0])
