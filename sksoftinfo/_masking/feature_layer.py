"""Search for the last feature map of a convolutional network, proven valid by hooks.

Torch in, torch out. A network scores every window of an image in one forward pass: a hook passes
a batch of windows, in place of the feature map, to the layers behind it (pooling and head). The
result equals the network's own output only if these layers ignore positions, which a trial shows.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import torch

from .._networks import is_out_of_memory
from .._utils import users_stacklevel
from .hooks import computed_gradients, replaced_output
from .map_layout import as_map, follows_pixels, layouts_of
from .windows import feature_windows, window_average, window_maximum

# Tolerances of the difference between reproduced logits and the network's logits, relative to the
# largest logit: by default, and in half precision.
_TOLERANCE, _HALF_TOLERANCE = 1e-4, 0.05
# Number of layers behind the last convolution that may still output the map, e.g. dropout.
_N_TRIED = 4
# Side of the images that trials run on. They may be small, since their maps are replaced.
_SMALL_SIDE = 64
# Ratios of the numbers of cells along an axis between a finer map and the feature map.
_FINER = (2, 3, 4)
# Pooling over windows, and pooling over the whole map, by the name of the pooling.
_POOLINGS = {"average": (window_average, torch.mean), "maximum": (window_maximum, torch.amax)}


class _WithoutGradients(Exception):
    """The network computes its feature map without gradients."""


@dataclass(frozen=True)
class FeatureLayer:
    """A layer whose output is a spatial map, and the way in which the network pools the map.

    Parameters
    ----------
    name : str
        Name of the submodule.
    pooling : {"logits", "linear", "average", "maximum", "own"}
        ``"logits"``: the network's logits are the mean of its logits for single cells (average
        pooling and a linear head). ``"linear"``: the same for a network that does not take single
        cells, whose head is computed from its gradient. ``"average"`` and ``"maximum"``: the
        logits are any function of the average or the maximum of the map. ``"own"``: the network
        ignores positions, and pools windows by the same layers as the whole map.
    call : int, default=1
        Number, from 1, of the call of the submodule that outputs the map.
    small_side : int or None, default=None
        Side of smaller images that the network takes as well; ``None`` if the network takes
        images of one size only.
    detail : (str, int, str) or None, default=None
        Name, call and layout of the last submodule whose map has two to four times as many cells
        along both axes.
    head : str or None, default=None
        Name of the linear submodule whose parameters are the weights of a ``"linear"`` head.
        ``None`` computes the weights as a gradient, which costs several forward passes for many
        classes.
    layout : {"first", "last"} or (int, int), default="first"
        Layout of the submodule's maps: the position of the channels, or the grid of tokens.
    """

    name: str
    pooling: str
    call: int = 1
    small_side: int | None = None
    detail: tuple | None = None
    head: str | None = None
    layout: str | tuple = "first"

    def replaced(self, module, function):
        """Replace the layer's output by `function` of it while the context is open."""
        return replaced_output(module, self.name, function, self.call, self.layout)

    def feature_map(self, module, run):
        """Return the feature map (n, C, h, w) that ``run()`` computes."""
        seen = []
        with self.replaced(module, seen.append):
            run()
        return seen[0]

    def window_logits(self, module, run, sizes):
        """Return the logits for windows of each size around each cell, and for whole images.

        Parameters
        ----------
        module : torch.nn.Module
        run : callable
            Runs the module on n images and returns its logits; ``run(1, side)`` runs it on the
            first image, cropped to a smaller side.
        sizes : sequence of (float, float)
            Heights and widths of the windows, in cells.

        Returns
        -------
        windows : tensor of shape (len(sizes), M, n, h, w)
            Logits for the windows.
        whole : tensor of shape (n, M)
            Logits for the whole images.
        """
        if self.pooling == "logits":
            (cells,) = self._cell_logits(module, run, lambda feature_map: [feature_map])
            windows = [window_average(cells, size) for size in sizes]
            return torch.stack(windows), cells.mean((2, 3)).T
        if self.pooling == "linear":
            seen = []
            with self.replaced(module, seen.append):
                whole = run()
            weight = self.head_weight(module, lambda: run(1, self.small_side))
            bias = (whole - seen[0].mean((2, 3)) @ weight.T).mean(0)
            cells = torch.einsum("mc,nchw->mnhw", weight, seen[0]) + bias[:, None, None, None]
            return torch.stack([window_average(cells, size) for size in sizes]), whole
        if self.pooling == "own":
            # Windows of different sizes cannot be stacked in one batch.
            windows = [self._own_logits(module, run, size) for size in sizes]
            return torch.stack(windows), run()
        window, whole = _POOLINGS[self.pooling]
        *windows, everything = self._cell_logits(
            module,
            run,
            lambda feature_map: [
                *(window(feature_map, size) for size in sizes),
                whole(feature_map, (2, 3), keepdim=True),
            ],
        )
        return torch.stack(windows), everything[..., 0, 0].T

    def head_weight(self, module, run):
        """Return the weights (M, C) of a linear head on the average of the map.

        The weights are the parameters of the submodule `head` or, without `head`, a gradient.

        Parameters
        ----------
        module : torch.nn.Module
        run : callable
            Runs the module on one image, without arguments, and returns its logits.
        """
        if self.head is not None:
            return module.get_submodule(self.head).weight
        averages = []

        def single(feature_map):
            averages[:] = [feature_map.detach().mean((2, 3), keepdim=True).requires_grad_()]
            return averages[0]

        def constant(feature_map):
            return single(feature_map).expand_as(feature_map).contiguous()

        with computed_gradients(module):
            # A single cell saves memory, since each class needs a gradient as large as the map.
            # Some networks pool maps of one size only and need the constant map.
            found = _attempt(module, run, self, single)
            if found is None:
                with self.replaced(module, constant):
                    found = run()
            (logits,) = found
            classes = torch.eye(len(logits), dtype=logits.dtype, device=logits.device)
            (weight,) = torch.autograd.grad(logits, averages[0], classes, is_grads_batched=True)
        return weight.flatten(1)

    def _cell_logits(self, module, run, maps):
        """Return logits (M, n, h, w) for the cells of each map that `maps` derives."""
        shapes = []

        def batch_of_cells(feature_map):
            made = maps(feature_map)
            shapes[:] = [(len(one), *one.shape[2:]) for one in made]
            return torch.cat([as_cells(one) for one in made])

        with self.replaced(module, batch_of_cells):
            logits = run()
        parts = logits.split([math.prod(shape) for shape in shapes])
        return [
            part.T.contiguous().view(-1, *shape) for part, shape in zip(parts, shapes, strict=True)
        ]

    def _own_logits(self, module, run, size):
        """Return logits (M, n, h, w) for windows that the network pools as maps of their own."""
        shape = []

        def batch_of_windows(feature_map):
            shape[:] = len(feature_map), *feature_map.shape[2:]
            return feature_windows(feature_map, size)

        with self.replaced(module, batch_of_windows):
            return run().T.reshape(-1, *shape)


