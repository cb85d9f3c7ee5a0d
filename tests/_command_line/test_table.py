import builtins
import re

import numpy as np
import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo._command_line.table import MODELS, encode, read_columns, table_bounds


@pytest.fixture(params=["pandas", "numpy"])
def reader(request, monkeypatch):
    """Both ways to read a file; without pandas its import fails."""
    if request.param == "pandas":
        pytest.importorskip("pandas")
        return request.param
    real = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    return request.param


def write(path, rows, header="colour,size,kind"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def fruit(tmp_path):
    """One bit of colour decides between two of four equally frequent kinds; size says nothing."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(600):
        red = rng.integers(2)
        kind = (
            ["lime", "pear"][rng.integers(2)] if not red else ["plum", "cherry"][rng.integers(2)]
        )
        size = "" if rng.random() < 0.1 else f"{rng.normal():.3f}"
        rows.append(f"{['green', 'red'][red]},{size},{kind}")
    return write(tmp_path / "fruit.csv", rows)


def test_columns_of_numbers_and_texts(reader, tmp_path):
    path = write(tmp_path / "t.csv", ['red,1.5,"a, b"', ",2,c", "green,,d"])
    columns = read_columns(path)
    assert columns["colour"].tolist() == ["red", None, "green"]
    np.testing.assert_array_equal(columns["size"], [1.5, 2.0, np.nan])
    assert columns["kind"].tolist() == ["a, b", "c", "d"]
    # Two colours and none; size and whether it is missing; three kinds.
    encoded = encode(columns)
    assert encoded.shape == (3, 2 + 3 + 3)
    assert np.isfinite(encoded).all()
    np.testing.assert_allclose(encoded[:, 0], [1.5, 2.0, 1.75])


@pytest.mark.parametrize("model", MODELS)
def test_one_bit_is_found(reader, fruit, model):
    bounds = table_bounds(fruit, "kind", model=model)
    assert bounds.label_entropy == pytest.approx(2.0, abs=0.02)
    # The network and boosting lose more to what they read into 600 sizes.
    assert 0.85 < bounds.mi_lower < 1.05
    assert bounds.mi_lower_limit < 1.0
    assert bounds.units == "bits"


def test_command_prints_bound_limit_and_entropy(fruit, capsys):
    assert command_line.main(["bounds", str(fruit), "--target", "kind"]) == 0
    first, *table = capsys.readouterr().out.splitlines()
    numbers = [float(number) for number in re.findall(r"\d\.\d{3}", first)]
    assert len(numbers) == 3
    lower, entropy, limit = numbers
    assert limit < lower < 1.05 < entropy
    assert "InformationBounds in bits: 600 samples, 4 classes" in table
    nats = ["bounds", str(fruit), "--target", "kind", "--model", "logistic", "--units", "nats"]
    assert command_line.main(nats) == 0
    assert "InformationBounds in nats" in capsys.readouterr().out


@pytest.mark.parametrize(
    "rows, target, message",
    [
        (["r,1,a"] * 9, "taste", "--target taste: no such column; there are colour, size, kind"),
        (["r,1,a"] * 9, "kind", "--target kind is constant"),
        (["r,1.5,a", "g,2.25,b"] * 9, "size", "--target size is continuous"),
        (["r,1,a", "g,2,b", "g,3,"] * 9, "kind", "no value in 9 of 27 rows"),
        (["r,1,a", "g,,b"] * 9, "size", "no value in 9 of 18 rows"),
        (["r,1,a"] * 9 + ["g,2,b"] * 4, "kind", "a class of 4 rows: each needs at least five"),
        (["r,1,a", "r,1,a,b,c"], "kind", "no comma-separated table"),
    ],
)
def test_bad_tables(reader, tmp_path, capsys, rows, target, message):
    path = write(tmp_path / "t.csv", rows)
    assert command_line.main(["bounds", str(path), "--target", target]) == 2
    printed = capsys.readouterr().err.strip()
    assert message in printed
    assert "\n" not in printed


def test_files_that_are_no_tables(reader, tmp_path, capsys):
    only = write(tmp_path / "only.csv", ["1", "2"] * 9, header="y")
    semicolons = write(tmp_path / "s.csv", ["1;2", "2;1"] * 9, header="a;y")
    binary, empty = tmp_path / "b.csv", tmp_path / "e.csv"
    binary.write_bytes(bytes(range(128, 256)))
    empty.write_text("")
    for path, message in (
        (only, "the only column"),
        (semicolons, "the table has one column, named 'a;y': separate its columns by commas"),
        (binary, "no comma-separated table"),
        (empty, ""),
        (tmp_path, "directory"),
    ):
        assert command_line.main(["bounds", str(path), "--target", "y"]) == 2
        assert message in capsys.readouterr().err
