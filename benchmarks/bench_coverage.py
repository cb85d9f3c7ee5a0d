"""How often confidence limits hold, and how far they lie below the information.

    python benchmarks/bench_coverage.py --csv coverage.csv
    python benchmarks/bench_coverage.py --sizes 30 100 --runs 200 --worlds channel sure
    python benchmarks/bench_coverage.py --tables docs/coverage.csv

Populations ("worlds") of known information are sampled repeatedly. For each world and number of
rows, the script prints the share of samples in which each limit of 95 % misses, and the median of
the lower limits. Then it lists the cells that miss significantly more often than their level
allows, each tested at 5 % divided by the number of all cells (Bonferroni), and prints the tables
of docs/coverage.md. `--tables` prints list and tables from the files of earlier runs.

A cell ends early after `--seconds` of processor time; `--csv` states its number of runs.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from sksoftinfo._bounds.accumulator import certain_row_terms
from sksoftinfo._bounds.confidence import LimitsTask, floor_share, limits_of
from sksoftinfo._bounds.observations import Observations

LEVELS = (0.8, 0.95, 0.99)
SIZES = (30, 100, 300, 1_000, 20_000)
LOWER = ("mi_lower_limit", "betting_lower_limit", "fano_lower_limit")
STUDENT = "Student's t"
# Number of samples whose betting limits are computed together.
BATCH = 20
LIMITS = (*LOWER, "label_entropy_upper_limit")


class Sample(NamedTuple):
    """Rows of a world, with their predicted probabilities."""

    y: np.ndarray
    proba: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    bound: float | None = None
    folds: np.ndarray | None = None


class World(NamedTuple):
    """A population: a function that draws rows, the number of classes, and the true values."""

    draw: object
    n_classes: int
    information: float
    label_entropy: float


def entropy(*p):
    """Return the entropy of a distribution, in nats."""
    return float(special.entr(p).sum())


def channel(rng, n, error, said=None, prior=0.5):
    """Draw a binary label seen through a symmetric channel, and its posterior (or another)."""
    y = (rng.random(n) < prior).astype(int)
    seen = np.where(rng.random(n) < error, 1 - y, y)
    said = error if said is None else said
    ones = prior * np.where(seen == 1, 1 - said, said)
    zeros = (1 - prior) * np.where(seen == 0, 1 - said, said)
    return Sample(y, np.column_stack([zeros, ones]) / (zeros + ones)[:, None])


def channel_information(error, prior=0.5):
    """Return I(X;Y) of the channel, and H(Y)."""
    seen = prior * (1 - error) + (1 - prior) * error
    return entropy(seen, 1 - seen) - entropy(error, 1 - error), entropy(prior, 1 - prior)


def gaussians(rng, n, n_classes=4, distance=1.5, power=1.0, noise=0.0):
    """Draw equal Gaussians on the corners of a simplex; their posterior to a power."""
    y = rng.integers(0, n_classes, n)
    x = rng.normal(size=(n, n_classes)) + distance * np.eye(n_classes)[y]
    proba = special.softmax(distance * x, axis=1)
    flipped = rng.random(n) < noise
    y = np.where(flipped, rng.integers(0, n_classes, n), y)
    proba = (1 - noise) * proba + noise / n_classes
    proba = proba**power
    return Sample(y, proba / proba.sum(axis=1, keepdims=True))


def gaussian_information(**options):
    """Return I(X;Y) of the Gaussians from four million rows, and H(Y)."""
    options.pop("power", None)
    rng, values = np.random.default_rng(123), []
    for _ in range(20):
        sample = gaussians(rng, 200_000, **options)
        values.append(np.log(sample.proba[np.arange(200_000), sample.y]).mean())
    n_classes = options.get("n_classes", 4)
    return float(np.log(n_classes) + np.mean(values)), float(np.log(n_classes))


def one_hot(rng, n, error=0.2, n_classes=4):
    """Draw predictions with probability 1, of which a share is wrong."""
    y = rng.integers(0, n_classes, n)
    wrong = (y + rng.integers(1, n_classes, n)) % n_classes
    return Sample(y, np.eye(n_classes)[np.where(rng.random(n) < error, wrong, y)])


def many_classes(rng, n, prior, error=0.3):
    """Draw labels that are observed or replaced by an independent draw, and their posterior."""
    y = rng.choice(len(prior), n, p=prior)
    seen = np.where(rng.random(n) < error, rng.choice(len(prior), n, p=prior), y)
    return Sample(y, (1 - error) * np.eye(len(prior))[seen] + error * prior)


def many_information(prior, error=0.3):
    """Return I(X;Y) and H(Y) of `many_classes`."""
    own = 1 - error + error * prior
    others = special.entr(error * prior).sum() - special.entr(error * prior)
    return entropy(*prior) - float(prior @ (special.entr(own) + others)), entropy(*prior)


def independent(rng, n, prior):
    """Draw labels that are independent of the input, and over-confident predictions."""
    y = rng.choice(len(prior), n, p=prior)
    proba = prior * np.exp(0.1 * rng.normal(size=(n, len(prior))))
    return Sample(y, proba / proba.sum(axis=1, keepdims=True))


def leave_one_out(rng, n, prior):
    """Draw labels, and predict each label by the frequencies of all other labels, in n folds."""
    y = rng.choice(len(prior), n, p=prior)
    counts = np.bincount(y, minlength=len(prior))
    others = counts - np.eye(len(prior))[y] + 0.1
    return Sample(y, others / others.sum(axis=1, keepdims=True), folds=np.arange(n))


def folds_of_frequencies(rng, n, prior):
    """Draw labels, and predict them by the label frequencies of other folds, in five folds."""
    y = rng.choice(len(prior), n, p=prior)
    folds = rng.permutation(n) % 5
    counts = np.array([np.bincount(y[folds != k], minlength=len(prior)) for k in range(5)]) + 0.1
    proba = counts[folds] / counts[folds].sum(axis=1, keepdims=True)
    return Sample(y, proba, folds=folds)


def grouped(rng, n, error=0.02, size=50):
    """Draw groups of identical rows: n is the number of groups."""
    sample = channel(rng, n, error)
    each = np.repeat(np.arange(n), size)
    return Sample(sample.y[each], sample.proba[each], groups=each)


def unequal_groups(rng, n, error=0.05, large=20, share=0.02):
    """Draw groups, a few of them large and wrong more often; the bound on the size is known."""
    big = rng.random(n) < share
    wrong = np.where(big, 4 * error, error)
    y = rng.integers(0, 2, n)
    seen = np.where(rng.random(n) < wrong, 1 - y, y)
    overall = (share * large * 4 + 1 - share) * error / (share * large + 1 - share)
    proba = np.where(seen == 1, 1 - overall, overall)
    each = np.repeat(np.arange(n), np.where(big, large, 1))
    proba = np.column_stack([1 - proba, proba])
    return Sample(y[each], proba[each], groups=each, bound=float(large))


def weighted(rng, n, share=0.05, large=20.0, error=0.02, wrong=0.3):
    """Draw rows, a few of them of large weight and wrong more often; the bound is known."""
    big = rng.random(n) < share
    y = rng.integers(0, 2, n)
    seen = np.where(rng.random(n) < np.where(big, wrong, error), 1 - y, y)
    said = np.where(big, wrong, error)
    ones = np.where(seen == 1, 1 - said, said)
    return Sample(y, np.column_stack([1 - ones, ones]), np.where(big, large, 1.0), bound=large)


def mixed_information(weights, errors):
    """Return I(X;Y) and H(Y) of a fair label seen through one of several channels."""
    weights = np.array(weights) / np.sum(weights)
    return float(np.log(2) - weights @ [entropy(e, 1 - e) for e in errors]), float(np.log(2))


def worlds():
    """Return the worlds by name."""
    zipf = 1 / np.arange(1, 51)
    zipf /= zipf.sum()
    uniform, skewed = np.full(50, 0.02), np.array([0.8, 0.15, 0.05])
    calibrated = gaussian_information()
    overall = (0.02 * 20 * 0.2 + 0.98 * 0.05) / (0.02 * 20 + 0.98)
    return {
        "sure": World(partial(channel, error=0.0), 2, np.log(2), np.log(2)),
        "channel": World(partial(channel, error=0.01), 2, *channel_information(0.01)),
        "rare failures": World(partial(channel, error=0.002), 2, *channel_information(0.002)),
        "rare class": World(
            partial(channel, error=0.01, prior=0.05), 2, *channel_information(0.01, 0.05)
        ),
        "Gaussian": World(gaussians, 4, *calibrated),
        "over-confident": World(partial(gaussians, power=4.0), 4, *calibrated),
        "under-confident": World(partial(gaussians, power=0.5), 4, *calibrated),
        "label noise": World(
            partial(gaussians, noise=0.3, distance=3.0),
            4,
            *gaussian_information(noise=0.3, distance=3.0),
        ),
        "one-hot": World(
            one_hot, 4, np.log(4) - entropy(0.2, 0.8) - 0.2 * np.log(3), float(np.log(4))
        ),
        "50 uniform classes": World(
            partial(many_classes, prior=uniform), 50, *many_information(uniform)
        ),
        "50 Zipf classes": World(partial(many_classes, prior=zipf), 50, *many_information(zipf)),
        "independent": World(partial(independent, prior=skewed), 3, 0.0, entropy(*skewed)),
        "leave-one-out": World(partial(leave_one_out, prior=skewed), 3, 0.0, entropy(*skewed)),
        "frequencies of folds": World(
            partial(folds_of_frequencies, prior=skewed), 3, 0.0, entropy(*skewed)
        ),
        "groups of 50": World(grouped, 2, *channel_information(0.02)),
        "unequal groups": World(unequal_groups, 2, *channel_information(overall)),
        "weights": World(weighted, 2, *mixed_information([0.95, 0.05 * 20], [0.02, 0.3])),
    }


def run(world, n, runs, seconds, seed):
    """Return the results of all samples by level and name, each of shape (n_made,)."""
    rng = np.random.default_rng(seed)
    end = time.process_time() + seconds
    found = []
    while len(found) < runs and time.process_time() < end:
        samples = [world.draw(rng, n) for _ in range(min(BATCH, runs - len(found)))]
        found += all_limits(samples, world.n_classes)
    names = (*LIMITS, "low", "high", STUDENT)
    values = np.array(found).transpose(1, 2, 0)
    return {
        level: dict(zip(names, line, strict=True))
        for level, line in zip(LEVELS, values, strict=True)
    }


def all_limits(samples, n_classes):
    """Return all limits of each sample; betting limits of unweighted samples are vectorised."""
    tasks = []
    for sample in samples:
        with np.errstate(divide="ignore"):
            terms = certain_row_terms(np.log(sample.proba), sample.y)
        observations = Observations(len(sample.y), sample.weights, sample.groups, sample.bound)
        tasks.append(
            LimitsTask(
                *(terms.predictive, terms.tempered, terms.error, sample.y, n_classes),
                observations,
                levels=LEVELS,
                folds=sample.folds,
            )
        )
    if all((task.observations.weights == 1).all() for task in tasks):
        limits = limits_of(tasks)
    else:
        limits = [limits_of([task])[0] for task in tasks]
    found = []
    for sample, levels in zip(samples, limits, strict=True):
        t_limits = student(sample, n_classes, levels[0].mi_lower_floored)
        found.append(
            [
                [getattr(one, name) for name in LIMITS] + list(one.interval) + [t_limit]
                for one, t_limit in zip(levels, t_limits, strict=True)
            ]
        )
    return found


def student(sample, n_classes, mean):
    """Return Student's lower limits of the same contributions at each level, for comparison.

    The limits of weighted or grouped rows are NaN.
    """
    y, n = sample.y, len(sample.y)
    if sample.weights is not None or sample.groups is not None:
        return [np.nan] * len(LEVELS)
    p = np.bincount(y, minlength=n_classes) / n
    share = floor_share(n)
    values = np.log((1 - share) * sample.proba[np.arange(n), y] / p[y] + share)
    return mean - stats.t.ppf(LEVELS, n - 1) * values.std(ddof=1) / np.sqrt(n)


def own_information(world, n, seed=321):
    """Return E log q'/p of the predictions as they are, the truth of `interval`, or NaN.

    The value is computed from 400,000 rows, with the floor of a sample of n rows. It is NaN for
    predictions that depend on the sample.
    """
    function = getattr(world.draw, "func", world.draw)
    if function in (leave_one_out, folds_of_frequencies):
        return np.nan
    sample = world.draw(np.random.default_rng(seed), 8_000 if function is grouped else 400_000)
    y, weights = sample.y, sample.weights
    p = np.bincount(y, weights, world.n_classes)
    p = p / p.sum()
    total = n
    if weights is not None:
        total = n * weights.mean() / sample.bound
    elif sample.bound is not None:
        total = n * len(y) / (sample.groups.max() + 1) / sample.bound
    share = floor_share(total)
    q = (1 - share) * sample.proba[np.arange(len(y)), y] + share * p[y]
    return float(np.average(np.log(q / p[y]), weights=weights))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="numbers of rows or groups"
    )
    parser.add_argument("--runs", type=int, default=2_000, help="samples of each cell")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="limit on the processor time of each cell"
    )
    parser.add_argument("--worlds", nargs="+", help="names of populations; all by default")
    parser.add_argument("--csv", type=Path, help="file that is written after every cell")
    parser.add_argument(
        "--tables", type=Path, nargs="+", help="print the tables of these earlier runs"
    )
    args = parser.parse_args(argv)
    if args.tables:
        rows = [row for path in args.tables for row in read(path)]
        report(rows)
        print(tables(rows))
        return
    known = worlds()
    chosen = args.worlds or list(known)
    rows = []
    for n in args.sizes:
        for name in chosen:
            world = known[name]
            # A group has fifty rows.
            if name == "groups of 50" and n > 1_000:
                continue
            own = own_information(world, n)
            start = time.process_time()
            found = run(world, n, args.runs, args.seconds, seed=n)
            runs = len(found[LEVELS[0]]["low"])
            seconds = (time.process_time() - start) / runs
            for level, values in found.items():
                row = {"world": name, "n": n, "runs": runs, "level": level}
                row["I"] = world.information
                for limit in LOWER:
                    row[f"{limit}: misses"] = int((values[limit] > world.information + 1e-9).sum())
                upper = values["label_entropy_upper_limit"]
                row["entropy: misses"] = int((upper < world.label_entropy - 1e-9).sum())
                if not np.isnan(own):
                    low, high = values["low"], values["high"]
                    row["interval: misses"] = int(((low > own) | (high < own)).sum())
                for limit in (*LOWER, STUDENT):
                    row[f"{limit}: distance"] = float(np.median(world.information - values[limit]))
                row[f"{STUDENT}: misses"] = int((values[STUDENT] > world.information).sum())
                row["ms"] = 1e3 * seconds
                rows.append(row)
            if args.csv is not None:
                write(rows, args.csv)
            line = rows[-2]
            print(
                f"{n:>6} {name:<22} I {world.information:.3f} "
                + " ".join(
                    f"{limit.split('_lower')[0]} {100 * line[f'{limit}: misses'] / runs:.1f} % "
                    f"{world.information - line[f'{limit}: distance']:.3f}"
                    for limit in LOWER
                )
                + f" H {100 * line['entropy: misses'] / runs:.1f} % "
                + f" interval {100 * line.get('interval: misses', np.nan) / runs:.1f} % "
                + f" t {100 * line[STUDENT + ': misses'] / runs:.1f} %  {1e3 * seconds:.1f} ms",
                flush=True,
            )
    report(rows)
    print(tables(rows))


def write(rows, path):
    """Write the results so far, with nats to four digits and milliseconds to one."""
    digits = {"I": 4, "ms": 1} | {f"{limit}: distance": 4 for limit in (*LOWER, STUDENT)}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, max(rows, key=len), restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            rounded = {name: f"{row[name]:.{digits[name]}f}" for name in row if name in digits}
            writer.writerow(row | rounded)


def read(path):
    """Return the rows of a file that `write` wrote."""
    with path.open(newline="") as file:
        return [
            {
                name: value if name == "world" else float(value)
                for name, value in row.items()
                if value != ""
            }
            for row in csv.DictReader(file)
        ]


def tables(rows):
    """Return Markdown: misses at all levels, and median limits at 95 %, of `mi_lower_limit`."""
    sizes = sorted({int(row["n"]) for row in rows})
    cells = {(row["world"], int(row["n"]), float(row["level"])): row for row in rows}
    names = list(dict.fromkeys(row["world"] for row in rows))
    head = ["| world | " + " | ".join(f"n = {n:,}" for n in sizes) + " |"]
    head.append("|---|" + "---|" * len(sizes))

    def line(name, show):
        found = [show(name, n) if (name, n, LEVELS[0]) in cells else "" for n in sizes]
        return f"| {name} | " + " | ".join(found) + " |"

    def misses(name, n, limit="mi_lower_limit"):
        found = [cells[name, n, level] for level in LEVELS]
        shares = [100 * int(row[f"{limit}: misses"]) / int(row["runs"]) for row in found]
        return " / ".join(f"{share:.1f}" for share in shares)

    def median(name, n):
        row = cells[name, n, 0.95]
        return f"{float(row['I']) - float(row['mi_lower_limit: distance']):.3f}"

    def most(limit, n):
        shares = []
        for level in LEVELS:
            found = [cells[key] for key in cells if key[1:] == (n, level)]
            counts = [
                100 * int(row[f"{limit}: misses"]) / int(row["runs"])
                for row in found
                if row.get(f"{limit}: misses") not in ("", None)
            ]
            shares.append(f"{max(counts):.1f}")
        return " / ".join(shares)

    lines = head + [line(name, misses) for name in names]
    lines += ["", head[0].replace("world |", "world | I(X;Y), nats |"), head[1] + "---|"]
    for name in names:
        if float(cells[name, sizes[0], 0.95]["I"]) > 0:
            information = f"{float(cells[name, sizes[0], 0.95]['I']):.3f}"
            lines.append(line(name, median).replace(f"| {name} |", f"| {name} | {information} |"))
    lines += ["", head[0].replace("world", "limit"), head[1]]
    shown = {f"`{limit}`": limit for limit in LOWER}
    shown |= {"`label_entropy_upper_limit`": "entropy", "`interval`": "interval"}
    for text, limit in {**shown, STUDENT: STUDENT}.items():
        lines.append(f"| {text} | {' | '.join(most(limit, n) for n in sizes)} |")
    name = "rare failures"
    if name in names:
        row = line(name, partial(misses, limit=STUDENT))
        lines.append(row.replace(name, f"{STUDENT}, *{name}*", 1))
    return "\n".join(lines)


def report(rows):
    """Print the cells that miss significantly more often than their level allows."""
    cells = [
        (row, name, row[name])
        for row in rows
        for name in row
        if name.endswith("misses") and not name.startswith(STUDENT)
    ]
    too_many = 0
    for row, name, misses in cells:
        p_value = stats.binom.sf(misses - 1, row["runs"], 1 - row["level"])
        if p_value < 0.05 / len(cells):
            too_many += 1
            print(f"{row['world']}, n = {row['n']}, {row['level']}: {name} {misses}/{row['runs']}")
    print(f"{too_many} of {len(cells)} cells miss more often than they may")


if __name__ == "__main__":
    sys.exit(main())
