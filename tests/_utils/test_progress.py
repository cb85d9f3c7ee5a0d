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
    with Progress(3, "training", verbose=0) as bar:
        assert list(bar.over(range(3), [1] * 3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_the_time_left_is_known_before_the_first_step(capsys):
    with Progress(100, "training", verbose=1, seconds=1.0):
        assert lines(capsys)[-1].endswith("about 2 min left")


def test_an_error_begins_a_line_of_its_own(capsys):
    with pytest.raises(ZeroDivisionError), Progress(2, "training", verbose=1) as bar:
        list(bar.over((1 / one for one in (1, 0)), [1, 1]))
    assert capsys.readouterr().err.endswith("\n")


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_the_pace_so_far_tells_the_time_left(capsys, monkeypatch, clock, has_tqdm):
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with Progress(10, "training", verbose=1) as bar:
        assert not any("left" in line for line in lines(capsys))
        clock[0] = 40.0
        # Half is done in 40 s.
        assert next(bar.over(["a"], [5])) == "a"
        assert lines(capsys)[-1].endswith("about 40 s left")
        # The remaining work is less than was expected.
        bar.expect(2.5)
        assert lines(capsys)[-1].endswith("about 20 s left")
        bar.advance(2.5)
    last = lines(capsys)[-1]
    assert "100" in last and "left" not in last


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_parts_fill_one_bar_in_turn(capsys, monkeypatch, clock, has_tqdm):
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with Progress(10, "training", verbose=1) as bar:
        with Progress(3, "both", bar.part(6)) as first:
            # A part may have parts.
            with Progress(4, "half", first.part(1)) as half:
                half.advance(2)
                assert "10" in lines(capsys)[-1]
                # Less is left to do than was expected.
                half.expect(0)
            list(Progress(2, "rest", first.part(2)).over("ab", [1, 1]))
        assert "60" in lines(capsys)[-1]
        clock[0] = 30.0
        with Progress(1, "columns", bar.part(4)) as last:
            last.advance(0.5)
            assert lines(capsys)[-1].endswith("about 8 s left")
    shown = lines(capsys)
    assert "100" in shown[-1] and not any("both" in line or "columns" in line for line in shown)


def test_a_part_that_fails_does_not_count_as_done(capsys):
    with pytest.raises(ZeroDivisionError), Progress(2, "training", verbose=1) as bar:
        with Progress(2, "part", bar.part(1)) as part:
            part.advance(1)
            raise ZeroDivisionError
    assert "25" in lines(capsys)[-1]


def test_parts_of_silent_work_are_silent(capsys):
    with Progress(2, "training", verbose=0) as bar:
        part = bar.part(1)
        assert not part
        list(Progress(2, "part", part).over("ab", [1, 1]))
    assert capsys.readouterr().err == ""
