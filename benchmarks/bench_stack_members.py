"""The gain and the cost of further members of the stack.

    python benchmarks/bench_stack_members.py --tables TABLES --n N [N ...] [--csv FILE]
    python benchmarks/bench_stack_members.py --report FILE [FILE ...]

The first command trains the members of the stack and the candidates on five folds of each table:
of the tasks of known information, with N rows each, and of the real tables of `bench_defaults.py`.
From these predictions, it mixes each stack of `CONTENDERS` as `cross_val_bounds("stack")` does,
and appends a row to the CSV file for each of them, with its bits, those of the oracle for drawn
tasks, and its processor time: of the encoder, of the members in the folds that this stack trains
them for, and of the mixture. Tables that the file contains already are skipped. The second command
prints, for each kind of table, the numbers that the table of docs/performance.md states.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from bench_defaults import SYNTHETIC, already_done
from bench_defaults import tables as real_tables
from information_tasks import TASKS
from sklearn.base import clone

from sksoftinfo import (
    InfoSoftmaxClassifier,
    InfoStackClassifier,
    StochasticInfoClassifier,
    information_bounds,
)
from sksoftinfo._evaluation.folds import make_folds
from sksoftinfo._evaluation.held_out import prior_proba
from sksoftinfo._evaluation.held_out_stack import (
    _N_JUDGES,
    HeldOutStack,
    _fit_predict,
    _helping,
    _View,
)
from sksoftinfo._evaluation.table_encoder import encoder_for, numeric_table

MLPS = ("mlp", "smooth mlp")
MORE = [(name, seed) for name in MLPS for seed in range(1, 6)]
# Candidates that each stack has beside its members, and members that it lacks.
CONTENDERS = {
    "the stack": ((), ()),
    "with ten more MLPs": (tuple(f"{name} {seed}" for name, seed in MORE), ()),
    "with the network": (("network",), ()),
    "with the ensemble": (("ensemble",), ()),
    "the ensemble in place of the MLPs": (("ensemble",), MLPS),
}
COLUMNS = ("kind", "table", "contender", "bits", "oracle", "seconds")


def candidates(members):
    """Return networks, and the MLPs of the stack with other seeds."""
    options = {"device": "cpu", "random_state": 0}
    return {
        "network": InfoSoftmaxClassifier(**options),
        "ensemble": StochasticInfoClassifier(noise="ensemble", n_draws=16, **options),
        **{
            f"{name} {seed}": clone(members[name]).set_params(random_state=seed)
            for name, seed in MORE
        },
    }


def tables(folder, sizes):
    """Yield kind, name and a function that returns rows, labels and the oracle's bits or None."""
    for n_rows in sizes:
        for name in TASKS:
            yield f"drawn, n = {n_rows:,}", name, lambda args=(name, n_rows): drawn(*args)
    for name, load in real_tables(folder, 0) if folder else ():
        if name not in SYNTHETIC:
            yield "real", name, lambda load=load: (*load(), None)


def drawn(name, n_rows):
    X, y, log_posterior = TASKS[name](n_rows, np.random.default_rng(0))
    labels = np.arange(log_posterior.shape[1])
    oracle = information_bounds(y, np.exp(log_posterior), labels=labels, units="bits")
    return X, y, oracle.mi_lower


def predictions(X, y, folds):
    """Return the view of the table whose members predicted all folds, and seconds of each.

    Seconds have shape (n_folds, 1 + n_members); the first are those of the encoder.
    """
    stack = InfoStackClassifier()
    encoder = encoder_for(stack.encoder, X)
    X = numeric_table(X) if encoder is None else X
    view = _View(stack, X, encoder, y, folds, y.max() + 1)
    view.members |= candidates(view.members)
    view.probas = {name: np.zeros((len(y), y.max() + 1)) for name in view.members}
    seconds = np.empty((len(folds.splits), 1 + len(view.members)))
    for fold in range(len(folds.splits)):
        start = time.process_time()
        encoded = view._encoded(fold)
        seconds[fold, 0] = time.process_time() - start
        for place, (name, member) in enumerate(view.members.items(), 1):
            start = time.process_time()
            view._take(fold, name, _fit_predict(member, *encoded))
            seconds[fold, place] = time.process_time() - start
    return view, seconds


