"""One design from network to folder: emit, map, cost, verify. What is designed is chosen in
`inkling.runs.candidates`.

`build` runs in a worker process; it takes and returns plain frozen data and writes only into the folder it is given.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.quantise.integers import Output
from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork, without_unused_inputs
from inkling.approx.reference.operations import Logic
from inkling.hdl.cells.technology import Technology
from inkling.hdl.converters.front_end import FrontEnd
from inkling.hdl.cost.circuit import Cost
from inkling.reports.results.circuit import Circuit, UsedInput
from inkling.reports.results.circuit import describe as describe_circuit
from inkling.runs.effort import Effort
from inkling.sim.verdicts.verdict import Outcome, overall
from inkling.train.tables.quantiser import Quantiser


@dataclass(frozen=True)
class Job:
    """What a worker needs to know of one design.

    rows: uint8 [rows, columns], codes of training and validation rows (vectors to check with); the first
    `training_rows` of them are the training rows, whose states give the static power. quantisers and columns
    are those of the data set. Where `verified` is false (rivals) the design is only emitted to be costed, and
    its mapped cells are still compared with the reference on the rows. outputs: what the scores of a regression
    mean, which has no classes. delay_limit_ms, power_weight (cm2 per mW at the lowest voltage): by what the better of
    a searched circuit and its mapped form is chosen. converters: whether the technology's converters are counted.
    """

    name: str
    method: str
    levels: tuple[int, ...]
    network: IntegerNetwork
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    quantisers: tuple[Quantiser, ...]
    rows: NDArray[np.uint8]
    training_rows: int
    technology: Technology
    effort: Effort
    seed: int
    fingerprint: str
    verified: bool
    outputs: tuple[Output, ...] = ()
    delay_limit_ms: float = math.inf
    power_weight: float = 0.0
    converters: bool = False


@dataclass(frozen=True)
class Built:
    """What came of a job: the pruned network, its cost, the areas of all mapping runs in cm2, verdicts, seconds.

    circuit: what it is made of, without what test rows tell; netlist: its mapped cells. limits: time limits that
    were reached, in words; where there is one, another machine may make another design.
    """

    job: Job
    network: IntegerNetwork
    cost: Cost
    areas_cm2: tuple[float, ...]
    verdicts: tuple[dict[str, Any], ...]
    outcome: Outcome
    seconds: dict[str, float]
    circuit: Circuit
    netlist: Netlist
    limits: tuple[str, ...] = ()

    @cached_property
    def front_end(self) -> FrontEnd | None:
        """The converters of what the mapped gates read, None where they are not counted."""
        return _front_end(self.job, self.network, self.netlist)

    @property
    def node_area_cm2(self) -> float:
        """Of logic and, where they are counted, converters."""
        return self.cost.area_cm2 + (self.front_end.area_cm2 if self.front_end else 0.0)

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED


def build(job: Job, folder: Path | None, kept: Path | None = None) -> Built:
    """Design, cost and verify; with a folder, leave the design's files there; kept: a folder of finished mappings.

    Raises inkling.approx.programs.process.ToolError where a tool cannot be run or runs past its limit.
    """
    from inkling.approx.reference.netlist_files import to_json
    from inkling.approx.reference.network_files import save
    from inkling.hdl.cells.verilog_writer import emit as emit_netlist
    from inkling.hdl.circuits import component_file
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.cost.circuit import cost
    from inkling.hdl.kernels import c_kernel, numba_kernel, readings
    from inkling.hdl.mapping.search import map_verilog
    from inkling.sim.designs import costs, manifest
    from inkling.sim.designs.recheck import ABOUT
    from inkling.sim.designs.routes import Emitted, verify_all
    from inkling.sim.kernels.gates import verify_gates
    from inkling.sim.verdicts import files as verdict_files

    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[stage] = now - clock
        clock = now

    network = without_unused_inputs(_with_ports(job))
    described = describe(job, network)
    rows = network.select(job.rows).astype(np.uint8)
    verilog = behavioural(network, sharing=job.effort.sharing)
    lap("emit")
    mapping = map_verilog(
        verilog,
        job.technology,
        effort=job.effort.name,
        seed=job.seed,
        time_limit_s=job.effort.mapping_s,
        kept=kept,
    )
    limits = (f"{mapping.late} mapping runs ended at their time limit",) if mapping.late else ()
    described |= {"limits": list(limits)} if limits else {}
    netlist = _better(network, mapping.netlist, job, rows[: job.training_rows])
    lap("map")
    costed = cost(netlist, job.technology, rows[: job.training_rows])
    lap("cost")
    if job.verified:
        read_as = readings.of_described(described["inputs"])
        kernel_c, kernel_h = c_kernel.emit(network, labels=job.classes, readings=read_as)
        kernel_py = numba_kernel.emit(network, labels=job.classes, readings=read_as)
        emitted = Emitted(verilog, emit_netlist(netlist), kernel_c, kernel_h, kernel_py, netlist)
        verdicts = verify_all(
            emitted,
            network,
            rows,
            vectors=job.effort.vectors,
            cocotb_vectors=job.effort.cocotb_vectors,
            proof_s=job.effort.proof_s,
            seed=job.seed,
        )
        lap("verify")
        if folder is not None:
            texts = {
                "top.v": verilog,
                "mapped.v": emitted.mapped,
                "component.py": component_file.emit(network, class_names=job.classes, sharing=job.effort.sharing),
                "kernel.c": kernel_c,
                "kernel.h": kernel_h,
                "kernel.py": kernel_py,
                "netlist.json": to_json(netlist),
                "design.json": _json(described),
                "cost.json": costs.cost_text(netlist, job.technology, rows[: job.training_rows]),
                "readings.json": _readings(job, network, described),
            }
            folder.mkdir(parents=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            save(network, folder)
            verdicts = tuple(verdict_files.bound(verdicts, folder, ABOUT))
            (folder / verdict_files.VERDICTS).write_text(verdict_files.text(verdicts), encoding="utf-8")
            manifest.write(folder)
            lap("write")
    else:
        verdicts = (verify_gates(netlist, network, rows),)
        lap("verify")
    return Built(
        job,
        network,
        costed,
        (costed.area_cm2, *(area / 1e8 for area in mapping.areas)),
        tuple(verdict.to_json() for verdict in verdicts),
        overall(verdicts),
        seconds,
        circuit_of(netlist, job.technology, described["inputs"], costed.static_power_mw, verilog),
        netlist,
        limits,
    )


def _readings(job: Job, network: IntegerNetwork, described: dict[str, Any]) -> str:
    """readings.json: readings about the thresholds, and what the run's own quantisers and network make of them."""
    from inkling.sim.designs.meaning import draw, readings_text

    readings = draw(described["inputs"], job.seed)
    codes = np.stack(
        [
            item.values(job.quantisers[item.column].codes(column)).astype(np.uint8)
            for item, column in zip(network.inputs, readings.T, strict=True)
        ],
        axis=1,
    )
    return readings_text(network, described, codes, readings)


