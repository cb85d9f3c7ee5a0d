"""Checks of the files that a command is given."""

from __future__ import annotations


def check_file(path, *, instead="pass a file"):
    """Raise ValueError unless a path is that of an existing file.

    Parameters
    ----------
    path : pathlib.Path
    instead : str, default="pass a file"
        Remedy for a folder.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: {instead}.")
    if not path.exists():
        raise ValueError(f"{path} does not exist: check the name.")
