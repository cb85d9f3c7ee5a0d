"""Scores and scorers of information, from predicted probabilities."""

from __future__ import annotations

import copy
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from .._bounds import Units, information_bounds


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
    """Lower bound of I(X;Y) from predicted probabilities.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels that were not used for training.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.
    labels : array-like of shape (n_classes,), default=None
        All labels, where some do not occur in `y_true`.
    units : {"nats", "bits"}, default="nats"

    Returns
    -------
    float
        ``H(Y) + E log q(y|x)``; negative where the prediction is worse than the label prior.

    See Also
    --------
    sksoftinfo.information_bounds : All bounds at once, with confidence limits.

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
    """Lower confidence limit of I(X;Y) from predicted probabilities.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels
        As in `mi_lower_score`.
    confidence_level : float, default=0.95
        Probability with which the limit holds.
    units : {"nats", "bits"}, default="nats"
        Unit of the limit.

    Returns
    -------
    float
        With this confidence, I(X;Y) is at least as large. Predictions are recalibrated for it, so
        that it may exceed the `mi_lower_score` of those that are too sure or not sure enough.

    Examples
    --------
    >>> from sksoftinfo.metrics import mi_lower_limit_score
    >>> round(mi_lower_limit_score([0, 1] * 100, [0.1, 0.8] * 100), 3)
    0.572
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
    """Donsker-Varadhan representation (paper Eq. 13) with uniform E_y.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, units
        As in `mi_lower_score`. The critic is the logarithm of the probability.

    Returns
    -------
    float
        ``log M + E log q(y|x)``; not a bound of I(X;Y) where classes are imbalanced.

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
    """Expected log-softmax of the label (paper Eq. 16): the negative log-loss.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, units
        As in `mi_lower_score`.

    Returns
    -------
    float
        At most 0.

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
    """Share of the label entropy that the predictions explain, ``mi_lower / H(Y)``.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels
        As in `mi_lower_score`.

    Returns
    -------
    float
        At most 1; NaN if only one label occurs.

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
    """Return several scores of the same predictions.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, units
        As in `mi_lower_score`.

    Returns
    -------
    dict of str to float
        The fields ``mi_lower``, ``mi_lower_floored``, ``mi_lower_limit``, ``dv``, ``log_softmax``
        and ``d2`` of `InformationBounds`. Choose ``mi_lower_floored`` where a classifier, such as
        a tree, may give probability zero to a label that occurs.

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
    """Scorer that tells a score all classes the estimator knows, also those missing from a fold.

    Parameters
    ----------
    score : callable
        Takes ``(y_true, y_proba, sample_weight=..., labels=...)``, and returns a number, or a
        dict of several for multimetric scoring.

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
        proba = estimator.predict_proba(X)
        return self.score(y, proba, sample_weight=sample_weight, labels=estimator.classes_)

    def set_score_request(self, *, sample_weight=None):
        """Return a scorer that requests `sample_weight`; for scikit-learn's metadata routing.

        Parameters
        ----------
        sample_weight : bool, str or None, default=None
            As for any scorer of scikit-learn.

        Returns
        -------
        InformationScorer
            A new scorer: this one may be used elsewhere, and stays as it is.
        """
        scorer = copy.deepcopy(self)
        scorer._request.score.add_request(param="sample_weight", alias=sample_weight)
        return scorer

    def get_metadata_routing(self):
        """Return what was requested; for scikit-learn's metadata routing.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            Which metadata the scorer wants.
        """
        return self._request

    def __repr__(self):
        return f"InformationScorer({self.score.__name__})"


mi_lower_scorer = InformationScorer(mi_lower_score)
dv_scorer = InformationScorer(dv_score)
log_softmax_scorer = InformationScorer(log_softmax_score)
# For multimetric scoring, with one prediction for all; a search names one of them in `refit`.
bounds_scorer = InformationScorer(bounds_scores)