def _with_ports(job: Job) -> IntegerNetwork:
    """The network with inputs named as the ports of their columns, found from all columns of the table.

    So a port stands for one column in every design of a run, whichever of the columns a design reads.
    """
    from inkling.hdl.names import port_names, threshold_port

    ports = port_names(job.columns)

    def name(item: Input) -> str:
        return threshold_port(ports[item.column], item.threshold.level) if item.threshold else ports[item.column]

    return replace(job.network, inputs=tuple(replace(item, name=name(item)) for item in job.network.inputs))


def _front_end(job: Job, network: IntegerNetwork, netlist: Netlist) -> FrontEnd | None:
    """The converters of what the mapped gates read."""
    from inkling.hdl.converters.front_end import front_end
    from inkling.hdl.names import port_names

    if not job.converters or job.technology.converters is None:
        return None
    inputs = dict(zip(port_names([item.name for item in network.inputs]), network.inputs, strict=True))
    live, start, unread = netlist.live(), 2, []
    for port in netlist.inputs:
        read = live[start : start + port.width]
        unread.append(int(read.argmax()) if read.any() else port.width)
        start += port.width
    return front_end([inputs[port.name] for port in netlist.inputs], job.technology, unread=unread)


def circuit_of(
    netlist: Netlist,
    technology: Technology,
    described: Sequence[Mapping[str, Any]],
    power_mw: Mapping[str, float],
    verilog: str,
) -> Circuit:
    """What a netlist is made of; described: the inputs of design.json."""
    inputs = [
        UsedInput(
            *(item["column"], item["port"], item["bits"], ()),
            *(float(item["low"]), float(item["high"]), item.get("reference")),
        )
        for item in described
    ]
    return describe_circuit(netlist, technology, inputs, power_mw, verilog)


