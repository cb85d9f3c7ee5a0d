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
_LOG_PRIOR = np.log([0.5] + [0.5 / (len(_EXPERTS) - 1)] * (len(_EXPERTS) - 1))


def tempered_log_likelihood(proba, log_likelihood):
    """Return the log-likelihood of each label under the powers of the prediction.

    Parameters
    ----------
    proba : ndarray of shape (n, M), float64
        Predicted probabilities, which need not sum to 1.
    log_likelihood : ndarray of shape (n,)
        Logarithm of the number in `proba` of each label.

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
    result = np.empty((len(proba), len(TEMPERED)))
    ones = np.ones(proba.shape[1])
    powers = proba * proba
    for column, exponent in enumerate(TEMPERED):
        if column:
            np.sqrt(proba if column == 1 else powers, out=powers)
        result[:, column] = exponent * log_likelihood - np.log(powers @ ones)
    return result


class Recalibration:
    """Mixture of experts that is updated after each round, from the rows of earlier rounds.

    An expert is a power of the prediction, mixed with the label frequencies. The weight of an
    expert in a round is proportional to its likelihood of the labels of earlier rounds; the
    unchanged prediction has an initial weight of 1/2. Because the weights depend on other rows
    only, ``E log q(y|x) / p(y)`` of a row is at most I(X;Y).

    Parameters
    ----------
    share : float
        Smallest share of the label frequencies in any mixture.
    n_folds : int, default=1
        Number of folds. Only rows of the same fold are used, because the classifier of another
        fold was trained on the labels of this one.
    """

    def __init__(self, share, n_folds=1):
        powers, extra = np.array(_EXPERTS).T
        self._powers = powers.astype(int)
        self._least = share + (1 - share) * extra
        # An expert's prediction is linear in the powers of the prediction.
        self._experts = np.zeros((len(_EXPERTS), len(TEMPERED) + 1))
        self._experts[np.arange(len(_EXPERTS)), self._powers] = 1 - self._least
        # Log-likelihoods of the labels of earlier rounds, and of the labels of the present round.
        self._earlier = np.zeros((n_folds, len(_EXPERTS)))
        self._present = np.zeros_like(self._earlier)

    def update(self, ratios, part, folds=None):
        """Return the contributions of the next rows, and learn from them for later rounds.

        Parameters
        ----------
        ratios : ndarray of shape (5, n)
            ``q(y|x) / r_y`` of the prediction and of its powers `TEMPERED`.
        part : RowsOfPart
            Next part of the observations, whose rows these are.
        folds : ndarray of int of shape (n,), default=None
            Fold of each row; all rows are of one fold if None.

        Returns
        -------
        ndarray of shape (n,)
            Contributions in nats, at least ``log(share)``.
        """
        if part.begins:
            self._earlier += self._present
            self._present[:] = 0.0
        weights, starts = part.weights, part.starts
        if folds is None:
            folds_of_starts = np.zeros(len(starts), dtype=np.intp)
        else:
            # In this order, rows of one fold and round are adjacent, and rounds are consecutive.
            order = np.argsort(folds, kind="stable")
            rounds = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(folds)))[order]
            ratios, weights, folds = ratios[:, order], weights[order], folds[order]
            changes = (rounds[1:] != rounds[:-1]) | (folds[1:] != folds[:-1])
            starts = np.concatenate([[0], 1 + np.flatnonzero(changes)])
            folds_of_starts = folds[starts]
        sums = np.empty((len(starts), len(_EXPERTS)))
        for expert, (power, least) in enumerate(zip(self._powers, self._least, strict=True)):
            learned = ratios[power] * (1 - least)
            learned += least
            np.log(learned, out=learned)
            learned *= weights
            sums[:, expert] = np.add.reduceat(learned, starts)
        before = sums.cumsum(axis=0) - sums
        is_first = np.concatenate([[True], np.diff(folds_of_starts) != 0])
        before -= before[is_first][np.cumsum(is_first) - 1]
        before += self._earlier[folds_of_starts]
        np.add.at(self._present, folds_of_starts, sums)
        shares = softmax(before + _LOG_PRIOR, axis=1)
        lengths = np.diff(starts, append=ratios.shape[1])
        mixed = np.repeat(shares @ self._least, lengths)
        for ratio, share in zip(ratios, (shares @ self._experts).T, strict=True):
            mixed += np.repeat(share, lengths) * ratio
        np.log(mixed, out=mixed)
        if folds is None:
            return mixed
        values = np.empty_like(mixed)
        values[order] = mixed
        return values
