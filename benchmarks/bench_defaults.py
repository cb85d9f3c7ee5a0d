"""Defaults against peers, raw columns in: ``python benchmarks/bench_defaults.py [--tables DIR]``.

The script cross-fits each method in five shuffled folds on scikit-learn's tables, on CSV files in
a folder, and on synthetic tasks. Every peer gets the usual preparation of its columns, and our
`network`, `noise` and `ensemble` get raw columns. Texts are one-hot encoded for all methods. Bits
are H(Y) minus the held-out log-loss, and seconds are processor time.

Weight decays and steps of the network were chosen on glass, wine, urine, birthwt, weather, mroz,
titanic, spirals and parities; the other tables were held back.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from information_tasks import TASKS
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier

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


def prepared(classifier):
    return make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), classifier)


def peers():
    """Return the classifiers by name; RealMLP-TD only where pytabkit is installed."""
    found = {
        "network": InfoSoftmaxClassifier(random_state=0),
        "noise": StochasticInfoClassifier(random_state=0),
        "ensemble": StochasticInfoClassifier(noise="ensemble", n_draws=16, random_state=0),
        "logistic": prepared(LogisticRegression(max_iter=1000)),
        "MLPClassifier": prepared(MLPClassifier(random_state=0)),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "forest": prepared(RandomForestClassifier(random_state=0)),
    }
    try:
        from pytabkit import RealMLP_TD_Classifier
    except ImportError:
        return found
    return {**found, "RealMLP-TD": RealMLP_TD_Classifier(random_state=0, device="cpu")}


def read(path, target, left_out):
    frame = pd.read_csv(path).drop(columns=left_out)
    frame = frame[frame[target].notna()]
    y = np.unique(frame.pop(target), return_inverse=True)[1]
    return pd.get_dummies(frame, dtype=float), y


def tables(folder, n_synthetic):
    """Yield name, rows and labels of each table."""
    for name, load in LOADERS.items():
        yield name, *load(return_X_y=True)
    for name, (target, left_out) in TABLES.items():
        path = Path(folder or ".") / f"{name}.csv"
        if folder and path.exists():
            yield name, *read(path, target, left_out)
    for name in SYNTHETIC:
        yield name, *TASKS[name](n_synthetic, np.random.default_rng(0))[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="folder of CSV files")
    parser.add_argument("--only", nargs="*", help="names of tables")
    parser.add_argument("--methods", nargs="*", help="names of classifiers")
    parser.add_argument("--n", type=int, default=1000, help="rows of synthetic tasks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    for name, X, y in tables(options.tables, options.n):
        if options.only and name not in options.only:
            continue
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        share = np.bincount(y) / len(y)
        entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
        for method, classifier in peers().items():
            if options.methods and method not in options.methods:
                continue
            start = time.process_time()
            proba = cross_val_predict(classifier, X, y, cv=folds, method="predict_proba")
            seconds = time.process_time() - start
            loss = log_loss(y, proba, labels=np.arange(len(share)))
            rows.append(
                {
                    "table": name,
                    "method": method,
                    "bits": (entropy - loss) / np.log(2),
                    "accuracy": accuracy_score(y, proba.argmax(axis=1)),
                    "log-loss": loss,
                    "seconds": seconds,
                }
            )
            print(
                "{table:18} {method:14} {bits:7.3f} {seconds:7.1f}".format(**rows[-1]), flush=True
            )
    found = pd.DataFrame(rows)
    print(found.pivot(index="table", columns="method", values="bits").round(3).to_string())
    means = found.groupby("method")[["bits", "accuracy", "log-loss", "seconds"]].mean()
    print(means.round(3).to_string())


if __name__ == "__main__":
    main()
