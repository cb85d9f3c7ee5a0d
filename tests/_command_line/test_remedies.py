"""The remedies that the command `bounds` names, followed to the letter."""

import re
import shlex

import numpy as np
import pytest

from sksoftinfo import __main__ as command_line

pd = pytest.importorskip("pandas")
pytest.importorskip("skrub")

N = 60
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2020-01-01", periods=N).strftime("%Y-%m-%d")
FRAME = pd.DataFrame(
    {
        "size": RNG.normal(size=N).round(3),
        "number": np.arange(N),
        "price": RNG.permutation(N) * 7,
        "weight": RNG.normal(size=N).round(4),
        "date": DAYS,
        "ward": np.arange(N) % 3,
        "gaps": ["a", "b", ""] * (N // 3),
        "rare": ["a"] * (N - 5) + ["b"] * 3 + ["c"] * 2,
        "kind": ["x", "y"] * (N // 2),
    }
)
COLUMNS = ["--columns", "size"]


def run(capsys, path, *arguments):
    """Return the exit code and what was printed to standard error."""
    code = command_line.main(
        ["bounds", str(path), "--model", "logistic", "--no-columns", *arguments]
    )
    return code, capsys.readouterr().err


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "t.csv"
    FRAME.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "arguments, remedy",
    [
        (["--target", "gaps"], "with --drop-missing-target"),
        (["--target", "weight"], "with --bins 4"),
        (["--target", "price"], "with --bins 4"),
        (["--target", "date"], "pass --bins 4"),
        (["--target", "rare"], "pass --rare-classes merge"),
    ],
)
def test_options_to_add(capsys, path, arguments, remedy):
    code, told = run(capsys, path, *arguments, *COLUMNS)
    assert code == 2 and remedy in told
    added = shlex.split(remedy.partition(" ")[2])
    assert run(capsys, path, *arguments, *COLUMNS, *added)[0] == 0


def test_a_column_to_use_anyway(capsys, path):
    FRAME[["number", "kind"]].to_csv(path, index=False)
    code, told = run(capsys, path, "--target", "kind")
    (remedy,) = re.findall(r"To use number anyway, pass (--columns .*)\.", told)
    assert code == 2
    assert run(capsys, path, "--target", "kind", *shlex.split(remedy))[0] == 0


@pytest.mark.parametrize("arguments", [["--quick"], ["--encoding", "utf-16"], ["--bins", "2"]])
def test_options_to_leave_out(capsys, path, arguments):
    code, told = run(capsys, path, "--target", "kind", *COLUMNS, *arguments)
    assert code == 2 and f"eave out {arguments[0]}." in told
    assert run(capsys, path, "--target", "kind", *COLUMNS)[0] == 0


@pytest.mark.parametrize("option", ["--time", "--groups"])
def test_groups_in_time_order(capsys, path, option):
    arguments = {"--time": "date", "--groups": "ward"}
    words = [word for pair in arguments.items() for word in pair]
    code, told = run(capsys, path, "--target", "kind", *COLUMNS, *words)
    assert code == 2 and "Leave out --time or --groups." in told
    del arguments[option]
    words = [word for pair in arguments.items() for word in pair]
    assert run(capsys, path, "--target", "kind", *COLUMNS, *words)[0] == 0


def test_the_name_that_was_meant(capsys, path):
    code, told = run(capsys, path, "--target", "Kind", *COLUMNS)
    (name,) = re.findall(r"Did you mean (\S+)\?", told)
    assert code == 2
    assert run(capsys, path, "--target", name, *COLUMNS)[0] == 0


def test_names_that_repeat(capsys, path):
    frame = FRAME[["size", "weight", "kind", "kind"]]
    frame.columns = ["my size", "my size", "kind", "kind"]
    frame.to_csv(path, index=False)
    code, told = run(capsys, path, "--target", "kind")
    first, second = shlex.split(re.search(r"Pass (.*)\.$", told.strip())[1].replace(" or ", " "))
    assert code == 2 and (first, second) == ("kind.1", "kind.2")
    code, told = run(capsys, path, "--target", first, "--columns", "my size")
    assert code == 2
    names = shlex.split(re.search(r"Pass (.*)\.$", told.strip())[1].replace(" or ", " "))
    for name in names:
        assert run(capsys, path, "--target", first, "--columns", name)[0] == 0


def test_the_separator(capsys, path):
    FRAME[["size", "kind"]].to_csv(path, index=False, sep="~")
    code, told = run(capsys, path, "--target", "kind")
    assert code == 2 and "pass the separator with --sep" in told
    assert run(capsys, path, "--target", "kind", "--sep", "~")[0] == 0


def test_a_copy_of_the_target_is_left_out(capsys, path):
    frame = FRAME[["size", "kind"]].assign(**{"a copy": FRAME["kind"] == "x"})
    frame.to_csv(path, index=False)
    code, told = run(capsys, path, "--target", "kind")
    (remedy,) = re.findall(r"leave it out with (--drop .*)\.", told)
    assert code == 0
    code, told = run(capsys, path, "--target", "kind", *shlex.split(remedy))
    assert code == 0 and "determines the label" not in told
