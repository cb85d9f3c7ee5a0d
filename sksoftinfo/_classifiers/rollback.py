"""All or nothing: a training that is refused, or fails, leaves the classifier as it was."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from .._networks import TrainingDiverged


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if an error ends what is done with it.

    A net that is trained on goes back by itself. What was learned before a divergence is kept.
    """
    before = dict(vars(estimator))
    random = estimator.random_state
    if not isinstance(random, np.random.RandomState):
        random = before.get("_random")
    state = None if random is None else random.get_state()
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, TrainingDiverged) and error.learned):
            vars(estimator).clear()
            vars(estimator).update(before)
            if random is not None:
                random.set_state(state)
        raise
