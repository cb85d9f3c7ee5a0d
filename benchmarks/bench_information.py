"""Bounds and estimates of known I(X;Y): ``python benchmarks/bench_information.py``.

All methods run on the same rows, one after the other in one process. Errors are differences from
the oracle, which scores the true p(y|x) on the same rows. Limits are compared with the true
information, computed from 400,000 fresh rows. Seconds are processor times, of which only ratios
are meaningful. The script prints the tables of docs/information.md, and writes ``information.csv``
and ``information.png``. ``--report`` joins the CSV files of several runs, e.g. one for each
method; if a task, seed and method occur in several files, the last row counts.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from information_peers import PEERS
from information_tasks import TASKS
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, information_bounds
from sksoftinfo._evaluation.estimate import extrapolated
from sksoftinfo._evaluation.evaluation import prepare_evaluation


def scaled(classifier):
    return make_pipeline(StandardScaler(), classifier)


OURS = {
    "network": scaled(InfoSoftmaxClassifier(device="cpu", random_state=0)),
    "stack": "stack",
    "logistic": scaled(LogisticRegression(max_iter=1000)),
}
EXTRAPOLATED = {"network": "network, extrapolated", "stack": "stack, extrapolated"}


def ours(name, X, y):
    """Yield name, value, lower limit and seconds of the bound, and of the estimate from it.

    These are `cross_val_bounds` and `mi_estimate`, which share the fits on all training rows.
    """
    start = time.process_time()
    evaluation = prepare_evaluation(OURS[name], X, y)
    (proba,) = evaluation.held_out()
    bounds = evaluation.bounds(proba)
    yield name, bounds.mi_lower, bounds.mi_lower_limit, time.process_time() - start
    if name in EXTRAPOLATED:
        estimate = extrapolated(evaluation, proba, 0, 0.95, "nats")
        yield EXTRAPOLATED[name], estimate.value, None, time.process_time() - start


def run(task, n, seed, methods):
    """Yield name, value, lower limit or None, and seconds of every method; first the oracle."""
    rng = np.random.default_rng(seed)
    X, y, log_posterior = TASKS[task](n, rng)
    options = {"labels": np.arange(log_posterior.shape[1])}
    oracle = information_bounds(y, np.exp(log_posterior), **options)
    yield "oracle", oracle.mi_lower, oracle.mi_lower_limit, 0.0
    for name in methods:
        if name in OURS:
            yield from ours(name, X, y)
        else:
            start = time.process_time()
            yield name, PEERS[name](X, y, seed), None, time.process_time() - start


def truth(task):
    """Return I(X;Y), computed from many fresh rows."""
    _, y, log_posterior = TASKS[task](400_000, np.random.default_rng(12345))
    bounds = information_bounds(y, np.exp(log_posterior), labels=np.arange(log_posterior.shape[1]))
    # Where the label is independent of the features, the mean of finitely many rows is below 0.
    return max(0.0, bounds.mi_lower)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=5000, help="rows of each task")
    parser.add_argument("--seeds", type=int, default=2, help="samples of each task")
    parser.add_argument(
        "--first-seed", type=int, default=0, help="first seed, to add to an earlier run"
    )
    parser.add_argument(
        "--tasks",
        nargs="*",
        choices=list(TASKS),
        default=list(TASKS),
        help="tasks to draw; all by default",
    )
    parser.add_argument(
        "--methods",
        nargs="*",
        choices=[*OURS, *PEERS],
        default=[*OURS, *PEERS],
        help="methods to run; all by default",
    )
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of CSV and figure")
    parser.add_argument("--report", nargs="+", type=Path, help="only join these CSV files")
    options = parser.parse_args()
    if options.report:
        report([row for path in options.report for row in read(path)], options.out)
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    for task in options.tasks:
        known = truth(task)
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            results = list(run(task, options.n, seed, options.methods))
            oracle = results[0][1]
            for name, value, limit, seconds in results:
                rows.append(
                    {
                        "task": task,
                        "seed": seed,
                        "method": name,
                        "truth": known,
                        "oracle": oracle,
                        "value": value,
                        "limit": limit,
                        "seconds": seconds,
                    }
                )
        parts = []
        for name in dict.fromkeys(row["method"] for row in rows):
            errors = [
                row["value"] - row["oracle"]
                for row in rows
                if row["method"] == name and row["task"] == task
            ]
            parts.append(f"{name} {np.mean(errors):+.4f}")
        print(f"{task}, I = {known:.3f}: {', '.join(parts[1:])}", flush=True)
    report(rows, options.out)


def read(path):
    """Return the rows of a CSV file that `report` wrote."""
    numbers = ("truth", "oracle", "value", "limit", "seconds")
    with open(path, newline="") as file:
        return [
            {**row, **{name: float(row[name]) if row[name] else None for name in numbers}}
            for row in csv.DictReader(file)
        ]


def in_order(rows):
    """Return the last row of each task, seed and method, in the order of this file."""
    methods = ["oracle"]
    for name in OURS:
        methods += [name, EXTRAPOLATED[name]] if name in EXTRAPOLATED else [name]
    methods += PEERS
    tasks = list(TASKS)
    found = {
        (tasks.index(row["task"]), int(row["seed"]), methods.index(row["method"])): row
        for row in rows
    }
    return [found[key] for key in sorted(found)]


def methods(rows):
    """Return the errors, limits and times of all methods as Markdown.

    Times are ratios to the first method, and left out where a row has none.
    """
    first = next(row["method"] for row in rows if row["method"] != "oracle")
    unit = {
        (row["task"], str(row["seed"])): row["seconds"] for row in rows if row["method"] == first
    }
    columns = ("method", "mean absolute error, nats", "median", "largest", "limits")
    columns += ("time (smallest, largest)",)
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        errors = np.array([abs(row["value"] - row["oracle"]) for row in mine])
        below = [row["limit"] <= row["truth"] for row in mine if row["limit"] is not None]
        share = f"{sum(below)} of {len(below)}" if below else "-"
        spent = "-"
        if all(row["seconds"] is not None for row in mine):
            ratios = [row["seconds"] / unit[row["task"], str(row["seed"])] for row in mine]
            spent = f"{np.mean(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
        numbers = (errors.mean(), np.median(errors), errors.max())
        shown = " | ".join(f"{number:.4f}" for number in numbers)
        lines.append(f"| {name} | {shown} | {share} | {spent} |")
    return "\n".join(lines)


def errors_by_task(rows):
    """Return the mean error of every method in every task as Markdown."""
    names = [name for name in dict.fromkeys(row["method"] for row in rows) if name != "oracle"]
    lines = [f"| task | I(X;Y) | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for task in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == task]
        cells = [f"{mine[0]['truth']:.3f}"]
        for name in names:
            errors = [row["value"] - row["oracle"] for row in mine if row["method"] == name]
            cells.append(f"{np.mean(errors):+.4f}" if errors else "")
        lines.append(f"| {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(rows, out):
    """Print the tables of docs/information.md, and write the file and the figure."""
    rows = in_order(rows)
    print(f"\n{methods(rows)}\n\n{errors_by_task(rows)}")
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "information.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, out / "information.png")


def draw(rows, path):
    import matplotlib.pyplot as plt

    methods = [name for name in dict.fromkeys(row["method"] for row in rows) if name != "oracle"]
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, name in enumerate(methods):
        errors = [row["value"] - row["oracle"] for row in rows if row["method"] == name]
        axis.plot(errors, np.full(len(errors), index), "o", color="#0072b2", alpha=0.5, ms=5)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xscale("symlog", linthresh=0.05)
    axis.set_xticks([-1, -0.1, 0, 0.1, 1, 10, 100], ["-1", "-0.1", "0", "0.1", "1", "10", "100"])
    axis.set_xlim(-2, 300)
    axis.set_yticks(range(len(methods)), methods)
    axis.invert_yaxis()
    axis.grid(axis="y", color="0.9")
    axis.set_axisbelow(True)
    axis.set_xlabel("difference from the oracle (nats, linear below 0.05), by task and seed")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
