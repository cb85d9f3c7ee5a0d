"""The answer about a table: in a sentence, by columns, in detail, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from .._utils import counted


def sentence(table, found, columns=None):
    """Return the answer in one sentence, or in a few if no information is established.

    Parameters
    ----------
    table : Table
    found : InformationBounds
        Bounds from all columns.
    columns : FeatureInformation, default=None
        Information of single columns, in the same units.

    Returns
    -------
    str
    """
    target, used = table.target.name, _columns_used(table)
    level, units = f"{100 * found.confidence_level:g} %", found.units
    entropy = f"{found.label_entropy:.3f} {units} of entropy"
    limit, lower = found.mi_lower_limit, _fixed(found.mi_lower)
    if limit > 0:
        # A positive limit that rounds to zero keeps one digit.
        shown = f"{limit:.1g}" if limit < 0.0005 else _fixed(limit)
        carry = "carries" if len(table.features) == 1 else "carry"
        # The limit is computed from recalibrated predictions.
        below = ", below the limit, since the predicted probabilities are not calibrated"
        below *= round(found.mi_lower, 3) < round(limit, 3)
        return (
            f"T{used[1:]} {carry} at least {shown} of the {entropy} in {target!r}, with "
            f"{level} confidence (lower bound on these rows: {lower}{below})."
        )
    # Mixed with label frequencies, over-confident predictions may be better than these alone.
    if round(max(found.mi_lower, found.mi_lower_floored), 3) > 0:
        more = f"More {observation(table, found)}s may raise the limit."
        return (
            f"No information about {target!r} is established in {used}: the {level} lower limit "
            f"is 0 of the {entropy} (lower bound on these rows: {lower}). {more}"
        )
    if lower == "0.000":
        compared = "no better than the label frequencies"
    else:
        compared = f"worse than the label frequencies, by {_fixed(-found.mi_lower)} {units}"
    rest = "Another classifier may find some."
    best = None if columns is None else _best_alone(columns, found)
    if best is not None:
        rest = (
            f"Logistic regression found some in {columns.names[best]!r} alone (lower bound on "
            f"these rows: {_fixed(columns.alone_lower[best])})."
        )
    return (
        f"The classifier of {used} found no information about {target!r} ({level} lower limit: 0 "
        f"of the {entropy}): it predicts {compared}. {rest}"
    )


def observation(table, found):
    """Return the name of what counts as one observation: a row, a group or a block of rows.

    Parameters
    ----------
    table : Table
    found : InformationBounds

    Returns
    -------
    str
    """
    if found.n_groups is None or (table.groups is None and table.time is None):
        # Copies of a row are one observation.
        return "row"
    return "block" if table.groups is None else "group"


def _best_alone(columns, found):
    """Return the position of the best column alone if its bound exceeds that of all columns."""
    best = int(columns.alone_lower.argsort(kind="stable")[-1])
    is_higher = round(columns.alone_lower[best], 3) > max(round(found.mi_lower, 3), 0)
    return best if is_higher else None


def _columns_used(table):
    """Return the features in words that begin with "the"."""
    if len(table.features) == 1:
        return f"the column {table.features[0].name!r}"
    is_chosen = not {"in --drop", "not in --columns"}.isdisjoint(table.left_out.values())
    return f"the {len(table.features)} chosen columns" if is_chosen else "the other columns"


def _fixed(value):
    """Return a number with three decimals, and zero without a sign."""
    return f"{round(float(value), 3) + 0.0:.3f}"


def details(table, labels, found):
    """Return a few lines that qualify the answer.

    Parameters
    ----------
    table : Table
    labels : Labels
    found : InformationBounds

    Returns
    -------
    list of str
    """
    lower, upper = found.interval
    more = "  A better classifier may find more information."
    return [
        f"  {_size(table, labels, found)}",
        "  information in this classifier's predictions, mixed with a small share of the label "
        f"frequencies: {_fixed(found.mi_lower_floored)} {found.units} on these rows; "
        f"{100 * found.confidence_level:g} % interval for the population: {_fixed(lower)} to "
        f"{_fixed(upper)} {found.units}",
        f"  assumes that {found.assumption}",
        *([more] if found.mi_lower_limit > 0 else []),
    ]


def _size(table, labels, found):
    """Return the numbers of rows, observations and classes behind the bounds, in words."""
    n_rows, n_classes = found.n_samples, found.n_classes
    rows = counted(table.n_rows, "row")
    if n_rows < table.n_rows:
        rows = f"{n_rows} of {rows}"
    classes = counted(n_classes, "class")
    if labels.n_classes_left_out:
        classes = f"{n_classes} of {n_classes + labels.n_classes_left_out} classes"
    if found.n_groups is None:
        return f"{rows}, {classes}"
    kind = observation(table, found)
    if kind == "row":
        return f"{rows}, {found.n_groups} without copies, {classes}"
    return f"{rows} in {counted(found.n_groups, kind)}, {classes}"


def ranking(columns, found):
    """Return a line for each column, the most informative first.

    Parameters
    ----------
    columns : FeatureInformation
    found : InformationBounds
        Bounds from all columns, in the same units.
    """
    order = columns.alone_lower.argsort(kind="stable")[::-1]
    width = min(max(len(name) for name in columns.names), 30)
    level = f"{100 * found.confidence_level:g} %"
    lines = [
        f"Single columns, by logistic regression, in {columns.units}: lower bound of the column "
        f"alone, and loss without the column (estimate, {level} interval)"
    ]
    for i in order:
        alone, lost = columns.alone_lower[i], columns.lost_estimate[i]
        low, high = columns.lost_interval[i]
        shown = _fixed(alone) if round(alone, 3) > 0 else "not above 0"
        lines.append(
            f"  {columns.names[i]:<{width}}  {shown:>13}  {_fixed(lost):>7} ({_fixed(low)} to "
            f"{_fixed(high)})"
        )
    lost = columns.lost_estimate.round(3)
    if (lost < 0).any() or (lost > round(found.label_entropy, 3)).any():
        lines.append(
            "  A loss is a difference between two bounds, so it may be negative or exceed the "
            "entropy."
        )
    best = _best_alone(columns, found)
    if best is not None:
        lines.append(
            f"  The bound of {columns.names[best]} alone exceeds that of all columns "
            f"({_fixed(found.mi_lower)}). Further columns cannot remove information, but they "
            "make the information harder to find, and all columns together are evaluated by the "
            "classifier that --model selects."
        )
    return lines


def as_json(table, found, columns, report, warnings) -> str:
    """Return the answer as one JSON object.

    Parameters
    ----------
    table : Table
    found : InformationBounds
    columns : FeatureInformation or None
    report, warnings : list of str

    Returns
    -------
    str
    """
    answer: dict[str, Any] = {
        "answer": sentence(table, found, columns),
        "target": table.target.name,
        "bounds": found.to_dict(),
        "columns": None,
        "report": report,
        "warnings": warnings,
    }
    if columns is not None:
        answer["columns"] = [
            {
                "name": columns.names[i],
                "lower_bound_alone": columns.alone_lower[i],
                "lower_limit_alone": columns.alone_limit[i],
                "lost_without_it": columns.lost_estimate[i],
                "lost_without_it_interval": columns.lost_interval[i].tolist(),
            }
            for i in columns.alone_lower.argsort(kind="stable")[::-1]
        ]
    # NaN is not JSON.
    return json.dumps(_without_nan(answer), indent=2, default=float)


def _without_nan(value):
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value