def mixtures(X, y):
    """Yield the name of each stack, its bits and its seconds."""
    y = np.unique(y, return_inverse=True)[1]
    folds = make_folds(5, X, y)
    view, seconds = predictions(X, y, folds)
    names, n_classes = list(view.members), y.max() + 1
    # The names of the candidates are the same for all tables.
    own = [name for name in names if name not in candidates(view.members)]
    prior = prior_proba(y, folds, n_classes)
    for contender, (added, lacking) in CONTENDERS.items():
        chosen = [name for name in (*own, *added) if name not in lacking]
        start = time.process_time()
        probas = [prior, *(view.probas[name] for name in chosen)]
        helping = _helping(probas, y, folds, None)
        members = {"prior": None, **{name: view.members[name] for name in chosen}}
        proba = HeldOutStack(members, probas, helping).mixed(y, folds)
        taken = time.process_time() - start
        # Members that help in none of the folds are trained for the first folds alone.
        trained = np.ones((len(folds.splits), 1 + len(chosen)), dtype=bool)
        trained[_N_JUDGES:] = helping.any(axis=0)
        columns = [0, *(1 + names.index(name) for name in chosen)]
        bounds = information_bounds(y, proba, labels=np.arange(n_classes), units="bits")
        yield contender, bounds.mi_lower, taken + (seconds[:, columns] * trained).sum()


def report(paths):
    """Print means over the tables of each kind."""
    found = pd.concat([pd.read_csv(path) for path in paths])
    found["error"] = (found["bits"] - found["oracle"]).abs()
    names = ["kind", "table"]
    first = found[found["contender"] == "the stack"].set_index(names)
    found = found.join(first[["bits", "seconds"]].rename(columns="{} of the stack".format), names)
    found["gain"] = found["bits"] - found["bits of the stack"]
    kinds = list(dict.fromkeys(found["kind"]))
    for kind in kinds:
        part = found[found["kind"] == kind]
        print(f"\n{kind}: {part['table'].nunique()} tables\n")
        print("| | mean bits | gain | smallest, largest gain | mean absolute error | time |")
        print("|---|---|---|---|---|---|")
        for name in CONTENDERS:
            mine = part[part["contender"] == name]
            # The seconds of all tables: on small tables, the stack takes tenths of a second.
            time_ratio = mine["seconds"].sum() / mine["seconds of the stack"].sum()
            gains = f"{mine['gain'].min():+.3f}, {mine['gain'].max():+.3f}"
            print(
                f"| {name} | {mine['bits'].mean():.4f} | {mine['gain'].mean():+.4f} | {gains} "
                f"| {mine['error'].mean():.4f} | {time_ratio:.1f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="folder of CSV files; no real tables by default")
    parser.add_argument("--csv", type=Path, default="members.csv", help="file to append to")
    parser.add_argument("--n", type=int, nargs="*", default=[], help="rows of drawn tables")
    parser.add_argument("--only", nargs="*", help="names of tables; all by default")
    parser.add_argument("--report", nargs="+", type=Path, help="only join CSV files")
    options = parser.parse_args()
    if options.report:
        return report(options.report)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    done = already_done(options.csv, "kind", "table")
    with options.csv.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        for kind, name, load in tables(options.tables, options.n):
            if (kind, name) in done or not (options.only is None or name in options.only):
                continue
            X, y, oracle = load()
            rows = [[kind, name, one, bits, oracle, spent] for one, bits, spent in mixtures(X, y)]
            writer.writerows(rows)
            file.flush()
            shown = ", ".join(
                f"{one} {bits:.4f} ({spent:.1f} s)" for *_, one, bits, _, spent in rows
            )
            print(f"{kind}, {name}: {shown}", flush=True)


if __name__ == "__main__":
    main()
