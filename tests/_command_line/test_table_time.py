import argparse

import numpy as np
import pytest

from sksoftinfo._command_line import table_time
from sksoftinfo._command_line.table_columns import Column
from sksoftinfo._command_line.table_labels import Labels
from sksoftinfo._command_line.table_report import Table
from sksoftinfo._utils import duration

pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def same_machine(monkeypatch):
    monkeypatch.setattr(table_time, "slowness", lambda: 1.0)


OPTIONS = {"quick": False, "model": "stack", "report": None, "no_columns": False, "jobs": 1}


def seconds(n_rows, n_columns, **changed):
    options = OPTIONS | {"no_columns": True} | changed
    column = Column("a", "number", pd.Series(np.arange(n_rows)))
    table = Table(column, [column] * n_columns, None, None, {}, n_rows=n_rows)
    labels = Labels(np.arange(n_rows) % 2, np.arange(n_rows))
    parts = table_time.seconds_of_parts(table, labels, argparse.Namespace(**options))
    return sum(parts)


def test_more_work_takes_longer():
    assert seconds(1000, 5) < seconds(10_000, 5) < seconds(100_000, 5)
    assert seconds(1000, 5) < seconds(1000, 30)
    assert seconds(1000, 5, quick=True) < seconds(1000, 5) < seconds(1000, 5, model="info")
    assert seconds(1000, 5) < seconds(1000, 5, no_columns=False)
    # The page takes less time than repeating all fits.
    assert seconds(1000, 5) < seconds(1000, 5, report="a") < 2 * seconds(1000, 5)
    # If a table has more columns, the columns are not evaluated one by one.
    assert seconds(1000, 31, no_columns=False) == seconds(1000, 31)


def test_long_waits_come_with_quicker_ways():
    column = Column("a", "text", pd.Series(["x", "y"] * 50_000))
    table = Table(column, [column] * 9, None, None, {}, n_rows=100_000)
    labels = Labels(np.arange(100_000) % 2, np.arange(100_000))
    line = table_time.time_needed(table, labels, argparse.Namespace(**OPTIONS))
    assert line.startswith("about ") and " to go; --quick leaves out the slower" in line
    labels = Labels(np.arange(100) % 2, np.arange(100))
    table = Table(column, [column], None, None, {}, n_rows=100)
    line = table_time.time_needed(table, labels, argparse.Namespace(**OPTIONS))
    assert line.endswith(" s to go")


def test_only_a_page_that_takes_long_is_advised_against():
    """All columns are trained again for the page, and single columns are not."""
    column = Column("a", "number", pd.Series(np.arange(300_000)))
    labels = Labels(np.arange(300_000) % 2, np.arange(300_000))
    few, many = (Table(column, [column] * n, None, None, {}, n_rows=300_000) for n in (2, 30))
    page = OPTIONS | {"report": "a.html"}
    line = table_time.time_needed(few, labels, argparse.Namespace(**page))
    saved = seconds(300_000, 2, no_columns=False, report="a") - seconds(
        300_000, 2, no_columns=False
    )
    assert f"leaving out --report saves about {duration(saved)};" in line
    quick = argparse.Namespace(**page | {"quick": True})
    assert "--report" not in table_time.time_needed(many, labels, quick)
