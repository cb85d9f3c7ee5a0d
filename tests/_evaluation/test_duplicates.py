"""Equal rows that are recognised as copies."""

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
LABELS = RNG.integers(0, 2, 40)
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
    copies = copied_rows(table, LABELS[AGAIN])
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
        ROWS[AGAIN][:, :1],
        np.zeros((500, 3)),
        ROWS,
        RNG.normal(size=(5, 4)).repeat(2, axis=0),
    ],
)
def test_natural_repeats(table):
    y = np.arange(len(table)) // 2 % 2
    assert copied_rows(table, y) is None


def test_what_is_not_a_table_is_not_looked_through():
    lists_of_words = [["a", "word"], ["word"]]
    for X in (["a text"] * 20, scipy.sparse.csr_array(BITS), ROWS[:, 0], lists_of_words):
        assert copied_rows(X, y=None) is None
        with pytest.raises(ValueError, match="must be a table of numbers or texts with"):
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


def discrete_table(n, columns=8, seed=0):
    random = np.random.default_rng(seed)
    return np.column_stack([random.integers(0, 4 + i, n) for i in range(columns)])


@pytest.mark.parametrize("times", [2, 3, 4])
@pytest.mark.parametrize("texts", [False, True])
def test_copies_of_discrete_rows_and_texts(times, texts):
    order = np.random.default_rng(1).permutation(np.arange(100).repeat(times))
    y = np.random.default_rng(2).integers(0, 2, 100)
    table = discrete_table(100)
    table = pd.DataFrame(table).astype(str) if texts else table
    assert copied_rows(table, y) is None
    again = table.iloc[order] if texts else table[order]
    assert len(np.unique(copied_rows(again, y[order]))) == 100
    # Copies of rows whose labels are not copied cannot be learned by heart.
    assert copied_rows(again, np.random.default_rng(3).integers(0, 2, len(order))) is None


def test_discrete_rows_with_labels_that_they_determine_are_natural():
    bits = np.random.default_rng(0).integers(0, 2, size=(2000, 8))
    parity = bits[:, :3].sum(axis=1) % 2
    category = np.random.default_rng(0).integers(0, 40, size=2000)
    of_category = LABELS[category]
    assert copied_rows(bits, parity) is None
    assert copied_rows(np.column_stack([bits, 1 - bits]), parity) is None
    assert copied_rows(category[:, None], of_category) is None
    assert copied_rows(np.eye(40)[category], of_category) is None
    assert copied_rows(np.column_stack([category, 1000 - 2 * category]), of_category) is None
    # A single column is never suspicious, copied or not.
    assert copied_rows(ROWS[AGAIN][:, :1], LABELS[AGAIN]) is None


@pytest.mark.parametrize("rare", [0.5, 0.05])
def test_places_with_labels_that_differ_are_natural(rare):
    """Forty stores, each with a latitude and a longitude, and labels that differ within each."""
    random = np.random.default_rng(0)
    places = random.normal(size=(40, 2))
    store = random.integers(0, 40, 2000)
    y = random.random(2000) < random.beta(0.4, 0.4 * (1 / rare - 1), size=40)[store]
    assert copied_rows(places[store], y) is None
    # The data equal forty rows that were entered fifty times.
    assert copied_rows(places[store], LABELS[store]) is not None


def names_of(codes, stem):
    return np.array([f"{stem} {code}" for code in codes])