def _better(network: IntegerNetwork, mapped: Netlist, job: Job, values: NDArray[np.uint8]) -> Netlist:
    """The mapped netlist, or the network's own where it is one of the technology's cells and costs no more.

    Cost: area and weighted power; a netlist within the delay limit goes before one that is not.
    """
    from inkling.hdl.cost.circuit import cost
    from inkling.hdl.names import port_names

    (first, *rest) = network.layers
    if rest or not isinstance(first, Logic):
        return mapped
    own = first.netlist
    if not set(own.cell_types) <= {cell.type for cell in job.technology.cells}:
        return mapped
    lowest = min(job.technology.voltages, key=float)

    def price(netlist: Netlist) -> tuple[bool, float]:
        found = cost(netlist, job.technology, values)
        late = max(found.delay_ms.values(), default=0.0) > job.delay_limit_ms
        return late, round(found.area_cm2 + job.power_weight * found.static_power_mw[lowest], 12)

    names = port_names([item.name for item in network.inputs])
    ports = tuple(Port(name, port.width) for name, port in zip(names, own.inputs, strict=True))
    named = replace(own, inputs=ports, outputs=(Port("label", own.outputs[0].width),))
    return mapped if price(named) > price(mapped) else named


def describe(job: Job, network: IntegerNetwork) -> dict[str, Any]:
    """design.json: the ports and what they mean, so that a design can be used without the run that made it."""
    from inkling.hdl.names import port_names
    from inkling.version import __version__

    ports = port_names([item.name for item in network.inputs])
    inputs = []
    for port, item in zip(ports, network.inputs, strict=True):
        quantiser = job.quantisers[item.column]
        # The code's top bits are the code of the same range in fewer bits.
        inputs.append(
            {
                "port": port,
                "column": job.columns[item.column],
                "bits": item.bits,
                "low": quantiser.low,
                "high": quantiser.high,
            }
            | _described(item, quantiser)
        )
    return {
        "schema": "inkling.design/2",
        "name": job.name,
        "method": job.method,
        "levels": list(job.levels),
        "inputs": inputs,
        **_outputs(job),
        "seed": job.seed,
        "data_fingerprint": job.fingerprint,
        "inkling": __version__,
    }


def _described(item: Input, quantiser: Quantiser) -> dict[str, Any]:
    """A comparator's reference: as a level of the grid, as a fraction of the range, and in the column's units."""
    if item.threshold is None:
        return {}
    reference = item.threshold.reference
    return {
        "level": item.threshold.level,
        "grid_bits": item.threshold.bits,
        "reference": reference,
        "threshold": quantiser.low + reference * (quantiser.high - quantiser.low),
    }


def _outputs(job: Job) -> dict[str, Any]:
    """The label port and its classes, or the ports of the scores, which are numbers in two's complement or not."""
    if not job.outputs:
        return {"output": {"port": "label", "classes": list(job.classes)}}
    scores = [
        {"port": f"score_{k}", "name": o.name, "scale": o.scale, "offset": o.offset}
        for k, o in enumerate(job.outputs)
    ]
    return {"outputs": scores}


def _json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
