"""Errors of a network that cannot process the images it is given, in terms of the images."""

from __future__ import annotations

from contextlib import contextmanager

from .device import is_out_of_memory


@contextmanager
def naming_images(module, images):
    """Name the shape of images in the error of a module that fails on them.

    A network that cannot process a shape, e.g. since a side is shorter than a kernel or since the
    number of channels is another one, raises an error of whichever layer fails first.

    Parameters
    ----------
    module : torch.nn.Module
        Network. In training, its errors are raised unchanged.
    images : tensor of shape (n, C, H, W)
        Batch for the module; the errors for rows of other dimensions are raised unchanged.

    Raises
    ------
    ValueError
        If the module fails on images for another reason than its device or a lack of memory.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.refused_images import naming_images
    >>> module, images = torch.nn.Conv2d(3, 8, 5).eval(), torch.zeros(1, 3, 2, 90)
    >>> with naming_images(module, images):
    ...     module(images)
    Traceback (most recent call last):
    ...
    ValueError: `X` must hold images that the network can process; got images of shape \
(3, 2, 90), on which module=Conv2d fails: Calculated padded input size per channel: (2 x 90). \
Kernel size: (5 x 5). Kernel size can't be greater than actual input size. Resize the images, and \
convert their channels, as for the training of the network, e.g. by \
InfoMaskTransformer(preprocess=...).
    """
    try:
        yield
    # The classes of errors that layers and functions of torch raise for a wrong shape.
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:
        of_device = is_out_of_memory(error) or "device" in str(error) or "CUDA" in str(error)
        if images.ndim != 4 or module.training or of_device:
            raise
        name = type(getattr(module, "module", module)).__name__
        reason = str(error).rstrip(". \n") or type(error).__name__
        raise ValueError(
            "`X` must hold images that the network can process; got images of shape "
            f"{tuple(images.shape[1:])}, on which module={name} fails: {reason}. Resize the "
            "images, and convert their channels, as for the training of the network, e.g. by "
            "InfoMaskTransformer(preprocess=...)."
        ) from error
