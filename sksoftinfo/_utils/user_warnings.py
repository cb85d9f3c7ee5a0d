"""Where a warning points to."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# This package, and whoever calls it back on the user's behalf, found without being imported.
_FOUND = map(find_spec, ("joblib", "sklearn", "skorch"))
_NOT_THE_USERS = (
    str(Path(__file__).parents[1]) + os.sep,
    *(str(Path(spec.origin).parent) + os.sep for spec in _FOUND if spec and spec.origin),
)


def users_stacklevel():
    """Return the `stacklevel` at which a warning of the calling function points to its user.

    That is the first line, from the inside, that is not in this package, in scikit-learn, in
    skorch or in joblib: how many calls lie between is nobody's concern.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame, level = frame.f_back, level + 1
    return level
