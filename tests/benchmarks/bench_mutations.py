"""Planted changes across emitters and operations: how many are caught, and how many reports name the right node.

Four networks of 16 input bits hold every operation; every text of their designs is changed in one place at a time.
Routes see 10,000 vectors, and where they notice nothing all 65,536 that there are, as `inkling verify` gives them; a
change that shows on none of these is equivalent. Run `python -P tests/benchmarks/bench_mutations.py --count 1000`;
prints a table and, with --json, writes the figures. `--jobs 2` takes networks and texts on two processes.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.programs.process import ToolError
from inkling.approx.reference import netlist_files
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import (
    ArgMax,
    ClippedReLU,
    DecisionTree,
    Dense,
    Logic,
    MaskedSum,
    Tournament,
    knock_out,
)
from inkling.hdl.cells.verilog_writer import emit as emit_netlist
from inkling.hdl.circuits import component_file
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.kernels import c_kernel, numba_kernel
from inkling.sim.benches import component
from inkling.sim.blame.trace import blame
from inkling.sim.designs.folder import DesignFolder
from inkling.sim.designs.recheck import Rechecked
from inkling.sim.kernels import children, gates
from inkling.sim.proofs import named_logic
from inkling.sim.verdicts.comparison import compare
from inkling.sim.verdicts.vectors import every_value, reference, stimuli
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator import bulk

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "sim")]
from forks import forks  # noqa: E402
from verilog_faults import gather, mutants  # noqa: E402

VECTORS, SEED = 10_000, 3
ROUTE = {
    **{"kernel.c": "c", "kernel.py": "numba", "component.py": "component"},
    **{"top.v": "verilator", "mapped.v": "verilator-mapped", "netlist.json": "gates"},
}
CELLS = (
    CellType("NAND2", ("A", "B"), "Y", 0b0111),
    CellType("NOR2", ("A", "B"), "Y", 0b0001),
    CellType("XOR2", ("A", "B"), "Y", 0b0110),
)


@dataclass(frozen=True)
class Change:
    """One planted change: the design with it, its text, and the nodes that are right to be named."""

    subject: str
    design: DesignFolder
    right: frozenset[str]
    told: str


def networks() -> dict[str, IntegerNetwork]:
    """Networks of four 4-bit inputs that hold every operation between them."""
    rng = np.random.default_rng(1)
    inputs = tuple(Input(f"f{k}", k, 4) for k in range(4))
    first = Dense(rng.integers(-9, 10, (3, 4)), rng.integers(-20, 21, 3))
    last = Dense(rng.integers(-7, 8, (4, 3)), rng.integers(-9, 10, 4))
    terms = 9
    masked = MaskedSum(
        np.sort(rng.integers(0, 3, terms)),
        rng.integers(0, 4, terms),
        rng.choice([-1, 1], terms),
        rng.integers(0, 3, terms),
        rng.integers(3, 16, terms),
        rng.integers(0, 9, 3),
    )
    decide = Tournament(knock_out(4), (0, 1, 0), (7, 6, 7))
    leaf = np.array([-1] * 6)
    tree = DecisionTree(
        np.array([0, 1, 2, 3, 1, *leaf]),
        np.array([7, 4, 9, 11, 2, *[0] * 6]),
        np.array([1, 3, 5, 7, 9, *[0] * 6]),
        np.array([2, 4, 6, 8, 10, *[0] * 6]),
        np.array([0] * 5 + [0, 1, 2, 3, 1, 2]),
    )
    gates, first_gate = 40, 18
    sources = np.array([[int(rng.integers(max(2, g - 12), first_gate + g)) for _ in "ab"] for g in range(gates)])
    circuit = Netlist(
        tuple(Port(f"f{k}", 4) for k in range(4)),
        (Port("label", 2),),
        CELLS,
        rng.integers(0, 3, gates).astype(np.uint8),
        sources.astype(np.int32),
        np.array([first_gate + gates - 1, first_gate + gates - 2], np.int32),
    )
    return {
        "dense, clipped ReLU, arg-max": IntegerNetwork(inputs, (first, ClippedReLU(2, 4), last, ArgMax()), 4),
        "masked sum, tournament": IntegerNetwork(inputs, (masked, ClippedReLU(1, 4), last, decide), 4),
        "decision tree": IntegerNetwork(inputs, (tree,), 4),
        "gates": IntegerNetwork(inputs, (Logic(circuit),), 4),
    }


def make(name: str, network: IntegerNetwork) -> DesignFolder:
    """The design as a run would emit it, its cells the gates of yosys' own library."""
    verilog = behavioural(network)
    netlist = named_logic.read([verilog], network)[0].netlist
    label = netlist.outputs[0]
    cells = tuple(replace(cell, name=cell.name.strip("$_") + str(len(cell.inputs))) for cell in netlist.cell_types)
    netlist = replace(netlist, outputs=(label,), output_nodes=netlist.output_nodes[: label.width], cell_types=cells)
    kernel_c, kernel_h = c_kernel.emit(network)
    texts = {
        **{"top.v": verilog, "mapped.v": emit_netlist(netlist), "kernel.c": kernel_c, "kernel.h": kernel_h},
        **{"kernel.py": numba_kernel.emit(network), "component.py": component_file.emit(network)},
    }
    return DesignFolder(name, network, netlist, texts, {}, ())


