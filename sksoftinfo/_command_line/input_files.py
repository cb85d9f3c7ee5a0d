"""Checks of the files that a command is given."""

from __future__ import annotations

import os


def check_file(path, *, instead="pass a file"):
    """Raise ValueError unless a path is that of an existing file that may be read.

    Parameters
    ----------
    path : pathlib.Path
    instead : str, default="pass a file"
        Remedy for a folder.
    """
    try:
        path.stat()
    except PermissionError:
        may_read = False
    except OSError as error:
        raise ValueError(f"{path} does not exist: check the name.") from error
    else:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: {instead}.")
        may_read = os.access(path, os.R_OK)
    if not may_read:
        raise ValueError(f"{path} cannot be read: name a file that you may read.")
