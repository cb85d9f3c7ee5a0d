"""Bars of lower bounds, which may be far below 0."""

from __future__ import annotations

import numpy as np

# Bars below 0 are drawn as far as the interval, or at least to this share of the scale.
_SHARE_BELOW = 0.5


def bars_of_bounds(axis, places, bounds, interval_ends, scale, **style):
    """Draw horizontal bars from 0 to each lower bound; an arrow ends a bar that is cut off.

    A bound may be so far below 0 that all else would shrink to a line on its scale.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    places : array-like of shape (n,)
        Position of each bar.
    bounds : array-like of shape (n,)
        Lower bounds.
    interval_ends : array-like
        Ends of the intervals in the same axes, which are drawn in full.
    scale : float
        Largest value of the axes, above 0 unless nothing is.
    **style
        Style of the bars.

    Returns
    -------
    matplotlib.container.BarContainer
    """
    from matplotlib.markers import CARETLEFT

    bounds, places = np.asarray(bounds), np.asarray(places)
    lowest = min(-_SHARE_BELOW * max(scale, 0), np.min(interval_ends))
    bars = axis.barh(places, np.maximum(bounds, lowest), **style)
    for place in places[bounds < lowest]:
        axis.plot(lowest, place, marker=CARETLEFT, markersize=8, color="black", clip_on=False)
    return bars
