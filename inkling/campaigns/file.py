"""A campaign's TOML file: read, checked against bounds, and its tables and technologies loaded, by whoever starts it.

What a campaign is lives in `inkling.campaigns.campaign`.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from inkling.campaigns.campaign import METHODS, RIVALS, Budget, Campaign, Cells, Data
from inkling.hdl.cells.choice import technology_of
from inkling.hdl.cells.technology import Technology
from inkling.runs.effort import Effort
from inkling.train.errors import InputError
from inkling.train.tables.reading import Reading
from inkling.train.tables.table import Table, quoted, suggestion

LARGEST_FILE = 1 << 20
MOST_POINTS = 10_000_000
KEYS = (
    *("name", "datasets", "methods", "splits", "seeds", "technologies", "budgets"),
    *("bits", "ranges", "areas", "rivals"),
)
# Bounds of the numbers of a budget that can be named.
BUDGET = {
    "restarts": (1, 4096),
    "networks": (1, 64),
    "arithmetic_moves": (1, 10**9),
    "rounds": (1, 10**6),
    "circuits": (1, 64),
    "islands": (1, 256),
}


@dataclass(frozen=True)
class Loaded:
    """A campaign with what its points are computed from: tables and technologies by digest."""

    campaign: Campaign
    tables: dict[str, Table]
    technologies: dict[str, Technology]


def load(path: Path, data_folder: Path | None = None) -> Loaded:
    """Read and check a file and load what it names. Raises InputError."""
    document = parse(path)
    where = str(path)
    tables: dict[str, Table] = {}
    bits = _whole(document.get("bits", 4), f"{where}: bits", 1, 8)
    ranges = document.get("ranges", "fitted")
    if ranges not in ("fitted", "span"):
        raise InputError(f"{where}: ranges is {quoted(str(ranges))}: it is fitted or span")
    methods = _names(document, "methods", where, METHODS)
    datasets = [
        _data(item, where, path.parent, bits, ranges, data_folder, tables)
        for item in _list(document, "datasets", where)
    ]
    technologies: dict[str, Technology] = {}
    cells = [
        _cells(item, where, path.parent, technologies)
        for item in _list(document, "technologies", where, default=["egfet"])
    ]
    budgets = [_budget(item, where) for item in _list(document, "budgets", where, default=["quick"])]
    for word, named in (("datasets", datasets), ("technologies", cells), ("budgets", budgets)):
        names = [item.name for item in named]
        if len(set(names)) < len(names):
            raise InputError(f"{where}: {word} holds two of one name: {', '.join(names[:12])}")
    rivals = _names(document, "rivals", where, methods, [name for name in methods if name in RIVALS])
    campaign = Campaign(
        name=_name(document.get("name", path.stem), where),
        datasets=tuple(datasets),
        methods=methods,
        splits=_seeds(document.get("splits", 10), f"{where}: splits"),
        seeds=_seeds(document.get("seeds", 1), f"{where}: seeds"),
        technologies=tuple(cells),
        budgets=tuple(budgets),
        areas=_areas(document.get("areas", []), where),
        rivals=rivals,
    )
    if len(campaign) > MOST_POINTS:
        raise InputError(f"{where}: asks for {len(campaign)} points, more than {MOST_POINTS}: divide it")
    return Loaded(campaign, tables, technologies)


def parse(path: Path) -> dict[str, Any]:
    """The file's document with known keys only. Raises InputError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise InputError(f"{path}: is larger than {LARGEST_FILE} bytes: it is no campaign")
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): name a campaign's TOML file") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise InputError(f"{path}: is not TOML ({error})") from error
    _known(document, KEYS, str(path))
    return document


