"""Fenced blocks of a document, and running them one after another in one folder, as a reader would.

`sh` runs in bash with `inkling` and `python` of this installation first on the path; `python` is a script of its own;
other languages are written to the file that a comment before the block names, `<!-- file: main.c -->`, and used by a
later `sh`. Comments that change what is run:

<!-- run: tiny -->        `inkling` has the budgets of tests/end_to_end/tiny_run.py and of `tiny.py` here (seconds,
                         not minutes); the commands are the reader's, letter for letter.
<!-- run: no, REASON -->  is not run; the reason is for the reader of the source.
<!-- run: needs TOOL -->  is skipped where there is no such program.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_BLOCK = re.compile(r"((?:<!-- [^\n]*? -->\n)*)\n?```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!-- (run|file): (.*?) -->")
SECONDS = 900


@dataclass(frozen=True)
class Block:
    """language, text, and what comments before it say, by "run" and "file"; line: where it begins, from 1."""

    language: str
    text: str
    told: dict[str, str]
    line: int


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a Markdown file, in order."""
    text = path.read_text("utf-8")
    return [
        Block(found[2], found[3], dict(_COMMENT.findall(found[1])), text.count("\n", 0, found.start(2)) + 1)
        for found in _BLOCK.finditer(text)
    ]


def tools(folder: Path) -> dict[str, Path]:
    """Folders to be put first on PATH: `inkling` as installed, and `inkling` with tiny budgets."""
    found = {}
    for name, words in (
        ("usual", "-P -c 'from inkling.cli.main import main; main()'"),
        ("tiny", f"-P {HERE / 'tiny.py'}"),
    ):
        place = folder / name
        place.mkdir(parents=True)
        for program, arguments in (("inkling", words), ("python", "-P")):
            script = place / program
            script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {arguments} "$@"\n')
            script.chmod(0o755)
        found[name] = place
    return found


def run(block: Block, folder: Path, paths: dict[str, Path]) -> str | None:
    """Run a block in a folder; None, or why it was left out. Raises AssertionError where it fails."""
    how = block.told.get("run", "")
    if how.startswith("no,"):
        return how[3:].strip()
    if how.startswith("needs ") and shutil.which(how[6:]) is None:
        return f"there is no {how[6:]}"
    if "file" in block.told:
        place = folder / block.told["file"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(block.text)
        if block.language != "python":
            return None
    commands = {
        "sh": ["bash", "-eu", "-o", "pipefail", "-c", block.text],
        "python": [sys.executable, "-P", "-c", block.text],
    }
    if block.language not in commands:
        return "text" if block.language in ("text", "json", "toml") else f"a block of {block.language} without a file"
    if block.language == "python" and "file" in block.told:
        commands["python"] = [sys.executable, "-P", block.told["file"]]
    place = paths["tiny" if how == "tiny" else "usual"]
    environment = {
        **os.environ,
        "PATH": f"{place}:{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        commands[block.language], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, (
        f"the {block.language} block at line {block.line} ended with {done.returncode}:\n{block.text}\n"
        f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return None