def in_verilog(design: DesignFolder, subject: str, count: int, seed: int) -> Iterator[Change]:
    """Changes of top.v or mapped.v; right is the wire that the changed statement drives."""
    for mutant in mutants(design.texts[subject], count, seed=seed):
        line = mutant.text.splitlines()[int(re.match(r"line (\d+)", mutant.change)[1]) - 1]  # type: ignore[index]
        assigned = re.match(r"\s*assign (\w+)", line) or re.search(r"\.Y\((\w+)\)\);", line)
        assert assigned
        yield Change(subject, with_text(design, subject, mutant.text), frozenset({assigned[1]}), mutant.change)


def in_netlist(design: DesignFolder, count: int, seed: int) -> Iterator[Change]:
    """Other cells and other sources in netlist.json; right is the gate, by its instance or its wire."""
    generator, netlist = random.Random(seed), design.netlist
    live = np.flatnonzero(netlist.live()[netlist.first_gate :]).tolist()
    for _ in range(count):
        gate = generator.choice(live)
        kinds, sources = netlist.kinds.copy(), netlist.sources.copy()
        pins = len(netlist.cell_types[kinds[gate]].inputs)
        alike = [k for k, c in enumerate(netlist.cell_types) if len(c.inputs) == pins and k != kinds[gate]]
        if alike and generator.random() < 0.5:
            kinds[gate] = generator.choice(alike)
        else:
            sources[gate, generator.randrange(pins)] = generator.randrange(2, netlist.first_gate + gate)
        changed = netlist_files.from_json(netlist_files.to_json(replace(netlist, kinds=kinds, sources=sources)))
        right = frozenset({f"n{gate}", f"g{gate}"})
        yield Change("netlist.json", replace(design, netlist=changed), right, f"gate {gate}")


def in_kernel(design: DesignFolder, subject: str, count: int, seed: int) -> Iterator[Change]:
    """Numbers and operators of the arithmetic in kernel.c or kernel.py; right is the variable that is computed."""
    text, generator = design.texts[subject], random.Random(seed)
    found = list(places(text, subject == "kernel.c"))
    generator.shuffle(found)
    for start, end, new in found[:count]:
        changed = text[:start] + new + text[end:]
        line = text.count("\n", 0, start) + 1
        told = f"line {line}: {text[start:end]!r} became {new!r}"
        yield Change(subject, with_text(design, subject, changed), target(text, start, subject), told)


def places(text: str, is_c: bool) -> Iterator[tuple[int, int, str]]:
    """Start, end and replacement: two changes of every number, one of an operator, that is no index and no loop."""
    begin = re.search(r"^static void (?:gates0|block)\(|^int inkling_classify\(|^def _run", text, re.MULTILINE)
    assert begin
    swap = {"+": "-", "-": "+", "&": "|", "|": "&", "^": "&", "<": ">=", ">": "<", "<=": ">"}
    at = begin.start()
    stop = re.search(r"^(?:static )?void inkling_classify_batch|^enum|^def classify", text[at:], re.MULTILINE)
    last = at + stop.start() if stop else len(text)
    for line in re.finditer(r"[^\n]+", text[:last]):
        body = line[0]
        if line.start() < at or re.search(r"\bfor\b|#|ALIGNED|return|while|static|one\[|two\[|block\[|[{]$", body):
            continue
        for token in re.finditer(r"(?<![\w\[.])\d+(?!\w)|(?<= )(?:<=|[-+&|^<>])(?= )", body):
            inside = body[: token.start()].count("[") > body[: token.start()].count("]")
            declared = re.match(r"\s*(?:const )?u?int\d+_t v\d", body) is not None
            if not inside and not declared and not re.match(r"\s*(?:features|\+ l|<)", body[token.start() :]):
                number = token[0].isdigit() and int(token[0])
                for new in [swap[token[0]]] if number is False else [str(number + 1), str(2 * number + 3)]:
                    yield line.start() + token.start(), line.start() + token.end(), new


