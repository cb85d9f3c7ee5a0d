"""Pictures. matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import learning_curve

from ._bounds import InformationBounds
from ._checks import Units, nats_to
from ._information_bounds import information_bounds
from .metrics import mi_lower_scorer


def pyplot():
    """Return matplotlib.pyplot, or raise ImportError that names the extra."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sksoftinfo[plot]'.") from error
    return plt


def _axis(ax, width, height):
    if ax is None:
        _, ax = pyplot().subplots(figsize=(width, height), layout="constrained")
    return ax


def _axes(n_rows, n_columns, width, height):
    return pyplot().subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns, height * n_rows),
        squeeze=False,
        layout="constrained",
    )


def plot_info_masks(images, information, masked):
    """Draw images, the information of their pixels, and what is kept (the paper's Figure 2).

    Parameters
    ----------
    images, masked : ndarray of shape (n, H, W)
        Before and after masking.
    information : ndarray of shape (n, H, W)
        In nats.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _axes(len(images), 3, 3.2, 1.7)
    limit = max(np.abs(information).max(), 1e-12)
    for row, (image, nats, kept) in enumerate(zip(images, information, masked, strict=True)):
        axes[row, 0].imshow(image, cmap="gray", vmin=0, vmax=1)
        colours = axes[row, 1].imshow(nats, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes[row, 2].imshow(kept, cmap="gray", vmin=0, vmax=1)
        for axis in axes[row]:
            axis.set_xticks([])
            axis.set_yticks([])
    for axis, title in zip(
        axes[0], ("image", "information about the target", "kept"), strict=True
    ):
        axis.set_title(title, fontsize=10)
    figure.colorbar(colours, ax=axes, label="information in nats", shrink=0.6)
    return figure


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
    limits_ : matplotlib.container.ErrorbarContainer
        From each lower bound down to its confidence limit.
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
        axis = _axis(ax, 7.0, 1.2 + 1.1 * len(results))
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
                drop = [one.mi_lower - one.mi_lower_confidence for one in results]
                self.limits_ = axis.errorbar(
                    values,
                    places,
                    xerr=[drop, np.zeros(len(drop))],
                    fmt="none",
                    ecolor="black",
                    capsize=3,
                    label=f"its {100 * results[0].confidence_level:g} % limit",
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


class InformationLearningCurveDisplay:
    """Lower bound of I(X;Y) against the number of training rows.

    On held-out rows it grows towards the information that the kind of classifier can find; on the
    training rows the same formula overstates.

    Parameters
    ----------
    train_sizes : ndarray of shape (n_sizes,)
        Numbers of training rows.
    train_scores, test_scores : ndarray of shape (n_sizes, n_folds)
        Lower bounds on training and held-out rows.
    label_entropy : float
        H(Y) of all rows.
    units : {"nats", "bits"}, default="nats"

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        Held-out, training, H(Y).
    ax_ : matplotlib.axes.Axes
        Where it is drawn.
    figure_ : matplotlib.figure.Figure
        The whole picture.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import InformationLearningCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = InformationLearningCurveDisplay.from_estimator(
    ...     LinearDiscriminantAnalysis(), X, y, shuffle=True, random_state=0, units="bits"
    ... )
    >>> display.train_sizes.tolist()
    [12, 39, 66, 93, 120]
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, train_sizes, train_scores, test_scores, label_entropy, units="nats"):
        self.train_sizes = train_sizes
        self.train_scores = train_scores
        self.test_scores = test_scores
        self.label_entropy = label_entropy
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        units: Units = "nats",
        ax: Any = None,
        **options: Any,
    ) -> InformationLearningCurveDisplay:
        """Train on more and more rows, and plot.

        Parameters
        ----------
        estimator : classifier
            With `predict_proba`.
        X : array-like
            All rows; some are held out.
        y : array-like of shape (n_samples,)
            Their labels.
        units : {"nats", "bits"}, default="nats"
        ax : matplotlib.axes.Axes, default=None
            A new figure if None.
        **options
            Of scikit-learn's ``learning_curve``, as ``train_sizes``, ``cv`` and ``n_jobs``.

        Returns
        -------
        InformationLearningCurveDisplay
            Drawn.
        """
        factor = nats_to(units)
        sizes, train, test = learning_curve(estimator, X, y, scoring=mi_lower_scorer, **options)
        _, counts = np.unique(y, return_counts=True)
        share = counts / counts.sum()
        return cls(
            train_sizes=sizes,
            train_scores=factor * train,
            test_scores=factor * test,
            label_entropy=-factor * float(share @ np.log(share)),
            units=units,
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> InformationLearningCurveDisplay:
        """Draw means over folds, with one standard deviation around them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            A new figure if None.

        Returns
        -------
        InformationLearningCurveDisplay
            Drawn.
        """
        axis = _axis(ax, 6.4, 4.0)
        self.lines_ = []
        for label, scores in (
            ("held-out rows: lower bound of I(X;Y)", self.test_scores),
            ("training rows: overstated", self.train_scores),
        ):
            mean, spread = scores.mean(axis=1), scores.std(axis=1)
            (line,) = axis.plot(self.train_sizes, mean, marker="o", label=label)
            axis.fill_between(self.train_sizes, mean - spread, mean + spread, alpha=0.2)
            self.lines_.append(line)
        entropy_line = axis.axhline(
            self.label_entropy, color="black", linestyle="--", label="H(Y)"
        )
        self.lines_.append(entropy_line)
        axis.set_xlabel("training rows")
        axis.set_ylabel(f"information ({self.units})")
        axis.legend(frameon=False)
        self.ax_, self.figure_ = axis, axis.figure
        return self
