"""`SharedCalibration`: one calibration for all classes, learned from unlabelled pictures."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, logsumexp
from sklearn.linear_model import LogisticRegression

from .evidence import log_odds

# Inverse strength of the penalty. The coefficients change by less than a tenth if it is up to
# a hundred times as large.
_C = 100.0
# Number of classes of other images that each image is compared with.
N_OTHERS = 10
#: The shipped coefficients are used with fewer pictures, or if their labels, or predictions in
#: place of labels, name fewer classes.
FEWEST_IMAGES = 10
_FEWEST_LABELS = 5
# Learned from 120 photographs of 120 classes, with the logits of EfficientNet-lite0 in units of
# their standard deviation: the coefficients of z_t and of the logarithm of the rivals' mean
# exponential, and the intercept. The first numbers are for patches, and the second for cells of
# enlarged pictures, as bench_photo_defaults.py prints them.
_SHIPPED = (np.array([0.28, -0.032]), -0.2)
_SHIPPED_OF_PICTURES = (np.array([0.375, -0.044]), -0.22)
# Nats per such unit of the difference of two logits, for windows of half the shorter side.
_SHIPPED_RIVAL_SLOPE = 2.0
#: Presence floors with the shipped coefficients, in nats: the least information of the best patch,
#: or of the best large window of a picture, about a class that is present.
SHIPPED_FLOOR, SHIPPED_FLOOR_OF_PICTURES = 1.5, 1.3
# Share of the labels that may be wrong. Without it, the windows of most pictures can be separated
# without error, so that the number of pictures and a penalty would set the slope.
_WRONG_LABELS = 0.001


class SharedCalibration:
    """Weight of evidence that a class is present in an image, given one place of the image.

    One logistic regression serves all classes. Its inputs are the class's logit z_t and the
    logarithm of the mean of the rivals' exponentials, both minus the mean of all logits, so that a
    constant added to all logits has no effect. The regression is fitted on virtual composites of
    two images: on the places of both images, with the label "one of the two images is of class
    t". Half of the composites have the label 1, so that the log-odds of the regression are the
    weight of evidence. Without the second image of the composites, "t is the top class here"
    could separate the places without error.

    Absent classes t are drawn from the labels of other images.

    Parameters
    ----------
    prior : ndarray of shape (M,)
        Prior of the classes, for kinds of information other than weight of evidence.

    Attributes
    ----------
    coef_ : ndarray of shape (2,)
        Coefficients of the two inputs.
    intercept_ : float
        Intercept of the regression.
    rival_slope_ : float
        Nats per unit of the difference of the logits of two classes in large windows, given that
        one of the two classes is present. Set by `fit_rivals` and `ship_for_pictures`.
    shipped_ : bool
        Whether the numbers are shipped with the package rather than fitted.
    """

    def __init__(self, prior):
        self.prior = prior

    def fit(self, seen):
        """Fit on the `features` (2, 1 + n_others, n, rows, columns) of images.

        The first class of an image is its label or its predicted class. The other classes come
        from `other_labels`.
        """
        own, others = (
            part.reshape(2, -1).T.astype(np.float64) for part in (seen[:, :1], seen[:, 1:])
        )
        # Two composites with class t and two without it consist of eight images, of which six are
        # not of class t.
        rows = np.concatenate([own, others, others])
        present = np.repeat([1, 1, 0], [len(own), len(others), len(others)])
        # All places of an image share its label, so together they weigh as much as one image.
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
        # Half of the composites have the class, so that the intercept needs no correction.
        self.intercept_ = float(model.intercept_[0] - self.coef_ @ centre)
        self.shipped_ = False
        return self

    def fit_rivals(self, logits):
        """Fit the slope of the log-odds of a class against a rival.

        The slope maximises the likelihood of a logistic regression without an intercept and
        without a penalty, which allows for a small share of wrong labels.

        Parameters
        ----------
        logits : ndarray of shape (1 + n_others, n, rows, columns)
            Logits up to a constant, of the image's own class first, then of absent classes.
        """
        beyond = (logits[:1] - logits[1:]).astype(np.float64).ravel()
        unit = np.sqrt(np.mean(beyond**2)) or 1.0
        beyond /= unit

        def derivative(slope):
            return np.mean(beyond * (expit(slope * beyond) - (1 - _WRONG_LABELS)))

        self.rival_slope_ = 0.0
        # Otherwise rivals are as evident as the image's own class.
        if beyond.mean() > 0:
            steep = 1.0
            while derivative(steep) < 0:
                steep *= 2
            self.rival_slope_ = float(brentq(derivative, 0, steep) / unit)
        return self

    def ship(self, whole):
        """Use the shipped coefficients, scaled by the logits of whole images (n, M)."""
        unit = float(np.std(whole - whole.mean(axis=1, keepdims=True))) or 1.0
        coef, self.intercept_ = _SHIPPED
        self.coef_ = coef / unit
        self.shipped_ = True
        return self

    def ship_for_pictures(self):
        """Use the shipped coefficients for logits in units of `picture_units`."""
        self.coef_, self.intercept_ = _SHIPPED_OF_PICTURES
        self.rival_slope_ = _SHIPPED_RIVAL_SLOPE
        self.shipped_ = True
        return self

    def information(self, kind, inputs, classes, weighed=False):
        """Return the information of places about classes, as in `PatchCalibration`."""
        # All patch sizes have the same weight.
        return self.of_features(kind, features(inputs.mean(axis=0), classes), classes)

    def of_features(self, kind, seen, classes):
        """Return the information of places from `features` (2, T, n, rows, columns)."""
        first, second = self.coef_.astype(seen.dtype)
        evidence = first * seen[0] + second * seen[1] + seen.dtype.type(self.intercept_)
        if kind == "weight_of_evidence":
            return evidence
        prior = self.prior[classes].astype(seen.dtype)[..., None, None]
        return -np.logaddexp(0, -(evidence + logit(prior))) - np.log(prior)

    def of_group(self, kind, inputs, classes, weighed=False):
        """Return the information of places about "any of the classes"."""
        each = self.information("weight_of_evidence", inputs, classes)
        share = self.prior[classes]
        total = share.sum(axis=0).astype(each.dtype)[..., None, None]
        share = (share / share.sum(axis=0)).astype(each.dtype)[..., None, None]
        # The likelihood of the group is the weighted mean of the likelihoods of its classes.
        evidence = logsumexp(each, axis=0, b=share)
        if kind == "weight_of_evidence":
            return evidence
        return -np.logaddexp(0, -(evidence + logit(total))) - np.log(total)


def features(logits, classes):
    """Return z_t and the logarithm of the rivals' mean exponential, minus the mean logit.

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


