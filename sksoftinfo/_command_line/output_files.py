"""Checks of the files and folders that a command writes, before it computes anything."""

from __future__ import annotations


def make_folder(folder):
    """Make the folder of the results; raise ValueError if this is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out {folder} cannot be created ({error.strerror}): pass a folder that you may "
            "write to."
        ) from error
