"""Expected time of a result about a table."""

from __future__ import annotations

import argparse

import numpy as np
from joblib import effective_n_jobs

from .._evaluation import encoder_seconds, expected_seconds, slowness
from .._utils import duration

N_FOLDS = 5
# Each column needs two more classifiers.
MAX_RANKED = 30
_MEMBERS = {
    "info": ["network"],
    "logistic": ["logistic"],
    "boosting": ["boosting"],
    "quick": ["logistic", "boosting"],
}
# Largest number of encoded columns of a text column, roughly.
_TEXT_COLUMNS = 30
# From this number of seconds on, faster options are suggested.
_LONG = 60
# Smallest share of the time for which leaving out the page is suggested.
_WORTH_SAVING = 0.2


def are_ranked(table, options):
    """Return whether columns are evaluated one by one.

    Parameters
    ----------
    table : Table
    options : argparse.Namespace

    Returns
    -------
    bool
    """
    return not options.no_columns and 1 < len(table.features) <= MAX_RANKED


def time_needed(table, labels, options):
    """Return a line that states the expected time of the result.

    Parameters
    ----------
    table : Table
    labels : Labels
    options : argparse.Namespace

    Returns
    -------
    str
    """
    seconds = slowness() * sum(seconds_of_parts(table, labels, options))
    line = f"about {duration(seconds)} to go"
    ways = []
    if seconds >= _LONG:
        shorter = argparse.Namespace(**{**vars(options), "report": None})
        saved = seconds - slowness() * sum(seconds_of_parts(table, labels, shorter))
        if saved > _WORTH_SAVING * seconds:
            ways.append(f"leaving out --report saves about {duration(saved)}")
        if not options.quick and options.model == "stack":
            ways.append("--quick leaves out the slower classifiers")
        if are_ranked(table, options):
            ways.append("--no-columns skips the evaluation of single columns")
        if effective_n_jobs(-1) > effective_n_jobs(options.jobs):
            ways.append("--jobs -1 uses all cores")
    return "; ".join([line, *ways[:3]])


def seconds_of_parts(table, labels, options):
    """Return the expected seconds on the machine of the tables in `stack_cost`.

    Parameters
    ----------
    table : Table
    labels : Labels
    options : argparse.Namespace

    Returns
    -------
    tuple of float
        Seconds of the evaluation of all columns together, and of the columns one by one.
    """
    n_rows, n_classes = len(labels.y), len(np.unique(labels.y))
    widths = [
        min(one.values.nunique(), _TEXT_COLUMNS) if one.kind == "text" else 1
        for one in table.features
    ]
    kind = "quick" if options.quick else options.model
    together = _fits(_MEMBERS.get(kind), n_rows, n_classes, len(widths), sum(widths))
    if options.report is not None:
        # For the extrapolation, all is fitted again on half of the rows.
        together += _fits(_MEMBERS.get(kind), n_rows // 2, n_classes, len(widths), sum(widths))
    single = 0.0
    if are_ranked(table, options):
        for width in widths:
            for n_columns, encoded in ((1, width), (len(widths) - 1, sum(widths) - width)):
                single += _fits(["logistic"], n_rows, n_classes, n_columns, encoded)
    n_jobs = effective_n_jobs(options.jobs)
    return together / n_jobs, single / n_jobs


def _fits(members, n_rows, n_classes, n_columns, n_encoded):
    sizes = n_rows * (N_FOLDS - 1) // N_FOLDS, n_rows // N_FOLDS
    models = expected_seconds(members, *sizes, n_encoded, n_classes)
    return N_FOLDS * (sum(models.values()) + encoder_seconds(n_rows, n_columns))
