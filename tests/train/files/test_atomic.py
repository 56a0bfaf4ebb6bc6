"""Files written beside and renamed: whatever goes wrong, the old one stays and the error names it."""

import errno
import os
from pathlib import Path

import pytest

from inkling.train.files import atomic


def test_a_full_disk_leaves_the_old_file_and_is_named(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no full device")
    path = tmp_path / "held.bin"
    atomic.write(path, b"old")
    beside = tmp_path / f".held.bin.{os.getpid()}"
    beside.symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        atomic.write(path, b"new" * 100)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and [item.name for item in tmp_path.iterdir()] == ["held.bin"]
