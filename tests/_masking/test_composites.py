"""Composites: where they are cut, and what they contain."""

import numpy as np

from sksoftinfo._masking.composites import content_of, sides
from sksoftinfo._masking.fill import Fill


def test_images_are_cut_where_they_hold_least():
    content = np.ones((40, 6, 10))
    content[:, :, 4:6] = 0
    agreed = np.zeros_like(content)
    agreed[np.arange(40), 3, np.arange(40) % 10] = 1
    ours = sides(content, agreed, np.random.RandomState(0))
    left = np.arange(10) < 5
    for index in range(40):
        expected = left if index % 10 < 5 else ~left
        np.testing.assert_array_equal(ours[index], np.broadcast_to(expected, (6, 10)))
    # Cuts between equal scores are drawn, down and across, from the middle of the image.
    ours = sides(np.ones((200, 8, 8)), np.zeros((200, 8, 8)), np.random.RandomState(0))
    assert set(ours.sum(axis=(1, 2))) == {16, 24, 32, 40, 48}
    assert 0.3 < (ours[:, 0] == ours[:, -1]).all(axis=1).mean() < 0.7
    table = sides(np.ones((5, 1, 4)), np.zeros((5, 1, 4)), np.random.RandomState(0))
    assert table.any(axis=(1, 2)).all() and not table.all(axis=(1, 2)).any()


def test_content_is_the_difference_from_the_fill():
    images = np.arange(12.0).reshape(1, 3, 2, 2)
    content = content_of(images, Fill([0.0, 4.0, 20.0]).fit(images))
    np.testing.assert_allclose(content, [[[0 + 0 + 12, 1 + 1 + 11], [2 + 2 + 10, 3 + 3 + 9]]])
    table = np.array([[1.0, 1e6], [3.0, 1e6]]).reshape(2, 1, 1, 2)
    content = content_of(table, Fill(0.0).fit(table))
    np.testing.assert_allclose(content[:, 0], [[0.5, 1], [1.5, 1]])
