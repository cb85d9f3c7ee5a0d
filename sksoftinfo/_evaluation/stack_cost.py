"""Expected training times of the stack's members, and the speed of this machine."""

from __future__ import annotations

from functools import cache
from time import perf_counter

import numpy as np

# Seconds for a fit, for a million training rows, for a million entries times classes, and for a
# billion pairs of rows times columns; rounded output of `benchmarks/bench_stack.py --costs`.
_SECONDS = {
    "logistic": (0.005, 0.1, 0.1, 0.0),
    "lda": (0.005, 0.2, 0.03, 0.0),
    "qda": (0.001, 0.0, 0.02, 0.02),
    "neighbours": (0.001, 6.0, 0.0, 0.11),
    "more neighbours": (0.002, 9.0, 0.0, 0.13),
    "boosting": (0.015, 0.0, 1.2, 0.0),
    "network": (1.2, 190.0, 0.0, 0.0),
    "wide network": (0.07, 235.0, 0.6, 0.0),
}
# Seconds of the encoder: for a fit, for a column, and for a million entries.
_ENCODER = (0.05, 0.01, 2.5)
# Seconds of `probe` on the machine of these tables.
_PROBE = 0.029


def expected_seconds(names, n_train, n_test, n_features, n_classes):
    """Return the expected seconds of members for a fold, on the machine of the tables above.

    Parameters
    ----------
    names : iterable of str or None
        Names of the members; all members if None.
    n_train, n_test : int
        Numbers of training and held-out rows.
    n_features : int
        Number of encoded columns.
    n_classes : int

    Returns
    -------
    dict of str to float
    """
    # Boosting and logistic regression compute one score for two classes.
    entries = n_train * n_features * (n_classes if n_classes > 2 else 1) / 1e6
    work = np.array([1.0, n_train / 1e6, entries, n_train * n_test * n_features / 1e9])
    return {name: float(work @ _SECONDS[name]) for name in (_SECONDS if names is None else names)}


def encoder_seconds(n_rows, n_columns):
    """Return the expected seconds of encoding a fold, on the machine of the tables above.

    Parameters
    ----------
    n_rows, n_columns : int

    Returns
    -------
    float
    """
    work = np.array([1.0, n_columns, n_rows * n_columns / 1e6])
    return float(work @ _ENCODER)


@cache
def slowness():
    """Return how many times slower this machine is than the machine of the tables above."""
    return probe() / _PROBE


def probe():
    """Measure the seconds of a fixed amount of work on this machine.

    Returns
    -------
    float
    """
    X = np.random.default_rng(0).normal(size=(1000, 20))
    weights = np.ones((20, 10))
    start = perf_counter()
    for _ in range(200):
        weights = weights - 1e-3 * X.T @ np.tanh(X @ weights)
    return perf_counter() - start
