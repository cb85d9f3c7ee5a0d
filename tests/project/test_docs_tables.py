"""Tables of the documentation agree with the files of measurements beside them."""

import importlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def load_benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def rows_of(table):
    """Return the rows of a Markdown table, without the line below the head."""
    return [line for line in table.splitlines() if line.strip(" |-")]


def assert_shown(tables, page):
    shown = (DOCS / page).read_text().splitlines()
    rows = rows_of(tables)
    assert len(rows) > 5
    assert [row for row in rows if row not in shown] == []


def test_speeds(load_benchmark):
    speeds = load_benchmark("speed_tables")
    results = json.loads((DOCS / "speed.json").read_text())["results"]
    tasks = dict.fromkeys(row["task"] for row in results if row["what"].startswith("fit"))
    assert len(tasks) == 4
    assert_shown(speeds.tables(results, tasks), "performance.md")


def test_coverage(load_benchmark):
    coverage = load_benchmark("bench_coverage")
    assert_shown(coverage.tables(coverage.read(DOCS / "coverage.csv")), "coverage.md")


def test_known_information(load_benchmark):
    information = load_benchmark("bench_information")
    rows = information.in_order(information.read(DOCS / "information.csv"))
    assert_shown(information.methods(rows), "information.md")
    rows = information.in_order(information.read(DOCS / "information_20000.csv"))
    assert_shown(information.errors_by_task(rows), "information.md")


def test_errors_of_known_information_on_the_page_of_peers(load_benchmark):
    information = load_benchmark("bench_information")
    rows = information.in_order(information.read(DOCS / "information.csv"))
    found = re.findall(r"^\| (.+?) \| (\d\.\d+)", information.methods(rows), re.MULTILINE)
    errors = {name: float(error) for name, error in found}
    shown = {
        '`cross_val_bounds`, "stack"': ["stack"],
        "`cross_val_bounds`, our network": ["network"],
        '`mi_estimate`, "stack"': ["stack, extrapolated"],
        "InfoNCE": ["InfoNCE"],
        "MINE, NWJ": ["MINE", "NWJ"],
        "SMILE": ["SMILE"],
        "joint nearest neighbours": ["joint kNN"],
        "scikit-learn's `mutual_info_classif`": ["mutual_info_classif"],
    }
    page = (DOCS / "peers.md").read_text()
    for label, names in shown.items():
        (cell,) = re.findall(rf"^\| {re.escape(label)} \| .+? \| (.+?) \|", page, re.MULTILINE)
        numbers = [float(number) for number in re.findall(r"\d+\.\d+", cell)]
        assert numbers == pytest.approx([errors[name] for name in names], rel=1e-3, abs=6e-4)


def test_default_classifiers(load_benchmark):
    defaults = load_benchmark("bench_defaults")
    found = pd.read_csv(DOCS / "defaults.csv")
    assert_shown(defaults.as_markdown(found[found["method"] != "TabM"]), "peers.md")
    page = " ".join((DOCS / "peers.md").read_text().split())
    tabm = found[found["method"] == "TabM"]
    assert list(tabm["table"]) == list(defaults.TABM)
    for _, row in tabm.iterrows():
        assert f"{row['bits']:.3f} bits on {row['table']} ({row['seconds']:.0f} s" in page


def test_masks_on_the_page_of_peers():
    text = (DOCS / "masking_results.md").read_text()
    section = text.split("\n### Presence, 28")[1].split("\n### ")[0]
    shown = {
        "`InfoMaskTransformer`, defaults": "ours, defaults",
        "the same, pasted patches, patch alone (`context=1`)": "ours, paste 20/4, patch alone",
        "captum's `Occlusion` 14/7": "captum Occlusion 14/7",
        "infoCAM, smoothed": "infoCAM, smoothed 4 x 4",
        "captum's `IntegratedGradients`": "captum IntegratedGradients 50, blurred",
        "captum's `LayerGradCam`": "captum LayerGradCam",
    }
    columns = ["method", "iou", "target", "other", "absent", "iou at threshold", "forwards"]
    page = (DOCS / "peers.md").read_text()
    for label, name in shown.items():
        (row,) = re.findall(rf"^\| {re.escape(name)} \|.*", section, re.MULTILINE)
        measured = dict(zip(columns, map(str.strip, row.split("|")[1:]), strict=False))
        (row,) = re.findall(rf"^\| {re.escape(label)} \|.*", page, re.MULTILINE)
        _, _, _, iou, forwards, *_ = map(str.strip, row.split("|"))
        assert iou == measured["iou"], label
        exact = float(measured["forwards"].split()[0])
        assert float(forwards) == pytest.approx(exact, rel=0.05), label


def test_a_row_that_differs_is_found():
    with pytest.raises(AssertionError):
        assert_shown("| a | b |\n|---|---|\n" + "| x | 0.1 |\n" * 6, "coverage.md")
