"""Numbers of things in words."""

import pytest

from sksoftinfo._command_line.wording import counted


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
