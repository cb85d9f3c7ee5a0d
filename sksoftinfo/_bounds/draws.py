"""What a finite number of draws does to averages: bias, and Monte-Carlo errors.

Arrays in, arrays out: NumPy and SciPy only, float64 throughout, everything in nats. Each row has K
independent draws of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from .equations import at_label, log_mean_exp, three_dimensional


class DrawTerms(NamedTuple):
    """What the draws of one row say of their own averages; each field has shape (n,).

    ``dv_correction`` is to be added to the row's Donsker-Varadhan term; the others are variances
    of its terms, over repetitions of the draws.
    """

    dv_correction: np.ndarray
    log_softmax_variance: np.ndarray
    dv_variance: np.ndarray
    jensen_gap_variance: np.ndarray


def leave_one_out_log_mean_exp(values):
    """Logarithm of the mean of exponentials along the last axis, without each value in turn.

    Sums from both ends, so that nothing is subtracted: a value that outweighs all others leaves
    the sum of those others exact.

    Parameters
    ----------
    values : ndarray of shape (..., K)
        At least two along the last axis.

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
    """Return the jackknife over draws of each row's terms.

    The logarithm of a mean over K draws has a bias of order 1 / K, upwards in the
    Donsker-Varadhan representation. The jackknife, K times the value of all draws less K - 1
    times the average value without one of them, has one of order 1 / K**2 (Quenouille, 1956); the
    spread of its pseudo-values is the Monte-Carlo error (Tukey, 1958).

    Parameters
    ----------
    logits : array-like of shape (n, K, M)
    y : array-like of int of shape (n,)

    Returns
    -------
    DrawTerms
        From one draw there is no correction, and the variances are NaN.
    """
    logits = three_dimensional(logits)
    n, n_draws = logits.shape[:2]
    if n_draws == 1:
        return DrawTerms(np.zeros(n), *np.full((3, n), np.nan))
    label = at_label(logits, y)
    normaliser = logsumexp(logits, axis=-1)
    whole = log_mean_exp(normaliser, axis=1)[:, None]
    # Those of the logarithm of the mean; a plain mean's are the values themselves.
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
    """Donsker-Varadhan term of rows whose logits are Gaussian, without drawing any.

    ``mean_y - log (1/M) sum_m exp(mean_m + scale_m**2 / 2)`` (paper Eq. 13, uniform E_y).

    Parameters
    ----------
    mean, scale : array-like of shape (n, M)
    y : array-like of int of shape (n,)

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
