"""What the README tells a reader to do works: its Python on a network of the tests, its links and commands."""

import re
from pathlib import Path

import pytest
import typer

from inkling.approx.quantise import networks
from inkling.approx.reference import network_files
from inkling.cli.main import app
from inkling.train.tables.sources import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()


def test_python_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    folder = tmp_path / "runs" / "pendigits" / "designs" / "exact-8-bit"
    folder.mkdir(parents=True)
    network_files.save(networks.tree(load("iris").development, 4), folder)
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "module top" in capsys.readouterr().out


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) <= 130


def test_commands_links_and_options_exist() -> None:
    for target in re.findall(r"^(?:\.venv/bin/)?make (\w+)", TEXT, re.MULTILINE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        place, _, anchor = link.partition("#")
        assert (ROOT / place).exists(), link
        heads = re.findall(r"^#+ (.*)$", (ROOT / place).read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [head.lower().replace(" ", "-") for head in heads], link
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for name in re.findall(r"`?(?:\.venv/bin/)?inkling (\w+)", TEXT):
        assert name in commands or name in ("answers", "COMMAND"), name
    command = typer.main.get_command(app)
    known = {option for one in command.commands.values() for part in one.params for option in part.opts}  # type: ignore[attr-defined]
    # Options of a benchmark's own are named with the benchmark.
    benchmarks = " ".join(path.read_text() for path in (ROOT / "tests" / "benchmarks").glob("*.py"))
    for option in set(re.findall(r"`(--[a-z-]+)", TEXT)):
        assert option in known or f'"{option}"' in benchmarks, option
    assert not re.findall(r"@[A-Z]+@", TEXT), "a figure is missing"
