"""`InfoStackClassifier`: several kinds of classifiers, mixed by held-out log-likelihood."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils import (
    check_classes,
    check_column_order,
    check_labels,
    check_two_classes,
    on_host,
    refuse_mappings,
)
from .folds import make_folds
from .held_out import View, warning_once
from .held_out_stack import held_out_stacks, trained
from .table_encoder import encoder_for, numeric_table, standardised


class InfoStackClassifier(ClassifierMixin, BaseEstimator):
    """Mixture of several kinds of classifiers, with weights learned from held-out labels.

    No kind of classifier is closest to p(y|x) on every table. On the held-out labels, a mixture
    whose weights maximise their likelihood is at least as close to p(y|x) as the best of its
    members. One part of the mixture is a logarithmic pool [1]_ of all members, i.e. a product of
    powers of their probabilities. The pool adds up the evidence of the members and corrects
    over-confident ones. Since some labels may be wrong, the label frequencies are mixed in as a
    floor. The pool is used only if it raises the held-out log-likelihood by more than a penalty
    for its number of parameters.

    In `cross_val_bounds`, ``"stack"`` stands for this classifier. The weights for a fold are then
    learned from the labels of the other folds, and each member is trained at most once per fold.

    To save time, all members are first trained for two of the folds only. A member that improves
    the mixture on the held-out labels of neither fold is not trained for the other folds.

    Parameters
    ----------
    members : {"all", "quick"}, default="all"
        Kinds of classifiers in the mixture. ``"all"`` stands for logistic regression, linear and
        quadratic discriminant analysis, nearest neighbours (30 and 100), boosting and two MLPs
        (with less and more weight decay). Members for which a fold has too few rows
        are left out. ``"quick"`` stands for logistic regression and boosting. Both include the
        label frequencies as a member.
    encoder : "auto", transformer or None, default="auto"
        Transformer of the columns into numbers, fitted on the training rows of each fold.
        ``"auto"`` encodes data frames with texts, dates or missing values by skrub's
        ``TableVectorizer``, and uses finite numbers unchanged.
    cv : int, cross-validation generator or iterable, default=5
        Folds from which `fit` learns the weights, as in `cross_val_bounds`.
    n_jobs : int, default=None
        Number of fits, of a member on a fold, to run in parallel. ``None`` is 1 unless in a joblib
        context; -1 uses all processors.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer. The members have fixed seeds, so that
        results are reproducible by default.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    encoder_ : Pipeline
        Fitted transformer of the columns into standardised numbers.
    members_ : dict of str to classifier
        Members trained on the encoded columns of all rows. Keys are ``"prior"``, which predicts
        the label frequencies, ``"logistic"``, ``"lda"``, ``"qda"``, ``"neighbours"``, ``"more
        neighbours"``, ``"boosting"``, ``"mlp"`` and, with more weight decay, ``"smooth mlp"``. Any
        member but the first is left out if its weight is below 0.001 and, in addition, either its
        exponent or the weight of the pool is below 0.001.
    mixture_ : StackMixture
        Mixture of the members, in the order of `members_`: their linear ``weights``, the
        ``pool_weight`` of their logarithmic pool, and its ``pool.exponents`` (of all members but
        the first) and ``pool.floor``.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` has columns whose names are all strings.

    See Also
    --------
    cross_val_bounds : Compute bounds, with "stack" for this classifier.
    InfoSoftmaxClassifier : A single network.

    Notes
    -----
    `fit` takes no `sample_weight`, because some members do not support weights.

    References
    ----------
    .. [1] T. Heskes, "Selecting weighting factors in logarithmic opinion pools", Advances in
       Neural Information Processing Systems 10, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftinfo import InfoStackClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = InfoStackClassifier(members="quick").fit(X, y)

    Boosting does not improve the mixture on this table, and is left out.

    >>> sorted(stack.members_)
    ['logistic', 'prior']
    >>> round(float(stack.mixture_.weights.sum() + stack.mixture_.pool_weight), 6)
    1.0
    """

    def __init__(
        self,
        *,
        members="all",
        encoder="auto",
        cv=5,
        n_jobs=None,
        random_state=0,
    ):
        self.members = members
        self.encoder = encoder
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> InfoStackClassifier:
        """Learn the weights from held-out labels, and train the members on all rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Table of finite numbers, or the input of `encoder`.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        InfoStackClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X cannot be encoded; if labels are missing, are quantities, or are all the same; or
            if a parameter is invalid.
        TypeError
            If X is sparse.
        ImportError
            If X needs skrub, which is not installed.
        """
        check_labels(y)
        X = on_host(X)
        refuse_mappings(X)
        encoder = encoder_for(self.encoder, X)
        table = numeric_table(X) if encoder is None else X
        check_column_order(self, X, reset=True)
        # Only the names are kept and compared: the encoder or numeric_table checks the entries.
        validate_data(self, X if hasattr(X, "columns") else table, skip_check_array=True)
        y = column_or_1d(on_host(y), warn=True)
        check_classes(y)
        classes, encoded = np.unique(y, return_inverse=True)
        check_two_classes(classes)
        check_consistent_length(table, encoded)
        counts = np.bincount(encoded)
        cv = min(self.cv, max(2, counts.max())) if isinstance(self.cv, Integral) else self.cv
        folds = make_folds(
            cv, table, encoded, random_state=self.random_state, equal_rows="independent"
        )
        (held_out,) = warning_once(
            held_out_stacks, self, X, [View()], encoded, folds, len(classes), n_jobs=self.n_jobs
        )
        names, self.mixture_ = held_out.mixture(encoded, folds)
        self.encoder_ = standardised(encoder)
        # scikit-learn adds up entries to see whether all are finite.
        with np.errstate(over="ignore", invalid="ignore"):
            columns = self.encoder_.fit_transform(table, y)
        self.members_ = {name: trained(held_out.members[name], columns, y) for name in names}
        self.classes_ = classes
        self._raw = encoder is not None
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mixture of the members' probabilities.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Table with the columns of `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Probabilities, with columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = on_host(X)
        check_column_order(self, X, reset=False)
        # Encode what was encoded in `fit`, even if no entry is missing here.
        table = X if self._raw else numeric_table(X)
        validate_data(
            self, X if hasattr(X, "columns") else table, reset=False, skip_check_array=True
        )
        with np.errstate(over="ignore", invalid="ignore"):
            columns = self.encoder_.transform(table)
        return self.mixture_.predict(
            [member.predict_proba(columns) for member in self.members_.values()]
        )

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Table with the columns of `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted labels.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]
