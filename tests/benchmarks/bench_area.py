"""Area of the exact 8-bit networks: Inkling's adder trees against the same integers written with `*` and `+`.

Published exact bespoke circuits are larger than Inkling's; this tells how much of that is the emission (plain
operators, mapped by the same flow) and how much the width of the hidden values, which Inkling narrows as far as the
training and validation rows allow. Prints ratios, writes JSON.
"""

import argparse
import json
from pathlib import Path

from inkling.approx.quantise import networks
from inkling.approx.reference.network import IntegerNetwork, label_bits
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, signed_width
from inkling.hdl.cells.egfet import technology
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.mapping.search import map_verilog
from inkling.hdl.names import port_names
from inkling.reports.results.published import published
from inkling.train.networks import training
from inkling.train.tables.sources import load


def plain(network: IntegerNetwork) -> str:
    """The network as Verilog with multiplications and additions, as a textbook would write it."""
    names = port_names([item.name for item in network.inputs])
    ports = [f"input [{item.bits - 1}:0] {name}" for name, item in zip(names, network.inputs, strict=True)]
    width = label_bits(network)
    lines = [f"module top({', '.join(ports)}, output [{width - 1}:0] label);"]
    values = [f"$signed({{1'b0, {name}}})" for name in names]
    bounds = network.intervals()
    for number, layer in enumerate(network.layers):
        low, high = bounds[number + 1]
        if isinstance(layer, Dense):
            found = []
            for o, (row, bias) in enumerate(zip(layer.weights.tolist(), layer.bias.tolist(), strict=True)):
                bits = signed_width(min(int(low[o]), -1), int(high[o]))
                terms = " + ".join([f"({bias})", *(f"({w}) * {v}" for w, v in zip(row, values, strict=True) if w)])
                lines.append(f"  wire signed [{bits - 1}:0] l{number}_{o} = {terms};")
                found.append(f"l{number}_{o}")
            values = found
        elif isinstance(layer, ClippedReLU):
            found = []
            for o, (shift, bits) in enumerate(layer.of_each(len(values))):
                x, name, top = values[o], f"l{number}_{o}", 2**bits - 1
                clipped = f"({x} >>> {shift}) > {top} ? {top} : ({x} >>> {shift})"
                lines.append(f"  wire signed [{bits}:0] {name} = {x} < 0 ? 0 : {clipped};")
                found.append(name)
            values = found
        elif isinstance(layer, ArgMax):
            best, label = values[0], f"{width}'d0"
            for o, value in enumerate(values[1:], 1):
                wins = f"wins_{o}"
                lines.append(f"  wire {wins} = {value} > {best};")
                bits = signed_width(int(min(bounds[number][0].min(), -1)), int(bounds[number][1].max()))
                lines.append(f"  wire signed [{bits - 1}:0] best_{o} = {wins} ? {value} : {best};")
                lines.append(f"  wire [{width - 1}:0] label_{o} = {wins} ? {width}'d{o} : {label};")
                best, label = f"best_{o}", f"label_{o}"
            lines.append(f"  assign label = {label};")
    return "\n".join([*lines, "endmodule"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sets", nargs="*", default=["cardio", "redwine", "whitewine", "pendigits"])
    asked = parser.parse_args()
    cells = technology()
    rows = []
    for name in asked.sets:
        data = load(name)
        trained = training.train(
            data.development,
            hidden=training.default_hidden(data.development),
            restarts=32,
            seed=42,
            power_of_two=False,
        )
        network = networks.exact(trained[0], data.development)
        wide = networks.exact(trained[0], data.development, hidden_bits=8)
        areas = {
            key: map_verilog(text, cells, time_limit_s=300).area_um2 / 1e8
            for key, text in (
                ("inkling", behavioural(network)),
                ("inkling, 8-bit hidden values", behavioural(wide)),
                ("plain operators", plain(network)),
                ("plain operators, 8-bit hidden values", plain(wide)),
            )
        }
        parts = (data.development.train, data.development.validation, data.test)
        count = sum(len(part.labels) for part in parts)
        reported = next((item.area_cm2 for item in published(name, count) if item.source == "exact"), None)
        rows.append({"set": name, "seed": 42, "area_cm2": areas, "published_cm2": reported})
        print(f"{name}: " + ", ".join(f"{key} {area:.1f} cm2" for key, area in areas.items()), flush=True)
        print(f"  plain operators over Inkling: {areas['plain operators'] / areas['inkling']:.2f}")
        if reported:
            plain_wide = areas["plain operators, 8-bit hidden values"]
            print(f"  published over plain operators, 8-bit hidden values: {reported / plain_wide:.2f}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
