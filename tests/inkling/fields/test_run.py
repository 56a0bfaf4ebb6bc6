"""`inkling field` from each kind of source to a verified folder, cut short and gone on with, and on wrong input."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

pytest.importorskip("PIL", reason="pictures need the extra `fields`")

from inkling.approx.reference import field_files as integer_files
from inkling.approx.reference.coding import encode
from inkling.cli.main import app
from inkling.fields import run
from inkling.fields.subject import Ask, answers
from inkling.fields.world_header import distance
from inkling.train.errors import InputError
from inkling.train.fields.tasks import SignalTask
from inkling.train.files.checked_json import load as load_json
from inkling.train.scenes.world import from_fields as read_world

RUN = CliRunner()
BOX = """v -4 -4 0\nv 4 -4 0\nv 4 4 0\nv -4 4 0\nv -4 -4 3\nv 4 -4 3\nv 4 4 3\nv -4 4 3
f 1 3 2\nf 1 4 3\nf 5 6 7\nf 5 7 8\nf 1 2 6\nf 1 6 5\nf 2 3 7\nf 2 7 6\nf 3 4 8\nf 3 8 7\nf 4 1 5\nf 4 5 8
"""


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps and queries; the numba kernel, whose compilation takes longest, is left out."""
    monkeypatch.setitem(run.EFFORTS, "quick", (60, 1000))
    monkeypatch.setattr("inkling.fields.sight.RAYS", 20_000)
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


