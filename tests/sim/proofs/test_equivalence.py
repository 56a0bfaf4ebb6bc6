"""Proof: equal texts are proven, a different one is refuted by values that really differ, doubt is reported."""

import hashlib
import re

import numpy as np
import pytest

from inkling.approx.programs.process import ToolError
from inkling.sim.proofs.equivalence import prove


def test_mapped_cells_are_proven(verilog, mapped):
    verdict = prove(verilog, mapped)
    assert verdict.proven and verdict.passed and verdict.detail == "proven equivalent"
    certificate = verdict.to_json()["certificate"]
    assert certificate["sha256"]["mapped.v"] == hashlib.sha256(mapped.encode()).hexdigest()
    assert "cec" in certificate["command"] and certificate["version"] and "aigmap" in certificate["conversion"]


def test_a_changed_gate_is_refuted(network, verilog, mapped):
    faulty = re.sub(r"^  XOR2X1 ", "  OR2X1 ", mapped, count=1, flags=re.MULTILINE)
    assert faulty != mapped
    verdict = prove(verilog, faulty)
    assert not verdict.passed and not verdict.proven and "certificate" not in verdict.to_json()
    example = verdict.counter_example
    row = np.array([[example[f"f{k}"] for k in range(6)]])
    assert example["expected label"] == network.evaluate(row)[0] != example["found label"]


def test_what_is_too_hard_is_not_called_proven():
    """Two orders of a 20-bit product are out of reach of SAT in seconds."""
    one = "module top(input [19:0] a, input [19:0] b, output [39:0] label); assign label = a * b; endmodule"
    other = "module top(input [19:0] a, input [19:0] b, output [39:0] label); assign label = b * a; endmodule"
    verdict = prove(one, other, time_limit_s=2)
    assert not verdict.proven and not verdict.passed and not verdict.failed and verdict.detail == "not proven in 2 s"


def test_an_input_that_is_not_read_stays_and_order_does_not_matter():
    one = "module top(input [1:0] a, input b, output label); assign label = a[1]; endmodule"
    other = "module top(input b, output label, input [1:0] a); assign label = ~~a[1]; endmodule"
    assert prove(one, other).proven


@pytest.mark.parametrize(
    "text",
    [
        "module top(input a, output label); assign label = a; endmodule",
        "module top(input a, input c, output label); assign label = a; endmodule",
        "module top(input a, input [1:0] b, output label); assign label = a; endmodule",
        "module top(input a, input b, output label); wire x; assign label = a ^ x; endmodule",
        "module top(input a, input b, output label); reg q; always @(posedge a) q <= b; assign label = q; endmodule",
        "module top(input a, input b, output label); unknown u(.A(a), .Y(label)); endmodule",
        "module top(input a, input b, output label); assign label = a",
    ],
)
def test_texts_that_cannot_be_compared(text):
    with pytest.raises(ToolError):
        prove("module top(input a, input b, output label); assign label = a; endmodule", text)


def test_a_difference_that_only_one_text_reads_more_inputs_for_is_shown_whole():
    one = "module top(input [3:0] a, input signed [2:0] b, output [4:0] label); assign label = a + b; endmodule"
    other = one.replace("a + b", "a + b + (a == 3 && b == 1)")
    assert prove(one, other).counter_example == {"a": 3, "b": 1, "expected label": 4, "found label": 5}
