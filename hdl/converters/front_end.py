"""`FrontEnd`: the converters of one design, comparator by comparator, and what they cost: a node without its logic.

Figures of parts are `inkling.hdl.cells.converters`', the logic's cost is in `inkling.hdl.cost.circuit`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inkling.approx.reference.network import Input
from inkling.hdl.cells.converters import Converters
from inkling.hdl.cells.technology import Technology
from inkling.hdl.converters.encoder import encoder_cost


@dataclass(frozen=True)
class Reading:
    """One sensor's part. references: of its comparators, rising fractions of the range; encoder_bits: 0 for none."""

    column: int
    references: tuple[float, ...]
    encoder_bits: int


@dataclass(frozen=True)
class FrontEnd:
    """Converters of a design: area in cm2, power in mW by supply voltage of the logic.

    The comparators' power is counted alike at every voltage of the logic, as they have a supply of their own.
    """

    readings: tuple[Reading, ...]
    ladders_cm2: float
    comparators_cm2: float
    encoders_cm2: float
    comparators_mw: float
    encoders_mw: Mapping[str, float]

    @property
    def area_cm2(self) -> float:
        return self.ladders_cm2 + self.comparators_cm2 + self.encoders_cm2

    @property
    def power_mw(self) -> dict[str, float]:
        return {volts: self.comparators_mw + power for volts, power in self.encoders_mw.items()}

    @property
    def comparators(self) -> int:
        return sum(len(reading.references) for reading in self.readings)

    @property
    def ladders(self) -> int:
        return len(self.readings)


def front_end(
    inputs: Sequence[Input], technology: Technology, converters: Converters | None = None, unread: Sequence[int] = ()
) -> FrontEnd:
    """The converters in front of a network's inputs, by the technology's own figures where none are given.

    A threshold is a comparator; a binary code of n bits needs those of all its levels and an encoder. unread: of each
    input, the low bits that no gate reads, which its converter does not make. Raises ValueError where there are no
    figures.
    """
    parts = converters or technology.converters
    if parts is None:
        raise ValueError(f"there are no converters of technology {technology.name}")
    references: dict[int, set[float]] = {}
    bits: dict[int, int] = {}
    for item, low in zip(inputs, unread or [0] * len(inputs), strict=True):
        of_column = references.setdefault(item.column, set())
        if item.threshold is not None:
            of_column.add(item.threshold.reference)
        elif item.bits > low:
            made = item.bits - low
            of_column.update(k / 2**made for k in range(1, 2**made))
            bits[item.column] = max(made, bits.get(item.column, 0))
    readings = tuple(
        Reading(column, tuple(sorted(found)), bits.get(column, 0) if bits.get(column, 0) > 1 else 0)
        for column, found in sorted(references.items())
        if found
    )
    encoders = [encoder_cost(parts, technology, reading.encoder_bits) for reading in readings if reading.encoder_bits]
    comparators = [reference for reading in readings for reference in reading.references]
    return FrontEnd(
        readings,
        0.01 * parts.ladder_mm2 * len(readings),
        0.01 * parts.comparator_mm2 * len(comparators),
        sum(area for area, _ in encoders),
        1e-3 * (parts.ladder_uw * len(readings) + sum(map(parts.comparator_power_uw, comparators))),
        {volts: sum(power[volts] for _, power in encoders) for volts in technology.voltages},
    )
