"""`InformationLearningCurveDisplay`: bounds against the number of training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import learning_curve

from .._bounds import Units, entropy, nats_to
from .._utils import axis_or_new
from ..metrics import mi_lower_scorer


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
        return cls(
            train_sizes=sizes,
            train_scores=factor * train,
            test_scores=factor * test,
            label_entropy=factor * entropy(counts / counts.sum()),
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
        axis = axis_or_new(ax, 6.4, 4.0)
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
