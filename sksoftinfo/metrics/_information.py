"""Scores and scorers of information from predicted probabilities."""

from __future__ import annotations

import copy
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from .._bounds import Units, information_bounds
from .._utils import check_known_labels, checked_proba, rows_for


def _score(name, y_true, y_proba, sample_weight, labels, **options):
    bounds = information_bounds(
        y_true, y_proba, sample_weight=sample_weight, labels=labels, **options
    )
    return getattr(bounds, name)


def mi_lower_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    units: Units = "nats",
) -> float:
    """Compute the lower bound on I(X;Y) from predicted probabilities.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.
    units : {"nats", "bits"}, default="nats"
        Unit of the score.

    Returns
    -------
    float
        ``H(Y) + E log q(y|x)``; negative if the predictions are worse than the label frequencies.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.

    Examples
    --------
    >>> from sksoftinfo.metrics import mi_lower_score
    >>> round(mi_lower_score([0, 1], [0.1, 0.8], units="bits"), 3)
    0.763
    """
    return _score("mi_lower", y_true, y_proba, sample_weight, labels, units=units)


def mi_lower_limit_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    confidence_level: float = 0.95,
    units: Units = "nats",
) -> float:
    """Compute the lower confidence limit on I(X;Y) from predicted probabilities.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.
    confidence_level : float, default=0.95
        Probability in (0, 1) with which the limit holds.
    units : {"nats", "bits"}, default="nats"
        Unit of the limit.

    Returns
    -------
    float
        Lower confidence limit: I(X;Y) is at least as large with probability `confidence_level`.
        The limit uses recalibrated predictions, so it may exceed `mi_lower_score` if predictions
        are over-confident or under-confident.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.

    Examples
    --------
    >>> from sksoftinfo.metrics import mi_lower_limit_score
    >>> round(mi_lower_limit_score([0, 1] * 100, [0.1, 0.8] * 100), 3)
    0.559
    """
    return _score(
        "mi_lower_limit",
        y_true,
        y_proba,
        sample_weight,
        labels,
        confidence_level=confidence_level,
        units=units,
    )


def dv_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    units: Units = "nats",
) -> float:
    """Compute the Donsker-Varadhan representation with labels uniform over the classes.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.
    units : {"nats", "bits"}, default="nats"
        Unit of the score.

    Returns
    -------
    float
        ``log M + E log q(y|x)`` for M classes, i.e. Eq. 13 of [1]_ with ``log q`` as the critic;
        in `units`. It is not a bound on I(X;Y) if classes are imbalanced.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629.

    Examples
    --------
    >>> from sksoftinfo.metrics import dv_score
    >>> round(dv_score([0, 1], [0.1, 0.8]), 3)
    0.529
    """
    return _score("dv", y_true, y_proba, sample_weight, labels, units=units)


def log_softmax_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    units: Units = "nats",
) -> float:
    """Compute the mean log-probability of the labels, i.e. minus the log-loss.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.
    units : {"nats", "bits"}, default="nats"
        Unit of the score.

    Returns
    -------
    float
        Expected log-softmax (Eq. 16 of [1]_), at most 0, in `units`.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.
    sklearn.metrics.log_loss : Compute the log-loss.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629.

    Examples
    --------
    >>> from sksoftinfo.metrics import log_softmax_score
    >>> round(log_softmax_score([0, 1], [0.1, 0.8]), 3)
    -0.164
    """
    return _score("log_softmax", y_true, y_proba, sample_weight, labels, units=units)


def d2_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
) -> float:
    """Compute the share of the label entropy that predictions explain, ``mi_lower / H(Y)``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.

    Returns
    -------
    float
        Share of the label entropy: at most 1, negative if the predictions are worse than the label
        frequencies, and NaN if only one label occurs.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.
    sklearn.metrics.d2_log_loss_score : Compute the same share by scikit-learn.

    Examples
    --------
    >>> from sksoftinfo.metrics import d2_score
    >>> round(d2_score([0, 1], [0.1, 0.8]), 3)
    0.763
    """
    return _score("d2", y_true, y_proba, sample_weight, labels)


