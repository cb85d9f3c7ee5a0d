import json
import re
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo._command_line.table import folds_in_time
from sksoftinfo._command_line.table_labels import Labels
from sksoftinfo._command_line.table_report import Table

pd = pytest.importorskip("pandas")
pytest.importorskip("skrub")


def run(capsys, path, *arguments, target="kind", code=0):
    """Return the output of `bounds`, on standard output and standard error."""
    arguments = ["bounds", str(path), "--target", target, *arguments]
    assert command_line.main(arguments) == code
    return capsys.readouterr()


def numbers(text):
    return [float(number) for number in re.findall(r"\d\.\d{3}", text)]


def bound(text):
    """Return the lower bound on the rows, at the end of the first sentence of the answer."""
    return numbers(text.split("lower bound on these rows: ")[1])[0]


QUICK = ("--model", "logistic", "--no-columns")


@pytest.fixture(scope="module")
def frame():
    """One bit of colour separates two pairs of four equally frequent kinds; size is irrelevant."""
    rng = np.random.default_rng(0)
    red = rng.integers(2, size=300)
    kind = np.array([["lime", "pear"], ["plum", "cherry"]])[red, rng.integers(2, size=300)]
    return pd.DataFrame(
        {
            "colour": np.array(["green", "red"])[red],
            "size": np.where(rng.random(300) < 0.1, np.nan, rng.normal(size=300).round(3)),
            "weight": 40 + rng.normal(size=300).round(2) + 4 * red,
            "kind": kind,
        }
    )


@pytest.fixture(scope="module")
def fruit(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("fruit") / "fruit.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "model",
    [
        ("--quick",),
        ("--model", "boosting"),
        pytest.param(("--model", "info"), marks=pytest.mark.long_training),
    ],
)
def test_one_bit_is_found(fruit, capsys, model):
    printed = run(capsys, fruit, *model, "--no-columns").out
    limit, entropy, lower = numbers(printed.splitlines()[0])
    assert 0.6 < lower < 1.05
    assert limit < lower
    assert entropy == pytest.approx(2.0, abs=0.02)


def test_the_stack_and_its_columns(frame, tmp_path, capsys):
    path = tmp_path / "t.csv"
    frame[:120].drop(columns="weight").to_csv(path, index=False)
    printed = run(capsys, path)
    first, _, header, *columns = printed.out.splitlines()
    assert 0.7 < bound(first) < 1.1
    assert header.startswith("Single columns, by logistic regression, in bits")
    assert columns[0].split()[0] == "colour"
    assert columns[1].split()[:3] == ["size", "not", "above"]
    assert "assumes that rows are independent draws" in printed.out
    assert "  colour  text, 2 values" in printed.err.splitlines()
    # One bar serves all columns together and single columns.
    shares = [int(share) for share in re.findall(r"training: +(\d+)%", printed.err)]
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 100)


def test_report_comes_first_and_elsewhere(fruit, capsys):
    printed = run(capsys, fruit, *QUICK)
    assert printed.out.startswith("The other columns carry at least")
    report = printed.err.splitlines()[:6]
    assert re.fullmatch(r"about \d+ s to go", report[5])
    assert report[0] == f"{fruit}: 300 rows, 4 columns (utf-8, columns separated by commas)"
    assert report[1].startswith("  kind    target, 4 classes: ")
    assert report[3].startswith("  size    number, ")
    assert "InformationBounds" not in printed.out
    assert "InformationBounds in bits" in run(capsys, fruit, *QUICK, "--all").out


def dirty(frame):
    """Yield the same table in several common file formats."""
    grams = frame.assign(weight=[f"{one} g" for one in frame["weight"]])
    yield "t.csv", frame.to_csv(index=False, sep=";", decimal=",")
    yield "t.csv", frame.to_csv(index=False, decimal=",")
    yield "t.csv", frame.to_csv(index=False, na_rep="n.d.", encoding="utf-16").encode("utf-16")
    yield "t.tsv", frame.to_csv(index=False, sep="\t", na_rep="?")
    yield "t.csv", grams.to_csv(index=False)
    yield "t.csv", frame.assign(Größe="Möwe").to_csv(index=False).encode("latin-1")
    yield "t.csv", frame.to_csv(index=True)
    yield "t.json", frame.to_json(orient="records")


