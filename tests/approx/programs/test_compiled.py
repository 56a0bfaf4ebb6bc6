"""Compiled kernels: a structure that is mirrored wrongly is found when the library is loaded."""

import ctypes
from pathlib import Path

import pytest

from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError


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


def test_one_cache_obeys_the_variable_and_gives_way_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKLING_CACHE", str(tmp_path / "cache"))
    assert compiled.cache_folder() == tmp_path / "cache" and (tmp_path / "cache").is_dir()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INKLING_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert compiled.cache_folder().parent == tmp_path


def test_makefiles_get_a_folder_without_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a b"))
    with compiled.scratch_folder() as folder:
        assert " " not in str(folder) and folder.is_dir()
    assert not folder.exists()


def test_a_missing_compiler_and_a_wrong_source_are_a_tool_s_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.c").write_text("int main(void) { return x; }")
    with pytest.raises(ToolError, match="status 1"):
        compiled.build(["wrong.c"], tmp_path / "wrong", native=True, cwd=tmp_path)
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolError, match="no-such-compiler was not found: install gcc or clang, or set CC"):
        compiled.compiler("c")
