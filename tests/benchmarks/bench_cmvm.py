"""Area of constant matrices with shared sums against alkaid and da4ml at equal weights, in the same flow.

Small two-layer networks, 4-bit inputs, no arg-max. Every design is elaborated by yosys, compared with the
integer network on random rows, and mapped by ABC; inputs and neurons are renumbered for every permutation, and
medians and ranges are printed. The peers are run by the Python that `--peers` names, an environment that has them.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from inkling.approx.matrices.plan import WORK
from inkling.approx.netlists.evaluate import evaluate
from inkling.approx.programs.process import run
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import Input, IntegerNetwork, without_unused_inputs
from inkling.approx.reference.operations import ClippedReLU, Dense, Ints, signed_width
from inkling.hdl.cells.egfet import technology
from inkling.hdl.mapping import composites, genlib
from inkling.hdl.mapping.abc_run import map_once
from inkling.hdl.mapping.elaboration import elaborate
from inkling.hdl.mapping.recipes import Recipe
from inkling.hdl.mapping.search import cheapest, total
from inkling.hdl.operations.amaranth.part import Chain
from inkling.hdl.operations.amaranth.shared_layer import shared_layer

# Name: data set, hidden neurons, weight bits.
CASES = {
    "iris 4-3-3": ("iris", 3, 8),
    "wine 13-4-3": ("wine", 4, 8),
    "WDBC 30-4-2": ("breast_cancer", 4, 8),
    "digits 64-10-10, 4 bits": ("digits", 10, 4),
    "digits 64-10-10, 8 bits": ("digits", 10, 8),
}
# The flow of TOOLCHAIN figures, and the same without rewriting, which keeps adders as they are drawn.
FLOWS = {
    "rewritten": Recipe("ifraig; scorr; dc2; dc2; strash", ("dch -f; amap -m",), 0),
    "kept": Recipe("ifraig; scorr; strash", ("dch -f; amap -m",), 0),
}


def train(data: str, hidden: int, weight_bits: int) -> IntegerNetwork:
    """A small perceptron of scikit-learn, rounded; the scale is the one of the best training accuracy."""
    import warnings

    from sklearn import datasets
    from sklearn.neural_network import MLPClassifier

    table, labels = getattr(datasets, f"load_{data}")(return_X_y=True)
    low, high = table.min(axis=0), table.max(axis=0)
    x = np.clip(np.floor((table - low) / np.where(high > low, high - low, 1) * 16), 0, 15).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((hidden,), alpha=1e-2, max_iter=300, solver="lbfgs", random_state=0).fit(x / 16, labels)
    (first, second), (first_bias, second_bias) = [w.T for w in model.coefs_], model.intercepts_
    if len(second) == 1:
        second, second_bias = np.vstack([-second / 2, second / 2]), np.concatenate([-second_bias, second_bias]) / 2
    most = 2 ** (weight_bits - 1) - 1
    found: list[tuple[float, int, IntegerNetwork]] = []
    for part in (1, 0.99, 0.97, 0.94, 0.9):
        scale = most / np.quantile(np.abs(first), part)
        one = Dense(_rounded(first * scale, most), _rounded(first_bias * scale * 16, None))
        shift = max(0, int(np.ceil(np.log2(np.percentile(one.evaluate(x), 99) / 15))))
        for top in (1, 0.9):
            then = most / np.quantile(np.abs(second), top)
            two = Dense(_rounded(second * then, most), _rounded(second_bias * then * scale * 16 / 2**shift, None))
            inputs = tuple(Input(f"x{i}", i, 4) for i in range(x.shape[1]))
            network = IntegerNetwork(inputs, (one, ClippedReLU(shift, 4), two), len(second))
            found.append((-float((network.evaluate(x).argmax(axis=1) == labels).mean()), len(found), network))
    used = without_unused_inputs(min(found)[2])
    # The peers leave out ports that are not read.
    inputs = tuple(Input(f"x{i}", i, 4) for i in range(len(used.inputs)))
    return IntegerNetwork(inputs, used.layers, used.classes)


def _rounded(values: Any, most: int | None) -> Ints:
    whole: Ints = np.rint(values).astype(np.int64)
    return whole if most is None else np.clip(whole, -most, most)


def renumbered(network: IntegerNetwork, number: int) -> IntegerNetwork:
    """Inputs, hidden neurons and scores in another order; number 0 leaves them."""
    one, relu, two = network.layers
    assert isinstance(one, Dense) and isinstance(relu, ClippedReLU) and isinstance(two, Dense)
    random = np.random.default_rng(number)
    i, h, o = (random.permutation(n) if number else np.arange(n) for n in (*one.weights.shape[::-1], len(two.bias)))
    layers = (Dense(one.weights[h][:, i], one.bias[h]), relu, Dense(two.weights[o][:, h], two.bias[o]))
    return IntegerNetwork(network.inputs, layers, network.classes)


def shared(network: IntegerNetwork, work: int, seed: int) -> tuple[str, dict[str, float]]:
    """Our Verilog with shared sums; adder cells of all layers and seconds of search."""
    parts, seconds = [], time.perf_counter()
    bounds = [(tuple(low.tolist()), tuple(high.tolist())) for low, high in network.intervals()]
    for k, dense in enumerate(network.layers):
        if isinstance(dense, Dense):
            relu = network.layers[k + 1] if k + 1 < len(network.layers) else None
            each = relu.of_each(len(dense.bias)) if isinstance(relu, ClippedReLU) else None
            rows, bias = tuple(map(tuple, dense.weights.tolist())), tuple(dense.bias.tolist())
            parts.append(shared_layer(rows, bias, *bounds[k], each, work=work, seed=seed))
    seconds = time.perf_counter() - seconds
    from amaranth.back import verilog

    top = Chain([(item.name, item.bits) for item in network.inputs], parts, None)
    return verilog.convert(top, name="top", emit_src=False), {
        "cells": sum(len(part.plan.cells) for part in parts),
        "seconds": seconds,
    }


def peers(library: str, python: Path, networks: list[IntegerNetwork]) -> list[dict[str, Any]]:
    """The peer's Verilog of every network."""
    described = []
    for network in networks:
        one, relu, two = network.layers
        assert isinstance(one, Dense) and isinstance(relu, ClippedReLU) and isinstance(two, Dense)
        weights = {"w1": one.weights, "b1": one.bias, "w2": two.weights, "b2": two.bias}
        described.append({k: v.tolist() for k, v in weights.items()} | {"shift": relu.shift, "bits": relu.bits})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "networks.json").write_text(json.dumps(described))
        script = Path(__file__).with_name("cmvm_peer.py")
        run([python, script, library, place / "networks.json", place / "out.json"], time_limit_s=600)
        found: list[dict[str, Any]] = json.loads((place / "out.json").read_text())
    return found


