"""`SharedCalibration`: three numbers for all classes, learned from pictures without labels."""

from __future__ import annotations

from copy import copy

import numpy as np
from scipy.special import logit, logsumexp

from .evidence import log_odds

# Of the penalty. The three numbers vary by less than a tenth from here to a hundred times as much.
_C = 100.0
# Classes that are not an image's own, and are compared with it.
N_OTHERS = 10
# With fewer pictures, or fewer different labels, the numbers that ship with the package are used.
_FEWEST_IMAGES = 10
_FEWEST_LABELS = 5
# Learned from 120 photographs of as many classes, the logits of EfficientNet-lite0 in units of
# their standard deviation: of z_t, of the logarithm of the others' mean, and the constant.
_SHIPPED = (np.array([0.28, -0.032]), -0.2)
# Nats for each such unit of the difference of two classes' logits, in windows of half the side.
_SHIPPED_RIVAL_SLOPE = 1.5
#: Information that the best place has about a class that is there, at least, by these numbers.
SHIPPED_FLOOR = 1.5


class SharedCalibration:
    """Weight of evidence that a class is in an image, given what is seen at one place of it.

    One logistic regression serves all classes. It reads the class's logit z_t and the logarithm
    of the mean of the others' exponentials, both less the mean of all logits, so that a constant
    added to all of them changes nothing. It is fitted on virtual composites of two images: the
    places of both, and as the label whether the class of either image is t. In half of the
    composites it is, so that the regression's log-odds are the weight of evidence. A composite's
    other image keeps "t is the top class here" from separating the places without error.

    Classes t that are not there are the labels of other images: what is typical of one class in
    one image is so in another.

    Parameters
    ----------
    prior : ndarray of shape (M,)
        Of the classes, for information that is not weight of evidence.

    Attributes
    ----------
    coef_ : ndarray of shape (2,)
    intercept_ : float
    rival_slope_ : float
        Nats for each unit of the difference between the logits of two classes, where either is
        there: of large windows, and only where they were calibrated.
    shipped_ : bool
        Whether these are the numbers of the package, for want of pictures.
    """

    def __init__(self, prior):
        self.prior = prior

    def fit(self, seen):
        """Fit on the `features` (2, 1 + n_others, n, rows, columns) of images.

        The first class of an image is that of the whole image: a label, or what the classifier
        takes the image for. The others are `other_labels`.
        """
        # A third of the time of importing this package, for what not everybody needs.
        from sklearn.linear_model import LogisticRegression

        own, others = (
            part.reshape(2, -1).T.astype(np.float64) for part in (seen[:, :1], seen[:, 1:])
        )
        # Of two composites with class t and two without, six images of eight are not of t.
        rows = np.concatenate([own, others, others])
        present = np.repeat([1, 1, 0], [len(own), len(others), len(others)])
        # The places of an image share its label: together they weigh as much as one image.
        parts = ((own, 1.0), (others, 1.0), (others, 2.0))
        n_images = seen.shape[2]
        weight = np.concatenate(
            [np.full(len(part), share * n_images / len(part)) for part, share in parts]
        )
        centre = np.average(rows, axis=0, weights=weight)
        unit = np.sqrt(np.average((rows - centre) ** 2, axis=0, weights=weight))
        unit[unit == 0] = 1
        model = LogisticRegression(C=_C, max_iter=1000)
        model.fit((rows - centre) / unit, present, sample_weight=weight)
        self.coef_ = model.coef_[0] / unit
        # As many composites have the class as have not: there is no share to correct for.
        self.intercept_ = float(model.intercept_[0] - self.coef_ @ centre)
        self.shipped_ = False
        return self

    def fit_rivals(self, logits):
        """Fit the slope of "t rather than its rival" on logits (1 + n_others, n, rows, columns).

        The first class of an image is its own, and the others are not there, less a constant.
        """
        from sklearn.linear_model import LogisticRegression

        beyond = (logits[:1] - logits[1:]).astype(np.float64).ravel()
        unit = np.sqrt(np.mean(beyond**2)) or 1.0
        rows = np.concatenate([beyond, -beyond])[:, None] / unit
        own = np.repeat([1, 0], len(beyond))
        # The places of an image share its label: together they weigh as much as one image.
        weight = np.full(len(rows), logits.shape[1] / len(beyond))
        model = LogisticRegression(C=_C, fit_intercept=False)
        self.rival_slope_ = float(model.fit(rows, own, sample_weight=weight).coef_[0, 0] / unit)
        return self

    def ship(self, whole):
        """Take the numbers of the package, in units of the logits of whole images (n, M)."""
        unit = float(np.std(whole - whole.mean(axis=1, keepdims=True))) or 1.0
        coef, self.intercept_ = _SHIPPED
        self.coef_ = coef / unit
        self.rival_slope_ = _SHIPPED_RIVAL_SLOPE / unit
        self.shipped_ = True
        return self

    def of_pictures(self, whole):
        """Return what serves pictures with whole logits (n, M): shipped numbers in their units.

        A picture of several things has logits that vary less.
        """
        if not self.shipped_:
            return self
        one = copy(self)
        unit = np.std(whole - whole.mean(axis=1, keepdims=True), axis=1)[:, None, None]
        unit = np.where(unit > 0, unit, 1)
        one.coef_ = _SHIPPED[0][:, None, None, None] / unit
        one.rival_slope_ = _SHIPPED_RIVAL_SLOPE / unit
        return one

    def information(self, kind, inputs, classes, weighed=False):
        """Return information of places about classes, as `PatchCalibration.information`."""
        # Sizes that were not weighed against each other count alike.
        return self.of_features(kind, features(inputs.mean(axis=0), classes), classes)

    def of_features(self, kind, seen, classes):
        """Return what `information` does, of `features` (2, T, n, rows, columns)."""
        first, second = self.coef_.astype(seen.dtype)
        evidence = first * seen[0] + second * seen[1] + seen.dtype.type(self.intercept_)
        if kind == "weight_of_evidence":
            return evidence
        prior = self.prior[classes].astype(seen.dtype)[..., None, None]
        return -np.logaddexp(0, -(evidence + logit(prior))) - np.log(prior)

    def of_group(self, kind, inputs, classes, weighed=False):
        """Return information of places about "any of the classes", as `PatchCalibration`'s."""
        each = self.information("weight_of_evidence", inputs, classes)
        share = self.prior[classes]
        total = share.sum(axis=0).astype(each.dtype)[..., None, None]
        share = (share / share.sum(axis=0)).astype(each.dtype)[..., None, None]
        # The likelihood of the group is the mean of those of its classes.
        evidence = logsumexp(each, axis=0, b=share)
        if kind == "weight_of_evidence":
            return evidence
        return -np.logaddexp(0, -(evidence + logit(total))) - np.log(total)


