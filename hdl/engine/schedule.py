"""How an `IntegerField` is spread over multiply lanes and clocks: the schedule of the field engine, and its model.

Pure arithmetic without a hardware library; the circuits that follow the schedule are in `inkling.hdl.engine.stages`.
"""

from dataclasses import dataclass

from inkling.approx.reference.field import IntegerField, check_packed
from inkling.approx.reference.operations import PeriodicQuadratic
from inkling.train.errors import InputError

# Registers between the last step of a query in a stage and the stage's answer.
GRID_DEPTH = 5
DENSE_DEPTH = 3
MOST_ROM_BITS = 2**26


@dataclass(frozen=True)
class Fold:
    """A dense layer on `neurons` x `inputs` lanes: `groups` of neurons after each other, each of `chunks` clocks."""

    neurons: int
    inputs: int
    groups: int
    chunks: int

    @property
    def steps(self) -> int:
        """Clocks that a query occupies the layer's lanes."""
        return self.groups * self.chunks

    @property
    def lanes(self) -> int:
        """Multiplications in a clock."""
        return self.neurons * self.inputs


@dataclass(frozen=True)
class Schedule:
    """Blend lanes of every grid level, clocks of the grid stage (0: there is none), a fold of every dense layer."""

    blends: tuple[int, ...]
    grid_steps: int
    folds: tuple[Fold, ...]

    @property
    def lanes(self) -> int:
        """Multiply lanes of the dense layers."""
        return sum(fold.lanes for fold in self.folds)

    @property
    def latency(self) -> int:
        """Clocks from the one that takes a query to the one that shows its answer, in an engine that is idle."""
        grid = self.grid_steps + GRID_DEPTH if self.grid_steps else 0
        return grid + sum(fold.steps + DENSE_DEPTH for fold in self.folds)

    @property
    def interval(self) -> int:
        """Clocks between answers where queries always wait and answers are always taken."""
        return max(self.grid_steps, *(fold.steps for fold in self.folds))


def fewest_lanes(outputs: int, inputs: int, clocks: int) -> Fold:
    """The fold of fewest lanes that takes at most `clocks`; of those the one with the fewest accumulators."""
    found: list[tuple[int, int, int, Fold]] = []
    for neurons in range(1, outputs + 1):
        groups = -(-outputs // neurons)
        if groups <= clocks:
            width = -(-inputs // min(clocks // groups, inputs))
            fold = Fold(neurons, width, groups, -(-inputs // width))
            found.append((fold.lanes, neurons, fold.steps, fold))
    return min(found, key=lambda item: item[:3])[3]


def schedule(field: IntegerField, lanes: int) -> Schedule:
    """The schedule with the smallest interval on at most `lanes` multipliers of dense layers.

    Every layer has a lane of its own, so the fewest lanes, which smaller numbers stand for, are the number of dense
    layers ("fully folded"). The blend of every grid level is as wide as the interval asks. Raises InputError as
    `check` does, and where the tables are too large for memories on a chip.
    """
    check_packed(field)
    if lanes < 1:
        raise InputError(f"a field engine needs at least 1 lane, not {lanes}")
    stored = sum(read.table.size * read.bits for read in field.reads)
    if stored > MOST_ROM_BITS:
        raise InputError(f"the grids hold {stored} bits; an engine keeps at most {MOST_ROM_BITS} on the chip")
    shapes = [(len(dense.bias), max(dense.weights.shape[1], 1)) for dense in field.dense]
    features = [read.table.shape[3] for read in field.reads]
    allowed = max(lanes, len(shapes))
    low, high = 1, max(outputs * inputs for outputs, inputs in shapes)
    while low < high:
        middle = (low + high) // 2
        if sum(fewest_lanes(*shape, middle).lanes for shape in shapes) <= allowed:
            high = middle
        else:
            low = middle + 1
    blends = tuple(-(-count // low) for count in features)
    steps = max((-(-count // wide) for count, wide in zip(features, blends, strict=True)), default=0)
    return Schedule(blends, steps, tuple(fewest_lanes(*shape, low) for shape in shapes))


def cycles(field: IntegerField, lanes: int) -> tuple[int, int]:
    """(latency, interval) of the engine in clocks, as `Schedule` says. Raises InputError as `schedule` does."""
    how = schedule(field, lanes)
    return how.latency, how.interval


def multipliers(field: IntegerField, lanes: int) -> dict[str, int]:
    """Multipliers of variable operands by purpose: "dense", "blend", "coordinates", "activation"."""
    how = schedule(field, lanes)
    waves = zip(field.activations, how.folds, strict=True)
    return {
        "dense": how.lanes,
        "blend": 3 * sum(how.blends),
        "coordinates": 0 if field.coordinates is None else 2 * how.folds[0].neurons,
        "activation": sum(fold.neurons for layer, fold in waves if isinstance(layer, PeriodicQuadratic)),
    }
