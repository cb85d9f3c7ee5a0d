"""Do the defaults for photographs hold on images that they were not chosen on?

``python benchmarks/bench_photo_defaults.py PHOTOS`` makes four comparisons:

- `zoom` and `detail` are chosen on half of the single animals, and measured on the other half, for
  many splits;
- the smallest evidence of a rival, and the share of finer features, are chosen on composites of
  one half of the objects, by a hash of their names, and measured on the other half;
- for several presence floors, the kept parts of targets and of absent classes are counted;
- the calibration of the package is compared with calibrations on few objects, on each half and on
  all objects.

Pictures and network are those of bench_photos.py.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import joblib
import numpy as np
import torch
from bench_photos import (
    absent_classes,
    as_network_takes,
    composites,
    cropped,
    iou,
    load_network,
    logits_of,
    object_files,
    single_animals,
)
from PIL import Image

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking import details, picture_mapper

ZOOMS = (1.0, 1.2, 1.4, 1.6, 1.8)
DEFAULTS = (1.4, True)
FLOORS = (1.2, 1.7, 2.2, 2.7, 3.2)
SHARES = (0.0, 0.15, 0.25, 0.35)
PRESENCE_FLOORS = (0.0, 0.8, 1.3, 1.8, 2.3)
KINDS = ("halves", "narrow halves", "quarters", "box")
N_SPLITS = 1000


def animals(classifier, network, folder):
    """Print how the choice of zoom and detail changes between halves of the animals."""
    pictures, truth = single_animals(folder)
    targets = logits_of(network, pictures).argmax(1)
    found = {}
    for zoom, detail in itertools.product(ZOOMS, (True, False)):
        masker = InfoMaskTransformer(classifier, zoom=zoom, detail=detail).fit(pictures[:1])
        found[zoom, detail] = iou(masker.mask(pictures, y=targets), truth)
        print(f"| {zoom} | {detail} | {found[zoom, detail].mean():.3f} |", flush=True)
    settings, scores = list(found), np.array(list(found.values()))
    rng = np.random.default_rng(0)
    chosen, on_chosen, on_rest, of_default = [], [], [], []
    for _ in range(N_SPLITS):
        order = rng.permutation(len(truth))
        half, rest = np.array_split(order, 2)
        best = scores[:, half].mean(1).argmax()
        chosen.append(settings[best])
        on_chosen.append(scores[best, half].mean())
        on_rest.append(scores[best, rest].mean())
        of_default.append(scores[settings.index(DEFAULTS), rest].mean())
    shares = {one: chosen.count(one) / N_SPLITS for one in set(chosen)}
    print(
        "best on one half, share of the splits:",
        dict(sorted(shares.items(), key=lambda pair: -pair[1])),
    )
    print(
        f"best on one half: {np.mean(on_chosen):.3f} there, "
        f"{np.mean(on_rest):.3f} on the other half"
    )
    print(f"the defaults on the other half {np.mean(of_default):.3f}")


def on_other_objects(classifier, folder, n, name, module, attribute, values):
    """Print the value of a constant that is best on each half of the objects, and its results."""
    scores, default = {}, getattr(module, attribute)
    for part, kind in itertools.product((0, 1), KINDS):
        pictures, truth, targets = composites(folder, n, kind, part)
        masker = InfoMaskTransformer(classifier).fit(pictures[:1])
        for value in values:
            with mock.patch.object(module, attribute, value):
                scores[part, kind, value] = iou(masker.mask(pictures, y=targets), truth).mean()
        row = [f"{scores[part, kind, value]:.3f}" for value in values]
        print(f"| {kind}, part {part} | {' | '.join(row)} |", flush=True)
    for part in (0, 1):
        best = max(values, key=lambda one: np.mean([scores[part, kind, one] for kind in KINDS]))
        of_rest = [
            np.mean([scores[1 - part, kind, value] for kind in KINDS]) for value in (best, default)
        ]
        print(
            f"{name}: on part {part}, {best} is best; on the other part it reaches "
            f"{of_rest[0]:.3f}, the default {of_rest[1]:.3f}"
        )


def presence(classifier, network, folder, n):
    """Print, for each floor, the results of targets' masks and the kept part of absent classes."""
    objects = np.array([int(path.name[:3]) for path in object_files(folder)])
    for part, kind in itertools.product((0, 1), KINDS):
        pictures, truth, targets = composites(folder, n, kind, part)
        (absent,) = absent_classes(logits_of(network, pictures), np.unique(objects), 1)
        with tempfile.TemporaryDirectory() as cache:
            # The maps do not depend on the floor.
            masker = InfoMaskTransformer(classifier, memory=joblib.Memory(cache, verbose=0))
            masker.fit(pictures[:1])
            cells = []
            for floor in PRESENCE_FLOORS:
                masker.presence_floor_[:] = floor
                found = iou(masker.mask(pictures, y=targets), truth).mean()
                cells.append(f"{found:.3f}, {masker.mask(pictures, y=absent).mean():.3f}")
        print(f"| {kind}, part {part} | {' | '.join(cells)} |", flush=True)


def calibrations(classifier, network, folder, n):
    """Print coefficients and masks by the number of pictures, for own and shipped calibrations."""
    pictures, truth = single_animals(folder)
    tasks = {"animals": (pictures, truth, logits_of(network, pictures).argmax(1))}
    for part in (0, 1):
        tasks[f"narrow halves, part {part}"] = composites(folder, n, "narrow halves", part)
    rng = np.random.default_rng(0)
    own = {}
    for name, part in {"part 0": 0, "part 1": 1, "all": None}.items():
        whole = [Image.open(path).convert("RGB") for path in object_files(folder, part)]
        own[name] = np.stack([as_network_takes(cropped(one, pictures.shape[2:])) for one in whole])
    for size in (10, 20, 40):
        for draw in range(2):
            rows = rng.choice(len(own["all"]), size, replace=False)
            own[f"{size}, draw {draw}"] = own["all"][rows]
    maskers = {"shipped": InfoMaskTransformer(classifier).fit(pictures[:1])}
    for name, whole in own.items():
        maskers[name] = InfoMaskTransformer(classifier, random_state=0).fit(whole)
    for name, masker in maskers.items():
        (found,) = masker._mapper.calibrations_
        numbers = [*found.coef_, found.intercept_, found.rival_slope_, masker.presence_floor_[0]]
        scores = [
            f"{iou(masker.mask(pictures, y=targets), truth).mean():.3f}"
            for pictures, truth, targets in tasks.values()
        ]
        cells = [f"{one:.3f}" for one in numbers] + scores
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("--composites", type=int, default=12, help="number of each kind and part")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    network = load_network()
    classifier = InfoSoftmaxClassifier.from_module(network, classes=list(range(1000)))
    animals(classifier, network, options.photos)
    chosen = classifier, options.photos, options.composites
    on_other_objects(*chosen, "rival", picture_mapper, "RIVAL_FLOOR", FLOORS)
    on_other_objects(*chosen, "share of finer features", details, "_SHARE", SHARES)
    presence(classifier, network, options.photos, options.composites)
    calibrations(classifier, network, options.photos, options.composites)


if __name__ == "__main__":
    main()
