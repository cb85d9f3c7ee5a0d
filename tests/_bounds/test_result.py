"""`InformationBounds`: units, text, files and equality of a result."""

import json
import pickle

import numpy as np
import pytest

from sksoftinfo import InformationBounds, information_bounds

Y = np.array(["b", "a", "c", "a", "b"])
PROBA = np.array(
    [[0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.4, 0.3, 0.3], [0.3, 0.5, 0.2]]
)


@pytest.fixture
def bounds():
    return information_bounds(Y, PROBA)


def test_bits_are_nats_over_log_two(bounds):
    bits = bounds.to_bits()
    assert bits.units == "bits"
    assert bits.mi_lower == pytest.approx(bounds.mi_lower / np.log(2))
    np.testing.assert_allclose(bits.pointwise, bounds.pointwise / np.log(2))
    assert bits.d2 == bounds.d2
    assert bits.to_bits() == bits
    assert bits.to_nats().dv == pytest.approx(bounds.dv)
    assert information_bounds(Y, PROBA, units="bits") == bits


def test_equality_pickle_and_json(bounds):
    assert pickle.loads(pickle.dumps(bounds)) == bounds
    assert bounds != information_bounds(Y, PROBA[:, ::-1])
    assert bounds != "bounds"
    as_dict = json.loads(json.dumps(bounds.to_dict(pointwise=True)))
    assert (
        InformationBounds(
            **{
                name: np.asarray(value) if isinstance(value, list) else value
                for name, value in as_dict.items()
            }
        )
        == bounds
    )
    assert "pointwise" not in bounds.to_dict()


def test_table_names_every_value_and_its_unit(bounds):
    text, page = repr(bounds.to_bits()), bounds._repr_html_()
    assert text.startswith("InformationBounds in bits: 5 rows, 3 classes")
    for name in ("log_softmax", "dv_minus_log_m", "mi_lower_limit", "label_entropy", "d2"):
        line = next(line for line in text.splitlines() if line.split()[0] == name)
        assert float(line.split()[1]) == pytest.approx(getattr(bounds.to_bits(), name), abs=5e-5)
        assert f"<code>{name}</code>" in page


def test_frozen(bounds):
    with pytest.raises(AttributeError):
        bounds.mi_lower = 1.0


def test_results_of_rows_are_told_apart_but_shown_alike(bounds):
    """The identity of the rows is used only for differences."""
    grouped = information_bounds(Y, PROBA, groups=[0, 0, 1, 1, 2])
    assert "_rows" not in bounds.to_dict() and "_rows" not in repr(bounds)
    assert "5 rows, 3 observations" in repr(grouped) and "observations" not in repr(bounds)
    assert grouped.to_dict()["n_groups"] == 3 and bounds.to_dict()["n_groups"] is None