def target(text: str, at: int, subject: str) -> frozenset[str]:
    """The variable that the statement round a place computes."""
    head = text.rfind(";", 0, at) if subject == "kernel.c" else text.rfind("\n", 0, at)
    named = re.search(r"(?:const \w+ )?\b((?:g|n|b|less|who|best)\d+) = ", text[head:at])
    if named:
        return frozenset({named[1]})
    ending = r"v(\d+)\[(\d+)( \+ l)?\] = (?:\(\w+\))?t\b"
    stored = re.compile(ending).search(text, at)
    between = text[at : stored.start()] if stored else ""
    if stored and not re.search(r"\blabel\b|\bdef\b|^\}", between, re.MULTILINE):
        return frozenset({f"v{stored[1]}[{int(stored[2]) // (64 if stored[3] else 1)}]"})
    return frozenset({"label", "best"})


def in_component(design: DesignFolder, count: int, seed: int) -> Iterator[Change]:
    """Numbers of the parts in component.py; right are wires whose definition the change makes another."""
    text, generator = design.texts["component.py"], random.Random(seed)
    start, end = text.index("\nPARTS = ("), text.index("\nclass Top")
    numbers = list(re.finditer(r"(?<![\w.'])\d+(?!\w)", text[start:end]))
    sound = definitions(component.to_rtlil(design.network, text))
    made = 0
    for match in generator.sample(numbers, len(numbers)):
        if made == count:
            return
        new = str(int(match[0]) + generator.choice((1, -1))) if int(match[0]) else "1"
        changed = text[: start + match.start()] + new + text[start + match.end() :]
        try:
            suspect = definitions(component.to_rtlil(design.network, changed))
            named_logic.read([component.to_rtlil(design.network, changed)], design.network)
        except ToolError:
            continue  # no design at all: caught before any vector
        right = frozenset(name for name in suspect if suspect[name] != sound.get(name))
        made += 1
        yield Change("component.py", with_text(design, "component.py", changed), right, f"{match[0]} became {new}")


def definitions(rtlil: str) -> dict[str, str]:
    """For every named wire what it is connected to, with the names of yosys' own wires expanded."""
    direct: dict[str, str] = {}
    for cell in re.finditer(r"^  cell (\S+) \S+\n(.*?)^  end$", rtlil, re.MULTILINE | re.DOTALL):
        pins = re.findall(r"connect (\S+) (.*)", cell[2])
        direct[dict(pins)["\\Y"]] = " ".join([cell[1], *(f"{p} {v}" for p, v in pins if p != "\\Y")])
    for name, value in re.findall(r"^  connect (\S+) (.*)$", rtlil, re.MULTILINE):
        direct[name] = value

    def expanded(value: str, depth: int = 0) -> str:
        own = re.compile(r"\$\d+")
        return own.sub(lambda m: f"({expanded(direct.get(m[0], ''), depth + 1)})" if depth < 50 else m[0], value)

    return {name[1:]: expanded(value) for name, value in direct.items() if name.startswith("\\")}


def with_text(design: DesignFolder, subject: str, text: str) -> DesignFolder:
    return replace(design, texts={**design.texts, subject: text})


def check(changes: list[Change], network: IntegerNetwork, values: Any) -> list[Verdict]:
    """The verdict of the route that reads each changed text, on these values; Verilog texts share one build."""
    expected = reference(network, values)
    if changes and changes[0].subject in ("top.v", "mapped.v"):
        together, outputs = gather([item.design.texts[item.subject] for item in changes], network)
        with tempfile.TemporaryDirectory() as folder:
            built = bulk.build(together, network, Path(folder), time_limit_s=400, outputs=outputs, level="-O0")
            found, seconds = bulk.drive(built, network, values, time_limit_s=100, outputs=outputs)
        subject = changes[0].subject
        return [
            compare(network, values, expected, column, route=ROUTE[subject], subject=subject, seconds=seconds)
            for column in found.T.astype(np.int64)
        ]
    return [_alone(item, network, values, expected) for item in changes]


def _alone(item: Change, network: IntegerNetwork, values: Any, expected: Any) -> Verdict:
    texts = item.design.texts
    match item.subject:
        case "kernel.c":
            return children.verify_c(network, texts["kernel.c"], texts["kernel.h"], values, expected=expected)
        case "kernel.py":
            return children.verify_numba(network, texts["kernel.py"], values, expected=expected)
        case "netlist.json":
            return replace(
                gates.verify_gates(item.design.netlist, network, values, expected=expected), subject="netlist.json"
            )
        case _:
            logic = named_logic.read([component.to_rtlil(network, texts["component.py"])], network)[0]
            found = named_logic.labels(logic, network, values)
            return compare(network, values, expected, found, route="component", subject="component.py", seconds=0.0)


def equivalent(changes: list[Change], network: IntegerNetwork) -> list[Verdict]:
    """The verdict on every value of the inputs; Verilog is read by yosys and evaluated bit by bit."""
    values = every_value(network)
    if not changes or changes[0].subject not in ("top.v", "mapped.v"):
        return check(changes, network, values)
    expected, found = reference(network, values), []
    for item in changes:
        logic = named_logic.read([item.design.texts[item.subject]], network)[0]
        labels = named_logic.labels(logic, network, values)
        route = ROUTE[item.subject]
        found.append(compare(network, values, expected, labels, route=route, subject=item.subject, seconds=0.0))
    return found


