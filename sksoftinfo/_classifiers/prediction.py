"""What the two classifiers share once fitted: predictions and information bounds."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._bounds import (
    BoundsAccumulator,
    ConfidenceMethod,
    InformationBounds,
    Units,
    bounds_from,
    check_confidence,
    check_reference_covers,
    check_units,
    nats_to,
    pointwise_information,
    resolve_reference_prior,
)
from .._utils import check_weights, encode_labels, is_of, users_stacklevel


class PredictionMixin:
    """Mixin: everything that a fitted ``net_`` can be asked.

    The estimator offers ``_validate(X, y, reset=False)``, ``_module_array(X)`` and
    ``_accumulate(accumulator, X, y, sample_weight)``, which adds all rows and returns an upper
    estimate of I(Z;Y) with its standard error, or None.
    """

    net_: Any
    classes_: np.ndarray
    train_prior_: np.ndarray
    _validate: Callable
    _module_array: Callable
    _accumulate: Callable

    @property
    def module_(self):
        """Trained torch module."""
        check_is_fitted(self, "net_")
        return self.net_.module_

    @property
    def history_(self):
        """Loss and times of each epoch, as skorch records them."""
        check_is_fitted(self, "net_")
        return self.net_.history

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Log class probabilities.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``log softmax(z + log(class prior))``, in nats, columns in the order of ``classes_``.
        """
        # scikit-learn's check takes as long as a small network for a row.
        if not hasattr(self, "net_"):
            check_is_fitted(self, "net_")
        return self.net_.predict_log_proba(self._module_array(self._validate(X, reset=False)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``p(y|x) = softmax(z + log(class prior))``.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Columns in the order of ``classes_``.
        """
        log_proba = self.predict_log_proba(X)
        return np.exp(log_proba, out=log_proba)

    def _scores(self, X):
        log_proba = self.predict_log_proba(X)
        if self.decision == "posterior":
            return log_proba
        # A class that never occurred has no frequency to be informative against.
        occurred = self.train_prior_ > 0
        information = pointwise_information(log_proba, np.where(occurred, self.train_prior_, 1.0))
        return np.where(occurred, information, -np.inf)

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-posterior or information of each class, of which the largest is predicted.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Log-posterior, or pointwise information if ``decision="information"``, in nats; for
            two classes the second's less the first's.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Predicted labels: of the largest posterior, or by `decision` of the largest information.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, as in ``classes_``.
        """
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def pointwise_information(
        self, X: Any, *, reference_prior: str | ArrayLike = "train", units: Units = "nats"
    ) -> np.ndarray:
        """Pointwise mutual information between each input and each class.

        ``log p(m|x) - log r_m``, what Proposition 1 of the paper says of the logit, which holds
        only after normalising.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        reference_prior : {"train", "uniform"} or array-like of shape (n_classes,), \
default="train"
            Prior r: label frequencies of `fit`, uniform, or given.
        units : {"nats", "bits"}, default="nats"

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In `units`, columns in the order of ``classes_``.
        """
        factor = nats_to(units)
        check_is_fitted(self, "net_")
        if isinstance(reference_prior, str) and reference_prior == "empirical":
            raise ValueError(
                "reference_prior='empirical' needs labels, and there are none here: use 'train', "
                "'uniform' or an array."
            )
        prior = resolve_reference_prior(reference_prior, self.classes_, self.train_prior_)
        return factor * pointwise_information(self.predict_log_proba(X), prior)

    def score_bounds(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        confidence_level: float = 0.95,
        reference_prior: str | ArrayLike = "train",
        confidence_method: ConfidenceMethod = "betting",
        units: Units = "nats",
    ) -> InformationBounds:
        """Information bounds on held-out rows.

        Parameters
        ----------
        X : array-like
            As in `fit`, but other rows: on those that trained the network the same formulas
            overstate the information.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative importance weights of independent rows.
        confidence_level : float, default=0.95
            Probability, in (0, 1), with which each lower confidence limit holds.
        reference_prior : {"train", "empirical", "uniform"} or array-like of shape \
(n_classes,), default="train"
            Prior r of the pointwise contributions. It changes how they are spread over the
            rows, not their mean. An array is taken for the known prior of the population.
        confidence_method : {"betting", "normal"}, default="betting"
            As in `information_bounds`.
        units : {"nats", "bits"}, default="nats"

        Returns
        -------
        InformationBounds
            In `units`.

        Raises
        ------
        ValueError
            If a label was not seen in `fit`, or has probability 0 under the reference prior.

        Warns
        -----
        UserWarning
            If these are the very rows and labels of `fit`, or if a label that occurred was given
            probability zero.
        """
        return self._evaluate(
            X,
            y,
            sample_weight=sample_weight,
            confidence_level=confidence_level,
            reference_prior=reference_prior,
            confidence_method=confidence_method,
            units=units,
        )

    def _evaluate(
        self,
        X,
        y,
        *,
        sample_weight,
        confidence_level,
        reference_prior,
        confidence_method,
        units,
        **draws,
    ):
        """Return the bounds; `draws` goes to ``_accumulate``."""
        check_units(units)
        check_confidence(confidence_level, confidence_method)
        if not hasattr(self, "net_"):
            check_is_fitted(self, "net_")
        X, y = self._validate(X, y, reset=False)
        y = encode_labels(y, self.classes_)
        if hasattr(self, "_fitted_on") and is_of(self._fitted_on, X, y):
            warnings.warn(
                "X and y are those that the network was trained on: its bounds overstate the "
                "information. Score other rows, or use cross_val_bounds.",
                stacklevel=users_stacklevel(),
            )
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, X)
        prior = resolve_reference_prior(reference_prior, self.classes_, self.train_prior_)
        check_reference_covers(prior, y, self.classes_)
        accumulator = BoundsAccumulator(len(self.classes_))
        output_upper = self._accumulate(
            accumulator, self._module_array(X), y, sample_weight, **draws
        )
        return bounds_from(
            accumulator,
            classes=self.classes_,
            output_upper=output_upper,
            reference_prior=prior,
            known_prior=not isinstance(reference_prior, str),
            confidence_level=confidence_level,
            confidence_method=confidence_method,
            units=units,
        )
