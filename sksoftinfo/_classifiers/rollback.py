"""Rollback of an estimator whose `fit` is refused or fails."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from .._networks import TrainingDiverged


@contextmanager
def unchanged_on_error(estimator, *, keep_learned=False):
    """Restore the attributes of an estimator if an error is raised inside the context.

    `net_unchanged_on_error` restores the net.

    Parameters
    ----------
    estimator : estimator
        Estimator with the parameter ``random_state``.
    keep_learned : bool, default=False
        Whether the epochs before a divergence are kept.
    """
    before = dict(vars(estimator))
    random = estimator.random_state
    if not isinstance(random, np.random.RandomState):
        random = before.get("_random")
    state = None if random is None else random.get_state()
    try:
        yield
    except BaseException as error:
        if not (keep_learned and isinstance(error, TrainingDiverged) and error.learned):
            vars(estimator).clear()
            vars(estimator).update(before)
            if random is not None:
                random.set_state(state)
        raise
