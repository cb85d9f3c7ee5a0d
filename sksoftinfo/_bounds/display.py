"""`InformationBoundsDisplay`: the ladder of bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils import axis_or_new
from .from_probabilities import information_bounds
from .result import InformationBounds

# Attribute of InformationBounds, what it is called in the picture.
_RUNGS = (
    ("dv_minus_log_m", "DV - log M"),
    ("log_softmax", "E log-softmax"),
    ("mi_lower", "lower bound of I(X;Y)"),
    ("mi_upper", "upper bound of I(X;Y)"),
)


class InformationBoundsDisplay:
    """The ladder of bounds: the paper's sandwich, the lower bound with its limit, H(Y).

    Parameters
    ----------
    bounds : InformationBounds or dict of str to InformationBounds
        One result, or several by name; all in the same units.

    Attributes
    ----------
    bars_ : list of matplotlib.container.BarContainer
        One for each rung.
    limits_ : matplotlib.lines.Line2D
        Lower confidence limit of each result, on the bar of its lower bound.
    ax_ : matplotlib.axes.Axes
        Where it is drawn.
    figure_ : matplotlib.figure.Figure
        The whole picture.

    See Also
    --------
    InformationLearningCurveDisplay : Bounds against the number of training rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksoftinfo import InformationBoundsDisplay
    >>> display = InformationBoundsDisplay.from_predictions([0, 1] * 50, [0.1, 0.8] * 50)
    >>> display.ax_.get_xlabel()
    'information (nats)'
    >>> plt.close(display.figure_)
    """

    def __init__(self, bounds: InformationBounds | Mapping[str, InformationBounds]) -> None:
        self.bounds = bounds

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> InformationBoundsDisplay:
        """Score a fitted classifier on held-out rows, and plot.

        Parameters
        ----------
        estimator : fitted classifier
            One with `score_bounds`, else with `predict_proba`.
        X : array-like
            Rows that were not used for training.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        name : str, default=None
            The class of the estimator if None.
        ax : matplotlib.axes.Axes, default=None
            A new figure if None.
        **options
            Of `information_bounds`, as ``confidence_level`` and ``units``.

        Returns
        -------
        InformationBoundsDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the estimator has neither method.
        """
        name = type(estimator).__name__ if name is None else name
        options = {"sample_weight": sample_weight, **options}
        if hasattr(estimator, "score_bounds"):
            bounds = estimator.score_bounds(X, y, **options)
            return cls({name: bounds}).plot(ax=ax)
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(f"{name} has neither score_bounds nor predict_proba.")
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            name=name,
            ax=ax,
            labels=estimator.classes_,
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        name: str | None = None,
        ax: Any = None,
        **options: Any,
    ) -> InformationBoundsDisplay:
        """Plot the bounds of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels that were not used for training.
        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Predicted probabilities.
        name : str, default="classifier"
            What the picture calls the result.
        ax : matplotlib.axes.Axes, default=None
            A new figure if None.
        **options
            Of `information_bounds`.

        Returns
        -------
        InformationBoundsDisplay
            Drawn.
        """
        bounds = information_bounds(y_true, y_proba, **options)
        return cls({"classifier" if name is None else name: bounds}).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> InformationBoundsDisplay:
        """Draw one bar for each rung and result, labelled with its value.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            A new figure if None.

        Returns
        -------
        InformationBoundsDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the results are in different units.
        """
        bounds = self.bounds
        named = {"": bounds} if isinstance(bounds, InformationBounds) else dict(bounds)
        results = list(named.values())
        units = sorted({one.units for one in results})
        if len(units) != 1:
            raise ValueError(f"bounds are in {units}: bring them to one unit by to_bits().")
        axis = axis_or_new(ax, 7.0, 1.2 + 1.1 * len(results))
        height = 0.8 / len(_RUNGS)
        rows = np.arange(len(results))
        self.bars_ = []
        for index, (attribute, label) in enumerate(_RUNGS):
            values = [getattr(one, attribute) for one in results]
            places = rows + (index - (len(_RUNGS) - 1) / 2) * height
            bars = axis.barh(places, values, height=height, label=label, color=f"C{index}")
            axis.bar_label(bars, fmt="%.3f", padding=4, fontsize=8)
            self.bars_.append(bars)
            if attribute == "mi_lower":
                # Of recalibrated predictions: it may lie on either side of the bar's end.
                (self.limits_,) = axis.plot(
                    [one.mi_lower_limit for one in results],
                    places,
                    linestyle="none",
                    marker="|",
                    markersize=14,
                    markeredgewidth=2,
                    color="black",
                    label=f"{100 * results[0].confidence_level:g} % limit of I(X;Y)",
                )
        axis.set_yticks(rows, list(named))
        axis.set_ylim(len(results) - 0.4, -0.6)
        axis.set_xlabel(f"information ({units[0]})")
        axis.margins(x=0.14)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, frameon=False
        )
        self.ax_, self.figure_ = axis, axis.figure
        return self
