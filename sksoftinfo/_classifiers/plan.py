"""How the default network is trained where the parameters leave it open.

What scikit-learn's checks compare, weights with repetitions of rows, holds as long as no rows are
held out, and nothing here depends on the plain number of rows then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sklearn.utils import gen_batches

from .._utils import on_host

# Fewer different rows than these are too few to hold some out.
_FEWEST_ROWS = 100
# Up to so many rows, all are held out in turn; of more, a tenth tells as well when to stop.
_MOST_CROSS_FITTED = 5000
_FOLDS = 5
# Chosen on glass, wine, weather, mroz, a spiral and independent labels: noisy tables want the
# largest one, and clean ones the least.
_DECAYS = (0.1, 3.0, 10.0)
_STEPS = 600
_FEWEST_EPOCHS = 20
# Of a table with few different rows. With more rows of each, there is less noise to hold down.
_FEW_ROWS_DECAY = 10.0
_FEW_ROWS_STEPS = 100
_ENOUGH_REPEATED = 10


@dataclass(frozen=True)
class TrainingPlan:
    """How a network is trained.

    Parameters
    ----------
    epochs : int or None, default=None
        ``None`` are those of the parameters.
    lr_falls : bool, default=False
        Whether the learning rate falls in the course of the training.
    n_members : int, default=0
        Perceptrons that are averaged; 0 is another network.
    n_folds : int, default=0
        Folds of the rows, of which each member leaves one out; 0 if none does.
    decays : tuple of float, default=()
        Weight decays of the members, of which one is chosen.
    """

    epochs: int | None = None
    lr_falls: bool = False
    n_members: int = 0
    n_folds: int = 0
    decays: tuple[float, ...] = ()


def plan_table(X, weight, *, batch_size, max_epochs, early_stopping):
    """Return how to train the default network for a table on these rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), or tensor of a device
    weight : ndarray of shape (n,) or None
        Positive weights.
    batch_size : int
    max_epochs : int or None
        ``None`` leaves the number of epochs open.
    early_stopping : {True, False, "auto"}
        Whether rows are held out; ``"auto"`` where there are enough different ones.

    Returns
    -------
    TrainingPlan
    """
    if early_stopping is False:
        return TrainingPlan()
    n_batches = 1 if batch_size == -1 else math.ceil(len(X) / batch_size)
    n_distinct = _count_distinct(X, _FEWEST_ROWS)
    if early_stopping == "auto" and n_distinct < _FEWEST_ROWS:
        total = len(X) if weight is None else weight.sum()
        decay = _FEW_ROWS_DECAY / max(1.0, total / (_ENOUGH_REPEATED * n_distinct))
        epochs = max(_FEWEST_EPOCHS, math.ceil(_FEW_ROWS_STEPS / n_batches))
        return TrainingPlan(max_epochs or epochs, True, _FOLDS, 0, (decay,))
    epochs = max_epochs or max(_FEWEST_EPOCHS, math.ceil(_STEPS / n_batches))
    if len(X) > _MOST_CROSS_FITTED:
        return TrainingPlan(epochs, True, 1, 2 * _FOLDS, _DECAYS[:1])
    return TrainingPlan(epochs, True, _FOLDS, _FOLDS, _DECAYS)


def _count_distinct(X, most):
    """Return the number of different rows, or `most` as soon as there are so many."""
    seen: set[bytes] = set()
    for rows in gen_batches(len(X), 2 * most):
        seen.update(row.tobytes() for row in on_host(X[rows]))
        if len(seen) >= most:
            return most
    return len(seen)
