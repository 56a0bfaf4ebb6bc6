"""What a design means: design.json against the network and the emitted texts, and readings from end to end.

readings.json holds readings about the thresholds of every input with the codes and answers that the run gave them, so
that another range, column, class or order shows. What a network computes is checked in `inkling.sim.designs.recheck`.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.hdl.names import port_names
from inkling.sim.designs.folder import DesignFolder
from inkling.sim.verdicts.ports import outputs
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields, load

READINGS = "readings.json"
SCHEMA = "inkling.readings/1"
DESIGN_SCHEMAS = ("inkling.design/1", "inkling.design/2")
COUNT = 96
_HEAD = re.compile(r"^\s*module\s+\\?top\b\s*\(([^)]*)\)", re.MULTILINE)


def codes_of(described: Sequence[Any], readings: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The codes of readings, float64 [n, inputs], by the inputs of design.json: uint8 [n, inputs].

    code = clip(floor((value - low) / (high - low) * 2**bits), 0, 2**bits - 1); of a comparator whether the code of
    its grid reaches its level.
    """
    low, high, steps = _ranges(described)
    found: NDArray[np.uint8] = np.clip(np.floor((readings - low) / (high - low) * steps), 0, steps - 1).astype(
        np.uint8
    )
    for place, item in enumerate(described):
        if "level" in item:
            found[:, place] = found[:, place] >= item["level"]
    return found


