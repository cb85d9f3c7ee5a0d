"""Display of information bounds between 0 and H(Y), and of the paper's sandwich."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._utils import bars_of_bounds, check_known_labels, checked_proba, pyplot
from .from_probabilities import information_bounds
from .result import InformationBounds

_BLUE, _ORANGE = "#0072b2", "#d55e00"
# Longer names of results are wrapped.
_WIDEST_NAME = 28
# Smallest width of the axis of the sandwich, whose terms are all near 0 for a perfect classifier.
_NARROWEST_SANDWICH = 0.01


class InformationBoundsDisplay:
    """Plot of bounds on the scale from 0 to H(Y), with the paper's sandwich in a second panel.

    Information about the label lies between 0 and H(Y). The terms of the paper's sandwich,
    DV - log M <= E log-softmax <= I(Z;Y|X) = 0, are at most 0 and do not measure the information
    about the label.

    Parameters
    ----------
    bounds : InformationBounds or dict of str to InformationBounds
        One result, or several results by name, all in the same units.

    Attributes
    ----------
    entropies_ : matplotlib.container.BarContainer
        Bars of the label entropies H(Y), where the scale of each result ends.
    bars_ : matplotlib.container.BarContainer
        Bars of the lower bounds on I(X;Y). An arrow ends a bar that is far below 0 and cut off.
    intervals_ : matplotlib.container.ErrorbarContainer
        `mi_lower_floored`, the lower bounds after mixing in label frequencies, and `interval`.
    limits_ : matplotlib.lines.Line2D
        Lower confidence limit on I(X;Y) of each result.
    sandwiches_ : list of matplotlib.lines.Line2D
        Lines from DV - log M to E log-softmax, one for each result; empty without that panel.
    ax_ : matplotlib.axes.Axes
        Axes of the information about the label.
    sandwich_ax_ : matplotlib.axes.Axes or None
        Axes of the paper's sandwich.
    figure_ : matplotlib.figure.Figure
        Figure that contains the axes.

    See Also
    --------
    InformationLearningCurveDisplay : Bounds against the number of training rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksoftinfo import InformationBoundsDisplay
    >>> display = InformationBoundsDisplay.from_predictions([0, 1] * 50, [0.1, 0.8] * 50)
    >>> display.ax_.get_xlabel()
    'information about the label (nats)'
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
            Classifier with `score_bounds` or `predict_proba`.
        X : array-like
            Rows that were not used for training.
        y : array-like of shape (n_samples,)
            Labels of the rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        name : str, default=None
            Name of the row in the figure; the class of the estimator if None.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw the information in; a new figure with both panels if None.
        **options
            Passed to `score_bounds` of the estimator if it has this method, and to
            `information_bounds` otherwise, e.g. ``confidence_level`` and ``units``.

        Returns
        -------
        InformationBoundsDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If the estimator has neither `score_bounds` nor `predict_proba`.
        """
        name = type(estimator).__name__ if name is None else name
        options = {"sample_weight": sample_weight, **options}
        if hasattr(estimator, "score_bounds"):
            bounds = estimator.score_bounds(X, y, **options)
            return cls({name: bounds}).plot(ax=ax)
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"`estimator` must have score_bounds or predict_proba; got {name}. Choose a "
                "classifier that predicts probabilities."
            )
        classes = estimator.classes_
        check_known_labels(y, classes)
        proba = checked_proba(estimator.predict_proba(X), estimator, len(classes))
        return cls.from_predictions(y, proba, name=name, ax=ax, labels=classes, **options)

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
        name : str, default=None
            Name of the row in the figure; "classifier" if None.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw the information in; a new figure with both panels if None.
        **options
            Passed to `information_bounds`.

        Returns
        -------
        InformationBoundsDisplay
            This display, with its plot drawn.
        """
        bounds = information_bounds(y_true, y_proba, **options)
        return cls({"classifier" if name is None else name: bounds}).plot(ax=ax)

    def plot(self, *, ax: Any = None, sandwich_ax: Any = None) -> InformationBoundsDisplay:
        """Draw one row for each result.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw the information in; a new figure with both panels if None.
        sandwich_ax : matplotlib.axes.Axes, default=None
            Axes to draw the paper's sandwich in. If None, and `ax` is given, the sandwich is not
            drawn.

        Returns
        -------
        InformationBoundsDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If there are no results, if they have different units, or if `sandwich_ax` is given
            without `ax`.
        """
        bounds = self.bounds
        named = {"": bounds} if isinstance(bounds, InformationBounds) else dict(bounds)
        results = list(named.values())
        if not results:
            raise ValueError(
                "`bounds` must hold at least one result; got none. Pass results by name, e.g. "
                "{'name': bounds}."
            )
        units = sorted({one.units for one in results})
        if len(units) > 1:
            raise ValueError(
                f"`bounds` must have the same units; got {units}. Convert them by to_bits()."
            )
        names = [textwrap.fill(str(name), _WIDEST_NAME) for name in named]
        if ax is None:
            if sandwich_ax is not None:
                raise ValueError(
                    "`ax` must be given if `sandwich_ax` is given; got ax=None. Pass both, `ax` "
                    "alone, or neither."
                )
            longest = max(len(line) for name in names for line in name.split("\n"))
            height = max(0.65, *(0.2 * (1 + name.count("\n")) for name in names))
            _, (ax, sandwich_ax) = pyplot().subplots(
                1,
                2,
                figsize=(9.5 + 0.08 * longest, 1.5 + height * len(results)),
                width_ratios=(1.5, 1),
                layout="constrained",
            )
        self._draw_information(ax, results)
        ax.set_xlabel(f"information about the label ({units[0]})")
        ax.set_yticks(range(len(results)), names)
        self.sandwiches_: list[Any] = []
        if sandwich_ax is not None:
            self._draw_sandwich(sandwich_ax, results)
            sandwich_ax.set_xlabel(f"terms of the sandwich of arXiv 1910.02629 ({units[0]})")
            sandwich_ax.set_yticks(range(len(results)), [""] * len(results))
        self.ax_, self.sandwich_ax_, self.figure_ = ax, sandwich_ax, ax.figure
        return self

    def _draw_information(self, axis: Any, results: list[InformationBounds]) -> None:
        rows = np.arange(len(results))
        level = f"{100 * results[0].confidence_level:g} %"
        entropies = [one.mi_upper for one in results]
        self.entropies_ = axis.barh(
            rows, entropies, height=0.62, color="0.88", label="entropy H(Y)"
        )
        centres = np.array([one.mi_lower_floored for one in results])
        ends = np.array([one.interval for one in results]).T
        self.bars_ = bars_of_bounds(
            axis,
            rows,
            [one.mi_lower for one in results],
            ends,
            max(entropies),
            height=0.62,
            color=_BLUE,
            alpha=0.45,
            label="lower bound on I(X;Y)",
        )
        self.intervals_ = axis.errorbar(
            centres,
            rows + 0.16,
            xerr=np.maximum(np.abs(ends - centres), 0.0),
            fmt="o",
            markersize=4,
            color=_BLUE,
            capsize=4,
            label=f"after mixing in label frequencies, with {level} interval",
        )
        # The limit is computed from recalibrated predictions, so it may exceed the bar.
        (self.limits_,) = axis.plot(
            [one.mi_lower_limit for one in results],
            rows - 0.16,
            linestyle="none",
            marker=">",
            markersize=8,
            color="black",
            label=f"{level} lower limit on I(X;Y)",
        )
        for row, one in enumerate(results):
            axis.annotate(
                f"{_shown(one.mi_lower)} of {_shown(one.mi_upper)}",
                (max(one.mi_upper, one.interval[1]), row),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axis.axvline(0, color="black", linewidth=0.8)
        _finish(axis, len(results))
        axis.set_xlim(
            min(0.0, *ends[0], *(bar.get_width() for bar in self.bars_)) * 1.05,
            1.28 * max(*ends[1], *entropies),
        )
        axis.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=8, frameon=False
        )

    def _draw_sandwich(self, axis: Any, results: list[InformationBounds]) -> None:
        from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

        # The base of a marker is at its value, so that the markers of equal terms stand side by
        # side.
        ends = (
            (CARETLEFTBASE, _ORANGE, "DV \N{MINUS SIGN} log M"),
            (CARETRIGHTBASE, _BLUE, "E log-softmax"),
        )
        for row, one in enumerate(results):
            terms = [one.dv_minus_log_m, one.log_softmax]
            (line,) = axis.plot(terms, [row, row], color="0.6", linewidth=3, solid_capstyle="butt")
            self.sandwiches_.append(line)
            for term, (marker, colour, _) in zip(terms, ends, strict=True):
                axis.plot(term, row, marker=marker, markersize=9, color=colour, clip_on=False)
            text = f"{_shown(terms[0])} \N{LESS-THAN OR EQUAL TO} {_shown(terms[1])} "
            text += "\N{LESS-THAN OR EQUAL TO} 0"
            axis.text(0.02, row - 0.3, text, transform=axis.get_yaxis_transform(), fontsize=9)
        for marker, colour, label in ends:
            axis.plot([], [], linestyle="none", marker=marker, color=colour, label=label)
        axis.axvline(0, color="black", linewidth=1.5, label="I(Z;Y|X) = 0")
        _finish(axis, len(results))
        lowest = min(-_NARROWEST_SANDWICH, *(one.dv_minus_log_m for one in results))
        axis.set_xlim(1.08 * lowest, -0.04 * lowest)
        axis.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=8, frameon=False
        )


def _finish(axis: Any, n_rows: int) -> None:
    """Put the first result at the top, and keep the frame out of the way."""
    axis.set_ylim(n_rows - 0.45, -0.55)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _shown(value: float) -> str:
    """Return a number with three decimals and a sign like those of the axes, zero without one."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}")
