"""What the analogue-to-digital converters of a design's inputs cost, by a table that the user brings.

No figures are built in: a printed converter's area and power depend on its design, so whoever has figures names
their source. What the classifier itself costs is in `inkling.hdl.cost.circuit`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, load

SCHEMA = "inkling.converters/1"


@dataclass(frozen=True)
class Converter:
    """One converter: area in cm2 and power in mW."""

    area_cm2: float
    power_mw: float


@dataclass(frozen=True)
class Converters:
    """Converters by their bits; technology and source (the paper or measurement) as the user wrote them."""

    technology: str
    source: str
    by_bits: Mapping[int, Converter]

    def cost(self, bits: Sequence[int]) -> Converter:
        """Of one converter for each input of so many bits together. Raises InputError where the table lacks one."""
        lacking = sorted(set(bits) - set(self.by_bits))
        if lacking:
            raise InputError(f"the converters of {self.technology!r:.60} lack one of {lacking[0]} bits: add it")
        used = [self.by_bits[b] for b in bits]
        return Converter(sum(c.area_cm2 for c in used), sum(c.power_mw for c in used))


def read(path: Path) -> Converters:
    """Read {"schema", "technology", "source", "bits": {"4": {"area_cm2", "power_mw"}, ...}}. Raises InputError."""
    fields = load(path)
    if fields.text("schema", "") != SCHEMA:
        raise InputError(f"{path}: 'schema' must be {SCHEMA!r}; see docs of `inkling compare --converters`")
    if not fields.text("source").strip():
        raise InputError(f"{path}: 'source' is empty: say where the figures come from")
    found: dict[int, Converter] = {}
    table = fields.inner("bits")
    for key in table.data:
        if key not in {str(bits) for bits in range(1, 9)}:
            raise InputError(f"{path}: bits {key!r:.20} must be 1 to 8")
        found[int(key)] = _converter(table.inner(key))
    if not found:
        raise InputError(f"{path}: 'bits' is empty: give at least one converter")
    return Converters(fields.text("technology"), fields.text("source"), dict(sorted(found.items())))


def _converter(fields: Fields) -> Converter:
    return Converter(fields.number("area_cm2"), fields.number("power_mw"))
