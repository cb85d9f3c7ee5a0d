"""Neural classifiers that say how much label information they carry, and where it sits."""

from ._version import __version__

__all__ = ["__version__"]
