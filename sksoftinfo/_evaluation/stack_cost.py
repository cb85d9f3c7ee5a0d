"""Expected training times of the stack's members, and the speed of this machine."""

from __future__ import annotations

from functools import cache
from time import perf_counter

import numpy as np

# Seconds for a fit, for a million training rows, for a million entries times classes, and for a
# billion pairs of rows times columns; rounded output of `benchmarks/bench_stack.py --costs`.
_SECONDS = {
    "logistic": (0.004, 0.1, 0.02, 0.0),
    "lda": (0.004, 0.1, 0.03, 0.0),
    "qda": (0.001, 0.0, 0.03, 0.02),
    "neighbours": (0.001, 6.0, 0.0, 0.1),
    "more neighbours": (0.001, 9.0, 0.0, 0.1),
    "boosting": (0.015, 0.0, 1.5, 0.0),
    "mlp": (0.015, 28.0, 0.3, 0.2),
    "smooth mlp": (0.015, 25.0, 0.3, 0.3),
    "network": (0.9, 60.0, 0.0, 0.0),
}
# Members of the stack: all but the default network, which is timed for `--model info`.
MEMBERS = tuple(name for name in _SECONDS if name != "network")
# Seconds of the encoder: for a fit, for a column, and for a million entries.
_ENCODER = (0.05, 0.01, 2.5)
# Seconds of `probe` on the machine of these tables.
_PROBE = 0.009


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
    work = work_of(n_train, n_test, n_features, n_classes)
    return {name: float(work @ _SECONDS[name]) for name in (MEMBERS if names is None else names)}


def work_of(n_train, n_test, n_features, n_classes):
    """Return the amounts of work of a fold that the costs of the table above multiply.

    Returns
    -------
    ndarray of shape (4,)
        1 for a fit, millions of training rows, millions of entries times classes, and billions of
        pairs of rows times columns.
    """
    # Boosting and logistic regression compute one score for two classes.
    entries = n_train * n_features * (n_classes if n_classes > 2 else 1)
    return np.array([1.0, n_train / 1e6, entries / 1e6, n_train * n_test * n_features / 1e9])


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
