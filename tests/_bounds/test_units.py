"""Nats and bits."""

import numpy as np
import pytest

from sksoftinfo import information_bounds
from sksoftinfo._bounds.units import check_units, nats_to


def test_a_fair_coin_has_one_bit():
    assert nats_to("bits") * np.log(2) == 1
    assert nats_to("nats") == 1
    proba = np.eye(2)[[0, 1, 0, 1]]
    assert information_bounds([0, 1, 0, 1], proba, units="bits").label_entropy == 1


@pytest.mark.parametrize("units", ["bit", "Nats", "", None, 2])
def test_other_units_are_refused(units):
    for call in (check_units, nats_to):
        with pytest.raises(ValueError, match="units.*'nats'"):
            call(units)
