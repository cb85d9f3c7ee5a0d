"""Stack level of warnings, so that they point to the user's code."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# Folders of this package and of the packages that call it, located without importing them.
_FOUND = map(find_spec, ("joblib", "sklearn", "skorch"))
_NOT_THE_USERS = (
    str(Path(__file__).parents[1]) + os.sep,
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
