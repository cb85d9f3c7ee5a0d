"""Which equal rows are copies."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from sksoftinfo._evaluation.duplicates import copied_rows, equal_rows_of

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 3))
AGAIN = RNG.permutation(np.arange(40).repeat(3))
BITS = RNG.integers(0, 2, size=(500, 8))
CATEGORY = RNG.integers(0, 40, size=(500, 1))


def frames(table):
    names = [f"column {i}" for i in range(table.shape[1])]
    return [
        table,
        table.astype(np.float32),
        table.tolist(),
        pd.DataFrame(table, columns=names),
        pl.DataFrame(table, schema=names),
        table.astype(str),
        pd.DataFrame(table.astype(str), columns=names),
        pd.DataFrame(table, columns=names).assign(text="same", gone=None),
    ]


@pytest.mark.parametrize("table", frames(ROWS[AGAIN]))
def test_copies_of_continuous_rows(table):
    copies = copied_rows(table)
    assert len(np.unique(copies)) == 40
    assert all(len(np.unique(copies[one == AGAIN])) == 1 for one in range(40))


@pytest.mark.parametrize(
    "table",
    [
        *frames(BITS),
        *frames(CATEGORY),
        *frames(np.eye(40)[CATEGORY[:, 0]]),
        np.column_stack([CATEGORY, 1000 - 2 * CATEGORY]),
        RNG.integers(0, 12, size=(500, 2)),
        ROWS[AGAIN].round(),
        ROWS[AGAIN][:, :1],
        np.zeros((500, 3)),
        ROWS,
        RNG.normal(size=(5, 4)).repeat(2, axis=0),
    ],
)
def test_natural_repeats(table):
    assert copied_rows(table) is None


def test_what_is_not_a_table_is_not_looked_through():
    for X in (["a text"] * 20, scipy.sparse.csr_array(BITS), ROWS[:, 0], [[1], [1, 2]]):
        assert copied_rows(X) is None
        with pytest.raises(ValueError, match="equal_rows='together' needs a table"):
            equal_rows_of(X)


def test_equal_rows_suspicious_or_not():
    kinds = equal_rows_of(CATEGORY)
    np.testing.assert_array_equal(
        kinds[:, None] == kinds, CATEGORY == CATEGORY.T, err_msg="equal rows, and they alone"
    )
    assert equal_rows_of(ROWS) is None
    lists = pd.DataFrame({"list": [[1], [2], [1]], "n": [1, 2, 1]})
    assert equal_rows_of(lists) is not None
    mixed = pd.DataFrame({"when": pd.to_datetime(["2020", "2021", "2020"]), "n": [1, 2, 1]})
    assert equal_rows_of(mixed).tolist() == [
        equal_rows_of(mixed)[0],
        1 - equal_rows_of(mixed)[0],
        equal_rows_of(mixed)[0],
    ]


def test_rows_that_differ_in_float64_alone_are_different():
    close = 1.7e9 + np.arange(40.0)
    table = np.column_stack([close, RNG.normal(size=40).repeat(1)])
    assert equal_rows_of(table) is None
