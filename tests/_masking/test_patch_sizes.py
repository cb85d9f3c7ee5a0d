"""Sizes, surroundings and strides of patches."""

import pytest

from sksoftinfo._masking.patch_sizes import (
    candidate_sizes,
    candidates_for_stride,
    resolve_stride,
    with_surroundings,
)


def test_candidate_sizes():
    squares = [((side, side),) for side in (7, 10, 14, 21)]
    assert candidate_sizes("auto", (28, 28)) == squares
    assert candidate_sizes("auto", (1, 8)) == [((1, side),) for side in (2, 3, 4, 6)]
    assert candidate_sizes("auto", (1, 1)) == [((1, 1),)]
    assert candidate_sizes((3, 5), (8, 8)) == [((3, 5),)]
    assert candidate_sizes([8, (2, 3), 8, 4], (8, 8)) == [((2, 3), (4, 4), (8, 8))]


@pytest.mark.parametrize("sizes", [[], [0], [(1, 2, 3)], [4, 9], [2.5]])
def test_bad_lists_of_sizes(sizes):
    with pytest.raises(
        ValueError, match=r"`patch_size` must (hold at least|be at most|be a positive)"
    ):
        candidate_sizes(sizes, (8, 8))


@pytest.mark.parametrize("stride", [(0, 0), (1, 2, 3), (0, 1), (1.5, 2)])
def test_bad_stride(stride):
    with pytest.raises(
        ValueError, match="`stride` must be a positive number of pixels, or a pair"
    ):
        resolve_stride(stride, (4, 4))


def test_no_pixel_may_lie_between_patches():
    with pytest.raises(ValueError, match="size of the patch, 4 x 4 pixels, .*; got 5"):
        resolve_stride(5, (4, 4))
    assert resolve_stride(3, (1, 4)) == (1, 3)
    candidates = [((2, 2),), ((4, 4),), ((6, 6),)]
    assert candidates_for_stride(candidates, 4) == candidates[1:]
    with pytest.raises(
        ValueError, match="`stride` must be at most the size of the patch, .*; got 7"
    ):
        candidates_for_stride(candidates, 7)


def test_surroundings_follow_the_patches_that_they_surround():
    sizes, (patches, surroundings) = with_surroundings(((2, 3), (8, 8)), 2, (8, 16))
    assert sizes[patches] == ((2, 3), (8, 8))
    assert sizes[surroundings] == ((4, 6), (16, 16))
    # Surroundings are always larger than the patch, except at the full height of a table.
    assert with_surroundings(((1, 2),), 1.01, (1, 9))[0] == ((1, 2), (1, 3))
    assert with_surroundings(((2, 3),), 1, (8, 16)) == (((2, 3),), [slice(0, 1)])
