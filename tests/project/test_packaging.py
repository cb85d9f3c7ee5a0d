"""pyproject.toml agrees with the other files of the project."""

import re
from pathlib import Path

import pytest

import sksoftinfo

ROOT = Path(__file__).parents[2]
tomllib = pytest.importorskip("tomllib")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    """Return names and lower bounds of the requirements, with the own extras resolved."""
    found, waiting = {}, [*PROJECT["dependencies"]]
    for extra in extras:
        waiting += PROJECT["optional-dependencies"][extra]
    for text in waiting:
        if text.startswith("sksoftinfo["):
            found |= requirements(*re.findall(r"\w+", text)[1:])
        else:
            name, bound = re.fullmatch(r"([\w.-]+)>=([\d.]+)", text).groups()
            found[name] = bound
    return found


def numbers(version):
    """Return a version without its trailing zeros."""
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def test_every_requirement_has_a_lower_bound():
    assert len(requirements(*PROJECT["optional-dependencies"])) > 20


def test_oldest_versions_are_the_lower_bounds():
    pinned = re.findall(
        r"^([\w.-]+)==([\d.]+)$", (ROOT / ".ci/oldest-constraints.txt").read_text(), re.MULTILINE
    )
    bounds = requirements("test", "vision")
    assert {name: numbers(version) for name, version in pinned} == {
        name: numbers(bound) for name, bound in bounds.items()
    }


def test_version_is_stated_once():
    assert PROJECT["dynamic"] == ["version"]
    stated = [
        path
        for path in ROOT.glob("*.*")
        if path.suffix in (".toml", ".cfg", ".in") and sksoftinfo.__version__ in path.read_text()
    ]
    assert not stated


def test_the_citation_names_the_version_and_its_date():
    citation = (ROOT / "CITATION.cff").read_text()
    version = re.search(r"^version: (.+)$", citation, re.MULTILINE)[1]
    date = re.search(r"^date-released: (.+)$", citation, re.MULTILINE)[1]
    assert version == sksoftinfo.__version__
    assert f"## [{version}] - {date}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_stated_python_versions_are_tested_on_every_system():
    prefix = "Programming Language :: Python :: 3."
    stated = [int(one.removeprefix(prefix)) for one in PROJECT["classifiers"] if prefix in one]
    assert f">=3.{min(stated)}" == PROJECT["requires-python"]
    assert stated == list(range(min(stated), max(stated) + 1))
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    tested = [int(one) for one in re.findall(r'"3\.(\d+)"', workflow)]
    assert set(stated) <= set(tested)
    for system in ("ubuntu", "macos", "windows"):
        assert f"{system}-latest" in workflow