def plant(design: DesignFolder, subject: str, count: int) -> list[Change]:
    """Changes of one text of a design."""
    match subject:
        case "netlist.json":
            return list(in_netlist(design, count, SEED))
        case "component.py":
            return list(in_component(design, count, SEED))
        case "kernel.c" | "kernel.py":
            return list(in_kernel(design, subject, count, SEED))
        case _:
            return list(in_verilog(design, subject, count, SEED))


def one(name: str, subject: str, count: int) -> tuple[str, dict[str, float], list[str]]:
    """Plant `count` changes in one text of one network's design, and let them be caught and traced."""
    begin = time.monotonic()
    network = networks()[name]
    design = make(name, network)
    some = stimuli(network, None, count=VECTORS, seed=SEED, exhaustive_bits=0).values
    every = every_value(network)
    changes = plant(design, subject, count)
    verdicts = check(changes, network, some)
    values = [some] * len(changes)
    silent = [k for k, verdict in enumerate(verdicts) if verdict.passed]
    for k, verdict in zip(silent, equivalent([changes[k] for k in silent], network), strict=True):
        verdicts[k], values[k] = verdict, every
    caught = sum(not verdict.passed for verdict in verdicts)
    row: dict[str, float] = {"planted": len(changes), "equivalent": len(changes) - caught, "changing": caught}
    row |= {"caught": caught, "caught by 10,000 vectors": len(changes) - len(silent), "named": 0}
    notes, expected = [], {id(some): reference(network, some), id(every): reference(network, every)}
    for item, verdict, tried in zip(changes, verdicts, values, strict=True):
        if verdict.passed:
            continue
        differs = {item.subject: "changed"} if item.subject != "netlist.json" else {"mapped.v": "changed"}
        emitted = dict(design.texts)
        if item.subject == "netlist.json":
            emitted["mapped.v"] = emit_netlist(item.design.netlist)
        checked = Rechecked((verdict,), emitted, differs, tried, expected[id(tried)])
        found = blame(item.design, checked, verdict)
        if found is not None and found.node in item.right:
            row["named"] += 1
        else:
            node = found and (found.node, found.told[:80])
            notes.append(f"{name}, {subject}: {item.told}: named {node}, right {sorted(item.right)[:4]}")
    row["seconds"] = round(time.monotonic() - begin, 1)
    return subject, row, notes


def measure(count: int, jobs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Plant `count` changes in all, as evenly as the texts have places for them."""
    begin, spent = time.monotonic(), processor_s()
    tally: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    each = -(-count // (len(networks()) * len(ROUTE)))
    # The longest first, so that the processes end together.
    order = ("kernel.py", "component.py", "mapped.v", "kernel.c", "top.v", "netlist.json")
    work = [(name, subject, each) for subject in order for name in networks()]

    def add(found: tuple[str, dict[str, float], list[str]]) -> None:
        subject, row, told = found
        into = tally.setdefault(subject, dict.fromkeys(row, 0))
        for key, value in row.items():
            into[key] = round(into[key] + value, 1)
        notes.extend(told)
        say(f"{subject}: {into}, {time.monotonic() - begin:.0f} s")

    prepare()
    with forks():
        if jobs == 1:
            for item in work:
                add(one(*item))
        else:
            with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
                for found in pool.imap_unordered(started, work):
                    add(found)
    keys = next(iter(tally.values()))
    total = {key: round(sum(row[key] for row in tally.values()), 1) for key in keys}
    return {
        "benchmark": "mutations",
        "seconds": round(time.monotonic() - begin, 1),
        "processor_seconds": round(processor_s() - spent, 1),
        "jobs": jobs,
        "load_average": round(os.getloadavg()[0], 1),
        "total": total,
        "caught_share": total["caught"] / max(total["changing"], 1),
        "named_share": round(total["named"] / max(total["caught"], 1), 4),
        "by text": {subject: tally[subject] for subject in ROUTE},
        "not named": sorted(notes),
    }


def processor_s() -> float:
    """Processor time of this process and of its children that ended, which other work does not stretch."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def started(item: tuple[str, str, int]) -> tuple[str, dict[str, float], list[str]]:
    """`one` in a process of the pool."""
    return one(*item)


def prepare() -> None:
    """Import what the children of the routes import, so that forks have it: start-up is most of a short run."""
    for name in ("amaranth.back.rtlil", "pyosys.libyosys", "numba"):
        importlib.import_module(name)
    sys.modules["numba"].njit(lambda x: x + 1)(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = measure(arguments.count, arguments.jobs, lambda line: print(line, flush=True))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
