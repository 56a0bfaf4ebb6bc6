"""Foreign Verilog is read word by word: what reaches out of a circuit is refused before a tool sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inkling.approx.fields.random_field import random_field
from inkling.approx.programs import process
from inkling.hdl.engine.engine import emit
from inkling.sim.designs.foreign_verilog import check_verilog, own_verilog
from inkling.train.errors import InputError

HOSTILE = {
    "DPI": 'import "DPI-C" function integer system(chandle p);',
    "DPI without quotes": "import DPI_C function integer system;",
    "export": "export function f;",
    "system task": 'initial $system("touch x");',
    "read": "initial $readmemh(a, b);",
    "dump": "initial $dumpfile(a);",
    "include": '`include "/etc/passwd"',
    "macro that pastes a word": "`define x imp``ort",
    "a macro's use": "`x",
    "bind": "bind top other o();",
    "program": "program p; endprogram",
    "force": "initial force a = 1;",
    "config": "config c; endconfig",
    "library": "library l a;",
    "package": "package p; endpackage",
    "class": "class c; endclass",
    "fork": "initial fork join",
    "wait": "initial wait (a);",
    "string": 'localparam p = "x";',
    "null byte": "wire \x00;",
    "other letters": "wire é;",
}
PLAIN = """module top(input clk, input [3:0] a, output reg [3:0] y); // counts
  /* two
     lines */ (* keep *) wire [3:0] next = y + {3'b0, a[0]} & 4'hf;
  always @(*) begin end
  always @(posedge clk) y <= $signed(next) >>> 1;
  assign \\odd.name = 1'b1;
endmodule
"""


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_reaches_out_is_refused_in_both_kinds_of_text(kind: str) -> None:
    text = f"module top;\n{HOSTILE[kind]}\nendmodule\n"
    for check in (check_verilog, own_verilog):
        with pytest.raises(InputError, match=r"top\.v:2: holds") as error:
            check(text, "top.v")
        assert "\n" not in str(error.value)


def test_a_circuit_passes_without_its_comments_and_lines_stay() -> None:
    bare = own_verilog(PLAIN, "own.v")
    assert "keep" not in bare and "counts" not in bare and bare.count("\n") == PLAIN.count("\n")
    with pytest.raises(InputError, match=r"own\.v:1: holds a comment"):
        check_verilog(PLAIN, "own.v")
    check_verilog(bare, "own.v")
    check_verilog(emit(random_field(5, levels=((3, 3, 2, 4),), hidden=(3,)), 5), "engine.v")


def test_a_comment_cannot_hide_a_word(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than logic"):
        own_verilog("module top; im/* */port x; import y; endmodule", "top.v")
    # An unfinished comment is no comment.
    with pytest.raises(InputError, match="a comment"):
        own_verilog("module top; /* endmodule", "top.v")


def test_inkling_fpga_runs_nothing_of_a_folder(tmp_path: Path) -> None:
    """The audit's reproducer, in small: a DPI call of system while a constant is worked out."""
    folder = tmp_path / "design"
    folder.mkdir()
    (folder / "top.v").write_text(
        "module top(input [3:0] a, output [31:0] label);\n"
        '  import "DPI-C" function integer system(chandle p);\n'
        "  localparam integer done = system(0);\n  assign label = done + a;\nendmodule\n"
    )
    script = "from inkling.cli.main import main; main()"
    line = [sys.executable, "-P", "-c", script, "fpga", str(folder), "--no-route"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "top.v:2: holds" in done.stderr, done.stderr


def test_tools_see_no_keys_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("INKLING_CACHE", "/tmp/kept")
    script = "import os, resource; print(sorted(os.environ)); print(resource.getrlimit(resource.RLIMIT_CORE))"
    told = process.python(script + "; import time; time.sleep(0)", time_limit_s=60).stdout
    assert "AWS" not in told and "INKLING_CACHE" in told and "PATH" in told and "(0, 0)" in told
    assert "AWS_SECRET_ACCESS_KEY" in os.environ