def check(name: str, netlist: Netlist, network: IntegerNetwork, outputs: list[list[int]]) -> None:
    """Compare on random rows. outputs: for each score its bits, whether it is signed, and its fraction bits."""
    x = np.random.default_rng(1).integers(0, 16, (2048, len(network.inputs)))
    bits = (x[:, :, None] >> np.arange(4) & 1).transpose(1, 2, 0)
    # Our ports have names, of which yosys puts some last; a peer has one port for all.
    order = [bits[int(port.name[1:])] for port in netlist.inputs] if len(netlist.inputs) > 1 else [*bits]
    packed = np.packbits(np.concatenate(order).astype(np.uint8), axis=1, bitorder="little")
    result = np.ascontiguousarray(evaluate(netlist, np.ascontiguousarray(packed).view(np.uint64)))
    got = np.unpackbits(result.view(np.uint8), axis=1, bitorder="little").astype(np.int64)
    names = [int(port.name.removeprefix("score_")) for port in netlist.outputs if port.name.startswith("score_")]
    scores = network.evaluate(x).T
    start = 0
    for k in names or range(len(outputs)):
        width, is_signed, fraction = outputs[k]
        weights = 1 << np.arange(width)
        if is_signed:
            weights[-1] *= -1
        value = weights @ got[start : start + width] << max(-fraction, 0)
        if not (value == scores[k] << max(fraction, 0)).all():
            raise SystemExit(f"{name} computes something else for score {k}")
        start += width


