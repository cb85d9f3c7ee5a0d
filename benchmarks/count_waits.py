"""Number of waits for a GPU: ``python benchmarks/count_waits.py``.

The waits are counted on the simulated CUDA device of the tests, without a GPU. To count the waits
of another version, run ``PYTHONPATH=its/checkout python benchmarks/count_waits.py``.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

# The device is that of this checkout, whichever version is counted.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from helpers.simulated_cuda import simulated_cuda  # noqa: E402

from sksoftinfo import (  # noqa: E402
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
)

_N_ROWS, _EPOCHS, _BATCH_SIZE = 2_000, 3, 100


def calls():
    """Yield name and function of each call to count; work before a yield does not count."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(_N_ROWS, 20)).astype(np.float32), rng.integers(0, 3, _N_ROWS)
    images, label = rng.random((500, 16, 16)).astype(np.float32), np.arange(500) % 2
    options = {
        "device": "cuda",
        "max_epochs": _EPOCHS,
        "batch_size": _BATCH_SIZE,
        "random_state": 0,
    }
    trained = {
        "fit": InfoSoftmaxClassifier(**options),
        "fit, class prior": InfoSoftmaxClassifier(class_prior="empirical", **options),
        "fit, cross-fitted default network": InfoSoftmaxClassifier(early_stopping=True, **options),
        "fit, latent noise": StochasticInfoClassifier(noise="latent", n_draws=8, **options),
    }
    for what, clf in trained.items():
        yield what, lambda clf=clf: clf.fit(X, y)
    new, labels = X + 1, y
    plain, latent = trained["fit"], trained["fit, latent noise"]
    on_device = torch.as_tensor(new).to("cuda")
    yield "predict_proba", lambda: plain.predict_proba(new)
    yield "predict_proba, latent noise", lambda: latent.predict_proba(new)
    yield "predict_proba, rows on the device", lambda: plain.predict_proba(on_device)
    yield "score_bounds", lambda: plain.score_bounds(new, labels)
    yield "score_bounds, latent noise", lambda: latent.score_bounds(new, labels)
    of_images = InfoSoftmaxClassifier(**options).fit(images, label)
    masker = InfoMaskTransformer(FrozenEstimator(of_images), patch_size=4, random_state=0)
    yield "fit of dense masks", lambda: masker.fit(images, label)
    yield "transform, dense", lambda: masker.transform(images)


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    warnings.simplefilter("ignore")
    print(
        f"{_N_ROWS:,} rows, {_EPOCHS} epochs, batches of {_BATCH_SIZE}; 500 images of 16 x 16\n"
        f"{'':36}{'waits':>8}{'launches':>10}{'KB to device':>14}{'KB to host':>12}"
    )
    with simulated_cuda() as device:
        for what, function in calls():
            device.reset()
            try:
                function()
            except TypeError:
                print(f"{what:36}{'-':>8}{'-':>10}{'-':>14}{'-':>12}")
                continue
            count = device.counts
            sizes = (count[f"bytes_to_{where}"] / 1024 for where in ("device", "host"))
            print(
                f"{what:36}{count['waits']:8}{count['launches']:10}{{:14.0f}}{{:12.0f}}".format(
                    *sizes
                )
            )


if __name__ == "__main__":
    main()
