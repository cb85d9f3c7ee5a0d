"""Plan of the default network's training, as far as the parameters leave it open.

If no rows are held out, integer weights must be equivalent to repeated rows, as scikit-learn's
checks require. In this case, only the number of batches depends on the unweighted number of rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from .._networks import LogSoftmaxLoss, changes_training, folds_of_rows
from .._utils import are_continuous, on_host, row_hashes

# Fewer different rows than these are too few to hold some out.
_FEWEST_ROWS = 100
# Up to this many rows, all rows are held out in turn; with more rows, a tenth is enough.
_MOST_CROSS_FITTED = 5000
#: Number of folds, and the largest number of members that leave one out.
FOLDS = 5
# Chosen on glass, wine, weather, mroz, a spiral and independent labels: noisy tables need the
# largest decay, and clean tables the smallest.
_DECAYS = (0.1, 3.0, 10.0)
_STEPS = 600
_FEWEST_EPOCHS = 20
# Weight decay and steps for few different rows. If each of them occurs often, less decay and more
# steps are better: chosen on drawn tables of categories, parities, integers, linear models and
# independent labels.
_FEW_ROWS_DECAY = 10.0
_FEW_ROWS_STEPS = 100
_ENOUGH_REPEATED = 3
# Training on images: chosen on 6,000 digits.
_IMAGE_STEPS = 1100
_FEWEST_IMAGE_EPOCHS, _MOST_IMAGE_EPOCHS = 10, 50
_MAX_SHIFT, _LEAST_SHIFTED = 2, 24


@dataclass(frozen=True)
class TrainingPlan:
    """Plan of a network's training.

    Parameters
    ----------
    epochs : int or None, default=None
        Number of epochs; ``None`` uses `max_epochs` of the classifier.
    lr_falls : bool, default=False
        Whether the learning rate falls during training.
    n_members : int, default=0
        Number of members, each of which may leave out a fold; 0 if the network is trained as a
        whole.
    n_folds : int, default=0
        Number of folds, of which each member leaves one out; 0 if no rows are held out.
    decays : tuple of float, default=()
        Weight decays to choose from, at a learning rate of 0.003 (see `CrossFittedNet`).
    linear_share : float, default=0.5
        Factor of the linear members until held-out rows choose another one (see `CrossFittedNet`).
    of_images : bool, default=False
        Whether this is the plan of the default network for images (see `ImageNet`).
    max_shift : int, default=0
        Largest number of pixels by which images are shifted.
    """

    epochs: int | None = None
    lr_falls: bool = False
    n_members: int = 0
    n_folds: int = 0
    decays: tuple[float, ...] = ()
    linear_share: float = 0.5
    of_images: bool = False
    max_shift: int = 0


def plan_training(classifier, X, weight, n_members, plans_images=False):
    """Plan the training of a classifier on these rows, as far as its parameters leave it open.

    Parameters
    ----------
    classifier : InfoSoftmaxClassifier or StochasticInfoClassifier
    X : ndarray of shape (n, ...), or tensor of a device
    weight : ndarray of shape (n,) or None
        Positive weights.
    n_members : int
        Number of members that the classifier's network for tables has if it is cross-fitted.
    plans_images : bool, default=False
        Whether the classifier has a default training for images.

    Returns
    -------
    TrainingPlan

    Raises
    ------
    ValueError
        If rows have to be held out, but another parameter prevents it.
    """
    decided = _decided_by_the_user(classifier)
    # A boolean may be one of NumPy's, which is not the same object as Python's.
    wanted = classifier.early_stopping
    wanted = "auto" if isinstance(wanted, str) else bool(wanted)
    if wanted is True and (decided or X.ndim != 2):
        reason = f"{', '.join(decided)} set" if decided else "images"
        raise ValueError(
            f"`early_stopping` must be 'auto' or False with {reason}; got True. Only the default "
            "network for tables, with its default training, can be cross-fitted."
        )
    is_open = wanted is True or classifier.max_epochs == "auto"
    if decided or not is_open:
        return TrainingPlan()
    if X.ndim != 2:
        return plan_images(X, classifier.batch_size) if plans_images else TrainingPlan()
    return plan_table(
        X,
        weight,
        batch_size=classifier.batch_size,
        max_epochs=None if classifier.max_epochs == "auto" else int(classifier.max_epochs),
        early_stopping=wanted,
        n_members=n_members,
    )


def _decided_by_the_user(classifier):
    """Return the names of the parameters by which the user controls the training."""
    names = ("module", "optimizer", "train_split", "accelerator")
    decided = [name for name in names if getattr(classifier, name) is not None]
    if getattr(classifier, "criterion", LogSoftmaxLoss) is not LogSoftmaxLoss:
        decided.append("criterion")
    decided += ["warm_start"] if classifier.warm_start else []
    decided += ["callbacks"] if changes_training(classifier.callbacks) else []
    ours = ("module", "callbacks")
    return decided + [
        name for name in classifier._skorch_params if name.partition("__")[0] not in ours
    ]


def plan_table(X, weight, *, batch_size, max_epochs, early_stopping, n_members):
    """Plan the training of the default network for a table on these rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), or tensor of a device
    weight : ndarray of shape (n,) or None
        Positive weights.
    batch_size : int
    max_epochs : int or None
        Number of epochs; ``None`` leaves it open.
    early_stopping : {True, False, "auto"}
        Whether rows are held out; ``"auto"`` holds rows out if enough of them differ.
    n_members : int
        Number of members of a cross-fitted network, unless one is enough for so many rows.

    Returns
    -------
    TrainingPlan
    """
    if early_stopping is False:
        return TrainingPlan()
    n_batches = 1 if batch_size == -1 else math.ceil(len(X) / batch_size)
    n_distinct = _count_distinct(X, _FEWEST_ROWS) if early_stopping == "auto" else _FEWEST_ROWS
    if n_distinct < _FEWEST_ROWS:
        total = len(X) if weight is None else weight.sum()
        # The more often rows occur, the less a network that learns them by heart may err.
        doubt = min(1.0, _ENOUGH_REPEATED * n_distinct / total) ** 1.5
        steps = min(_STEPS, _FEW_ROWS_STEPS / math.sqrt(doubt))
        epochs = max(_FEWEST_EPOCHS, math.ceil(steps / n_batches))
        decays = (doubt * _FEW_ROWS_DECAY,)
        return TrainingPlan(max_epochs or epochs, True, n_members, 0, decays, doubt * 0.5)
    epochs = max_epochs or max(_FEWEST_EPOCHS, math.ceil(_STEPS / n_batches))
    if len(X) > _MOST_CROSS_FITTED:
        return TrainingPlan(epochs, True, 1, 2 * FOLDS, _DECAYS[:1])
    return TrainingPlan(epochs, True, n_members, FOLDS, _DECAYS)


def folds_of_table(X, y, n_folds, seed):
    """Return the fold that holds each row out, as `folds_of_rows`, with copies in one fold.

    Equal rows of a continuous table are copies. If one copy were held out and another one trained
    on, the held-out loss would choose the members that memorise rows.

    Parameters
    ----------
    X : ndarray of shape (n, d), or tensor of a device
    y : ndarray of int of shape (n,)
        Class indices.
    n_folds, seed : int
        As in `folds_of_rows`.
    """
    if n_folds:
        first, copies = np.unique(row_hashes(X), return_index=True, return_inverse=True)[1:]
        if len(first) < len(y) and are_continuous(X, first, np.float32):
            return folds_of_rows(y[first], n_folds, seed)[copies]
    return folds_of_rows(y, n_folds, seed)


def plan_images(X, batch_size):
    """Return how to train the default network for images on rows like `X`."""
    n_batches = 1 if batch_size == -1 else math.ceil(len(X) / batch_size)
    epochs = max(_FEWEST_IMAGE_EPOCHS, math.ceil(_IMAGE_STEPS / n_batches))
    # Images of fewer pixels, such as digits of 8 x 8, are all edges.
    shift = _MAX_SHIFT if min(X.shape[-2:]) >= _LEAST_SHIFTED else 0
    return TrainingPlan(min(_MOST_IMAGE_EPOCHS, epochs), True, of_images=True, max_shift=shift)


def _count_distinct(X, most):
    """Return the number of different rows, but at most `most`."""
    seen: set[bytes] = set()
    for rows in gen_batches(len(X), 2 * most):
        seen.update(row.tobytes() for row in on_host(X[rows]))
        if len(seen) >= most:
            return most
    return len(seen)
