"""Time of the stack, relative to logistic regression, and of each of its members.

    python benchmarks/bench_stack.py [--tables TABLES]
    python benchmarks/bench_stack.py --costs

The first command prints the time of `cross_val_bounds("stack")` and of the mixture of logistic
regression and boosting, each relative to `cross_val_bounds` of logistic regression behind a
scaler, and the bits of all three, with the difference between stack and logistic regression and
its 95 % interval. `--tables` adds the CSV files of a folder, whose columns skrub encodes for all
classifiers. The second command prints the costs on this machine, in the form of the table in
`sksoftinfo/_evaluation/stack_cost.py`. All times are processor times.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from bench_defaults import SYNTHETIC, TABLES
from information_tasks import TASKS
from scipy.optimize import nnls
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sksoftinfo import InfoSoftmaxClassifier, InfoStackClassifier, cross_val_bounds
from sksoftinfo._evaluation.stack import stack_members
from sksoftinfo._evaluation.stack_cost import probe, work_of
from sksoftinfo._evaluation.table_encoder import make_table_encoder

# Rows, columns and classes of tables that costs are measured on.
_SIZES = ((250, 5, 2), (1000, 20, 3), (2000, 10, 5), (4000, 40, 2), (8000, 10, 2))


def generated(n_rows, n_columns, n_classes):
    """Return a table in which half of the columns are informative."""
    return make_classification(
        n_rows,
        n_columns,
        n_informative=max(n_columns // 2, 4),
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        flip_y=0.2,
        random_state=0,
    )


def seconds(work, *args, **options):
    """Return the processor time and the result of a call."""
    start = time.process_time()
    result = work(*args, **options)
    return time.process_time() - start, result


def tables(n_rows, folder):
    """Yield names, columns and labels of tables."""
    yield "wine", *load_wine(return_X_y=True)
    yield "breast cancer", *load_breast_cancer(return_X_y=True)
    yield "digits", *load_digits(return_X_y=True)
    yield f"generated, {n_rows:,}", *generated(n_rows, 20, 2)
    for name in SYNTHETIC:
        yield name, *TASKS[name](2000, np.random.default_rng(1))[:2]
    for name, (target, drop) in TABLES.items() if folder else ():
        frame = pd.read_csv(folder / f"{name}.csv").dropna(subset=[target])
        frame = frame[frame.groupby(target)[target].transform("size") >= 5]
        yield name, frame.drop(columns=[target, *drop]), frame[target].to_numpy()


def compare(n_rows, folder):
    """Print the ratios."""
    columns = ("table", "rows x columns", "logistic regression, s", "quick, times", "stack, times")
    columns += ("logistic, bits", "quick, bits", "stack, bits", "stack minus logistic, bits")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    for name, X, y in tables(n_rows, folder):
        encoder = [make_table_encoder()] if hasattr(X, "columns") else []
        logistic = make_pipeline(*encoder, StandardScaler(), LogisticRegression(max_iter=1000))
        times, found = [], []
        for estimator in (logistic, InfoStackClassifier(members="quick"), "stack"):
            taken, bounds = seconds(cross_val_bounds, estimator, X, y, units="bits")
            times.append(taken)
            found.append(bounds)
        gain = found[2] - found[0]
        cells = [
            name,
            f"{X.shape[0]:,} x {X.shape[1]}",
            f"{times[0]:.3f}",
            *(f"{one / times[0]:.1f}" for one in times[1:]),
            *(f"{bounds.mi_lower:.3f}" for bounds in found),
            f"{gain.difference:+.3f} [{gain.interval[0]:+.3f}, {gain.interval[1]:+.3f}]",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def costs():
    """Print costs of members: for a fit, by rows, by entries and classes, and by pairs of rows."""
    work, taken = [], {}
    for n_rows, n_columns, n_classes in _SIZES:
        X, y = generated(n_rows, n_columns, n_classes)
        X = StandardScaler().fit_transform(X)
        n_train = 4 * n_rows // 5
        train, test = np.arange(n_train), np.arange(n_train, n_rows)
        work.append(work_of(n_train, n_rows - n_train, n_columns, n_classes))
        members = stack_members(y, [(train, test)], n_columns)
        members["network"] = InfoSoftmaxClassifier(device="cpu", random_state=0)
        for name, member in members.items():
            fitting, _ = seconds(member.fit, X[train], y[train])
            predicting, _ = seconds(member.predict_proba, X[test])
            taken.setdefault(name, []).append(fitting + predicting)
    for name, one in taken.items():
        # Minimise relative errors, so that small tables count as much as large ones.
        weight = 1 / np.maximum(one, 1e-2)
        cost, _ = nnls(np.array(work) * weight[:, None], one * weight)
        shown = ", ".join(f"{number:.3g}" for number in cost)
        print(f'"{name}": ({shown}),  # seconds {", ".join(f"{value:.2f}" for value in one)}')
    print(f"probe: {min(probe() for _ in range(9)):.4f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--costs", action="store_true", help="print the cost of each member")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the generated table")
    parser.add_argument("--tables", type=Path, metavar="TABLES", help="folder of CSV files")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        costs() if options.costs else compare(options.rows, options.tables)


if __name__ == "__main__":
    main()