def field(arguments: list[str], code: int = 0) -> dict[str, Any]:
    """The report of `inkling field`, by --json."""
    done = RUN.invoke(app, ["field", *arguments, "--json"])
    assert done.exit_code == code, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_result_and_the_same_command_goes_on(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    waves(tmp_path / "waves.png")
    arguments = [str(tmp_path / "waves.png"), "--kilobytes", "1", "--out"]
    field([*arguments, str(tmp_path / "whole")])
    batch = SignalTask.batch

    def interrupted(self: SignalTask, step: int, shard: int) -> dict[str, NDArray[Any]]:
        if step == 40:
            signal.raise_signal(number)
        return batch(self, step, shard)

    with monkeypatch.context() as patch:
        patch.setattr(SignalTask, "batch", interrupted)
        cut = field([*arguments, str(tmp_path / "cut")], 128 + number)
    assert "inkling: stopping; the training ends" in capfd.readouterr().err
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


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include "world.h"
int main(int count, char **words)
{
    static uint8_t tables[1 << 22];
    FILE *file = fopen("tables.bin", "rb");
    size_t bytes = fread(tables, 1, sizeof tables, file);
    field_field field;
    if (field_load(&field, tables, bytes) != 0) return 1;
    for (int k = 1; k + 2 < count; k += 3) ASKED
    return 0;
}
"""
DISTANCE = 'printf("%.9g\\n", field_distance_at(&field, atof(words[k]), atof(words[k + 1]), atof(words[k + 2])));'
SEES = 'printf("%d\\n", field_sees(&field, 1, atof(words[k]), atof(words[k + 1]), atof(words[k + 2])));'


def asked_in_c(out: Path, call: str, places: NDArray[Any]) -> list[float]:
    """What a program says that includes world.h of a run folder, at places [N, 3]."""
    (out / "ask.c").write_text(PROGRAM.replace("ASKED", call))
    options = ["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Wno-unused-variable", "-Werror", "-ffp-contract=off"]
    subprocess.run(["cc", *options, "-o", "ask", "ask.c", "kernel.c", "-lm"], cwd=out, check=True)
    words = [f"{x:.9g}" for x in places.reshape(-1)]
    text = subprocess.run([out / "ask", *words], cwd=out, check=True, capture_output=True, text=True).stdout
    return [float(line) for line in text.split()]


@pytest.mark.usefixtures("brief")
def test_a_shape_far_away_in_centimetres_answers_anywhere_in_its_own_coordinates(tmp_path: Path) -> None:
    """A box 8 by 8 by 3 m, y up, 20 km from the origin: moved, not refused; world.h is what numpy says."""
    pytest.importorskip("trimesh")
    lines = []
    for line in BOX.splitlines():
        kind, *numbers = line.split()
        if kind == "v":
            x, y, z = (100 * float(number) for number in numbers)
            line = f"v {x + 2e6} {z} {-y - 1e6}"
        lines.append(line)
    (tmp_path / "box.obj").write_text("\n".join(lines))
    out = tmp_path / "run"
    report = field([str(tmp_path / "box.obj"), "--what", "sdf", "--kilobytes", "4", "--up", "y", "--unit", "cm",
                    "--out", str(out)])  # fmt: skip
    assert 0 < report["error_between_slices_m"] < 1
    world = read_world(load_json(out / "world.json"))
    assert report["world"] == json.loads((out / "world.json").read_text()) == world.to_json()
    assert np.allclose(report["world"]["bounds"], [[2e6 - 480, -30, -1e6 - 480], [2e6 + 480, 330, -1e6 + 480]])
    assert len(report["world"]["slice_heights"]) == 8 and world.frame.origin_m == (20000.0, 10000.0, 0.0) == tuple(
        report["world"]["origin_m"]
    )
    rng = np.random.default_rng(0)
    low, high = np.array(report["world"]["bounds"])
    places = rng.uniform(low - 50, high + 50, (200, 3))
    integers = integer_files.load(out)
    expected = distance(world, lambda entry, uv: answers(integers, entry, uv)[:, 0], places)
    assert np.ptp(expected) > 100
    # Codes of coordinates may differ by one where float32 rounds; few answers change by that.
    found = np.array(asked_in_c(out, DISTANCE, places))
    assert np.median(np.abs(found - expected)) < 0.05 and np.abs(found - expected).max() < 30


@pytest.mark.usefixtures("brief")
def test_places_of_a_file_and_a_bound_on_what_is_wrongly_visible(tmp_path: Path) -> None:
    """A level with y up, as glTF has it: places are the file's own, and world.h asks with them."""
    trimesh = pytest.importorskip("trimesh")
    pytest.importorskip("embreex")
    floor = trimesh.creation.box((40, 0.4, 40))
    pillar = trimesh.creation.box((4, 6, 4), trimesh.transformations.translation_matrix((0, 3, 0)))
    trimesh.util.concatenate([floor, pillar]).export(tmp_path / "yard.glb")
    (tmp_path / "eyes.csv").write_text("x,y,z\n8,1.8,0\n-8, 1.8, 2.5\n")
    out = tmp_path / "run"
    command = [str(tmp_path / "yard.glb"), "--kilobytes", "1", "--places", str(tmp_path / "eyes.csv")]
    report = field([*command, "--conservative", "0.02", "--out", str(out)])
    assert report["world"]["up"] == "y" and report["world"]["places"] == [[8, 1.8, 0], [-8, 1.8, 2.5]]
    assert report["wrongly_visible_percent"] < 3 and report["most_wrongly_visible_percent"] == 2
    total = report["correct_integer_percent"] + report["wrongly_visible_percent"] + report["wrongly_hidden_percent"]
    assert total == pytest.approx(100)
    assert 0 < report["recall_of_visible_percent"] <= 100 and report["correct_depth_map_percent"] > 60
    html = (out / "report.html").read_text()
    for words in ("wrongly visible", "depth map", "visible targets found", "0: (8.0, 1.8, 0.0)"):
        assert words in html
    integers, world = integer_files.load(out), read_world(load_json(out / "world.json"))
    targets = np.random.default_rng(1).uniform((-18, 0.5, -18), (18, 3, 18), (100, 3))
    offsets = (world.frame.to_metres(targets) - np.array(world.places[1])).astype(np.float32)
    expected = integers.visible(np.full(100, 1), *encode(offsets, integers.coding))
    assert 5 < expected.sum() < 95
    assert (np.array(asked_in_c(out, SEES, targets)) == expected).mean() > 0.97


@pytest.mark.parametrize(
    ("content", "words"),
    [("1 2\n", "line 1"), ("x y z\n1,2,nan\n", "line 2"), ("1,2,3\na,b,c\n", "line 2"), ("", "0 places"),
     ("9000,0,0\n", "far outside")],
)  # fmt: skip
def test_a_file_of_places_is_read_as_written_or_refused(tmp_path: Path, content: str, words: str) -> None:
    from inkling.fields.sight import read_places
    from inkling.train.scenes.town import town

    (tmp_path / "places.txt").write_text(content)
    with pytest.raises(InputError, match=words) as error:
        read_places(tmp_path / "places.txt", town(0))
    assert "\n" not in str(error.value)


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
        (["scene.gltf"], ".gltf is not read"),
        (["level.blend", "--what", "sdf"], ".blend is not read"),
        (["waves.png", "--up", "y"], "--up"),
        (["town", "--unit", "cm"], "--unit"),
        (["town", "--unit", "furlong"], "furlong"),
        (["waves.png", "--conservative", "0.1"], "--conservative"),
        (["town", "--conservative", "2"], "--conservative"),
        (["town", "--places", "none.csv"], "none.csv"),
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
