"""The bulk route: it passes what is right, finds planted faults, and refuses ports that are not the network's."""

import numpy as np
import pytest

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.network import IntegerNetwork
from inkling.sim.verdicts import ports
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verilator import bulk


def test_a_right_text_passes_and_one_wrong_weight_does_not(network, verilog):
    values = stimuli(network, None, count=20_000).values
    good = bulk.verify(verilog, network, values)
    assert good.passed and good.vectors == len(values) and good.route == "verilator" and not good.proven
    weight = int(network.layers[0].weights[0, 0])
    faulty = verilog.replace(f"({weight}) * $signed({{1'b0, f0}})", f"({weight + 1}) * $signed({{1'b0, f0}})", 1)
    assert faulty != verilog
    bad = bulk.verify(faulty, network, values)
    assert not bad.passed and bad.counter_example is not None
    row = np.array([[bad.counter_example[f"f{k}"] for k in range(6)]])
    assert network.evaluate(row)[0] == bad.counter_example["expected label"] != bad.counter_example["found label"]


def test_exhaustive_vectors_prove(networks, arithmetic, tmp_path):
    small = networks((2, 2, 2))
    found = stimuli(small, None)
    verdict = bulk.verify(
        arithmetic(small), small, found.values, exhaustive=found.exhaustive, route="verilator-mapped", keep=tmp_path
    )
    assert verdict.proven and verdict.route == "verilator-mapped"
    assert (tmp_path / "harness").exists()


def test_signed_scores_of_any_width(networks):
    """Scores keep their signs: outputs of 1 to 64 bits come back as int64."""
    classifier = networks((3, 2))
    scores = IntegerNetwork(classifier.inputs, classifier.layers[:1], classifier.classes)
    assert scores.intervals()[-1][0].min() < 0
    dense = scores.layers[0]
    lines = ["module top(input [3:0] f0, input [3:0] f1, input [3:0] f2"]
    for k, output in enumerate(ports.outputs(scores)):
        terms = [f"({int(w)}) * $signed({{1'b0, f{j}}})" for j, w in enumerate(dense.weights[k])]
        value = " + ".join([f"({int(dense.bias[k])})", *terms])
        lines[0] += f", output {'signed ' * output.signed}[{output.width - 1}:0] score_{k}"
        lines.append(f"wire signed [31:0] s{k} = {value}; assign score_{k} = s{k}[{output.width - 1}:0];")
    lines[0] += ");"
    text = "\n".join([*lines, "endmodule"])
    values = stimuli(scores, None).values
    assert bulk.verify(text, scores, values).passed
    expected = reference(scores, values)
    expected[7, 1] += 1
    bad = bulk.verify(text, scores, values, expected=expected)
    assert bad.mismatches == 1 and "expected score_1" in bad.counter_example


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("input [3:0] f3", "input [4:0] f3"),
        ("input [3:0] f3", "input [3:0] g3"),
        ("output reg [1:0] label", "output reg [2:0] label"),
        ("output reg [1:0] label", "output reg [0:0] label"),
        ("endmodule", "endmodul"),
    ],
)
def test_ports_that_are_not_the_networks_are_refused(network, verilog, old, new):
    values = np.zeros((1, 6), np.uint8)
    with pytest.raises(ToolError):
        bulk.verify(verilog.replace(old, new), network, values)


def test_nothing_compared_is_not_a_pass(network, verilog):
    with pytest.raises(ValueError, match="vectors must"):
        bulk.verify(verilog, network, np.zeros((0, 6), np.uint8))
