"""Every snippet of the README runs, and its links lead somewhere."""

import re
from pathlib import Path

from sksoftinfo import InformationBounds

ROOT = Path(__file__).parents[2]


def test_readme_snippets_run_in_their_order(capsys):
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(snippets) == 3
    namespace = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), namespace)
    assert isinstance(namespace["bounds"], InformationBounds)
    assert 0.5 < namespace["bounds"].mi_lower < namespace["bounds"].label_entropy
    assert namespace["search"].best_score_ > 0.9
    assert "InformationBounds in bits" in capsys.readouterr().out


def test_readme_links_and_commands():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert (ROOT / target).exists(), target
    commands = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    assert [command.count("\n") for command in commands] == [1, 1]
