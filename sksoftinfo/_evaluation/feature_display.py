"""`FeatureInformationDisplay`: what columns tell, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils import pyplot
from .feature_information import FeatureInformation, feature_information

# Stem of the fields of FeatureInformation, the field, title of the panel.
_PANELS = (
    ("alone", "alone_lower_floored", "alone: lower bound of I(columns;Y)"),
    ("lost", "lost_estimate", "lost without: estimate, not a bound"),
    ("gained", "gained_estimate", "gained on top of given: estimate, not a bound"),
)


class FeatureInformationDisplay:
    """What columns tell about the label: alone, lost without them, gained on top of given ones.

    Parameters
    ----------
    information : FeatureInformation
        What `feature_information` returned.

    Attributes
    ----------
    errorbars_ : list of matplotlib.container.ErrorbarContainer
        Values with their intervals, one container for each panel.
    axes_ : ndarray of matplotlib.axes.Axes
        Alone, lost and, with given columns, gained.
    figure_ : matplotlib.figure.Figure
        The whole picture.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import FeatureInformationDisplay
    >>> display = FeatureInformationDisplay.from_estimator(
    ...     LinearDiscriminantAnalysis(), *load_iris(return_X_y=True), units="bits"
    ... )
    >>> [axis.get_xlabel() for axis in display.axes_]
    ['bits', 'bits']
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
        """Compute what columns tell, and plot.

        Parameters
        ----------
        estimator : classifier or "stack"
            As in `feature_information`.
        X : array-like or frame of shape (n_samples, n_features)
            Table.
        y : array-like of shape (n_samples,)
            Labels.
        max_groups : int, default=30
            As in `plot`.
        axes : sequence of matplotlib.axes.Axes, default=None
            As in `plot`.
        **options
            Of `feature_information`, such as ``columns``, ``given`` and ``units``.

        Returns
        -------
        FeatureInformationDisplay
            Drawn.
        """
        information = feature_information(estimator, X, y, **options)
        return cls(information).plot(max_groups=max_groups, axes=axes)

    def plot(self, *, max_groups: int = 30, axes: Any = None) -> FeatureInformationDisplay:
        """Draw one panel for each question, the groups ordered by what they tell alone.

        Parameters
        ----------
        max_groups : int, default=30
            Groups that tell most alone are drawn, at most so many.
        axes : sequence of matplotlib.axes.Axes, default=None
            One for each panel; a new figure if None.

        Returns
        -------
        FeatureInformationDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there are not as many axes as panels.
        """
        found = self.information
        panels = [panel for panel in _PANELS if getattr(found, panel[1]) is not None]
        order = np.argsort(-found.alone_lower_floored, kind="stable")[:max_groups]
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
            raise ValueError(f"axes must be {len(panels)}, one for each panel; got {len(axes)}.")
        self.errorbars_ = []
        for colour, (axis, (stem, name, title)) in enumerate(zip(axes, panels, strict=True)):
            values = getattr(found, name)[order]
            low, high = getattr(found, f"{stem}_interval")[order].T
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
            axis.set_title(title, fontsize=9)
            axis.set_xlabel(found.units)
            axis.grid(axis="y", color="0.92")
            axis.set_axisbelow(True)
        axes[0].set_yticks(places, [found.names[i] for i in order])
        axes[0].set_ylim(len(order) - 0.5, -0.5)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self
