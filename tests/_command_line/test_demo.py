import subprocess
import sys

import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo._command_line import demo


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sksoftinfo", *arguments], capture_output=True, text=True
    )


@pytest.fixture
def brief(monkeypatch):
    """The demo, with little data and few epochs."""
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.setattr(demo, "_N_TRAIN", 200)
    monkeypatch.setattr(demo, "_N_TEST", 100)
    monkeypatch.setattr(demo, "_MAX_EPOCHS", 2)


def test_demo_prints_bounds_and_draws_two_pictures(brief, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    assert command_line.main(["demo", "--out", str(out), "--target", "7", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "Is there a 7?" in printed
    for name in ("log_softmax", "dv_minus_log_m", "mi_lower", "label_entropy"):
        assert printed.count(f"    {name} ") == 2
    assert "InformationBounds in nats" in printed
    assert "mean IoU" in printed
    for name in ("info_mask.png", "bounds.png"):
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_help_names_every_option():
    for arguments, words in (
        (["--help"], ["demo", "bounds"]),
        (["bounds", "--help"], ["TABLE", "--target", "--model", "--units", "stack"]),
        (["demo", "--help"], ["--out", "--data", "--target", "--device", "--seed", "default: 0"]),
    ):
        result = run(*arguments)
        assert result.returncode == 0
        for word in words:
            assert word in result.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: COMMAND"),
        (["paint"], "invalid choice: 'paint'"),
        (["bounds", "no.csv", "--target", "y"], "No such file or directory: 'no.csv'"),
        (["bounds", "no.csv"], "required: --target"),
        (["bounds", "no.csv", "--target", "y", "--model", "tree"], "argument --model: invalid"),
        (["demo", "--target", "10"], "argument --target: invalid choice"),
        (["demo", "--data", "cifar"], "argument --data: invalid choice"),
        (["demo", "--device", "quantum"], "a device of torch; got quantum"),
        (["demo", "--device", "meta"], "a device of torch; got meta"),
        (["demo", "--seed", "-1"], "--seed must be between 0 and 4294967295; got -1"),
    ],
)
def test_bad_arguments(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert message in last
    assert "Traceback" not in result.stderr


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("demo", "--out", str(tmp_path / "file"))
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
