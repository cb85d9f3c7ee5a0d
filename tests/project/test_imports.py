"""Imports go in one direction, from the public modules of the package down to its checks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from skorch import NeuralNetClassifier

PACKAGE = Path(__file__).parents[2] / "sksoftinfo"
# The imports that each folder may make from the package; `_version` is open to all.
MAY_IMPORT = {
    "_utils": set(),
    "_bounds": {"_utils"},
    "_networks": {"_utils"},
    "_classifiers": {"_networks", "_bounds", "_utils"},
    "metrics": {"_bounds", "_utils"},
    "datasets": {"_utils"},
    "_evaluation": {"_classifiers", "_bounds", "metrics", "_utils"},
    "_masking": {"_classifiers", "_networks", "_bounds", "_utils"},
    "_command_line": {"", "_evaluation", "_classifiers", "datasets", "metrics", "_utils"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Yield the absolute names of the modules that a file imports, anywhere in the file."""
    package = ("sksoftinfo", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            if module.startswith("sklearn"):
                yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    folder, *rest = path.relative_to(PACKAGE).parts
    for name in imported(path):
        top, _, below = name.partition(".")
        if top == "sksoftinfo" and rest:
            target, _, inner = below.partition(".")
            assert target in {folder, "_version"} | MAY_IMPORT[folder], name
            assert target == folder or not inner, f"{name}: import from the folder"
        if top == "skorch":
            assert folder == "_networks", name
        if folder == "_bounds":
            assert top not in ("torch", "skorch"), name
        if top == "sklearn" and any(part.startswith("_") for part in below.split(".")):
            assert path == PACKAGE / "_utils" / "compat.py", name


# Private names of scikit-learn and skorch; skorch sets the last of these in instances.
PRIVATE = {
    name
    for cls in (BaseEstimator, NeuralNetClassifier)
    for name in dir(cls)
    if name.startswith("_") and not name.endswith("_")
} | {"_criteria", "_modules", "_optimizers", "_initialize_accelerator"}
# Hooks that estimators override according to the documentation.
HOOKS = {"_validate_params", "_parameter_constraints"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_names_of_others_stand_in_one_file(path):
    if path.name == "compat.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and not ast.unparse(node).startswith("super()."):
            assert node.attr not in PRIVATE - {"_parameter_constraints"}, ast.unparse(node)
        if isinstance(node, ast.FunctionDef):
            assert node.name not in PRIVATE - HOOKS, node.name


def test_bounds_need_no_torch():
    """Import the folder alone, since the package imports torch for its other folders."""
    program = """
import importlib.machinery, sys, types
package = types.ModuleType("sksoftinfo")
package.__path__ = [sys.argv[1]]
sys.modules["sksoftinfo"] = package
import sksoftinfo._bounds
print({"torch", "skorch"} & sys.modules.keys())
"""
    result = subprocess.run(
        [sys.executable, "-c", program, str(PACKAGE)], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
