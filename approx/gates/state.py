"""`State`: the mutable arrays of one gate-level search, and calls of the compiled kernel that works on them.

Packing circuits and rows lives in `inkling.approx.gates.packing`, what the kernel does in `kernel.cpp`.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkling.approx.gates.inputs import InputSizes
from inkling.approx.gates.kernel import MOVE_NAMES, NODE, ArchiveLayout, PlanLayout, StateLayout, library
from inkling.approx.gates.packing import BUFFER, Gates, PackedRows
from inkling.approx.gates.physics import Tables

INPUT, GATE, OUTPUT, FREE = 0, 1, 2, 3
FIRST_BLOCK_WORDS, BLOCK_WORDS = 16, 256
RULES = (
    "signal", "errors", "reference count", "area", "order of places", "list of live gates", "fan-out list",
    "static power", "delay", "readers of a group of inputs",
)  # fmt: skip


class State:
    """A circuit spread over places with free slots between them, evaluated on packed rows.

    Places are the constants and input bits, then slots for gates (as many again are free), then output bits; a gate
    reads lower places only. Every place's signal is kept twice and `current[block, place]` says which of the two is
    true for a block of words, so that undoing a candidate is flipping sides back.
    """

    def __init__(
        self,
        gates: Gates,
        rows: PackedRows,
        area: NDArray[np.float64],
        rng: np.random.Generator,
        physics: Tables | None = None,
        inputs: InputSizes | None = None,
    ) -> None:
        """area: float64 [16] by function; the gates keep their order, the free slots between them are drawn."""
        first = 2 + len(rows.inputs)
        count, outputs = len(gates.op), len(gates.outputs)
        slots = 2 * count + 64
        words = rows.inputs.shape[1]
        total = first + slots + outputs
        cuts = sorted({0, *range(min(FIRST_BLOCK_WORDS, words), words, BLOCK_WORDS), words})
        blocks = len(cuts) - 1
        where = np.arange(first + count, dtype=np.int32)
        where[first:] = first + np.sort(rng.permutation(slots)[:count])
        self.nodes = np.zeros(total, NODE)
        self.nodes["role"] = FREE
        self.nodes["role"][:first], self.nodes["role"][first + slots :] = INPUT, OUTPUT
        self.nodes["role"][where[first:]] = GATE
        self.nodes["op"][where[first:]] = gates.op
        self.nodes["source"][where[first:]] = where[gates.source]
        self.nodes["op"][first + slots :] = BUFFER
        self.nodes["source"][first + slots :] = where[gates.outputs][:, None]
        self.values = np.zeros(2 * total * words, np.uint64)
        for low, high in itertools.pairwise(cuts):
            block = self.values[2 * total * low : 2 * total * high].reshape(total, 2, high - low)
            block[1] = ~np.uint64(0)
            block[2:first] = rows.inputs[:, None, low:high]
        self._arrays = {
            "nodes": self.nodes,
            "edges": np.full((2 * total, 2), -1, np.int32),
            "values": self.values,
            "current": np.zeros((blocks, total), np.uint8),
            "target": np.ascontiguousarray(rows.target),
            "valid": np.ascontiguousarray(rows.valid),
            "weight": np.ascontiguousarray(rows.weight),
            "first_word": np.array(cuts, np.int64),
            "errors": np.zeros((2, words), np.uint64),
            "error_side": np.zeros(blocks, np.uint8),
            "pending": np.zeros(total // 64 + 1, np.uint64),
            "touched": np.zeros((blocks, total), np.int32),
            "touched_count": np.zeros(blocks, np.int64),
            "killed": np.zeros(total, np.int32),
            "stack": np.zeros(total + 4, np.int32),
            "area": np.ascontiguousarray(area),
        }
        weight = limit = 0.0
        if physics is not None and physics.leak is not None:
            self._arrays |= {
                "leak": np.ascontiguousarray(physics.leak),
                "drain": np.zeros((blocks, total), np.int64),
                "drained": np.zeros((blocks, total, 2), np.int64),
                "drained_count": np.zeros(blocks, np.int64),
            }
            weight = physics.drain_weight(rows)
        if physics is not None and physics.delay is not None:
            self._arrays |= {
                "delay": np.ascontiguousarray(physics.delay),
                "arrival": np.zeros(total),
                "delayed": np.zeros((total, 2)),
            }
            limit = physics.delay_limit
        groups = 0
        if inputs is not None:
            groups = len(inputs.group_size)
            self._arrays |= {
                "input_size": np.concatenate([np.zeros(2), inputs.size]),
                "group": np.concatenate([np.full(2, -1), inputs.group]).astype(np.int32),
                "group_size": np.ascontiguousarray(inputs.group_size),
                "group_readers": np.zeros(groups, np.int64),
            }
        pointers = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._layout = StateLayout(
            **pointers,
            places=total,
            words=words,
            blocks=blocks,
            first_gate=first,
            first_output=first + slots,
            outputs=outputs,
            groups=groups,
            drain_weight=weight,
            delay_limit=limit,
        )
        library().initialise(self._layout)

    @property
    def errors(self) -> int:
        """Weighted wrong rows."""
        return int(self._layout.wrong)

    @property
    def area(self) -> float:
        """Area of the live gates, and the size of the inputs that are read where they cost something."""
        return float(self._layout.total_area)

    @property
    def drain(self) -> int:
        """Static power of the live gates in pW, summed over the rows; 0 where not asked for."""
        return int(self._layout.total_drain)

    @property
    def slowest(self) -> float:
        """Delay of the slowest path; 0 where not asked for."""
        return float(self._layout.slowest)

    @property
    def live(self) -> int:
        """Live gates."""
        return int(self._layout.live)

    def check(self) -> None:
        """Raise RuntimeError where the incremental state differs from a whole evaluation."""
        if broken := library().recount(self._layout):
            raise RuntimeError(f"the incremental evaluation went wrong: {RULES[broken - 1]}")

    def gates(self) -> Gates:
        """The circuit as it stands."""
        return compact(self.nodes, self._layout.first_gate)

    def anneal(
        self,
        archive: "Archive",
        plan: PlanLayout,
        *,
        moves: int,
        price: float,
        temperature: float,
    ) -> int:
        """Draw `moves` changes; price is in weighted errors per unit of area, temperature in weighted errors.

        Returns the number of candidates that were evaluated; fills the archive and the plan's counters.
        """
        plan.moves, plan.price, plan.temperature = moves, price, temperature
        return int(library().anneal(self._layout, archive.layout(self), plan))


class Archive:
    """The best circuit seen for each step of a logarithmic scale of size: of area, or of what `Tables` adds to it.

    errors: int64 [steps], the largest int64 where empty; size: float64 [steps].
    """

    def __init__(self, steps: int, smallest: float, ratio: float) -> None:
        """Step of a size: log(1 + size / smallest) / ratio, rounded down."""
        self.errors = np.full(steps, np.iinfo(np.int64).max)
        self.size = np.full(steps, np.inf)
        self._nodes = np.zeros((steps, 0), NODE)
        self._smallest, self._ratio = smallest, ratio
        self._first_gate = 0

    def layout(self, state: State) -> ArchiveLayout:
        """Room for a state's table; what was in the archive must have been taken, except for errors and sizes."""
        if self._nodes.shape[1] != len(state.nodes):
            self._nodes = np.zeros((len(self.errors), len(state.nodes)), NODE)
        self._first_gate = state._layout.first_gate
        return ArchiveLayout(
            errors=self.errors.ctypes.data,
            size=self.size.ctypes.data,
            nodes=self._nodes.ctypes.data,
            steps=len(self.errors),
            smallest=self._smallest,
            ratio=self._ratio,
        )

    def step(self, size: float) -> int:
        """The step of a size, as the kernel finds it."""
        return min(int(math.log1p(size / self._smallest) / self._ratio), len(self.errors) - 1)

    def circuit(self, step: int) -> Gates:
        """The circuit of one step that the last call of `State.anneal` filled."""
        return compact(self._nodes[step], self._first_gate)


