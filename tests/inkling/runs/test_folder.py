"""Run folders: whole or not there, an earlier run replaced, anything else left alone."""

import json
from pathlib import Path

import pytest

from inkling.runs.folder import run_folder
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
    assert sorted(path.name for path in out.iterdir()) == ["content", "run.json"]
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
