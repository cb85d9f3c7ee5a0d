"""`Evaluation`: checked rows and labels in folds, as every cross-fitted evaluation begins."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from .._bounds import InformationBounds, cross_fitted_bounds
from .._utils import Progress, check_weights, on_host
from .folds import Folds, make_folds
from .held_out import (
    View,
    check_classifier,
    classes_without_training,
    held_out_probas,
    routed_params,
)
from .labels import all_classes, class_labels


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Rows and labels in folds, and the classifier that is cross-fitted on them.

    Parameters
    ----------
    estimator : classifier or "stack"
    X : table of n rows
    y : ndarray of shape (n,)
        Labels, or the numbers of their bins.
    classes : ndarray of shape (M,)
        Sorted labels.
    folds : Folds
    has_groups : bool
        Whether groups were given. Otherwise groups of `folds` are copies or blocks of rows.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows in the evaluation.
    fit_params : dict
        Parameters of `fit`.
    n_jobs : int or None
    verbose : int or Progress
    """

    estimator: Any
    X: Any
    y: np.ndarray
    classes: np.ndarray
    folds: Folds
    has_groups: bool
    sample_weight: np.ndarray | None
    fit_params: dict[str, Any]
    n_jobs: int | None
    verbose: int | Progress

    @property
    def encoded(self) -> np.ndarray:
        """Labels as positions in `classes`, shape (n,)."""
        return np.searchsorted(self.classes, self.y)

    def held_out(self, views=None) -> list[np.ndarray]:
        """Return the probabilities of held-out rows for each view of the table.

        Parameters
        ----------
        views : sequence of View, default=None
            ``None`` is one view of the whole table.

        Returns
        -------
        list of ndarray of shape (n, M)
        """
        return held_out_probas(
            self.estimator,
            self.X,
            [View()] if views is None else views,
            self.y,
            self.folds,
            self.classes,
            sample_weight=self.sample_weight,
            n_jobs=self.n_jobs,
            fit_params=self.fit_params,
            verbose=self.verbose,
        )

    def bounds(self, proba, **options) -> InformationBounds:
        """Return the bounds of the rows that the folds score.

        Parameters
        ----------
        proba : ndarray of shape (n, M)
        **options : dict
            Options of `information_bounds`, except `groups`, which follow from the folds.

        Returns
        -------
        InformationBounds
        """
        scored, weight = self.folds.scored, self.sample_weight
        bounds = cross_fitted_bounds(
            self.y[scored],
            proba[scored],
            folds=self.folds.fold[scored],
            groups=self.folds.observations,
            labels=self.classes,
            sample_weight=None if weight is None else weight[scored],
            **options,
        )
        return dataclasses.replace(bounds, assumption=self.folds.assumption)


def prepare_evaluation(
    estimator,
    X,
    y,
    *,
    groups=None,
    sample_weight=None,
    cv=5,
    random_state=0,
    equal_rows="auto",
    bins=None,
    labels=None,
    n_jobs=None,
    params=None,
    verbose=0,
) -> Evaluation:
    """Check a classifier, rows and labels, and draw the folds; see `cross_val_bounds`.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the estimator has no `predict_proba`, if labels are missing, quantities or all equal,
        if lengths differ, or if the folds cannot be drawn.
    """
    check_classifier(estimator)
    observed = class_labels(y, bins)
    classes = all_classes(observed, labels, bins, classes_without_training(estimator))
    X = on_host(X)
    check_consistent_length(X, observed)
    weight = check_weights(sample_weight, X)
    fit_params, split_params, groups = routed_params(estimator, cv, observed, params, groups)
    folds = make_folds(
        cv,
        X,
        observed,
        groups=groups,
        random_state=random_state,
        equal_rows=equal_rows,
        split_params=split_params,
    )
    return Evaluation(
        estimator=estimator,
        X=X,
        y=observed,
        classes=classes,
        folds=folds,
        has_groups=groups is not None,
        sample_weight=weight,
        fit_params=fit_params,
        n_jobs=n_jobs,
        verbose=verbose,
    )
