"""`inkling mcu TABLE`: models of a table for a microcontroller, searched with bytes as the price, and the choice.

What is tried: decision trees, circuits on thresholds of the counts (`inkling.hdl.microcontrollers.prices`), logistic
regression and an exact network. Each is compiled and run; validation rows choose, test rows are counted once.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkling.approx.gates.search import Settings
from inkling.approx.quantise import networks
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.thresholds.front import front
from inkling.approx.thresholds.levels import levels_of
from inkling.designs.microcontroller import (
    McuRequest,
    Row,
    describe,
    lines,
    passed,
    readings_of,
    smallest,
    targets_of,
    write_library,
)
from inkling.hdl.microcontrollers.kernel import Reading as KernelReading
from inkling.hdl.microcontrollers.prices import CELLS, cell_sizes, threshold_sizes
from inkling.reports.results.pareto import nondominated
from inkling.runs.candidates import Candidate, decision_trees, exact_network, validation_accuracy
from inkling.runs.effort import EFFORTS, Effort
from inkling.runs.progress import Stages, console_of
from inkling.sim.microcontrollers.targets import Target
from inkling.train.errors import InputError
from inkling.train.tables.dataset import Dataset, Development
from inkling.train.tables.reading import Reading
from inkling.train.tables.sources import load

SCHEMA = "inkling.microcontroller-front/1"
STEP = 1.15
"""Of two circuits one is tried only where the search counts so many times the other's bytes."""
LEAVES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


@dataclass(frozen=True)
class Kernel:
    """A model that was compiled and run. validation, held_out: share of right rows, 0..1, of the test
    rows once the choice is made; rows: as of `inkling mcu`."""

    name: str
    kind: str
    network: IntegerNetwork
    form: str
    rows: list[Row]
    validation: float
    held_out: float = math.nan

    @property
    def sizes(self) -> tuple[float, float]:
        """Bytes, and instructions or clocks an answer, from counts on the first target."""
        extra = self.rows[0].counts.extra
        return extra.get("flash", math.inf), extra.get("each", math.inf)


def execute(reading: Reading, effort: str, request: McuRequest, data_folder: Path | None = None) -> bool:
    """Search, compile, run, choose, write the library of the choice; whether every comparison passed.

    Raises InputError for a table that cannot be read, a `request.design` that no model has, and where no target's
    tools are there.
    """
    targets = targets_of(request.targets)
    dataset = load(reading, data_folder)
    readings_of([(name, dataset.quantisers[k]) for k, name in enumerate(dataset.columns)], request)
    console = console_of(request.as_json)
    with Stages(console) as stages:
        with stages.running("search") as advance:
            models = candidates(dataset.development, EFFORTS[effort], request.seed, advance)
        made = []
        with stages.running("compile and run", len(models)) as advance:
            for done, model in enumerate(models):
                made.append(measured(model, dataset, targets, request))
                advance(done + 1, len(models))
    kernels = front_of(made, request.objective)
    chosen = choice(kernels, len(dataset.development.validation.labels), request.design)
    tested = with_test(kernels, dataset)
    document = describe(chosen.name, chosen.form, chosen.rows, request)
    table = {"schema": SCHEMA, "table": reading.source, "seed": reading.seed, "chosen": chosen.name,
             "kernels": [_entry(kernel) for kernel in tested]}  # fmt: skip
    write_library(
        chosen.network,
        dataset.classes,
        _readings(chosen.network, dataset, request),
        chosen.form,
        document,
        request,
        {"front.json": json.dumps(table, indent=1) + "\n"},
    )
    if request.as_json:
        print(json.dumps({**document, "front": table}, indent=1))
    else:
        print("\n".join([*front_lines(tested, chosen.name, targets[0]), ""]))
        print("\n".join(lines(chosen.form, chosen.rows, request.out)))
    return all(passed(kernel.rows) for kernel in made)


def candidates(
    development: Development,
    effort: Effort,
    seed: int,
    progress: Callable[[float, float], None] | None = None,
    *,
    refit: bool = False,
) -> list[Candidate]:
    """Models of the training rows; none has seen the validation rows, unless `refit`.

    Circuits are of every size that the search found better than all smaller ones.
    """
    levels = levels_of(development)
    if not len(levels.level):
        raise InputError("no column of the table has two values; there is nothing to decide by")
    found = list(decision_trees(development, replace(effort, trees=LEAVES), seed))
    rounds = [0]

    def round_done(_: str) -> None:
        rounds[0] += 1
        if progress is not None:
            progress(rounds[0], effort.node.rounds)

    circuits = front(
        development,
        levels,
        threshold_sizes(levels),
        areas=cell_sizes(),
        cell_types=CELLS,
        rounds=effort.node.rounds,
        seed=seed,
        rows=max(effort.node.rows, 2 * len(development.train.labels)),
        settings=Settings(effort=effort.node.work, sweep=effort.node.sweep),
        refit=refit,
        progress=round_done,
    )
    size = 0.0
    for item in circuits:
        if item.netlist.used_ports() and item.size >= STEP * size:
            size = item.size
            network = levels.network(item.netlist, len(development.classes))
            found.append(Candidate(f"gates-{len(item.netlist.kinds)}", "gates", (), network))
    for bits in (4, 8):
        logistic = networks.logistic(development, weight_bits=bits, seed=seed)
        found.append(Candidate(f"logistic-{bits}", f"logistic regression, {bits}-bit", (), logistic))
    found.append(exact_network(development, effort, seed))
    return _distinct(found)


