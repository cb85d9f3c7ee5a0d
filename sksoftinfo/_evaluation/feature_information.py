"""Information of columns about the label: alone, beside all others, and on top of given ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_random_state

from .._bounds import InformationBounds, Units, check_confidence_level, check_units, compare_bounds
from .._utils import check_unique_names, counted, on_host
from .evaluation import prepare_evaluation
from .folds import EqualRows
from .held_out import View, column_names, possible, prior_proba
from .paired import holm

_NOTE = (
    "alone_lower_floored is a lower bound on I(columns;Y). lost_estimate and gained_estimate are\n"
    "  differences of lower bounds. They estimate I(columns;Y|others) and I(columns;Y|given), and "
    "may\n  be too high or too low. P-values are adjusted for the number of groups (Holm)."
)
# For each quantity shown: stem of its fields, field of its value, field of its p-value.
_SHOWN = (
    ("alone", "alone_lower_floored", "any_p_value_holm"),
    ("lost", "lost_estimate", "lost_p_value_holm"),
    ("gained", "gained_estimate", "gained_p_value_holm"),
)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class FeatureInformation:
    """Information of groups of columns: alone, lost without them, and gained on top of given ones.

    Returned by `feature_information`. Each array has one entry, or one row, for each group of
    columns. Each interval is a pair of limits and holds at `confidence_level` by itself; intervals
    are not adjusted for the number of groups. P-values named ``holm`` are adjusted for that number
    [1]_: if the p-values are valid, the probability that any true null hypothesis has an adjusted
    p-value of at most 0.05 is at most 5 %.

    Attributes
    ----------
    names : list of str
        Names of the groups of columns.
    columns : list of list
        Columns of each group, by name if the table has names, and by position otherwise.
    alone_lower : ndarray of shape (n_groups,)
        Lower bound on I(columns;Y), from the columns of the group alone.
    alone_lower_floored : ndarray of shape (n_groups,)
        Lower bound on I(columns;Y) after label frequencies were mixed into the predictions, like
        ``mi_lower_floored`` of `InformationBounds`: the point value of `alone_interval`.
    alone_interval : ndarray of shape (n_groups, 2)
        Interval of the information that the classifier finds in the columns of the group alone,
        like ``interval`` of `InformationBounds`.
    alone_limit : ndarray of shape (n_groups,)
        Lower confidence limit on I(columns;Y), like ``mi_lower_limit`` of `InformationBounds`.
    any_p_value, any_p_value_holm : ndarray of shape (n_groups,) or None
        P-value of the null hypothesis "the columns of the group are uninformative", by
        permutation. None without permutations.
    lost_estimate : ndarray of shape (n_groups,)
        Estimate of I(columns;Y|others), where others are all columns outside the group: the bound
        from all columns minus the bound from the others. The estimate is not a bound.
    lost_interval : ndarray of shape (n_groups, 2)
        Interval of `lost_estimate` from paired rows, by `compare_bounds`.
    lost_p_value, lost_p_value_holm : ndarray of shape (n_groups,)
        Two-sided p-value of the null hypothesis "this classifier predicts as well without the
        group", by `compare_bounds`; NaN as in `BoundsDifference`.
    gained_estimate : ndarray of shape (n_groups,) or None
        Estimate of I(columns;Y|given): the bound from the group and the given columns minus the
        bound from the given columns. The estimate is not a bound. None without `given`.
    gained_interval : ndarray of shape (n_groups, 2) or None
        Interval of `gained_estimate` from paired rows, by `compare_bounds`.
    gained_p_value, gained_p_value_holm : ndarray of shape (n_groups,) or None
        Two-sided p-value of the null hypothesis "this classifier predicts as well from the given
        columns alone", by `compare_bounds`; NaN as in `BoundsDifference`.
    bounds_all : InformationBounds
        Bounds from all columns.
    bounds_given : InformationBounds or None
        Bounds from the given columns. None without `given`.
    bounds_alone : list of InformationBounds
        Bounds from each group of columns alone.
    any_p_value_all : float or None
        P-value of the null hypothesis "all columns together are uninformative", by permutation.
        None without permutations.
    given : list
        Given columns, by name or position.
    confidence_level : float
        Probability with which each interval and limit holds.
    units : {"nats", "bits"}
        Unit of every information value.

    See Also
    --------
    feature_information : Function that returns this result.
    FeatureInformationDisplay : Draw the result.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6, 1979.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import feature_information
    >>> X, y = load_iris(return_X_y=True)
    >>> found = feature_information(LinearDiscriminantAnalysis(), X, y, units="bits")
    >>> int(found.alone_lower.argmax())
    2
    """

    names: list[str]
    columns: list[list]
    alone_lower: np.ndarray
    alone_lower_floored: np.ndarray
    alone_interval: np.ndarray
    alone_limit: np.ndarray
    any_p_value: np.ndarray | None
    any_p_value_holm: np.ndarray | None
    lost_estimate: np.ndarray
    lost_interval: np.ndarray
    lost_p_value: np.ndarray
    lost_p_value_holm: np.ndarray
    gained_estimate: np.ndarray | None
    gained_interval: np.ndarray | None
    gained_p_value: np.ndarray | None
    gained_p_value_holm: np.ndarray | None
    bounds_all: InformationBounds
    bounds_given: InformationBounds | None
    bounds_alone: list[InformationBounds]
    any_p_value_all: float | None
    given: list
    confidence_level: float
    units: str

    def to_frame(self) -> Any:
        """Return a pandas frame with one row for each group of columns.

        Returns
        -------
        pandas.DataFrame
            The index holds the names of the groups. Each interval fills two columns, ``_low`` and
            ``_high``. Quantities that were not computed are left out.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas, which is not installed. Run pip install pandas."
            ) from error
        return pd.DataFrame(self._table(), index=pd.Index(self.names, name="columns"))

    def _table(self):
        """Return the computed arrays by name, with each interval as two arrays."""
        table: dict[str, np.ndarray] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, np.ndarray):
                continue
            if value.ndim == 2:
                stem = field.name.removesuffix("_interval")
                table[f"{stem}_low"], table[f"{stem}_high"] = value.T
            else:
                table[field.name] = value
        return table

    def __repr__(self):
        level = 100 * self.confidence_level
        shown = [one for one in _SHOWN if getattr(self, one[1]) is not None]
        width = max([len(name) for name in self.names] + [7])
        heads = (
            f"{name:>28}" + ("" if getattr(self, p_value) is None else f"{'p':>9}")
            for _, name, p_value in shown
        )
        lines = [
            f"FeatureInformation in {self.units}: {counted(len(self.names), 'group')} of columns, "
            f"{counted(self.bounds_all.n_samples, 'row')}, {level:g} % intervals",
            f"  assumed: {self.bounds_all.assumption}",
            f"  all columns: {self.bounds_all.mi_lower:.4f} of "
            f"H(Y) = {self.bounds_all.label_entropy:.4f}"
            + ("" if self.any_p_value_all is None else f", p = {self.any_p_value_all:.2g}")
            + (f"; given {self.given}: {self.bounds_given.mi_lower:.4f}" if self.given else ""),
            f"  {_NOTE}",
            "  " + " " * width + "".join(heads),
        ]
        for index in np.argsort(-self.alone_lower_floored, kind="stable"):
            line = f"  {self.names[index]:<{width}}"
            for stem, name, p_value in shown:
                low, high = getattr(self, f"{stem}_interval")[index]
                line += f"{getattr(self, name)[index]:>12.4f} [{low:6.3f},{high:6.3f}]"
                if getattr(self, p_value) is not None:
                    line += f"{getattr(self, p_value)[index]:>9.2g}"
            lines.append(line)
        return "\n".join(lines)


