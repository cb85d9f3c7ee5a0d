"""matplotlib, imported when something is drawn."""

from __future__ import annotations


def pyplot():
    """Return matplotlib.pyplot, or raise ImportError that names the extra."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sksoftinfo[plot]'.") from error
    return plt


def axis_or_new(ax, width, height):
    """Return `ax`, or that of a new figure of this size in inches."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=(width, height), layout="constrained")
    return ax
