"""`inkling field` from each kind of source to a verified folder, cut short and gone on with, and on wrong input."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

pytest.importorskip("PIL", reason="pictures need the extra `fields`")

from inkling.cli.main import app
from inkling.fields import run
from inkling.fields.learn import Ask
from inkling.train.errors import InputError
from inkling.train.fields.tasks import SignalTask

RUN = CliRunner()
BOX = """v -4 -4 0\nv 4 -4 0\nv 4 4 0\nv -4 4 0\nv -4 -4 3\nv 4 -4 3\nv 4 4 3\nv -4 4 3
f 1 3 2\nf 1 4 3\nf 5 6 7\nf 5 7 8\nf 1 2 6\nf 1 6 5\nf 2 3 7\nf 2 7 6\nf 3 4 8\nf 3 8 7\nf 4 1 5\nf 4 5 8
"""


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps and queries; the numba kernel, whose compilation takes longest, is left out."""
    monkeypatch.setitem(run.EFFORTS, "quick", (60, 1000))
    monkeypatch.setattr("inkling.sim.fields.kernels.check", lambda *arguments: [])


def waves(path: Path) -> None:
    from PIL import Image

    y, x = np.mgrid[:32, :32]
    Image.fromarray((127 + 120 * np.sin(x / 3) * np.cos(y / 5)).astype(np.uint8)).save(path)


def test_a_picture_becomes_verified_kernels(tmp_path: Path) -> None:
    waves(tmp_path / "waves.png")
    out = tmp_path / "run"
    done = RUN.invoke(app, ["field", str(tmp_path / "waves.png"), "--out", str(out), "--kilobytes", "1"])
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    assert {verdict["mismatches"] for verdict in report["verdicts"]} == {0}
    assert {verdict["subject"] for verdict in report["verdicts"]} >= {"kernel.c", "kernel.py", "unpack.c"}
    assert report["psnr_integer_db"] > 30
    # The packed tables alone would be fewer bytes: the layers count as well.
    assert (out / "packed.bin").stat().st_size < report["bytes"] <= 1024
    assert report["bytes_in_memory"] > (out / "tables.bin").stat().st_size
    assert report["bits_per_pixel"] == 8 * report["bytes"] / 32**2
    assert report["psnr_jpeg_db"] > 20 and report["jpeg_bytes"] <= report["bytes"]
    for name in ("kernel.c", "kernel.h", "kernel.py", "tables.bin", "field.json", "run.json", "report.html"):
        assert (out / name).stat().st_size
    assert not list(tmp_path.glob("run.*")), "nothing half-written is left"


def field(arguments: list[str]) -> dict[str, Any]:
    """The report of `inkling field`, by --json."""
    done = RUN.invoke(app, ["field", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.usefixtures("brief")
def test_ctrl_c_leaves_a_result_and_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waves(tmp_path / "waves.png")
    arguments = [str(tmp_path / "waves.png"), "--kilobytes", "1", "--out"]
    field([*arguments, str(tmp_path / "whole")])
    batch = SignalTask.batch

    def interrupted(self: SignalTask, step: int, shard: int) -> dict[str, NDArray[Any]]:
        if step == 40:
            os.kill(os.getpid(), signal.SIGINT)
        return batch(self, step, shard)

    with monkeypatch.context() as patch:
        patch.setattr(SignalTask, "batch", interrupted)
        cut = field([*arguments, str(tmp_path / "cut")])
    assert cut["stopped"] and 0 < cut["steps"] < 60
    assert (tmp_path / "cut" / "kernel.c").is_file() and len(list(tmp_path.glob("cut.checkpoint-*"))) == 1
    gone_on = field([*arguments, str(tmp_path / "cut")])
    assert not gone_on["stopped"] and gone_on["steps"] == 60
    assert not list(tmp_path.glob("*.checkpoint-*"))
    for name in ("tables.bin", "packed.bin", "kernel.c", "field.npz"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.usefixtures("brief")
def test_distances_of_a_shape_are_measured_where_it_was_not_fitted(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    (tmp_path / "box.obj").write_text(BOX)
    out = tmp_path / "run"
    report = field([str(tmp_path / "box.obj"), "--what", "sdf", "--kilobytes", "4", "--out", str(out)])
    assert report["meaning"] == "sdf" and report["held_out_places"] > 100
    # The box is 8 m wide.
    assert 0 < report["error_integer_m"] < 0.6 and report["inside_right_percent"] > 90
    assert (out / "kernel.c").is_file()


@pytest.mark.usefixtures("brief")
def test_what_is_seen_in_a_scene(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    # A floor, walls and a pillar in between.
    walls = "v -1 -1 0\nv 1 1 0\nv -1 -1 3\nv 1 1 3\nf 9 10 12\nf 9 12 11\n"
    (tmp_path / "yard.obj").write_text(BOX.replace("f 5 6 7\nf 5 7 8\n", "") + walls)
    out = tmp_path / "run"
    report = field([str(tmp_path / "yard.obj"), "--positions", "3", "--kilobytes", "1", "--out", str(out)])
    assert report["meaning"] == "visibility" and report["positions"] == 3
    assert report["correct_integer_percent"] > 60 and report["majority_percent"] >= 50
    assert report["bytes_per_entry"] <= 1100


@pytest.mark.usefixtures("brief")
def test_a_series_becomes_a_field(tmp_path: Path) -> None:
    np.save(tmp_path / "tone.npy", 5 + 3 * np.sin(np.arange(2000) / 40))
    report = field([str(tmp_path / "tone.npy"), "--kilobytes", "1", "--out", str(tmp_path / "run")])
    assert report["meaning"] == "signal" and report["samples"] == 2000
    assert report["psnr_integer_db"] > 25
    assert (report["value_low"], report["value_high"]) == pytest.approx((2, 8), abs=1e-3)


def test_what_is_learnt_depends_on_the_triangles_and_not_on_the_place_of_the_result() -> None:
    from inkling.fields.learn import Shape
    from inkling.train.scenes.mesh import Mesh

    vertices = np.zeros((4, 3), np.float32)
    one, two = (Mesh("a", vertices, np.array([rows], np.int32)) for rows in ([0, 1, 2], [0, 1, 3]))
    assert Shape(one).mark() != Shape(two).mark()
    assert "out" not in Ask.__dataclass_fields__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-thing"], "no-such-thing"),
        (["text.png"], "text.png"),
        (["town", "--kilobytes", "0"], "--kilobytes"),
        (["town", "--what", "smell"], "--what"),
        (["town", "--engine", "-1"], "--engine"),
        (["waves.png", "--what", "sdf"], "no mesh"),
        (["waves.png", "--scene-seed", "3"], "--scene-seed"),
        (["empty.csv"], "empty.csv"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "empty.csv").write_text("")
    waves(tmp_path / "waves.png")
    done = RUN.invoke(app, ["field", *arguments])
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception) and "\n" not in str(done.exception)
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
