"""Confidence limits of information, from the contributions of rows to the bounds.

Arrays in, numbers out: NumPy and SciPy only, everything in nats.
"""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy import special

from .betting import betting_lower_limits
from .equations import entropy, kl_divergence
from .recalibration import Recalibration

# Share of the label frequencies that is mixed into a prediction, which bounds its logarithm.
_SMALLEST_SHARE = 1e-3
_LARGEST_SHARE = 0.1
# Largest share for recalibrated predictions: with few rows, larger shares give higher limits.
_LARGEST_RECALIBRATED_SHARE = 0.3
# Share of the error probability of `mi_lower_limit` that is spent on Fano's limit. The rest is
# spent on the limit by betting, which is usually the larger one.
_FANO_SHARE = 0.1


def check_confidence_level(level):
    """Raise ValueError unless `level` is in (0, 1)."""
    if not (isinstance(level, Real) and 0 < level < 1):
        raise ValueError(
            f"`confidence_level` must be a probability within (0, 1); got {level!r}. Pass a "
            "number, e.g. 0.95."
        )


def floor_share(size, largest=_LARGEST_SHARE):
    """Return the share of the label frequencies to mix into predictions of `size` observations.

    Examples
    --------
    >>> from sksoftinfo._bounds.confidence import floor_share
    >>> floor_share(20), floor_share(500), floor_share(1_000_000)
    (0.1, 0.02, 0.001)
    """
    return float(min(largest, max(10 / size, _SMALLEST_SHARE)))


def floor_mixture(log_ratio, share):
    """Return ``log((1 - share) q / r + share)``, given ``log(q / r)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.confidence import floor_mixture
    >>> round(float(floor_mixture(-np.inf, 0.001)), 3)
    -6.908
    """
    return np.log((1 - share) * np.exp(log_ratio) + share)


