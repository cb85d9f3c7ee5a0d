"""Atomic writing of files."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress


@contextmanager
def whole_file(path, *, exclusive=False):
    """Open a file for writing that replaces `path` once it is completely on disk.

    Until then, the file has a temporary name in the same folder, so a partial file is never
    visible at `path`, even if the process dies or other processes write to the same path. If the
    block raises, `path` is unchanged and the temporary file is removed. A new file gets its
    permissions from the umask, a replaced file keeps its permissions, and symbolic links are
    followed.

    Parameters
    ----------
    path : str or path-like
        Path of the file.
    exclusive : bool, default=False
        Whether to raise FileExistsError if `path` exists, instead of replacing it.

    Yields
    ------
    file
        A binary file, open for writing.

    Raises
    ------
    OSError
        If the file cannot be written, e.g. because its folder does not exist, the disk is full, or
        `path` is a folder or a device. The attribute ``filename`` of the error is `path`.

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
        # A random name, because the file's own name may have the largest length allowed.
        part = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.part")
        # tempfile would ignore the umask.
        with open(part, "xb") as file:
            if mode is not None:
                os.chmod(part, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            # The file system decides which of several writers is first.
            with open(target, "xb"):
                pass
        os.replace(part, target)
        part = None
        _sync_folder(os.path.dirname(target))
    except OSError as error:
        # Errors of writes in the block, e.g. to a full disk, lack the file name.
        if error.errno is None or error.filename not in (None, part, target):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        if part is not None:
            with suppress(FileNotFoundError):
                os.unlink(part)


def check_regular_file(path):
    """Raise OSError for a folder, a device or a pipe, which may be endless.

    Parameters
    ----------
    path : str or path-like
        Path of an existing file.

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
    """Return the permissions of a file, or None if it does not exist."""
    try:
        # Devices are refused, since the file would replace them.
        return check_regular_file(path) & 0o777
    except FileNotFoundError:
        return None


def _sync_folder(folder):
    """Flush a changed directory entry to disk, if the platform can open folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Network file systems may not support this call; the content is safe anyway.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
