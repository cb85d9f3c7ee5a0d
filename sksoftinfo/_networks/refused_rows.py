"""Errors of a network that cannot process the rows it is given, in terms of the rows."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import torch

from .device import is_out_of_memory
from .stochastic_module import StochasticModule, unwrapped


@contextmanager
def naming_rows(module, rows):
    """Name the cause in the error of a module that takes another dtype, or fails on images.

    A network that cannot process a shape, e.g. since a side is shorter than a kernel or since the
    number of channels is another one, raises an error of whichever layer fails first.

    Parameters
    ----------
    module : torch.nn.Module
        Network. In training, its errors are raised unchanged.
    rows : tensor of shape (n, ...)
        Batch for the module.

    Raises
    ------
    ValueError
        If the module takes integers or single precision only, or if it fails on images, of shape
        (n, C, H, W), for another reason than its device or a lack of memory. Other errors are
        raised unchanged.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo._networks.refused_rows import naming_rows
    >>> module, images = torch.nn.Conv2d(3, 8, 5).eval(), torch.zeros(1, 3, 2, 90)
    >>> with naming_rows(module, images):
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
        if module.training or of_device:
            raise
        refuse_other_dtypes(module, rows, error)
        if rows.ndim != 4:
            raise
        raise ValueError(
            "`X` must hold images that the network can process; got images of shape "
            f"{tuple(rows.shape[1:])}, on which module={name_of(module)} fails: {reason(error)}. "
            "Resize the images, and convert their channels, as for the training of the network, "
            "e.g. by InfoMaskTransformer(preprocess=...)."
        ) from error


def refuse_other_dtypes(module, rows, error):
    """Raise ValueError if a module that failed takes integers only, or single precision only.

    Parameters
    ----------
    module : torch.nn.Module
        Network in evaluation mode.
    rows : tensor of shape (n, ...)
        Floating-point numbers on which the module failed.
    error : Exception
        The error that the module raised.
    """
    # Index 0 is in the range of every embedding.
    zeros = torch.zeros_like(rows)
    if not _fails(module, zeros):
        return
    single = _in_single_precision(module)
    if not _fails(single, zeros.float()):
        raise ValueError(
            "`dtype` must be 'float32' for a module that computes in single precision only; got "
            f"float64, which is 'auto' for tables of float64, and module={name_of(module)} fails: "
            f"{reason(error)}. Set dtype='float32'."
        ) from error
    if not _fails(single, zeros.long()):
        raise ValueError(
            "`module` must take rows of floating-point numbers, to which X is converted; got "
            f"module={name_of(module)}, which takes integers only: {reason(error)}. Wrap it in a "
            "module whose `forward` begins with x = x.long()."
        ) from error


def _in_single_precision(module):
    if all(weight.dtype != torch.float64 for weight in module.parameters()):
        return module
    try:
        return copy.deepcopy(module).float()
    # A copy calls whatever the attributes of the module implement.
    except Exception:
        return module


def _fails(module, rows):
    inner = unwrapped(module)
    run = inner.trunk if isinstance(inner, StochasticModule) else module
    try:
        with torch.no_grad():
            run(rows)
    # Modules fail by whichever exception their first layer raises.
    except Exception:
        return True
    return False


def name_of(module):
    """Return the class of a module, or of the module within a wrapper of noise or of a run."""
    module = getattr(module, "module", module)
    # A scripted module has the name of the module that it was made from.
    return getattr(module, "original_name", type(module).__name__)


def reason(error):
    """Return the text of an error without its last full stop, or else the name of its class."""
    return str(error).rstrip(". \n") or type(error).__name__
