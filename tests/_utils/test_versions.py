"""`show_versions` lists the installed versions."""

from importlib import metadata

import sksoftinfo
from sksoftinfo._utils import versions as _show_versions


def test_states_what_is_installed(capsys):
    sksoftinfo.show_versions()
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["sksoftinfo"] == sksoftinfo.__version__
    for name in ("numpy", "scikit-learn", "torch", "skorch"):
        assert lines[name] == metadata.version(name)
    assert int(lines["torch threads"]) >= 1


def test_required_are_named_even_if_missing_and_optional_only_if_there(monkeypatch):
    requirements = ["needed>=1", 'extra-there; extra == "x"', 'extra-gone>=2; extra == "x"']
    versions = {"extra-there": "3"}
    monkeypatch.setattr(_show_versions.metadata, "requires", lambda name: requirements)
    monkeypatch.setattr(_show_versions, "_installed", versions.get)
    assert list(_show_versions._dependencies()) == [
        ("needed", "not installed"),
        ("extra-there", "3"),
    ]
