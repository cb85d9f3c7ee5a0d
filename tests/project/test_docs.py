"""The documentation builds without a warning, gallery included, and its snippets run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sksoftinfo
from sksoftinfo import datasets, metrics
from tests.helpers import browser
from tests.test_export import HAS_DYNAMIC_SHAPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


def snippets(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


@pytest.mark.parametrize(
    "path", [path for path in sorted(DOCS.glob("*.md")) if snippets(path)], ids=lambda p: p.name
)
def test_snippets_run_in_their_order(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for snippet in snippets(path):
        if "torch.onnx" in snippet and not HAS_DYNAMIC_SHAPES:
            continue
        exec(compile(snippet, path.name, "exec"), namespace)


def test_api_reference_names_all_that_is_public():
    page = (DOCS / "api.rst").read_text()
    for module in (sksoftinfo, metrics, datasets):
        for name in module.__all__:
            if name != "__version__":
                assert re.search(rf"^   {name}$|``{name}``", page, re.MULTILINE), name


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The documentation as web pages, with every example run."""
    of_pages = ("latex2mathml", "pydata_sphinx_theme", "sphinx_design", "sphinx_gallery")
    for package in (*of_pages, "efficientnet_lite_pytorch", "skimage", "torchvision"):
        pytest.importorskip(package)
    pages = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "-q"]
    # Examples that did not change are run, too: what they show may have.
    options = ["-D", "sphinx_gallery_conf.run_stale_examples=1", "-d", f"{pages}-doctrees"]
    result = subprocess.run(
        [*command, *options, str(DOCS), str(pages)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-5000:]
    return pages


def test_gallery_and_reference(site):
    for path in EXAMPLES:
        page = (site / "auto_examples" / f"{path.stem}.html").read_text()
        assert f"sphx_glr_{path.stem}_001.png" in page, f"{path.name} draws nothing"
    for name in ("InfoSoftmaxClassifier", "cross_val_bounds", "InfoMaskTransformer"):
        page = (site / "generated" / f"sksoftinfo.{name}.html").read_text()
        assert f"sksoftinfo.{name}" in page
    search = (site / "auto_examples" / "plot_mask_search.html").read_text()
    assert 'href="../generated/sksoftinfo.InfoMaskTransformer.html"' in search


def test_links_within_the_site_lead_somewhere(site):
    assert browser.broken_links(site) == []


@pytest.mark.skipif(browser.BROWSER is None, reason="needs Chromium")
def test_pages_in_a_browser(site, tmp_path):
    """Images, formulas, scripts and widths, on a telephone and on a desk."""
    assert browser.faults_of_pages(site, tmp_path) == []


@pytest.mark.skipif(browser.BROWSER is None, reason="needs Chromium")
def test_the_browser_finds_what_is_broken(tmp_path):
    body = """<article>A formula $x^2$, <math></math> and <img src="missing.png">
        <img src="http://127.0.0.2:1/there.png"><p style="width:900px">wide</p>
        <script>console.error("oh"); nothing.there()</script></article>"""
    (tmp_path / "page.html").write_text(f"<!doctype html><body style=margin:0>{body}</body>")
    found = browser.faults_of_pages(tmp_path, tmp_path / "profile", widths=(400,))
    kinds = {fault.split(":")[0] for _, _, fault in found}
    assert kinds == {
        *("console", "not loaded", "no image", "not local", "no formula", "raw formula"),
        *("Uncaught ReferenceError", "wider than the window by 500 pixels"),
    }


def test_broken_links_are_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#x"></a><a href="c.html"></a><p id="x">')
    (tmp_path / "b.html").write_text('<a href="a.html#x"></a><a href="https://x.org"></a>')
    assert browser.broken_links(tmp_path) == [("a.html", "b.html#x"), ("a.html", "c.html")]