def families(n, n_cities, seed=0):
    """Return discrete tables in which one column determines the others, and the label."""
    random = np.random.default_rng(seed)
    city = random.integers(0, n_cities, n)
    code = random.permutation(n_cities)[city]
    region = random.integers(0, max(2, n_cities // 6), n_cities)[city]
    country = (region % 3 == 0).astype(int)
    attributes = random.integers(0, 3, size=(n_cities, 10))[city]
    text = {"city": names_of(city, "city"), "region": names_of(region, "region")}
    mistaken = np.where(random.random(n) < 0.01, 0, region)
    y = random.integers(0, 2, n_cities)[city]
    tables = {
        "city and region": pd.DataFrame(text),
        "city, region and country": pd.DataFrame({**text, "country": names_of(country, "c")}),
        "numbers": np.column_stack([city, region]),
        "a few mistakes": np.column_stack([city, mistaken]),
        "product and attributes": np.column_stack([city, attributes]),
        "product's name and attributes": pd.DataFrame(attributes).assign(name=text["city"]),
    }
    if n >= 10 * n_cities:
        tables["city and its code"] = np.column_stack([city, code])
        tables["names and codes"] = pd.DataFrame({**text, "code": code, "mayor": 7 * code % 101})
    return tables, y


@pytest.mark.parametrize("n, n_cities", [(300, 40), (2_000, 40), (3_000, 200), (500, 200)])
def test_columns_that_follow_from_each_other_are_natural(n, n_cities):
    tables, y = families(n, n_cities)
    for name, table in tables.items():
        assert copied_rows(table, y) is None, name


@pytest.mark.parametrize("times", [2, 5])
def test_copies_beside_columns_that_follow_from_each_other(times):
    """The tables are extended by one or two measurements, and every row is repeated."""
    tables, y = families(300, 40)
    order = RNG.permutation(np.arange(300).repeat(times))
    for name, table in tables.items():
        table = pd.DataFrame(table).assign(height=RNG.normal(size=300), age=RNG.random(300))
        assert copied_rows(table, y) is None, name
        assert copied_rows(table.iloc[order], y[order]) is not None, name


@pytest.mark.parametrize("share", [0.2, 1 / 3, 1])
@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_copies_beside_one_measurement(share, decimals):
    """Patients with one measurement and four discrete columns; some were entered twice."""
    random = np.random.default_rng(0)
    n = 300
    patients = np.column_stack(
        [
            random.exponential(size=n).round(decimals),
            random.integers(0, 200, n),  # day of admission
            random.integers(20, 90, n),
            random.integers(0, 7, n),
            random.integers(0, 2, n),
        ]
    )
    y = random.integers(0, 2, n)
    order = random.permutation(np.r_[:n, : int(share * n)])
    assert copied_rows(patients, y) is None
    assert len(np.unique(copied_rows(patients[order], y[order]))) == n


@pytest.mark.parametrize("n_free", [0, 1, 2])
def test_products_that_occur_three_times_are_natural(n_free):
    random = np.random.default_rng(0)
    product = random.integers(0, 200, 600)
    attributes = random.integers(0, 5, size=(200, 4))
    free = random.integers(0, 3, size=(600, n_free))
    table = np.column_stack([product, attributes[product], free])
    assert copied_rows(table, random.integers(0, 2, 200)[product]) is None


@pytest.mark.parametrize("zeros", [0.98, 0.8])
def test_rare_attributes_that_determine_the_label_are_natural(zeros):
    bits = (np.random.default_rng(0).random((1000, 8)) > zeros).astype(int)
    assert copied_rows(bits, bits.any(axis=1)) is None


def test_whole_numbers_that_differ_in_every_row_are_measurements_where_rows_repeat_seldom():
    rows, y = RNG.integers(0, 10**6, size=(150, 5)), RNG.integers(0, 2, 150)
    order = RNG.permutation(np.arange(150).repeat(5))
    assert copied_rows(rows[order], y[order]) is not None


def test_a_column_that_numbers_the_rows_hides_no_copies():
    y = LABELS[AGAIN]
    numbers = np.arange(7, 127)
    for table in (
        np.column_stack([numbers, ROWS[AGAIN]]),
        pd.DataFrame(ROWS[AGAIN]).assign(number=numbers),
        pd.DataFrame(ROWS[AGAIN]).assign(code=[f"{number:04}" for number in numbers]),
    ):
        assert len(np.unique(copied_rows(table, y))) == 40
    assert copied_rows(np.column_stack([numbers, numbers]), y) is None
    # A number that varies between rows of the same place distinguishes the rows.
    times = pd.DataFrame(ROWS[AGAIN]).assign(time=RNG.permutation(numbers))
    assert copied_rows(times, y) is None
