"""Readings in their columns' own units to the features of a kernel, and labels to the names of classes: C and Python.

The definition is design.json's (`inkling.sim.designs.meaning`); the arithmetic is in doubles, in one order, so that
every language gives the same codes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inkling.train.errors import InputError

MOST_BITS = 16


@dataclass(frozen=True)
class Reading:
    """What a feature is of: code = clip(floor((reading - low) / (high - low) * 2**bits), 0, 2**bits - 1).

    level: above 0, the feature is 1 where the code is at least that, else 0.
    """

    column: str
    low: float
    high: float
    bits: int
    level: int = 0


def of_described(inputs: object) -> tuple[Reading, ...]:
    """The inputs of a design.json. Raises InputError where they are none."""
    if not isinstance(inputs, list | tuple):
        raise InputError("design.json: inputs are no list; make the run again")
    return tuple(_reading(item, number) for number, item in enumerate(inputs))


def _reading(item: object, number: int) -> Reading:
    if isinstance(item, dict):
        column, low, high = (item.get(key) for key in ("column", "low", "high"))
        level = item.get("level", 0)
        bits = item.get("grid_bits") if level else item.get("bits")
        if (
            isinstance(column, str)
            and isinstance(low, int | float)
            and isinstance(high, int | float)
            and not isinstance(low, bool)
            and not isinstance(high, bool)
            and math.isfinite(low)
            and math.isfinite(high)
            and low < high
            and all(type(whole) is int and 0 <= whole <= top for whole, top in ((bits, MOST_BITS), (level, 2**16)))
        ):
            return Reading(column, float(low), float(high), bits or 0, level)
    raise InputError(f"design.json: input {number} has no column, range and bits; make the run again")


def in_c(name: str, readings: Sequence[Reading], labels: Sequence[str]) -> list[str]:
    """Lines of a header: `<name>_encode` of readings, and `<name>_class_name` of classes; static, unused they cost
    nothing."""
    lines: list[str] = []
    if readings:
        count = len(readings)
        lines += [
            "/* Readings in their columns' own units, in the order of features, to features: outside a range they",
            " * saturate, and what is no number becomes 0. */",
            f"static inline void {name}_encode(const double readings[{count}], uint8_t features[{count}])",
            "{",
            *_table("low", [_double(item.low) for item in readings]),
            *_table("span", [_double(item.high - item.low) for item in readings]),
            *_table("steps", [f"{2**item.bits}.0" for item in readings]),
            *(_table("level", [f"{item.level}.0" for item in readings]) if any(i.level for i in readings) else []),
            "    size_t i;",
            f"    for (i = 0; i < {count}; i++) {{",
            "        const double x = (readings[i] - low[i]) / span[i] * steps[i], top = steps[i] - 1.0;",
        ]
        code = "x > 0.0 ? (x < top ? x : top) : 0.0"
        if any(item.level for item in readings):
            code = f"level[i] > 0.0 ? (x >= level[i] ? 1.0 : 0.0) : {code}"
        lines += [f"        features[i] = (uint8_t)({code});", "    }", "}", ""]
    if labels:
        lines += [
            "/* The name of a class, in UTF-8. */",
            f"static inline const char *{name}_class_name(int label)",
            "{",
            f"    static const char *const names[{len(labels)}] = {{",
            *(f"        {_string(text)}," for text in labels),
            "    };",
            f'    return label >= 0 && label < {len(labels)} ? names[label] : "";',
            "}",
            "",
        ]
    return lines


def in_python(readings: Sequence[Reading], labels: Sequence[str], classifier: bool) -> list[str]:
    """Lines of a module: `encode`, and for named classes `classify_readings`."""
    if not readings:
        return []
    count = len(readings)
    lines = [
        "",
        "",
        "# Columns, ranges, steps and, above 0, the level of a comparator of every feature.",
        "COLUMNS = (",
        *(f"    {item.column!a}," for item in readings),
        ")",
        "RANGES = np.array(",
        "    (",
        *(f"        ({item.low!r}, {item.high!r}, {2**item.bits}, {item.level})," for item in readings),
        "    ),",
        "    np.float64,",
        ")",
        "",
        "",
        "def encode(readings):",
        f'    """float [rows, {count}], in COLUMNS\' own units -> uint8 [rows, {count}]; they saturate."""',
        "    low, high, steps, level = RANGES.T",
        "    readings = np.asarray(readings, np.float64)",
        f"    if readings.ndim != 2 or readings.shape[1] != {count} or np.isnan(readings).any():",
        f'        raise ValueError("readings must be numbers [rows, {count}]")',
        '    with np.errstate(over="ignore"):',
        "        x = np.floor((readings - low) / (high - low) * steps)",
        "    return np.where(level > 0, x >= level, np.clip(x, 0, steps - 1)).astype(np.uint8)",
    ]
    if labels and classifier:
        lines += [
            "",
            "",
            "CLASSES = (",
            *(f"    {text!a}," for text in labels),
            ")",
            "",
            "",
            "def classify_readings(readings):",
            f'    """float [rows, {count}], in COLUMNS\' own units -> the names of classes, [rows]."""',
            "    return np.array(CLASSES)[classify(encode(readings))]",
        ]
    return lines


def _table(name: str, values: Sequence[str]) -> list[str]:
    rows = [", ".join(values[k : k + 4]) for k in range(0, len(values), 4)]
    return [
        f"    static const double {name}[{len(values)}] = {{",
        *(f"        {row}," for row in rows[:-1]),
        f"        {rows[-1]}",
        "    };",
    ]


def _double(value: float) -> str:
    text = repr(float(value))
    return text if any(c in text for c in ".e") else f"{text}.0"


def _string(text: str) -> str:
    """A C string of the UTF-8 bytes, which no letter, trigraph or comment can end."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?*/' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "replace")
    )
    return f'"{plain}"'
