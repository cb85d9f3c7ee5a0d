"""Where is the 0, by any classifier? ``python benchmarks/bench_masking_classifiers.py``.

Each image, 8 x 16 pixels, is a composite of two of scikit-learn's digits; the label is whether one
of them is a 0. Classifiers are fitted on 600 composites of 1,250 digits, and explained by patches
of a size that `fit` chooses, or of 6 x 6 pixels, on 200 composites of the other digits. The script
prints the mean (smallest) over three splits of the IoU with the target's ink, and of the share of
ink kept in images without a 0.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sksoftinfo import InfoMaskTransformer

CLASSIFIERS = {
    "SVC": CalibratedClassifierCV(SVC(), ensemble=False),
    "random forest": RandomForestClassifier(100, random_state=0),
    "logistic regression": LogisticRegression(max_iter=2000),
}
OPTIONS = {
    "defaults": {},
    "defaults, patch alone": {"context": 1},
    "6 pixels": {"patch_size": 6},
    "6 pixels, patch alone": {"patch_size": 6, "context": 1},
    "6 pixels, presence not required": {"patch_size": 6, "require_presence": False},
    "6 pixels, uncalibrated": {"patch_size": 6, "calibrate": False},
}


def composites(digits, rows, n, rng):
    """Return flat images (n, 128), labels, and the halves (n, 8, 16) that hold the 0."""
    zeros, others = rows[digits.target[rows] == 0], rows[digits.target[rows] != 0]
    present = np.arange(n) % 2 == 0
    first = np.where(present, rng.choice(zeros, n), rng.choice(others, n))
    tiles = np.stack([digits.images[first], digits.images[rng.choice(others, n)]]) / 16
    swap = rng.random(n) < 0.5
    tiles[:, swap] = tiles[::-1, swap]
    masks = np.zeros((n, 8, 16), dtype=bool)
    masks[present & ~swap, :, :8] = True
    masks[present & swap, :, 8:] = True
    images = np.concatenate(list(tiles), axis=2)
    return images.reshape(n, -1), present.astype(int), masks


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    digits = load_digits()
    print("| classifier | options | IoU | absent |\n|---|---|---|---|")
    for name, classifier in CLASSIFIERS.items():
        for words, options in OPTIONS.items():
            ious, absent = [], []
            for seed in range(3):
                rng = np.random.default_rng(seed)
                order = rng.permutation(len(digits.target))
                X, y, _ = composites(digits, order[:1250], 600, rng)
                X_test, y_test, masks = composites(digits, order[1250:], 200, rng)
                masker = InfoMaskTransformer(
                    classifier,
                    target=1,
                    image_shape=(8, 16),
                    batch_size=2000,
                    random_state=0,
                    **options,
                ).fit(X, y)
                ink = X_test.reshape(masks.shape) > 0.2
                kept, truth = masker.mask(X_test) & ink, masks & ink
                there = y_test == 1
                shared = (kept & truth)[there].sum(axis=(1, 2))
                ious.append((shared / (kept | truth)[there].sum(axis=(1, 2))).mean())
                absent.append(kept[~there].sum() / ink[~there].sum())
            print(
                f"| {name} | {words} | {np.mean(ious):.3f} ({min(ious):.3f}) "
                f"| {np.mean(absent):.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
