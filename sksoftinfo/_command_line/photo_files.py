"""Photographs in files: read one after the other, and what is written about each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

# Sides of a photograph, at least.
_SMALLEST = 8


class Written(NamedTuple):
    """The files that are written about a photograph, paths."""

    cut_out: object
    overlay: object


class Photographs(Dataset):
    """Photographs in files, opened when they are needed: many of them take much memory.

    Parameters
    ----------
    paths : sequence of path
    """

    def __init__(self, paths):
        self.paths = list(paths)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return read_photograph(self.paths[index])


def read_photograph(path):
    """Return a photograph as an RGB image of PIL, upright as the camera says.

    Raises
    ------
    ImportError
        If PIL is missing; the message names the extra.
    ValueError
        If the file is not a picture, is damaged, or has too few or too many pixels.
    OSError
        If there is no file.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError("Photographs need pillow: pip install 'sksoftinfo[photos]'.") from error
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name the photographs in it, e.g. {path}/*.jpg.")
    if not path.exists():
        raise ValueError(f"{path} does not exist: check the name.")
    try:
        with Image.open(path) as image:
            photograph = _upright(ImageOps.exif_transpose(image))
    # Readers of damaged files raise anything, SyntaxError among them.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a picture ({error}): save it again as JPEG or PNG."
        ) from error
    if min(photograph.size) < _SMALLEST:
        raise ValueError(
            f"{path} has {photograph.width} x {photograph.height} pixels: a photograph needs "
            f"{_SMALLEST} x {_SMALLEST} at least."
        )
    return photograph


def _upright(image):
    if image.mode.startswith("I;16") or image.mode == "I":
        from PIL import Image

        # PIL would clip 16 bits at 255.
        image = Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))
    return image.convert("RGB")


def files_to_write(paths, folder, overwrite):
    """Return the files to write about each photograph, or raise ValueError if one is there.

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
        other = owners.setdefault(files.cut_out, path)
        if other is not path:
            raise ValueError(
                f"{other} and {path} would both be written to {files.cut_out}: rename one, or "
                "give them to two calls with an --out each."
            )
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {folder} is a file: name a folder.")
    there = [str(file) for files in written for file in files if file.exists()]
    if there and not overwrite:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ValueError(
            f"{there[0]}{more} would be overwritten: name another folder by --out, or allow it "
            "by --overwrite."
        )
    return written


def write_cut_out(pixels, mask, path):
    """Write a picture, uint8 (3, H, W), as PNG, transparent where the mask is False."""
    from PIL import Image

    alpha = np.where(mask, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([pixels.transpose(1, 2, 0), alpha])).save(path)
