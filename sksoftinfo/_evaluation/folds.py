"""Folds: shuffled and stratified, by groups, or in time order; and what they assume."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from .._bounds import check_number_of_groups, encode_groups
from .._utils import counted, ignored_warnings, users_stacklevel
from .duplicates import copied_rows, equal_rows_of

EqualRows = Literal["auto", "together", "independent"]
_EQUAL_ROWS = ("auto", "together", "independent")
_WRONG_CV = (
    "`cv` must be an integer of at least 2, a splitter or splits; got {}. Use cv=5 for five "
    "shuffled folds."
)


@dataclass(frozen=True)
class Folds:
    """Splits that never score a row twice, with the assumption that they make about the rows.

    Parameters
    ----------
    splits : list of (train, test) index arrays
    fold : ndarray of int of shape (n,)
        Number of the split that scores each row; -1 for rows that are never scored.
    groups : ndarray of int of shape (n,) or None
        Group of each row; rows of one group are held out together.
    in_time_order : bool
        Whether each row is scored by a classifier that was trained on earlier rows alone.
    assumption : str
        Assumption about the rows on which the confidence limits rest.
    observations : ndarray of int of shape (n_scored,) or None
        Observation that each scored row belongs to: the group of the row or, in time order without
        groups from the user, the block of the row. Blocks that share equal rows are joined.
        ``None`` makes each row an observation.
    scored : ndarray of int of shape (n_scored,)
        Positions of the rows that are scored, in the order of the table.
    """

    splits: list[tuple[np.ndarray, np.ndarray]]
    fold: np.ndarray
    groups: np.ndarray | None
    in_time_order: bool
    assumption: str
    observations: np.ndarray | None = None
    scored: np.ndarray = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "scored", np.flatnonzero(self.fold >= 0))


def splitter_of(cv, y, groups):
    """Return the splitter that `cv` stands for, or `cv` itself if it is an integer.

    Raises
    ------
    ValueError
        If `cv` is not an integer of at least 2, a splitter or an iterable of splits.
    """
    cv = 5 if cv is None else cv
    if isinstance(cv, Integral) and not isinstance(cv, bool):
        if cv < 2:
            raise ValueError(_WRONG_CV.format(cv))
        return int(cv)
    if isinstance(cv, (bool, float, str, type)):
        raise ValueError(_WRONG_CV.format(repr(cv)))
    if not hasattr(cv, "split") and hasattr(cv, "__iter__"):
        cv = list(cv)
        for split in cv:
            if not hasattr(split, "__len__") or len(split) != 2:
                raise ValueError(
                    "`cv` must yield pairs of training and held-out rows; got "
                    f"{split!r:.50}. Yield (train, test) for each split."
                )
    return check_cv(cv, y, classifier=True)


def make_folds(
    cv: Any,
    X: Any,
    y: np.ndarray,
    *,
    groups: Any = None,
    random_state: Any = 0,
    equal_rows: EqualRows = "auto",
    split_params: dict[str, Any] | None = None,
) -> Folds:
    """Draw the folds.

    An integer `cv` is the number of shuffled stratified folds, which keep the rows of a group
    together if there are groups. Other splits are used unchanged, and must not score a row twice.
    They may leave rows unscored, such as the first block of `TimeSeriesSplit`.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
    X : table of n rows
    y : ndarray of shape (n,)
        Labels.
    groups : array-like of shape (n,), default=None
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        Whether rows that are equal in all columns form a group: if `copied_rows` finds that they
        look like copies, always, or never.
    split_params : dict, default=None
        Further metadata for the splitter.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        If the splits score a row twice, score rows that they train on, or score no rows; if each
        class has fewer rows than there are folds; if a group is missing or all groups are equal.

    Warns
    -----
    UserWarning
        If equal rows that look like copies are kept together, if there are fewer groups than
        folds, or if a row is scored by a classifier that was trained on its group or its copies.
    """
    if equal_rows not in _EQUAL_ROWS:
        raise ValueError(
            f"`equal_rows` must be one of {_EQUAL_ROWS}; got {equal_rows!r}. Use 'auto' to detect "
            "copies."
        )
    check_number_of_groups(groups, y)
    codes = None if groups is None else encode_groups(groups)
    cv = splitter_of(cv, y, groups)
    copies = None
    if equal_rows == "auto":
        copies = copied_rows(X, y)
    elif equal_rows == "together":
        copies = equal_rows_of(X)
    clusters = _joined(codes, copies)
    n_groups = None if codes is None else codes.max() + 1
    if copies is not None and equal_rows == "auto" and clusters.max() + 1 != n_groups:
        _warn_of_copies(copies, isinstance(cv, int))
    if isinstance(cv, int):
        splits = _shuffled(cv, y, clusters, codes, random_state)
        kind = "shuffled stratified folds"
    else:
        given = groups if copies is None or (groups is None and equal_rows == "auto") else clusters
        # The splits show whether groups were separated.
        with ignored_warnings("The groups parameter is ignored"):
            splits = list(cv.split(X, y, groups=given, **(split_params or {})))
        splits = [(_indices(train, len(y)), _indices(test, len(y))) for train, test in splits]
        kind = f"folds of {_name(cv)}"
        _warn_of_shared_groups(splits, clusters)
    fold = _fold_of_rows(splits, len(y), cv)
    # A single split into earlier and later rows may be an ordinary hold-out split.
    in_time_order = len(splits) > 1 and all(
        len(train) and train.max() < test.min() for train, test in splits if len(test)
    )
    in_blocks = in_time_order and codes is None
    observations = _observations(fold, clusters, in_blocks)
    if in_blocks and copies is not None:
        _warn_of_joined_blocks(len(np.unique(fold[fold >= 0])), int(observations.max()) + 1)
    unit = "groups" if codes is not None else "rows that differ"
    assumption = _assumption(fold, clusters, unit, in_time_order, in_blocks, kind)
    return Folds(splits, fold, clusters, in_time_order, assumption, observations)


def _observations(fold, clusters, in_blocks):
    """Return the observation of each scored row; None if each row is an observation."""
    scored = fold >= 0
    clusters = None if clusters is None else clusters[scored]
    # Rows in time order may depend on their neighbours, so copies may join blocks but never split
    # them.
    return _joined(fold[scored], clusters) if in_blocks else clusters


def _warn_of_joined_blocks(n_blocks, n_joined):
    if n_joined < n_blocks:
        warnings.warn(
            f"Some of the {n_blocks} blocks in time order share equal rows and are joined: they "
            f"count as {n_joined} observations. Pass equal_rows='independent' to keep all blocks "
            "apart.",
            stacklevel=users_stacklevel(),
        )


def _joined(codes, copies):
    """Return joined groups: rows that share a group or are copies, directly or via other rows."""
    if codes is None or copies is None:
        return copies if codes is None else codes
    n_codes, n_copies = codes.max() + 1, copies.max() + 1
    links = sparse.coo_array(
        (np.ones(len(codes)), (codes, n_codes + copies)), shape=(n_codes + n_copies,) * 2
    )
    return np.unique(connected_components(links, directed=False)[1][codes], return_inverse=True)[1]


def _warn_of_copies(copies, kept_together):
    n_repeats = len(copies) - (copies.max() + 1)
    if kept_together:
        held_out = "are held out together"
    else:
        held_out = "`cv` has to hold them out together"
    warnings.warn(
        f"{n_repeats} of {len(copies)} rows are copies of another row, more than chance explains, "
        f"and their labels agree. Copies count as one observation, and {held_out}. Pass "
        "equal_rows='independent' to treat them like all other rows.",
        stacklevel=users_stacklevel(),
    )


def _shuffled(n_folds, y, clusters, codes, random_state):
    """Return the splits of shuffled stratified folds that keep `clusters` together.

    The clusters are the groups of the user, `codes`, copies of rows, or both joined.
    """
    if clusters is not None:
        held, remedy = "`groups` {} hold at least {} groups", "Use equal_rows='independent'."
        n_groups = int(clusters.max()) + 1
        if codes is None:
            held = (
                "`X` {} hold at least {} rows that differ, since equal rows are held out together"
            )
        elif n_groups <= codes.max():
            held += " that share no equal rows, as equal rows are held out together"
        else:
            remedy = (
                "Leave `groups` out, or give rows that do not belong together different groups."
            )
        if n_groups < 2:
            got = f"{len(y)} equal rows" if codes is None else f"one group of {len(y)} rows"
            raise ValueError(f"{held.format('must', 'two')}; got {got}. {remedy}")
        if n_groups < n_folds:
            warnings.warn(
                f"{held.format('should', f'cv={n_folds}')}; got {n_groups}, so {n_groups} folds "
                f"are used. Pass cv={n_groups} to avoid this warning.",
                stacklevel=users_stacklevel(),
            )
            n_folds = n_groups
    _, counts = np.unique(y, return_counts=True)
    if counts.max() < n_folds:
        raise ValueError(
            f"`y` must have a class with at least cv={n_folds} rows; got at most "
            f"{counted(counts.max(), 'row')} in each class. Merge rare classes, or use fewer "
            "folds."
        )
    kind = StratifiedKFold if clusters is None else StratifiedGroupKFold
    folds = kind(n_folds, shuffle=True, random_state=random_state)
    # The folds depend on labels and groups alone: any X of this length works.
    splits = folds.split(np.zeros(len(y)), y, clusters)
    return [(train, test) for train, test in splits if len(test)]


def _indices(rows, n):
    rows = np.asarray(rows)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    if rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n):
        raise ValueError(
            f"`cv` must yield positions or masks of {n} rows; got {rows.dtype} from {rows.min()} "
            f"to {rows.max()}. Use integers from 0 to {n - 1}."
        )
    return rows.astype(np.intp)


def _fold_of_rows(splits, n, cv):
    fold = np.full(n, -1)
    for number, (train, test) in enumerate(splits):
        twice = np.union1d(test[fold[test] >= 0], np.sort(test)[1:][np.diff(np.sort(test)) == 0])
        if len(twice):
            raise ValueError(
                f"`cv` must score each row at most once; got {_name(cv)}, which scores "
                f"{counted(len(twice), 'row')} again in split {number}, such as row {twice[0]}. "
                "Use folds that do not overlap, such as StratifiedKFold, instead of repeated or "
                "random splits."
            )
        shared = np.intersect1d(train, test)
        if len(shared):
            raise ValueError(
                "`cv` must not score rows that it trains on; got "
                f"{counted(len(shared), 'row')} in both parts of split {number}, such as row "
                f"{shared[0]}. Remove them from one of the parts."
            )
        fold[test] = number
    if (fold < 0).all():
        raise ValueError(
            f"`cv` must hold out rows to score; got {_name(cv)}, which holds out none. Use an "
            "integer, such as cv=5."
        )
    return fold


def _warn_of_shared_groups(splits, clusters):
    if clusters is None:
        return
    shared = sum(int(np.isin(clusters[test], clusters[train]).sum()) for train, test in splits)
    if shared:
        warnings.warn(
            f"{counted(shared, 'row')} {'is' if shared == 1 else 'are'} scored by a classifier "
            "that was trained on the same group or on copies, so that the bounds overstate the "
            "information. Use an integer `cv`, or folds that keep groups together, such as "
            "StratifiedGroupKFold.",
            stacklevel=users_stacklevel(),
        )


def _name(cv):
    """Return the class name of a splitter, or "an iterable" for a list of splits."""
    name = type(cv).__name__
    return "an iterable" if name.startswith("_") else name


def _assumption(fold, clusters, unit, in_time_order, in_blocks, kind):
    if in_time_order:
        kind = "block" if in_blocks else "group"
        text = (
            "rows are in time order, each scored by a classifier trained on earlier rows, and a "
            f"{kind} of rows is one observation"
        )
        if in_blocks and clusters is not None:
            text += ", as are blocks that share equal rows"
    elif clusters is not None:
        text = f"{clusters.max() + 1} {unit} are independent draws ({kind})"
    else:
        text = f"rows are independent draws ({kind})"
    n_scored = int((fold >= 0).sum())
    if n_scored < len(fold):
        text += f"; {n_scored} of {len(fold)} rows were scored"
    return text
