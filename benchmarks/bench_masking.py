"""Where is the target digit? ``python benchmarks/bench_masking.py [--mnist DIR]``.

Our masker and its peers explain the same network on the same images, one after the other in one
process. Networks are trained on composites of training digits, maskers are calibrated and
thresholds chosen on composites of validation digits, and results are measured on composites of
test digits. Times are processor times, and only their ratios to `predict_proba` of the same images
are meaningful. The script prints a table for each layout, and writes ``masking.csv``. Needs
``pip install -e ".[bench]"``.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import torch
from masking_tasks import (
    load_bank,
    localisation,
    presence_pairs,
    scattered_triples,
    single_digits,
    ten_class_pairs,
)
from sklearn.frozen import FrozenEstimator

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.masks import whole_components


class Layout(NamedTuple):
    """Images to train on and to mask, the name of the networks, and the size of a digit."""

    train: Callable
    make: Callable
    name: str
    size: int


LAYOUTS = {
    "presence, 28 x 56": Layout(presence_pairs, presence_pairs, "pairs", 28),
    "ten classes, 28 x 56": Layout(ten_class_pairs, ten_class_pairs, "ten", 28),
    "presence of three, 56 x 56": Layout(scattered_triples, scattered_triples, "scatter", 20),
    "trained on single digits, 28 x 56": Layout(single_digits, ten_class_pairs, "singles", 28),
}
# Tasks with a class for each digit: the targets are three digits, for one network.
TEN_CLASSES = ("ten", "singles")
THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
N_TRAIN, N_VALID = 20_000, 1000
TEN_CLASS_TARGETS = (0, 3, 7)
# Steps of the insertion and deletion curves.
N_STEPS = 28


def trained(layout, bank, seed, folder, name):
    """Return the trained network of a layout, read from the folder if it exists there."""
    path = folder / f"net_{name}_{seed}.joblib" if folder else None
    if path and path.exists():
        return joblib.load(path)
    images = LAYOUTS[layout].train(bank, "train", N_TRAIN, seed)
    net = InfoSoftmaxClassifier(
        max_epochs=6, lr=0.001, batch_size=32, random_state=seed, device="cpu"
    ).fit(images.data, images.target)
    if path:
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(net, path)
    return net


def ours(size):
    """Return the options of our transformer, by the name of the method."""
    sizes = [max(8, size // 2 - 2), size - 6, size]
    return {
        "ours, defaults": {},
        "ours, defaults, patch alone": {"context": 1},
        f"ours, {size} pixels": {"patch_size": size},
        f"ours, {size} pixels, patch alone": {"patch_size": size, "context": 1},
        f"ours, {size} pixels, presence not required": {
            "patch_size": size,
            "require_presence": False,
        },
        f"ours, {size} pixels, components": {"patch_size": size, "components": True},
        f"ours, {' + '.join(map(str, sizes))} pixels": {"patch_size": sizes},
        f"ours, {size} pixels, features": {"patch_size": size, "calibrate": "features"},
        f"ours, {size} pixels, features of training digits": {
            "patch_size": size,
            "calibrate": "features",
        },
        "ours, defaults, components": {"components": True},
        "ours, defaults, features": {"calibrate": "features"},
        f"ours, {size} pixels, uncalibrated": {"patch_size": size, "calibrate": False},
        "ours, paste 20/4": {"patch_size": 20, "stride": 4, "patch_scoring": "paste"},
        "ours, paste 20/4, patch alone": {
            "patch_size": 20,
            "stride": 4,
            "patch_scoring": "paste",
            "context": 1,
        },
    }


def fit_ours(net, valid, target, options):
    masker = InfoMaskTransformer(
        FrozenEstimator(net), target=target, random_state=0, **options
    ).fit(valid.data, valid.target)

    def maps(images):
        found = masker.information_map(images)
        # An image that is masked as a whole has no map to threshold.
        if masker.require_presence:
            found[~masker.mask(images).any(axis=(1, 2))] = 0.0
        return found

    return masker, maps


def rule(maps, threshold, composites, components=False):
    """Return the pixels that are positive and above a share of the image's maximum."""
    kept = (maps > threshold * maps.max(axis=(1, 2), keepdims=True)) & (maps > 0)
    return whole_components(kept, composites.data > 0) if components else kept


