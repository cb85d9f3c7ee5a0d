"""The expected cost of the stack, which grows with the size of the data."""

import numpy as np
import pytest

from sksoftinfo._evaluation.stack import stack_members
from sksoftinfo._evaluation.stack_cost import encoder_seconds, expected_seconds, slowness

SIZES = {"n_train": 800, "n_test": 200, "n_features": 10, "n_classes": 3}


def test_every_member_has_a_price():
    prices = expected_seconds(None, **SIZES)
    labels, rows = np.arange(1000) % 3, np.arange(1000)
    assert stack_members(labels, [(rows[200:], rows[:200])], 10).keys() == prices.keys()
    assert all(price > 0 for price in prices.values())
    chosen = expected_seconds(["lda", "boosting"], **SIZES)
    assert chosen == {name: prices[name] for name in ("lda", "boosting")}
    (network,) = expected_seconds(["network"], **SIZES).values()
    assert network > max(prices.values())


@pytest.mark.parametrize("size", SIZES)
def test_more_of_anything_takes_no_less(size):
    before = expected_seconds(None, **SIZES)
    after = expected_seconds(None, **{**SIZES, size: 10 * SIZES[size]})
    assert all(after[name] >= before[name] for name in before)
    assert after != before


def test_two_classes_have_one_score():
    one, two = (expected_seconds(["boosting"], **{**SIZES, "n_classes": n}) for n in (1, 2))
    assert one == two


def test_columns_and_rows_cost_the_encoder():
    assert 0 < encoder_seconds(10, 2) < encoder_seconds(10, 20) < encoder_seconds(100_000, 20)


def test_this_machine_is_measured_once():
    assert slowness() == slowness() > 0
