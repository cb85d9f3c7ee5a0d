"""Default classifiers on raw tables, compared with peers.

    python benchmarks/bench_defaults.py --tables DIR --csv FILE
    python benchmarks/bench_defaults.py --report FILE [FILE ...]

The first command evaluates each method on five shuffled folds of each table: scikit-learn's, CSV
files of a folder, and synthetic ones that `--only` names. It appends a row to the CSV file for
each table and method, and skips rows that the file contains already, so that a run can be
interrupted and continued. The second command prints the table of docs/peers.md, and the results of
TabM below it.

`network` and `stack` receive each table unchanged, with text columns as categories. For the other
methods, tables are prepared as is usual for each. Boosting handles missing values and categories
itself. RealMLP-TD and TabM handle categories, and missing numbers are replaced by the median. The
remaining methods receive scaled columns, with indicators of categories and of missing values. Bits
are H(Y) less the held-out log-loss, and seconds are processor time of the five fits and
predictions. RealMLP-TD and TabM are the implementations in pytabkit, trained by the cross-entropy
without label smoothing.

Weight decays and steps of the network were chosen on glass, wine, urine, birthwt, weather, mroz,
titanic, spirals and parities, and the step of its linear functions on the same tables and on
synthetic tables of Gaussian classes, linear models and networks; the other tables were held back.
"""

from __future__ import annotations

import argparse
import csv
import logging
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from information_tasks import TASKS
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, InfoStackClassifier

LOADERS = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
# Labels, and columns that are left out: they number or name the rows, or determine the label.
TABLES = {
    "penguins": ("species", []),
    "titanic": ("survived", ["name"]),
    "cars": ("Origin", ["Name", "Year"]),
    "weather": ("weather", ["date"]),
    "glass": ("type", []),
    "mpg": ("class", ["manufacturer", "model"]),
    "birthwt": ("low", []),
    "urine": ("r", []),
    "kyphosis": ("Kyphosis", []),
    "mroz": ("work", ["hoursw", "wagew", "hearnw"]),
    "turnout": ("vote", []),
}
SYNTHETIC = ("spiral", "parity 3 of 8", "cloud d=10 M=10", "full covariance", "independent")
TABM = ("wine", "breast cancer", "titanic")
# How the means of each measure are shown: name and digits.
MEASURES = {
    "bits": ("bits", 3),
    "accuracy": ("accuracy", 3),
    "log-loss": ("log-loss, nats", 3),
    "seconds": ("processor time, s", 1),
}


def prepared(classifier):
    """Return a classifier behind indicators, imputation and scaling."""
    categories = make_column_selector(dtype_include="category")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
        (SimpleImputer(add_indicator=True), make_column_selector(dtype_include="number")),
    )
    return make_pipeline(columns, StandardScaler(), classifier)


def imputed(classifier):
    """Return a classifier of the package pytabkit behind imputation; it reads categories."""
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(columns, classifier)


def methods():
    """Return the classifiers by name; those of pytabkit only where it is installed."""
    found = {
        "network": InfoSoftmaxClassifier(random_state=0),
        "stack": InfoStackClassifier(random_state=0),
        "logistic": prepared(LogisticRegression(max_iter=1000)),
        "MLPClassifier": prepared(MLPClassifier(random_state=0)),
        "boosting": HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0
        ),
        "forest": prepared(RandomForestClassifier(random_state=0)),
    }
    try:
        from pytabkit import RealMLP_TD_Classifier, TabM_D_Classifier
    except ImportError:
        return found
    options = {"random_state": 0, "device": "cpu", "n_threads": 1}
    loss = {"use_ls": False, "val_metric_name": "cross_entropy"}
    return {
        **found,
        "RealMLP-TD": imputed(RealMLP_TD_Classifier(**options, **loss)),
        "TabM": imputed(TabM_D_Classifier(**options, val_metric_name="cross_entropy")),
    }


def read(path, target, left_out):
    frame = pd.read_csv(path).drop(columns=left_out)
    frame = frame[frame[target].notna()]
    y = np.unique(frame.pop(target), return_inverse=True)[1]
    texts = frame.select_dtypes(exclude="number").columns
    return frame.astype({name: "category" for name in texts}), y


