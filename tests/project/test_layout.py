"""The tests mirror the folders, and files have a limited length."""

import ast
import tokenize
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "sksoftinfo"
# Files without tests of their own: `__init__` only exports names, the tests of the commands run
# `__main__`, and `_version` is one line.
NO_TWIN = {"__init__.py", "__main__.py", "_version.py"}
MOST_LINES = 360


def twin(path):
    """Return the file of a module's tests; files of public folders are private."""
    relative = path.relative_to(PACKAGE)
    return TESTS / relative.parent / f"test_{relative.name.removeprefix('_')}"


def lines_of_code(path):
    """Return the number of lines, without docstrings, comments and blank lines."""
    docs = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            docs.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    code = set()
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.string.strip() and token.type != tokenize.COMMENT:
                code.update(range(token.start[0], token.end[0] + 1))
    return len(code - docs)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if path.name not in NO_TWIN],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_each_file_has_a_twin_and_is_short(path):
    assert twin(path).exists(), f"{twin(path).relative_to(TESTS)} is missing"
    assert "def test_" in twin(path).read_text()
    assert lines_of_code(path) <= MOST_LINES


def test_no_twin_is_left_without_its_file():
    """No tests remain of a renamed or removed file; other tests state their subject in a list."""
    twins = {twin(path) for path in PACKAGE.rglob("*.py")}
    folders = {path.parent for path in twins} - {TESTS}
    others = {path for folder in folders for path in folder.glob("test_*.py")} - twins
    assert {path.name for path in others} == {
        "test_architectures.py",
        "test_columns.py",
        "test_data_sets.py",
        "test_photographs.py",
        "test_remedies.py",
    }
