"""`PatchCalibration`: the probability of the image's label given one patch."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from .evidence import group_information, patch_information

# Largest number of places that a calibration is fitted on.
MAX_ROWS = 50_000


class PatchCalibration:
    """Probability of the image's label given one patch or its features.

    A network trained on whole images has never seen a patch, so that its output for a patch is a
    score, not a probability. A logistic regression of the image's label on the logits or the
    features of its patches turns the score into a probability, and gives the information an
    absolute zero. The regression needs labels of whole images only.

    Parameters
    ----------
    n_classes : int
        Number of classes M.

    Attributes
    ----------
    prior_ : ndarray of shape (n_classes,)
        Label frequencies of the training rows; the entry of `prior` for a class without a row.
    """

    def __init__(self, n_classes):
        self.n_classes = n_classes

    def fit(self, inputs, y, prior, random_state, max_rows=MAX_ROWS):
        """Fit on inputs (..., n, rows, columns) and the class indices (n,) of the images.

        At most `max_rows` places are used, drawn at random.
        """
        n_places = inputs.shape[-2] * inputs.shape[-1]
        by_place = inputs.reshape(-1, inputs.shape[-3] * n_places)
        chosen = np.arange(by_place.shape[1])
        if len(chosen) > max_rows:
            chosen = random_state.choice(len(chosen), max_rows, replace=False)
        rows = by_place[:, chosen].T.astype(np.float64)
        labels = y[chosen // n_places]
        counts = np.bincount(labels, minlength=self.n_classes)
        self.prior_ = np.where(counts > 0, counts / counts.sum(), prior)
        scaler = StandardScaler()
        # All places of an image share its label, so together they weigh as much as one image.
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
            In the dtype of the inputs; ``-inf`` for a class without a sampled patch.
        """
        coef = self.coef_.astype(inputs.dtype)
        weighed = coef @ inputs.reshape(coef.shape[1], -1)
        return self.scores_of_weighed(weighed.reshape(-1, *inputs.shape[-3:]))

    def information(self, kind, inputs, classes, weighed=False):
        """Return the information of places about classes.

        Parameters
        ----------
        kind : {"weight_of_evidence", "pmi"}
        inputs : ndarray of shape (S, ..., n, rows, columns)
            The inputs of `scores` or, if `weighed`, inputs multiplied by the coefficients.
        classes : ndarray of shape (T, n), int
            Indices of T classes for each image.
        weighed : bool, default=False
            Whether the inputs were multiplied by the coefficients.

        Returns
        -------
        ndarray of shape (T, n, rows, columns)
            In nats.
        """
        return patch_information(kind, self._any_scores(inputs, weighed), self.prior_, classes)

    def of_group(self, kind, inputs, classes, weighed=False):
        """Return the information of places about "any of the classes", (n, rows, columns)."""
        return group_information(kind, self._any_scores(inputs, weighed), self.prior_, classes)

    def _any_scores(self, inputs, weighed):
        return self.scores_of_weighed(inputs.sum(axis=0)) if weighed else self.scores(inputs)

    def weights(self, n_sizes):
        """Return the coefficients for each patch size, (n_sizes, M, C)."""
        return self.coef_.reshape(len(self.coef_), n_sizes, -1).swapaxes(0, 1)

    def scores_of_weighed(self, weighed):
        """Return the scores of inputs that were multiplied by the coefficients."""
        intercept = self.intercept_.astype(weighed.dtype)
        scores = weighed + intercept[:, None, None, None]
        if len(self.classes_) == self.n_classes:
            return scores
        everything = np.full((self.n_classes, *scores.shape[1:]), -np.inf, dtype=scores.dtype)
        everything[self.classes_] = scores
        return everything