def feature_information(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    columns: Sequence | Mapping | None = None,
    given: Any = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    cv: Any = 5,
    random_state: int | np.random.RandomState | None = 0,
    equal_rows: EqualRows = "auto",
    bins: int | None = None,
    labels: ArrayLike | None = None,
    n_permutations: int = 0,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
    confidence_level: float = 0.95,
    units: Units = "nats",
    verbose: int = 0,
) -> FeatureInformation:
    """Measure the information of columns about y: alone, beside others, and on top of given ones.

    In the same folds, the classifier is cross-fitted on all columns and, for each group, on the
    group alone and on all other columns; with `given`, also on the given columns with and without
    the group. Differences are paired by rows.

    Only three fields bound information from below: ``alone_lower`` and ``alone_lower_floored`` on
    the scored rows, and ``alone_limit``, a confidence limit, in the population. ``lost_estimate``
    and ``gained_estimate`` are differences of two lower bounds: they estimate conditional
    information, may lie above or below it, and describe what *this classifier* loses and gains.
    For example, logistic regression gains from a column ``a XOR b`` on top of ``a`` and ``b``,
    although ``a`` and ``b`` already determine that column. Conversely, logistic regression gains
    nothing from ``b`` on top of ``a`` if the label is ``a XOR b``.

    Parameters
    ----------
    estimator : classifier or "stack"
        Classifier as in `cross_val_bounds`, trained on each set of columns. A ColumnTransformer
        that names columns is restricted to the columns of the set. Any other estimator that names
        columns has to select them by type, e.g. by ``categorical_features="from_dtype"``.
    X : array-like or data frame of shape (n_samples, n_features)
        Table of features.
    y : array-like of shape (n_samples,)
        Labels.
    columns : sequence or mapping, default=None
        Groups of columns, by name or by position, which may be negative. An entry of a sequence is
        a column or a list of columns; the keys of a mapping are names of groups. By default each
        column that is not in `given` is a group. A sequence of booleans, one for each column of X,
        is a mask that selects columns.
    given : column or list of columns, default=None
        Columns that are known already, such as age and sex, or a mask that selects columns.
    groups : array-like of shape (n_samples,), default=None
        Group of each row, as in `cross_val_bounds`. Intervals and p-values count a group of rows
        as one observation.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative importance weights of the rows in the evaluation.
    cv : int, cross-validation generator or iterable, default=5
        Folds, as in `cross_val_bounds`. They are drawn once for all sets of columns.
    random_state : int, RandomState instance or None, default=0
        Seed of the shuffled folds, if `cv` is an integer, and of the permutations.
    equal_rows : {"auto", "together", "independent"}, default="auto"
        Treatment of rows that are equal in all columns of X, as in `cross_val_bounds`.
    bins : int, default=None
        Number of classes into which numeric labels are cut, as in `cross_val_bounds`.
    labels : array-like of shape (n_classes,), default=None
        All labels of the population, if some may be missing from y, as in `cross_val_bounds`.
    n_permutations : int, default=0
        Number of permutations of the rows of X against y. For each permutation the classifier is
        fitted again on each group alone and on all columns. The smallest possible p-value is ``1 /
        (1 + n_permutations)``. With `groups`, whole groups are permuted among groups of the same
        size; a group whose size is unique stays in place.
    n_jobs : int, default=None
        Number of classifiers to train in parallel. ``None`` is 1 unless in a joblib context; -1
        uses all processors.
    params : dict, default=None
        Parameters of the estimator's ``fit``, as in `cross_val_bounds`.
    confidence_level : float, default=0.95
        Probability, in (0, 1), with which each interval and limit holds.
    units : {"nats", "bits"}, default="nats"
        Unit of the result.
    verbose : int, default=0
        If not 0, progress is shown, as in `cross_val_bounds`.

    Returns
    -------
    FeatureInformation
        Bounds, estimates, intervals and p-values; ``to_frame()`` returns them as a table.

    Raises
    ------
    ValueError
        If the input is invalid for `cross_val_bounds`; if X is not two-dimensional or has repeated
        column names; if a column is unknown; if a group is empty or is passed twice; if `given`
        leaves no column; if a mask does not have one entry for each column; if `n_permutations` is
        negative; or if `n_permutations` is positive and the folds are in time order.

    Warns
    -----
    UserWarning
        If a label that occurred was predicted with probability 0. A small share of the label
        frequencies is then mixed into all predictions, so that differences are finite.

    See Also
    --------
    cross_val_bounds : Measure all columns together.
    FeatureInformationDisplay : Draw the result.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sksoftinfo import feature_information
    >>> X, y = load_iris(return_X_y=True)
    >>> columns = {"sepal": [0, 1], "petal": [2, 3]}
    >>> lda = LinearDiscriminantAnalysis()
    >>> found = feature_information(lda, X, y, columns=columns, units="bits")
    >>> found.alone_lower.round(2).tolist(), found.lost_estimate.round(2).tolist()
    ([0.98, 1.46], [0.05, 0.53])
    """
    check_units(units)
    check_confidence_level(confidence_level)
    if not isinstance(n_permutations, Integral) or n_permutations < 0:
        raise ValueError(
            f"`n_permutations` must be an integer of at least 0; got {n_permutations!r}. Use 0 "
            "for no permutations."
        )
    X = _table(X)
    known = column_names(X)
    given_columns = _positions(
        [] if given is None else _as_list(given, known, "given"), known, "given"
    )
    names, sets = _groups_of_columns(columns, known, given_columns)
    evaluation = prepare_evaluation(
        estimator,
        X,
        y,
        groups=groups,
        sample_weight=sample_weight,
        cv=cv,
        random_state=random_state,
        equal_rows=equal_rows,
        bins=bins,
        labels=labels,
        n_jobs=n_jobs,
        params=params,
        verbose=verbose,
    )
    folds, encoded, weight = evaluation.folds, evaluation.encoded, evaluation.sample_weight
    n_classes = len(evaluation.classes)
    if n_permutations and folds.in_time_order:
        raise ValueError(
            "`n_permutations` must be 0 for folds in time order, whose rows are not exchangeable; "
            f"got {n_permutations}. Leave `n_permutations` out, or use shuffled folds."
        )
    everything = tuple(range(len(known)))
    without = [tuple(i for i in everything if i not in one) for one in sets]
    beside = [tuple(sorted({*given_columns, *one})) for one in sets] if given_columns else []
    wanted = dict.fromkeys([everything, given_columns, *sets, *without, *beside])
    fitted = [one for one in wanted if one]
    permutations = _permutations(n_permutations, len(encoded), folds.groups, random_state)
    permuted = list(dict.fromkeys([*sets, everything])) if n_permutations else []
    views = [View(one) for one in fitted]
    views += [View(one, rows) for one in permuted for rows in permutations]
    probas = evaluation.held_out(views)
    proba_of = dict(
        zip(fitted, possible(probas[: len(fitted)], encoded, folds, n_classes), strict=True)
    )
    p_value_of = {}
    raw = dict(zip(fitted, probas, strict=False))
    for number, one in enumerate(permuted):
        start = len(fitted) + number * n_permutations
        statistics = [
            _mean_log_likelihood(proba, encoded, folds, weight)
            for proba in (raw[one], *probas[start : start + n_permutations])
        ]
        p_value_of[one] = np.mean([value >= statistics[0] for value in statistics])
    proba_of[()] = prior_proba(encoded, folds, n_classes)
    bounds = {
        one: evaluation.bounds(proba_of[one], confidence_level=confidence_level, units=units)
        for one in wanted
    }

    def difference(first, second):
        return compare_bounds(bounds[first], bounds[second], confidence_level=confidence_level)

    alone = [bounds[one] for one in sets]
    lost = [difference(everything, one) for one in without]
    gained = [difference(one, given_columns) for one in beside]
    any_p = np.array([p_value_of[one] for one in sets]) if n_permutations else None
    return FeatureInformation(
        names=names,
        columns=[[known[i] for i in one] for one in sets],
        alone_lower=np.array([one.mi_lower for one in alone]),
        alone_lower_floored=np.array([one.mi_lower_floored for one in alone]),
        alone_interval=np.array([one.interval for one in alone]),
        alone_limit=np.array([one.mi_lower_limit for one in alone]),
        any_p_value=any_p,
        any_p_value_holm=None if any_p is None else holm(any_p),
        **_named("lost", lost),
        **(_named("gained", gained) if gained else _named("gained", None)),
        bounds_all=bounds[everything],
        bounds_given=bounds[given_columns] if given_columns else None,
        bounds_alone=alone,
        any_p_value_all=float(p_value_of[everything]) if n_permutations else None,
        given=[known[i] for i in given_columns],
        confidence_level=float(confidence_level),
        units=units,
    )


