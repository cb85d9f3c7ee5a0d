import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from sksoftinfo import __main__ as command_line
from sksoftinfo import information_bounds
from sksoftinfo._command_line import table_page
from sksoftinfo._command_line.table_labels import Labels
from tests.helpers import browser

pd = pytest.importorskip("pandas")
pytest.importorskip("skrub")
pytest.importorskip("matplotlib").use("Agg")


class Page(HTMLParser):
    """A parser that checks that tags are closed, and collects the addresses in tags."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loaded, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a table with a wrong label in row 7, and with text that could run as code."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=120).round(3)
    kind = np.where(size > 0, "<b>large", "small")
    size[6], kind[6] = 3.0, "small"
    texts = np.where(rng.random(120) < 0.5, "<script>alert(1)</script>", "plain")
    folder = tmp_path_factory.mktemp("page")
    days = pd.date_range("2024-01-01", periods=120).strftime("%Y-%m-%d")
    columns = {"size": size, "text": texts, "day": days, "kind": kind}
    pd.DataFrame(columns).to_csv(folder / "t.csv")
    out = folder / "out.html"
    arguments = ["bounds", str(folder / "t.csv"), "--target", "kind", "--model", "logistic"]
    assert command_line.main([*arguments, "--report", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def test_page_is_whole_and_loads_nothing(page):
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.loaded) == 3
    for picture in parsed.loaded:
        kind, _, data = picture.partition(";base64,")
        assert kind == "data:image/svg+xml"
        assert ElementTree.fromstring(base64.b64decode(data)).tag.endswith("svg")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "<b>" not in page


def test_page_shows_answer_columns_rows_and_report(page):
    words = " ".join(Page(page).words)
    assert re.search(r"The other columns carry at least 0\.\d+ of the \S+ bits", words)
    assert "Unnamed: 0" in words and "numbers the rows: left out" in words
    assert "120 rows, 2 classes" in words
    first = re.search(r"<tr><td>(\d+)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)", page)
    row, label, information, size = first.groups()
    assert (row, label, size) == ("7", "small", "3.0")
    assert float(information) < -1
    assert "<th>information (bits)</th>" in page and "may be wrong" in words
    assert "2024-01-07</td>" in page and "00:00:00" not in page
    assert "95\N{NO-BREAK SPACE}% confidence" in page
    assert "--all" not in words and "entropy of the labels" in words


def test_figures_show_the_numbers_of_the_answer():
    """A figure of the page draws the lower bound that is printed, above 0 or below."""
    y = np.arange(40) % 2
    for sure in (0.9, 0.3):
        found = information_bounds(y, np.where(y == 1, sure, 1 - sure), units="bits")
        (axis,) = table_page._ladder(found).axes
        widths = [bar.get_width() for bar in axis.patches]
        assert widths == [found.label_entropy, found.mi_lower]


def test_a_page_without_odd_rows_does_not_explain_them():
    y = np.arange(40) % 2
    labels = Labels(y=y, rows=np.arange(40))
    found = information_bounds(y, np.where(y == 1, 0.9, 0.1))
    words = table_page._odd_rows(None, labels, found)
    assert "There are none" in words and "may be wrong" not in words


@pytest.mark.parametrize(
    "times, shown",
    [
        (["2024-01-01", None, "2024-01-03"], ["2024-01-01", "", "2024-01-03"]),
        (["2024-01-01 00:00", "2024-01-02 12:30"], ["2024-01-01 00:00:00", "2024-01-02 12:30:00"]),
        ([1.5, None], ["1.5", ""]),
    ],
)
def test_days_are_shown_without_midnight(times, shown):
    column = pd.Series(times) if times[0] == 1.5 else pd.to_datetime(pd.Series(times))
    assert [table_page._short(one) for one in table_page._without_midnight(column)] == shown


@pytest.mark.skipif(browser.BROWSER is None, reason="needs Chromium")
def test_page_in_a_browser(page, tmp_path):
    """On narrow and wide screens, the page requests nothing, logs no error and fits the width."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "out.html").write_text(page, encoding="utf-8")
    assert browser.faults_of_pages(site, tmp_path / "profile", widths=(420, 1200)) == []
    # The browser reports faults of a broken page.
    broken = page.replace("<h1>", '<img src="no.svg"><div style="width: 1000px">.</div><h1>', 1)
    broken = broken.replace("img-src data:", "img-src 'self' data:")
    (site / "out.html").write_text(broken, encoding="utf-8")
    faults = browser.faults_of_pages(site, tmp_path / "again", widths=(420,))
    kinds = {re.split(r":| by ", fault)[0] for _, _, fault in faults}
    assert kinds == {"no image", "not loaded", "wider than the window"}
