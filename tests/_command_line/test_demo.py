import subprocess
import sys

import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo._command_line import demo


@pytest.fixture
def call(monkeypatch, capsys):
    """Call the entry point of the script; return its exit code, standard output and error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sksoftinfo", *arguments])
        with pytest.raises(SystemExit) as stop:
            command_line.run()
        return stop.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def brief(monkeypatch):
    """Run the demo with little data and few epochs."""
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.setattr(demo, "_N_TRAIN", 200)
    monkeypatch.setattr(demo, "_N_TEST", 100)
    monkeypatch.setattr(demo, "_MAX_EPOCHS", 2)


def test_demo_prints_bounds_and_draws_two_figures(brief, tmp_path, capsys, monkeypatch):
    from matplotlib.figure import Figure

    titles, save = [], Figure.savefig

    def savefig(figure, *args, **options):
        titles.extend(axis.get_title() for axis in figure.axes)
        return save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    out = tmp_path / "new" / "folder"
    assert command_line.main(["demo", "--out", str(out), "--target", "7", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "Is there a 7?" in printed
    for name in ("log_softmax", "dv_minus_log_m", "mi_lower", "label_entropy"):
        assert printed.count(f"    {name} ") == 2
    assert "InformationBounds in nats" in printed
    assert "mean IoU" in printed and "arXiv 1910.02629" in printed
    assert "evidence that the\nimage contains a 7" in titles and "masked image" in titles
    for name in ("info_mask.png", "bounds.png"):
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_process_of_its_own():
    command = [sys.executable, "-m", "sksoftinfo", "bounds", "no.csv", "--target", "y"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("sksoftinfo: error: ") and "no.csv does not exist" in line


def test_help_names_every_option(call):
    for arguments, words in (
        (["--help"], ["demo", "bounds"]),
        (["bounds", "--help"], ["TABLE", "--target", "--model", "--units", "stack"]),
        (["demo", "--help"], ["--out", "--data", "--target", "--device", "--seed", "default: 0"]),
    ):
        code, out, _ = call(*arguments)
        assert code == 0
        for word in words:
            assert word in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: COMMAND"),
        (["paint"], "invalid choice: 'paint'"),
        (["bounds", "no.csv", "--target", "y"], "no.csv does not exist: check the name."),
        (["bounds", "no.csv"], "required: --target"),
        (
            ["bounds", "no.csv", "--target", "y", "--model", "tree"],
            "argument --model: invalid",
        ),
        (["demo", "--target", "10"], "argument --target: invalid choice"),
        (["demo", "--data", "cifar"], "argument --data: invalid choice"),
        (["demo", "--device", "quantum"], "or a torch device such as cuda; got quantum"),
        (["demo", "--device", "meta"], "--device meta cannot be used on this machine"),
        (
            ["demo", "--seed", "-1", "--device", "cpu"],
            "--seed must be between 0 and 4294967295; got -1",
        ),
    ],
)
def test_bad_arguments(call, arguments, message):
    code, _, err = call(*arguments)
    assert code == 2
    assert message in err.strip().splitlines()[-1]
    assert "Traceback" not in err


def test_a_file_in_place_of_the_folder(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = call("demo", "--out", str(tmp_path / "file"), "--device", "cpu")
    assert code == 2
    (line,) = err.strip().splitlines()
    assert "file is a file: name a folder." in line


def test_without_a_network_the_demo_names_the_digits(call, tmp_path, monkeypatch):
    def offline(*arguments, **options):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(pytest.importorskip("torchvision.datasets"), "MNIST", offline)
    code, _, err = call("demo", "--data", "mnist", "--device", "cpu", "--out", str(tmp_path))
    assert code == 2
    assert "could not be downloaded" in err and "or pass --data digits." in err
