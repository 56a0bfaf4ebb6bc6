"""Frames take exactly the values that they name."""

from pathlib import Path

import pytest

from inkling.approx.programs.frames import frame


def test_a_frame_takes_exactly_its_values(tmp_path: Path) -> None:
    (tmp_path / "frame.c").write_text("int ${name}_size = $size; /* 5 $$ */\n")
    module = str(tmp_path / "emitter.py")
    assert frame(module, "frame.c", name="net", size=4) == "int net_size = 4; /* 5 $ */\n"
    for values in ({"name": "net"}, {"name": "net", "size": 4, "other": 1}):
        with pytest.raises(AssertionError):
            frame(module, "frame.c", **values)
