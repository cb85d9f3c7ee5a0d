"""Results for several targets, from one pass."""

import numpy as np
from sklearn.base import clone

from sksoftinfo import InfoMaskDisplay


def test_one_pass_serves_all_targets(rectangles, monkeypatch):
    masker, images = rectangles
    rows = []
    read = type(masker._mapper.scorer).read
    monkeypatch.setattr(
        type(masker._mapper.scorer),
        "read",
        lambda self, images: rows.append(len(images)) or read(self, images),
    )
    targets = ["red", ["navy", "blue"], "teal"]
    display = InfoMaskDisplay.from_estimator(masker, images, targets=targets)
    assert rows == [2]
    for part, target in zip(display.masks, targets, strict=True):
        for one, other in zip(
            part, clone(masker).set_params(target=target).fit(images).mask(images), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    masker = clone(masker).set_params(combine="group").fit(images)
    grouped = InfoMaskDisplay.from_estimator(masker, images, targets=targets)
    found = masker.information_map(images, targets[1])
    np.testing.assert_allclose(grouped.information[1][1], found[1], atol=1e-5)