def tables(folder, n_synthetic):
    """Yield the name and a function that reads rows and labels, of each table."""
    for name, load in LOADERS.items():
        yield name, lambda load=load: load(return_X_y=True, as_frame=True)
    for name, (target, left_out) in TABLES.items():
        path = Path(folder or ".") / f"{name}.csv"
        if folder and path.exists():
            yield name, lambda args=(path, target, left_out): read(*args)
    for name in SYNTHETIC:
        yield name, lambda name=name: synthetic(name, n_synthetic)


def synthetic(name, n_rows):
    X, y, _ = TASKS[name](n_rows, np.random.default_rng(0))
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]), y


def measure(classifier, X, y):
    """Return the measures of a classifier on a table."""
    y = np.asarray(y)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    share = np.bincount(y) / len(y)
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    start = time.process_time()
    proba = cross_val_predict(classifier, X, y, cv=folds, method="predict_proba")
    seconds = time.process_time() - start
    # Single precision does not sum to one closely enough for scikit-learn.
    proba = proba.astype(float) / proba.sum(axis=1, keepdims=True, dtype=float)
    loss = log_loss(y, proba, labels=np.arange(len(share)))
    accuracy = accuracy_score(y, proba.argmax(axis=1))
    return (entropy - loss) / np.log(2), accuracy, loss, seconds


def report(paths):
    """Print the table of docs/peers.md from joined results, and the results of TabM."""
    found = pd.concat([pd.read_csv(path) for path in paths])
    found = found.drop_duplicates(["table", "method"], keep="last")
    print(as_markdown(found[found["method"] != "TabM"]))
    for _, row in found[found["method"] == "TabM"].iterrows():
        print(f"TabM, {row['table']}: {row['bits']:.3f} bits, {row['seconds']:.0f} s")


def as_markdown(found):
    """Return bits by table and method, the most of each table in bold, and means over tables."""
    order = ["network", "stack", "logistic", "MLPClassifier", "boosting", "forest", "RealMLP-TD"]
    order = [name for name in order if name in set(found["method"])]
    bits = found.pivot(index="table", columns="method", values="bits")[order]
    n_rows = found.groupby("table")["rows"].max()
    lines = [["bits", "rows", *order]]
    for name in (*LOADERS, *TABLES, *SYNTHETIC):
        if name in bits.index:
            most = shown(bits.loc[name].max(), 3)
            cells = [shown(value, 3) for value in bits.loc[name]]
            cells = [f"**{cell}**" if cell == most else cell for cell in cells]
            lines.append([name, f"{n_rows[name]:,}", *cells])
    means = found.groupby("method")[list(MEASURES)].mean()
    # Means over other tables cannot be compared.
    means[bits.isna().any()] = np.nan
    for measure, (label, digits) in MEASURES.items():
        cells = [shown(value, digits) for value in means.loc[order, measure]]
        lines.append([f"mean {label}", "", *cells])
    head, *body = (f"| {' | '.join(cells)} |" for cells in lines)
    return "\n".join([head, "|---" * (len(order) + 2) + "|", *body])


def shown(value, digits):
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def already_done(path, first, second):
    """Return the pairs of entries of two columns that a CSV file holds, if it exists."""
    if not path.exists():
        return set()
    known = pd.read_csv(path)
    return set(zip(known[first], known[second], strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="folder of CSV files")
    parser.add_argument("--csv", type=Path, default="defaults.csv", help="file to append to")
    parser.add_argument("--only", nargs="*", help="names of tables; all real ones by default")
    parser.add_argument("--methods", nargs="*", help="names of methods; all by default")
    parser.add_argument("--n", type=int, default=1000, help="rows of synthetic tables")
    parser.add_argument("--report", nargs="+", type=Path, help="only join CSV files")
    options = parser.parse_args()
    if options.report:
        return report(options.report)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    done = already_done(options.csv, "table", "method")
    with options.csv.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(["table", "method", "rows", *MEASURES])
        for name, load in tables(options.tables, options.n):
            for method, classifier in methods().items():
                asked = options.methods is None or method in options.methods
                wanted = name in (options.only or (*LOADERS, *TABLES))
                tabm = method != "TabM" or name in TABM
                if not (asked and wanted and tabm) or (name, method) in done:
                    continue
                X, y = load()
                measures = measure(classifier, X, y)
                cells = (f"{value:.5f}" for value in measures)
                writer.writerow([name, method, len(y), *cells])
                file.flush()
                print(f"{name:18} {method:14} {measures[0]:7.3f} {measures[3]:7.1f}", flush=True)


if __name__ == "__main__":
    main()