def areas(netlist: Netlist) -> dict[str, float]:
    """mm2 of the netlist mapped in each flow."""
    egfet = technology()
    prices = {cell.type.name: cell.area_um2 for cell in egfet.cells}
    kinds = cheapest(egfet.cells, prices)
    library = genlib.write((kind, prices[kind.name]) for kind in kinds)
    parts = composites.write(kinds, prices)
    found = {}
    for name, recipe in FLOWS.items():
        (mapped,) = map_once(netlist, recipe, kinds, library, parts, seed=0, time_limit_s=600)
        found[name] = total(mapped, prices) / 1e6
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="written after every case; cases in it are kept")
    parser.add_argument("--cases", nargs="*", default=list(CASES)[:4], help="default: all but the largest")
    parser.add_argument("--permutations", type=int, default=5)
    parser.add_argument("--work", type=int, default=WORK, help="of the search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="a Python that can import alkaid and da4ml")
    parser.add_argument("--libraries", nargs="*", default=["alkaid", "da4ml"])
    parser.add_argument("--again", action="store_true", help="also cases that the JSON file holds already")
    asked = parser.parse_args()
    done = json.loads(asked.json.read_text())["rows"] if asked.json and asked.json.exists() else []
    rows: dict[str, dict[str, Any]] = {row["case"]: row for row in done}
    for case in asked.cases:
        if case in rows and not asked.again:
            print(f"{case}: kept from {asked.json}")
            continue
        network = train(*CASES[case])
        networks = [renumbered(network, number) for number in range(asked.permutations)]
        designs: dict[str, list[tuple[str, list[list[int]]]]] = {"inkling": []}
        notes = []
        for one in networks:
            low, high = one.intervals()[-1]
            ports = [[int(width), int(lo < 0), 0] for lo, width in zip(low, _widths(low, high), strict=True)]
            text, note = shared(one, asked.work, asked.seed)
            designs["inkling"].append((text, ports))
            notes.append(note)
        if asked.peers:
            for library in asked.libraries:
                made = peers(library, asked.peers, networks)
                designs[library] = [(item["verilog"], item["outputs"]) for item in made]
        found: dict[str, dict[str, list[float]]] = {}
        for name, texts in designs.items():
            mapped = []
            for one, (text, outputs) in zip(networks, texts, strict=True):
                netlist = elaborate(text, time_limit_s=300)
                check(name, netlist, one, outputs)
                mapped.append(areas(netlist))
            found[name] = {flow: [area[flow] for area in mapped] for flow in FLOWS}
            found[name]["best"] = [min(area.values()) for area in mapped]
        rows[case] = {
            "case": case,
            "permutations": asked.permutations,
            "seed": asked.seed,
            "work": asked.work,
            "search": notes,
            "areas_mm2": found,
            "summary": {name: summary(found, name) for name in found},
            "versions": versions(asked.peers, asked.libraries),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        }
        for name, flows in rows[case]["summary"].items():
            for flow, (middle, least, most, ratio) in flows.items():
                text = f"{case}, {flow}: {name} {middle:.1f} mm2 ({least:.1f} to {most:.1f})"
                print(text + (f"; inkling is {ratio:.3f} of it" if name != "inkling" else ""), flush=True)
        if asked.json:
            beside = asked.json.with_suffix(".part")
            kept = [rows[name] for name in CASES if name in rows]
            beside.write_text(json.dumps({"rows": kept}, indent=1, sort_keys=True) + "\n")
            beside.replace(asked.json)


def summary(found: dict[str, dict[str, list[float]]], name: str) -> dict[str, tuple[float, float, float, float]]:
    """Of each flow: median, least and greatest mm2, and the median of Inkling over it."""
    return {
        flow: (median(values), min(values), max(values), round(median(found["inkling"][flow]) / median(values), 4))
        for flow, values in found[name].items()
    }


def versions(python: Path | None, libraries: list[str]) -> dict[str, str]:
    """Of the packages that decide the areas, the peers' as their Python tells them."""
    found = {name: version(name) for name in ("pyosys", "amaranth", "numba", "numpy", "scikit-learn")}
    if python:
        code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        told = run([python, "-c", code, *libraries], time_limit_s=60).stdout.split()
        found |= dict(zip(libraries, told, strict=True))
    return found


def _widths(low: Ints, high: Ints) -> list[int]:
    return [signed_width(int(lo), int(hi)) for lo, hi in zip(low, high, strict=True)]


if __name__ == "__main__":
    main()
