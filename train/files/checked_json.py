"""Checked reading of JSON objects that come from outside: every field has a type, a bound and a place to name.

Only reading and its messages live here; what a report or a point consists of is in `inkling.reports.results.report`
and `inkling.reports.results.point`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkling.train.errors import InputError

MAX_BYTES = 32 * 2**20
MAX_TEXT = 20_000
MAX_ITEMS = 20_000


@dataclass(frozen=True)
class Fields:
    """One JSON object and where it stands (a file and a path inside it), read field by field."""

    data: Mapping[str, Any]
    where: str

    def fail(self, key: str, expected: str) -> InputError:
        """The error for a field that is missing or wrong."""
        found = type(self.data[key]).__name__ if key in self.data else "nothing"
        return InputError(f"{self.where}: {key!r} must be {expected}, found {found}; write the report again")

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A string of at most MAX_TEXT characters."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self.fail(key, f"a text of at most {MAX_TEXT} characters")
        return value

    def number(self, key: str, low: float = 0.0, high: float = math.inf) -> float:
        """A finite number within low..high."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
            raise self.fail(key, "a finite number")
        if not low <= value <= high:
            raise self.fail(key, f"within {low:g}..{high:g}")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """A finite number that is not negative, or null."""
        return self.number(key) if self.has(key) else None

    def integer(self, key: str, default: int | None = None) -> int:
        """An integer within 0..2**63 - 1."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise self.fail(key, "an integer that is not negative")
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def inner(self, key: str, optional: bool = False) -> "Fields":
        """The object under a key; an empty one where it is missing and optional."""
        value = self.data.get(key, {} if optional else None)
        if not isinstance(value, dict) or len(value) > MAX_ITEMS or any(len(name) > MAX_TEXT for name in value):
            raise self.fail(key, "an object")
        return Fields(value, f"{self.where}, {key}"[:200])

    def items(self, key: str, optional: bool = False) -> list[Any]:
        """The list under a key; an empty one where it is missing and optional."""
        value = self.data.get(key, [] if optional else None)
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.fail(key, f"a list of at most {MAX_ITEMS} items")
        return value

    def objects(self, key: str, optional: bool = False) -> list["Fields"]:
        """The list of objects under a key."""
        values = self.items(key, optional)
        if not all(isinstance(value, dict) for value in values):
            raise self.fail(key, "a list of objects")
        return [Fields(value, f"{self.where}, {key} {i}"[:200]) for i, value in enumerate(values)]

    def texts(self, key: str, optional: bool = False) -> tuple[str, ...]:
        """The list of strings under a key."""
        values = self.items(key, optional)
        if not all(isinstance(value, str) and len(value) <= MAX_TEXT for value in values):
            raise self.fail(key, "a list of texts")
        return tuple(values)


def load(path: Path) -> Fields:
    """Parse a JSON file of bounded size whose top level is an object. Raises InputError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; this is no report")
        data = json.loads(path.read_bytes(), parse_constant=_finite, parse_float=_finite)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a file inside a run folder") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not valid JSON; write it again with `inkling run`") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object; write it again with `inkling run`")
    return Fields(data, str(path))


def _finite(text: str) -> float:
    """Python's parser takes NaN and infinities, which are no JSON and which a page cannot hold."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
