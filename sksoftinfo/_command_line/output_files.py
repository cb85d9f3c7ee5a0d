"""Checks of the files and folders that a command writes, before it computes anything."""

from __future__ import annotations

import os


def check_output(path, option, source):
    """Raise ValueError unless a file can be written at `path`, and is not the input of a command.

    Parameters
    ----------
    path : pathlib.Path
    option : str
        Option that names the file, for messages.
    source : pathlib.Path
        File that the command reads.
    """
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise ValueError(
            f"{option} {path} cannot be written, because the folder {path.parent} does not exist: "
            "create it, or name another folder."
        )
    if path.exists() and source.exists() and path.samefile(source):
        raise ValueError(f"{option} {path} would overwrite the table: name another file.")
    _check_permission(path if path.exists() else path.parent, f"{option} {path}")


def make_folder(folder):
    """Make the folder of the results; raise ValueError if nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out {folder} cannot be created ({error.strerror}): pass a folder that you may "
            "write to."
        ) from error
    _check_permission(folder, f"--out {folder}")


def _check_permission(place, what):
    if not os.access(place, os.W_OK):
        raise ValueError(f"{what} cannot be written: name a place that you may write to.")
