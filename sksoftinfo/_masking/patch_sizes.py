"""Sizes and strides of patches, given the parameters and the size of the images."""

from __future__ import annotations

from numbers import Integral

# Shares of an image's shorter side, or of a table's width, that patch_size="auto" tries.
_AUTO_SHARES = (0.25, 0.375, 0.5, 0.75, 1.0)
# The share that patch_size="auto" uses without labels, by which sizes could be compared. Smaller
# windows show the outline of a single animal in a photograph best.
_UNLABELLED_SHARES = (0.15,)


def candidate_sizes(patch_size, image_size, labelled=True):
    """Return the candidates to try: tuples of sizes (height, width), smallest patch first.

    The sizes of a candidate are weighted together. There are several candidates only if
    `patch_size` is "auto" and the images are `labelled`, and a candidate has several sizes only if
    `patch_size` is a list.

    Raises
    ------
    ValueError
        If `patch_size` is not a valid size, or is larger than the image.

    Examples
    --------
    >>> from sksoftinfo._masking.patch_sizes import candidate_sizes
    >>> candidate_sizes("auto", (28, 56))
    [((7, 7),), ((10, 10),), ((14, 14),), ((21, 21),), ((28, 28),)]
    >>> candidate_sizes([3, 5], (1, 10))
    [((1, 3), (1, 5))]
    """
    height, width = image_size
    is_table = height == 1
    if isinstance(patch_size, str):
        side = width if is_table else min(height, width)
        shares = _AUTO_SHARES if labelled else _UNLABELLED_SHARES
        lengths = sorted({max(1, round(share * side)) for share in shares})
        sizes = [(1, length) if is_table else (length, length) for length in lengths]
        # A patch of the size of the whole image masks nothing.
        return [(size,) for size in sizes if size != image_size] or [(size,) for size in sizes]
    if isinstance(patch_size, list):
        if not patch_size:
            raise ValueError(
                "`patch_size` must hold at least one size; got []. Use 'auto' to compare several."
            )
        sizes = {_one_size(size, image_size) for size in patch_size}
        return [tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))]
    return [(_one_size(patch_size, image_size),)]


def with_surroundings(sizes, context, image_size):
    """Return the sizes of patches and of their surroundings, and a slice of sizes for each.

    The height and width of the surroundings are `context` times as large as the patch's. The
    surroundings may extend beyond the image, where they hold no pixels. If `context` is 1, only
    the patches are returned.

    Examples
    --------
    >>> from sksoftinfo._masking.patch_sizes import with_surroundings
    >>> with_surroundings(((7, 10), (28, 28)), 1.5, (28, 56))[0]
    ((7, 10), (28, 28), (10, 15), (42, 42))
    >>> with_surroundings(((1, 3),), 1.5, (1, 10))
    (((1, 3), (1, 4)), [slice(0, 1, None), slice(1, 2, None)])
    """
    if context == 1:
        return sizes, [slice(0, len(sizes))]
    surroundings = tuple(
        tuple(
            1 if length == 1 else max(side + 1, round(context * side))
            for side, length in zip(size, image_size, strict=True)
        )
        for size in sizes
    )
    return sizes + surroundings, [slice(0, len(sizes)), slice(len(sizes), 2 * len(sizes))]


def _one_size(patch_size, image_size):
    height, width = image_size
    if isinstance(patch_size, Integral) and patch_size > 0:
        size = (1, patch_size) if height == 1 else (patch_size, patch_size)
    else:
        size = _check_pair(patch_size, "patch_size", "(height, width)")
    if size[0] > height or size[1] > width:
        raise ValueError(
            f"`patch_size` must be at most the size of the images, {height} x {width} pixels; got "
            f"{patch_size!r}. Use smaller patches, or patch_size='auto'."
        )
    return int(size[0]), int(size[1])


def resolve_stride(stride, patch_size):
    """Return the stride (down, across) in pixels, a quarter of the patch for "auto".

    Raises
    ------
    ValueError
        If `stride` is invalid, or is larger than the patch, so that some pixels would not be
        covered by any patch.

    Examples
    --------
    >>> from sksoftinfo._masking.patch_sizes import resolve_stride
    >>> resolve_stride("auto", (20, 3)), resolve_stride(2, (20, 3))
    ((5, 1), (2, 2))
    """
    if isinstance(stride, str):
        return tuple(max(1, length // 4) for length in patch_size)
    if isinstance(stride, Integral):
        # A table has a height of one pixel, whatever its stride.
        pair = (
            min(int(stride), patch_size[0]) if patch_size[0] == 1 else int(stride),
            int(stride),
        )
    else:
        pair = tuple(int(side) for side in _check_pair(stride, "stride", "(down, across)"))
    if pair[0] > patch_size[0] or pair[1] > patch_size[1]:
        raise ValueError(
            f"`stride` must be at most the size of the patch, {patch_size[0]} x {patch_size[1]} "
            f"pixels, for patches to cover the image; got {stride!r}. Use a smaller stride, or "
            "stride='auto'."
        )
    return pair


def candidates_for_stride(candidates, stride):
    """Return the candidates that the stride allows; raise ValueError if it allows none."""
    resolve_stride(stride, candidates[-1][0])
    if isinstance(stride, str):
        return candidates
    smallest = stride if isinstance(stride, Integral) else max(stride)
    return [sizes for sizes in candidates if max(sizes[0]) >= smallest]


def _check_pair(pair, name, meaning):
    if (
        not isinstance(pair, tuple | list)
        or len(pair) != 2
        or not all(isinstance(side, Integral) and side > 0 for side in pair)
    ):
        raise ValueError(
            f"`{name}` must be a positive number of pixels, or a pair {meaning} of them; got "
            f"{pair!r}. Use {name}='auto' for the default."
        )
    return pair
