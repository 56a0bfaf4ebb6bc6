"""Verilog that stands between a bench and a design's `top`, so that a bench need not know how ports are called.

It connects by name, therefore a port that is missing, misnamed or of another width is found before any vector
is. Nothing here drives or compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.approx.reference.operations import signed_width
from inkling.hdl.names import port_names


@dataclass(frozen=True)
class Output:
    """An output port of `top`: its name, its width in bits, and whether it is two's complement."""

    name: str
    width: int
    signed: bool


def outputs(network: IntegerNetwork) -> tuple[Output, ...]:
    """`label` of a classifier, or `score_0`, `score_1`, ... as wide as the reference's exact bounds ask for."""
    if network.is_classifier:
        return (Output("label", label_bits(network), False),)
    low, high = network.output_bounds()
    bounds = [(int(a), int(b)) for a, b in zip(low, high, strict=True)]
    return tuple(Output(f"score_{k}", signed_width(a, b), a < 0) for k, (a, b) in enumerate(bounds))


def separate(network: IntegerNetwork, found: Sequence[Output]) -> str:
    """Module `bench` with inputs i0, i1, ... and outputs o0, o1, ..., one for every port of `top`."""
    ports = [f"input [{item.bits - 1}:0] i{k}" for k, item in enumerate(network.inputs)]
    ports += [f"output [{item.width - 1}:0] o{k}" for k, item in enumerate(found)]
    names = port_names([item.name for item in network.inputs])
    pins = [f".{port}(i{k})" for k, port in enumerate(names)]
    pins += [f".{item.name}(o{k})" for k, item in enumerate(found)]
    return _module(ports, pins)


def packed(network: IntegerNetwork) -> str:
    """Module `bench` with one input `packed_inputs` and one output `packed_outputs`; the first port is lowest."""
    found = outputs(network)
    names = port_names([item.name for item in network.inputs])
    pins, low = [], 0
    for port, item in zip(names, network.inputs, strict=True):
        pins.append(f".{port}(packed_inputs[{low + item.bits - 1}:{low}])")
        low += item.bits
    width, low = low, 0
    for output in found:
        pins.append(f".{output.name}(packed_outputs[{low + output.width - 1}:{low}])")
        low += output.width
    # Public for the bench's two handles; with nothing else public, Verilator still optimises the design.
    public = "/*verilator public_flat_rw*/"
    ports = [f"input [{width - 1}:0] packed_inputs {public}", f"output [{low - 1}:0] packed_outputs {public}"]
    return _module(ports, pins)


def _module(ports: list[str], pins: list[str]) -> str:
    lines = ["module bench (", ",\n".join(f"    {port}" for port in ports), ");"]
    return "\n".join(
        [*lines, "    top dut (", ",\n".join(f"        {pin}" for pin in pins), "    );", "endmodule", ""]
    )
