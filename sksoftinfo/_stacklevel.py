"""Where a warning points to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import joblib
import sklearn
import skorch

_NOT_THE_USERS = tuple(
    str(Path(file).parent) + os.sep
    for file in (__file__, joblib.__file__, sklearn.__file__, skorch.__file__)
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
