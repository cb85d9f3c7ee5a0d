"""``--report``: a self-contained page on the information of a table about its target."""

from __future__ import annotations

import base64
import html
import io
from textwrap import dedent

import numpy as np

from .. import FeatureInformationDisplay, InformationBoundsDisplay
from .table_answer import details, sentence
from .table_time import MAX_RANKED

# Number of rows with the least expected labels to show, and of columns in the table of them.
_N_ODD_ROWS = 20
_MAX_COLUMNS = 8
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; margin: 0 auto; max-width: 60rem;
       padding: 1rem; }
h1 { font-size: 1.3rem; line-height: 1.35; } h2 { font-size: 1.1rem; margin-top: 2rem; }
figure { margin: 0; } img { display: block; height: auto; max-width: 100%; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9rem; }
td, th { border-bottom: 1px solid #ddd; padding: 0.2rem 0.7rem 0.2rem 0; text-align: left;
         vertical-align: top; }
pre { white-space: pre-wrap; background: #f6f6f6; padding: 0.7rem; font-size: 0.85rem; }
.warning { border-left: 4px solid #d08000; margin: 0.4rem 0; padding-left: 0.6rem; }
"""
# The data may come from an untrusted source: the page must not load or run anything.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def make_page(options, table, labels, found, columns, estimate, report, warnings):
    """Return the page as HTML.

    Parameters
    ----------
    options : argparse.Namespace
    table : Table
    labels : Labels
    found : InformationBounds
    columns : FeatureInformation or None
    estimate : InformationEstimate
    report, warnings : list of str

    Returns
    -------
    str
    """
    import matplotlib

    matplotlib.use("Agg")
    # A number stays on the line of its unit.
    answer = _text(sentence(table, found, columns)).replace(" %", "\N{NO-BREAK SPACE}%")
    parts = [f"<h1>{answer}</h1>"]
    parts += [f'<p class="warning">{_text(one)}</p>' for one in warnings]
    parts += [
        "<h2>Bounds</h2>",
        _picture(_ladder(found), "Lower bound with its interval and limit, and the entropy."),
        "<p>H(Y) is the entropy of the labels. I(X;Y) is the information that the columns carry "
        "about them, and lies between 0 and H(Y). The bar is the lower bound on these rows. The "
        "interval belongs to the point, the bound after a small share of the label frequencies "
        "was mixed into the predictions; the bar may end outside it.</p>",
        f"<pre>{_text(dedent(chr(10).join(details(table, labels, found))))}</pre>",
        "<h2>Would more rows help?</h2>",
        _picture(_curve(estimate), "Lower bounds from half of the training rows and from all."),
        "<p>The extrapolation is an estimate, not a bound; its interval covers the sampling error "
        "alone.</p>",
    ]
    if columns is not None:
        parts += [
            "<h2>Columns</h2>",
            "<p>Each column was evaluated by logistic regression. The information that the column "
            "carries alone is bounded from below. The information that is lost without the column "
            "is estimated by a difference of two bounds, which may be negative or exceed the "
            "entropy.</p>",
            _picture(_columns(columns), "Information of the columns, with intervals."),
        ]
    parts += [
        "<h2>Rows whose labels were least expected</h2>",
        _odd_rows(table, labels, found),
        "<h2>What was read</h2>",
        f"<pre>{_text(chr(10).join(report))}</pre>",
        "<p>This page was written by <code>python -m sksoftinfo bounds</code>. Names that begin "
        "with <code>--</code> are options of this command.</p>",
    ]
    title = f"{options.target} in {options.table.name}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _text(text):
    return html.escape(str(text))


def _picture(figure, description):
    from matplotlib import pyplot

    stream = io.BytesIO()
    figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    data = base64.b64encode(stream.getvalue()).decode()
    return (
        f'<figure><img alt="{_text(description)}" src="data:image/svg+xml;base64,{data}"></figure>'
    )


def _ladder(found):
    """Draw the lower bound with its interval and limit, on the entropy of the labels."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6.4, 1.7), layout="constrained")
    InformationBoundsDisplay(found).plot(ax=axis)
    return figure


def _curve(estimate):
    """Draw bounds against the share of the training rows, and the extrapolation."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(6.4, 3.0), layout="constrained")
    bounds = [estimate.mi_lower_half, estimate.mi_lower]
    axis.plot([0, 1], bounds, "o-", label="lower bound")
    low, high = estimate.interval
    value = estimate.value
    axis.errorbar(
        [2],
        [value],
        yerr=np.maximum(0, [[value - low], [high - value]]),
        fmt="o",
        capsize=3,
        color="C1",
        label="extrapolated: an estimate",
    )
    axis.axhline(estimate.label_entropy, color="black", linestyle="--", label="entropy H(Y)")
    axis.set_xticks([0, 1, 2], ["half of the training rows", "all", "infinitely many"])
    axis.set_xlim(-0.4, 2.4)
    # Room at the top for markers near the entropy.
    low, high = axis.get_ylim()
    low = min(0.0, low)
    axis.set_ylim(low, high + 0.06 * (high - low))
    axis.set_ylabel(f"information ({estimate.units})")
    axis.legend(frameon=False, fontsize=8)
    return figure


def _columns(columns):
    """Draw the information of each column, with panels below each other for narrow windows."""
    from matplotlib import pyplot

    n_shown = min(len(columns.names), MAX_RANKED)
    figure, axes = pyplot.subplots(
        2, 1, figsize=(6.4, 2 * (0.9 + 0.3 * n_shown)), sharey=True, layout="constrained"
    )
    FeatureInformationDisplay(columns).plot(max_groups=n_shown, axes=axes)
    return figure


def _odd_rows(table, labels, found):
    """Return a table of the rows with the most negative pointwise information."""
    # In time order the first rows are not scored.
    rows, y = (one[len(one) - found.n_samples :] for one in (labels.rows, labels.y))
    order = np.argsort(found.pointwise, kind="stable")[:_N_ODD_ROWS]
    order = order[found.pointwise[order] < 0]
    if not len(order):
        return "<p>There are none: no label was predicted with less than its frequency.</p>"
    frame = table.frame(rows[order]).iloc[:, :_MAX_COLUMNS].apply(_without_midnight)
    names = ["row", table.target.name, f"information ({found.units})", *frame.columns]
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    body = ""
    for place, (_, values) in zip(order, frame.iterrows(), strict=True):
        cells = [rows[place] + 1, y[place], f"{found.pointwise[place]:.2f}", *values]
        body += f"<tr>{''.join(f'<td>{_text(_short(cell))}</td>' for cell in cells)}</tr>\n"
    return (
        "<p>Negative information means that a row makes its label less probable than the label's "
        "frequency. The labels of these rows may be wrong, or the rows may be unusual. Rows are "
        "numbered from 1, below the header.</p>"
        f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'
    )


def _without_midnight(column):
    """Return a column of times as days if all of its times are midnight."""
    if column.dtype.kind != "M" or (column.dropna() != column.dropna().dt.normalize()).any():
        return column
    return column.dt.strftime("%Y-%m-%d")


def _short(entry):
    text = "" if entry is None or entry != entry else str(entry)
    return text if len(text) <= 60 else f"{text[:57]}..."
