"""The temporary folder of a run, those of the dead, and what is found before the work begins."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from inkling.approx.programs.process import ToolError, python
from inkling.runs import scratch
from inkling.train.errors import InputError


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_all_temporary_folders_lie_in_one_that_goes(temporary: Path) -> None:
    with scratch.scratch() as place:
        assert place.parent == temporary
        inner = Path(tempfile.mkdtemp())
        said = python("import tempfile; print(tempfile.gettempdir())", time_limit_s=60).stdout.strip()
        assert inner.parent == place and Path(said) == place
    assert list(temporary.iterdir()) == []
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(temporary)


def test_folders_of_the_killed_are_removed_and_those_of_the_living_are_not(temporary: Path) -> None:
    script = (
        "import sys, time\nfrom inkling.runs.scratch import scratch\nwith scratch():\n    print('in', flush=True)\n"
    )
    script += "    time.sleep(100)\n"
    holders = [
        subprocess.Popen([sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        for holder in holders:
            assert holder.stdout is not None and holder.stdout.readline() == "in\n"
        assert len(list(temporary.iterdir())) == 2
        holders[0].kill()
        holders[0].wait()
        with scratch.scratch() as place:
            living = [folder for folder in temporary.iterdir() if folder != place]
            assert len(living) == 1 and not scratch.left_behind(living[0])
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


def test_what_would_end_a_run_half_way_is_found_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.check_ready(tmp_path / "runs" / "one")
    blank = tmp_path / "a b"
    blank.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(blank))
        with pytest.raises(InputError, match="a character that make does not take"):
            scratch.check_ready(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(scratch, "LEAST_BYTES", 2**70)
        with pytest.raises(InputError, match=r"has [\d.]+ MiB left, a run needs"):
            scratch.check_ready(tmp_path)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(ToolError, match="cc was not found; `inkling doctor` says how to get it"):
            scratch.check_ready(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(gone)
        gone.rmdir()
        with pytest.raises(InputError, match="the working folder is gone"):
            scratch.check_ready(Path("runs"))