def test_dirty_files_give_the_clean_answer(frame, fruit, tmp_path, capsys):
    clean = bound(run(capsys, fruit, *QUICK).out)
    for name, content in dirty(frame):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert bound(run(capsys, path, *QUICK).out) == pytest.approx(clean, abs=0.01)
        path.unlink()


def test_options(fruit, frame, tmp_path, capsys):
    printed = run(capsys, fruit, *QUICK, "--drop", "colour", "size")
    assert "colour  in --drop: left out" in printed.err
    assert 0.7 < bound(printed.out) < 1.05
    printed = run(capsys, fruit, *QUICK, "--columns", "size")
    assert "found no information about" in printed.out
    printed = run(capsys, fruit, *QUICK, "--bins", "4", target="weight")
    assert "target, 4 classes: " in printed.err
    assert 0.5 < bound(printed.out) < 1.1
    printed = run(capsys, fruit, *QUICK, "--units", "nats", "--confidence-level", "0.5")
    assert "nats of entropy in 'kind', with 50 % confidence" in printed.out
    answer = json.loads(run(capsys, fruit, "--model", "logistic", "--json").out)
    assert answer["columns"][0]["name"] in ("colour", "weight")
    assert len(answer["columns"]) == 3
    assert answer["columns"][0].keys() == {
        "name",
        "lower_bound_alone",
        "lower_limit_alone",
        "lost_without_it",
        "lost_without_it_interval",
    }
    gaps = tmp_path / "gaps.csv"
    frame.assign(kind=frame["kind"].where(frame["kind"] != "plum")).to_csv(gaps, index=False)
    printed = run(capsys, gaps, *QUICK, "--drop-missing-target")
    assert re.search(r"warning: Left out \d+ rows without a label", printed.err)


def test_seeds_give_the_same_answer_twice(fruit, capsys):
    with joblib.parallel_config("threading"):
        first, again, other = (
            run(capsys, fruit, *QUICK, "--seed", seed, "--jobs", jobs).out
            for seed, jobs in (("1", "1"), ("1", "2"), ("2", "1"))
        )
    assert first == again
    assert first != other


def test_groups_and_time(frame, tmp_path, capsys):
    path = tmp_path / "t.csv"
    table = frame.assign(patient=np.arange(300) // 10, day=np.arange(300))
    table[::-1].to_csv(path, index=False)
    printed = run(capsys, path, *QUICK, "--groups", "patient")
    assert "30 groups are independent draws" in printed.out
    assert "patient  groups: left out" in printed.err
    printed = run(capsys, path, *QUICK, "--time", "day")
    assert "rows are in time order" in printed.out
    assert "250 of 300 rows in 5 blocks, 4 classes" in printed.out
    assert 0.5 < bound(printed.out) < 1.05


def test_groups_in_time_order(frame, tmp_path, capsys):
    """Rows are predicted from earlier rows of other groups, or there is an error with a remedy."""
    day = np.arange(300)
    path = tmp_path / "t.csv"
    frame.assign(day=day, month=day // 30, ward=day % 7).to_csv(path, index=False)
    order = ("--columns", "colour", "--time", "day", "--groups")
    printed = run(capsys, path, *QUICK, *order, "month")
    assert "250 of 300 rows in 9 groups, 4 classes" in printed.out
    assert "the same group" not in printed.err
    message = (
        "--time day: the rows of other groups before each of 5 blocks must hold at least two "
        "classes; got 0 in 0 rows before block 1. Leave out --time or --groups."
    )
    assert message in run(capsys, path, *QUICK, *order, "ward", code=2).err
    for kept in (order[:2] + ("--groups", "ward"), order[:4]):
        run(capsys, path, *QUICK, *kept)
    # The first block follows rows of one class.
    frame.sort_values("kind").assign(day=day).to_csv(path, index=False)
    printed = run(capsys, path, *QUICK, *order[:4], code=2)
    assert "got 1 in 50 rows before block 1. Leave out --time." in printed.err


def test_folds_in_time_order_keep_groups_apart():
    groups = np.repeat([0, 1, 2, 1, 3, 4, 5, 4, 6, 7, 8, 9], 5)
    column = SimpleNamespace(name="day", values=pd.Series(groups))
    table = Table(column, [column], column, column, {}, n_rows=60)
    labels = Labels(np.arange(60) % 2, np.arange(60))
    folds = folds_in_time(table, labels)
    assert [len(train) for train, _ in folds] == [5, 20, 25, 40, 50]
    for train, test in folds:
        assert train.max() < test.min()
        assert not np.isin(groups[train], groups[test]).any()


def test_tables_of_many_columns(tmp_path, capsys):
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(60, 31)).round(3)).add_prefix("c")
    wide.assign(kind=wide["c0"] > 0).to_csv(tmp_path / "t.csv", index=False)
    printed = run(capsys, tmp_path / "t.csv", "--model", "logistic")
    assert "31 columns, and more than 30 are not evaluated one by one. With --col" in printed.out


