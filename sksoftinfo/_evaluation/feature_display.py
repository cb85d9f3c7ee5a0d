"""`FeatureInformationDisplay`: a plot of the information of columns."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils import bars_of_bounds, pyplot
from .feature_information import FeatureInformation, feature_information

# For each panel: stem of the fields of FeatureInformation, field of the value, title.
_PANELS = (
    (
        "alone",
        "alone_lower_floored",
        "{} alone: lower bound (bar);\nafter mixing in label frequencies (point)",
    ),
    ("lost", "lost_estimate", "lost without the {}:\nestimate, not a bound"),
    ("gained", "gained_estimate", "gained on top of given columns:\nestimate, not a bound"),
)
# Longer names of groups take two lines, and still longer ones are cut.
_WIDEST_LINE = 28


class FeatureInformationDisplay:
    """Plot of the information of columns: alone, lost without them, gained on top of given ones.

    The information alone is drawn twice: as a bar, `alone_lower`, and after label frequencies were
    mixed into the predictions, `alone_lower_floored`, which has an interval. An arrow ends a bar
    that is far below 0 and cut off.

    Parameters
    ----------
    information : FeatureInformation
        Result of `feature_information`.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        Bars of `alone_lower`.
    errorbars_ : list of matplotlib.container.ErrorbarContainer
        Values and intervals, one container for each of `axes_`.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (2,) or (3,)
        Axes of the information alone, lost and, with given columns, gained.
    figure_ : matplotlib.figure.Figure
        Figure that contains the axes.

    See Also
    --------
    feature_information : Measure the information of columns.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import FeatureInformationDisplay
    >>> display = FeatureInformationDisplay.from_estimator(
    ...     LinearDiscriminantAnalysis(), *load_iris(return_X_y=True), units="bits"
    ... )
    >>> [label.get_text() for label in display.axes_[0].get_yticklabels()]
    ['2', '3', '0', '1']
    >>> plt.close(display.figure_)
    """

    def __init__(self, information: FeatureInformation) -> None:
        self.information = information

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        max_groups: int = 30,
        axes: Any = None,
        **options: Any,
    ) -> FeatureInformationDisplay:
        """Measure the information of columns, and plot it.

        Parameters
        ----------
        estimator : classifier or "stack"
            Classifier as in `feature_information`.
        X : array-like or data frame of shape (n_samples, n_features)
            Table of features.
        y : array-like of shape (n_samples,)
            Labels.
        max_groups : int, default=30
            Largest number of groups to draw, as in `plot`.
        axes : sequence of matplotlib.axes.Axes, default=None
            Axes to draw in, one for each panel; a new figure if None.
        **options
            Options of `feature_information`, such as ``columns``, ``given`` and ``units``.

        Returns
        -------
        FeatureInformationDisplay
            This display, with its plot drawn.
        """
        information = feature_information(estimator, X, y, **options)
        return cls(information).plot(max_groups=max_groups, axes=axes)

    def plot(self, *, max_groups: int = 30, axes: Any = None) -> FeatureInformationDisplay:
        """Draw one panel for each quantity, with groups ordered by their lower bound alone.

        Parameters
        ----------
        max_groups : int, default=30
            Largest number of groups to draw; those with the highest lower bounds alone are drawn.
        axes : sequence of matplotlib.axes.Axes, default=None
            Axes to draw in, one for each panel; a new figure if None.

        Returns
        -------
        FeatureInformationDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If the number of axes is not the number of panels.
        """
        found = self.information
        panels = [panel for panel in _PANELS if getattr(found, panel[1]) is not None]
        order = np.argsort(-found.alone_lower, kind="stable")[:max_groups]
        places = np.arange(len(order))
        if axes is None:
            _, axes = pyplot().subplots(
                1,
                len(panels),
                figsize=(1.5 + 3.4 * len(panels), 1.2 + 0.3 * len(order)),
                sharey=True,
                layout="constrained",
            )
        axes = np.atleast_1d(axes)
        if len(axes) != len(panels):
            raise ValueError(
                f"`axes` must have one entry for each of {len(panels)} panels; got {len(axes)}. "
                "Create the axes by plt.subplots, or leave `axes` out."
            )
        self.errorbars_ = []
        noun = "column" if all(len(one) == 1 for one in found.columns) else "group"
        level = f"{100 * found.confidence_level:g} %"
        for colour, (axis, (stem, name, title)) in enumerate(zip(axes, panels, strict=True)):
            values = getattr(found, name)[order]
            low, high = getattr(found, f"{stem}_interval")[order].T
            if stem == "alone":
                self.bars_ = bars_of_bounds(
                    axis,
                    places,
                    found.alone_lower[order],
                    low,
                    high.max(),
                    height=0.6,
                    color=f"C{colour}",
                    alpha=0.35,
                )
            self.errorbars_.append(
                axis.errorbar(
                    values,
                    places,
                    xerr=np.maximum(0, [values - low, high - values]),
                    fmt="o",
                    color=f"C{colour}",
                    capsize=3,
                )
            )
            axis.axvline(0, color="0.4", linewidth=0.8)
            axis.set_title(title.format(noun), fontsize=9)
            axis.set_xlabel(f"information ({found.units}), with {level} intervals")
            # Few ticks, so that the labels of neighbouring panels stay apart.
            axis.locator_params(axis="x", nbins=5)
            axis.grid(axis="y", color="0.92")
            axis.set_axisbelow(True)
        labels = [
            "\n".join(textwrap.wrap(found.names[i], _WIDEST_LINE, max_lines=2, placeholder=" ..."))
            for i in order
        ]
        axes[0].set_yticks(places, labels)
        if any("\n" in label for label in labels):
            # Two lines of this size fit into a row.
            for axis in axes:
                axis.tick_params(axis="y", labelsize=8)
        axes[0].set_ylim(len(order) - 0.5, -0.5)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self
