"""Versions of installed packages, for bug reports."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata

from .._version import __version__


def _installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _dependencies():
    """Yield names and versions of required packages, and of optional packages if installed."""
    seen = {"sksoftinfo"}
    for requirement in metadata.requires("sksoftinfo") or []:
        name = re.match(r"[\w.-]+", requirement)[0]
        version = _installed(name)
        if name in seen or (version is None and "extra ==" in requirement):
            continue
        seen.add(name)
        yield name, version or "not installed"


def show_versions() -> None:
    """Print the versions of Python, sksoftinfo and its dependencies, and torch's devices.

    Include the output in bug reports.

    See Also
    --------
    sklearn.show_versions : Print the versions for scikit-learn, with its threading libraries.

    Examples
    --------
    >>> import sksoftinfo
    >>> sksoftinfo.show_versions()  # doctest: +ELLIPSIS
    python: ...
    """
    import torch

    print(f"python: {sys.version.split()[0]}")
    print(f"platform: {platform.platform()}")
    print(f"sksoftinfo: {__version__}")
    for name, version in _dependencies():
        print(f"{name}: {version}")
    print(f"torch threads: {torch.get_num_threads()}")
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    print(f"CUDA devices: {', '.join(devices) or 'none'}")
