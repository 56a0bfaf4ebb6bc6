"""The steps of a run one at a time, from files to files: train, approximate, emit.

A step reads training and validation rows only; what files tell of their table is in `inkling.runs.provenance`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from inkling.approx.reference import netlist_files, network_files
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense, Logic
from inkling.hdl.cells.technology import Technology
from inkling.runs import named
from inkling.runs import provenance as origins
from inkling.runs.candidates import STEP, Candidate, arithmetic, circuits, gate_starts
from inkling.runs.design import Job, build
from inkling.runs.effort import Effort
from inkling.runs.folder import run_folder
from inkling.runs.provenance import Origin
from inkling.sim.verdicts.verdict import Outcome
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.files.text import text
from inkling.train.networks.float_files import from_json, to_json
from inkling.train.networks.float_network import FloatNetwork
from inkling.train.tables.dataset import Development
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

KINDS = ("float", "power_of_two")
HOW = ("integers", "arithmetic", "gates")
# Changes that the arithmetic search tries where the effort has none of its own.
FEW_MOVES = 300_000
RANDOM_ROWS = 1000


def train(
    reading: Reading, out: Path, *, kind: str, hidden: Sequence[int], effort: Effort, data: Path | None
) -> dict[str, Any]:
    """Train a float network on a table and write it as one JSON file. Raises InputError.

    hidden: widths that are tried, () for the usual ones.
    """
    from inkling.train.networks import training as mlp

    if kind not in KINDS:
        raise InputError(f"--kind {kind!r} is not one of {', '.join(KINDS)}")
    if not all(1 <= width <= 256 for width in hidden):
        raise InputError("--hidden must be in 1..256 neurons")
    dataset = load(reading, data)
    development = dataset.development
    widths = tuple(hidden) or mlp.default_hidden(development)
    trained = mlp.train(
        development,
        hidden=widths,
        restarts=effort.restarts,
        seed=reading.seed,
        power_of_two=kind == "power_of_two",
        steps=mlp.affordable_steps(development, widths, effort.restarts, effort.steps, effort.training_work),
    )
    best = min(trained, key=lambda item: (-(item.validation_accuracy + item.train_accuracy), item.size))
    origin = replace(origins.of_dataset(dataset, reading), method=f"{kind.replace('_', '-')} network")
    _write(out, origins.text(origin, {"network": to_json(best)}))
    return {
        "file": str(out),
        "kind": kind,
        "shape": list(best.shape),
        "weights": best.size,
        "accuracy": {"train": round(best.train_accuracy, 6), "validation": round(best.validation_accuracy, 6)},
    }


def approximate(
    source: Path,
    out: Path,
    *,
    how: str,
    table: str | None,
    data: Path | None,
    effort: Effort,
    seed: int,
    moves: int | None,
    tolerance: float,
    technology: Technology,
    console: Console,
) -> dict[str, Any]:
    """From a float or an integer network to a smaller one, in a folder with network.json, network.npz and step.json.

    how: "integers" only quantises; "arithmetic" searches levels 1 to 4, "gates" level 5, and the smallest network
    within `tolerance` of the best, by the mean of training and validation accuracy, is kept. Raises InputError.
    """
    if how not in HOW:
        raise InputError(f"--by {how!r} is not one of {', '.join(HOW)}")
    if source.is_dir():
        network, origin = read_network(source)
        floats = None
    else:
        origin, fields = origins.read(source)
        floats = from_json(fields.inner("network").data, str(source))
        network = None
    development = origin.dataset(table, data).development
    if network is None:
        assert floats is not None
        network, levels = _quantised(floats, development)
        origin = replace(origin, levels=levels)
    before = _accuracy(network, development)
    if how != "integers":
        candidate = _searched(network, development, how, technology, effort, seed, moves, tolerance, console)
        levels = tuple(sorted({*origin.levels, *candidate.levels}))
        network, origin = candidate.network, replace(origin, method=candidate.method, levels=levels)
    with run_folder(out, "step.json", origins.STEP_SCHEMA) as folder:
        network_files.save(network, folder)
        (folder / "step.json").write_bytes(origins.text(origin))
    found = _accuracy(network, development)
    return {"folder": str(out), "method": origin.method, "levels": list(origin.levels), "accuracy": found,
            "accuracy_before": before, "inputs": len(network.inputs)}  # fmt: skip


def emit(
    source: Path,
    out: Path,
    *,
    table: str | None,
    data: Path | None,
    effort: Effort,
    seed: int,
    technology: Technology,
    console: Console,
    name: str | None = None,
) -> tuple[dict[str, Any], bool]:
    """From network.json or netlist.json to a design folder: every text, mapped, costed and verified.

    name: of a kernel and a module that are written besides (`inkling.runs.named`). Returns what came out, and whether
    no route disagrees. Static power is that of the training rows where a table is known, else of random inputs.
    Raises InputError.
    """
    if name is not None:
        named.check_name(name)
    network, origin = read_network(source)
    if origin.reading is not None:
        development = origin.dataset(table, data).development
        rows = np.concatenate([development.train.codes, development.validation.codes])
        training = len(development.train.labels)
        states = "training rows"
    elif table is not None:
        raise InputError(f"{source} does not tell how a table is read; leave --table out")
    else:
        rows, training, states = _random_rows(network, seed), RANDOM_ROWS, f"{RANDOM_ROWS} random rows"
    with run_folder(out, "design.json", "inkling.design/") as folder:
        job = Job(
            name=out.resolve().name,
            method=origin.method,
            levels=origin.levels,
            network=network,
            columns=origin.columns,
            classes=origin.classes,
            quantisers=origin.quantisers,
            rows=rows,
            training_rows=training,
            technology=technology,
            effort=effort,
            seed=seed,
            fingerprint=origin.fingerprint,
            verified=True,
        )
        # A design is built into a folder of its own making, and this one holds its lock already.
        place = folder / ".design"
        built = build(job, place)
        for path in place.iterdir():
            path.rename(folder / path.name)
        place.rmdir()
        if name is not None:
            named.write(folder, name)
    console.print(f"{out}: {built.cost.area_cm2:.3g} cm2, {built.cost.gates} gates", highlight=False, markup=False)
    return {
        "folder": str(out),
        "area_cm2": built.cost.area_cm2,
        "gates": built.cost.gates,
        "static_power_mw": dict(built.cost.static_power_mw),
        "static_power_of": states,
        "delay_ms": dict(built.cost.delay_ms),
        "verified": built.outcome is Outcome.PASSED,
        "outcome": str(built.outcome),
        "verdicts": list(built.verdicts),
    }, not built.failed


def read_network(folder: Path) -> tuple[IntegerNetwork, Origin]:
    """The network of a folder with network.json, or with netlist.json alone, and what is told of its table."""
    if (folder / "network.json").is_file():
        network = network_files.load(folder)
    elif (folder / "netlist.json").is_file():
        netlist = netlist_files.from_json(text(folder / "netlist.json"), str(folder / "netlist.json"))
        if len(netlist.outputs) != 1 or len(netlist.output_nodes) > 12:
            raise InputError(f"{folder / 'netlist.json'}: needs one output port, the label, of at most 12 bits")
        inputs = tuple(Input(port.name, k, port.width) for k, port in enumerate(netlist.inputs))
        network = IntegerNetwork(inputs, (Logic(netlist),), 2 ** len(netlist.output_nodes))
    else:
        raise InputError(f"{folder} holds neither network.json nor netlist.json; give a folder of a network")
    if not network.is_classifier:
        raise InputError(f"{folder} gives scores and no label; `inkling import --regression` emits these")
    if not (folder / "step.json").is_file():
        return network, origins.of_network(network)
    origin, _ = origins.read(folder / "step.json")
    wide = max(item.column for item in network.inputs) < len(origin.columns)
    if (
        not wide
        or network.classes != len(origin.classes)
        or any(item.bits + item.drop > origin.quantisers[item.column].bits for item in network.inputs)
    ):
        raise InputError(f"{folder / 'step.json'} is of another network than network.json; make the step again")
    return network, origin


def _quantised(floats: FloatNetwork, development: Development) -> tuple[IntegerNetwork, tuple[int, ...]]:
    from inkling.approx.quantise import networks

    if floats.input_bits != development.input_bits or floats.shape[-1] != len(development.classes):
        raise InputError("the network has other inputs or classes than the table that it names; train it again")
    if floats.kind == "power_of_two":
        return networks.power_of_two(floats, development), (1, 2)
    return networks.exact(floats, development), (1,)


def _searched(
    network: IntegerNetwork,
    development: Development,
    how: str,
    technology: Technology,
    effort: Effort,
    seed: int,
    moves: int | None,
    tolerance: float,
    console: Console,
) -> Candidate:
    """The smallest candidate of a search from this network that is good enough."""
    if how == "arithmetic":
        budget = replace(effort, arithmetic_moves=moves or effort.arithmetic_moves or FEW_MOVES)
        found = arithmetic(development, technology, budget, seed, starts=[_start(network, development)])
    else:
        if any(item.drop for item in network.inputs):
            raise InputError("the gate search starts from networks that read whole codes; this one reads some bits")
        seen = [Candidate("start", "", (), network)]
        start = gate_starts(seen, development, technology, time_limit_s=effort.mapping_s)
        if not start:
            raise InputError("mapping the network takes too long to start a search from it; give a larger --effort")
        found = circuits(development, technology, effort, seed, starts=start, progress=lambda line: None)
    if not found:
        raise InputError("the search found no circuit within its limits; give a larger --effort")
    scores = [sum(_accuracy(item.network, development).values()) / 2 for item in found]
    able = [k for k, score in enumerate(scores) if score >= max(scores) - tolerance]
    console.print(
        f"{how}: {len(found)} circuits, each at least {STEP:g} times smaller than the one before", highlight=False
    )
    return found[max(able)]  # they come largest first


def _start(network: IntegerNetwork, development: Development) -> Any:
    from inkling.approx.arithmetic.starts import Start

    whole = [item.column for item in network.inputs] == list(range(len(development.columns)))
    match network.layers:
        case (Dense() as first, ClippedReLU() as relu, Dense() as second, ArgMax()):
            if not whole:
                columns = [item.column for item in network.inputs]
                weights = np.zeros((len(first.weights), len(development.columns)), np.int64)
                weights[:, columns] = first.weights
                first = Dense(weights, first.bias)
            return Start(first, relu, second)
    raise InputError("the arithmetic search starts from a network of two dense layers; give one of `inkling train`")


def _accuracy(network: IntegerNetwork, development: Development) -> dict[str, float]:
    from inkling.train.tables.score import accuracy

    rows = {"train": development.train, "validation": development.validation}
    return {name: round(accuracy(of.labels, network.predict(of.codes)), 6) for name, of in rows.items()}


def _random_rows(network: IntegerNetwork, seed: int) -> NDArray[np.uint8]:
    columns = max(item.column for item in network.inputs) + 1
    tops = np.ones(columns, np.int64)
    for item in network.inputs:
        tops[item.column] = 2 ** (item.bits + item.drop)
    return np.random.default_rng(seed).integers(0, tops, (RANDOM_ROWS, columns)).astype(np.uint8)


def _write(path: Path, content: bytes) -> None:
    try:
        if path.is_dir():
            raise InputError(f"--out {path} is a folder; name a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, content)
    except OSError as error:
        raise InputError(f"--out {path} cannot be written ({error.strerror}); name another file") from error


def show(result: dict[str, Any], console: Console, as_json: bool) -> None:
    """Print a step's result: JSON, or a line for each figure."""
    if as_json:
        print(json.dumps(result, indent=1))
        return
    for key, value in result.items():
        if key != "verdicts":
            console.print(
                f"{key.replace('_', ' '):<18}{_words(value)}", highlight=False, markup=False, soft_wrap=True
            )


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
