"""From the logits of a patch to its information about a class, in nats."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class PatchCalibration:
    """Probability of the image's label given one patch, from labels of whole images alone.

    A network trained on whole images has never seen a patch: its answer to one is a score, not
    a probability. One logistic regression from the logits of patches to the label of the image
    that they come from turns it into one, and gives the information an absolute zero.

    Parameters
    ----------
    n_classes : int
    max_rows : int
        Patches to fit on, at most.
    """

    def __init__(self, n_classes, max_rows=20_000):
        self.n_classes = n_classes
        self.max_rows = max_rows

    def fit(self, logits, y, random_state):
        """Fit on patch logits (n, rows, columns, M) and the images' labels (n,) in 0..M-1."""
        n_patches = logits.shape[1] * logits.shape[2]
        rows = logits.reshape(-1, logits.shape[-1])
        labels = np.repeat(y, n_patches)
        if len(rows) > self.max_rows:
            chosen = random_state.choice(len(rows), self.max_rows, replace=False)
            rows, labels = rows[chosen], labels[chosen]
        self.model_ = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        self.model_.fit(rows, labels)
        return self

    def log_proba(self, logits):
        """Return log p(m | patch), shape (..., M)."""
        scores = self.model_.decision_function(logits.reshape(-1, logits.shape[-1]))
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        # A class that none of the sampled patches carried has no probability.
        log_proba = np.full((len(scores), self.n_classes), -np.inf)
        log_proba[:, self.model_.classes_] = log_softmax(scores, axis=1)
        return log_proba.reshape(*logits.shape[:-1], self.n_classes)


def log_odds(log_proba, target):
    """Return ``logit p(target)`` from log-probabilities (..., M), exact near 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._patch_information import log_odds
    >>> round(float(log_odds(np.log([0.25, 0.75]), 1)), 3)
    1.099
    """
    others = np.delete(log_proba, target, axis=-1)
    return log_proba[..., target] - logsumexp(others, axis=-1)


def patch_information(kind, logits, log_proba, prior, target):
    """Return what patches say about class `target`, shape (...), in nats.

    Parameters
    ----------
    kind : {"weight_of_evidence", "pmi", "logit"}
        ``logit p(t|patch) - logit p(t)``; ``log p(t|patch) - log p(t)``; the paper's literal
        z_t, which is defined only up to a constant per patch.
    logits, log_proba : ndarray of shape (..., M)
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
        return log_proba[..., target] - np.log(prior[target])
    return log_odds(log_proba, target) - log_odds(np.log(prior), target)


class InformationMapper:
    """Maps of information about classes, from a patch scorer and its calibration.

    Parameters
    ----------
    scorer : scorer of `_patch_scoring`
    calibration : PatchCalibration or None
        ``None`` takes the classifier's own answer to the patch.
    kind : str
        As in `patch_information`.
    prior : ndarray of shape (M,)
    """

    def __init__(self, scorer, calibration, kind, prior):
        self.scorer = scorer
        self.calibration = calibration
        self.kind = kind
        self.prior = prior

    def maps(self, images, targets):
        """Yield, batch by batch, the slice of rows and their maps (len(targets), b, H, W)."""
        start = 0
        for logits in patch_logits(self.scorer, images):
            if self.calibration is None:
                log_proba = log_softmax(logits, axis=-1)
            else:
                log_proba = self.calibration.log_proba(logits)
            maps = [
                self.scorer.assemble(
                    patch_information(self.kind, logits, log_proba, self.prior, target)
                )
                for target in targets
            ]
            rows = slice(start, start + len(logits))
            start = rows.stop
            yield rows, np.stack(maps)

    def evaluate(self, images, targets, predicted=None, apply=None):
        """Return maps (n, H, W), or what `apply` makes of them.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W)
        targets : sequence of int
            The largest value among these classes is taken; so the union of masks.
        predicted : ndarray of shape (n,), default=None
            One class for each image, to be taken instead.
        apply : callable, default=None
            Function of maps (b, H, W) and their class.
        """
        if predicted is not None:
            targets, which = np.unique(predicted, return_inverse=True)
        out = []
        for rows, maps in self.maps(images, targets):
            if apply is not None:
                pairs = zip(maps, targets, strict=True)
                maps = np.stack([apply(one, target) for one, target in pairs])
            if predicted is None:
                out.append(maps.max(axis=0))
            else:
                out.append(maps[which[rows], np.arange(maps.shape[1])])
        return np.concatenate(out)

    def maxima(self, images):
        """Return the largest information about each class, shape (M,)."""
        maxima = np.full(len(self.prior), -np.inf)
        for _, maps in self.maps(images, range(len(self.prior))):
            maxima = np.maximum(maxima, maps.max(axis=(1, 2, 3)))
        return maxima


def patch_logits(scorer, images):
    """Yield the patch logits of as many images at once as the scorer's memory allows."""
    step = scorer.images_per_batch
    for start in range(0, len(images), step):
        yield scorer.patch_logits(images[start : start + step])
