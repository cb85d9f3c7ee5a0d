"""Lazy import of matplotlib."""

from __future__ import annotations


def pyplot():
    """Return matplotlib.pyplot, or raise an ImportError that names the extra to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib, which is not installed. Run pip install 'sksoftinfo[plot]'."
        ) from error
    return plt


def axis_or_new(ax, width, height):
    """Return `ax`, or the axes of a new figure of this size in inches if None."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=(width, height), layout="constrained")
    return ax
