"""Run folders: whole or not there, an earlier run replaced, anything else left alone."""

import json
import os
import shutil
from pathlib import Path

import pytest

from inkling.runs.folder import FILES, KEY, UNFINISHED, run_folder
from inkling.runs.scratch import hold
from inkling.sim.designs.manifest import MANIFEST
from inkling.train.errors import InputError


def _finish(folder: Path, content: str = "new") -> None:
    (folder / "run.json").write_text(json.dumps({"schema": "inkling.run/1"}))
    (folder / "content").write_text(content)


def test_the_folder_is_there_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "one"
    with run_folder(out) as fresh:
        _finish(fresh)
        assert not out.exists()
    assert (out / "content").read_text() == "new"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "one"
    with pytest.raises(error), run_folder(out) as fresh:
        _finish(fresh)
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_is_replaced_and_kept_where_the_new_one_fails(tmp_path: Path) -> None:
    out = tmp_path / "one"
    with run_folder(out) as fresh:
        _finish(fresh, "old")
        (fresh / "only-in-the-old").touch()
    with pytest.raises(RuntimeError), run_folder(out) as fresh:
        _finish(fresh)
        raise RuntimeError
    assert (out / "content").read_text() == "old"
    with run_folder(out) as fresh:
        _finish(fresh)
    assert sorted(path.name for path in out.iterdir()) == [FILES, "content", MANIFEST, "run.json"]
    assert list(tmp_path.iterdir()) == [out]


def test_an_earlier_run_is_put_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "one"
    with run_folder(out) as fresh:
        _finish(fresh, "old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="no"), run_folder(out) as fresh:
        _finish(fresh)
    assert (out / "content").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    out = tmp_path / "one"
    out.mkdir()
    with run_folder(out) as fresh:
        _finish(fresh)
    assert (out / "content").exists()


def test_a_link_to_a_run_is_followed(tmp_path: Path) -> None:
    place, link = tmp_path / "disk" / "one", tmp_path / "link"
    link.symlink_to(place)
    for content in ("old", "new"):
        with run_folder(link) as fresh:
            _finish(fresh, content)
        assert link.is_symlink()
        assert (place / "content").read_text() == content
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("content", ["{}", "[]", '{"schema": "other"}', '{"schema": 1}', "nonsense", "\0\0", None])
def test_a_foreign_folder_is_refused_and_untouched(tmp_path: Path, content: str | None) -> None:
    out = tmp_path / "one"
    out.mkdir()
    (out / ("run.json" if content is not None else "thesis.txt")).write_text(content or "years of work")
    with pytest.raises(InputError, match="not a run folder"), run_folder(out):
        pytest.fail("the block must not be entered")
    assert len(list(out.iterdir())) == 1
    assert list(tmp_path.iterdir()) == [out]


def test_files_that_were_put_into_a_run_are_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "one"
    with run_folder(out) as fresh:
        _finish(fresh)
        (fresh / "designs" / "gates-1").mkdir(parents=True)
        (fresh / "designs" / "gates-1" / "top.v").touch()
    (out / "designs" / "gates-1" / "__pycache__").mkdir()
    (out / "designs" / "gates-1" / "__pycache__" / "kernel.pyc").touch()
    with run_folder(out) as fresh:  # what interpreters leave is nobody's work
        _finish(fresh)
        (fresh / "designs").mkdir()
    (out / "designs" / "NOTES.txt").write_text("a thought")
    for overwrite, advice in ((None, "name another folder"), (False, "give --overwrite to lose them")):
        said = f"did not write .'designs/NOTES.txt'.; move them, or {advice}"
        with pytest.raises(InputError, match=said), run_folder(out, overwrite=overwrite):
            pytest.fail("the block must not be entered")
    assert (out / "designs" / "NOTES.txt").read_text() == "a thought"
    with run_folder(out, overwrite=True) as fresh:
        _finish(fresh)
    assert not (out / "designs").exists()
    assert list(tmp_path.iterdir()) == [out]


def _unfinished(folder: Path, key: str, content: str) -> None:
    (folder / UNFINISHED).mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED / KEY).write_text(key)
    (folder / UNFINISHED / "search").write_text(content)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError])
def test_what_is_finished_of_a_stopped_run_is_taken_up_by_an_equal_one(
    tmp_path: Path, error: type[BaseException]
) -> None:
    out = tmp_path / "one"
    with pytest.raises(error), run_folder(out, key="a") as fresh:
        _unfinished(fresh, "a", "half")
        raise error
    (left,) = tmp_path.iterdir()
    assert (left / UNFINISHED / "search").read_text() == "half"
    with run_folder(out, key="a") as fresh:
        assert (fresh / UNFINISHED / "search").read_text() == "half"
        shutil.rmtree(fresh / UNFINISHED)
        _finish(fresh)
    assert list(tmp_path.iterdir()) == [out]
    assert sorted(path.name for path in out.iterdir()) == [FILES, "content", MANIFEST, "run.json"]


def test_what_another_run_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    out = tmp_path / "one"
    dead, other, living = (tmp_path / f"one.partial-{number}" for number in (2**22 + 5, 2**22 + 6, 2**22 + 7))
    for folder in (dead, other, living):
        _unfinished(folder, "a", "half")
    lock = hold(living)
    with run_folder(out, key="b") as fresh:
        assert not (fresh / UNFINISHED).exists()
        _finish(fresh)
    os.close(lock)
    assert sorted(tmp_path.iterdir()) == [out, living]


def test_a_report_of_what_was_found_so_far_is_taken_up_too(tmp_path: Path) -> None:
    out = tmp_path / "one"
    with run_folder(out, key="a") as fresh:
        _finish(fresh, "so far")
        _unfinished(fresh, "a", "half")
        (fresh / "designs" / "gates-1").mkdir(parents=True)
    with run_folder(out, key="a") as fresh:
        assert (fresh / UNFINISHED / "search").read_text() == "half"
        assert (fresh / "designs" / "gates-1").is_dir() and not (fresh / "content").exists()
        _finish(fresh)
    with run_folder(out, key="b") as fresh:
        assert not (fresh / UNFINISHED).exists()
        _finish(fresh)


def test_a_run_that_was_killed_between_two_renames_has_its_earlier_one_back(tmp_path: Path) -> None:
    out, old = tmp_path / "one", tmp_path / f"one.old-{2**22 + 5}"
    old.mkdir()
    _finish(old, "old")
    with pytest.raises(RuntimeError), run_folder(out):
        assert (out / "content").read_text() == "old"
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [out]
