"""Recalibration of predictions round by round, from earlier rows only.

Arrays in, arrays out: NumPy and SciPy only, everything in nats.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

# Exponents of the predicted probabilities (inverse temperatures). All are positive, so the order
# of the classes is preserved.
TEMPERED = (2.0, 0.5, 0.25, 0.125)
# Index of the expert's exponent in (1, *TEMPERED), and the share of label frequencies in its
# mixture in addition to the floor.
_EXPERTS = (
    (0, 0.0),
    (0, 0.03),
    (0, 0.1),
    (0, 0.3),
    (1, 0.0),
    (2, 0.0),
    (2, 0.1),
    (3, 0.0),
    (3, 0.1),
    (4, 0.0),
)


def tempered_log_likelihood(proba, log_likelihood):
    """Return the log-likelihood of each label under the powers of the prediction.

    Parameters
    ----------
    proba : ndarray of shape (n, M)
        Predicted probabilities.
    log_likelihood : ndarray of shape (n,)
        Logarithm of the probability of each label.

    Returns
    -------
    ndarray of shape (n, 4)
        ``log(q_y**b / sum(q**b))`` for each b in `TEMPERED`, in nats.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.recalibration import tempered_log_likelihood
    >>> np.exp(tempered_log_likelihood(np.array([[0.8, 0.2]]), np.log([0.8]))).round(2)
    array([[0.94, 0.67, 0.59, 0.54]])
    """
    result = np.multiply.outer(log_likelihood, TEMPERED)
    ones = np.ones(proba.shape[1])
    result[:, 0] -= np.log((proba * proba) @ ones)
    root = proba
    for column in range(1, len(TEMPERED)):
        root = np.sqrt(root)
        result[:, column] -= np.log(root @ ones)
    return result


def recalibrated(log_ratios, observations, share, folds=None):
    """Return the contributions of rows under a mixture of experts that is updated each round.

    An expert is a power of the prediction, mixed with the label frequencies. The weight of an
    expert in a round is proportional to its likelihood of the labels of earlier rounds; the
    unchanged prediction has an initial weight of 1/2. Because the weights depend on other rows
    only, ``E log q(y|x) / p(y)`` of a row is at most I(X;Y).

    Parameters
    ----------
    log_ratios : ndarray of shape (n, 5)
        ``log q(y|x) / r_y`` of the prediction and of its powers `TEMPERED`, in the order of
        ``observations.rows``.
    observations : Observations
        Observations that these rows form.
    share : float
        Smallest share of the label frequencies in any mixture.
    folds : ndarray of int of shape (n,), default=None
        Fold of each row. Only rows of the same fold are used, because the classifier of another
        fold was trained on the labels of this one.

    Returns
    -------
    ndarray of shape (n,)
        Contributions in nats, at least ``log(share)``.
    """
    # In this order, rows of one fold and round are adjacent, and rounds are consecutive.
    rounds = observations.row_rounds
    folds = np.zeros(len(rounds), dtype=np.intp) if folds is None else folds
    order = np.lexsort((rounds, folds))
    rounds, folds = rounds[order], folds[order]
    changes = (rounds[1:] != rounds[:-1]) | (folds[1:] != folds[:-1])
    starts = np.concatenate([[0], 1 + np.flatnonzero(changes)])

    # Shape (5, n), so that the ratios of each power are contiguous.
    ratios = np.exp(log_ratios.T[:, order])

    def expert_ratios(power, extra):
        """Return ``q'(y|x) / r_y`` of one expert for all rows."""
        least = share + (1 - share) * extra
        return ratios[power] * (1 - least) + least

    row_weights = observations.row_weights[order]
    sums = np.column_stack(
        [
            np.add.reduceat(np.log(expert_ratios(*expert)) * row_weights, starts)
            for expert in _EXPERTS
        ]
    )
    before = sums.cumsum(axis=0) - sums
    is_first = np.concatenate([[True], np.diff(folds[starts]) != 0])
    before -= before[is_first][np.cumsum(is_first) - 1]
    log_prior = np.log([0.5] + [0.5 / (len(_EXPERTS) - 1)] * (len(_EXPERTS) - 1))
    weights = softmax(before + log_prior, axis=1)
    lengths = np.diff(np.append(starts, len(rounds)))
    mixed = np.zeros(len(rounds))
    for weight, expert in zip(weights.T, _EXPERTS, strict=True):
        mixed += np.repeat(weight, lengths) * expert_ratios(*expert)
    values = np.empty_like(mixed)
    values[order] = np.log(mixed)
    return values
