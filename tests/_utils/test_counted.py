"""Counts of things in words."""

import pytest

from sksoftinfo._utils import counted, counted_rows


@pytest.mark.parametrize(
    "n, noun, text",
    [
        (1, "row", "1 row"),
        (0, "row", "0 rows"),
        (2, "class", "2 classes"),
        (1, "class", "1 class"),
        (3, "entry", "3 entries"),
        (-2, "column", "-2 columns"),
    ],
)
def test_nouns_follow_their_number(n, noun, text):
    assert counted(n, noun) == text


def test_rows_are_counted_with_their_groups():
    assert counted_rows(1, None) == "1 row"
    assert counted_rows(8, 1) == "8 rows, 1 observation"
