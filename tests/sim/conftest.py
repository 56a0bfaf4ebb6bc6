"""A small classifier, its arithmetic Verilog written without the project's emitter, and a mapping to cells."""

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inkling.approx.programs.process import python
from inkling.approx.reference.network import Input, IntegerNetwork, label_bits
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense

CELLS = """
module NAND2X1(input A, input B, output Y); assign Y = ~(A & B); endmodule
module NOR2X1(input A, input B, output Y); assign Y = ~(A | B); endmodule
module AND2X1(input A, input B, output Y); assign Y = A & B; endmodule
module OR2X1(input A, input B, output Y); assign Y = A | B; endmodule
module XOR2X1(input A, input B, output Y); assign Y = A ^ B; endmodule
module XNOR2X1(input A, input B, output Y); assign Y = ~(A ^ B); endmodule
module INVX1(input A, output Y); assign Y = ~A; endmodule
"""

MAP = """
from pyosys import libyosys as ys
design = ys.Design()
passes = ["read_verilog top.v", "synth -top top -flatten -noabc", "abc -g AND,NAND,OR,NOR,XOR,XNOR", "opt_clean"]
for kind in ("NAND", "NOR", "AND", "OR", "XOR", "XNOR"):
    passes.append(f"chtype -set {kind}2X1 t:$_{kind}_")
passes += ["chtype -set INVX1 t:$_NOT_", "write_verilog -noattr -noexpr mapped.v"]
for item in passes:
    ys.run_pass(item, design)
"""


def make_network(sizes: tuple[int, ...] = (6, 2, 3), *, bits: int = 4, seed: int = 0) -> IntegerNetwork:
    generator = np.random.default_rng(seed)
    layers: list[Dense | ClippedReLU | ArgMax] = []
    for k, (before, after) in enumerate(itertools.pairwise(sizes)):
        weights = generator.choice([-4, -2, -1, 0, 1, 2, 4], size=(after, before))
        layers.append(Dense(weights, generator.integers(-6, 7, size=after)))
        if k < len(sizes) - 2:
            layers.append(ClippedReLU(1, 4))
    inputs = tuple(Input(f"f{k}", k, bits) for k in range(sizes[0]))
    return IntegerNetwork(inputs, (*layers, ArgMax()), sizes[-1])


def arithmetic_verilog(network: IntegerNetwork) -> str:
    """Signed arithmetic as one would write it by hand; it shares nothing with `inkling.hdl.circuits.verilog`."""
    ports = [f"input [{item.bits - 1}:0] {item.name}" for item in network.inputs]
    ports.append(f"output reg [{label_bits(network) - 1}:0] label")
    lines = [f"module top({', '.join(ports)});"]
    current = [f"$signed({{1'b0, {item.name}}})" for item in network.inputs]
    for number, layer in enumerate(network.layers):
        names = [f"l{number}_{k}" for k in range(len(current))]
        if isinstance(layer, Dense):
            names = [f"l{number}_{k}" for k in range(len(layer.bias))]
            for name, row, bias in zip(names, layer.weights, layer.bias, strict=True):
                terms = [f"({int(w)}) * {x}" for w, x in zip(row, current, strict=True) if w]
                lines.append(f"wire signed [11:0] {name} = {' + '.join([f'({int(bias)})', *terms])};")
        elif isinstance(layer, ClippedReLU):
            top = 2**layer.bits - 1
            for name, x in zip(names, current, strict=True):
                lines.append(f"wire signed [11:0] {name}_s = {x} >>> {layer.shift};")
                lines.append(f"wire signed [11:0] {name} = {name}_s < 0 ? 0 : {name}_s > {top} ? {top} : {name}_s;")
        else:
            lines.append(f"reg signed [11:0] best; always @* begin best = {current[0]}; label = 0;")
            for k, x in enumerate(current[1:], 1):
                lines.append(f"if ({x} > best) begin best = {x}; label = {k}; end")
            lines.append("end")
        current = names
    return "\n".join([*lines, "endmodule", ""])


def map_to_cells(verilog: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "top.v").write_text(verilog)
        python(MAP, time_limit_s=60, cwd=folder)
        return CELLS + (folder / "mapped.v").read_text()


@pytest.fixture(scope="session")
def network() -> IntegerNetwork:
    return make_network()


@pytest.fixture(scope="session")
def verilog(network: IntegerNetwork) -> str:
    return arithmetic_verilog(network)


@pytest.fixture(scope="session")
def mapped(verilog: str) -> str:
    return map_to_cells(verilog)


@pytest.fixture(scope="session")
def arithmetic() -> Callable[[IntegerNetwork], str]:
    return arithmetic_verilog


@pytest.fixture(scope="session")
def networks() -> Callable[..., IntegerNetwork]:
    return make_network
