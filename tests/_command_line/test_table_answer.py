import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from sksoftinfo import information_bounds
from sksoftinfo._command_line.table_answer import as_json, details, ranking, sentence
from sksoftinfo._command_line.table_labels import Labels
from sksoftinfo._command_line.table_report import Table

Y = [0, 1] * 50


def table(*features, **left_out):
    """Return a table whose target is named kind."""
    features = [SimpleNamespace(name=name) for name in features]
    return Table(SimpleNamespace(name="kind"), features, None, None, left_out, n_rows=len(Y))


TABLE = table("age", "price")
LABELS = Labels(np.array(Y), np.arange(len(Y)))


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
    assert sentence(TABLE, bounds(0.4)) == (
        "The classifier of the other columns found no information about 'kind' (90 % lower limit: "
        "0 of the 1.000 bits of entropy): it predicts worse than the label frequencies, by 0.322 "
        "bits. Another classifier may find some."
    )


def changed(**fields):
    return dataclasses.replace(bounds(0.9), **fields)


def test_a_limit_of_zero_establishes_nothing():
    assert sentence(TABLE, changed(mi_lower=0.197, mi_lower_limit=0.0)) == (
        "No information about 'kind' is established in the other columns: the 90 % lower limit is "
        "0 of the 1.000 bits of entropy (lower bound on these rows: 0.197). More rows may raise "
        "the limit."
    )
    # The details state information after mixing in label frequencies.
    mixed = changed(mi_lower=-0.1, mi_lower_floored=0.065, mi_lower_limit=0.0)
    assert sentence(TABLE, mixed).startswith("No information about 'kind' is established in the")
    assert "(lower bound on these rows: -0.100)." in sentence(TABLE, mixed)
    assert "at least 0.0003 of" in sentence(TABLE, changed(mi_lower_limit=0.0003))


@pytest.mark.parametrize(
    "roles, more, size",
    [
        ({"groups": "patient"}, "More groups", "100 rows in 12 groups, 2 classes"),
        ({"time": "day"}, "More blocks", "100 rows in 12 blocks, 2 classes"),
        ({"groups": "patient", "time": "day"}, "More groups", "100 rows in 12 groups, 2 classes"),
        # Copies of rows count as one observation, although there are no groups.
        ({}, "More rows", "100 rows, 12 without copies, 2 classes"),
    ],
)
def test_observations_have_one_name(roles, more, size):
    used = dataclasses.replace(TABLE, **roles)
    found = changed(mi_lower=0.197, mi_lower_limit=0.0, n_groups=12)
    assert sentence(used, found).endswith(f"0.197). {more} may raise the limit.")
    assert details(used, LABELS, found)[0] == f"  {size}"


def test_a_limit_above_the_bound_is_explained():
    """The limit is computed from recalibrated predictions, and the bound is not."""
    answer = sentence(TABLE, changed(mi_lower=-0.1, mi_lower_limit=0.2))
    assert answer.endswith(
        "(lower bound on these rows: -0.100, below the limit, since the predicted probabilities "
        "are not calibrated)."
    )
    assert "not calibrated" not in sentence(TABLE, changed(mi_lower=0.2, mi_lower_limit=0.2))


@pytest.mark.parametrize(
    "used, words",
    [
        (table("age"), "the column 'age'"),
        (table("age", size="in --drop"), "the column 'age'"),
        (table("age", "price", size="in --drop"), "the 2 chosen columns"),
        (table("age", "price", size="not in --columns", id="constant"), "the 2 chosen columns"),
        (table("age", "price", id="numbers the rows"), "the other columns"),
    ],
)
def test_the_columns_used_are_named(used, words):
    carry = "carries" if "column '" in words else "carry"
    assert sentence(used, bounds(0.9)).startswith(f"T{words[1:]} {carry} at least 0.")
    found_none = f"The classifier of {words} found no information about 'kind' ("
    assert sentence(used, bounds(0.4)).startswith(found_none)
    not_established = changed(mi_lower_limit=0.0)
    assert f"'kind' is established in {words}: the" in sentence(used, not_established)


def test_zeros_have_no_sign():
    found = changed(
        mi_lower=-0.0002, mi_lower_floored=-0.0003, mi_lower_limit=0.0, interval=(-0.0004, 0.5)
    )
    answer = sentence(TABLE, found)
    assert ": it predicts no better than the label frequencies." in answer
    assert "population: 0.000 to 0.500 bits" in "\n".join(details(TABLE, LABELS, found))
    assert "rows: 0.000, below" in sentence(TABLE, changed(mi_lower=-0.0002, mi_lower_limit=0.1))


def alone(bound=0.209, loss=0.1):
    """Return the information of two columns, the second of which has this bound and loss."""
    return SimpleNamespace(
        names=["price", "age"],
        units="bits",
        alone_lower=np.array([-0.001, bound]),
        lost_estimate=np.array([-0.0004, loss]),
        lost_interval=np.array([[-0.003, 0.003], [-0.0001, 0.2]]),
    )


@pytest.mark.parametrize("lower, explained", [(0.198, True), (-0.1, True), (0.209, False)])
def test_a_column_alone_with_the_higher_bound_is_explained(lower, explained):
    lines = ranking(alone(), changed(mi_lower=lower))
    assert lines[0].endswith("loss without the column (estimate, 90 % interval)")
    assert lines[1].split() == ["age", "0.209", "0.100", "(0.000", "to", "0.200)"]
    assert lines[2].split() == ["price", "not", "above", "0", "0.000", "(-0.003", "to", "0.003)"]
    assert [line[:18] for line in lines[3:]] == ["  The bound of age"] * explained


def test_the_answer_agrees_with_the_columns_below_it():
    found = changed(mi_lower=-0.1, mi_lower_floored=-0.1, mi_lower_limit=0.0)
    answer = sentence(TABLE, found, alone(0.209))
    assert "by 0.100 bits. Logistic regression found some in 'age' alone (lower bound" in answer
    assert answer.endswith("these rows: 0.209).") and "Another classifier" not in answer
    assert sentence(TABLE, found, alone(0.0004)) == sentence(TABLE, found)


@pytest.mark.parametrize("loss, explained", [(-0.001, True), (1.2, True), (0.1, False)])
def test_losses_that_information_cannot_have_are_explained(loss, explained):
    lines = ranking(alone(0.1, loss), changed(mi_lower=0.5))
    assert any(line.startswith("  A loss is a difference") for line in lines) == explained


def test_details_name_rows_and_level():
    lines = details(TABLE, LABELS, bounds(0.9))
    assert lines[0] == "  100 rows, 2 classes"
    assert "90 % interval for the population" in lines[1]
    assert lines[-1] == "  A better classifier may find more information."


def test_the_interval_contains_the_value_beside_it():
    found = bounds(0.999)
    low, high = found.interval
    # The interval does not belong to the lower bound on these rows.
    assert high < found.mi_lower
    value, *ends = map(float, re.findall(r"\d\.\d{3}", details(TABLE, LABELS, found)[1]))
    assert value == round(found.mi_lower_floored, 3)
    assert ends == [round(low, 3), round(high, 3)] and low <= value <= high


def test_rows_and_classes_that_were_left_out_are_named():
    used = dataclasses.replace(TABLE, n_rows=3000)
    labels = dataclasses.replace(LABELS, n_classes_left_out=7)
    assert details(used, labels, bounds(0.9))[0] == "  100 of 3000 rows, 2 of 9 classes"


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
