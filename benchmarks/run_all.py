"""Run the commands behind every table and figure of the documentation again.

    python benchmarks/run_all.py --list
    python benchmarks/run_all.py [PAGE ...] [--mnist DIR] [--photos DIR] [--tables DIR]
        [--out DIR]
    python benchmarks/run_all.py --seconds 60

The script reads the commands from the pages. The output of each command goes to a file of its own
in the output folder, and so do files that a command writes, such as figures. Compare them with the
page, and copy what has changed. All commands together take hours: name the pages that you need,
e.g. `stochastic`, or check with `--seconds` that every command starts and runs without an error.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A command stands at the start of a line of a block, or in backticks, where a line break is a
# blank.
_COMMAND = re.compile(
    r"^(python (?:benchmarks/|examples/|-m sksoftinfo demo|-m timeit)(?:[^\n\\]|\\\n)*)$"
    r"|`(python\s(?:benchmarks/|examples/|-m\ssksoftinfo\sdemo)[^`]*)`",
    re.MULTILINE,
)


def commands(text):
    """Return the benchmark commands in the text of a page, each once, in their order."""
    found = []
    for block, inline in _COMMAND.findall(text):
        command = " ".join((block or inline).replace("\\\n", " ").split())
        if command not in found and "run_all.py" not in command:
            found.append(command)
    return found


def all_commands():
    """Return each command with the name of the first page that has the command."""
    found = {}
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]:
        for command in commands(path.read_text(encoding="utf-8")):
            found.setdefault(command, path.stem)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="names of pages; all if none is given")
    parser.add_argument("--list", action="store_true", help="print the commands, and run none")
    parser.add_argument(
        "--mnist", type=Path, help="folder of MNIST's t10k IDX files, in place of DIR"
    )
    parser.add_argument("--photos", type=Path, help="folder of photographs, in place of PHOTOS")
    parser.add_argument("--tables", type=Path, help="folder of CSV files, in place of TABLES")
    parser.add_argument("--seconds", type=float, help="end each command after this time")
    parser.add_argument("--out", type=Path, default=Path("results"), help="output folder")
    options = parser.parse_args()
    chosen = {
        command: page
        for command, page in all_commands().items()
        if not options.pages or page in options.pages
    }
    unknown = set(options.pages) - set(all_commands().values())
    if unknown:
        parser.error(f"pages without commands: {', '.join(sorted(unknown))}")
    folders = {
        "DIR": ("--mnist", options.mnist),
        "PHOTOS": ("--photos", options.photos),
        "TABLES": ("--tables", options.tables),
    }
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "MPLBACKEND": "agg",
    }
    failed, unfinished = [], set()
    for number, (command, page) in enumerate(chosen.items()):
        print(f"{page}: {command}", flush=True)
        if options.list:
            continue
        words = shlex.split(command)
        needed = [folders[word] for word in words if word in folders]
        if any(folder is None for _, folder in needed):
            print("  left out: it needs " + ", ".join(option for option, _ in needed))
            continue
        files = {word for word in words if word.endswith((".csv", ".json"))}
        if files & unfinished:
            print("  left out: the command that writes its file ended early")
            continue
        words = [str(folders[word][1].resolve()) if word in folders else word for word in words]
        words[0] = sys.executable
        if words[1] != "-m":
            words[1:] = [str(ROOT / words[1]), *(word.removeprefix("docs/") for word in words[2:])]
        options.out.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        with open(options.out / f"{number:02d}-{page}.txt", "w", encoding="utf-8") as stream:
            stream.write(f"{command}\n\n")
            stream.flush()
            running = subprocess.Popen(words, stdout=stream, env=environment, cwd=options.out)
            try:
                status = running.wait(options.seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
                status = None
                unfinished |= files
        ended = "ended early" if status is None else f"exit status {status}"
        print(f"  {time.perf_counter() - start:.0f} s, {ended}", flush=True)
        failed += [command] * bool(status)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
