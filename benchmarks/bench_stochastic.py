"""Stochastic networks: information kept by each noise and objective, and the cost of draws.

    python benchmarks/bench_stochastic.py [--rows N] [--seeds N] [--noise NAME ...]

First, for five Gaussian classes in ten dimensions with I(X;Y) near 1 nat: the Donsker-Varadhan
value, the bounds on held-out rows, and I(Z;Y) computed separately, from p(z|x) of the network and
the true p(y|x) of fresh inputs. Second, times of training and prediction relative to
`InfoSoftmaxClassifier`, in alternating runs on one thread, with their spread.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import torch
from information_tasks import gaussian_cloud
from scipy.special import logsumexp

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, information_bounds

TASK = gaussian_cloud(5, 10, 0.615, seed=3)
FAMILIES = {
    "additive, scale 3": {"noise": "additive", "noise_scale": 3.0},
    "dropout": {"noise": "dropout"},
    "latent, scale 1": {"noise": "latent", "latent_size": 4},
    "latent, beta 0.1": {"noise": "latent", "latent_size": 4, "beta": 0.1},
    "gaussian, beta 0.1": {"noise": "gaussian", "beta": 0.1},
    "ensemble": {"noise": "ensemble"},
}
OBJECTIVES = ("log_softmax", "dv", "predictive")


def output_information(clf, seed, n_outputs=2000, n_inputs=20_000):
    """Return I(Z;Y), or NaN if Z has no density."""
    X, _, log_posterior = TASK(n_inputs, np.random.default_rng([seed, 2]))
    module = clf.module_
    with torch.no_grad():
        distribution = module.distribution(module.trunk(torch.as_tensor(X)))
    if distribution is None:
        return np.nan
    mean, scale = (part.numpy() for part in distribution)
    rng = np.random.default_rng([seed, 3])
    values = np.empty(n_outputs)
    prior = logsumexp(log_posterior, axis=0) - np.log(n_inputs)
    for i in range(n_outputs):
        z = mean[i] + scale[i] * rng.standard_normal(mean.shape[1])
        log_density = -0.5 * (((z - mean) / scale) ** 2).sum(axis=1) - np.log(scale).sum(axis=1)
        log_density[i] = -np.inf
        log_label = logsumexp(log_density[:, None] + log_posterior, axis=0)
        log_label -= logsumexp(log_label)
        values[i] = np.exp(log_label) @ (log_label - prior)
    return values.mean()


def compare_objectives(n, seeds, noise):
    _, y, log_posterior = TASK(400_000, np.random.default_rng(1))
    truth = information_bounds(y, np.exp(log_posterior)).mi_lower
    print(f"I(X;Y) = {truth:.3f} nats, {n} training rows; mean (spread) of {seeds} seeds")
    columns = ("DV", "`mi_output_lower`", "`mi_lower`", "I(Z;Y)", "`mi_output_upper`", "accuracy")
    print(f"| {' | '.join(('noise', 'objective', *columns))} |\n{'|---' * 8}|")
    for family, options in FAMILIES.items():
        if noise and options["noise"] not in noise:
            continue
        for objective in OBJECTIVES:
            rows = []
            for seed in range(seeds):
                X, y, _ = TASK(n, np.random.default_rng([seed, 0]))
                held_out, labels, _ = TASK(5000, np.random.default_rng([seed, 1]))
                clf = StochasticInfoClassifier(objective=objective, random_state=seed, **options)
                clf.set_params(max_epochs=30, n_draws=16, device="cpu").fit(X, y)
                n_draws = 16 if options["noise"] == "ensemble" else 128
                bounds = clf.score_bounds(held_out, labels, n_draws=n_draws)
                rows.append(
                    [
                        bounds.dv_jackknife
                        if np.isnan(bounds.dv_closed_form)
                        else bounds.dv_closed_form,
                        bounds.mi_output_lower,
                        bounds.mi_lower,
                        output_information(clf, seed),
                        bounds.mi_output_upper,
                        clf.score(held_out, labels),
                    ]
                )
            cells = (
                "" if np.isnan(mean) else f"{mean:.3f} ({spread:.3f})"
                for mean, spread in zip(np.mean(rows, 0), np.std(rows, 0), strict=True)
            )
            print(f"| {family} | {objective} | {' | '.join(cells)} |", flush=True)


def compare_times(n, noise, repeats=5):
    X, y, _ = TASK(n, np.random.default_rng(0))
    # The first fit of a process loads modules that later fits do not load.
    InfoSoftmaxClassifier(max_epochs=1, device="cpu").fit(X, y)
    print(f"\ntimes against InfoSoftmaxClassifier, {n} rows; median (smallest, largest)")
    print("| noise | draws | training | prediction |\n|---|---|---|---|")
    for family in ("additive", "latent", "dropout", "ensemble"):
        if noise and family not in noise:
            continue
        for n_draws in (1, 8, 32):
            ratios = []
            for _ in range(repeats):
                spent = []
                for clf in (
                    InfoSoftmaxClassifier(max_epochs=2, device="cpu", random_state=0),
                    StochasticInfoClassifier(
                        noise=family, n_draws=n_draws, max_epochs=2, device="cpu", random_state=0
                    ),
                ):
                    start = time.process_time()
                    clf.fit(X, y)
                    fitted = time.process_time()
                    for _ in range(10):
                        clf.predict_proba(X)
                    spent.append([fitted - start, time.process_time() - fitted])
                ratios.append(np.divide(spent[1], spent[0]))
            cells = (
                f"{np.median(column):.2f} ({column.min():.2f}, {column.max():.2f})"
                for column in np.transpose(ratios)
            )
            print(f"| {family} | {n_draws} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4000, help="training rows")
    parser.add_argument("--seeds", type=int, default=3, help="networks of each row")
    parser.add_argument("--noise", nargs="*", help="families of noise; all of them by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    compare_objectives(options.rows, options.seeds, options.noise)
    compare_times(options.rows, options.noise)


if __name__ == "__main__":
    main()
