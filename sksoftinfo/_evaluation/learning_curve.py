"""`InformationLearningCurveDisplay`: bounds against the number of training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import learning_curve
from sklearn.utils import check_consistent_length, check_random_state

from .._bounds import Units, entropy, nats_to
from .._utils import axis_or_new, on_host
from ..metrics import mi_lower_scorer
from .folds import EqualRows, make_folds
from .held_out import check_classifier, classes_without_training
from .labels import all_classes, class_labels


class InformationLearningCurveDisplay:
    """Plot of the lower bound on I(X;Y) against the number of training rows.

    On held-out rows the bound grows towards the information that this kind of classifier can find.
    On training rows the same formula overstates the information.

    Parameters
    ----------
    train_sizes : ndarray of shape (n_sizes,)
        Numbers of training rows.
    train_scores : ndarray of shape (n_sizes, n_folds)
        ``H(Y) + E log q(y|x)`` on training rows, in `units`; not a bound there.
    test_scores : ndarray of shape (n_sizes, n_folds)
        ``H(Y) + E log q(y|x)`` on held-out rows, the lower bounds, in `units`.
    label_entropy : float
        H(Y) of all rows, in `units`.
    units : {"nats", "bits"}, default="nats"
        Unit of the scores and of the label entropy.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        Lines of the held-out rows, the training rows and H(Y).
    ax_ : matplotlib.axes.Axes
        Axes that contain the plot.
    figure_ : matplotlib.figure.Figure
        Figure that contains the axes.

    See Also
    --------
    InformationBoundsDisplay : Draw bounds of one number of rows.
    mi_estimate : Extrapolate to more rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import InformationLearningCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = InformationLearningCurveDisplay.from_estimator(
    ...     LinearDiscriminantAnalysis(), X, y, units="bits"
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
        train_sizes: ArrayLike = (0.1, 0.325, 0.55, 0.775, 1.0),
        groups: ArrayLike | None = None,
        cv: Any = 5,
        random_state: int | np.random.RandomState | None = 0,
        equal_rows: EqualRows = "auto",
        bins: int | None = None,
        n_jobs: int | None = None,
        params: dict[str, Any] | None = None,
        units: Units = "nats",
        verbose: int = 0,
        ax: Any = None,
    ) -> InformationLearningCurveDisplay:
        """Train on increasing numbers of rows, and plot the bounds.

        For each fold, the classifier is trained on subsets of the training rows of increasing
        size. Subsets are stratified by class, hold all classes, and contain the smaller ones.

        Parameters
        ----------
        estimator : classifier
            Classifier with `predict_proba`.
        X : array-like of shape (n_samples, n_features), or what `estimator` takes
            Rows of features, for training and for holding out.
        y : array-like of shape (n_samples,)
            Labels.
        train_sizes : array-like of shape (n_sizes,), default=(0.1, 0.325, 0.55, 0.775, 1.0)
            Ints are numbers of training rows; floats within (0, 1] are shares of the training rows
            of a fold.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, as in `cross_val_bounds`.
        cv : int, cross-validation generator or iterable, default=5
            Folds, as in `cross_val_bounds`.
        random_state : int, RandomState instance or None, default=0
            Seed of the shuffled folds, if `cv` is an integer, and of the order of the training
            rows.
        equal_rows : {"auto", "together", "independent"}, default="auto"
            Treatment of rows that are equal in all columns, as in `cross_val_bounds`.
        bins : int, default=None
            Number of classes into which numeric labels are cut, as in `cross_val_bounds`.
        n_jobs : int, default=None
            Number of classifiers to train in parallel. ``None`` is 1 unless in a joblib context;
            -1 uses all processors.
        params : dict, default=None
            Parameters of the estimator's ``fit``.
        units : {"nats", "bits"}, default="nats"
            Unit of the bounds.
        verbose : int, default=0
            Verbosity, as in scikit-learn's ``learning_curve``.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in; a new figure if None.

        Returns
        -------
        InformationLearningCurveDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If the folds cannot be made, if a subset has fewer rows than there are classes, or if
            `estimator` is frozen and does not know a label in y.
        Exception
            If a fit fails: its exception is passed on, and nothing is drawn.
        """
        factor = nats_to(units)
        if not isinstance(estimator, str):
            check_classifier(estimator)
        labels = class_labels(y, bins)
        X = on_host(X)
        check_consistent_length(X, labels)
        all_classes(labels, known=classes_without_training(estimator))
        folds = make_folds(
            cv, X, labels, groups=groups, random_state=random_state, equal_rows=equal_rows
        )
        classes, encoded, counts = np.unique(labels, return_inverse=True, return_counts=True)
        _check_sizes(train_sizes, len(classes), len(folds.splits[0][0]))
        random = check_random_state(random_state)
        sizes, train, test = learning_curve(
            estimator,
            X,
            labels,
            train_sizes=train_sizes,
            cv=[(_by_class(rows, encoded, random), held_out) for rows, held_out in folds.splits],
            scoring=mi_lower_scorer,
            n_jobs=n_jobs,
            params=params,
            verbose=verbose,
            error_score="raise",
        )
        return cls(
            train_sizes=sizes,
            train_scores=factor * train,
            test_scores=factor * test,
            label_entropy=factor * entropy(counts / counts.sum()),
            units=units,
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> InformationLearningCurveDisplay:
        """Draw the mean of the bounds over the folds for each number of training rows.

        Bands of one standard deviation over the folds are drawn around the means; they are not
        confidence intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in; a new figure if None.

        Returns
        -------
        InformationLearningCurveDisplay
            This display, with its plot drawn.
        """
        axis = axis_or_new(ax, 6.4, 4.0)
        self.lines_ = []
        for label, scores in (
            ("held-out rows: lower bound on I(X;Y)", self.test_scores),
            ("training rows: overstated", self.train_scores),
        ):
            mean, spread = scores.mean(axis=1), scores.std(axis=1)
            (line,) = axis.plot(self.train_sizes, mean, marker="o", label=label)
            axis.fill_between(self.train_sizes, mean - spread, mean + spread, alpha=0.2)
            self.lines_.append(line)
        entropy_line = axis.axhline(
            self.label_entropy, color="black", linestyle="--", label="entropy H(Y)"
        )
        self.lines_.append(entropy_line)
        axis.set_xlabel("training rows")
        axis.set_ylabel(f"information ({self.units})")
        axis.legend(frameon=False)
        self.ax_, self.figure_ = axis, axis.figure
        return self


def _by_class(rows, encoded, random):
    """Return the rows in an order of which each beginning is stratified by class."""
    rows = random.permutation(rows)
    y = encoded[rows]
    place = np.empty(len(rows))
    for label in np.unique(y):
        # One row of every class comes first, so that no subset lacks a class.
        own = np.flatnonzero(y == label)
        place[own] = np.arange(len(own)) / len(own)
    return rows[np.argsort(place, kind="stable")]


def _check_sizes(train_sizes, n_classes, n_rows):
    sizes = np.asarray(train_sizes)
    if sizes.ndim != 1 or not len(sizes):
        raise ValueError(
            f"`train_sizes` must be a list of at least one size; got {train_sizes!r}. Pass e.g. "
            "(0.1, 0.5, 1.0)."
        )
    smallest = sizes.min() if sizes.dtype.kind in "iu" else int(sizes.min() * n_rows)
    if smallest < n_classes:
        raise ValueError(
            f"`train_sizes` must leave at least one row of each of {n_classes} classes; got "
            f"{smallest} of {n_rows} training rows. Begin with a larger size."
        )
