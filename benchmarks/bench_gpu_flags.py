"""Cost of deterministic kernels in full precision: ``python benchmarks/bench_gpu_flags.py``.

The package computes in IEEE precision and with deterministic algorithms of cuDNN. The script
prints the wall-clock times of these settings, and of deterministic algorithms alone, as multiples
of the time with torch's own flags, by which convolutions round to TF32: the median over rounds
(smallest, largest). In each round, all settings take a turn. ``--simulated --scale 0.01 --rounds
1`` checks the script without a GPU.
"""

from __future__ import annotations

import argparse
import warnings
from contextlib import nullcontext

import numpy as np
import torch
from bench_gpu import name_of, seconds, simulated
from sklearn.base import clone
from torchvision.models import resnet18

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._networks import torch_flags

_PIN = torch_flags._pin


def deterministic():
    """Set the deterministic algorithms only, as `torch_flags` sets all flags."""
    cudnn = torch.backends.cudnn
    given, cudnn.deterministic = cudnn.deterministic, True
    return [(lambda value: setattr(cudnn, "deterministic", value), given)]


# The ways to set the flags while the package computes.
_WAYS = {"torch's own flags": lambda: [], "deterministic": deterministic, "as it computes": _PIN}


def calls(scale, device):
    """Yield the name and the function of each call to time."""
    rng = np.random.default_rng(0)

    def rows(n, *shape):
        n = max(6, int(scale * n))
        return rng.random((n, *shape), dtype=np.float32), np.arange(n) % 3

    X, y = rows(6000, 1, 28, 28)
    default = InfoSoftmaxClassifier(max_epochs=3, random_state=0, device=device)
    yield "fit, default network, 6,000 x 28 x 28", lambda: default.fit(X, y)
    fitted = clone(default).fit(X, y)
    yield "predict_proba, the same", lambda: fitted.predict_proba(X)
    torch.manual_seed(0)
    module = resnet18(num_classes=3).eval()
    photographs, labels = rows(512, 3, 224, 224)
    on_device = torch.as_tensor(photographs).to(device)
    options = {"batch_size": 64, "max_epochs": 2, "random_state": 0, "device": device}
    for precision in ("full", "bf16"):
        clf = InfoSoftmaxClassifier(module, precision=precision, **options)
        yield (
            f"fit, resnet18, 512 x 224 x 224, {precision}",
            lambda clf=clf: clf.fit(on_device, labels),
        )
    read = InfoSoftmaxClassifier.from_module(module, classes=[0, 1, 2], device=device)
    some, some_on_device = photographs[:64], on_device[:64]
    yield "predict_proba, resnet18, 64 images", lambda: read.predict_proba(some)
    yield "the same, images on the device", lambda: read.predict_proba(some_on_device)
    masker = InfoMaskTransformer(read, batch_size=64).fit(some[:6])
    yield "dense maps, resnet18, 64 images", lambda: masker.information_map(some, target=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="device of torch")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the images")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of timings")
    parser.add_argument("--simulated", action="store_true", help="simulate cuda without a GPU")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with simulated("cuda") if options.simulated else nullcontext():
        print(f"{name_of(options.device)}, torch {torch.__version__}")
        for what, function in calls(options.scale, options.device):
            times = {way: [] for way in _WAYS}
            for _ in range(options.rounds):
                for way, pin in _WAYS.items():
                    torch_flags._pin = pin
                    # Time after a warm-up, since cuDNN chooses its algorithms anew.
                    times[way] += seconds(function, options.device, 1)
            torch_flags._pin = _PIN
            base = np.median(times["torch's own flags"])
            print(f"{what}: {1000 * base:.1f} ms with torch's own flags", flush=True)
            for way in list(_WAYS)[1:]:
                ratios = np.array(times[way]) / base
                print(
                    f"    {way:16} {np.median(ratios):.2f} ({ratios.min():.2f}, "
                    f"{ratios.max():.2f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
