"""From the logits of a patch to its information about a class, in nats."""

from __future__ import annotations

import numpy as np
from scipy.special import logit, logsumexp
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
        """Fit on inputs (..., n, rows, columns) and the images' labels (n,) in 0..M-1."""
        # A third of the time of importing this package, for what not everybody needs.
        from sklearn.linear_model import LogisticRegression

        n_places = inputs.shape[-2] * inputs.shape[-1]
        by_place = inputs.reshape(-1, inputs.shape[-3] * n_places)
        chosen = np.arange(by_place.shape[1])
        if len(chosen) > self.max_rows:
            chosen = random_state.choice(len(chosen), self.max_rows, replace=False)
        rows = by_place[:, chosen].T.astype(np.float64)
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
        """Return log p(m | place) up to a constant.

        Parameters
        ----------
        inputs : ndarray of shape (..., n, rows, columns)

        Returns
        -------
        ndarray of shape (M, n, rows, columns)
            Of the dtype of the inputs; ``-inf`` for a class that no sampled patch carried.
        """
        coef = self.coef_.astype(inputs.dtype)
        weighed = coef @ inputs.reshape(coef.shape[1], -1)
        return self.scores_of_weighed(weighed.reshape(-1, *inputs.shape[-3:]))

    def weights(self, n_sizes):
        """Return the coefficients of each size of patches, (n_sizes, M, C)."""
        return self.coef_.reshape(len(self.coef_), n_sizes, -1).swapaxes(0, 1)

    def scores_of_weighed(self, weighed):
        """Return what `scores` does, of inputs that were multiplied by the coefficients."""
        intercept = self.intercept_.astype(weighed.dtype)
        scores = weighed + intercept[:, None, None, None]
        if len(self.classes_) == self.n_classes:
            return scores
        everything = np.full((self.n_classes, *scores.shape[1:]), -np.inf, dtype=scores.dtype)
        everything[self.classes_] = scores
        return everything


def two_largest(values):
    """Return the largest and the second largest along the first axis, of two or more.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import two_largest
    >>> two_largest(np.array([[1, 5], [3, 5], [2, 4]]))
    (array([3, 5]), array([2, 5]))
    """
    largest, second = np.maximum(values[0], values[1]), np.minimum(values[0], values[1])
    for one in values[2:]:
        np.maximum(second, np.minimum(largest, one), out=second)
        np.maximum(largest, one, out=largest)
    return largest, second


def log_odds(log_proba, classes):
    """Return ``logit p(m)`` of the classes asked about, exact near 0 and 1.

    Parameters
    ----------
    log_proba : ndarray of shape (M, n, ...)
        Logarithms of probabilities, up to a constant: logits do as well. Two at least are finite.
    classes : ndarray of shape (T, n), int
        T classes for each of n.

    Returns
    -------
    ndarray of shape (T, n, ...)
        In nats, of the dtype of `log_proba`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import log_odds
    >>> log_odds(np.log([[0.25], [0.75]]), np.array([[0], [1]])).round(3)
    array([[-1.099],
           [ 1.099]])
    """
    # With s_1 >= s_2 the two largest and R the sum of exp(s - s_2) over all but the largest, at
    # least 1, the others of class t sum to exp(s_1) (1 + (R - exp(s_t - s_2)) exp(s_2 - s_1)), and
    # those of the largest to exp(s_2) R: nothing that matters cancels, or underflows.
    largest, second = two_largest(log_proba)
    shares = log_proba - second
    np.minimum(shares, 0, out=shares)
    np.exp(shares, out=shares)
    rest = shares.sum(axis=0) - 1
    gap = largest - second
    each = classes, np.arange(log_proba.shape[1])
    asked = log_proba[each]
    others = rest - shares[each]
    others *= np.exp(-gap)
    np.log1p(others, out=others)
    odds = asked - largest
    odds -= others
    # A sum, for choices between arrays are slow.
    others += gap - np.log(rest)
    others *= asked > second
    odds += others
    return odds


def patch_information(kind, scores, prior, classes):
    """Return what patches say about classes, shape (T, n, ...), in nats.

    Parameters
    ----------
    kind : {"weight_of_evidence", "pmi", "logit"}
        ``logit p(t|patch) - logit p(t)``; ``log p(t|patch) - log p(t)``; the paper's literal
        z_t, which is defined only up to a constant per patch.
    scores : ndarray of shape (M, n, ...)
        Log-probabilities up to a constant; the classifier's logits for ``"logit"``.
    prior : ndarray of shape (M,)
    classes : ndarray of shape (T, n), int
        T classes for each of n images.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.evidence import patch_information
    >>> log_proba = np.log([[0.5, 0.1], [0.5, 0.9]])
    >>> patch_information("pmi", log_proba, np.array([0.5, 0.5]), np.array([[1, 1]])).round(3)
    array([[0.   , 0.588]])
    """
    prior = prior[classes]
    if kind == "weight_of_evidence":
        information = log_odds(scores, classes)
        of_prior = logit(prior)
    else:
        information = scores[classes, np.arange(scores.shape[1])]
        if kind == "logit":
            return information
        information = information - logsumexp(scores, axis=0)
        of_prior = np.log(prior)
    nothing = of_prior.astype(scores.dtype)
    return information - nothing.reshape(*classes.shape, *[1] * (scores.ndim - 2))
