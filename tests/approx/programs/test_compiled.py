"""Compiled kernels: a structure that is mirrored wrongly is found when the library is loaded."""

import ctypes
from pathlib import Path

import pytest

from inkling.approx.programs import compiled


def test_sizes_of_mirrored_structures_are_held_against_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKLING_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "pair.cpp"
    source.write_text(
        "#include <cstdint>\nstruct Pair { int32_t first; int64_t second; };\n"
        'extern "C" { int64_t sizeof_Pair = sizeof(Pair); }\n'
    )

    class Right(ctypes.Structure):
        _fields_ = (("first", ctypes.c_int32), ("second", ctypes.c_int64))

    class Wrong(ctypes.Structure):
        _fields_ = (("first", ctypes.c_int32), ("second", ctypes.c_int32))

    compiled.load(source, "the test", {"Pair": ctypes.sizeof(Right)})
    with pytest.raises(RuntimeError, match=r"pair\.cpp: Pair has 16 bytes, not the 8"):
        compiled.load(source, "the test", {"Pair": ctypes.sizeof(Wrong)})