def _named(stem, differences):
    """Return the fields of differences by name."""
    if differences is None:
        return dict.fromkeys(
            f"{stem}_{name}" for name in ("estimate", "interval", "p_value", "p_value_holm")
        )
    p_values = np.array([one.p_value for one in differences])
    return {
        f"{stem}_estimate": np.array([one.difference for one in differences]),
        f"{stem}_interval": np.array([one.interval for one in differences]),
        f"{stem}_p_value": p_values,
        f"{stem}_p_value_holm": holm(p_values),
    }


def _table(X):
    if (hasattr(X, "columns") or sparse.issparse(X)) and len(getattr(X, "shape", ())) == 2:
        check_unique_names(X)
        return X.tocsr() if sparse.issparse(X) else X
    X = np.asarray(on_host(X))
    if X.ndim != 2:
        raise ValueError(
            f"`X` must be a table of rows and columns; got shape {X.shape}. Reshape it to two "
            "dimensions."
        )
    return X


def _as_list(columns, known, name):
    """Return the columns of an entry as a list; a tuple may be the name of one column."""
    if isinstance(columns, tuple) and columns in known:
        return [columns]
    columns = _unmasked(columns, known, name)
    return list(columns) if isinstance(columns, (list, tuple, set, np.ndarray)) else [columns]


