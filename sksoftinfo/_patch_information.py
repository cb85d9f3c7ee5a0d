"""From the logits of a patch to its information about a class, in nats."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from sklearn.preprocessing import StandardScaler


class PatchCalibration:
    """Probability of the image's label given what is seen around one place.

    A network trained on whole images has never seen a patch: its answer to one is a score, not
    a probability. One logistic regression from the logits of patches, or from their features, to
    the label of the image that they come from turns it into one, and gives the information an
    absolute zero. Labels of whole images are all it needs.

    Parameters
    ----------
    n_classes : int
    max_rows : int
        Places to fit on, at most.

    Attributes
    ----------
    prior_ : ndarray of shape (n_classes,)
        Label frequencies that it was fitted on; those of `prior` for classes without a row.
    """

    def __init__(self, n_classes, max_rows=50_000):
        self.n_classes = n_classes
        self.max_rows = max_rows

    def fit(self, inputs, y, prior, random_state):
        """Fit on inputs (n, rows, columns, ...) and the images' labels (n,) in 0..M-1."""
        # A third of the time of importing this package, for what not everybody needs.
        from sklearn.linear_model import LogisticRegression

        n_places = inputs.shape[1] * inputs.shape[2]
        chosen = np.arange(len(inputs) * n_places)
        if len(chosen) > self.max_rows:
            chosen = random_state.choice(len(chosen), self.max_rows, replace=False)
        rows = inputs[np.unravel_index(chosen, inputs.shape[:3])]
        rows = rows.reshape(len(chosen), -1).astype(np.float64)
        labels = y[chosen // n_places]
        counts = np.bincount(labels, minlength=self.n_classes)
        self.prior_ = np.where(counts > 0, counts / counts.sum(), prior)
        scaler = StandardScaler()
        # The places of an image share its label: together they weigh as much as one image.
        model = LogisticRegression(C=1 / n_places, max_iter=1000)
        model.fit(scaler.fit_transform(rows), labels)
        self.classes_ = model.classes_
        self.coef_ = model.coef_ / scaler.scale_
        self.intercept_ = model.intercept_ - self.coef_ @ scaler.mean_
        if len(self.coef_) == 1:
            self.coef_ = np.concatenate([np.zeros_like(self.coef_), self.coef_])
            self.intercept_ = np.concatenate([[0.0], self.intercept_])
        return self

    def scores(self, inputs):
        """Return log p(m | place) up to a constant, shape (n, rows, columns, M)."""
        rows = inputs.reshape(np.prod(inputs.shape[:3]), -1)
        # Class by class in memory, for what sums over classes later.
        scores = self.coef_ @ rows.T + self.intercept_[:, None]
        scores = np.moveaxis(scores.reshape(-1, *inputs.shape[:3]), 0, -1)
        if len(self.classes_) == self.n_classes:
            return scores
        # A class that none of the sampled patches carried has no probability.
        everything = np.full((*scores.shape[:-1], self.n_classes), -np.inf)
        everything[..., self.classes_] = scores
        return everything


def log_odds(log_proba, target):
    """Return ``logit p(target)`` from log-probabilities (..., M), exact near 0 and 1.

    A constant added to all of them changes nothing: logits do as well.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._patch_information import log_odds
    >>> round(float(log_odds(np.log([0.25, 0.75]), 1)), 3)
    1.099
    """
    # Sums over a long last axis are several times as fast class by class.
    by_class = np.moveaxis(log_proba, -1, 0)
    others = np.ascontiguousarray(by_class[np.arange(len(by_class)) != target])
    if len(others) == 1:
        return by_class[target] - others[0]
    largest = others.max(axis=0)
    total = np.exp(others - largest).sum(axis=0)
    return by_class[target] - largest - np.log(total)


def patch_information(kind, logits, scores, prior, target):
    """Return what patches say about class `target`, shape (...), in nats.

    Parameters
    ----------
    kind : {"weight_of_evidence", "pmi", "logit"}
        ``logit p(t|patch) - logit p(t)``; ``log p(t|patch) - log p(t)``; the paper's literal
        z_t, which is defined only up to a constant per patch.
    logits, scores : ndarray of shape (..., M)
        The classifier's, and log-probabilities up to a constant.
    prior : ndarray of shape (M,)
    target : int

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._patch_information import patch_information
    >>> log_proba = np.log([[0.5, 0.5], [0.1, 0.9]])
    >>> patch_information("pmi", None, log_proba, np.array([0.5, 0.5]), 1).round(3)
    array([0.   , 0.588])
    """
    if kind == "logit":
        return logits[..., target]
    if kind == "pmi":
        return log_softmax(scores, axis=-1)[..., target] - np.log(prior[target])
    return log_odds(scores, target) - log_odds(np.log(prior), target)
