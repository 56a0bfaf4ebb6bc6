"""`Levels`: the thresholds of a table's columns that circuits may read, and the table as bits of them.

A threshold is one bit, `code >= level`. Which of them a circuit reads is decided by the searches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork, Threshold, without_unused_inputs
from inkling.approx.reference.operations import Logic
from inkling.train.tables.dataset import Development, Rows

LONGEST = 36  # characters of a column's name before the level, so that a port's name ends with it


@dataclass(frozen=True, eq=False)
class Levels:
    """Thresholds in order of column and level.

    column, level: int64 [thresholds]; columns: the table's names; bits: of each column's codes.
    """

    column: NDArray[np.int64]
    level: NDArray[np.int64]
    columns: tuple[str, ...]
    bits: tuple[int, ...]

    def read(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Codes, uint8 [rows, columns], as bits, uint8 [rows, thresholds]."""
        return (codes[:, self.column] >= self.level).astype(np.uint8)

    def read_shifted(self, codes: NDArray[np.uint8], sigma: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """As `read`, by nodes of which each row meets another: thresholds are off by sigma, per cent of the range.

        The mean over rows is then that over nodes. As in `inkling.sim.faults.variation` half of the variance is of a
        threshold alone, half of all those of its column, and a reading lies anywhere within its code's step.
        """
        bits = np.array(self.bits)
        readings = (codes + rng.random(codes.shape)) / 2.0**bits
        deviation = sigma / 100 * np.sqrt(0.5)
        readings += rng.normal(0, deviation, readings.shape)
        found = readings[:, self.column] + rng.normal(0, deviation, (len(codes), len(self.column)))
        return (found >= self.references()).astype(np.uint8)

    def rows(self, rows: Rows) -> Rows:
        """The same rows as bits."""
        return Rows(self.read(rows.codes), rows.labels)

    def inputs(self) -> tuple[Input, ...]:
        """One input for each threshold."""
        return tuple(
            Input(f"{self.columns[c][:LONGEST]} ge {level}", int(c), 1, 0, Threshold(int(level), self.bits[c]))
            for c, level in zip(self.column, self.level.tolist(), strict=True)
        )

    def view(self, development: Development) -> Development:
        """The table as one whose columns are the thresholds."""
        names = tuple(item.name for item in self.inputs())
        return replace(
            development,
            columns=names,
            input_bits=(1,) * len(names),
            train=self.rows(development.train),
            validation=self.rows(development.validation),
        )

    def references(self) -> NDArray[np.float64]:
        """Every threshold as a fraction of its column's range, float64 [thresholds]."""
        return self.level / 2.0 ** np.array(self.bits)[self.column]

    def network(self, netlist: Netlist, classes: int) -> IntegerNetwork:
        """A circuit with one port per threshold as a network of those that it reads.

        Its ports get names that files and languages take, whatever the columns are called.
        """
        ports = tuple(Port(f"x{c}_ge_{level}", 1) for c, level in zip(self.column, self.level, strict=True))
        logic = Logic(replace(netlist, inputs=ports))
        return without_unused_inputs(IntegerNetwork(self.inputs(), (logic,), classes))

    def of_network(self, network: IntegerNetwork) -> IntegerNetwork:
        """A network on the bits of `view` as one on the table."""
        inputs = self.inputs()
        return replace(network, inputs=tuple(inputs[item.column] for item in network.inputs))


def levels_of(development: Development) -> Levels:
    """The thresholds that tell training rows apart, each in the middle of its gap between two codes that occur."""
    columns, levels = [], []
    for k, codes in enumerate(development.train.codes.T):
        occurring = np.unique(codes).astype(np.int64)
        middle = (occurring[:-1] + 1 + occurring[1:]) // 2
        columns.append(np.full(len(middle), k))
        levels.append(middle)
    return Levels(
        np.concatenate(columns).astype(np.int64),
        np.concatenate(levels),
        development.columns,
        development.input_bits,
    )


def all_levels(development: Development) -> Levels:
    """Every threshold of every column's grid."""
    counts = [2**bits - 1 for bits in development.input_bits]
    return Levels(
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate([np.arange(1, count + 1) for count in counts]),
        development.columns,
        development.input_bits,
    )


def coarser(development: Development, bits: int | Sequence[int]) -> Development:
    """The table with the leading bits of its codes: the code of the same range in at most so many bits."""
    wanted = [bits] * len(development.columns) if isinstance(bits, int) else list(bits)
    drop = np.array([max(0, b - w) for b, w in zip(development.input_bits, wanted, strict=True)], np.uint8)
    return replace(
        development,
        input_bits=tuple(int(b - d) for b, d in zip(development.input_bits, drop, strict=True)),
        train=Rows(development.train.codes >> drop, development.train.labels),
        validation=Rows(development.validation.codes >> drop, development.validation.labels),
    )


def on_finer(network: IntegerNetwork, development: Development, finer: Development) -> IntegerNetwork:
    """A network on a `coarser` table as one on the table that it was made of."""
    more = [b - a for a, b in zip(development.input_bits, finer.input_bits, strict=True)]

    def finer_input(item: Input) -> Input:
        if item.threshold is None:
            return replace(item, drop=item.drop + more[item.column])
        step = more[item.column]
        threshold = Threshold(item.threshold.level << step, item.threshold.bits + step)
        return replace(item, threshold=threshold)

    return replace(network, inputs=tuple(finer_input(item) for item in network.inputs))
