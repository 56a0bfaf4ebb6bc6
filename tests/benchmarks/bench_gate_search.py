"""Throughput of the gate-level search: python tests/benchmarks/bench_gate_search.py [--json FILE].

Candidates a second of processor time, the largest of several short rounds, in one process and in two at once; and on
one island and on two, whose rates are added, in turns. What the search reaches on data sets is measured by
`bench_gates.py`.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from inkling.approx.gates import packing, search
from inkling.approx.gates import state as gate_state
from inkling.approx.gates.islands import Island, stretch
from inkling.approx.netlists import tree as tree_netlist
from inkling.approx.quantise import networks, teacher
from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells import egfet
from inkling.hdl.cost.search_prices import usable
from inkling.hdl.mapping.starts import mapped
from inkling.train.tables.dataset import Development, Rows
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load as load_set

AREAS = {  # EGFET cells, um2
    "INV": 228420.0,
    "NAND2": 247860.0,
    "NOR2": 399500.0,
    "AND2": 433500.0,
    "OR2": 563530.0,
    "XOR2": 1042800.0,
    "XNOR2": 1347557.0,
}
WEIGHT_BITS, MAPPING_S = 6, 120.0
SHAPES = ((120, 1_100, 60), (120, 11_000, 60), (1_000, 7_700, 64), (5_000, 7_700, 64))  # gates, rows, input bits


def large_tree(gates: int, rows: int, inputs: int, rng: np.random.Generator) -> tuple[Netlist, Rows]:
    """The circuit of a tree that learned random labels by heart: about so many gates, and right on most rows."""
    codes = rng.integers(0, 16, (rows, inputs // 4)).astype(np.uint8)
    labels = (codes[:, 0] // 4 + codes[:, 1] // 8 * (rng.random(rows) < 0.7)).astype(np.int64) % 4
    empty = Rows(codes[:0], labels[:0])
    names = tuple(f"x{i}" for i in range(codes.shape[1]))
    table = Development("random", names, ("0", "1", "2", "3"), (4,) * len(names), Rows(codes, labels), empty)
    weighted = teacher.WeightedRows(codes, labels, np.ones(rows, np.int64))
    tree = teacher.tree(weighted, table, gates // (4 if gates < 500 else 2), seed=0)
    return tree_netlist.build(tree), Rows(codes, labels)


def large_state(gates: int, rows: int, inputs: int, seed: int) -> gate_state.State:
    """A circuit of `large_tree` ready to be changed."""
    rng = np.random.default_rng(seed)
    return ready(*large_tree(gates, rows, inputs, rng), AREAS, rng)


def deep_state(seed: int) -> tuple[gate_state.State, int]:
    """A logistic regression of pendigits in printed cells, and its rows: adder trees, so cones are deep and wide."""
    technology = egfet.technology()
    dataset = load_set(Reading("pendigits", seed=20))
    development = teacher.joined(dataset.development)
    network = networks.logistic(development, weight_bits=WEIGHT_BITS)
    cells = usable(technology)
    netlist = mapped(network, development, technology, tuple(cell.type for cell in cells), time_limit_s=MAPPING_S)
    areas = {cell.type.name: cell.area_um2 for cell in cells}
    return ready(netlist, development.train, areas, np.random.default_rng(seed)), len(development.train.labels)


def ready(netlist: Netlist, given: Rows, areas: dict[str, float], rng: np.random.Generator) -> gate_state.State:
    """A circuit and rows as a state that can be changed."""
    width = sum(port.width for port in netlist.outputs)
    packed = packing.pack(packing.input_bits(given.codes, netlist.inputs), given.labels, width)
    cells = packing.library(netlist.cell_types, areas)
    first = 2 + len(packed.inputs)
    return gate_state.State(gate_state.reorder(packing.from_netlist(netlist), first, rng), packed, cells.area, rng)


def throughput(job: tuple[int, int, int, int]) -> dict[str, float]:
    gates, rows, inputs, seed = job
    return measure(large_state(gates, rows, inputs, seed), gates, rows, seed)


def measure(state: gate_state.State, gates: int, rows: int, seed: int) -> dict[str, float]:
    """The largest rate of some short rounds. gates: about as many as there are, which sets how short."""
    total = rows
    archive = gate_state.Archive(400, 2e5, 0.03)
    plan = gate_state.plan(seed, search.SHARES, (7, 1, 8, 14, 6, 9), 3.0)
    moves, best, live = max(2_000, 10_000_000 // gates), 0.0, state.live
    for _ in range(5):
        began = time.process_time()
        found = state.anneal(archive, plan, moves=moves, price=1e-5 * total / 1e8, temperature=total * 1e-4)
        best = max(best, found / (time.process_time() - began))
    state.check()
    return {"gates": live, "rows": rows, "candidates_per_second": round(best)}


def load() -> str:
    """Of the machine, over one minute, and its cores."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def rate(island: Island, rounds: int) -> float:
    """Candidates a second of processor time of a stretch after the first round, which warms up."""
    first = stretch(island, None, (), 1)
    begun = time.process_time()
    made = stretch(island, first.archive, (), rounds)
    return (made.counts[2] - first.counts[2]) / (time.process_time() - begun)


def island_scaling(rounds: int = 8) -> tuple[float, float]:
    """The mean rate of two islands' stretches one after the other, and the sum of both at once, on equal circuits."""
    netlist, rows = large_tree(120, 6_000, 60, np.random.default_rng(0))
    validation, settings = Rows(rows.codes[:500], rows.labels[:500]), search.with_settings(effort=1e8)
    problem = search.problem([netlist], rows, validation, AREAS, settings=settings)
    islands = [Island(k, problem, [packing.from_netlist(netlist)], (0, k), None) for k in (0, 1)]
    alone = [rate(island, rounds) for island in islands]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        at_once = list(executor.map(rate, islands, [rounds, rounds]))
    return sum(alone) / 2, sum(at_once)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="leave out the mapped circuit, which takes a minute")
    options = parser.parse_args(arguments)
    found = [throughput((*shape, 0)) for shape in SHAPES]
    if not options.quick:
        deep, rows = deep_state(0)
        found.append({**measure(deep, deep.live, rows, 0), "deep": 1})
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pair = pool.map(throughput, [(*SHAPES[1], seed) for seed in (0, 1)], chunksize=1)
    both = sum(p["candidates_per_second"] for p in pair) / found[1]["candidates_per_second"]
    for line in found:
        print(
            f"{line['gates']:6d} gates x {line['rows']:6d} rows: {line['candidates_per_second']:9,d} candidates/s"
            + (", a mapped logistic regression" if "deep" in line else "")
        )
    print(f"two processes: {both:.2f} x one")
    turns = [island_scaling() for _ in range(3)]
    islands = max(two / one for one, two in turns)
    print(f"two islands: {islands:.2f} x one, the best of {len(turns)} turns; load {load()}")
    if options.json:
        versions = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
        beside = options.json.with_suffix(".tmp")
        figures = {"versions": versions, "throughput": found, "two_processes": both, "islands": turns, "load": load()}
        beside.write_text(json.dumps(figures, indent=1) + "\n")
        beside.replace(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
