"""Members of the stack, and their mixture by held-out log-likelihood.

No kind of classifier is closest to p(y|x) on every table. On the held-out labels whose likelihood
its weights maximise, a mixture of several kinds is at least as close as the best of them.
"""

from __future__ import annotations

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

# Members of a smaller weight are left out.
SMALLEST_WEIGHT = 1e-3
_MAX_STEPS = 2000
_MLP_STEPS = 100
_QUICK = ("logistic", "boosting")


def stack_members(y, splits, n_features, kinds="all"):
    """Return the names and unfitted classifiers of the stack.

    There are two MLPs, because clean tables need little weight decay and noisy tables need
    much. The MLPs are trained by L-BFGS on all rows at once. With `InfoSoftmaxClassifier`
    as a further member, the stack takes 4.6 to 7.4 times as long, for the same bits on average
    (benchmarks/bench_stack_members.py). Some members are left out:

    - linear discriminant analysis if a class has fewer than two training rows, and thus no
      covariance;
    - quadratic discriminant analysis if a class does not have more training rows than there are
      features, and thus a singular covariance;
    - nearest neighbours if there are fewer training rows than neighbours.

    Boosting stops early if a tenth of the rows can hold one row of each class.

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
        raise ValueError(
            f"`members` must be 'all' or 'quick'; got {kinds!r}. Use 'all' for the whole stack."
        )
    n_classes = y.max() + 1
    fewest = min(np.bincount(y[train], minlength=n_classes).min() for train, _ in splits)
    n_rows = min(len(train) for train, _ in splits)
    # A validation split of a tenth of the rows needs at least one row of each class.
    can_hold_out = bool(n_rows >= 10 * n_classes and fewest >= 2)
    members = {
        "logistic": LogisticRegression(max_iter=1000),
        "lda": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "qda": QuadraticDiscriminantAnalysis(reg_param=2e-4),
        "neighbours": KNeighborsClassifier(n_neighbors=30),
        "more neighbours": KNeighborsClassifier(n_neighbors=100),
        "boosting": HistGradientBoostingClassifier(early_stopping=can_hold_out, random_state=0),
        "mlp": _mlp(weight_decay=1.0),
        "smooth mlp": _mlp(weight_decay=10.0),
    }
    if fewest < 2:
        del members["lda"]
    if fewest <= max(n_features, 1):
        del members["qda"]
    if n_rows < 30:
        del members["neighbours"]
    if n_rows < 100:
        del members["more neighbours"]
    return {name: members[name] for name in _QUICK} if kinds == "quick" else members


def _mlp(weight_decay):
    return MLPClassifier(
        (32,), solver="lbfgs", alpha=weight_decay, max_iter=_MLP_STEPS, random_state=0
    )


def mixture_weights(likelihoods, sample_weight=None):
    """Return the weights of a mixture that maximise the likelihood of the labels.

    The weights are found by expectation maximisation: each step increases the log-likelihood,
    which is concave in the weights.

    Parameters
    ----------
    likelihoods : ndarray of shape (n, n_members)
        Probability that each member predicted for the label that occurred.
    sample_weight : ndarray of shape (n,), default=None
        Weights of the labels.

    Returns
    -------
    ndarray of shape (n_members,)
        Non-negative weights of sum 1; equal weights if there are no labels.

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
    # Ignore labels that all members gave probability 0: they do not distinguish members.
    used = (likelihoods.max(axis=1) > 0) & (share > 0)
    if not used.any():
        return weights
    likelihoods, share = likelihoods[used], share[used] / share[used].sum()
    for _ in range(_MAX_STEPS):
        gradient = share @ (likelihoods / (likelihoods @ weights)[:, None])
        weights = weights * gradient
        # The largest gradient is 1 at the maximum; its excess over 1 bounds the remaining gain.
        if gradient.max() - 1 < 1e-6:
            break
    return weights / weights.sum()


def label_likelihoods(probas, y):
    """Return the probability that each member predicted for the label that occurred.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
    y : ndarray of int of shape (n,)

    Returns
    -------
    ndarray of shape (n, n_members)
    """
    return np.column_stack([proba[np.arange(len(y)), y] for proba in probas])
