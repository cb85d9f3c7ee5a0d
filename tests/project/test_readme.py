"""Every snippet of the README runs, and its links are valid."""

import re
from pathlib import Path

import numpy as np
import pytest

from sksoftinfo import InformationBounds

ROOT = Path(__file__).parents[2]


@pytest.mark.long_training
def test_readme_snippets_run_in_their_order(capsys):
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(snippets) == 3
    namespace = {}
    for snippet in snippets:
        statements = [line for line in snippet.splitlines() if not line.startswith("from ")]
        assert len(list(filter(None, statements))) == 3
        exec(compile(snippet, "README.md", "exec"), namespace)
    assert isinstance(namespace["bounds"], InformationBounds)
    printed = re.fullmatch(r"at least (\S+) of (\S+) bits\n", capsys.readouterr().out)
    assert 0.5 < float(printed[1]) < float(printed[2])
    page = (ROOT / "docs" / "index.md").read_text()
    stated = re.search(r"prints `at least (\S+) of (\S+) bits`", " ".join(page.split()))
    assert abs(float(stated[1]) - float(printed[1])) < 0.02 and stated[2] == printed[2]
    kept, pairs = namespace["kept"], namespace["pairs"]
    assert 0 < np.count_nonzero(kept) < np.count_nonzero(pairs.data[:5])
    assert namespace["bits"].shape == (len(namespace["X_test"]), 2)


def test_readme_links_and_commands():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert (ROOT / target).exists(), target
    commands = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    assert commands[0] == "pip install .\n"
    assert [command.count("\n") for command in commands[1:]] == [1, 1]
    assert len(text.splitlines()) <= 120
