import dataclasses
import json

import numpy as np
import pytest

from sksoftinfo import information_bounds
from sksoftinfo._command_line.table_answer import as_json, details, sentence

Y = [0, 1] * 50


def bounds(p, units="bits"):
    """Return bounds for predictions that give each true label this probability."""
    proba = np.where(np.array(Y) == 1, p, 1 - p)
    return information_bounds(Y, proba, units=units, confidence_level=0.9)


def test_what_is_shown():
    found = bounds(0.9)
    assert sentence("kind", found) == (
        f"The other columns carry at least {found.mi_lower_limit:.3f} of the 1.000 bits of "
        "entropy in 'kind', with 90 % confidence (lower bound on these rows: "
        f"{found.mi_lower:.3f})."
    )
    assert "0.693 nats of entropy" in sentence("kind", bounds(0.9, "nats"))


def test_a_negative_bound_shows_nothing():
    answer = sentence("kind", bounds(0.4))
    assert answer.startswith("No information about 'kind' was found in the other columns")
    assert "(90 % limit: 0 of the 1.000 bits of entropy)" in answer
    assert "This model predicts worse than the label frequencies, by 0.322 bits." in answer


def test_details_name_rows_and_level():
    text = "\n".join(details(bounds(0.9)))
    assert "100 rows, 2 classes" in text
    assert "90 % interval" in text


@pytest.mark.parametrize("p", [0.9, 0.4])
def test_json(p):
    found = dataclasses.replace(bounds(p), dv_closed_form=float("nan"))
    answer = json.loads(
        as_json("kind", found, None, ["read"], ["careful"]),
        parse_constant=lambda name: pytest.fail(name),
    )
    assert answer["answer"] == sentence("kind", found)
    assert answer["bounds"]["mi_lower"] == found.mi_lower
    assert answer["bounds"]["dv_closed_form"] is None
    assert (answer["report"], answer["warnings"]) == (["read"], ["careful"])
    assert answer["columns"] is None
