"""Independent observations, i.e. rows or groups of rows, in the order of the bets."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import NamedTuple

import numpy as np

from .._utils import is_missing_label, label_array, mixed_types, users_stacklevel
from .betting import parts_of, rounds_of

# Unequal weights without a bound cause a warning if they amount to fewer observations of equal
# weight than this number, and to fewer than half of the observations.
_SMALL_SIZE = 50


class RowsOfPart(NamedTuple):
    """Rows of several rounds of bets, or of a piece of one round, in the order of the bets.

    ``rows`` are indices of the rows, and ``weights`` their weights. ``starts`` is the first of
    these rows in each round; `begins` is False if the first round began in an earlier part.
    ``observations`` is the slice of observations, and ``members`` is the number of each row's
    observation in this slice, or None if each row is an observation.
    """

    rows: np.ndarray
    weights: np.ndarray
    starts: np.ndarray
    begins: bool
    observations: slice
    members: np.ndarray | None

    def totals(self, values):
        """Return the weighted sum of the rows' values in each observation."""
        weighted = values * self.weights
        return weighted if self.members is None else np.bincount(self.members, weighted)


class Observations:
    """Rows or groups, shuffled with a fixed seed and divided into rounds.

    A group is one observation, whose weight is the sum of the weights of its rows. Weights are
    divided by the largest possible weight, so that they are at most 1.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    weights : ndarray of shape (n_rows,), default=None
        Non-negative weights; 1 for each row if None. Rows of weight zero are left out.
    groups : ndarray of int of shape (n_rows,), default=None
        Group of each row; each row is an observation if None.
    bound : float, default=None
        Largest possible weight of an observation; the largest of the given weights if None.

    Attributes
    ----------
    rows : ndarray of int
        Rows of positive weight in the order of the bets; rows of one group are adjacent.
    row_weights : ndarray
        Weight of each of these rows, divided by `bound`.
    weights : ndarray of shape (n,)
        Weight of each observation, divided by `bound`.
    rounds : ndarray of int
        First observation of each round, followed by the number of observations.
    grouped : bool
        Whether observations are groups.
    """

    def __init__(self, n_rows, weights=None, groups=None, bound=None):
        self.grouped = groups is not None
        kept = None if weights is None else np.flatnonzero(weights > 0)
        if self.grouped:
            codes = np.unique(groups if kept is None else groups[kept], return_inverse=True)[
                1
            ].reshape(-1)
            n = int(codes.max()) + 1
            place = np.empty(n, dtype=np.intp)
            place[_order(n)] = np.arange(n)
            self.rows = np.argsort(place[codes], kind="stable")
            self._members = place[codes][self.rows]
            self._first_rows = self._members.searchsorted(np.arange(n + 1))
        else:
            n = n_rows if kept is None else len(kept)
            self.rows = _order(n)
            self._members = self._first_rows = None
        if kept is not None:
            self.rows = kept[self.rows]
        # Without weights, a single number stands for the weights of all rows.
        row_weights = np.ones(1) if weights is None else weights[self.rows]
        totals = row_weights
        if self.grouped:
            totals = np.bincount(self._members, np.broadcast_to(row_weights, len(self.rows)))
        bound = totals.max() if bound is None else bound
        self.row_weights = np.broadcast_to(row_weights / bound, len(self.rows))
        self.weights = totals / bound if self.grouped else self.row_weights
        self.rounds = rounds_of(n)
        self._unordered, self._bound = weights, bound

    @property
    def alike(self):
        """Whether each row is an observation of the largest possible weight."""
        return not self.grouped and bool((self.weights == 1).all())

    def label_weights(self, y, n_classes):
        """Return the weight of the rows of each class, divided by the bound.

        Parameters
        ----------
        y : ndarray of int of shape (n_rows,)
            Index of the label of each row, in the order of the rows.
        n_classes : int
            Number of classes.
        """
        return np.bincount(y, self._unordered, n_classes) / self._bound

    def parts(self):
        """Yield the rows in parts of a bounded size, in the order of the bets."""
        first_rows, members = self._first_rows, None
        for part in parts_of(self.rounds, first_rows):
            starts, rows = self.rounds[part.rounds], part.observations
            if self.grouped:
                starts = first_rows[starts]
                rows = slice(first_rows[rows.start], first_rows[rows.stop])
                members = self._members[rows] - part.observations.start
            yield RowsOfPart(
                rows=self.rows[rows],
                weights=self.row_weights[rows],
                starts=np.maximum(starts - rows.start, 0),
                begins=part.begins,
                observations=part.observations,
                members=members,
            )