def clopper_pearson_upper_limit(n_successes, n, *, level=0.95):
    """Return the exact upper confidence limit of a proportion (Clopper and Pearson, 1934).

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
    """Return the least information consistent with an error rate, by Fano's inequality.

    The result is ``H(Y) - h(e) - e log(M - 1)``, where h is the binary entropy.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._bounds.confidence import fano_information
    >>> round(fano_information(np.log(4), 0.1, 4), 3)
    0.951
    """
    # Above the error rate of guessing, Fano's inequality reduces to H(Y|X) <= log M.
    error_rate = min(error_rate, (n_classes - 1) / n_classes)
    doubt = special.entr([error_rate, 1 - error_rate]).sum()
    return float(label_entropy - doubt - error_rate * np.log(n_classes - 1))


class ConfidenceLimits(NamedTuple):
    """Confidence limits of one evaluation, in nats."""

    mi_lower_floored: float
    mi_lower_limit: float
    betting_lower_limit: float
    fano_lower_limit: float
    label_entropy_upper_limit: float
    interval: tuple[float, float]


def confidence_limits(
    log_likelihood, tempered, errors, y, n_classes, observations, *, levels, prior=None, folds=None
):
    """Return confidence limits on I(X;Y), on H(Y) and on the information of the predictions.

    The contribution of a row is ``log q'(y|x) - log r_y``, where r are the frequencies of the
    labels of these rows and ``q' = (1 - eps) q + eps r`` with eps from `floor_share`, which bounds
    the contribution. If r were the true prior p, the expected contribution would be at most
    I(X;Y). With the frequencies, the sample mean is smaller by KL(frequencies, p).

    The lower limits of information are at least 0; the ends of the interval may be negative.

    Parameters
    ----------
    log_likelihood : ndarray of shape (n_rows,)
        Logarithm of the probability predicted for the label of each row.
    tempered : ndarray of shape (n_rows, 4)
        Output of `tempered_log_likelihood`.
    errors : ndarray of bool of shape (n_rows,)
        Whether the most probable class differs from the label.
    y : ndarray of int of shape (n_rows,)
        Index of the label of each row.
    n_classes : int
        Number of classes.
    observations : Observations
        Observations that these rows form.
    levels : sequence of float
        Confidence levels. Several levels cost little more than one.
    prior : ndarray of shape (M,), default=None
        Known label distribution of the population. Contributions relative to it, less
        KL(frequencies, prior), give a limit that is valid at every sample size, and so does Fano's
        inequality with its entropy. The smaller of the limits with and without the prior is
        returned, so an incorrect prior cannot raise a limit.
    folds : ndarray of int of shape (n_rows,), default=None
        Fold in which each row was predicted; a single fold if None.

    Returns
    -------
    list of ConfidenceLimits
        One for each level.
    """
    task = LimitsTask(
        log_likelihood,
        tempered,
        errors,
        y,
        n_classes,
        observations,
        levels=levels,
        prior=prior,
        folds=folds,
    )
    return limits_of([task])[0]


def limits_of(tasks):
    """Return a list for each task, with one `ConfidenceLimits` for each level.

    All limits are found in one pass, which is faster for many small tasks.

    Parameters
    ----------
    tasks : sequence of LimitsTask
        Tasks with the same number of observations and the same weights.
    """
    offsets = np.cumsum([0] + [len(task.values) for task in tasks])[:-1]
    observations = tasks[0].observations
    values = [task.values for task in tasks]
    limits = betting_lower_limits(
        # A single task, which may be large, is not copied.
        values[0] if len(tasks) == 1 else np.concatenate(values),
        observations.weights,
        np.concatenate([task.levels for task in tasks]),
        observations.rounds,
        np.concatenate([task.variables + at for task, at in zip(tasks, offsets, strict=True)]),
    )
    ends = np.cumsum([len(task.levels) for task in tasks])[:-1]
    return [task.results(some) for task, some in zip(tasks, np.split(limits, ends), strict=True)]


class LimitsTask:
    """Variables to bet on for the limits of one evaluation; arguments as in `confidence_limits`.

    Attributes
    ----------
    observations : Observations
        Observations in the order of the bets.
    values : ndarray of shape (v, n)
        Variables of the observations.
    variables, levels : ndarray of shape (s,)
        Index of the variable and confidence level of each requested limit.
    """

    def __init__(
        self,
        log_likelihood,
        tempered,
        errors,
        y,
        n_classes,
        observations,
        *,
        levels,
        prior=None,
        folds=None,
    ):
        self.observations = observations
        weights = observations.weights
        counts = observations.label_weights(y, n_classes)
        frequencies = counts / counts.sum()
        size = weights.sum()
        share = floor_share(size)
        recalibrated_share = floor_share(size, _LARGEST_RECALIBRATED_SHARE)
        # Ratios to frequencies of subnormal weights would overflow.
        log_frequencies = np.log(np.maximum(frequencies, np.finfo(np.float64).tiny))
        # Least logarithm of a frequency among all other observations.
        log_rarest = np.log((max(0.0, counts.min() - 1) + 0.5) / (counts.sum() + n_classes / 2))
        alike = observations.alike

        # Name and lower bound of the values for each variable. If several variables have the same
        # name, the smallest of their limits counts.
        priors = [(log_frequencies, 0.0)]
        if prior is not None:
            priors.append((np.log(prior), kl_divergence(frequencies, prior)))
        variables = [
            ("information", np.log(recalibrated_share) - divergence) for _, divergence in priors
        ]
        # An upper limit is the lower limit of the negated variable.
        variables += [
            ("floored", np.log(share)),
            ("entropy", 0.0),
            ("-floored", log_rarest),
            ("-entropy", log_rarest),
        ]
        if not alike:
            variables.append(("accuracy", 0.0))
        n_folds = 1 if folds is None else int(folds.max()) + 1
        recalibrations = [Recalibration(recalibrated_share, n_folds) for _ in priors]
        self.values = np.empty((len(variables), len(weights)))
        n_errors = sum_of_floored = 0.0
        for part in observations.parts():
            label, error = y[part.rows], errors[part.rows]
            fold = None if folds is None else folds[part.rows]
            log_likelihoods = np.empty((1 + tempered.shape[1], len(label)))
            log_likelihoods[0] = log_likelihood[part.rows]
            # An index along one axis would take several times as long.
            log_likelihoods[1:] = tempered.take(part.rows, axis=0).T
            columns = []
            for (log_prior, divergence), recalibration in zip(priors, recalibrations, strict=True):
                ratios = log_likelihoods - log_prior[label]
                np.exp(ratios, out=ratios)
                columns.append(recalibration.update(ratios, part, fold) - divergence)
            log_frequency = log_frequencies[label]
            floored = floor_mixture(log_likelihoods[0] - log_frequency, share)
            log_others = _log_frequencies_of_others(label, part, counts, weights)
            columns += [floored, -log_frequency, log_others - floored - log_frequency, log_others]
            if not alike:
                columns.append(1.0 - error)
            for line, column, (_, least) in zip(self.values, columns, variables, strict=True):
                line[part.observations] = part.totals(column - least)
            n_errors += error.sum()
            sum_of_floored += float((floored * part.weights).sum())
        self._n_classes = n_classes
        entropies = [entropy(frequencies)] + ([] if prior is None else [entropy(prior)])
        self._label_entropy = float(min(entropies))
        self._floored = sum_of_floored / float(size)
        # The number of errors is binomial if all observations are rows of equal weight.
        self._n_errors = (int(n_errors), len(weights)) if alike else None
        self._levels = levels
        self._wanted = [
            (name, level, place)
            for place, (name, _) in enumerate(variables)
            for level in dict.fromkeys(level for one in levels for level in _levels_of(name, one))
        ]
        self._least = [float(least) for _, least in variables]
        self.variables = np.array([place for *_, place in self._wanted])
        self.levels = np.array([level for _, level, _ in self._wanted])

    def results(self, limits):
        """Return a `ConfidenceLimits` for each level, from the limits of the variables."""
        found: dict[tuple[str, float], float] = {}
        for (name, level, place), limit in zip(self._wanted, limits.tolist(), strict=True):
            limit += self._least[place]
            found[name, level] = min(limit, found.get((name, level), np.inf))

        def fano(level):
            if self._n_errors is None:
                error_rate = 1 - found["accuracy", level]
            else:
                error_rate = clopper_pearson_upper_limit(*self._n_errors, level=level)
            label_entropy = min(found["entropy", level], self._label_entropy)
            return max(0.0, fano_information(label_entropy, error_rate, self._n_classes))

        # Predictions carry at most I(X;Y), which is at most log M.
        log_m = float(np.log(self._n_classes))
        results = []
        for level in self._levels:
            half = _half(level)
            by_betting = found["information", _betting_part(level)]
            results.append(
                ConfidenceLimits(
                    mi_lower_floored=self._floored,
                    mi_lower_limit=max(0.0, by_betting, fano(_fano_part(level))),
                    betting_lower_limit=max(0.0, found["information", level]),
                    fano_lower_limit=fano(half),
                    label_entropy_upper_limit=min(log_m, -found["-entropy", level]),
                    interval=(found["floored", half], min(log_m, -found["-floored", half])),
                )
            )
        return results


def _half(level):
    """Return the level of each of two limits that hold simultaneously at `level`."""
    return 1 - (1 - level) / 2


def _betting_part(level):
    """Return the level of the limit by betting within `mi_lower_limit`."""
    return 1 - (1 - _FANO_SHARE) * (1 - level)


def _fano_part(level):
    """Return the level of each of the two parts of Fano's limit within `mi_lower_limit`."""
    return _half(1 - _FANO_SHARE * (1 - level))


def _levels_of(name, level):
    """Return the levels at which limits of a variable are needed."""
    if name == "information":
        return level, _betting_part(level)
    if name == "-entropy":
        return (level,)
    if name in ("floored", "-floored"):
        return (_half(level),)
    return _half(level), _fano_part(level)


def _log_frequencies_of_others(label, part, counts, weights):
    """Return the log frequency of each row's label among all other observations.

    Half an observation is added to each class, so that no class has frequency zero. For any r
    chosen without the row, the expectation of ``-log r_y`` is at least H(Y). The entropy of the
    frequencies themselves is too small, by about (M - 1) / 2n.
    """
    own = of_label = part.weights
    if part.members is not None:
        own = weights[part.observations][part.members]
        pairs, place = np.unique(part.members * len(counts) + label, return_inverse=True)
        of_label = np.bincount(place, part.weights, len(pairs))[place]
    # Rounding may leave the difference of equal sums below zero.
    others = np.maximum(counts[label] - of_label, 0.0)
    return np.log((others + 0.5) / (counts.sum() + len(counts) / 2 - own))
