"""Photographs in files, read one at a time, and the files written for each photograph."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

from .input_files import check_file
from .output_files import check_folder

# Shortest side of a photograph, in pixels.
_SMALLEST = 8


class Written(NamedTuple):
    """Paths of the files that are written for a photograph."""

    cut_out: object
    overlay: object


class Photographs(Dataset):
    """Photographs in files, each opened only when it is needed, to save memory.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Paths of the files.
    """

    def __init__(self, paths):
        self.paths = list(paths)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return read_photograph(self.paths[index])


def read_photograph(path):
    """Return a photograph as an RGB PIL image, turned upright by its EXIF orientation.

    Raises
    ------
    ImportError
        If PIL is missing; the message names the extra.
    ValueError
        If the file does not exist, is not a photograph, is damaged, or has too few or too many
        pixels.
    OSError
        If the file cannot be opened.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            "Photographs need pillow, which is not installed. Run pip install "
            "'sksoftinfo[photos]'."
        ) from error
    check_file(path, instead=f"name the photographs in it, e.g. {path}/*.jpg")
    try:
        with Image.open(path) as image:
            photograph = _upright(ImageOps.exif_transpose(image))
    # Damaged files raise exceptions of any class, including SyntaxError.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a photograph ({error}): save it again as JPEG or PNG."
        ) from error
    if min(photograph.size) < _SMALLEST:
        raise ValueError(
            f"{path} has {photograph.width} x {photograph.height} pixels: a photograph needs at "
            f"least {_SMALLEST} x {_SMALLEST}."
        )
    return photograph


def _upright(image):
    if image.mode.startswith("I") or image.mode == "F":
        from PIL import Image

        values = np.asarray(image)
        if image.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise ValueError("it has 32 bits per pixel, and the scale of its values is unknown")
        # PIL would clip 16 bits at 255.
        image = Image.fromarray(np.round(values / 257).astype(np.uint8))
    if "transparency" in image.info:
        # PIL warns of transparent palettes unless they become RGBA first.
        image = image.convert("RGBA")
    return image.convert("RGB")


def files_to_write(paths, folder, overwrite):
    """Return the files to write for each photograph; raise ValueError if they cannot be written.

    Parameters
    ----------
    paths : list of path
    folder : path
    overwrite : bool
    """
    written = [
        Written(folder / f"{path.stem}.cutout.png", folder / f"{path.stem}.overlay.png")
        for path in paths
    ]
    owners = {}
    for path, files in zip(paths, written, strict=True):
        if (other := owners.get(files.cut_out)) is not None:
            if os.path.realpath(other) == os.path.realpath(path):
                raise ValueError(f"{path} is named twice: name it once.")
            raise ValueError(
                f"{other} and {path} would both be written to {files.cut_out}: rename one, or "
                "pass them to two commands with different --out folders."
            )
        owners[files.cut_out] = path
    check_folder(folder, [file.name for files in written for file in files])
    there = [str(file) for files in written for file in files if file.exists()]
    if there and not overwrite:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ValueError(
            f"{there[0]}{more} would be overwritten: name another folder with --out, or add "
            "--overwrite."
        )
    return written


def write_cut_out(pixels, mask, path):
    """Write an image, uint8 (3, H, W), as a PNG that is transparent where the mask is False."""
    from PIL import Image

    alpha = np.where(mask, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([pixels.transpose(1, 2, 0), alpha])).save(path)
