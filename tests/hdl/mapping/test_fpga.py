"""Counts of synthesis for FPGAs, always; placing and routing where the wheels are; wrong input is told in a line."""

import json
from pathlib import Path

import pytest

from inkling.designs.fpga import FpgaRequest, report_fpga, verilog_of
from inkling.hdl.mapping import fpga
from inkling.train.errors import InputError

SUM = """
module top(input clk, input rst, input [7:0] a, output reg [15:0] sum);
  always @(posedge clk) sum <= rst ? 0 : sum + a;
endmodule
"""
XOR = "module top(input [6:0] a, output y); assign y = ^a; endmodule\n"
TABLE = """
module top(input clk, input we, input [8:0] at, input [7:0] given, output reg [7:0] y);
  reg [7:0] kept [0:511];
  always @(posedge clk) begin y <= kept[at]; if (we) kept[at] <= given; end
endmodule
"""


def test_counts_are_those_of_known_circuits() -> None:
    assert fpga.synthesise(XOR, fpga.device_of("lut6")) == fpga.Counts(2, 0, 0, 0, 0)
    ice = fpga.synthesise(SUM, fpga.device_of("hx8k"))
    assert ice.flip_flops == 16 and 14 <= ice.carries <= 16 and 15 <= ice.luts <= 17
    ecp = fpga.synthesise(SUM, fpga.device_of("ecp5-25k"))
    assert (ecp.luts, ecp.carries, ecp.flip_flops) == (16, 8, 16)
    for name in ("hx8k", "ecp5-25k"):
        assert fpga.synthesise(TABLE, fpga.device_of(name)).block_rams == 1


def test_the_wrapper_has_a_register_for_every_bit() -> None:
    text, registers = fpga.wrapped(SUM, module="top", clock="clk")
    assert registers == 1 + 8 + 16 and ".clk(clk)" in text and "given[8:1]" in text


@pytest.mark.parametrize(("name", "verilog"), [("hx8k", SUM), ("ecp5-25k", XOR)], ids=["clocked", "combinational"])
def test_placed_circuits_hold_their_cells_and_have_a_clock(name: str, verilog: str) -> None:
    device = fpga.device_of(name)
    if reason := fpga.missing(device):
        pytest.skip(reason)
    counts, placed = fpga.synthesise(verilog, device), fpga.place(verilog, device)
    assert counts.luts <= placed.logic_cells <= placed.available and 20 < placed.fmax_mhz < 2000


def test_without_nextpnr_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fpga, "find_spec", lambda name: None)
    (tmp_path / "top.v").write_text(XOR)
    report_fpga(FpgaRequest(tmp_path, "hx8k", "top", "clk", True, 1, 60.0, True))
    found = json.loads(capsys.readouterr().out)
    assert found["luts"] == 3 and found["placed"] is None and "pip install" in found["reason"]
    report_fpga(FpgaRequest(tmp_path / "top.v", "lut6", "top", "clk", True, 1, 60.0, False))
    assert "not placed: lut6 is no part" in capsys.readouterr().out
    with pytest.raises(InputError, match="not installed"):
        fpga.place(XOR, fpga.device_of("hx8k"))


def test_wrong_input_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--device 'z80' is not one of lut6, up5k"):
        fpga.device_of("z80")
    with pytest.raises(InputError, match=r"top\.v is missing"):
        verilog_of(tmp_path)
    path = tmp_path / "a.v"
    path.write_text('module top; initial $readmemh("/etc/passwd", x); endmodule')
    with pytest.raises(InputError, match=r"holds \$readmemh"):
        verilog_of(path)
    path.write_text("module other(output y); assign y = 1; endmodule")
    with pytest.raises(InputError, match="no module 'top'"):
        report_fpga(FpgaRequest(path, "hx8k", "top", "clk", False, 1, 60.0, True))
    with pytest.raises(InputError, match="no output"):
        fpga.wrapped("module top(input a); endmodule", module="top", clock="clk")
