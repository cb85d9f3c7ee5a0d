"""The answer about a table: in a sentence, by columns, in detail, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from .._utils import counted


def sentence(table, found):
    """Return the answer in one sentence.

    Parameters
    ----------
    table : Table
    found : InformationBounds

    Returns
    -------
    str
    """
    target, columns = table.target.name, _columns_used(table)
    level, units = f"{100 * found.confidence_level:g} %", found.units
    entropy = f"{found.label_entropy:.3f} {units} of entropy"
    limit, lower = found.mi_lower_limit, _fixed(found.mi_lower)
    if limit > 0:
        # A positive limit that rounds to zero keeps one digit.
        shown = f"{limit:.1g}" if limit < 0.0005 else _fixed(limit)
        carry = "carries" if len(table.features) == 1 else "carry"
        return (
            f"T{columns[1:]} {carry} at least {shown} of the {entropy} in {target!r}, with "
            f"{level} confidence (lower bound on these rows: {lower})."
        )
    if found.mi_lower > 0:
        drawn = "rows" if found.n_groups is None else "groups"
        return (
            f"With {level} confidence, no information about {target!r} is established: the limit "
            f"is 0 of the {entropy} (lower bound on these rows: {lower}). More {drawn} may "
            "raise the limit."
        )
    if lower == "0.000":
        compared = "no better than the label frequencies"
    else:
        compared = f"worse than the label frequencies, by {_fixed(-found.mi_lower)} {units}"
    return (
        f"No information about {target!r} was found in {columns} ({level} limit: 0 of the "
        f"{entropy}). This classifier predicts {compared}. Another classifier may find more."
    )


def _columns_used(table):
    """Return the features in words that begin with "the"."""
    if len(table.features) == 1:
        return f"the column {table.features[0].name!r}"
    is_chosen = not {"in --drop", "not in --columns"}.isdisjoint(table.left_out.values())
    return f"the {len(table.features)} chosen columns" if is_chosen else "the other columns"


def _fixed(value):
    """Return a number with three decimals, and zero without a sign."""
    return f"{round(float(value), 3) + 0.0:.3f}"


def details(found):
    """Return a few lines that qualify the answer."""
    lower, upper = found.interval
    groups = "" if found.n_groups is None else f" in {counted(found.n_groups, 'group')}"
    return [
        f"  {counted(found.n_samples, 'row')}{groups}, {counted(found.n_classes, 'class')}",
        f"  {100 * found.confidence_level:g} % interval of the information in this classifier's "
        f"predictions: {_fixed(lower)} to {_fixed(upper)} {found.units}",
        f"  assumes that {found.assumption}",
        "  A better classifier may find more information; --all prints all fields of the result.",
    ]


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
    lines = [
        f"Single columns, by logistic regression, in {columns.units}: lower bound of the column "
        "alone, and loss without the column (estimate, interval)"
    ]
    for i in order:
        alone, lost = columns.alone_lower[i], columns.lost_estimate[i]
        low, high = columns.lost_interval[i]
        shown = _fixed(alone) if alone > 0 else "not above 0"
        lines.append(
            f"  {columns.names[i]:<{width}}  {shown:>13}  {_fixed(lost):>7} ({_fixed(low)} to "
            f"{_fixed(high)})"
        )
    best = order[0]
    if round(columns.alone_lower[best], 3) > max(round(found.mi_lower, 3), 0):
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
        "answer": sentence(table, found),
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
