"""The cocotb route: it passes, fails with names, hides from a user's modules, and can be extended."""

from pathlib import Path

import pytest

from inkling.approx.programs.process import ToolError
from inkling.sim.benches import cocotb_route
from inkling.sim.verdicts.vectors import stimuli


def test_pass_and_extension(network, verilog, tmp_path, monkeypatch):
    """A user's folder with modules named like ours and cocotb's changes nothing; a copied bench has its own test."""
    for name in ("sim", "train", "json", "numpy", "cocotb", "bench"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    bench = tmp_path / "mine.py"
    zero = int(network.evaluate(stimuli(network, None, count=1).values[:1])[0])
    bench.write_text(
        Path(cocotb_route.__file__).with_name("bench.py").read_text()
        + "\n\n@cocotb.test()\nasync def mine(dut):\n"
        + f"    assert (await Design(dut).answer(f0=0, f3=0))['label'] == {zero}\n"
    )
    values = stimuli(network, None, count=2000).values
    verdict = cocotb_route.verify(verilog, network, values, folder=tmp_path / "run", bench=bench)
    assert verdict.passed and verdict.vectors == len(values)
    assert (tmp_path / "run" / "run_bench.py").exists()


def test_fault_is_found(network, verilog):
    values = stimuli(network, None, count=2000).values
    faulty = verilog.replace("label = 1", "label = 2")
    verdict = cocotb_route.verify(faulty, network, values)
    wrong = network.evaluate(values) == 1
    assert verdict.mismatches == wrong.sum() > 0
    assert verdict.counter_example["expected label"] == 1 and verdict.counter_example["found label"] == 2
    assert [verdict.counter_example[f"f{k}"] for k in range(6)] == values[wrong][0].tolist()


def test_a_bench_that_compares_nothing_is_an_error(network, verilog, tmp_path):
    bench = tmp_path / "empty.py"
    bench.write_text("import cocotb\n\n@cocotb.test()\nasync def nothing(dut):\n    pass\n")
    with pytest.raises(ToolError, match="compared nothing"):
        cocotb_route.verify(verilog, network, stimuli(network, None, count=10).values, bench=bench)
