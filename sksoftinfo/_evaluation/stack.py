"""Several kinds of classifiers, mixed by held-out log-likelihood.

No kind of classifier is nearest to p(y|x) on every table. A mixture of their predictions, with
weights that maximise the likelihood of labels none of them was trained on, is as near as the
best of them, or nearer.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from .._classifiers import InfoSoftmaxClassifier, early_stopping

# Members of a smaller weight are left out.
SMALLEST_WEIGHT = 1e-3
# Members of a smaller weight are hardly missed.
_CLEAR_WEIGHT = 0.05
_MAX_STEPS = 2000
_QUICK = ("logistic", "boosting")


def stack_members(y, splits, n_features, kinds="all"):
    """Return names and unfitted classifiers of the stack.

    Two networks, since neither is near p(y|x) on all tables: our default, which chooses its decay
    by rows that it holds out, and a wider one without decay, which stops early. Left out are
    quadratic discriminant analysis where a class has no more rows to train on than there are
    features, and so a singular covariance; nearest neighbours where there are fewer rows; and the
    wider network below 100 rows, too few to hold some out. Linear discriminant analysis is left
    out where a class has fewer than two rows, of which there is no covariance. Boosting stops
    early where a tenth of the rows can hold one of each class.

    Parameters
    ----------
    y : ndarray of int of shape (n,)
    splits : sequence of (train, test) index arrays
    n_features : int
    kinds : {"all", "quick"}, default="all"
        ``"quick"`` are logistic regression and boosting.

    Returns
    -------
    dict of str to estimator
    """
    if kinds not in ("all", "quick"):
        raise ValueError(f"members must be 'all' or 'quick'; got {kinds!r}.")
    n_classes = y.max() + 1
    fewest = min(np.bincount(y[train], minlength=n_classes).min() for train, _ in splits)
    n_rows = min(len(train) for train, _ in splits)
    # A validation split of a tenth needs a row of each class, at least.
    can_hold_out = bool(n_rows >= 10 * n_classes and fewest >= 2)
    members = {
        "logistic": LogisticRegression(max_iter=1000),
        "lda": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "qda": QuadraticDiscriminantAnalysis(reg_param=2e-4),
        "neighbours": KNeighborsClassifier(n_neighbors=30),
        "more neighbours": KNeighborsClassifier(n_neighbors=100),
        "boosting": HistGradientBoostingClassifier(early_stopping=can_hold_out, random_state=0),
        "network": InfoSoftmaxClassifier(device="cpu", random_state=0),
        "wide network": InfoSoftmaxClassifier(
            device="cpu",
            optimizer=torch.optim.Adam,
            lr=1e-3,
            max_epochs=60,
            train_split=0.1,
            callbacks=[early_stopping(patience=8)],
            random_state=0,
            module__hidden_sizes=(128, 128),
        ),
    }
    if fewest < 2:
        del members["lda"]
    if fewest <= max(n_features, 1):
        del members["qda"]
    if n_rows < 30:
        del members["neighbours"]
    if n_rows < 100:
        del members["more neighbours"]
    if n_rows < 100 or not can_hold_out:
        del members["wide network"]
    return {name: members[name] for name in _QUICK} if kinds == "quick" else members


def mixture_weights(likelihoods, sample_weight=None):
    """Weights of a mixture of predictions that maximise the likelihood of the labels.

    Expectation maximisation: the likelihood, which is concave in the weights, grows in each step.

    Parameters
    ----------
    likelihoods : ndarray of shape (n, n_members)
        Probability that each member gave to the label that occurred.
    sample_weight : ndarray of shape (n,), default=None
        Weights of the labels.

    Returns
    -------
    ndarray of shape (n_members,)
        Non-negative, of sum 1; equal where there are no labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.stack import mixture_weights
    >>> mixture_weights(np.array([[0.9, 0.5], [0.8, 0.5]])).round(3)
    array([1., 0.])
    """
    likelihoods = np.asarray(likelihoods, dtype=np.float64)
    share = np.ones(len(likelihoods)) if sample_weight is None else np.asarray(sample_weight)
    weights = np.full(likelihoods.shape[1], 1.0 / likelihoods.shape[1])
    # A label that no member thought possible is none's fault more than another's.
    used = (likelihoods.max(axis=1) > 0) & (share > 0)
    if not used.any():
        return weights
    likelihoods, share = likelihoods[used], share[used] / share[used].sum()
    for _ in range(_MAX_STEPS):
        gradient = share @ (likelihoods / (likelihoods @ weights)[:, None])
        weights = weights * gradient
        # The largest gradient is 1 at the maximum, and bounds what is left to gain by its excess.
        if gradient.max() - 1 < 1e-6:
            break
    return weights / weights.sum()


def may_help(likelihoods, sample_weight=None):
    """Return which members are of use in a mixture, or not clearly of none.

    Members with a weight of 0.05 or more in the best mixture of these labels are of use. Others
    may be, unless giving them half of the mixture makes the labels less likely by two standard
    errors of the mean log-likelihood.

    Parameters
    ----------
    likelihoods : ndarray of shape (n, n_members)
        Probability that each member gave to the label that occurred.
    sample_weight : ndarray of shape (n,), default=None
        Weights of the labels.

    Returns
    -------
    ndarray of bool of shape (n_members,)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._evaluation.stack import may_help
    >>> may_help(np.array([[0.9, 0.5], [0.8, 0.5], [0.7, 0.4]])).tolist()
    [True, False]
    """
    weights = mixture_weights(likelihoods, sample_weight)
    mixture = likelihoods @ weights
    used = mixture > 0
    share = np.ones(len(mixture)) if sample_weight is None else np.asarray(sample_weight)
    if not share[used].sum() > 0:
        return np.ones(len(weights), dtype=bool)
    share = share[used] / share[used].sum()
    gain = np.log((1 + likelihoods[used] / mixture[used, None]) / 2)
    mean = share @ gain
    error = np.sqrt(share**2 @ (gain - mean) ** 2)
    return (weights >= _CLEAR_WEIGHT) | (mean + 2 * error >= 0)


def label_likelihoods(probas, y):
    """Return the probability that each member gave to the label that occurred.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
    y : ndarray of int of shape (n,)

    Returns
    -------
    ndarray of shape (n, n_members)
    """
    return np.column_stack([proba[np.arange(len(y)), y] for proba in probas])
