"""Speed: ``python benchmarks/bench_speed.py [--tasks ...] [--device cuda] [--out speed.json]``.

``python benchmarks/bench_speed.py --report FILE [FILE ...]`` joins the files of several runs in
the file `--out`, and prints the tables of docs/performance.md.

Contenders run in turn for several rounds, in one process on one thread, with the same network,
batch size, epochs and optimizer. The script prints ratios to the bare torch loop: the median,
smallest and largest of the rounds. On the CPU it measures processor time, so that other processes
do not count; on CUDA it measures wall-clock time, and prints times as well. Memory is measured in
a separate process, as its growth beyond the rows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import sklearn
import skorch
import torch
from sklearn.metrics import log_loss
from speed_contenders import Bare, Ours, contenders, digits, images, table
from speed_tables import joined, tables
from threadpoolctl import threadpool_limits

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, information_bounds

# Rows, epochs of each training, and rounds.
TASKS = {
    "digits, 1,797 x 64": (digits, 20, 7),
    "20,000 x 50": (partial(table, 20_000, 50, 5), 3, 7),
    "1,000,000 x 64": (partial(table, 1_000_000, 64, 10), 1, 3),
    "images, 2,000 x 28 x 56": (images, 1, 5),
}


class Clock:
    def __init__(self, device):
        self.cuda = device != "cpu"

    def __call__(self, function, *args, repeats=1):
        now = time.perf_counter if self.cuda else time.process_time
        start = now()
        for _ in range(repeats):
            function(*args)
        if self.cuda:
            torch.cuda.synchronize()
        return (now() - start) / repeats


def rounds(functions, n_rounds, clock, repeats=1):
    """Time each function in turn, for `n_rounds` rounds after a warm-up round."""
    seconds = {name: [] for name in functions}
    for index in range(n_rounds + 1):
        for name, function in functions.items():
            spent = clock(function, repeats=repeats)
            if index:
                seconds[name].append(spent)
    return seconds


def call_by_call(functions, n_rounds, clock, repeats=1):
    """Time single calls in turn, and sum the times of a round.

    Repeated calls find their code and data in the processor's caches, and thus take less time than
    the same calls in a program.
    """
    seconds = {name: [] for name in functions}
    for index in range(n_rounds + 1):
        spent = rounds(functions, repeats, clock)
        if index:
            for name, values in spent.items():
                seconds[name].append(sum(values))
    return seconds


def told(what, seconds, base, clock, results):
    """Print ratios to `base`, and store them."""
    print(f"  {what}, against {base}")
    for name, values in seconds.items():
        ratios = np.divide(values, seconds[base])
        results.append(
            {
                "what": what,
                "name": name,
                "base": base,
                "median": float(np.median(ratios)),
                "smallest": float(ratios.min()),
                "largest": float(ratios.max()),
                "seconds": float(np.median(values)),
            }
        )
        absolute = f"   {1000 * np.median(values):10.3f} ms" if clock.cuda else ""
        print(
            f"    {name:28} {np.median(ratios):7.2f} ({ratios.min():.2f}, {ratios.max():.2f})"
            f"{absolute}",
            flush=True,
        )


def classifiers(task, device, results):
    load, epochs, n_rounds = TASKS[task]
    X, y = load()
    clock = Clock(device)
    print(f"\n{task}", flush=True)
    them = contenders(X, device)

    def run(what, functions, base="bare torch", how=rounds, **options):
        kept = []
        told(what, how(functions, n_rounds, clock, **options), base, clock, kept)
        results.extend({"task": task, **row} for row in kept)

    run(
        f"fit, {epochs} epochs",
        {name: partial(one.fit, X, y, epochs) for name, one in them.items()},
    )
    for name in ("bare torch, default AdamW", "sksoftinfo, own module", "skorch, tuned"):
        del them[name]
    # A millisecond is too short to be timed once.
    repeats = max(1, 50_000 // len(X))
    run(
        "predict_proba",
        {name: partial(one.predict_proba, X) for name, one in them.items()},
        repeats=repeats,
    )
    row = X[:1]
    run(
        "predict_proba of one row",
        {name: partial(one.predict_proba, row) for name, one in them.items()},
        repeats=200,
    )
    clf = them["sksoftinfo"].clf
    X_half, y_half = X[: len(X) // 2], y[: len(y) // 2]
    evaluations = {
        "predict_proba": partial(clf.predict_proba, X_half),
        "score_bounds": partial(clf.score_bounds, X_half, y_half),
        "accuracy": partial(clf.score, X_half, y_half),
        "log_loss": lambda: log_loss(y_half, clf.predict_proba(X_half)),
    }
    for what, how in (("evaluation", call_by_call), ("evaluation in a loop", rounds)):
        run(what, evaluations, base="predict_proba", how=how, repeats=repeats)
    if X.ndim == 3:
        mask = InfoMaskTransformer(clf, target=1, calibrate=False).fit(X[:200], y[:200])
        print(f"    patches are scored by {mask.patch_scoring_}")
        run(
            "transform",
            {
                "forward pass": partial(clf.predict_proba, X),
                "transform": partial(mask.transform, X),
            },
            base="forward pass",
        )


def information(n, results):
    """Time bounds from probabilities against scikit-learn's log-loss."""
    print(f"\nprobabilities, {n:,} x 10", flush=True)
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(10), n)
    y = (proba.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    clock = Clock("cpu")
    functions = {
        "log_loss": partial(log_loss, y, proba),
        "information_bounds": partial(information_bounds, y, proba),
    }
    kept = []
    told("bounds", rounds(functions, 3, clock), "log_loss", clock, kept)
    results.extend({"task": f"{n} x 10 probabilities", **row} for row in kept)


def _grown(queue, what, name, n, d, n_classes):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    y = np.arange(n) % n_classes
    few = slice(0, max(512, n_classes))
    one = Ours("cpu") if name == "sksoftinfo" else Bare("cpu", fused=True)
    one.fit(X[few], y[few], 1)
    run = {
        "fit": lambda X, y: one.fit(X, y, 1),
        "predict_proba": lambda X, y: one.predict_proba(X),
        "score_bounds": lambda X, y: one.clf.score_bounds(X, y),
    }[what]
    run(X[few], y[few])
    # The peak is counted from here on (Linux).
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    result = run(X, y)
    result = result.nbytes if isinstance(result, np.ndarray) else 0
    queue.put((_status("VmHWM") - before) / 1024 - result / 1024**2)


def _status(name):
    """Return an entry of the kernel's status of this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def memory(results):
    """Measure the growth of peak memory beyond the rows and the result."""
    print("\npeak memory beyond rows and result, MiB", flush=True)
    context = multiprocessing.get_context("spawn")
    tables = [(n, 64, 10) for n in (10_000, 100_000, 1_000_000)] + [(20_000, 64, 10_000)]
    for what in ("fit", "predict_proba", "score_bounds"):
        for size in tables:
            for name in ("sksoftinfo", "bare torch"):
                if (what, name) == ("score_bounds", "bare torch"):
                    continue
                queue = context.Queue()
                process = context.Process(target=_grown, args=(queue, what, name, *size))
                process.start()
                grown = queue.get()
                process.join()
                n, d, n_classes = size
                print(f"    {what:14} {name:11} {n:9,} x {d}, {n_classes:6,} classes {grown:8.1f}")
                task = f"{n} x {d}, {n_classes} classes"
                row = {"task": task, "what": f"memory of {what}", "name": name}
                results.append({**row, "megabytes": grown})


def imports(results):
    """Time imports in fresh processes, in turn."""
    print("\nimport", flush=True)
    statements = {
        "its dependencies": "import torch, skorch, sklearn.base",
        "sksoftinfo": "import sksoftinfo",
    }

    def run(statement):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", statement], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds = {name: [] for name in statements}
    for index in range(6):
        for name, statement in statements.items():
            spent = run(statement)
            if index:
                seconds[name].append(spent)
    kept = []
    told("import", seconds, "its dependencies", Clock("cpu"), kept)
    results.extend({"task": "import", **row} for row in kept)


def machine(device):
    line = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
    line += f"torch {torch.__version__}, skorch {skorch.__version__}, "
    line += f"scikit-learn {sklearn.__version__}"
    return line if device == "cpu" else f"{torch.cuda.get_device_name()}, {line}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = [*TASKS, "probabilities", "memory", "import"]
    parser.add_argument(
        "--tasks", nargs="*", choices=parts, default=parts, help="parts to run; all by default"
    )
    parser.add_argument("--device", default="cpu", help="device of torch")
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="rows of the task `probabilities`"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("speed.json"), help="JSON file of all measurements"
    )
    parser.add_argument("--report", type=Path, nargs="+", help="only join these JSON files")
    options = parser.parse_args()
    if options.report:
        files = [json.loads(path.read_text()) for path in options.report]
        files[-1]["results"] = joined(row for file in files for row in file["results"])
        options.out.write_text(json.dumps(files[-1], indent=1) + "\n")
        print(tables(files[-1]["results"], TASKS))
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(machine(options.device))
    results = []
    with threadpool_limits(1):
        # The first fit of a process loads modules that later fits do not load.
        InfoSoftmaxClassifier(max_epochs=1).fit([[0.0], [1.0]], [0, 1])
        for task in options.tasks:
            if task in TASKS:
                classifiers(task, options.device, results)
        if "probabilities" in options.tasks:
            information(options.rows, results)
    if "import" in options.tasks:
        imports(results)
    if "memory" in options.tasks:
        memory(results)
    content = {"machine": machine(options.device), "results": results}
    options.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