def _unmasked(columns, known, name):
    """Return the columns that a mask selects; return anything else unchanged."""
    if isinstance(columns, (str, Mapping, set)) or not hasattr(columns, "__len__"):
        return columns
    if hasattr(columns, "to_numpy"):  # a series, or an index of names
        columns = columns.to_numpy()
    entries = list(columns)
    if not entries or not all(isinstance(entry, (bool, np.bool_)) for entry in entries):
        return columns
    if len(entries) != len(known):
        raise ValueError(
            f"`{name}` must have one boolean for each of the {len(known)} columns of X if it is a "
            f"mask; got {len(entries)}. Name the columns instead, or complete the mask."
        )
    return [column for column, chosen in zip(known, entries, strict=True) if chosen]


def _positions(columns, known, name):
    """Return the sorted positions of columns that are given by name or by position."""
    positions = set()
    for column in columns:
        if isinstance(column, (bool, np.bool_)):
            raise ValueError(
                f"`{name}` must name columns of X, or be a mask of {len(known)} booleans, one for "
                f"each column; got {column!r} among column names. Use names or booleans alone."
            )
        if column in known:
            positions.add(known.index(column))
        elif isinstance(column, (int, np.integer)) and -len(known) <= column < len(known):
            positions.add(int(column) % len(known))
        else:
            raise ValueError(
                f"`{name}` must hold names or positions of columns of X; got {column!r}. Choose "
                f"from {known if len(known) <= 20 else [*known[:20], '...']}."
            )
    return tuple(sorted(positions))


