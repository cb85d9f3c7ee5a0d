import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from sksoftinfo import __main__ as command_line
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
    pd.DataFrame({"size": size, "text": texts, "kind": kind}).to_csv(folder / "t.csv")
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
    assert "Unnamed: 0" in words and "counts the rows: left out" in words
    assert "120 rows, 2 classes" in words
    first = re.search(r"<tr><td>(\d+)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)", page)
    row, label, information, size = first.groups()
    assert (row, label, size) == ("7", "small", "3.0")
    assert float(information) < -1


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
