"""Checked reading of JSON that comes from outside: every field has a type, a bound and a place to name.

Only reading and its messages live here; what a document consists of is its reader's business.
"""

import json
import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from inkling.train.errors import InputError
from inkling.train.files.text import text as read_text

MAX_BYTES = 32 * 2**20
MAX_TEXT = 20_000
MAX_ITEMS = 20_000
LARGEST = sys.float_info.max  # integers may be larger than any float


@dataclass(frozen=True)
class Fields:
    """One JSON object, read field by field.

    Attributes
    ----------
    data : mapping
        The object as Python's parser gives it.
    where : str
        A file, and a path inside it, for messages.
    remedy : str
        What to do about a wrong file, for messages.
    """

    data: Mapping[str, Any]
    where: str
    remedy: str = "write the report again"

    def fail(self, key: str, expected: str) -> InputError:
        """The error for a field that is missing or wrong."""
        actual = type(self.data[key]).__name__ if key in self.data else "nothing"
        return InputError(f"{self.where}: {key!r} must be {expected}, found {actual}; {self.remedy}")

    def error(self, text: str) -> InputError:
        """The error for what fields mean together."""
        return InputError(f"{self.where}: {text}; {self.remedy}")

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def only(self, keys: Collection[str]) -> "Fields":
        """The same, where it has exactly these fields. Raises InputError."""
        if set(self.data) != set(keys):
            raise self.error(f"must have exactly the fields {', '.join(keys)}")
        return self

    def schema(self, name: str, version: int | None = None) -> None:
        """Raise InputError unless this is a document of that schema, and of that version where one is given."""
        actual = self.data.get("version")
        if self.data.get("schema") != name or (version is not None and (actual != version or actual is True)):
            words = "" if version is None else f" version {version}"
            raise self.error(f"schema is not {name!r}{words}")

    def text(self, key: str, default: str | None = None, most: int = MAX_TEXT) -> str:
        """A string of at most `most` characters."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or len(value) > most:
            raise self.fail(key, f"a text of at most {most} characters")
        return value

    def choice(self, key: str, known: Collection[str]) -> str:
        """One of the known strings."""
        value = self.data.get(key)
        if not isinstance(value, str) or value not in known:
            raise self.fail(key, f"one of {', '.join(known)}")
        return value

    def number(self, key: str, low: float = 0.0, high: float = math.inf) -> float:
        """A finite number within low..high."""
        value = self.data.get(key)
        if not is_number(value):
            raise self.fail(key, "a finite number")
        if not low <= value <= high:
            raise self.fail(key, f"within {low:g}..{high:g}")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """A finite number that is not negative, or null."""
        return self.number(key) if self.has(key) else None

    def integer(self, key: str, default: int | None = None, low: int = 0, high: int = 2**63 - 1) -> int:
        """A whole number within low..high."""
        value = self.data.get(key, default)
        if not is_whole(value, low, high):
            usual = (low, high) == (0, 2**63 - 1)
            raise self.fail(key, "an integer that is not negative" if usual else f"a whole number in {low}..{high}")
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
        return Fields(value, f"{self.where}, {key}"[:200], self.remedy)

    def items(self, key: str, optional: bool = False, least: int = 0, most: int = MAX_ITEMS) -> list[Any]:
        """The list under a key; an empty one where it is missing and optional."""
        value = self.data.get(key, [] if optional else None)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.fail(key, f"a list of {least} to {most} items" if least else f"a list of at most {most} items")
        return value

    def objects(self, key: str, optional: bool = False, least: int = 0, most: int = MAX_ITEMS) -> list["Fields"]:
        """The list of objects under a key."""
        values = self.items(key, optional, least, most)
        if not all(isinstance(value, dict) for value in values):
            raise self.fail(key, "a list of objects")
        return [Fields(value, f"{self.where}, {key} {i}"[:200], self.remedy) for i, value in enumerate(values)]

    def texts(self, key: str, optional: bool = False) -> tuple[str, ...]:
        """The list of strings under a key."""
        values = self.items(key, optional)
        if not all(isinstance(value, str) and len(value) <= MAX_TEXT for value in values):
            raise self.fail(key, "a list of texts")
        return tuple(values)

    def integers(self, key: str, low: int, high: int, least: int = 0, most: int = MAX_ITEMS) -> tuple[int, ...]:
        """The list of whole numbers within low..high under a key."""
        values = self.items(key, False, least, most)
        if not all(is_whole(value, low, high) for value in values):
            raise self.fail(key, f"a list of whole numbers in {low}..{high}")
        return tuple(values)

    def numbers(self, key: str, low: float = -1e300, high: float = 1e300, most: int = MAX_ITEMS) -> tuple[float, ...]:
        """The list of finite numbers within low..high under a key."""
        values = self.items(key, most=most)
        if not all(is_number(value) and low <= value <= high for value in values):
            raise self.fail(key, "a list of finite numbers" if high >= 1e300 else f"numbers in {low:g}..{high:g}")
        return tuple(float(value) for value in values)


def is_whole(value: object, low: int, high: int) -> TypeGuard[int]:
    """Whether a parsed value is an integer, true and false being none, within low..high."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a parsed value is a number that a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def load(path: Path, remedy: str = "write it again with `inkling run`", most_bytes: int = MAX_BYTES) -> Fields:
    """Read a JSON file of bounded size whose top level is an object. Raises InputError."""
    return parse(read_text(path, remedy, most_bytes), str(path), remedy)


def document(path: Path) -> dict[str, Any]:
    """A JSON object of a run's or design's folder, whose fields its reader checks. Raises InputError."""
    return dict(load(path, "make the run again").data)


def parse(text: str, where: str, remedy: str) -> Fields:
    """The same for a text. Raises InputError."""
    data = value_of(text, where, remedy)
    if not isinstance(data, dict):
        raise InputError(f"{where}: must hold a JSON object; {remedy}")
    return Fields(data, where, remedy)


def value_of(text: str, where: str, remedy: str) -> Any:
    """Any JSON value, without the NaN and infinities that Python's parser takes. Raises InputError."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON ({str(error)[:80]}); {remedy}") from error


def _finite(text: str) -> float:
    """NaN and infinities are no JSON, and a page cannot hold them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no finite number")
    return number