def bounds_scores(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    units: Units = "nats",
) -> dict[str, float]:
    """Compute several scores of the same predictions.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of held-out rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, with columns in the order of `labels`. A single column, or a flat
        array, holds the probability of the second of two labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; 1 for each row if None.
    labels : array-like of shape (n_classes,), default=None
        All labels in the order of the columns; the sorted labels of `y_true` if None.
    units : {"nats", "bits"}, default="nats"
        Unit of the score.

    Returns
    -------
    dict of str to float
        The fields ``mi_lower``, ``mi_lower_floored``, ``mi_lower_limit``, ``dv``, ``log_softmax``
        and ``d2`` of `sksoftinfo.InformationBounds`. Use ``mi_lower_floored`` for classifiers,
        e.g. trees, that may predict probability 0 for a label that occurs.

    Raises
    ------
    ValueError
        If the input is invalid for `sksoftinfo.information_bounds`.

    See Also
    --------
    sksoftinfo.information_bounds : Compute all bounds, with confidence limits.

    Examples
    --------
    >>> from sksoftinfo.metrics import bounds_scores
    >>> round(bounds_scores([0, 1], [0.1, 0.8])["dv"], 3)
    0.529
    """
    bounds = information_bounds(
        y_true, y_proba, sample_weight=sample_weight, labels=labels, units=units
    )
    return {name: getattr(bounds, name) for name in _BOUNDS_SCORES}


_BOUNDS_SCORES = ("mi_lower", "mi_lower_floored", "mi_lower_limit", "dv", "log_softmax", "d2")


class InformationScorer:
    """Scorer that calls a score function with all classes of the estimator as `labels`.

    The classes are those of the estimator even if a fold lacks some of them. `mi_lower_scorer`,
    `dv_scorer`, `log_softmax_scorer` and `bounds_scorer` are instances of this class; their scores
    are in nats. `bounds_scorer` returns several scores from one prediction, for multimetric
    searches: set ``refit`` of the search to one of them.

    Parameters
    ----------
    score : callable
        Function of ``(y_true, y_proba, sample_weight=..., labels=...)`` that returns a number, or
        a dict of numbers for multimetric scoring.

    See Also
    --------
    MaskIoUScorer : Scorer of masks.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sksoftinfo.metrics import mi_lower_scorer
    >>> prior = DummyClassifier().fit([[0], [1]], ["a", "b"])
    >>> mi_lower_scorer(prior, [[0], [1]], ["b", "a"])
    0.0
    """

    def __init__(self, score):
        self.score = score
        self._request = MetadataRequest(owner=self)

    def __call__(
        self, estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float | dict[str, float]:
        """Score the predicted probabilities of a fitted classifier.

        Parameters
        ----------
        estimator : fitted classifier
            Classifier with `predict_proba`.
        X : array-like
            Held-out rows, as `estimator` takes them.
        y : array-like of shape (n_samples,)
            Labels of the rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; 1 for each row if None.

        Returns
        -------
        float or dict of str to float
            Result of the score function.
        """
        classes = estimator.classes_
        check_known_labels(y, classes)
        proba = estimator.predict_proba(rows_for(estimator, X))
        proba = checked_proba(proba, estimator, len(classes))
        return self.score(y, proba, sample_weight=sample_weight, labels=classes)

    def set_score_request(self, *, sample_weight=None):
        """Return a scorer that requests `sample_weight`, for scikit-learn's metadata routing.

        Parameters
        ----------
        sample_weight : bool, str or None, default=None
            True passes `sample_weight` to the scorer, False does not, None raises an error if it
            is given, and a string passes the metadata of that name.

        Returns
        -------
        InformationScorer
            New scorer; this scorer is unchanged.
        """
        scorer = copy.deepcopy(self)
        scorer._request.score.add_request(param="sample_weight", alias=sample_weight)
        return scorer

    def get_metadata_routing(self):
        """Return the metadata requests, for scikit-learn's metadata routing.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            Metadata that the scorer requests.
        """
        return self._request

    def __repr__(self):
        name = getattr(self.score, "__name__", repr(self.score))
        return f"InformationScorer({name})"


mi_lower_scorer = InformationScorer(mi_lower_score)
dv_scorer = InformationScorer(dv_score)
log_softmax_scorer = InformationScorer(log_softmax_score)
bounds_scorer = InformationScorer(bounds_scores)
