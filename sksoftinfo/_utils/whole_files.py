"""Files that are replaced as a whole, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress


@contextmanager
def whole_file(path, *, exclusive=False):
    """Open a file for writing that takes its place at `path` when all of it is on disk.

    Until then it has a name of its own in the same folder, so that readers, other writers of the
    same path and a process that dies never meet half a file. If the block raises, `path` stays as
    it was and nothing is left beside it. A new file gets the permissions of the process's umask,
    a replaced one keeps its own, and a symbolic link is followed.

    Parameters
    ----------
    path : str or path-like
    exclusive : bool, default=False
        Whether a file that exists at `path` is left alone: FileExistsError.

    Yields
    ------
    file
        A binary file, open for writing.

    Raises
    ------
    OSError
        If the file cannot be written, e.g. because its folder does not exist, the disk is full, or
        `path` is a folder or a device. Its ``filename`` is `path`.

    Examples
    --------
    >>> import os, tempfile
    >>> from sksoftinfo._utils.whole_files import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "numbers")
    ...     with whole_file(path) as file:
    ...         _ = file.write(b"1 2 3")
    ...     os.listdir(folder)
    ['numbers']
    """
    part = target = None
    try:
        target = os.path.realpath(path)
        mode = _permissions(target)
        # Not derived from the file's name, which may be as long as the file system allows.
        part = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")
        # open, not tempfile: a new file has to honour the umask.
        with open(part, "xb") as file:
            if mode is not None:
                os.chmod(part, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            # The file system decides which of several writers comes first.
            with open(target, "xb"):
                pass
        os.replace(part, target)
        part = None
        _sync_folder(os.path.dirname(target))
    except OSError as error:
        # Also of the block: a full disk is noticed by a write, which does not know the name.
        if error.errno is None or error.filename not in (None, part, target):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        if part is not None:
            with suppress(FileNotFoundError):
                os.unlink(part)


def check_regular_file(path):
    """Raise OSError for a folder, a device or a pipe, which might be read without an end.

    Parameters
    ----------
    path : str or path-like
        Of a file that exists.

    Returns
    -------
    int
        The mode of the file.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", os.fspath(path))
    return mode


def _permissions(path):
    """Return the permissions of a file, or None where there is none."""
    try:
        # A file would take the place of a device.
        return check_regular_file(path) & 0o777
    except FileNotFoundError:
        return None


def _sync_folder(folder):
    """Bring a changed name to disk, where the platform opens folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Network file systems may not know it; the content is safe all the same.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