def test_copies_are_told_of(tmp_path, capsys):
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(80, 3)).round(6), columns=list("abc"))
    noise = noise.assign(kind=rng.integers(2, size=80))
    path = tmp_path / "t.csv"
    pd.concat([noise] * 5).to_csv(path, index=False)
    printed = run(capsys, path, "--model", "boosting", "--no-columns")
    assert "320 of 400 rows are copies of another row" in printed.err
    assert "Pass --equal-rows independent to treat them like all other rows" in printed.err
    assert "equal_rows" not in printed.err
    assert "found no information about" in printed.out
    printed = run(
        capsys, path, "--model", "boosting", "--no-columns", "--equal-rows", "independent"
    )
    assert bound(printed.out) > 0.1


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        ("a,kind\n", (), "has a header but no rows"),
        ("a;b\n1;2\n", (), "t.csv; got kind. The columns are a, b."),
        ("a,kind\n1,x\n2,y\n", ("--jobs", "0"), "--jobs must be at least 1, or -1 for all cores"),
        ("a,kind\n1,x\n2,y\n", ("--jobs", "-2"), "or -1 for all cores; got -2."),
        ("a\n1\n2\n", (), "the table has only the column 'a'; pass the separator"),
        ("kind\n1\n2\n", (), "there is no other column to use"),
        ("a,kind\n1,x\n2,y\n", ("--seed", "-1"), "--seed must be between 0 and"),
        (
            "a,kind\n1,x\n2,y\n",
            ("--confidence-level", "2"),
            "--confidence-level must be between 0 and 1; got 2.0",
        ),
        ("a,g,kind\n1,,x\n2,1,y\n" * 9, ("--groups", "g"), "--groups g has no value in 9 rows"),
        ("a,kind\n1,x\n2,y\n", ("--report", "no/a.html"), "the folder no does not exist: create"),
        (
            "a,kind,kind\n1,x,y\n",
            (),
            "--target kind: 2 columns have this name, and are renamed. Pass kind.1 or kind.2.",
        ),
    ],
)
def test_refusals_are_one_line(tmp_path, capsys, text, arguments, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    printed = run(capsys, path, *arguments, code=2)
    assert printed.out == ""
    assert message in printed.err
    assert len(printed.err.strip().splitlines()) == 1


def test_first_steps(tmp_path, monkeypatch, capsys):
    """The page prints the same text as the command."""
    page = (Path(__file__).parents[2] / "docs" / "first_steps.md").read_text()
    (snippet,) = re.findall(r"```python\n([^`]*wines\.csv[^`]*)```", page)
    command, shown = re.search(r"\$ python -m sksoftinfo (bounds .*)\n([^`]*)```", page).groups()
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "first_steps.md", "exec"), {})
    assert command_line.main([*command.split(), "--no-columns"]) == 0
    printed = capsys.readouterr()
    told = printed.err.splitlines()
    for line in shown.splitlines()[:4]:
        assert line in told
    answer = re.sub(r"\d\.\d{3}", "#", printed.out.splitlines()[0])
    assert answer in re.sub(r"\d\.\d{3}", "#", shown)
    expected = numbers(shown.splitlines()[4])
    np.testing.assert_allclose(numbers(printed.out.splitlines()[0]), expected, atol=0.05)


def test_quick_is_a_kind_of_stack(fruit, capsys):
    printed = run(capsys, fruit, "--quick", "--model", "info", code=2)
    assert "must be stack if --quick is given; got info. Leave out --quick." in printed.err


def test_the_usage_is_an_order_that_works(capsys):
    with pytest.raises(SystemExit):
        command_line.build_parser().parse_args(["bounds", "--help"])
    usage = capsys.readouterr().out.splitlines()[0]
    assert usage == "usage: python -m sksoftinfo bounds TABLE --target COLUMN [OPTION ...]"
    ordered = ["bounds", "t.csv", "--target", "y", "--drop", "a", "b"]
    assert command_line.build_parser().parse_args(ordered).drop == ["a", "b"]
