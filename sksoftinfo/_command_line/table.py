"""``python -m sksoftinfo bounds``: information of the columns of a file about one column."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .. import InfoSoftmaxClassifier, InfoStackClassifier
from .._evaluation import (
    bounds_and_estimate,
    cross_val_bounds,
    feature_information,
    make_table_encoder,
    slowness,
)
from .._utils import Progress, counted
from .options import check_jobs, check_seed
from .output_files import check_output
from .table_answer import as_json, details, ranking, sentence
from .table_columns import read_columns
from .table_file import read_file
from .table_labels import make_labels
from .table_page import make_page
from .table_report import divide, report_lines, suspicions
from .table_time import MAX_RANKED, N_FOLDS, are_ranked, seconds_of_parts, time_needed
from .wording import in_options, tell

_OTHERS = {"sklearn", "skrub", "pandas", "numpy", "scipy", "torch", "skorch", "joblib", "tqdm"}


def bounds(options):
    """Print how much information a table carries about one of its columns."""
    check_seed(options.seed)
    check_jobs(options.jobs)
    if not 0 < options.confidence_level < 1:
        raise ValueError(
            f"--confidence-level must be between 0 and 1; got {options.confidence_level}. Use "
            "e.g. 0.95."
        )
    if options.quick and options.model != "stack":
        raise ValueError(
            f"--model must be stack if --quick is given; got {options.model}. Leave out --quick."
        )
    if options.report is not None:
        check_output(options.report, "--report", options.table)
    raw, table, labels = read_table(options)
    report = report_lines(options.table, raw, table, labels)
    told = [*raw.warnings, *table.warnings, *labels.warnings, *suspicions(table, labels)]
    tell([*report, *(f"warning: {one}" for one in told)])
    tell([time_needed(table, labels, options)])
    # For small classifiers, threads cost more time by waiting for each other than they save,
    # especially on a busy machine.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        # The training rows of a fold may lack a category of few rows.
        warnings.filterwarnings("ignore", "Found unknown categories")
        try:
            found, columns, estimate = evaluate(table, labels, options)
        except ValueError as error:
            raise ValueError(in_options(str(error))) from error
    later = list(
        dict.fromkeys(in_options(str(one.message)) for one in caught if _is_for_the_user(one))
    )
    tell(f"warning: {one}" for one in later)
    if options.json:
        print(as_json(table, found, columns, report, [*told, *later]))
    else:
        print_answer(table, labels, found, columns, options)
    if options.report is not None:
        page = make_page(options, table, labels, found, columns, estimate, report, [*told, *later])
        options.report.write_text(page, encoding="utf-8")
        tell([f"wrote {options.report}"])


def print_answer(table, labels, found, columns, options):
    """Print the bounds, and the columns by their information, for a reader.

    Parameters
    ----------
    table : Table
    labels : Labels
    found : InformationBounds
    columns : FeatureInformation or None
    options : argparse.Namespace
    """
    print(sentence(table, found, columns))
    if columns is not None:
        print("\n" + "\n".join(ranking(columns, found)))
    elif len(table.features) > MAX_RANKED and not options.no_columns:
        print(
            f"\nThe table has {len(table.features)} columns, and more than {MAX_RANKED} are not "
            "evaluated one by one. With --columns, the whole result is about the columns that are "
            "named."
        )
    hint = "  --all prints all bounds and limits."
    rest = str(found) if options.all else "\n".join([*details(table, labels, found), hint])
    print(f"\n{rest}")


def read_table(options):
    """Return the content of the file, its columns by role, and the labels.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    tuple of RawTable, Table and Labels
    """
    raw = read_file(options.table, sep=options.sep, encoding=options.encoding)
    try:
        return raw, *_divided(raw, options)
    except ValueError:
        # A problem of the file may be the cause.
        tell(f"warning: {one}" for one in raw.warnings)
        raise


def _divided(raw, options):
    """Return the columns by role, and the labels."""
    columns = read_columns(raw, decimal=options.decimal, labels=options.target)
    if not len(raw.frame):
        raise ValueError(f"{options.table} has a header but no rows: save the table again.")
    if len(columns) == 1 and columns[0].name != options.target:
        remedy = "pass the separator with --sep" if raw.separator else "use another file"
        raise ValueError(
            f"--target {options.target}: the table has only the column {columns[0].name!r}; "
            f"{remedy}."
        )
    table = divide(
        columns,
        options.target,
        only=options.columns,
        drop=options.drop or [],
        groups=options.groups,
        time=options.time,
        file=options.table,
    )
    labels = make_labels(
        table.target,
        bins=options.bins,
        drop_missing=options.drop_missing_target,
        rare_classes=options.rare_classes,
    )
    for option, column in (("--groups", table.groups), ("--time", table.time)):
        if column is not None and column.values.iloc[labels.rows].isna().any():
            missing = int(column.values.iloc[labels.rows].isna().sum())
            raise ValueError(
                f"{option} {column.name} has no value in {counted(missing, 'row')}: fill in the "
                "values, or remove these rows."
            )
    if table.time is not None:
        order = table.time.values.iloc[labels.rows].argsort(kind="stable").to_numpy()
        labels.y, labels.rows = labels.y[order], labels.rows[order]
        folds_in_time(table, labels)
    return table, labels


def _groups_of(table, labels):
    """Return the group of each row as a text; None without groups."""
    if table.groups is None:
        return None
    return table.groups.values.iloc[labels.rows].astype(str).to_numpy(dtype=object)


def folds_in_time(table, labels):
    """Return folds in which each row is predicted from earlier rows of other groups.

    Parameters
    ----------
    table : Table
    labels : Labels
        Labels in time order.

    Returns
    -------
    list of tuple of ndarray
        Positions of the training rows and of the held-out rows of each fold.

    Raises
    ------
    ValueError
        If a fold has no training rows of two classes.
    """
    groups = _groups_of(table, labels)
    splits = list(TimeSeriesSplit(N_FOLDS).split(labels.y))
    if groups is not None:
        splits = [(train[~np.isin(groups[train], groups[test])], test) for train, test in splits]
    for number, (train, _) in enumerate(splits, start=1):
        n_classes = len(np.unique(labels.y[train]))
        if n_classes < 2:
            of, or_groups = (
                (" of other groups", " or --groups") if groups is not None else ("", "")
            )
            raise ValueError(
                f"--time {table.time.name}: the rows{of} before each of {N_FOLDS} blocks must "
                f"hold at least two classes; got {n_classes} in {counted(len(train), 'row')} "
                f"before block {number}. Leave out --time{or_groups}."
            )
    return splits


def make_classifier(options):
    """Return the classifier that the options select, with an encoder of the columns."""
    if options.model == "stack":
        members = "quick" if options.quick else "all"
        return InfoStackClassifier(members=members, encoder=make_table_encoder())
    classifier = {
        "info": InfoSoftmaxClassifier(random_state=options.seed),
        "logistic": LogisticRegression(max_iter=1000),
        "boosting": HistGradientBoostingClassifier(early_stopping=True, random_state=options.seed),
    }[options.model]
    return make_pipeline(make_table_encoder(), StandardScaler(), classifier)


def evaluate(table, labels, options):
    """Return the bounds from all columns, the information of each, and the estimate for a page.

    Parameters
    ----------
    table : Table
    labels : Labels
    options : argparse.Namespace

    Returns
    -------
    tuple of InformationBounds, FeatureInformation or None, and InformationEstimate or None
    """
    frame = table.frame(labels.rows)
    shared = {
        "groups": _groups_of(table, labels),
        "cv": N_FOLDS if table.time is None else folds_in_time(table, labels),
        "random_state": options.seed,
        "equal_rows": options.equal_rows,
        "n_jobs": options.jobs,
        "confidence_level": options.confidence_level,
        "units": options.units,
    }
    together, single = seconds_of_parts(table, labels, options)
    columns = estimate = None
    with Progress(together + single, "training", 1, seconds=slowness()) as bar:
        rows = (make_classifier(options), frame, labels.y)
        if options.report is None:
            found = cross_val_bounds(*rows, **shared, verbose=bar.part(together))
        else:
            found, estimate = bounds_and_estimate(*rows, **shared, verbose=bar.part(together))
        if are_ranked(table, options):
            logistic = make_pipeline(
                make_table_encoder(), StandardScaler(), LogisticRegression(max_iter=1000)
            )
            with warnings.catch_warnings():
                # The same warnings were given above.
                warnings.simplefilter("ignore", UserWarning)
                columns = feature_information(
                    logistic, frame, labels.y, **shared, verbose=bar.part(single)
                )
    return found, columns, estimate


def _is_for_the_user(warning):
    """Return whether a warning comes from this package, and not from an encoder or member."""
    return not _OTHERS.intersection(Path(str(warning.filename)).parts)
