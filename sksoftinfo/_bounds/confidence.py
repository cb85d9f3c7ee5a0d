"""Lower confidence limits of means and of information.

Arrays in, numbers out: NumPy and SciPy only, everything in nats.
"""

from __future__ import annotations

from numbers import Real
from typing import Literal

import numpy as np
from scipy import special

from .betting import betting_lower_limit
from .equations import entropy, kl_divergence

ConfidenceMethod = Literal["betting", "normal"]
# Share of the reference prior that is mixed into a prediction, so that its logarithm is bounded.
FLOOR = 1e-3
METHODS = ("betting", "normal")


def check_confidence(level, method):
    """Raise ValueError unless `level` is in (0, 1) and `method` is known."""
    if not (isinstance(level, Real) and 0 < level < 1):
        raise ValueError(
            f"confidence_level={level!r} is no probability: give a number within (0, 1), as 0.95."
        )
    if not (isinstance(method, str) and method in METHODS):
        known = " or ".join(repr(name) for name in METHODS)
        raise ValueError(f"confidence_method={method!r} is unknown: use {known}.")


def floor_mixture(log_proba, log_reference, share=FLOOR):
    """Logarithm of ``(1 - share) q + share r``, which is bounded from below.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.confidence import floor_mixture
    >>> round(float(floor_mixture(-np.inf, 0.0)), 3)
    -6.908
    """
    # Several times as fast as logaddexp; the floor is what keeps it from underflow.
    with np.errstate(divide="ignore"):
        return np.log((1 - share) * np.exp(log_proba) + share * np.exp(log_reference))


def normal_lower_limit(values, *, level=0.95, weights=None):
    """Lower confidence limit of a mean, asymptotic: Student's, corrected for skewness.

    Hall (1992), "On the removal of skewness by transformation". A cubic transformation of the
    studentised mean removes its skewness, and Student's quantile is taken.

    Parameters
    ----------
    values : array-like of shape (n,)
        Independent and identically distributed.
    level : float, default=0.95
    weights : array-like of shape (n,), default=None
        Importance weights; errors are those of the ratio ``sum(w v) / sum(w)``.

    Returns
    -------
    float
        Minus infinity where fewer than two values count.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.confidence import normal_lower_limit
    >>> round(normal_lower_limit(np.tile([0.0, 1.0], 500)), 3)
    0.474
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    used = weights > 0
    values, weights = values[used], weights[used]
    n = len(values)
    if n < 2:
        return -np.inf
    mean = np.average(values, weights=weights)
    deviation = weights * (values - mean)
    spread = np.sqrt((deviation**2).sum())
    if spread <= 1e-14 * weights.sum():
        return float(mean)
    error = spread / weights.sum() * np.sqrt(n / (n - 1))
    skewness = ((deviation / spread) ** 3).sum()  # of the mean: that of a value over sqrt(n)
    quantile = special.stdtrit(n - 1, level)
    if abs(skewness) > 1e-6:
        bent = 1 + skewness * (quantile - skewness / 6)
        quantile = 3 / skewness * (np.cbrt(bent) - 1)
    return float(mean - error * quantile)


def clopper_pearson_upper_limit(n_successes, n, *, level=0.95):
    """Upper confidence limit of a proportion, exact (Clopper and Pearson, 1934).

    Examples
    --------
    >>> from sksoftinfo._bounds.confidence import clopper_pearson_upper_limit
    >>> round(clopper_pearson_upper_limit(0, 100), 4)
    0.0295
    """
    if n_successes >= n:
        return 1.0
    return float(special.betaincinv(n_successes + 1, n - n_successes, level))


def fano_information(label_entropy, error_rate, n_classes):
    """Least information that a classifier of this error rate must have had (Fano).

    ``H(Y) - h(e) - e log(M - 1)`` with h the binary entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.confidence import fano_information
    >>> round(fano_information(np.log(4), 0.1, 4), 3)
    0.951
    """
    # Beyond the error rate of guessing, Fano's inequality says no more than H(Y|X) <= log M.
    error_rate = min(error_rate, (n_classes - 1) / n_classes)
    doubt = special.entr([error_rate, 1 - error_rate]).sum()
    return float(label_entropy - doubt - error_rate * np.log(n_classes - 1))


def mean_lower_limit(values, lower, upper, *, level, method, weights=None):
    """Lower confidence limit of a mean by `method`, ``"betting"`` or ``"normal"``."""
    if method == "normal":
        return normal_lower_limit(values, level=level, weights=weights)
    return betting_lower_limit(values, lower, upper, level=level, weights=weights)


def information_lower_limit(
    log_proba, y, frequencies, *, level, method, weights=None, known_prior=None
):
    """Lower confidence limit of I(X;Y) from log-likelihoods of held-out labels.

    The contribution of a row is ``log q'(y|x) - log r_y`` with r the frequencies of the rows'
    own labels and ``q' = (1 - eps) q + eps r``, eps = 0.001, so that it is bounded. Against the
    true prior p, these contributions have a mean of at most I(X;Y); against the frequencies
    their sample mean is smaller, by KL(frequencies, p).

    If the prior of the population is known, contributions against it, less
    KL(frequencies, prior), give a limit that is valid at every sample size; the smaller of the
    two limits is returned, so that a prior which is wrong does no harm.

    Parameters
    ----------
    log_proba : ndarray of shape (n,)
        Logarithm of the probability predicted for the label of each row.
    y : ndarray of int of shape (n,)
    frequencies : ndarray of shape (M,)
        (Weighted) frequencies of `y`.
    level : float
    method : {"betting", "normal"}
    weights : ndarray of shape (n,), default=None
    known_prior : ndarray of shape (M,), default=None

    Returns
    -------
    float
    """
    limits = []
    for prior in [frequencies] if known_prior is None else [frequencies, known_prior]:
        occurs = prior > 0
        with np.errstate(divide="ignore"):
            log_prior = np.log(prior)
        # Rows of weight zero may hold labels of frequency zero: whatever they say, it is not used.
        at_label = np.where(occurs, log_prior, 0.0)[y]
        values = floor_mixture(log_proba - at_label, 0.0)
        upper = floor_mixture(0.0, log_prior[occurs]) - log_prior[occurs]
        limit = mean_lower_limit(
            values, np.log(FLOOR), upper.max(), level=level, method=method, weights=weights
        )
        limits.append(limit - kl_divergence(frequencies, prior))
    return min(limits)


def fano_lower_limit(errors, y, frequencies, *, level, method, weights=None):
    """Lower confidence limit of I(X;Y) from the error rate, by Fano's inequality.

    The error rate's upper limit is Clopper and Pearson's, or by betting where rows have weights.
    H(Y) is known only from the rows as well: each of the two takes half of the probability of
    being wrong.

    Parameters
    ----------
    errors : ndarray of bool of shape (n,)
        Whether the most probable class was not the label.
    y, frequencies, level, method, weights
        As in `information_lower_limit`.

    Returns
    -------
    float
    """
    level = (1 + level) / 2
    rarity = -np.log(np.where(frequencies > 0, frequencies, 1.0))
    if not rarity.max() > 0:
        return 0.0
    label_entropy = mean_lower_limit(
        rarity[y], 0.0, rarity.max(), level=level, method=method, weights=weights
    )
    if weights is None:
        error_rate = clopper_pearson_upper_limit(int(errors.sum()), len(errors), level=level)
    else:
        error_rate = 1 - betting_lower_limit(~errors, 0.0, 1.0, level=level, weights=weights)
    return fano_information(min(label_entropy, entropy(frequencies)), error_rate, len(frequencies))
