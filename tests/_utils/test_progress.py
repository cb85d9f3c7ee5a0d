"""Progress on standard error, with tqdm and without."""

import sys

from sksoftinfo._utils.progress import progress


def test_steps_pass_through(capsys, monkeypatch):
    assert list(progress(range(3), 3, "fits", verbose=0)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    assert list(progress(range(3), 3, "fits", verbose=1)) == [0, 1, 2]
    assert "3/3" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert list(progress(range(3), 3, "fits", verbose=1)) == [0, 1, 2]
    assert capsys.readouterr().err.splitlines()[-1] == "fits: 3 of 3"