def curves(net, images, maps, target):
    """Return areas under the insertion and the deletion curve of p(target)."""
    order = np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable")
    areas = []
    for base, other in ((np.zeros_like(images), images), (images, np.zeros_like(images))):
        canvas, source = base.reshape(len(images), -1).copy(), other.reshape(len(images), -1)
        probabilities = [net.predict_proba(canvas.reshape(images.shape))[:, target]]
        for part in np.array_split(order, N_STEPS, axis=1):
            rows = np.arange(len(images))[:, None]
            canvas[rows, part] = source[rows, part]
            probabilities.append(net.predict_proba(canvas.reshape(images.shape))[:, target])
        areas.append(float(np.trapezoid(np.mean(probabilities, axis=1), dx=1 / N_STEPS)))
    return areas


def seconds_of(function, *arguments):
    """Return the processor time and the result of a call."""
    start = time.process_time()
    found = function(*arguments)
    return time.process_time() - start, found


def measure(layout, net, bank, seed, target, options):
    """Yield one row of results for each method."""
    _, make, task, size = LAYOUTS[layout]
    # Validation composites for calibration, others for thresholds.
    calibration = make(bank, "valid", N_VALID, seed)
    valid = make(bank, "valid", options.images // 2, seed + 1000)
    test = make(bank, "test", options.images, seed)
    digit = target if task in TEN_CLASSES else 0
    index = int(np.flatnonzero(net.classes_ == target)[0])
    module = net.module_.eval()
    methods = {}
    # A new head needs digits of many writers, and there are few validation digits.
    of_training = make(bank, "train", N_VALID, seed + 1000)
    for name, settings in ours(size).items():
        if options.methods and not any(part in name for part in options.methods):
            continue
        fitted_on = of_training if name.endswith("training digits") else calibration
        masker, maps = fit_ours(net, fitted_on, target, settings)
        methods[name] = (maps, masker.components, masker.patch_size_, masker.mask)
    if not options.no_peers:
        from masking_peers import PEERS

        for name, peer in PEERS.items():
            methods[name] = (
                lambda images, peer=peer: peer(module, torch.as_tensor(images[:, None]), index),
                False,
                "",
                None,
            )
    for name, (maps_of, components, patch, timed) in [
        ("everything kept", (lambda images: np.ones_like(images), False, "", None)),
        *methods.items(),
    ]:
        # For our masker the time includes the mask; for other methods it ends with the map.
        forwards, maps = [], None
        (timed or maps_of)(test.data[:16])
        for _ in range(options.repeats):
            # One after the other, so that both run under the same load.
            forward, _ = seconds_of(net.predict_proba, test.data)
            seconds, found = seconds_of(timed or maps_of, test.data)
            forwards.append(seconds / forward)
            maps = found if timed is None else None
        maps = maps_of(test.data) if maps is None else maps
        tuning = maps_of(valid.data)
        scores = [
            localisation(rule(tuning, one, valid, components), valid, digit)["iou"]
            for one in THRESHOLDS
        ]
        chosen = THRESHOLDS[int(np.argmax(scores))]
        tuned = localisation(rule(maps, chosen, test, components), test, digit)
        some = np.flatnonzero(test.present(digit))[: options.curves]
        insertion, deletion = curves(net, test.data[some], maps[some], index)
        yield {
            "layout": layout,
            "seed": seed,
            "target": target,
            "method": name,
            "patch": patch,
            **localisation(rule(maps, 0.2, test, components), test, digit),
            "threshold": chosen,
            "iou_at_threshold": tuned["iou"],
            "absent_at_threshold": tuned["absent"],
            "forwards": float(np.median(forwards)),
            "forwards_spread": float(np.std(forwards)),
            "insertion": insertion,
            "deletion": deletion,
        }


def peak_memory(n_images, batch_size):
    """Return the memory of masking in MiB, beyond images and masks, in a separate process."""
    code = f"""
import resource, numpy as np, torch
from sklearn.frozen import FrozenEstimator
from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
torch.set_num_threads(1)
rng = np.random.default_rng(0)
X = rng.random(({n_images}, 28, 56), dtype=np.float32)
net = InfoSoftmaxClassifier(max_epochs=1, random_state=0).fit(X[:64], np.arange(64) % 2)
masker = InfoMaskTransformer(
    FrozenEstimator(net), target=1, patch_size=28, batch_size={batch_size}
).fit(X[:64], np.arange(64) % 2)
masker.mask(X[:{batch_size}])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
masks = masker.mask(X)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024 - masks.nbytes / 2**20)
"""
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    )