def _groups_of_columns(columns, known, given):
    """Return the name of each group, and the sorted positions of its columns."""
    if columns is None:
        columns = [known[i] for i in range(len(known)) if i not in given]
        if not columns:
            raise ValueError(
                f"`given` must leave at least one column of X; got all {len(known)}. Name fewer "
                "columns, or pass `columns`."
            )
    if isinstance(columns, slice) or not hasattr(columns, "__iter__"):
        raise ValueError(
            f"`columns` must be a sequence of columns or of lists of columns; got {columns!r}. "
            "Pass a list."
        )
    if isinstance(columns, str):
        columns = [columns]
    columns = _unmasked(columns, known, "columns")
    if isinstance(columns, Mapping):
        entries = {str(name): _as_list(entry, known, "columns") for name, entry in columns.items()}
    else:
        lists = [_as_list(one, known, "columns") for one in columns]
        entries = {" + ".join(map(str, one)): one for one in lists}
    if not entries or not all(entries.values()):
        raise ValueError(
            f"`columns` must name at least one column in each group; got {columns!r}. Remove "
            "empty groups."
        )
    sets = [_positions(entry, known, "columns") for entry in entries.values()]
    # The same columns may be named in another order, or by other positions.
    if len(entries) < len(columns) or len(set(sets)) < len(sets):
        raise ValueError(
            f"`columns` must not repeat a group; got {columns!r}. Remove the repetition."
        )
    return list(entries), sets


def _permutations(n_permutations, n, groups, random_state):
    """Return orders of the rows that permute groups of the same size among themselves."""
    random = check_random_state(random_state)
    if groups is None:
        return [random.permutation(n) for _ in range(n_permutations)]
    sizes = np.bincount(groups)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    orders = []
    for _ in range(n_permutations):
        order = np.empty(n, dtype=np.intp)
        for size in np.unique(sizes):
            own = np.flatnonzero(sizes == size)
            for place, source in zip(own, random.permutation(own), strict=True):
                order[members[place]] = members[source]
        orders.append(order)
    return orders


def _mean_log_likelihood(proba, encoded, folds, weight):
    """Return the test statistic of the permutations; a floor keeps it finite."""
    rows = folds.scored
    chosen = proba[rows, encoded[rows]]
    return np.average(
        np.log(0.999 * chosen + 0.001 / proba.shape[1]),
        weights=None if weight is None else weight[rows],
    )
