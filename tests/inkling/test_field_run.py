"""`inkling field` from a picture to a verified folder, and what it says of wrong input."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("PIL", reason="pictures need the extra `fields`")

from inkling.cli import app
from train.errors import InputError

RUN = CliRunner()


def test_a_picture_becomes_verified_kernels(tmp_path: Path) -> None:
    from PIL import Image

    y, x = np.mgrid[:32, :32]
    Image.fromarray((127 + 120 * np.sin(x / 3) * np.cos(y / 5)).astype(np.uint8)).save(tmp_path / "waves.png")
    out = tmp_path / "run"
    done = RUN.invoke(app, ["field", str(tmp_path / "waves.png"), "--out", str(out), "--kilobytes", "1"])
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    assert {verdict["mismatches"] for verdict in report["verdicts"]} == {0}
    assert report["psnr_integer_db"] > 20
    # The packed tables alone would be fewer bytes: the layers count as well.
    assert (out / "packed.bin").stat().st_size < report["bytes"] <= 1024
    assert report["bytes_in_memory"] > (out / "tables.bin").stat().st_size
    assert report["psnr_jpeg_db"] > 20 and report["jpeg_bytes"] <= report["bytes"]
    assert report["bits_per_pixel"] == 8 * report["bytes"] / 32**2
    for name in ("kernel.c", "kernel.h", "kernel.py", "tables.bin", "field.json", "run.json", "report.html"):
        assert (out / name).stat().st_size
    assert not list(tmp_path.glob("run.*")), "nothing half-written is left"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-thing"], "no-such-thing"),
        (["text.png"], "text.png"),
        (["town", "--kilobytes", "0"], "--kilobytes"),
        (["town", "--what", "smell"], "--what"),
        (["town", "--engine", "-1"], "--engine"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("this is no picture")
    done = RUN.invoke(app, ["field", *arguments])
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception) and "\n" not in str(done.exception)
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