def features(logits, classes):
    """Return z_t, and the logarithm of the mean of the others' exponentials, without a constant.

    Parameters
    ----------
    logits : ndarray of shape (M, n, rows, columns)
    classes : ndarray of shape (T, n), int

    Returns
    -------
    ndarray of shape (2, T, n, rows, columns)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.shared_calibration import features
    >>> logits = np.array([3.0, 0.0, 0.0]).reshape(3, 1, 1, 1)
    >>> features(logits, np.array([[0]])).ravel(), features(logits + 7, np.array([[0]])).ravel()
    (array([ 2., -1.]), array([ 2., -1.]))
    """
    z = logits[classes, np.arange(logits.shape[1])] - logits.mean(axis=0)
    others = z - log_odds(logits, classes) - np.log(logits.dtype.type(len(logits) - 1))
    return np.stack([z, others])


def other_labels(labels, n_others, random_state):
    """Return labels of other images than each, (n_others, n), none of them its own.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.shared_calibration import other_labels
    >>> other_labels(np.array([4, 4, 7]), 2, np.random.RandomState(0))
    array([[7, 7, 4],
           [7, 7, 4]])
    """
    distinct, own, counts = np.unique(labels, return_inverse=True, return_counts=True)
    # As often as they occur: of the images in order of labels, one that is not among one's own.
    first = np.cumsum(counts) - counts
    ordered = np.repeat(distinct, counts)
    draw = random_state.randint(0, len(labels) - counts[own], (n_others, len(labels)))
    draw += np.where(draw >= first[own], counts[own], 0)
    return ordered[draw]


def are_enough(labels):
    """Return whether there are images and different labels enough to calibrate on."""
    return len(labels) >= _FEWEST_IMAGES and len(np.unique(labels)) >= _FEWEST_LABELS
