"""Every code block of the documents runs, in order, in an empty folder; commands and options that they name exist."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from blocks import ROOT, blocks, run, tools

DOCS = sorted((ROOT / "docs").glob("*.md"))
# Whose commands tests of their own run (campaigns, clusters), and tables alone.
ELSEWHERE = {"scale.md", "measured.md"}
# Words alone, and what is written from docstrings.
NO_BLOCKS = {"index.md", "house.md", "reference.md", "sources.md", "microcontrollers.md"}


@pytest.mark.parametrize("path", [d for d in DOCS if d.name not in ELSEWHERE], ids=lambda path: path.stem)
def test_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, paths = blocks(path), tools(tmp_path / "tools")
    assert found or path.name in NO_BLOCKS
    (folder := tmp_path / "work").mkdir()
    left_out = {block.line: why for block in found if (why := run(block, folder, paths))}
    for line, why in left_out.items():
        print(f"{path.name}:{line} was not run: {why}")
    unknown = [why for why in left_out.values() if why.startswith("a block of")]
    assert not unknown, unknown


def test_a_failing_block_is_seen(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text("Text.\n\n```sh\ninkling datasets > list\n```\n\n```python\nassert 1 == 2\n```\n")
    first, second = blocks(document)
    paths = tools(tmp_path / "tools")
    assert run(first, tmp_path, paths) is None and "iris" in (tmp_path / "list").read_text()
    with pytest.raises(AssertionError, match="line 7"):
        run(second, tmp_path, paths)


def test_links_commands_and_options_exist() -> None:
    from typer.main import get_command

    from inkling.cli.main import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    options = {
        option
        for command in commands.values()
        for parameter in command.params
        for written in [*parameter.opts, *parameter.secondary_opts]
        for option in written.split("/")
    }
    for path in DOCS:
        text = path.read_text("utf-8")
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert link.startswith("https://") or (path.parent / link).exists(), f"{path.name}: {link}"
        for name in re.findall(r"(?:^|`)inkling ([a-z]+)", text, re.MULTILINE):
            assert name in commands, f"{path.name}: inkling {name}"
        for option in re.findall(r"`(--[a-z][a-z-]*)", text):
            assert option in options or option == "--help", f"{path.name}: {option}"
