"""The documentation builds without a warning, gallery included, and its snippets run."""

import ast
import itertools
import re
import runpy
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest

import sksoftinfo
from sksoftinfo import datasets, metrics
from tests.helpers import browser
from tests.test_export import HAS_DYNAMIC_SHAPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
run_all = types.SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks" / "run_all.py")))
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


def snippets(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


# The first page contains a snippet of the README, which `test_readme` runs.
OF_README = snippets(ROOT / "README.md")
PAGES = [path for path in sorted(DOCS.glob("*.md")) if set(snippets(path)) - set(OF_README)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_snippets_run_in_their_order(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if path.name == "photographs.md":
        from torchvision import models

        # The page downloads weights; the test makes do with random ones.
        build = models.get_model
        monkeypatch.setattr(models, "get_model", lambda name, weights: build(name, weights=None))
    namespace = {}
    for snippet in snippets(path):
        if "torch.onnx" in snippet and not HAS_DYNAMIC_SHAPES:
            continue
        exec(compile(snippet, path.name, "exec"), namespace)


def lines_of_tables(page):
    """Return the first line and the rows of each table of a page."""
    found, rows = [], []
    for number, line in enumerate([*page.splitlines(), ""]):
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            found.append((number - len(rows), rows))
            rows = []
    return found


def sections_with_command(lines):
    """Return, by the first line of each section, whether a command stands above its tables.

    A command holds for its section, and for the sections below up to the first one that has a
    command of its own.
    """
    starts = [0, *(i for i, line in enumerate(lines) if re.match("##+ ", line)), len(lines)]
    found, holding = {}, {}
    for start, end in itertools.pairwise(starts):
        level = lines[start].split(" ")[0].count("#") if start else 1
        holding = {above: holds for above, holds in holding.items() if above < level}
        own = bool(run_all.commands("\n".join(lines[start:end])))
        found[start] = own or any(holding.values())
        if own:
            holding = dict.fromkeys(holding, False)
        holding[level] = own
    return found


def without_command(page):
    """Return the first row of each table of numbers, and each picture, without a command."""
    lines = page.splitlines()
    has_command = sections_with_command(lines)
    missing = []
    numbers = [
        (start, rows[0])
        for start, rows in lines_of_tables(page)
        if len(re.findall(r"\| *[-+]?\d", "\n".join(rows[2:]))) >= len(rows) - 2
    ]
    pictures = [(i, line) for i, line in enumerate(lines) if re.search(r"!\[|^```{image}", line)]
    for start, shown in numbers + pictures:
        section = max(one for one in has_command if one <= start)
        if not has_command[section]:
            missing.append(shown)
    return missing


@pytest.mark.parametrize(
    "path", [*sorted(DOCS.glob("*.md")), ROOT / "README.md"], ids=lambda path: path.name
)
def test_tables_of_numbers_and_pictures_name_their_command(path):
    assert without_command(path.read_text()) == []


def test_what_names_no_command_is_found():
    table = "| a | b |\n|---|---|\n| x | 0.1 |\n| y | 0.2 (0.1) |\n| z | -3.5 |\n"
    command = "\n```bash\npython benchmarks/bench_speed.py\n```\n"
    assert without_command(f"# Page\n{command}\n## One\n{table}") == []
    assert without_command(f"# Page\n{command}\n## One\n\n## Two\n{table}") == []
    own = f"# Page\n{command}\n## One\n{command}\n{table}\n## Two\n"
    assert without_command(f"{own}{table}\n## Three\n![Bars](bars.png)\n") == [
        "| a | b |",
        "![Bars](bars.png)",
    ]
    below = f"# Page\n\n## One\n{command}\n### Two\n{table}\n### Three\n"
    assert without_command(f"{below}{table}") == []
    assert without_command(f"{below}{command}\n### Four\n{table}") == ["| a | b |"]
    assert without_command(f"# Page\n\n## One\n{command}\n{table}") == []
    assert without_command(f"# Page\n\n## One\n{command}\n## Two\n{table}") == ["| a | b |"]
    assert without_command("# Page\n\n![Bars](bars.png)\n") == ["![Bars](bars.png)"]


def test_no_line_is_taken_for_a_comment():
    """MyST drops lines that begin with a per cent sign, which wrapping a line may cause."""
    for path in [*DOCS.glob("*.md"), *ROOT.glob("*.md")]:
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.lstrip().startswith("%")], path.name


def test_commands_are_found_in_blocks_and_across_lines():
    page = (
        "```bash\npython benchmarks/a.py --x \\\n    1\n```\nand `python\nbenchmarks/b.py`, `ls`"
    )
    assert run_all.commands(page) == ["python benchmarks/a.py --x 1", "python benchmarks/b.py"]


def test_commands_of_the_pages_have_their_scripts_and_options():
    found = run_all.all_commands()
    assert len(found) > 10
    for command in found:
        script, *words = shlex.split(command)[1:]
        source = (ROOT / script).read_text() if script != "-m" else ""
        for option in (word for word in words if word.startswith("--")):
            assert f'"{option}"' in source, command


def test_folders_in_commands_are_those_that_run_all_replaces():
    placeholders = {"--mnist": "DIR", "--tables": "TABLES", "bench_photos.py": "PHOTOS"}
    placeholders["bench_photo_defaults.py"] = "PHOTOS"
    for command in run_all.all_commands():
        words = [word.split("/")[-1] for word in shlex.split(command)]
        for word, following in itertools.pairwise(words):
            if word in placeholders and not following.endswith(".csv"):
                assert following == placeholders[word], command


def test_commands_without_their_file_are_left_out(tmp_path, monkeypatch, capsys):
    """A command that ends early must not leave a complete file for the next command."""
    found = dict.fromkeys(
        f"python benchmarks/bench_coverage.py {option} x.csv" for option in ("--csv", "--tables")
    )
    monkeypatch.setitem(run_all.main.__globals__, "all_commands", lambda: found)
    monkeypatch.setattr(sys, "argv", ["run_all.py", "--seconds", "0", "--out", str(tmp_path)])
    assert run_all.main() == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].endswith("ended early")
    assert shown[3] == "  left out: the command that writes its file ended early"
    assert len(list(tmp_path.glob("*.txt"))) == 1


def test_all_commands_are_listed():
    command = [sys.executable, "benchmarks/run_all.py", "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    found = [f"{page}: {command}" for command, page in run_all.all_commands().items()]
    assert listed.splitlines() == found
    for path in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        for script in re.findall(r"python (?:benchmarks|examples)/(\w+\.py)", path.read_text()):
            assert script in listed or script == "run_all.py", f"{script} of {path.name}"


def test_each_benchmark_describes_its_options():
    """`--help` runs nothing, shows the first line of the docstring, and explains each option."""
    n_scripts = 0
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "__main__" not in source:
            continue
        n_scripts += 1
        assert "ArgumentParser(description=__doc__.splitlines()[0])" in source, path.name
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                given = {word.arg for word in node.keywords}
                assert "help" in given, f"{path.name}: {ast.unparse(node)}"
    assert n_scripts > 10


def test_api_reference_names_all_that_is_public():
    page = (DOCS / "api.rst").read_text()
    for module in (sksoftinfo, metrics, datasets):
        for name in module.__all__:
            if name != "__version__":
                assert re.search(rf"^   {name}$|``{name}``", page, re.MULTILINE), name


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The documentation as web pages, built with every example."""
    of_pages = ("latex2mathml", "pydata_sphinx_theme", "sphinx_design", "sphinx_gallery")
    for package in (*of_pages, "cleanlab", "efficientnet_lite_pytorch", "skimage", "torchvision"):
        pytest.importorskip(package)
    pages = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "-q"]
    # Run unchanged examples too, since the functions that they show may have changed.
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


def test_names_of_public_objects_are_links(site):
    pages = [path.stem for path in site.glob("generated/sksoftinfo.*.html")]
    names = {page.rpartition(".")[2] for page in pages}
    missing = []
    for path in [*site.glob("*.html"), *site.glob("generated/*.html")]:
        code = re.compile(r'(<a [^>]*>)?<code class="xref py[^>]*><span class="pre">(.*?)</span>')
        for link, name in code.findall(path.read_text("utf-8")):
            owner, _, short = name.removesuffix("()").rpartition(".")
            if not link and short in names and not owner.startswith("sklearn"):
                missing.append((path.name, name))
    assert missing == []


def test_links_within_the_site_lead_somewhere(site):
    assert browser.broken_links(site) == []


@pytest.mark.skipif(browser.BROWSER is None, reason="needs Chromium")
def test_pages_in_a_browser(site, tmp_path):
    """Check images, formulas, scripts and widths, on narrow and wide screens."""
    assert browser.faults_of_pages(site, tmp_path) == []


@pytest.mark.skipif(browser.BROWSER is None, reason="needs Chromium")
def test_the_browser_finds_what_is_broken(tmp_path):
    body = """<article>A formula $x^2$, <math></math> and <img src="missing.png">
        <img src="http://127.0.0.2:1/there.png"><p style="width:900px">wide</p>
        <h1 style="width:9px">cut</h1>
        <script>console.error("oh"); nothing.there()</script></article>"""
    (tmp_path / "page.html").write_text(f"<!doctype html><body style=margin:0>{body}</body>")
    found = browser.faults_of_pages(tmp_path, tmp_path / "profile", widths=(400,))
    kinds = {fault.split(":")[0] for _, _, fault in found}
    assert kinds == {
        *("console", "not loaded", "no image", "not local", "no formula", "raw formula"),
        "cut off",
        *("Uncaught ReferenceError", "wider than the window by 500 pixels"),
    }


def test_broken_links_are_found(tmp_path):
    links = '<a href="b.html#x"></a><a href="c.html"></a><a href="b.html#:~:text=y"></a>'
    (tmp_path / "a.html").write_text(f'{links}<p id="x">')
    (tmp_path / "b.html").write_text('<a href="a.html#x"></a><a href="https://x.org"></a>')
    assert browser.broken_links(tmp_path) == [("a.html", "b.html#x"), ("a.html", "c.html")]