def summary(rows):
    """Print means over seeds or targets, one table for each layout."""
    columns = {
        "iou": "IoU (smallest)",
        "target": "target",
        "other": "other",
        "absent": "absent",
        "iou_at_threshold": "IoU, chosen threshold",
        "forwards": "forward passes",
        "insertion": "insertion",
        "deletion": "deletion",
    }
    for layout in dict.fromkeys(row["layout"] for row in rows):
        print(f"\n### {layout}\n")
        print(f"| method | {' | '.join(columns.values())} |")
        print("|---" * (len(columns) + 1) + "|")
        mine = [row for row in rows if row["layout"] == layout]
        for method in dict.fromkeys(row["method"] for row in mine):
            cells = []
            for column in columns:
                values = [row[column] for row in mine if row["method"] == method]
                if column == "forwards":
                    cells.append(f"{np.mean(values):.2f} ({np.std(values):.2f})")
                elif column == "iou":
                    cells.append(f"{np.mean(values):.3f} ({min(values):.3f})")
                else:
                    cells.append(f"{np.mean(values):.3f}")
            print(f"| {method} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's t10k IDX files")
    parser.add_argument("--images", type=int, default=300, help="test images of each network")
    parser.add_argument("--curves", type=int, default=60, help="images of insertion curves")
    parser.add_argument("--seeds", type=int, default=3, help="networks, or targets of one network")
    parser.add_argument("--repeats", type=int, default=2, help="rounds of timings")
    parser.add_argument(
        "--layouts",
        nargs="*",
        choices=[one.name for one in LAYOUTS.values()],
        help="tasks to run; all by default",
    )
    parser.add_argument(
        "--methods",
        nargs="*",
        help="run only our methods whose names contain one of these; all by default",
    )
    parser.add_argument("--no-peers", action="store_true", help="run our methods only")
    parser.add_argument("--memory", action="store_true", help="measure peak memory, then stop")
    parser.add_argument("--nets", type=Path, help="folder that keeps trained networks")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of the CSV")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if options.memory:
        for batch_size in (64, 256):
            for n_images in (1000, 10_000):
                extra = peak_memory(n_images, batch_size)
                print(f"batch_size {batch_size}, {n_images} images: {extra:.1f} MiB more")
        return
    bank = load_bank(options.mnist)
    rows = []
    for layout, (_, make, name, _) in LAYOUTS.items():
        if options.layouts and name not in options.layouts:
            continue
        ten = name in TEN_CLASSES
        runs = [(0, target) for target in TEN_CLASS_TARGETS[: options.seeds]]
        for seed, target in runs if ten else [(seed, 1) for seed in range(options.seeds)]:
            net = trained(layout, bank, seed, options.nets, name)
            test = make(bank, "test", 1000, seed)
            accuracy = net.score(test.data, test.target)
            print(f"{layout}, seed {seed}, target {target}: accuracy {accuracy:.3f}", flush=True)
            for row in measure(layout, net, bank, seed, target, options):
                row["accuracy"] = accuracy
                rows.append(row)
                print(
                    f"  {row['method']:40} IoU {row['iou']:.3f} absent {row['absent']:.3f} "
                    f"forwards {row['forwards']:.2f} {json.dumps(row['patch'])}",
                    flush=True,
                )
    summary(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / "masking.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