def plan(seed: int, shares: dict[str, int], functions: Sequence[int], certainty: float) -> PlanLayout:
    """A plan: relative shares of moves by name, the two-input functions to draw from, and `attempt`'s certainty."""
    made = PlanLayout(certainty=certainty, function_count=len(functions))
    made.share[:] = [int(v) for v in np.cumsum([shares.get(name, 0) for name in MOVE_NAMES])]
    made.functions[: len(functions)] = list(functions)
    made.random = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]) | 1
    return made


def compact(nodes: NDArray[np.void], first: int) -> Gates:
    """The gates of a node table that outputs depend on, numbered without gaps."""
    number = np.zeros(len(nodes), np.int32)
    number[:first] = np.arange(first)
    gates = np.flatnonzero(nodes["role"] == GATE)
    number[gates] = first + np.arange(len(gates))
    outputs = np.flatnonzero(nodes["role"] == OUTPUT)
    return Gates(
        nodes["op"][gates].astype(np.uint8),
        number[nodes["source"][gates]].reshape(-1, 2),
        number[nodes["source"][outputs, 0]],
    )


def reorder(gates: Gates, first: int, rng: np.random.Generator) -> Gates:
    """The same circuit in a random topological order, so that other places come below a gate."""
    count = len(gates.op)
    # Depth from the inputs, stretched by a random delay for every gate, orders every gate after its sources.
    time = np.zeros(first + count)
    delay = rng.exponential(size=count)
    for g in range(count):
        time[first + g] = max(time[gates.source[g, 0]], time[gates.source[g, 1]]) + delay[g] + 1e-9
    order = np.argsort(time[first:], kind="stable")
    number = np.arange(first + count, dtype=np.int32)
    number[first + order] = first + np.arange(count, dtype=np.int32)
    return Gates(gates.op[order], number[gates.source[order]].reshape(-1, 2), number[gates.outputs])
