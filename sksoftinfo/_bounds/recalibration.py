"""Predictions recalibrated row by row, each from the rows before it.

Arrays in, arrays out: NumPy and SciPy only, everything in nats.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

# Exponents of the predicted probabilities, inverse temperatures: all are positive, so that no
# order of the classes is ever reversed.
TEMPERED = (2.0, 0.5, 0.25, 0.125)
# Of each expert, the exponent (its place in (1, *TEMPERED)) and the share of the label
# frequencies in the mixture, besides that of the floor.
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
        Logarithm of those of the labels.

    Returns
    -------
    ndarray of shape (n, 4)
        Of ``q**b / sum(q**b)`` for each b in `TEMPERED`.

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
    """Return each row's contribution under a mixture of experts that learns round by round.

    An expert is a power of the prediction, mixed with the label frequencies. The weight of an
    expert in a round is proportional to the likelihood that it gave to the labels of the rounds
    before; the prediction as it is starts with a half. Whatever is learned from other rows, a
    row's ``E log q(y|x) / p(y)`` is at most I(X;Y).

    Parameters
    ----------
    log_ratios : ndarray of shape (n, 5)
        ``log q(y|x) / r_y`` of the prediction and of its powers `TEMPERED`, in the order of
        ``observations.rows``.
    observations : Observations
    share : float
        Least share of the label frequencies in any mixture.
    folds : ndarray of int of shape (n,), default=None
        Rows learn from rows of the same fold only: others were trained on with their labels.

    Returns
    -------
    ndarray of shape (n,)
        In nats, at least ``log(share)``.
    """
    # Rows of one fold and round are neighbours in this order, and rounds follow each other.
    rounds = observations.row_rounds
    folds = np.zeros(len(rounds), dtype=np.intp) if folds is None else folds
    order = np.lexsort((rounds, folds))
    rounds, folds = rounds[order], folds[order]
    changes = (rounds[1:] != rounds[:-1]) | (folds[1:] != folds[:-1])
    starts = np.concatenate([[0], 1 + np.flatnonzero(changes)])

    # Of shape (5, n): one row for each power, so that each expert is a line of neighbours.
    ratios = np.exp(log_ratios.T[:, order])

    def expert_ratios(power, extra):
        """Return ``q'(y|x) / r_y`` of one expert, one array of rows at a time."""
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
