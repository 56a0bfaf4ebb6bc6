"""Commands on streams of other encodings: nothing raises, and what can be read is read."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from inkling.reports.page.classifier import write
from inkling.reports.terminal.streams import in_ascii


def inkling(arguments: list[str], encoding: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-P", "-c", "from inkling.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, timeout=120, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_of_any_letters_are_printed_on_any_stream(
    examples: SimpleNamespace, tmp_path: Path, encoding: str
) -> None:
    names = ("dünn-1", "測定-2", "\x1b[5mblink")
    points = tuple(examples.point(name, 0.8 + k / 100, 0.5) for k, name in enumerate(names))
    write(examples.report(points=points, verdicts={}, circuits={}), tmp_path)
    done = inkling(["compare", str(tmp_path), str(tmp_path)], encoding)
    assert done.returncode == 0 and done.stderr == b""
    text = done.stdout.decode(encoding)
    assert {"ascii": "dunn-1", "latin-1": "dünn-1", "utf-8": "測定-2"}[encoding] in text
    assert "\x1b" not in text
    data = json.loads(inkling(["compare", str(tmp_path), "--json"], encoding).stdout)
    assert {point["name"] for point in data["points"]} >= set(names)


def test_what_is_said_in_ascii() -> None:
    assert in_ascii("3\N{MULTIPLICATION SIGN}…\N{EN DASH}²é ●\udcff→測") == "3x...-2e *?->?"