def _distinct(models: Sequence[Candidate]) -> list[Candidate]:
    """The same models by different names: two circuits may have equally many gates."""
    seen: Counter[str] = Counter()
    made = []
    for model in models:
        seen[model.name] += 1
        times = seen[model.name]
        made.append(model if times == 1 else replace(model, name=f"{model.name}-{times}"))
    return made


def measured(model: Candidate, dataset: Dataset, targets: Sequence[Target], request: McuRequest) -> Kernel:
    """A model compiled and run on every target."""
    readings = _readings(model.network, dataset, request)
    form, rows = smallest(model.network, dataset.classes, readings, targets, request)
    right = validation_accuracy(model.network, dataset.development)
    return Kernel(model.name, model.method, model.network, form, rows, right)


def with_test(kernels: Sequence[Kernel], dataset: Dataset) -> list[Kernel]:
    """The same, with their share of right test rows: nothing is chosen after this."""
    rows = dataset.test
    return [
        replace(item, held_out=float((item.network.predict(rows.codes) == rows.labels).mean())) for item in kernels
    ]


def front_of(kernels: Sequence[Kernel], objective: str) -> list[Kernel]:
    """Those that no other one is better than on validation rows at fewer bytes (or instructions), smallest first."""
    key = 0 if objective == "size" else 1
    able = [kernel for kernel in kernels if passed(kernel.rows)]
    kept = nondominated([(kernel.sizes[key], -kernel.validation) for kernel in able]) if able else []
    return sorted((able[k] for k in kept), key=lambda kernel: kernel.sizes[key])


def choice(kernels: Sequence[Kernel], rows: int, design: str | None = None) -> Kernel:
    """The smallest that is within one standard error of the best on `rows` validation rows, or the one of that name.

    The error is that of (right + 1) of (rows + 2) rows, which is never 0. Raises InputError for an unknown name.
    """
    if not kernels:
        raise InputError("no model passed its comparison in the emulators; see `inkling doctor`")
    if design is not None:
        for kernel in kernels:
            if kernel.name == design:
                return kernel
        raise InputError(f"--design {design!r:.60}: take one of {', '.join(kernel.name for kernel in kernels)}")
    best = kernels[-1].validation
    share = (best * rows + 1) / (rows + 2)
    error = math.sqrt(share * (1 - share) / (rows + 2))
    return next(kernel for kernel in kernels if kernel.validation >= best - error)


def front_lines(kernels: Sequence[Kernel], chosen: str, target: Target) -> list[str]:
    """The front as a table for a terminal of 80 columns."""
    shown = [f"{'':2}{'model':<18}{'validation':>10}{'test':>9}{'flash':>9}{'an answer':>22}"]
    for kernel in kernels:
        flash, each = kernel.sizes
        mark = "*" if kernel.name == chosen else ""
        shown.append(
            f"{mark:<2}{kernel.name:<18}{100 * kernel.validation:>8.1f} %{100 * kernel.held_out:>7.1f} %"
            f"{flash:>7.0f} B{f'{each:.0f} {target.counts}':>22}"
        )
    return [*shown, f"counts to label on {target.title}; * the smallest within one standard error"]


def _readings(network: IntegerNetwork, dataset: Dataset, request: McuRequest) -> list[KernelReading]:
    """What a model reads; scales of columns that it does not read are no fault here."""
    own = [(dataset.columns[item.column], dataset.quantisers[item.column]) for item in network.inputs]
    read = {column for column, _ in own}
    return readings_of(own, replace(request, scales=tuple(scale for scale in request.scales if scale[0] in read)))


def _entry(kernel: Kernel) -> dict[str, Any]:
    flash, each = kernel.sizes
    return {
        "name": kernel.name,
        "kind": kernel.kind,
        "form": kernel.form,
        "flash_bytes": flash,
        "each": each,
        "validation_accuracy": round(kernel.validation, 6),
        "test_accuracy": round(kernel.held_out, 6),
        "verified": passed(kernel.rows),
    }
