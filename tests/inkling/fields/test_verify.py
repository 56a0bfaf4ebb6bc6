"""`inkling verify` of a field's folder, engine and all: what passes, and what is caught or not run."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference import field_files
from inkling.cli.main import app
from inkling.hdl.fields import call, numba_kernel, unpack
from inkling.hdl.fields.call import build
from inkling.hdl.fields.plan import plan
from inkling.sim.designs import manifest
from inkling.sim.fields import kernels
from inkling.sim.fields.recheck import FieldBudget, check_packed, check_report, recheck, write_engine
from inkling.train.errors import InputError

RUN = CliRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `inkling field --engine 5` leaves it, of a tiny field."""
    folder = tmp_path_factory.mktemp("fields") / "tiny"
    folder.mkdir()
    field = random_field(5, levels=((3, 3, 2, 4),), hidden=(3,))
    field_files.save(field, folder)
    how = plan(field)
    build(how, folder)
    (folder / "kernel.py").write_text(numba_kernel.emit(how))
    write_engine(field, 5, folder)
    return folder


def test_every_route_passes_and_the_verdict_keeps_certificate_and_coverage(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "run")
    done = RUN.invoke(app, ["verify", str(folder), "--vectors", "5000"])
    assert done.exit_code == 0, done.output
    recorded = {item["route"]: item for item in json.loads((folder / "verdict.json").read_text())}
    assert {"numba", "c", "torch", "verilator-field", "cocotb-field", "amaranth-field", "control-proof"} <= set(
        recorded
    )
    assert recorded["control-proof"]["proven"] and recorded["control-proof"]["certificate"]["parts"]
    assert recorded["cocotb-field"]["coverage"]["points"] > 30


def test_a_changed_engine_and_a_changed_kernel_are_not_run_unless_trusted(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "run")
    engine, kernel = (folder / name for name in ("engine.v", "kernel.c"))
    engine.write_text(engine.read_text().replace("assign ready = go & ", "assign ready = 1'h1 & ", 1))
    kernel.write_text("#error not ours\n" + kernel.read_text())
    budget = FieldBudget(queries=500, clocks=5000, slow_clocks=5000, simulator_clocks=100)
    found = {item.route: item for item in recheck(folder, budget=budget)}
    assert not found["c"].passed and "--trust" in found["c"].detail and not found["verilator-field"].passed
    trusted = {item.route: item for item in recheck(folder, budget=budget, trust=True)}
    assert "not ours" in trusted["c"].detail and not trusted["verilator-field-stalls"].passed
    assert trusted["control-proof"].mismatches == 1 and "refuted: stage" in trusted["control-proof"].detail


def test_rows_and_missing_files_are_refused_in_a_line(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made, tmp_path / "run")
    assert isinstance(RUN.invoke(app, ["verify", str(folder), "--rows", "iris"]).exception, InputError)
    (folder / "tables.bin").unlink()
    error = RUN.invoke(app, ["verify", str(folder)]).exception
    assert isinstance(error, InputError) and "tables.bin" in str(error)


def _bit(content: bytes) -> bytes:
    return content[:-30] + bytes([content[-30] ^ 4]) + content[-29:]


PICTURE_CHANGES = {
    **{
        f"{name} is empty": (name, lambda content: b"")
        for name in ("packed.bin", "unpack.c", "unpack.h", "tables.bin")
    },
    **{f"{name} is cut": (name, lambda content: content[: len(content) // 2]) for name in ("packed.bin", "unpack.c")},
    **{f"{name} is missing": (name, None) for name in ("packed.bin", "unpack.c", "unpack.h")},
    "a bit of packed.bin": ("packed.bin", _bit),
    "a bit of tables.bin": ("tables.bin", _bit),
    "a shift of unpack.c": ("unpack.c", lambda content: content.replace(b">> 1", b">> 2", 1)),
    "a word of kernel.h": ("kernel.h", lambda content: content.replace(b"uint16_t", b"int16_t", 1)),
    "another PSNR": ("report.json", lambda content: content.replace(b"31.5", b"99.0")),
    "another size": ("report.json", lambda content: content.replace(b'"bytes_in_memory": ', b'"bytes_in_memory": 1')),
    "run.json": ("run.json", lambda content: content.replace(b"field", b"other")),
}


def test_changes_of_a_picture_s_files_are_caught_and_harmless_ones_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    field = random_field(4, levels=((6, 5, 4, 8),), hidden=(8,), entries=1, meaning="picture", outputs=1)
    how = plan(field)
    field_files.save(field, folder)
    call.write(how, folder)
    unpack.write(how, folder)
    (folder / "kernel.py").write_text(numba_kernel.emit(how))
    report = {"bytes_in_memory": kernels.size(field, folder), "bytes_per_entry": field.bytes_per_entry}
    (folder / "report.json").write_text(json.dumps({**report, "psnr_integer_db": 31.5}))
    (folder / "run.json").write_text(json.dumps({"schema": "inkling.run/1", "kind": "field", "manifest": True}))
    manifest.write(folder)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}

    def failing() -> set[str]:
        found = [manifest.verdict(folder), *check_packed(field, folder, FieldBudget(), trust=False)]
        return {item.route for item in [*found, check_report(field, folder)] if item.failed}

    assert failing() == set()
    for name, (file, change) in PICTURE_CHANGES.items():
        if change is None:
            (folder / file).unlink()
        else:
            assert change(kept[file]) != kept[file], name
            (folder / file).write_bytes(change(kept[file]))
        found = failing()
        assert "manifest" in found, name
        if file in ("packed.bin", "unpack.c", "unpack.h"):
            assert "unpack" in found, (name, found)
        for part, content in kept.items():
            (folder / part).write_bytes(content)
    (folder / "manifest.json").unlink()
    assert manifest.verdict(folder).failed
    for name in ("report.json", "run.json"):
        (folder / name).write_text(json.dumps(dict(reversed(json.loads(kept[name]).items()))))
    (folder / "manifest.json").write_bytes(kept["manifest.json"])
    assert failing() == set()
