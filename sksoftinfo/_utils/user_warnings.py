"""Stack level of warnings, so that they point to the user's code, and filters of warnings."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path

# Folders of this package and of the packages that call it, located without importing them, and
# the module that calls functions with a context as their decorator.
_FOUND = map(find_spec, ("joblib", "sklearn", "skorch"))
_NOT_THE_USERS = (
    str(Path(__file__).parents[1]) + os.sep,
    contextlib.__file__,
    *(str(Path(spec.origin).parent) + os.sep for spec in _FOUND if spec and spec.origin),
)


def users_stacklevel():
    """Return the `stacklevel` by which warnings of the caller point to the user's code.

    The user's code is the innermost frame outside this package, scikit-learn, skorch and joblib,
    however many calls lie between.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame, level = frame.f_back, level + 1
    return level


@contextlib.contextmanager
def ignored_warnings(message="", category=Warning):
    """Ignore warnings in a block, except in threads other than the main thread.

    Threads share the warning filters, and would undo each other's changes: a filter that one
    thread restores may be that of another thread, which would then stay for good.

    Parameters
    ----------
    message : str, default=""
        Regular expression for the beginning of the texts; all texts if empty.
    category : type, default=Warning
    """
    if not _in_main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message, category)
        yield


@contextlib.contextmanager
def recorded_warnings():
    """Return the list of the warnings of a block, except in threads other than the main thread.

    In other threads, warnings are issued as usual, and the list stays empty; see
    `ignored_warnings`.
    """
    if not _in_main_thread():
        yield []
        return
    with warnings.catch_warnings(record=True) as caught:
        yield caught


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()
