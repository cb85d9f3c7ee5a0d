"""Scores of a grid's patches equal classifications one by one."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.fill import Fill
from sksoftinfo._masking.image_classifier import ImageClassifier
from sksoftinfo._masking.scoring import make_scorer
from sksoftinfo._masking.spreading import interpolation_matrix
from tests.helpers.networks import module_output


@pytest.mark.parametrize("scoring", ["crop", "paste"])
@pytest.mark.parametrize("size, stride", [(4, 4), ((3, 5), (2, 3)), ((8, 16), 1), (1, 1)])
def test_batched_scores_equal_a_loop_over_patches(small, net, scoring, size, stride):
    images = small[0][:3, None]
    size = size if isinstance(size, tuple) else (size, size)
    stride = stride if isinstance(stride, tuple) else (stride, stride)
    classifier = ImageClassifier(net, (8, 16), batch_size=5)
    fill = Fill(0.25).fit(images)
    scorer = make_scorer(scoring, classifier, (8, 16), [size], stride, fill)
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
                alone = module_output(net, patch[None])[0].numpy()
                np.testing.assert_allclose(batched[:, i, a, b], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scoring", ["crop", "paste"])
def test_several_sizes_meet_at_the_places_of_the_smallest(small, net, scoring):
    X, y = small
    options = {"patch_scoring": scoring, "calibrate": False, "context": 1, "target": 1}
    frozen = FrozenEstimator(net)
    both = InfoMaskTransformer(frozen, patch_size=[3, (4, 6)], **options).fit(X, y)
    assert both.patch_size_ == ((3, 3), (4, 6))
    places = []
    for size in (3, (4, 6)):
        one = InfoMaskTransformer(frozen, patch_size=size, **options).fit(X, y)
        (logits,) = one._mapper.scorer.patch_logits(X[:5, None])
        information = logits[1] - logits[0]
        places.append((one._mapper.scorer.grids[0], information))
    (grid, small_ones), (other, large_ones) = places
    down, across = (
        interpolation_matrix(*pair) for pair in zip(other.centres, grid.centres, strict=True)
    )
    mean = (small_ones + down.T @ large_ones @ across) / 2
    prior = np.log(y.mean() / (1 - y.mean()))
    np.testing.assert_allclose(
        both.information_map(X[:5]), grid.assemble(mean) - prior, rtol=1e-3, atol=1e-4
    )
