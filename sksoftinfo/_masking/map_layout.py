"""Layouts of the feature maps of networks, and their view as (n, C, h, w). Torch in, torch out.

A layout is ``"first"`` for maps (n, C, h, w), ``"last"`` for maps (n, h, w, C), and a grid (h, w)
for the tokens (n, p + h * w, C) of vision transformers and mixers. The p prefix tokens, e.g. a
class token, do not belong to the grid.
"""

from __future__ import annotations

import torch

# Largest number of prefix tokens: a class token, a distillation token and a few registers.
_MOST_PREFIX = 16


def layouts_of(shape, grids):
    """Return the possible layouts of an output of this shape, without the axis of images.

    Parameters
    ----------
    shape : tuple of int
    grids : iterable of (int, int)
        Grids that tokens may have.

    Examples
    --------
    >>> from sksoftinfo._masking.map_layout import layouts_of
    >>> layouts_of((8, 7, 7), []), layouts_of((50, 8), [(7, 7), (14, 14)]), layouts_of((8,), [])
    (('first', 'last'), ((7, 7),), ())
    """
    if len(shape) == 3:
        return ("first", "last") if shape[1] * shape[2] > 1 else ()
    if len(shape) != 2:
        return ()
    return tuple(
        grid
        for grid in grids
        if 1 < grid[0] * grid[1] <= shape[0] <= grid[0] * grid[1] + _MOST_PREFIX
    )


def as_map(output, layout):
    """Return an output of a layout as a map (n, C, h, w).

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._masking.map_layout import as_map
    >>> as_map(torch.arange(7.0).reshape(1, 7, 1), (2, 3))
    tensor([[[[1., 2., 3.],
              [4., 5., 6.]]]])
    """
    if layout == "first":
        return output
    if layout == "last":
        return output.movedim(-1, 1)
    return output[:, -layout[0] * layout[1] :].movedim(-1, 1).unflatten(2, layout)


def as_output(feature_map, like, layout):
    """Return a map (n, C, h, w) in the layout of the output `like`.

    Prefix tokens become zero, so that logits that depend on the prefix tokens are not reproduced.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._masking.map_layout import as_output
    >>> as_output(torch.ones(1, 1, 1, 2), torch.ones(1, 7, 1), (2, 3)).flatten()
    tensor([0., 1., 1.])
    """
    if layout == "first":
        return feature_map
    if layout == "last":
        return feature_map.movedim(1, -1)
    tokens = feature_map.flatten(2).movedim(1, -1)
    n_prefix = like.shape[1] - layout[0] * layout[1]
    prefix = tokens.new_zeros(len(tokens), n_prefix, tokens.shape[2])
    return torch.cat([prefix, tokens], dim=1)


def follows_pixels(map_of, image, grid):
    """Return whether most tokens of a map change most if the pixels at their places change.

    The logits cannot show this: they depend on the average over tokens, not on their order.

    Parameters
    ----------
    map_of : callable
        Returns the maps (n, C, h, w) of images.
    image : tensor of shape (1, C, H, W)
    grid : (int, int)
        Height h and width w of the maps.
    """
    n_cells = grid[0] * grid[1]
    cells = torch.linspace(0, n_cells - 1, min(n_cells, 7), device="cpu").round().int().tolist()
    changed = image.repeat(1 + len(cells), 1, 1, 1)
    for one, cell in zip(changed[1:], cells, strict=True):
        rows, columns = (
            slice(index * length // n, (index + 1) * length // n)
            for index, length, n in zip(divmod(cell, grid[1]), image.shape[2:], grid, strict=True)
        )
        one[:, rows, columns] = one[:, rows, columns].flip(0, 1, 2)
    maps = map_of(changed)
    most = (maps[1:] - maps[:1]).norm(dim=1).flatten(1).argmax(1).tolist()
    return 2 * sum(a == b for a, b in zip(most, cells, strict=True)) > len(cells)
