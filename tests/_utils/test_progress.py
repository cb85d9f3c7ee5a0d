"""Progress on standard error, with tqdm and without."""

import sys

import pytest

from sksoftinfo._utils import Progress, progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    time = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: time[0])
    return time


def lines(capsys):
    return [
        line.strip() for line in capsys.readouterr().err.replace("\r", "\n").splitlines() if line
    ]


def test_steps_pass_through_in_silence(capsys):
    with Progress(3, "fits", verbose=0) as bar:
        assert list(bar.over(range(3), [1] * 3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_time_left_is_known_before_the_first_step(capsys):
    with Progress(100, "fits", verbose=1, seconds=1.0):
        assert lines(capsys)[-1].endswith("about 2 min left")


def test_an_error_begins_a_line_of_its_own(capsys):
    with pytest.raises(ZeroDivisionError), Progress(2, "fits", verbose=1) as bar:
        list(bar.over((1 / one for one in (1, 0)), [1, 1]))
    assert capsys.readouterr().err.endswith("\n")


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_the_pace_so_far_tells_the_time_left(capsys, monkeypatch, clock, has_tqdm):
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with Progress(10, "fits", verbose=1) as bar:
        assert not any("left" in line for line in lines(capsys))
        clock[0] = 40.0
        # Half is done in 40 s.
        assert next(bar.over(["a"], [5])) == "a"
        assert lines(capsys)[-1].endswith("about 40 s left")
        # The remaining work is less than was expected.
        bar.expect(2.5)
        assert lines(capsys)[-1].endswith("about 20 s left")
        bar.advance(2.5)
    assert "100" in lines(capsys)[-1]
