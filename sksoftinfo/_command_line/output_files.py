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


def check_folder(folder, names):
    """Raise ValueError unless files can be written in a folder, which need not exist yet.

    Parameters
    ----------
    folder : pathlib.Path
    names : iterable of str
        Names of the files. Files of these names that exist will be overwritten.
    """
    existing = folder
    while not os.path.exists(existing):
        existing = existing.parent
    if not existing.is_dir():
        if existing == folder:
            raise ValueError(f"--out {folder} is a file: name a folder.")
        raise ValueError(
            f"--out {folder} cannot be created, because {existing} is a file: name another folder."
        )
    _check_permission(existing, f"--out {folder}")
    for path in (folder / name for name in names):
        if path.is_dir():
            raise ValueError(
                f"{path} cannot be written, because it is a folder: name another folder with "
                "--out."
            )
        if path.exists():
            _check_permission(path, path)


def make_folder(folder):
    """Make a folder that has been checked; raise ValueError if that fails nevertheless."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out {folder} cannot be created ({error.strerror}): name another folder."
        ) from error


def _check_permission(place, what):
    if not os.access(place, os.W_OK):
        raise ValueError(f"{what} cannot be written: name a place that you may write to.")