def _order(n):
    return np.random.default_rng(0).permutation(n)


def effective_size(weights):
    """Return Kish's effective sample size: this number of equal weights is as informative.

    Examples
    --------
    >>> from sksoftinfo._bounds.observations import effective_size
    >>> effective_size([1.0, 1.0, 0.0])
    2.0
    """
    weights = np.asarray(weights, dtype=np.float64)
    # Dividing by the largest weight keeps the squares from overflowing or vanishing.
    weights = weights / weights.max()
    return float(weights.sum() ** 2 / (weights @ weights))


def check_weight_bounds(weights, groups, weight_bound, group_bound=None):
    """Return the bound on the weight of an observation, or None if the caller gave no bound.

    Raises
    ------
    ValueError
        If an observation exceeds the bound, the bound is not a finite number, or it is for rows
        although there are groups, or for groups although there are none.

    Warns
    -----
    UserWarning
        If there is no bound and the weights are so unequal that larger weights are likely in the
        population.
    """
    if groups is None:
        name, bound, unused = "weight_bound", weight_bound, ("group_bound", group_bound)
        totals = weights
    else:
        name, bound, unused = "group_bound", group_bound, ("weight_bound", weight_bound)
        totals = np.bincount(groups, weights)
    if unused[1] is not None:
        raise ValueError(
            f"`{unused[0]}` must be None {'without' if groups is None else 'with'} groups; got "
            f"{unused[1]!r}. Pass the largest possible weight of an observation as `{name}`."
        )
    if totals is None:
        totals = np.ones(1)
    totals = totals[totals > 0]
    if bound is not None:
        if not (isinstance(bound, Real) and np.isfinite(bound) and bound >= totals.max()):
            raise ValueError(
                f"`{name}` must be a finite number of at least {totals.max():g}, the largest "
                f"weight of an observation; got {bound!r}. Pass the largest possible weight."
            )
        return float(bound)
    size = effective_size(totals)
    if size < min(_SMALL_SIZE, len(totals) / 2):
        what, summed = "rows", ""
        if groups is not None:
            what, summed = "groups", " (the weight of a group is the sum over its rows)"
        warnings.warn(
            f"The weights of the {what} are very unequal: their effective sample size is "
            f"{size:.1f}. The limits assume that no weight in the population exceeds "
            f"{totals.max():g}, the largest here{summed}, and are too high otherwise. Pass the "
            f"largest possible weight as `{name}`.",
            stacklevel=users_stacklevel(),
        )
    return None


def check_number_of_groups(groups, y):
    """Raise ValueError unless there are as many groups as labels, or None."""
    if groups is not None and len(groups) != len(y):
        raise ValueError(
            f"`groups` must hold one group for each row; got {len(groups)} for {len(y)} rows. "
            "Pass the groups of exactly these rows."
        )


def encode_groups(groups):
    """Return an integer for each row, the same for rows of one group.

    Raises
    ------
    ValueError
        If the group of a row is missing, or groups are of several types.
    """
    groups = label_array(groups)
    if groups.ndim != 1 and groups.shape[1:] != (1,):
        raise ValueError(
            f"`groups` must hold one group for each row; got shape {groups.shape}. Pass a flat "
            "array, and join several columns into one."
        )
    groups = groups.reshape(-1)
    if groups.dtype == object:
        missing = np.array([is_missing_label(group) for group in groups], dtype=bool)
    else:
        missing = groups != groups
    if np.any(missing):
        raise ValueError(
            f"`groups` must hold a group for each row; got none for {np.sum(missing)} of "
            f"{len(groups)} rows. Assign each of these rows to a group of its own."
        )
    types = mixed_types(groups) if groups.dtype == object else []
    if types:
        raise ValueError(
            f"`groups` must be of one type; got {', '.join(types)}. Convert them to one type, "
            "e.g. by str."
        )
    return np.unique(groups, return_inverse=True)[1].reshape(-1)
