"""The documentation builds without a warning, gallery included, and its snippets run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sksoftinfo
from sksoftinfo import datasets, metrics
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


def test_build_with_gallery(tmp_path):
    pytest.importorskip("sphinx_gallery")
    pytest.importorskip("pydata_sphinx_theme")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "-q"]
    # Examples that did not change are run, too: what they show may have.
    options = ["-D", "sphinx_gallery_conf.run_stale_examples=1", "-d", str(tmp_path / "doctrees")]
    result = subprocess.run(
        [*command, *options, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-5000:]
    pages = tmp_path / "html"
    for path in EXAMPLES:
        page = (pages / "auto_examples" / f"{path.stem}.html").read_text()
        assert f"sphx_glr_{path.stem}_001.png" in page, f"{path.name} draws nothing"
    for name in ("InfoSoftmaxClassifier", "cross_val_bounds", "InfoMaskTransformer"):
        assert (
            f"sksoftinfo.{name}" in (pages / "generated" / f"sksoftinfo.{name}.html").read_text()
        )
    search = (pages / "auto_examples" / "plot_mask_search.html").read_text()
    assert 'href="../generated/sksoftinfo.InfoMaskTransformer.html"' in search
