"""One point of a campaign: a search on one split, its circuits mapped, checked, costed and scored on held-out rows.

The result is a function of the point alone, so there are no time limits but those that catch what hangs. Where it is
computed is decided in `inkling.campaigns.cluster`.
"""

import contextlib
import math
import sys
import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from inkling.campaigns.campaign import Point
from inkling.campaigns.store import Circuit, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from inkling.approx.reference.netlist import Netlist
    from inkling.hdl.cells.technology import Technology
    from inkling.runs.candidates import Candidate
    from inkling.runs.effort import Effort
    from inkling.train.tables.dataset import Dataset
    from inkling.train.tables.table import Table

MAPPING_S = 3600.0  # a circuit that is not mapped by then makes its point fail


def compute(point: Point, table: "Table | None", technology: "Technology | None") -> Outcome:
    """The outcome of a point; an error becomes part of it. table and technology: those that the point names."""
    begun = time.perf_counter()
    try:
        if point.method == "simulated":
            found = _simulated(point)
        else:
            assert table is not None and technology is not None
            found = _searched(point, table, technology)
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        found = Outcome(point.key, point.specification(), (), (0, 0, 0), 0.0, "", 0.0, text)
    return replace(found, seconds=time.perf_counter() - begun)


def _searched(point: Point, table: "Table", technology: "Technology") -> Outcome:
    from inkling.train.tables.dataset import majority_rate

    dataset = _dataset(point, table)
    development = dataset.development
    candidates = _candidates(point, dataset, technology)
    circuits = tuple(_circuit(candidate, dataset, technology, point.seed) for candidate in candidates)
    return Outcome(
        point.key,
        point.specification(),
        tuple(sorted(circuits, key=lambda circuit: (circuit.area_cm2, circuit.name))),
        _sizes(dataset),
        majority_rate(development.train),
        dataset.fingerprint,
        0.0,
    )


def _sizes(dataset: "Dataset") -> tuple[int, int, int]:
    """Numbers of training, validation and test rows; nothing of the test rows but their number is read."""
    development = dataset.development
    return len(development.train.labels), len(development.validation.labels), len(dataset.test.labels)


_datasets: dict[tuple[Any, ...], "Dataset"] = {}


def _dataset(point: Point, table: "Table") -> "Dataset":
    """The table's split; the last few are kept, as a worker's points often share one."""
    from inkling.train.tables.assemble import assemble

    place = (point.data, point.split)
    if place not in _datasets:
        made = assemble(table, replace(point.data.reading, seed=point.split))
        while len(_datasets) >= 4:
            _datasets.pop(next(iter(_datasets)))
        _datasets[place] = made
    return _datasets[place]


def effort_of(point: Point) -> "Effort":
    """The point's budget as an effort without limits in seconds; what its method does not read is as for `quick`."""
    from inkling.runs.effort import EFFORTS

    values = {name: value for name, value in point.budget.values.items() if name != "islands"}
    values["trees"] = tuple(values["trees"])
    return replace(EFFORTS["quick"], training_work=math.inf, mapping_s=MAPPING_S, **values)


def _candidates(point: Point, dataset: "Dataset", technology: "Technology") -> "tuple[Candidate, ...]":
    from inkling.runs import candidates

    development, effort, seed = dataset.development, effort_of(point), point.seed
    if point.method == "arithmetic":
        return candidates.arithmetic(development, technology, effort, seed, processes=1, mapping_s=MAPPING_S)
    if point.method == "gates":
        islands = int(point.budget.values["islands"])
        with _elsewhere(islands) as executor:
            return candidates.circuits(development, technology, effort, seed, islands=islands, executor=executor)
    if point.method == "exact":
        return (candidates.exact_network(development, effort, seed),)
    if point.method == "power_of_two":
        return candidates.power_of_two_networks(development, effort, seed)
    if point.method == "logistic":
        return (candidates.logistic_regression(development),)
    return candidates.decision_trees(development, effort, seed)


