"""Speed on a GPU: ``python benchmarks/bench_gpu.py [--device cuda] [--scale 1] [--out FILE]``.

The script prints wall-clock times beside the times of a bare torch loop that keeps its rows on the
device: the median, smallest and largest of several rounds, after a warm-up round. ``--simulated
--scale 0.001 --rounds 1`` checks the script without a GPU, on the simulated devices of the tests,
whose times are not meaningful.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from speed_contenders import BATCH_SIZE, Bare, Ours, images, table

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier

_EPOCHS = 3
_TASKS = {
    "table, 100,000 x 64": (100_000, lambda n: table(n, 64, 10)),
    "images, 2,000 x 28 x 56": (2_000, lambda n: [part[:n] for part in images()]),
}


def seconds(function, device, rounds):
    """Return the wall-clock times of a function, including the work of the device."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        function()
        torch.get_device_module(torch.device(device).type).synchronize()
        times.append(time.perf_counter() - start)
    return times[1:]


def name_of(device):
    """Return the name of a device, as its maker gives it."""
    backend = torch.get_device_module(torch.device(device).type)
    if hasattr(backend, "get_device_name"):
        return backend.get_device_name(device)
    return platform.processor() or torch.device(device).type


def simulated(kind):
    """Set up the simulated device of the tests."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from helpers.simulated_cuda import simulated_cuda

    return simulated_cuda(kind=kind)


def calls(X, y, device):
    """Yield the name and the function of each call to time on these rows."""
    bare, ours = Bare(device, fused=True), Ours(device)
    yield f"fit, {_EPOCHS} epochs, bare torch", lambda: bare.fit(X, y, _EPOCHS)
    yield f"fit, {_EPOCHS} epochs, sksoftinfo", lambda: ours.fit(X, y, _EPOCHS)
    yield "predict_proba, bare torch", lambda: bare.predict_proba(X)
    yield "predict_proba, sksoftinfo", lambda: ours.predict_proba(X)
    # Scores of training rows would raise a warning.
    others = X + np.float32(1e-3)
    yield "score_bounds", lambda: ours.clf.score_bounds(others, y)
    on_device = torch.as_tensor(X).to(device)
    yield "predict_proba, rows on the device", lambda: ours.predict_proba(on_device)
    half = InfoSoftmaxClassifier(
        precision="bf16", max_epochs=_EPOCHS, batch_size=BATCH_SIZE, device=device
    )
    yield f"fit, {_EPOCHS} epochs, bf16", lambda: half.fit(X, y)
    if X.ndim == 2:
        noisy = StochasticInfoClassifier(
            noise="latent", max_epochs=_EPOCHS, batch_size=BATCH_SIZE, device=device
        )
        yield f"fit, {_EPOCHS} epochs, latent noise", lambda: noisy.fit(X, y)
        yield "score_bounds, latent noise", lambda: noisy.score_bounds(others, y)
    else:
        masker = InfoMaskTransformer(FrozenEstimator(ours.clf), target=1, patch_size=16)
        yield "fit of masks", lambda: masker.fit(X[:1000], y[:1000])
        yield "transform", lambda: masker.transform(X)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="device of torch")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of timings")
    parser.add_argument(
        "--simulated", action="store_true", help="simulate cuda or mps without a GPU"
    )
    parser.add_argument("--out", type=Path, help="JSON file of all times")
    options = parser.parse_args()
    # A benchmark trains for few epochs, and on few rows.
    warnings.simplefilter("ignore")
    kind = torch.device(options.device).type
    with simulated(kind) if options.simulated else nullcontext():
        run(options)


def run(options):
    device = options.device
    machine = f"{name_of(device)}, torch {torch.__version__}, Python {platform.python_version()}"
    print(machine)
    results = []
    for name, (n_all, load) in _TASKS.items():
        n = min(n_all, max(200, int(options.scale * n_all)))
        X, y = load(n)
        print(f"\n{name}" + (f", of which {n:,}" if n < n_all else ""))
        for what, function in calls(X, y, device):
            times = 1000 * np.array(seconds(function, device, options.rounds))
            row = {"task": name, "rows": n, "what": what, "ms": [round(t, 3) for t in times]}
            results.append(row)
            spread = f"({times.min():.1f}, {times.max():.1f})"
            print(f"    {what:34} {np.median(times):10.1f} ms {spread}", flush=True)
    if options.out:
        options.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
