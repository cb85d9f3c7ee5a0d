import numpy as np
import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo._command_line import mask, photo_networks
from tests.helpers.pretrained import Colours

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")
pytest.importorskip("torchvision")
NAMES = ["teal", "red", "olive", "green", "navy", "blue"]


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Two photographs, one of them red in the middle, one navy, and a network of colours."""
    preprocess = photo_networks.whole_picture(32, [0.5] * 3, [0.5] * 3)
    network = photo_networks.Network(Colours(), NAMES, preprocess)
    monkeypatch.setattr(mask, "load_network", lambda name: network)
    for name, size, colour in (("a.png", (60, 40), [255, 0, 0]), ("b.jpg", (48, 64), [0, 0, 255])):
        pixels = np.full((*size[::-1], 3), 128, np.uint8)
        pixels[size[1] // 4 : 3 * size[1] // 4, size[0] // 4 : 3 * size[0] // 4] = colour
        Image.fromarray(pixels).save(tmp_path / name)
    return [str(tmp_path / "a.png"), str(tmp_path / "b.jpg")]


def run(*arguments):
    return command_line.main(["mask", *map(str, arguments)])


def alpha(path):
    return np.asarray(Image.open(path))[..., 3] > 0


def test_cut_outs_and_overlays(photographs, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    assert run(*photographs, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "a.png: red, " in printed and "b.jpg: navy, " in printed
    assert " % of the pixels kept (the network predicts red with probability" in printed
    cut_out = alpha(out / "a.cutout.png")
    truth = np.zeros((40, 60), dtype=bool)
    truth[10:30, 15:45] = True
    assert (cut_out & truth).sum() / (cut_out | truth).sum() > 0.6
    assert Image.open(out / "b.cutout.png").size == (48, 64)
    assert Image.open(out / "b.overlay.png").size[0] > 1000
    # The files exist now.
    assert run(*photographs, "--out", out) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert run(photographs[0], "--out", out, "--overwrite", "--target", "Red") == 0


def test_a_group_and_what_is_absent(photographs, tmp_path, capsys):
    assert run(*photographs, "--out", tmp_path, "--target", "navy", "--target", "blue") == 0
    printed = capsys.readouterr().out
    assert "a.png: navy or blue, nothing kept, since " in printed
    assert not alpha(tmp_path / "a.cutout.png").any()
    assert alpha(tmp_path / "b.cutout.png").any()


@pytest.mark.parametrize(
    "evidence, reason",
    [
        ([0.5, -1.0], "the photograph shows too little evidence to count {} as present"),
        ([0.0, -1.0], "no pixel has more evidence of {} than of other classes"),
    ],
)
def test_the_reason_why_nothing_is_kept_agrees_with_the_map(evidence, reason):
    evidence = np.array([evidence])
    nothing = evidence > 0.7
    expected = f"nothing kept, since {reason.format('this class')}"
    assert mask._share(nothing, evidence, 1) == expected
    assert mask._share(nothing, evidence, 2).endswith(reason.split("{}")[1])
    assert "these classes" in mask._share(nothing, evidence, 2)


def test_the_share_is_one_of_pixels():
    evidence = np.linspace(0, 1, 400)
    for share, expected in ((0.5, "50 %"), (0.25, "25 %"), (0.0025, "less than 1 %")):
        found = mask._share(evidence > 1 - share, evidence, 1)
        assert found == f"{expected} of the pixels kept"


@pytest.mark.parametrize(
    "options, message",
    [
        (["--threshold", "1"], "--threshold must be within [0, 1); got 1.0"),
        (["--target", "navi"], "similar names are 'navy'"),
        (["--threshold", "2"], "--threshold must be within [0, 1); got 2.0"),
        (["--device", "quantum"], "or a torch device such as cuda; got quantum"),
        (["nope.png"], "nope.png does not exist"),
    ],
)
def test_errors_come_before_any_work(photographs, tmp_path, capsys, options, message):
    assert run(*photographs, *options, "--out", tmp_path / "out") == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.startswith("sksoftinfo: error: ")
    assert not printed.out and not (tmp_path / "out").exists()


def test_a_missing_extra_is_named(photographs, tmp_path, capsys, monkeypatch):
    def missing(name):
        raise ImportError("Photographs need torchvision: pip install 'sksoftinfo[photos]'.")

    monkeypatch.setattr(mask, "load_network", missing)
    assert run(*photographs, "--out", tmp_path) == 2
    assert "pip install 'sksoftinfo[photos]'" in capsys.readouterr().err
