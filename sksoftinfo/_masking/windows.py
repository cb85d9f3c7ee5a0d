"""Windows of feature maps, and their pooling. Torch in, torch out."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from .._networks import upload


def _window_weights(length, size):
    """Return weights (length, length) of the cells along an axis in windows around each cell."""
    cells = np.arange(length)
    overlaps = np.clip(size / 2 + 0.5 - abs(cells[:, None] - cells), 0.0, min(1.0, size))
    return overlaps / overlaps.sum(axis=1, keepdims=True)


def window_average(feature_map, size):
    """Average a feature map over windows around each of its cells, clipped at the border.

    Parameters
    ----------
    feature_map : tensor of shape (n, C, h, w)
    size : tuple of float
        Height and width of a window, in cells. A cell that lies partly in the window is weighted
        by that part.

    Returns
    -------
    tensor of shape (n, C, h, w)

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._masking.windows import window_average
    >>> window_average(torch.tensor([[[[0.0, 3.0, 6.0]]]]), (1, 3))
    tensor([[[[1.5000, 3.0000, 4.5000]]]])
    """
    down, across = (
        upload(
            torch.as_tensor(_window_weights(*axis), device="cpu").to(feature_map.dtype),
            feature_map.device,
        )
        for axis in zip(feature_map.shape[2:], size, strict=True)
    )
    return down @ feature_map @ across.T


def odd_cells(size):
    """Return the odd numbers of cells that are nearest to the size of a window."""
    return tuple(2 * int(extent / 2) + 1 for extent in size)


def window_maximum(feature_map, size):
    """Return the maximum over windows around each cell, with sides of odd numbers of cells.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._masking.windows import window_maximum
    >>> window_maximum(torch.tensor([[[[0.0, 3.0, 1.0, 0.0]]]]), (1, 3))
    tensor([[[[3., 3., 3., 1.]]]])
    """
    size = odd_cells(size)
    padding = tuple(extent // 2 for extent in size)
    return F.max_pool2d(feature_map, size, stride=1, padding=padding)


def feature_windows(feature_map, size):
    """Return a window around each cell as a separate map, moved inwards at the border.

    Parameters
    ----------
    feature_map : tensor of shape (n, C, h, w)
    size : tuple of float
        Height and width in cells, rounded to odd numbers and at most the size of the map.

    Returns
    -------
    tensor of shape (n * h * w, C, height, width)
    """
    lengths = feature_map.shape[2:]
    size = [min(extent, length) for extent, length in zip(odd_cells(size), lengths, strict=True)]
    windows = feature_map.unfold(2, size[0], 1).unfold(3, size[1], 1)
    for axis in range(2):
        starts = torch.arange(lengths[axis], device="cpu") - size[axis] // 2
        starts = starts.clamp(0, lengths[axis] - size[axis]).to(feature_map.device)
        windows = windows.index_select(2 + axis, starts)
    return windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, feature_map.shape[1], *size)
