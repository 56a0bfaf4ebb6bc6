"""`inkling verify` of a field's folder, engine and all: what passes, and what is caught or not run."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkling.approx.fields.random_field import random_field
from inkling.approx.reference import field_files
from inkling.cli.main import app
from inkling.hdl.fields import numba_kernel
from inkling.hdl.fields.call import build
from inkling.hdl.fields.plan import plan
from inkling.sim.fields.recheck import FieldBudget, recheck, write_engine
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