@contextlib.contextmanager
def _elsewhere(islands: int) -> "Iterator[Executor | None]":
    """The cluster whose worker this is, for islands to run on; None for a single one, and outside of a cluster."""
    worker = sys.modules.get("distributed.worker")
    if islands == 1 or worker is None or not getattr(worker.thread_state, "execution_state", None):
        yield None
        return
    from distributed import worker_client

    with worker_client() as client:
        yield client.get_executor(pure=False)


def _circuit(candidate: "Candidate", dataset: "Dataset", technology: "Technology", seed: int) -> Circuit:
    """Map, compare with the reference on every row of the development part, cost and score.

    Raises inkling.approx.programs.process.ToolError where mapping fails, RuntimeError where gates and reference
    differ.
    """
    from inkling.approx.reference.netlist_files import to_json
    from inkling.approx.reference.network import without_unused_inputs
    from inkling.hdl.cost.circuit import cost
    from inkling.reports.results.assess import assess
    from inkling.sim.kernels.gates import verify_gates

    development = dataset.development
    network = without_unused_inputs(candidate.network)
    codes = network.select(np.concatenate([development.train.codes, development.validation.codes])).astype(np.uint8)
    netlist = _mapped(network, technology, seed)
    verdict = verify_gates(netlist, network, codes)
    if verdict.failed:
        raise RuntimeError(f"{candidate.name}: the mapped gates differ from the network on {verdict.mismatches} rows")
    price = cost(netlist, technology, codes[: len(development.train.labels)])
    scores = assess(candidate.network, dataset)
    volts = technology.voltages[-1]
    return Circuit(
        name=candidate.name,
        area_cm2=price.area_cm2,
        power_mw=price.static_power_mw[volts],
        delay_ms=price.delay_ms.get(volts),
        gates=price.gates,
        inputs_used=len(netlist.used_ports()),
        train=scores.accuracy["train"],
        validation=scores.accuracy["validation"],
        test=scores.accuracy["test"],
        balanced=scores.balanced_accuracy,
        netlist=zlib.compress(to_json(netlist).encode(), 6),
    )


def _mapped(network: Any, technology: "Technology", seed: int) -> "Netlist":
    """The network as cells; one that is cells already stays as it is."""
    from inkling.approx.netlists.tree import build
    from inkling.approx.reference.netlist import Port
    from inkling.approx.reference.operations import DecisionTree, Logic
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.mapping.search import map_netlist, map_verilog
    from inkling.hdl.names import port_names

    first = network.layers[0]
    if isinstance(first, Logic) and set(first.netlist.cell_types) <= {cell.type for cell in technology.cells}:
        return first.netlist
    if isinstance(first, DecisionTree):
        built = build(network)
        names = port_names([item.name for item in network.inputs])
        ports = tuple(Port(name, port.width) for name, port in zip(names, built.inputs, strict=True))
        return map_netlist(replace(built, inputs=ports), technology, seed=seed, time_limit_s=MAPPING_S).netlist
    return map_verilog(behavioural(network), technology, seed=seed, time_limit_s=MAPPING_S).netlist


def _simulated(point: Point) -> Outcome:
    """Figures drawn from the point's key, after `rounds` ms of this thread's processor time."""
    end = time.thread_time() + point.budget.values["rounds"] / 1000
    while time.thread_time() < end:
        pass
    rng = np.random.default_rng(int(point.key[:16], 16))
    skill = rng.normal(0, 0.01)
    circuits = []
    for number in range(point.budget.values["circuits"]):
        area = float(0.01 * 2.0**number * rng.uniform(0.9, 1.1))
        test = float(min(1.0, 0.7 + 0.05 * number + skill))
        circuits.append(
            Circuit(f"simulated-{number + 1}", area, area, None, 10 * 2**number, 2, test, test, test, test)
        )
    return Outcome(point.key, point.specification(), tuple(circuits), (490, 210, 300), 0.5, "simulated", 0.0)
