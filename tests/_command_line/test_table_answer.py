import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from sksoftinfo import information_bounds
from sksoftinfo._command_line.table_answer import as_json, details, ranking, sentence
from sksoftinfo._command_line.table_report import Table

Y = [0, 1] * 50


def table(*features, **left_out):
    """Return a table whose target is named kind."""
    features = [SimpleNamespace(name=name) for name in features]
    return Table(SimpleNamespace(name="kind"), features, None, None, left_out)


TABLE = table("age", "price")


def bounds(p, units="bits"):
    """Return bounds for predictions that give each true label this probability."""
    proba = np.where(np.array(Y) == 1, p, 1 - p)
    return information_bounds(Y, proba, units=units, confidence_level=0.9)


def test_what_is_shown():
    found = bounds(0.9)
    assert sentence(TABLE, found) == (
        f"The other columns carry at least {found.mi_lower_limit:.3f} of the 1.000 bits of "
        "entropy in 'kind', with 90 % confidence (lower bound on these rows: "
        f"{found.mi_lower:.3f})."
    )
    assert "0.693 nats of entropy" in sentence(TABLE, bounds(0.9, "nats"))


def test_a_negative_bound_shows_nothing():
    answer = sentence(TABLE, bounds(0.4))
    assert answer.startswith("No information about 'kind' was found in the other columns")
    assert "(90 % limit: 0 of the 1.000 bits of entropy)" in answer
    assert "This classifier predicts worse than the label frequencies, by 0.322 bits." in answer


def changed(**fields):
    return dataclasses.replace(bounds(0.9), **fields)


def test_a_limit_of_zero_establishes_nothing():
    assert sentence(TABLE, changed(mi_lower=0.197, mi_lower_limit=0.0)) == (
        "With 90 % confidence, no information about 'kind' is established: the limit is 0 of the "
        "1.000 bits of entropy (lower bound on these rows: 0.197). More rows may raise the limit."
    )
    grouped = changed(mi_lower=0.197, mi_lower_limit=0.0, n_groups=12)
    assert sentence(TABLE, grouped).endswith("0.197). More groups may raise the limit.")
    assert "at least 0.0003 of" in sentence(TABLE, changed(mi_lower_limit=0.0003))


@pytest.mark.parametrize(
    "used, words",
    [
        (table("age"), "the column 'age'"),
        (table("age", size="in --drop"), "the column 'age'"),
        (table("age", "price", size="in --drop"), "the 2 chosen columns"),
        (table("age", "price", size="not in --columns", id="constant"), "the 2 chosen columns"),
        (table("age", "price", id="counts the rows"), "the other columns"),
    ],
)
def test_the_columns_used_are_named(used, words):
    carry = "carries" if "column '" in words else "carry"
    assert sentence(used, bounds(0.9)).startswith(f"T{words[1:]} {carry} at least 0.")
    assert f"No information about 'kind' was found in {words} (" in sentence(used, bounds(0.4))


def test_zeros_have_no_sign():
    found = changed(mi_lower=-0.0002, mi_lower_limit=0.0, interval=(-0.0004, 0.5))
    answer = sentence(TABLE, found)
    assert "This classifier predicts no better than the label frequencies." in answer
    assert "predictions: 0.000 to 0.500 bits" in "\n".join(details(found))
    assert "rows: 0.000)" in sentence(TABLE, changed(mi_lower=-0.0002, mi_lower_limit=0.1))


@pytest.mark.parametrize("lower, explained", [(0.198, True), (-0.1, True), (0.209, False)])
def test_a_column_alone_with_the_higher_bound_is_explained(lower, explained):
    columns = SimpleNamespace(
        names=["price", "age"],
        units="bits",
        alone_lower=np.array([-0.001, 0.209]),
        lost_estimate=np.array([-0.0004, 0.1]),
        lost_interval=np.array([[-0.003, 0.003], [-0.0001, 0.2]]),
    )
    lines = ranking(columns, changed(mi_lower=lower))
    assert lines[1].split() == ["age", "0.209", "0.100", "(0.000", "to", "0.200)"]
    assert lines[2].split() == ["price", "not", "above", "0", "0.000", "(-0.003", "to", "0.003)"]
    assert [line[:18] for line in lines[3:]] == ["  The bound of age"] * explained


def test_details_name_rows_and_level():
    text = "\n".join(details(bounds(0.9)))
    assert "100 rows, 2 classes" in text
    assert "90 % interval" in text


@pytest.mark.parametrize("p", [0.9, 0.4])
def test_json(p):
    found = dataclasses.replace(bounds(p), dv_closed_form=float("nan"))
    answer = json.loads(
        as_json(TABLE, found, None, ["read"], ["careful"]),
        parse_constant=lambda name: pytest.fail(name),
    )
    assert answer["answer"] == sentence(TABLE, found)
    assert answer["bounds"]["mi_lower"] == found.mi_lower
    assert answer["bounds"]["dv_closed_form"] is None
    assert (answer["report"], answer["warnings"]) == (["read"], ["careful"])
    assert answer["columns"] is None