def as_cells(feature_map):
    """Reshape maps (n, C, h, w) to one map for each cell, (n * h * w, C, 1, 1)."""
    return feature_map.movedim(1, -1).reshape(-1, feature_map.shape[1], 1, 1)


def find_feature_layer(module, logits_of, images, name):
    """Return the last layer whose map the network pools regardless of positions, or None.

    The pooling is proven on crops of the images, if the network takes images that are smaller, and
    else on the images. It has to reproduce the logits of the whole last image as well, which is
    the only one that passes through the network with gradients.

    Parameters
    ----------
    module : torch.nn.Module
    logits_of : callable
        Runs the module on images and returns their logits.
    images : tensor of shape (n, C, H, W)
        At least two images, the last of which should activate as many units as possible.
    name : str or None
        Name of the layer to try; ``None`` tries the last layers.

    Returns
    -------
    (FeatureLayer, tensor of shape (1, C, h, w), tensor of shape (1, C, H, W)) or None
        The layer, its map of the last image, and this image. The map has a gradient with respect
        to the image.
    """
    side = min(_SMALL_SIDE, min(images.shape[2:]) // 2)
    small_side = None
    for tried in (images[..., :side, :side], images):
        is_small = tried is not images
        try:
            with torch.inference_mode():
                own, recent, shapes = _spatial_outputs(
                    module, lambda tried=tried: logits_of(tried), len(tried), name, not is_small
                )
        # Any exception on smaller images means that the network does not accept them.
        except Exception as error:
            if not is_small or is_out_of_memory(error):
                raise
            continue
        if is_small and not (own.ndim == 2 and bool(own.isfinite().all())):
            continue
        small_side = side if is_small else small_side
        # Trials replace the map, so that small images serve all of them.
        cheap = images[..., :small_side, :small_side]
        for found in [one.seen_as(layout) for one in recent[::-1] for layout in one.layouts]:
            side_of = None if found.are_tokens else small_side
            with torch.inference_mode():
                given = images if found.are_tokens else cheap
                pooling, head = _proven_pooling(module, logits_of, given, found, own)
            if pooling is None:
                continue
            layer = FeatureLayer(
                found.name, pooling, found.call, side_of, None, head, found.layout
            )
            try:
                confirmed = _confirmed(
                    module, logits_of, images[-1:], layer, shapes if is_small else None
                )
            except _WithoutGradients:
                _warn_of_no_gradients(module)
                return None
            if confirmed is not None:
                return confirmed
    if any(isinstance(one, torch.jit.ScriptModule) for one in module.modules()):
        _warn_of_script(module)
    return None


def _warn_of_script(module):
    name = getattr(module, "original_name", type(module).__name__)
    warnings.warn(
        f"module={name} is scripted or traced, so that its feature map cannot be found: patches "
        "are scored one by one, which takes longer. Pass the module from which it was made.",
        stacklevel=users_stacklevel(),
    )


def _warn_of_no_gradients(module):
    warnings.warn(
        f"module={type(module).__name__} computes without gradients, but gradients are needed to "
        "locate the cells of its feature map. Patches are therefore scored one by one, which "
        "takes longer. Remove torch.inference_mode from its `forward`.",
        stacklevel=users_stacklevel(),
    )


def _confirmed(module, logits_of, image, layer, of_small):
    """Return the layer with its detail, its map of an image and the image; None if disproven.

    Raises `_WithoutGradients` if the map has no gradient with respect to the image.

    Parameters
    ----------
    of_small : list or None
        Shapes of the maps of smaller images, if the layer was proven on them. The last maps of
        small images may be single cells, which were not tried: the maps must be the same ones.
    """
    with computed_gradients(module):
        image = image.detach().clone().requires_grad_()
        try:
            own, recent, shapes = _spatial_outputs(module, lambda: logits_of(image), 1, layer.name)
        # A network may refuse to be run with gradients, by any exception.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            return None
    if not recent or recent[0].call != layer.call:
        return None
    if of_small is not None and [one[:2] for one in of_small] != [one[:2] for one in shapes]:
        return None
    found = recent[0].seen_as(layer.layout)
    feature_map, found.output = found.output, found.output.detach()
    with torch.inference_mode():
        cheap = image.detach()[..., : layer.small_side, : layer.small_side]
        is_linear = layer.pooling == "linear"
        proven = _proven_pooling(module, logits_of, cheap, found, own.detach(), is_linear)
        if proven != (layer.pooling, layer.head):
            return None
        if found.are_tokens and not follows_pixels(
            lambda images: layer.feature_map(module, lambda: logits_of(images)),
            image.detach(),
            layer.layout,
        ):
            return None
    if not feature_map.requires_grad:
        raise _WithoutGradients
    # Attention within a network of tokens has outputs that have more cells, but are not maps.
    detail = None if found.are_tokens else _last_finer(shapes, feature_map.shape[2:])
    return replace(layer, detail=detail), feature_map, image


def _last_finer(shapes, size):
    """Return the last map with two to four times as many cells, as `detail`, or None.

    Examples
    --------
    >>> from sksoftinfo._masking.feature_layer import _last_finer
    >>> shapes = [("stem", 1, (8, 28, 28)), ("body", 3, (64, 14, 14)), ("tokens", 1, (4, 14, 64))]
    >>> _last_finer(shapes, (7, 7))
    ('body', 3, 'first')
    """
    for name, call, shape in shapes[::-1]:
        for layout, cells in (("first", shape[1:]), ("last", shape[:2])):
            # A map that is merely padded is not a multiple.
            if any(
                all(-(-many // times) == few for many, few in zip(cells, size, strict=True))
                for times in _FINER
            ):
                return name, call, layout
    return None


@dataclass
class _Output:
    """An output map of a submodule: a copy, and the tensor itself, which may change in place."""

    name: str
    call: int
    tensor: torch.Tensor
    output: torch.Tensor
    layouts: tuple
    layout: str | tuple = "first"

    def seen_as(self, layout):
        """Return the output as a map (n, C, h, w), from one of its layouts."""
        return replace(self, output=as_map(self.output, layout), layout=layout)

    @property
    def are_tokens(self):
        return not isinstance(self.layout, str)

    @property
    def n_prefix(self):
        """Number of tokens that do not belong to the grid."""
        return self.tensor.shape[1] - self.output.shape[2:].numel() if self.are_tokens else 0


def _spatial_outputs(module, run, n_images, wanted, with_tokens=True):
    """Return the logits, the last maps (n, C, h, w) of submodules, and the shapes of all maps.

    Parameters
    ----------
    wanted : str or None
        Name of the only submodule whose map is returned; ``None`` returns the last maps.
    with_tokens : bool, default=True
        Whether tokens count as maps: outputs (n, p + h * w, C) after a map of h x w cells.
    """
    calls, recent, shapes, grids = {}, [], [], {}

    def listen(name):
        def hook(_, args, output):
            calls[name] = calls.get(name, 0) + 1
            recent[:] = [one for one in recent if one.name != name]
            if not (isinstance(output, torch.Tensor) and output.ndim in (3, 4)):
                return
            # Maps of quantised networks cannot be averaged.
            if not output.is_floating_point():
                return
            layouts = layouts_of(output.shape[1:], grids if with_tokens else ())
            if not layouts or len(output) != n_images:
                return
            if output.ndim == 4:
                shapes.append((name, calls[name], tuple(output.shape[1:])))
                grids[tuple(output.shape[2:])] = None
            if wanted not in (None, name):
                return
            # A container returns the output of its last layer: keep it once.
            if recent and recent[-1].tensor is output:
                recent.pop()
            recent.append(_Output(name, calls[name], output, output.clone(), layouts))
            del recent[: -_N_TRIED - 1]

        return hook

    # Scripted modules cannot have hooks.
    hooks = [
        submodule.register_forward_hook(listen(name))
        for name, submodule in module.named_modules()
        if name and not isinstance(submodule, torch.jit.ScriptModule)
    ]
    try:
        logits = run()
    finally:
        for hook in hooks:
            hook.remove()
    return logits, recent, shapes


def _proven_pooling(module, logits_of, images, found, own, is_linear=False):
    """Return the pooling that reproduces the network's logits, and the name of a linear head.

    Both are None if no pooling reproduces the logits; the name is None for other heads.

    Parameters
    ----------
    logits_of : callable
        Runs the module on images and returns their logits.
    images : tensor of shape (n, C, H, W)
        Images whose maps are replaced.
    found : _Output
        Map of the layer.
    own : tensor of shape (n, M)
        The network's logits.
    is_linear : bool, default=False
        Whether to try a linear head only, and no pooling of single cells.
    """
    feature_map, order = found.output, []

    def run(n=None):
        return logits_of(images[:n])

    def permuted(feature_map):
        if not order:
            generator = torch.Generator().manual_seed(0)
            n_cells = feature_map.shape[2:].numel()
            order.append(torch.randperm(n_cells, generator=generator, device="cpu"))
        return feature_map.flatten(2)[..., order[0]].reshape(feature_map.shape)

    # Logits that depend on other tokens as well are not a function of the map.
    if found.n_prefix:
        logits = _attempt(module, run, found, lambda _: feature_map)
        if logits is None or logits.shape != own.shape or not _close(logits, own):
            return None, None
    trials = {
        "logits": as_cells,
        "average": lambda feature_map: feature_map.mean((2, 3), keepdim=True),
        "maximum": lambda feature_map: feature_map.amax((2, 3), keepdim=True),
        "own": permuted,
    }
    # The network must take single cells, in a batch of any size, as the map.
    of_cells = None
    if not is_linear:
        of_cells = _attempt(module, lambda: run(1), found, lambda _: as_cells(feature_map))
    takes_cells = of_cells is not None and of_cells.ndim == 2 and len(of_cells) > len(own)
    for pooling, function in trials.items() if takes_cells else ():
        logits = of_cells
        if pooling != "logits":
            logits = _attempt(module, run, found, lambda _, make=function: make(feature_map))
        if logits is None or not len(logits) or logits.ndim != 2 or len(logits) % len(own):
            continue
        logits = logits.reshape(len(own), -1, logits.shape[-1]).mean(1)
        if logits.shape == own.shape and _close(logits, own):
            return pooling, None
    size = own.shape[1], feature_map.shape[1]
    named = [
        name
        for name, submodule in module.named_modules()
        if isinstance(submodule, torch.nn.Linear) and submodule.weight.shape == size
    ]
    # Most maps that are tried as channels last are not, and gradients of a head at such a map have
    # crashed torch in a vision transformer.
    for head in [*named[::-1], None] if found.layout == "first" else named[::-1]:
        layer = FeatureLayer(found.name, "linear", found.call, head=head, layout=found.layout)
        if _has_linear_head(module, run, layer, feature_map, own):
            return "linear", head
    return None, None


def _has_linear_head(module, run, layer, feature_map, own):
    """Return whether the logits are a linear function of the average of the map."""
    averages, cells = feature_map.mean((2, 3)), feature_map.flatten(2)
    index = cells.norm(dim=1).argmax(1)
    strongest = cells[torch.arange(len(cells), device=cells.device), :, index]
    constant = strongest[..., None, None].expand_as(feature_map).contiguous()
    try:
        weight = layer.head_weight(module, lambda: run(1))
        # Also test the strongest cells: a nonlinear head may be nearly linear at the averages.
        with layer.replaced(module, lambda _: constant):
            of_strongest = run()
        found = torch.cat([averages, strongest]) @ weight.T
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return False
    expected = torch.cat([own, of_strongest])
    if found.shape != expected.shape:
        return False
    return _close(found + (expected - found)[:1], expected)


def _close(logits, own):
    return bool((logits - own).abs().max() <= _tolerance(own) * own.abs().max())


def _tolerance(logits):
    return _HALF_TOLERANCE if torch.finfo(logits.dtype).bits < 32 else _TOLERANCE


def _attempt(module, run, layer, function):
    try:
        with replaced_output(module, layer.name, function, layer.call, layer.layout):
            return run()
    # Any exception on a replaced map means that the trial has failed. A lack of
    # memory is raised, since it is not a property of the network.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return None
