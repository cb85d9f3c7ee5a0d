"""Thresholds, soft masks, parts and boxes."""

import numpy as np
import pytest

from sksoftinfo._masking.masks import (
    check_threshold,
    information_limits,
    lacks_target,
    largest_boxes,
    soft_masks,
    whole_components,
    without_specks,
)


def test_soft_masks_are_one_where_hard_ones_keep():
    maps = np.random.default_rng(0).normal(size=(2, 5, 6, 7))
    limit = 0.2 * maps.max((2, 3), keepdims=True)
    soft, hard = soft_masks(maps, limit), maps > np.maximum(limit, 0)
    assert (soft[hard] == 1).all()
    assert (soft[maps <= 0] == 0).all()
    assert ((soft > 0) == (maps > 0)).all()
    np.testing.assert_array_equal(soft_masks(np.array([-1.0, 0.0, 1e-9]), 0.0), [0, 0, 1])
    np.testing.assert_array_equal(soft_masks(np.array([-1.0, 0.0, 9.0]), np.inf), [0, 0, 0])


def test_components_of_one_image_do_not_touch_the_next():
    ink = np.ones((2, 1, 4), dtype=bool)
    kept = np.array([[[1, 1, 1, 0]], [[0, 0, 0, 1]]], dtype=bool)
    np.testing.assert_array_equal(whole_components(kept, ink), [[[True] * 4], [[False] * 4]])
    diagonal = np.eye(4, dtype=bool)[None]
    kept = diagonal.copy()
    kept[0, 0, 0] = False
    np.testing.assert_array_equal(whole_components(kept, diagonal), diagonal)


def test_boxes():
    kept = np.zeros((3, 6, 8), dtype=bool)
    kept[0, 1:3, 2:7] = True
    kept[0, 5, 0] = True
    kept[1, 0, 0] = True
    np.testing.assert_array_equal(largest_boxes(kept), [[2, 1, 7, 3], [0, 0, 1, 1], [0] * 4])


@pytest.mark.parametrize(
    "reference, threshold, limits",
    [
        ("image", 0.5, [[1.0, 0.0], [4.0, 0.0]]),
        ("fit", 0.5, [[5.0, 10.0], [5.0, 0.0]]),
        ("absolute", -0.5, [[-0.5, -0.5], [-0.5, -0.5]]),
    ],
)
def test_limits_of_every_reference(reference, threshold, limits):
    peak = np.array([[2.0, -3.0], [8.0, 0.0]], dtype=np.float32)
    fit_maximum = np.array([[10.0, 20.0], [10.0, -20.0]])
    check_threshold(threshold, reference)
    found = information_limits(peak, threshold, reference, fit_maximum)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, limits)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, np.nan])
def test_a_share_lies_between_nothing_and_all(threshold):
    for reference in ("image", "fit"):
        with pytest.raises(
            ValueError, match=rf"`threshold` must be within \[0, 1\] .*; got {threshold}"
        ):
            check_threshold(threshold, reference)
    check_threshold(threshold, "absolute")


def test_a_target_lacks_where_neither_the_image_nor_a_patch_is_evidence():
    whole, peak = np.array([-1.0, 0.0, 1.0, -1.0]), np.array([1.0, 2.0, 1.0, 3.0])
    np.testing.assert_array_equal(lacks_target(whole, peak, 2.0), [True, True, False, False])
    assert not lacks_target(whole, peak, -np.inf).any()


def test_specks_go_and_objects_stay():
    excess = -np.ones((3, 20, 20))
    excess[0, 2:12, 2:12] = 2
    excess[0, 15:18, 15:18] = 3  # A smaller object.
    excess[0, 0, 19] = excess[0, 19, 0] = 5
    excess[1, 4, 4:6] = excess[1, 8, 8] = 1  # Only specks remain: the largest speck is kept.
    kept = without_specks(excess, 9) > 0
    expected = excess > 0
    expected[0, 0, 19] = expected[0, 19, 0] = expected[1, 8, 8] = False
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(abs(without_specks(excess, 9)), abs(excess))
    np.testing.assert_array_equal(without_specks(excess, 0), excess)
    assert not np.shares_memory(without_specks(excess, 9), excess)