def _ranges(described: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lows, highs and steps of the grid of every input, float64 [inputs] each."""
    low, high = (np.array([item[key] for item in described], np.float64) for key in ("low", "high"))
    return low, high, 2.0 ** np.array([item.get("grid_bits", item["bits"]) for item in described], np.float64)


def draw(described: Sequence[Any], seed: int, count: int = COUNT) -> NDArray[np.float64]:
    """Readings, float64 [count, inputs]: next to thresholds of the codes, and over the range and a little beyond.

    Comparators of one column all read the same.
    """
    rng = np.random.default_rng(seed)
    low, high, steps = _ranges(described)
    step = (high - low) / steps
    at = rng.integers(0, steps.astype(np.int64) + 1, (count, len(low)))
    for place, item in enumerate(described):
        if "level" in item:
            at[:, place] = item["level"]
    near = low + step * (at + rng.choice([-0.01, 0.01], (count, len(low))))
    wide = low + (high - low) * rng.uniform(-0.1, 1.1, near.shape)
    drawn: NDArray[np.float64] = np.where(rng.random(near.shape) < 0.6, near, wide)
    columns = np.array([item["column"] for item in described], dtype=object)
    for column in dict.fromkeys(columns):
        places = np.flatnonzero(columns == column)
        if len(places) > 1:
            taken = drawn[np.arange(count), rng.choice(places, count)]
            drawn[:, places] = taken[:, None]
    return drawn


def answers(network: IntegerNetwork, design: dict[str, Any], codes: NDArray[np.uint8]) -> list[Any]:
    """The names of classes, or the values that scores stand for, of codes, uint8 [n, inputs]."""
    found = network.evaluate(codes)
    if network.is_classifier:
        classes = design["output"]["classes"]
        return [classes[k] if k < len(classes) else None for k in found.tolist()]
    scale, offset = (np.array([item[key] for item in design["outputs"]]) for key in ("scale", "offset"))
    return [[float(f"{value:.9g}") for value in row] for row in (found * scale + offset).tolist()]


def readings_text(network: IntegerNetwork, design: dict[str, Any], codes: NDArray[np.uint8], readings: Any) -> str:
    """The text of readings.json; codes: of the readings, as the run's own quantisers give them."""
    document = {
        "schema": SCHEMA,
        "columns": [item["column"] for item in design["inputs"]],
        "readings": readings.tolist(),
        "codes": codes.tolist(),
        "answers": answers(network, design, codes),
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def problems(design: DesignFolder, emitted: Mapping[str, str]) -> list[str]:
    """What is wrong with design.json, each a sentence: types, ranges and names, and what the other files say.

    emitted: the texts as they are emitted now (`inkling.sim.designs.folder.differences`).
    """
    network, described = design.network, design.described
    found: list[str] = []
    if described.get("schema", DESIGN_SCHEMAS[0]) not in DESIGN_SCHEMAS:
        found.append(f"schema is none of {', '.join(DESIGN_SCHEMAS)}")
    listed = described.get("inputs")
    names = port_names([item.name for item in network.inputs])
    if not isinstance(listed, list) or len(listed) != len(names) or not all(isinstance(i, dict) for i in listed):
        return [*found, f"inputs are no list of the {len(names)} inputs that the network has"]
    for number, (item, port, given) in enumerate(zip(listed, names, network.inputs, strict=True)):
        where = f"input {number}"
        if item.get("port") != port:
            found.append(f"{where}: port {str(item.get('port'))[:40]!r} is {port!r} in the network")
        if item.get("bits") != given.bits or isinstance(item.get("bits"), bool):
            found.append(f"{where}: bits {str(item.get('bits'))[:20]} are {given.bits} in the network")
        if not isinstance(item.get("column"), str):
            found.append(f"{where}: column is no text")
        ends = [item.get(key) for key in ("low", "high")]
        if not all(type(end) in (int, float) and math.isfinite(end) for end in ends):
            found.append(f"{where}: low and high are no finite numbers")
        elif not ends[0] < ends[1] or not math.isfinite(ends[1] - ends[0]):
            found.append(f"{where}: low is not below high")
        found += _level_problems(where, item, given)
    # Comparators share a column, at different levels of one range.
    keys = [(str(item.get("column")), item.get("level")) for item in listed]
    ranges: dict[str, set[str]] = {}
    for item in listed:
        kind = "level" in item and repr((item.get("low"), item.get("high")))
        ranges.setdefault(str(item.get("column")), set()).add(str(kind))
    coded = [column for column, level in keys if level is None]
    if len({repr(key) for key in keys}) != len(keys) or len(set(coded)) != len(coded):
        found.append("two inputs name the same column")
    elif any(len(kinds) > 1 for kinds in ranges.values()):
        found.append("inputs of one column have different ranges")
    found += _output_problems(described, network)
    for name in ("top.v", "mapped.v"):
        if _ports(design.texts[name]) != _ports(emitted[name]):
            found.append(f"{name}: the ports are others, or in another order, than those that are emitted")
    return found


def _level_problems(where: str, item: dict[str, Any], given: Input) -> list[str]:
    """What design.json says of a comparator against the network's threshold."""
    keys = ("level", "grid_bits", "reference", "threshold")
    threshold = given.threshold
    if threshold is None:
        return [f"{where}: {key} is of a comparator, and the network reads a code" for key in keys if key in item]
    low, high = item.get("low"), item.get("high")
    if type(low) not in (int, float) or type(high) not in (int, float):
        return []  # told already
    reading = low + threshold.reference * (high - low)  # type: ignore[operator]
    wanted = (threshold.level, threshold.bits, threshold.reference, reading)
    return [
        f"{where}: {key} {str(item.get(key))[:40]} is {value:g} by the network"
        for key, value in zip(keys, wanted, strict=True)
        if type(item.get(key)) not in (int, float) or not math.isclose(item[key], value, rel_tol=1e-9)
    ]


def _ports(verilog: str) -> list[str]:
    """The names in the head of module `top`, in their order, which instances by position go by."""
    head = _HEAD.search(verilog)
    return [word.split()[-1].lstrip("\\") for word in head[1].split(",") if word.split()] if head else []


def _output_problems(described: dict[str, Any], network: IntegerNetwork) -> list[str]:
    if network.is_classifier:
        output = described.get("output")
        if not isinstance(output, dict) or output.get("port") != "label":
            return ["output.port is not 'label'"]
        classes = output.get("classes")
        if not isinstance(classes, list) or len(classes) != network.classes:
            return [f"output.classes are not the {network.classes} of the network"]
        return ["two classes have the same name"] if len(set(map(str, classes))) != len(classes) else []
    listed = described.get("outputs")
    ports = [item.name for item in outputs(network)]
    if not isinstance(listed, list) or [isinstance(i, dict) and i.get("port") for i in listed] != ports:
        return ["outputs are not the scores of the network"]
    if not all(
        type(i.get(key)) in (int, float) and math.isfinite(i[key]) for i in listed for key in ("scale", "offset")
    ):
        return ["scale and offset of an output are no finite numbers"]
    return []


def verdicts(design: DesignFolder, folder: Path, emitted: Mapping[str, str]) -> list[Verdict]:
    """design.json against the other files, and readings from end to end. Raises InputError for malformed readings."""
    wrong = problems(design, emitted)
    told = "; ".join(wrong[:4]) or "ports, bits, ranges, columns and classes fit the network and the texts"
    found = [Verdict("design", "design.json", "network.json", 1, len(wrong), 0.0, detail=told, unit="files")]
    if not (folder / READINGS).is_file():
        detail = "there is no readings.json, so ranges, columns and classes cannot be told from others"
        missing = int(design.described.get("schema") == DESIGN_SCHEMAS[-1])
        found.append(Verdict("readings", "design.json", READINGS, 0, missing, 0.0, detail=detail, unit="readings"))
    elif not wrong:
        found.append(_end_to_end(design, load(folder / READINGS)))
    return found


def _end_to_end(design: DesignFolder, kept: Fields) -> Verdict:
    described = design.described["inputs"]
    width = len(described)
    if kept.text("schema", "") != SCHEMA:
        raise InputError(f"{kept.where}: schema is not {SCHEMA}; make the run again")
    rows, codes, expected = (kept.items(key) for key in ("readings", "codes", "answers"))
    if not rows or not len(rows) == len(codes) == len(expected):
        raise InputError(f"{kept.where}: readings, codes and answers are not equally many; make the run again")
    for row in (*rows, *codes):
        if not isinstance(row, list) or len(row) != width or not all(type(v) in (int, float) for v in row):
            raise InputError(f"{kept.where}: a row has not the {width} numbers of the inputs; make the run again")
    columns = kept.texts("columns")
    read = codes_of(described, np.array(rows, np.float64))
    moved = (read != np.array(codes)).any(axis=1)
    given = answers(design.network, design.described, read)
    differ = np.array([one != other for one, other in zip(given, expected, strict=True)])
    wrong = int((moved | differ).sum())
    detail = "readings, quantised by design.json, give the codes and answers of the run"
    if [item["column"] for item in described] != list(columns):
        wrong, detail = max(wrong, 1), "the columns are not those of readings.json"
    elif wrong:
        row = int(np.flatnonzero(moved | differ)[0])
        detail = f"reading {row} gives {given[row]!r:.60} and not {expected[row]!r:.60}"
        if moved[row]:
            at = int(np.flatnonzero(read[row] != np.array(codes[row]))[0])
            column = described[at]["column"][:40]
            detail = f"reading {row} of {column!r} has another code: its range is not that of the run"
    return Verdict("readings", "design.json", READINGS, len(rows), wrong, 0.0, detail=detail, unit="readings")
