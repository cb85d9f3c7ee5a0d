"""``python -m sksoftinfo mask``: cut-outs of photographs, and overlays of the evidence."""

from __future__ import annotations

from .. import InfoMaskDisplay, InfoMaskTransformer, InfoSoftmaxClassifier
from .options import check_device
from .output_files import make_folder
from .photo_files import Photographs, files_to_write, write_cut_out
from .photo_networks import find_class, load_network

# Number of photographs in memory at a time.
_BATCH_SIZE = 8


def mask(options):
    """Write the cut-out and the evidence of each photograph, and print the share that is kept."""
    check_device(options.device)
    # Above a share of 1 of the largest evidence, there is no pixel.
    if not 0 <= options.threshold < 1:
        raise ValueError(
            f"--threshold must be within [0, 1); got {options.threshold}. Use 0.2, the default."
        )
    photographs = Photographs(options.photographs)
    # All input is checked before anything is computed.
    written = files_to_write(photographs.paths, options.out, options.overwrite)
    for index in range(len(photographs)):
        photographs[index]
    network = load_network(options.network)
    targets = [find_class(name, network.classes) for name in options.target or []]
    targets = list(dict.fromkeys(targets))
    make_folder(options.out)
    from tqdm import tqdm

    classifier = InfoSoftmaxClassifier.from_module(
        network.module, classes=network.classes, device=options.device
    )
    masker = InfoMaskTransformer(
        classifier,
        preprocess=network.preprocess,
        combine="group",
        threshold=options.threshold,
        batch_size=_BATCH_SIZE,
        random_state=0,
    ).fit(photographs)
    lines = []
    for index, files in enumerate(tqdm(written, desc="masking", unit="photograph")):
        lines += _write(masker, photographs[index], photographs.paths[index], targets, files)
    print("\n".join(lines))


def _write(masker, photograph, path, targets, files):
    """Write the files of a photograph, and return lines that describe them."""
    from matplotlib.figure import Figure

    image = masker.preprocess(photograph)[None]
    (probabilities,) = masker.estimator_.predict_proba(image)
    seen = masker.classes_[probabilities.argmax()]
    target = targets or [str(seen)]
    display = InfoMaskDisplay.from_estimator(
        masker,
        [photograph],
        targets=[target],
        figure=Figure(figsize=(10, 4), layout="constrained"),
    )
    kept = display.masks[0][0]
    write_cut_out(display.images[0], kept, files.cut_out)
    display.figure_.savefig(files.overlay, dpi=150, bbox_inches="tight")
    name = " or ".join(target)
    share = _share(kept, display.information[0][0], len(target))
    return [
        f"{path}: {name}, {share} (the network predicts {seen} with probability "
        f"{probabilities.max():.2f})",
        f"  wrote {files.cut_out} and {files.overlay}",
    ]


def _share(mask, evidence, n_classes):
    """Return a clause about the share of pixels that are kept, or the reason why none is."""
    if mask.any():
        percent = 100 * mask.mean()
        return f"{f'{percent:.0f}' if percent >= 1 else 'less than 1'} % of the pixels kept"
    if (evidence > 0).any():
        what = "this class" if n_classes == 1 else "any of these classes"
        return (
            "nothing kept, since the photograph shows too little evidence to count "
            f"{what} as present"
        )
    what = "this class" if n_classes == 1 else "these classes"
    return f"nothing kept, since no pixel has more evidence of {what} than of other classes"
