"""`ImageNet`, the net of the default network for images: it shifts images and adds empty ones."""

from __future__ import annotations

import math

import torch

from .compat import to_tensor
from .device import upload
from .net import InfoSoftmaxNet
from .predictions import module_input, posterior_logits
from .prepare import PrepareImages

# Number of empty images for each image of a batch, and the weight of their loss.
_EMPTY = 1 / 16
# If the learning rate falls, it first rises to this multiple, in this share of the epochs. Chosen
# on 6,000 digits.
_PEAK, _RISES = 4.0, 0.1


class ImageNet(InfoSoftmaxNet):
    """Net of the default network for images, which can learn that empty images carry no evidence.

    A network also classifies images that are unlike all training images, often with confidence: a
    grey image may be strong evidence of a digit. If no parameter of the training is set, empty
    images (see `empty_images`) are therefore added to each batch, with the label frequencies of
    the batch as their target. The loss of empty images has a small weight, so that it matters only
    where there are no training images. This method is outlier exposure [1]_ with outliers that are
    drawn at random.

    Parameters
    ----------
    module, **kwargs
        Parameters of `InfoSoftmaxNet`.
    adds_empty : bool, default=False
        Whether empty images are added to the batches.
    max_shift : int, default=0
        Largest number of pixels by which a training image is shifted at random, down and across.

    References
    ----------
    .. [1] D. Hendrycks, M. Mazeika, T. Dietterich, "Deep anomaly detection with outlier
       exposure", ICLR 2019.
    """

    def __init__(self, module, *, adds_empty=False, max_shift=0, **kwargs):
        super().__init__(module, **kwargs)
        self.adds_empty = adds_empty
        self.max_shift = max_shift

    def start(self, X):
        """Draw the initial weights for the default training on images `X`, and learn their scale.

        Torch's own initial weights shrink the signal from layer to layer, and the high learning
        rate of the default training needs signals of one size.
        """
        for layer in self.module_.modules():
            if isinstance(layer, PrepareImages):
                layer.learn_scale(X)
            elif isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                torch.nn.init.zeros_(layer.bias)

    def infer(self, x, **fit_params):
        if not (self.adds_empty and self.module_.training):
            return super().infer(x, **fit_params)
        images = module_input(self, x)
        n = len(images)
        empty = empty_images(images, math.ceil(_EMPTY * n))
        if self.max_shift:
            images = shifted(images, self.max_shift)
        logits = super().infer(torch.cat([images, empty]), **fit_params)
        self._of_empty = logits[n:]
        return logits[:n]

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = super().get_loss(y_pred, y_true, X=X, training=training)
        # Removed immediately: a net with the graph of its last batch could not be copied.
        of_empty = self.__dict__.pop("_of_empty", None)
        if of_empty is None or not training:
            return loss
        log_proba = posterior_logits(self, of_empty).log_softmax(-1)
        labels = to_tensor(y_true, device=log_proba.device)
        is_of_class = labels[:, None] == torch.arange(self.n_classes, device=labels.device)
        frequencies = is_of_class.to(log_proba).mean(0)
        if isinstance(X, dict):
            weight = upload(torch.as_tensor(X["sample_weight"]), labels.device).to(log_proba)
            # All weights of a batch are 0 if its classes have weight 0.
            frequencies = weight @ is_of_class.to(log_proba) / weight.sum().clamp(min=1e-30)
        return loss - _EMPTY * (log_proba @ frequencies).mean()

    def _share_of_lr(self):
        done = self._share_done() + 0.5 / self._n_planned
        if done < _RISES:
            return _PEAK * done / _RISES
        return _PEAK * (1 + math.cos(math.pi * (done - _RISES) / (1 - _RISES))) / 2


def empty_images(images, n):
    """Return random images without content: constant images, and random fields.

    The levels extend beyond the range of the images by half of this range on either side. Half of
    the images are constant. The other half contain a random field, whose scale lies between single
    pixels and the whole image.

    Parameters
    ----------
    images : torch.Tensor of shape (b, channels, height, width)
        Images whose range and shape the empty images take.
    n : int
        Number of empty images.

    Returns
    -------
    torch.Tensor of shape (n, channels, height, width)

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.image_net import empty_images
    >>> empty_images(torch.ones(5, 3, 8, 8), 2).shape
    torch.Size([2, 3, 8, 8])
    """
    _, channels, height, width = images.shape
    low, high = images.amin((0, 2, 3), keepdim=True), images.amax((0, 2, 3), keepdim=True)
    # Drawn on the CPU, so that every device draws the same.
    level, amplitude, is_field = torch.rand(3, n, channels, 1, 1, device="cpu")
    scale = torch.rand((), device="cpu").item()
    cells = [max(1, round(2 * (length / 2) ** scale)) for length in (height, width)]
    field = torch.rand(n, channels, *cells, device="cpu") - 0.5
    field = torch.nn.functional.interpolate(
        field, (height, width), mode="bilinear", align_corners=True
    )
    amplitude = torch.where(is_field[:, :1] < 0.5, amplitude[:, :1], 0.0)
    shares = 2 * level - 0.5 + 2 * amplitude * field
    return low + (high - low) * upload(shares.to(images.dtype), images.device)


def shifted(images, most):
    """Return images (n, c, h, w), each shifted at random by at most `most` pixels.

    The gap is filled by repeating the edge of the image: zeros would form a frame on a background
    that is not zero.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.image_net import shifted
    >>> shifted(torch.ones(1, 1, 3, 3), 1).shape
    torch.Size([1, 1, 3, 3])
    """
    n, _, height, width = images.shape
    # Drawn on the CPU, so that every device draws the same.
    down, right = upload(torch.randint(2 * most + 1, (2, n, 1), device="cpu"), images.device)
    rows = (down + torch.arange(height, device=images.device))[:, :, None]
    columns = (right + torch.arange(width, device=images.device))[:, None, :]
    padded = torch.nn.functional.pad(images, (most,) * 4, "replicate").movedim(1, -1)
    of_image = torch.arange(n, device=images.device)[:, None, None]
    return padded[of_image, rows, columns].movedim(-1, 1)
