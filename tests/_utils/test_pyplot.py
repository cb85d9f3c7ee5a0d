"""matplotlib is required only for drawing."""

import sys

import pytest

from sksoftinfo import InformationBoundsDisplay


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sksoftinfo\[plot\]"):
        InformationBoundsDisplay.from_predictions([0, 1], [0.1, 0.8])