def _known(item: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in item:
        if key not in keys:
            raise InputError(f"{where}: {quoted(key)} is unknown{suggestion(key, list(keys))}; use {', '.join(keys)}")


def _list(document: Mapping[str, Any], key: str, where: str, default: list[Any] | None = None) -> list[Any]:
    found = document.get(key, default)
    if not isinstance(found, list) or not found or len(found) > 1000:
        raise InputError(f"{where}: {key} must be a list of 1 to 1000 entries")
    return found


def _names(
    document: Mapping[str, Any], key: str, where: str, known: Sequence[str] | Mapping[str, Any], default: Any = None
) -> tuple[str, ...]:
    found = document.get(key, default)
    if not isinstance(found, list) or (not found and default is None):
        raise InputError(f"{where}: {key} must be a list of {', '.join(known)}")
    for name in found:
        if name not in known:
            near = suggestion(str(name), list(known))
            raise InputError(f"{where}: {key} holds {quoted(str(name))}{near}; use {', '.join(known)}")
    if len(set(found)) < len(found):
        raise InputError(f"{where}: {key} names one twice")
    return tuple(found)


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= 60 or not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{where}: name is {quoted(str(name))}: use up to 60 letters, digits, - and _")
    return name


def _whole(value: Any, where: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise InputError(f"{where} is {quoted(str(value))}: it must be a whole number in {least}..{most}")
    return value


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    """A count, for 0, 1, ..., or the seeds themselves."""
    if type(value) is int:
        return tuple(range(_whole(value, where, 1, 1_000_000)))
    if not isinstance(value, list) or not 1 <= len(value) <= 1_000_000:
        raise InputError(f"{where} must be a count or a list of seeds")
    found = tuple(_whole(item, where, 0, 2**32 - 1) for item in value)
    if len(set(found)) < len(found):
        raise InputError(f"{where} names a seed twice")
    return found


def _areas(value: Any, where: str) -> tuple[float, ...]:
    good = isinstance(value, list) and len(value) <= 100
    if not good or not all(type(item) in (int, float) and 0 < item < 1e9 for item in value):
        raise InputError(f"{where}: areas must be a list of up to 100 areas in cm2")
    return tuple(sorted({float(item) for item in value}))


def _table(item: Any, key: str, keys: Sequence[str], where: str) -> dict[str, Any]:
    """An entry that is a text, or a table whose `key` is one."""
    found = {key: item} if isinstance(item, str) else item
    if not isinstance(found, dict) or not isinstance(found.get(key), str):
        raise InputError(f"{where}: an entry must be a text, or a table with {key!r}: {quoted(str(item))}")
    _known(found, keys, where)
    return found


def _data(
    item: Any,
    where: str,
    folder: Path,
    bits: int,
    ranges: str,
    data_folder: Path | None,
    tables: dict[str, Table],
) -> Data:
    from inkling.train.tables.sources import find_table, names

    found = _table(item, "table", ("table", "name", "target", "one_hot", "drop_missing"), f"{where}: datasets")
    source = found["table"]
    if all(source != known.name for known in names()) and (folder / source).is_file():
        source = str(folder / source)  # beside the campaign's file
    table, _ = find_table(source, data_folder)
    digest = table_digest(table)
    tables[digest] = table
    target = found.get("target")
    switches = found.get("one_hot", False), found.get("drop_missing", False)
    if not isinstance(target, str | None) or not all(isinstance(switch, bool) for switch in switches):
        raise InputError(f"{where}: datasets: target is a text, one_hot and drop_missing are true or false")
    one_hot, drop_missing = switches
    name = str(found.get("name", table.name))
    reading = Reading(name, target, bits=bits, ranges=ranges, one_hot=one_hot, drop_missing=drop_missing)
    return Data(reading, digest)


def table_digest(table: Table) -> str:
    """SHA-256 over names and values of all columns."""
    found = hashlib.sha256(repr(table.columns).encode())
    for column in table.cells:
        found.update(repr(column).encode() if isinstance(column, tuple) else b"f8" + column.astype("<f8").tobytes())
    return found.hexdigest()


def _cells(item: Any, where: str, folder: Path, technologies: dict[str, Technology]) -> Cells:
    found = _table(item, "name", ("name", "liberty"), f"{where}: technologies")
    files = found.get("liberty")
    if files is None:
        if found["name"] != "egfet":
            raise InputError(f"{where}: technologies: {quoted(found['name'])} needs liberty = [files], or is egfet")
    elif not isinstance(files, list) or not files or not all(isinstance(name, str) for name in files):
        raise InputError(f"{where}: technologies: liberty must be a list of files, one per supply voltage")
    loaded = technology_of([folder / name for name in files or ()])
    digest = hashlib.sha256(repr(loaded).encode()).hexdigest()
    technologies[digest] = loaded
    return Cells(found["name"], digest)


def _budget(item: Any, where: str) -> Budget:
    from inkling.runs.families import effort_of

    keys = ("name", "base", "trees", *BUDGET)
    found = _table(item, "name", keys, f"{where}: budgets")
    base = found.get("base", found["name"])
    effort: Effort = effort_of(base if isinstance(base, str) else str(base))
    values = {field.name: asdict(effort)[field.name] for field in fields(Effort) if field.name in BUDGET}
    values["trees"], values["islands"] = list(effort.trees), 1
    for key, (least, most) in BUDGET.items():
        if key in found:
            values[key] = _whole(found[key], f"{where}: budgets: {key}", least, most)
    if "trees" in found:
        trees = found["trees"]
        if not isinstance(trees, list) or not 1 <= len(trees) <= 100:
            raise InputError(f"{where}: budgets: trees must be a list of numbers of leaves")
        values["trees"] = [_whole(leaves, f"{where}: budgets: trees", 2, 4096) for leaves in trees]
    return Budget(_name(found["name"], where), values)
