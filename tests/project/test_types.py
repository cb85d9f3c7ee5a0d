"""mypy finds the package's type hints, and the hints are right."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """\
from typing_extensions import assert_type

from sksoftinfo import (
    InfoMaskTransformer,
    InformationBounds,
    InfoSoftmaxClassifier,
    cross_val_bounds,
    information_bounds,
    mi_estimate,
)
from sksoftinfo.metrics import mask_iou_score, mi_lower_score

bounds = information_bounds([0, 1], [0.2, 0.7], units="bits")
assert_type(bounds, InformationBounds)
assert_type(bounds.to_nats().mi_lower, float)
assert_type(cross_val_bounds("stack", [[0.0]], [0]), InformationBounds)
assert_type(mi_estimate("stack", [[0.0]], [0]).standard_error, float)
assert_type(mi_lower_score([0, 1], [0.2, 0.7]), float)
assert_type(mask_iou_score([[[True]]], [[[True]]]), float)
assert_type(InfoSoftmaxClassifier().score_bounds([[0.0]], [0]), InformationBounds)
assert_type(InfoMaskTransformer().score([[0.0]], [0]), float)
information_bounds([0, 1], [0.2, 0.7], units="hours")
"""


def test_package_and_a_program_that_uses_it(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    config = ["--config-file", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "mypy", *config, str(ROOT / "sksoftinfo"), str(program)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    errors = [line for line in result.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, result.stdout + result.stderr
    last = len(PROGRAM.splitlines())
    assert f"program.py:{last}" in errors[0] and "hours" in errors[0]