def picture_units(whole):
    """Return the standard deviation of the logits of whole pictures (n, M), shape (n, 1, 1).

    The logits for a picture of several objects vary less than those for a picture of one object.
    The result is 1 for a picture whose logits do not vary.
    """
    unit = np.std(whole - whole.mean(axis=1, keepdims=True), axis=1)[:, None, None]
    return np.where(unit > 0, unit, 1)


def other_labels(labels, n_others, random_state):
    """Draw labels of other images for each image, (n_others, n), that differ from its own.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._masking.shared_calibration import other_labels
    >>> other_labels(np.array([4, 4, 7]), 2, np.random.RandomState(0))
    array([[7, 7, 4],
           [7, 7, 4]])
    """
    distinct, own, counts = np.unique(labels, return_inverse=True, return_counts=True)
    # Draw labels by their frequencies: sort the images by label and skip the image's own label.
    first = np.cumsum(counts) - counts
    ordered = np.repeat(distinct, counts)
    draw = random_state.randint(0, len(labels) - counts[own], (n_others, len(labels)))
    draw += np.where(draw >= first[own], counts[own], 0)
    return ordered[draw]


def are_enough(labels):
    """Return whether there are enough images, and enough classes among their labels, to fit.

    ``None`` stands for the labels of too few images.
    """
    if labels is None or len(labels) < FEWEST_IMAGES:
        return False
    return len(np.unique(labels)) >= _FEWEST_LABELS
