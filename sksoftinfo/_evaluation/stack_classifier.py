"""`InfoStackClassifier`: several kinds of classifiers, mixed by held-out log-likelihood."""

from __future__ import annotations

from itertools import compress
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils import check_labels, check_two_classes, on_host
from .folds import make_folds
from .held_out import View, held_out_members, numeric_table, prior_proba
from .stack import mixture_weights, stack_members
from .table_encoder import is_raw_frame, make_table_encoder

# Members of a smaller weight are not trained on all rows.
_SMALLEST_WEIGHT = 1e-3


class InfoStackClassifier(ClassifierMixin, BaseEstimator):
    """Mixture of several kinds of classifiers, with weights learned from held-out labels.

    No kind of classifier is nearest to p(y|x) on every table. A mixture with weights that maximise
    the likelihood of labels which no member was trained on is as near as the best of them, or
    nearer. In `cross_val_bounds` the weights of a fold come from the labels of the other folds, so
    that each member is trained once for each fold; ``"stack"`` there is this classifier.

    Parameters
    ----------
    members : {"all", "quick"}, default="all"
        ``"all"`` are logistic regression, linear and quadratic discriminant analysis, nearest
        neighbours, boosting and two networks, except those that have too few rows. ``"quick"`` are
        logistic regression and boosting. The label frequencies are a member of both.
    encoder : "auto", transformer or None, default="auto"
        What makes numbers of the columns, learned from the training rows of each fold. ``"auto"``
        encodes data frames with texts, dates or gaps by skrub's ``TableVectorizer``, and takes
        finite numbers as they are.
    cv : int, cross-validation generator or iterable, default=5
        Folds by which the weights are learned in `fit`, as in `cross_val_bounds`.
    n_jobs : int, default=None
        Members and folds to train at a time.
    memory : str or joblib.Memory, default=None
        Where encoded columns are kept, so that members share them.
    random_state : int, RandomState instance or None, default=0
        Shuffles the rows where `cv` is an integer.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    members_ : dict of str to classifier
        Trained on all rows, except those of a weight below 0.001, which are left out.
    weights_ : ndarray of shape (n_members,)
        Of the members in their order, and of sum 1.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where `X` has names that are texts.

    Notes
    -----
    Some members take no `sample_weight`, so that `fit` has none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftinfo import InfoStackClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = InfoStackClassifier(members="quick").fit(X, y)
    >>> sorted(stack.members_)
    ['boosting', 'logistic']
    >>> round(float(stack.weights_.sum()), 6)
    1.0
    """

    def __init__(
        self,
        *,
        members="all",
        encoder="auto",
        cv=5,
        n_jobs=None,
        memory=None,
        random_state=0,
    ):
        self.members = members
        self.encoder = encoder
        self.cv = cv
        self.n_jobs = n_jobs
        self.memory = memory
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> InfoStackClassifier:
        """Learn the weights from held-out labels, and train the members on all rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Finite numbers, or what `encoder` takes.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        InfoStackClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If `X` is not what the encoder takes, if labels are missing, quantities or of one
            class, or if a parameter is wrong.
        """
        check_labels(y)
        if not (
            self.encoder is None or self.encoder == "auto" or hasattr(self.encoder, "transform")
        ):
            raise ValueError(
                f"encoder must be 'auto', a transformer or None; got {self.encoder!r}."
            )
        X, encoder = self._validated(X, reset=True)
        y = column_or_1d(on_host(y), warn=True)
        check_classification_targets(y)
        classes, encoded = np.unique(y, return_inverse=True)
        check_two_classes(classes)
        check_consistent_length(X, encoded)
        counts = np.bincount(encoded)
        cv = min(self.cv, max(2, counts.max())) if isinstance(self.cv, Integral) else self.cv
        folds = make_folds(
            cv, X, encoded, random_state=self.random_state, equal_rows="independent"
        )
        members = stack_pipelines(self, X, encoder, View(), encoded, folds.splits)
        held_out = held_out_members(
            [(member, View()) for member in members.values()],
            X,
            encoded,
            folds,
            np.arange(len(classes)),
            n_jobs=self.n_jobs,
        )
        probas = [prior_proba(encoded, folds, len(classes)), *held_out]
        rows = folds.scored
        weights = mixture_weights(np.column_stack([one[rows, encoded[rows]] for one in probas]))
        named = {"prior": DummyClassifier(), **members}
        kept = weights >= _SMALLEST_WEIGHT
        used = compress(named.items(), kept)
        self.members_ = {name: member.fit(X, y) for name, member in used}
        self.weights_ = weights[kept] / weights[kept].sum()
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mixture of the members' probabilities.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X, _ = self._validated(X, reset=False)
        weighted = zip(self.weights_, self.members_.values(), strict=True)
        return sum(weight * member.predict_proba(X) for weight, member in weighted)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def _validated(self, X, *, reset):
        """Return the table, and the transformer that makes numbers of it or None.

        What was encoded in `fit` is encoded in prediction, also where no entry is missing there.
        """
        X = on_host(X)
        if not reset:
            raw = self._encoded
        else:
            raw = self.encoder is not None and (self.encoder != "auto" or is_raw_frame(X))
        table = X if raw else numeric_table(X)
        # Names are compared with those of `fit`; entries were looked at, or are the encoder's.
        validate_data(
            self, X if hasattr(X, "columns") else table, reset=reset, skip_check_array=True
        )
        if reset:
            self._encoded = raw
        return table, self._transformer() if raw else None

    def _transformer(self):
        return make_table_encoder() if isinstance(self.encoder, str) else clone(self.encoder)


def stack_pipelines(stack, X, encoder, view, y, splits):
    """Return names and unfitted pipelines of a stack's members, for some columns of a table.

    Parameters
    ----------
    stack : InfoStackClassifier
    X : table of n rows
    encoder : transformer or None
    view : View
    y : ndarray of int of shape (n,)
        Codes of the labels.
    splits : sequence of (train, test) index arrays

    Returns
    -------
    dict of str to Pipeline
    """
    # Which members fit depends on the number of encoded columns alone.
    X = view.of(X)
    n_features = X.shape[1] if encoder is None else clone(encoder).fit_transform(X).shape[1]
    members = stack_members(y, splits, n_features, kinds=stack.members)
    steps = [] if encoder is None else [encoder]
    return {
        name: make_pipeline(*map(clone, steps), StandardScaler(), member, memory=stack.memory)
        for name, member in members.items()
    }
