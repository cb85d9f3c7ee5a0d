"""Restriction of classifiers that name columns to some of the columns of a table."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer


def for_columns(estimator, columns, known):
    """Return a clone that can be trained on some of the columns.

    Each ColumnTransformer that selects columns by name or position is restricted to the remaining
    columns. Transformers that are left without a column are dropped.

    Parameters
    ----------
    estimator : classifier
    columns : sequence of int
        Positions of the remaining columns, in their order.
    known : list
        Names of all columns of the table, or their positions if they have no names.

    Returns
    -------
    classifier

    Raises
    ------
    ValueError
        If a ColumnTransformer is left without a column, or names a column that the table lacks, or
        if `categorical_features` of an estimator gives positions or a mask.

    Examples
    --------
    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sksoftinfo._evaluation.chosen_columns import for_columns
    >>> parts = [("some", "passthrough", ["a", "c"]), ("others", "passthrough", ["b"])]
    >>> pipeline = make_pipeline(ColumnTransformer(parts), LogisticRegression())
    >>> for_columns(pipeline, [2], ["a", "b", "c"])[0].transformers
    [('some', 'passthrough', ['c'])]
    """
    estimator = clone(estimator)
    parameters = estimator.get_params(deep=True)
    outermost: list[str] = []
    for name in sorted(parameters, key=len):
        inner = any(name.startswith(f"{outer}__") for outer in outermost)
        if isinstance(parameters[name], ColumnTransformer) and not inner:
            outermost.append(name)
    for name in outermost:
        transformer = parameters[name]
        kept = [
            (*part, chosen)
            for *part, named in transformer.transformers
            if (chosen := _those_there(named, columns, known)) is not None
        ]
        if not kept and transformer.remainder == "drop":
            shown = [known[position] for position in columns]
            raise ValueError(
                f"`columns` must be used by the ColumnTransformer of the estimator; got {shown}, "
                "none of which is used. Leave them out of `columns` and `given`, or pass "
                "remainder='passthrough' to the ColumnTransformer."
            )
        estimator.set_params(**{f"{name}__transformers": kept})
    for name, given in parameters.items():
        if name.rpartition("__")[2] == "categorical_features" and _are_positions(given):
            raise ValueError(
                f"`{name}` must not hold positions or a mask where the estimator is trained on "
                f"some of the columns, because positions change; got {given!r}. Pass a data frame "
                "with columns of a categorical dtype, and categorical_features='from_dtype'."
            )
    return estimator


def _are_positions(given):
    """Return whether columns are given by position or by a mask, and not by name."""
    if given is None or isinstance(given, str):
        return False
    return any(not isinstance(one, str) for one in np.asarray(given, dtype=object).tolist())


def _those_there(named, columns, known):
    """Return the remaining columns that a transformer selects, or None if there are none.

    Callables that select columns, such as `make_column_selector`, are returned unchanged.
    """
    if callable(named):
        return named
    columns = list(columns)
    if isinstance(named, (str, int, np.integer)):
        position = _position(named, known)
        if position not in columns:
            return None
        return named if isinstance(named, str) else columns.index(position)
    positions = [position for position in _positions(named, known) if position in columns]
    if not positions:
        return None
    if isinstance(known[0], str):
        return [known[position] for position in positions]
    return [columns.index(position) for position in positions]


def _positions(named, known):
    """Return the positions of a list, a mask or a slice of columns."""
    everything = range(len(known))
    if isinstance(named, slice):
        if isinstance(named.start, str) or isinstance(named.stop, str):
            # A slice of names includes its end.
            start = 0 if named.start is None else _position(named.start, known)
            stop = len(known) if named.stop is None else _position(named.stop, known) + 1
            return list(everything)[start : stop : named.step]
        return list(everything)[named]
    named = list(named)
    if named and all(isinstance(one, (bool, np.bool_)) for one in named):
        return [position for position, chosen in zip(everything, named, strict=True) if chosen]
    return [_position(one, known) for one in named]


def _position(one, known):
    """Return the position of a column that is given by name or by position."""
    if isinstance(one, str) and one in known:
        return known.index(one)
    if isinstance(one, (int, np.integer)) and -len(known) <= one < len(known):
        return int(one) % len(known)
    raise ValueError(
        f"The ColumnTransformer of the estimator must name columns of X; got {one!r}. Choose from "
        f"{known if len(known) <= 20 else [*known[:20], '...']}."
    )
