"""`Converters`: what turns readings into bits in a technology, ladders, comparators and encoders with their figures.

Every figure has a basis (measured, published or presumed) and a source, read from a TOML file that a user can bring
as well. What the converters of a design cost is added up in `inkling.hdl.converters.front_end`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from inkling.train.errors import InputError

SCHEMA = "inkling.converters/2"
BASES = ("measured", "published", "presumed")
MOST_BITS = 8
LARGEST = 1 << 16  # bytes of a file that is read
BUILT_IN = {"bespoke": "egfet_converters.toml", "encoded": "egfet_converters_encoded.toml"}


@dataclass(frozen=True)
class Figure:
    """Where a figure comes from: "measured", "published" or "presumed", and the source in words."""

    basis: str
    source: str


@dataclass(frozen=True)
class Encoder:
    """Thermometer to binary. by_bits: area in mm2 and power in uW by supply voltage, of encoders of so many bits;
    cell: area and power of one OR cell, of which n (2**(n-1) - 1) make an encoder of n bits. Where there is neither,
    the encoder is mapped in the technology's cells.
    """

    by_bits: Mapping[int, tuple[float, Mapping[str, float]]]
    cell: tuple[float, float] | None
    figure: Figure


@dataclass(frozen=True)
class Converters:
    """Parts of flash converters. Areas in mm2, powers in uW.

    ladder: of every reading in use; comparator_uw: of a comparator by its reference, the k-th of n at k / (n + 1) of
    the range; supply_v: that of ladders and comparators.
    """

    name: str
    about: str
    ladder_mm2: float
    ladder_uw: float
    ladder: Figure
    comparator_mm2: float
    comparator_uw: tuple[float, ...]
    comparator: Figure
    supply_v: str
    supply: Figure
    encoder: Encoder

    def comparator_power_uw(self, reference: float) -> float:
        """Power of a comparator at a fraction of the range in 0..1, on the line through the two next references."""
        count = len(self.comparator_uw)
        if count == 1:
            return self.comparator_uw[0]
        place = float(np.clip(reference * (count + 1) - 1, -1, count))
        step = min(max(int(place), 0), count - 2)
        low, high = self.comparator_uw[step : step + 2]
        return max(0.0, low + (place - step) * (high - low))

    def sources(self) -> tuple[str, ...]:
        """A sentence on each part: what is measured, published or presumed, and by whom."""
        parts = {
            f"ladder of a reading, {self.ladder_mm2:g} mm2": self.ladder,
            f"comparator, {self.comparator_mm2:g} mm2, {self._range()} uW": self.comparator,
            f"supply of the comparators, {self.supply_v} V": self.supply,
            "encoder": self.encoder.figure,
        }
        return tuple(f"{part}: {figure.basis}, {figure.source}" for part, figure in parts.items())

    def _range(self) -> str:
        low, high = min(self.comparator_uw), max(self.comparator_uw)
        return f"{low:g}" if low == high else f"{low:g} to {high:g} by its reference"


@cache
def built_in(name: str = "bespoke") -> Converters:
    """The published converters of the built-in technology: "bespoke" or "encoded"."""
    return read(Path(__file__).parent / BUILT_IN[name])


def find(given: str) -> Converters:
    """A published converter by its name, or those of a TOML file. Raises InputError."""
    return built_in(given) if given in BUILT_IN else read(Path(given))


def read(path: Path) -> Converters:
    """Read a TOML file; `docs/node.md` shows one. Raises InputError for anything missing or out of range."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST} bytes; give a file of converters")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read; give a TOML file of converters, or {', '.join(BUILT_IN)}"
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: {error}; correct the TOML") from error
    if data.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema must be {SCHEMA!r}; docs/node.md shows a file")
    ladder, comparator, supply, encoder = (
        _table(path, data, key) for key in ("ladder", "comparator", "supply", "encoder")
    )
    volts = _text(path, supply, "supply.volts")
    if not re.fullmatch(r"\d{1,2}\.\d{1,3}", volts):
        raise InputError(f'{path}: supply.volts must be a text such as "1.0"')
    powers = comparator.get("power_uw_by_reference")
    if not isinstance(powers, list) or not 1 <= len(powers) < 2**MOST_BITS:
        raise InputError(
            f"{path}: comparator.power_uw_by_reference must be a list of 1 to {2**MOST_BITS - 1} numbers"
        )
    return Converters(
        name=_text(path, data, "name"),
        about=_text(path, data, "about"),
        ladder_mm2=_number(path, ladder, "ladder.area_mm2"),
        ladder_uw=_number(path, ladder, "ladder.power_uw"),
        ladder=_figure(path, ladder, "ladder"),
        comparator_mm2=_number(path, comparator, "comparator.area_mm2"),
        comparator_uw=tuple(_positive(path, item, "comparator.power_uw_by_reference") for item in powers),
        comparator=_figure(path, comparator, "comparator"),
        supply_v=volts,
        supply=_figure(path, supply, "supply"),
        encoder=_encoder(path, encoder),
    )


def _encoder(path: Path, data: Mapping[str, Any]) -> Encoder:
    by_bits: dict[int, tuple[float, Mapping[str, float]]] = {}
    for key, item in data.items():
        if not isinstance(item, dict):
            continue
        if key not in {str(bits) for bits in range(2, MOST_BITS + 1)}:
            raise InputError(f"{path}: encoder.{key!s:.20} must be 2 to {MOST_BITS} bits")
        power = item.get("power_uw")
        if not isinstance(power, dict) or not power:
            raise InputError(f'{path}: encoder.{key}.power_uw must be powers by supply, {{"1.0" = 30.0}}')
        where = f"encoder.{key}"
        by_bits[int(key)] = (
            _number(path, item, f"{where}.area_mm2"),
            {volts: _positive(path, value, f"{where}.power_uw") for volts, value in power.items()},
        )
    cell = None
    if "cell_area_mm2" in data or "cell_power_uw" in data:
        cell = _number(path, data, "encoder.cell_area_mm2"), _number(path, data, "encoder.cell_power_uw")
    return Encoder(dict(sorted(by_bits.items())), cell, _figure(path, data, "encoder"))


def _table(path: Path, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    if not isinstance(found, dict):
        raise InputError(f"{path}: [{key}] is missing; docs/node.md shows a file")
    return found


def _figure(path: Path, data: Mapping[str, Any], where: str) -> Figure:
    basis = _text(path, data, f"{where}.basis")
    if basis not in BASES:
        raise InputError(f"{path}: {where}.basis must be one of {', '.join(BASES)}")
    return Figure(basis, _text(path, data, f"{where}.source"))


def _text(path: Path, data: Mapping[str, Any], where: str) -> str:
    found = data.get(where.split(".")[-1])
    if not isinstance(found, str) or not found.strip() or len(found) > 1000:
        raise InputError(f"{path}: {where} must be a text: say what it is, and where figures come from")
    return found


def _number(path: Path, data: Mapping[str, Any], where: str) -> float:
    return _positive(path, data.get(where.split(".")[-1]), where)


def _positive(path: Path, value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
        raise InputError(f"{path}: {where} must be a number within 0..1000000")
    return float(value)
