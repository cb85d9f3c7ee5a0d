"""What a fitted net says about windows of images, through its feature map."""

from __future__ import annotations

import torch

from ._cell_geometry import measure_cells
from ._feature_layer import as_cells, channels_last, find_feature_layer, replaced_output
from ._patches import window_average


class WindowLogits:
    """Mixin of nets: logits of windows around every cell of a feature map.

    The net offers ``module_``, ``dtype``, ``posterior_logits`` and ``_evaluate_module``.
    """

    def image_logits(self, images, module=None):
        """Return posterior logits of images in one batch, a tensor (n, M)."""
        images = self._tensor(images)
        logits = (self.module_ if module is None else module)(images)
        return self.posterior_logits(logits[0] if isinstance(logits, tuple) else logits)

    def find_feature_layer(self, images, name=None):
        """Return the layer for dense scoring and its `CellGeometry` down and across, or None."""
        self.module_.eval()
        with torch.inference_mode():
            layer = find_feature_layer(
                self.module_, lambda: self.image_logits(images), len(images), name
            )
        if layer is None:
            return None
        # Gradients are wanted of the images alone.
        images = self._tensor(images)
        return layer, measure_cells(layer, self.module_, self.image_logits, images)

    def window_logits(self, images, layer, windows):
        """Return what the net says of windows around each cell, and of whole images.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        layer : FeatureLayer
        windows : sequence of (float, float)
            Heights and widths, in cells.

        Returns
        -------
        windows : ndarray of shape (S, M, n, h, w)
            Posterior logits in the net's dtype.
        whole : ndarray of shape (n, M)
        """
        self._evaluate_module()
        module = channels_last(self.module_)
        with torch.inference_mode():
            return self._arrays(
                *layer.window_logits(module, lambda: self.image_logits(images, module), windows)
            )

    def window_features(self, images, layer, windows, weights=None):
        """Return averages of the feature map in windows, and posterior logits of whole images.

        As `window_logits`, with C channels in place of M classes. Averages and `weights`
        (S, M, C), a linear map of the channels for each window, commute: the weights come first,
        since there are fewer classes than channels to average.
        """
        self._evaluate_module()
        seen = []
        module = channels_last(self.module_)
        with torch.inference_mode(), replaced_output(module, layer.name, seen.append):
            logits = self.image_logits(images, module)
            channels = seen[0].transpose(0, 1)
            if weights is None:
                maps = [channels] * len(windows)
            else:
                maps = torch.as_tensor(weights).to(channels) @ as_cells(seen[0]).flatten(1).T
                maps = maps.unflatten(2, channels.shape[1:])
            averages = [window_average(*pair) for pair in zip(maps, windows, strict=True)]
            return self._arrays(torch.stack(averages), logits)

    def _arrays(self, *tensors):
        # Where a network computes in less, what follows does not.
        return [one.to("cpu", self.dtype).contiguous().numpy() for one in tensors]

    def _tensor(self, images):
        weight = next(self.module_.parameters(), None)
        device = None if weight is None else weight.device
        return torch.as_tensor(images, device=device, dtype=self.dtype)
