"""Receptive fields of the cells of a feature map, measured by gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

# Number of cells along an axis whose receptive field is measured.
_N_MEASURED = 16


@dataclass(frozen=True)
class CellGeometry:
    """Stride and receptive fields of the cells of a feature map, along one axis.

    Parameters
    ----------
    stride : float
        Pixels from one cell to the next.
    receptive_field : int
        Number of pixels that a cell depends on; the length of the axis if every cell depends on
        all of it.
    centres : ndarray of shape (cells,)
        Middle of each cell's receptive field, in pixels. The first pixel has the coordinate 0.
    """

    stride: float
    receptive_field: int
    centres: np.ndarray


def measure_cells(feature_map, images):
    """Return the `CellGeometry` of both axes, from the gradients of single cells.

    Parameters
    ----------
    feature_map : tensor of shape (n, channels, h, w)
        Feature map of the images, which has a gradient.
    images : tensor of shape (n, C, H, W)
    """
    with torch.enable_grad():
        # A random sign for each channel, so that gradients do not cancel by symmetry.
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(
            feature_map.shape[1], generator=generator, dtype=torch.float32, device="cpu"
        ).to(feature_map)
        cells = torch.einsum("nchw,c->hw", feature_map, weight)
    middle = tuple(length // 2 for length in cells.shape)
    # A backward pass for each cell takes longer than anything else in `fit`.
    seen_by_middle = _gradient(cells[middle], images)
    geometries = []
    for axis in range(2):
        length, n_cells = images.shape[2 + axis], cells.shape[axis]
        # If the middle cell sees everything, the other cells add nothing.
        ends = seen_by_middle.amax(1 - axis)[[0, -1]]
        if bool((ends > 0).all()):
            stride = length / n_cells
            centres = (np.arange(n_cells) + 0.5) * stride - 0.5
            geometries.append(CellGeometry(stride, length, centres))
            continue
        looked_at = np.unique(np.linspace(0, n_cells - 1, _N_MEASURED).round().astype(int))
        extents = []
        for cell in looked_at:
            position = (cell, middle[1]) if axis == 0 else (middle[0], cell)
            seen = seen_by_middle if position == middle else _gradient(cells[position], images)
            touched = seen.amax(1 - axis).nonzero().flatten()
            extents.append((int(touched[0]), int(touched[-1])) if len(touched) else (0, length))
        geometries.append(cell_geometry(looked_at, np.array(extents), n_cells, length))
    return tuple(geometries)


def _gradient(cell, images):
    """Return the largest gradient of a cell with respect to each pixel, (H, W), on the CPU."""
    (gradient,) = torch.autograd.grad(cell, images, retain_graph=True)
    return gradient.abs().amax((0, 1)).cpu()


def cell_geometry(cells, extents, n_cells, length):
    """Return the geometry of cells along an axis from the pixels that some cells depend on.

    Parameters
    ----------
    cells : ndarray of shape (k,)
        Indices of the measured cells.
    extents : ndarray of shape (k, 2)
        First and last pixel that each measured cell depends on.
    n_cells, length : int
        Numbers of cells and of pixels along the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.cell_geometry import cell_geometry
    >>> extents = np.array([[0, 2], [1, 6], [5, 10], [9, 11]])
    >>> geometry = cell_geometry(np.arange(4), extents, 4, 12)
    >>> geometry.stride, geometry.receptive_field, geometry.centres
    (4.0, 6, array([-0.5,  3.5,  7.5, 11.5]))
    """
    first, last = extents[:, 0], extents[:, 1]
    # At the border the receptive field extends into the padding, so that its edge is not seen. The
    # outermost pixels need not be used by any cell either.
    inside_first, inside_last = first > first.min(), last < last.max()
    slopes = [
        np.diff(edge[inside]) / np.diff(cells[inside])
        for edge, inside in ((first, inside_first), (last, inside_last))
    ]
    slopes = np.concatenate(slopes)
    # If most units are inactive, the edges of two fields may seem to coincide.
    slopes = slopes[slopes > 0]
    stride = float(np.median(slopes)) if len(slopes) else length / n_cells
    if not (inside_first.any() and inside_last.any()):
        return CellGeometry(stride, length, (np.arange(n_cells) + 0.5) * stride - 0.5)
    # Inactive units hide part of a field and never add to it.
    begin = (first - stride * cells)[inside_first].min()
    end = (last - stride * cells)[inside_last].max()
    field = int(round(end - begin)) + 1
    return CellGeometry(stride, field, (begin + end) / 2 + stride * np.arange(n_cells))
