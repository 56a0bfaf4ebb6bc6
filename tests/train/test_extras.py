"""Advice on optional packages names what pip can install, never a package of our name on an index."""

import subprocess
from pathlib import Path

import pytest

from inkling.train import extras

ROOT = Path(__file__).parents[2]


def test_advice_is_a_command_for_the_packages_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [
        "pillow>=11; extra == 'fields'",
        'trimesh>=5.2 ; extra == "fields"',
        "no-such-thing; extra == 'fields'",
    ]
    monkeypatch.setattr(extras, "requires", lambda _: ["numpy>=2", *written, "dask[distributed]; extra == 'cluster'"])
    assert extras.requirements("fields") == ("pillow>=11", "trimesh>=5.2", "no-such-thing")
    assert extras.missing("fields") == ("no-such-thing",) and extras.missing("cluster") == ()
    assert extras.advice("fields").endswith("-m pip install no-such-thing")
    assert extras.advice("fields", "pillow").endswith("-m pip install 'pillow>=11'")


def test_every_extra_has_a_purpose_and_packages() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    part = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    assert {line.split(" = ")[0] for line in part.splitlines() if " = [" in line} == set(extras.PURPOSES)


def test_nothing_advises_a_package_of_our_name() -> None:
    command = ["git", "grep", "-nE", r"pip install.*inkling\[", "--", "*.py", "*.md", ":!tests/train/test_extras.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert not [line for line in found if not line.startswith("train/extras.py")]
