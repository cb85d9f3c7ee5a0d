"""Bias and Monte-Carlo errors of averages over a finite number of draws.

Arrays in, arrays out: NumPy and SciPy only, float64 throughout, everything in nats. Each row has
its own K independent draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from .equations import at_label, log_mean_exp, three_dimensional


class DrawTerms(NamedTuple):
    """Corrections and variances of each row's averages over draws; fields of shape (n,).

    ``dv_correction`` is to be added to the row's Donsker-Varadhan term. The other fields are
    variances of the row's terms over repetitions of the draws.
    """

    dv_correction: np.ndarray
    log_softmax_variance: np.ndarray
    dv_variance: np.ndarray
    jensen_gap_variance: np.ndarray


def leave_one_out_log_mean_exp(values):
    """Return the log of the mean of exponentials along the last axis, leaving out one at a time.

    Sums are accumulated from both ends. Nothing is subtracted, so the result is accurate even if
    the value that is left out outweighs all others.

    Parameters
    ----------
    values : ndarray of shape (..., K)
        At least two values along the last axis.

    Returns
    -------
    ndarray of shape (..., K)

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.draws import leave_one_out_log_mean_exp
    >>> leave_one_out_log_mean_exp(np.array([0.0, 0.0, 1000.0])).round(1)
    array([999.3, 999.3,   0. ])
    """
    before = np.full(values.shape, -np.inf)
    before[..., 1:] = np.logaddexp.accumulate(values[..., :-1], axis=-1)
    after = np.full(values.shape, -np.inf)
    after[..., :-1] = np.logaddexp.accumulate(values[..., :0:-1], axis=-1)[..., ::-1]
    return np.logaddexp(before, after) - np.log(values.shape[-1] - 1)


def draw_terms(logits, y):
    """Return the jackknife correction and variances of each row's terms.

    The logarithm of a mean over K draws has a bias of order 1 / K, which makes the
    Donsker-Varadhan term too high. The jackknife estimate is K times the value from all draws less
    K - 1 times the average of the values without one draw; its bias is of order 1 / K**2
    (Quenouille, 1956). The spread of the pseudo-values gives the Monte-Carlo error (Tukey, 1958).

    Parameters
    ----------
    logits : array-like of shape (n, K, M)
        Logits of K draws.
    y : array-like of int of shape (n,)
        Index of the label of each row.

    Returns
    -------
    DrawTerms
        With one draw, the correction is 0 and the variances are NaN.
    """
    logits = three_dimensional(logits)
    n, n_draws = logits.shape[:2]
    if n_draws == 1:
        return DrawTerms(np.zeros(n), *np.full((3, n), np.nan))
    label = at_label(logits, y)
    normaliser = logsumexp(logits, axis=-1)
    whole = log_mean_exp(normaliser, axis=1)[:, None]
    # Pseudo-values of the logarithm of the mean; for the mean itself they are the values.
    pseudo = n_draws * whole - (n_draws - 1) * leave_one_out_log_mean_exp(normaliser)

    def variance(values):
        return values.var(axis=1, ddof=1) / n_draws

    return DrawTerms(
        dv_correction=whole[:, 0] - pseudo.mean(axis=1),
        log_softmax_variance=variance(label - normaliser),
        dv_variance=variance(label - pseudo),
        jensen_gap_variance=variance(pseudo - normaliser),
    )


def closed_form_donsker_varadhan(mean, scale, y):
    """Return the Donsker-Varadhan term of rows with Gaussian logits, without any draws.

    The term is ``mean_y - log (1/M) sum_m exp(mean_m + scale_m**2 / 2)`` (paper Eq. 13, with
    uniform E_y).

    Parameters
    ----------
    mean, scale : array-like of shape (n, M)
        Mean and standard deviation of each logit.
    y : array-like of int of shape (n,)
        Index of the label of each row.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> from sksoftinfo._bounds.draws import closed_form_donsker_varadhan
    >>> closed_form_donsker_varadhan([[1.0, 1.0]], [[2.0, 2.0]], [0])
    array([-2.])
    """
    mean, scale = np.asarray(mean, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    return at_label(mean, y) - log_mean_exp(mean + scale**2 / 2, axis=1)
