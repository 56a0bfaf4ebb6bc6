"""Hostile files and option values end in a result or one line; a small part of tests/benchmarks/bench_fuzz.py, which
tries ten thousand, and the inputs with which it once found something.
"""

import json
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import kinds
import options
import watch

from inkling.train.errors import InputError


def attempt(item: tuple[str, int], folder: Path) -> tuple[str, str]:
    """In a process of its own: what it replaces in the command line's modules is replaced there alone."""
    kind, number = item
    if kind == "valid":
        name, suffix, content = list(valid())[number]
        return watch.judge(lambda: kinds.feed(name, folder, content, suffix))
    if kind == options.NAME:
        return options.attempt(number, 7, folder)
    content, suffix = kinds.content_of(kind, number, 7)
    return watch.judge(lambda: kinds.feed(kind, folder, content, suffix))


def valid() -> list[tuple[str, str, bytes]]:
    """Every seed that a reader should take; the Parquet file of nested columns is one that it should not."""
    return [
        (name, suffix, content)
        for name, kind in kinds.KINDS.items()
        for suffix, contents in sorted(kind.seeds().items())
        for content in contents[: 4 if name == "parquet" else 1]
        if suffix not in (".ico", ".tga", ".pcx") and suffix != "/run.json"
    ]


def test_hostile_inputs_and_valid_ones() -> None:
    items = [("valid", number) for number in range(len(valid()))]
    items += [(kind, number) for kind in kinds.KINDS for number in range(15)]
    items += [(options.NAME, number) for number in range(60)]
    outcomes = list(watch.watched(attempt, items))
    assert len(outcomes) == len(items)
    faults = [outcome for outcome in outcomes if outcome.is_fault]
    assert not faults, faults
    refused = [(*valid()[o.item[1]][:2], o.detail) for o in outcomes if o.item[0] == "valid" and o.what != "result"]
    assert not refused, refused
    assert sum(outcome.what == "refused" for outcome in outcomes) > len(outcomes) / 3


def wrong(item: str, folder: Path) -> tuple[str, str]:
    """Planted faults, one of each kind that the watch must see."""
    match item:
        case "traceback":
            return watch.judge(lambda: [].pop())
        case "lines":
            error = InputError("x")
            error.args = ("two\nlines",)

            def fail() -> None:
                raise error

            return watch.judge(fail)
        case "memory":
            return watch.judge(lambda: np.ones(2**28))
        case "too much":
            return watch.judge(lambda: np.empty(2**40, np.uint8))
        case "crash":
            import os

            os._exit(3)
        case "hang":
            while True:
                time.process_time()
    return watch.judge(lambda: None)


def test_the_watch_sees_planted_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.3)
    monkeypatch.setattr(watch, "MEMORY", 2**30)
    items = ["fine", "traceback", "lines", "too much", "memory", "fine", "crash", "fine", "hang", "fine"]
    found = [outcome.what for outcome in watch.watched(wrong, items)]
    assert found[0] == found[5] == found[7] == found[9] == "result"
    assert found[1] == "traceback IndexError" and found[2] == "no single line"
    assert found[3].startswith("traceback") and "Memory" in found[3]
    assert found[4] == "more than 2 GB" or "Memory" in found[4]
    assert found[6] == "crash" and found[8] == "hang"


def test_equal_seeds_give_equal_inputs() -> None:
    assert kinds.content_of("csv", 5, 1) == kinds.content_of("csv", 5, 1)
    assert kinds.content_of("csv", 5, 1) != kinds.content_of("csv", 6, 1)


def test_messages_are_one_line_without_control_characters() -> None:
    error = InputError("a\n b \x0f\x1b[31m \u202e" + "x" * 10_000)
    assert str(error).startswith("a b \\x0f\\x1b[31m \\u202exxx") and len(str(error)) == 2000


@pytest.mark.parametrize("number", [10**400, -(10**400), float("nan"), float("inf")])
def test_endless_numbers_in_documents(number: float, tmp_path: Path) -> None:
    """Python's integers have no end, and math.isfinite raises at those beyond floats."""
    content = json.loads(kinds.KINDS["integer-field"].seeds()[".json"][0])
    content["coding"]["scale"][0] = number
    with pytest.raises(InputError, match="finite"):
        kinds.feed("integer-field", tmp_path / "a", json.dumps(content).encode(), ".json")
    content = json.loads(kinds.KINDS["float-network"].seeds()[".json"][0])
    content["network"]["weights"][0][0][0] = number
    with pytest.raises(InputError):
        kinds.feed("float-network", tmp_path / "b", json.dumps(content).encode(), ".json")
    content = json.loads(kinds.KINDS["run-folder"].seeds()["/design.json"][0])
    content["inputs"][0]["low"] = number
    with pytest.raises(InputError):
        kinds._read_design(tmp_path / "c", json.dumps(content).encode())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_reports_with_endless_numbers(number: str, tmp_path: Path) -> None:
    content = kinds.KINDS["field-report"].seeds()["/field-report.json"][0]
    for wrong in (content.replace(b"300", number.encode(), 1), content.replace(b"31.5", number.encode())):
        with pytest.raises(InputError, match="not valid JSON"):
            kinds.feed("field-report", tmp_path, wrong, "/field-report.json")
    kinds.feed("field-report", tmp_path, content.replace(b"31.5", b"null"), "/field-report.json")


def test_series_that_claim_more_than_they_hold(tmp_path: Path) -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }\n"
    claims = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(80)
    odd = b"\x93NUMPY\x01\x00" + struct.pack("<H", 8) + b"((((((((" + bytes(9)
    sound = b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    for content, suffix in ((claims, ".npy"), (odd, ".npy"), (sound + b"data" + b"\xff" * 4, ".wav")):
        with pytest.raises(InputError):
            kinds.feed("series", tmp_path, content, suffix)


def test_pictures_of_formats_that_start_programs_or_are_huge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as a picture"):
        kinds.feed("picture", tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", ".eps")

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 8192, 8192, 8, 2, 0, 0, 0)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    with pytest.raises(InputError, match="pixels"):
        kinds.feed("picture", tmp_path, huge, ".png")


def test_a_mesh_of_two_coordinates(tmp_path: Path) -> None:
    text = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nelement face 1\n"
    text += b"property list uchar int vertex_indices\nend_header\n0 0\n1 0\n0 1\n3 0 1 2\n"
    with pytest.raises(InputError):
        kinds.feed("mesh", tmp_path, text, ".ply")


@pytest.mark.parametrize("value", [["petal"], None, 3, {"a": 1}])
def test_a_column_that_is_no_text(value: object, tmp_path: Path) -> None:
    content = json.loads(kinds.KINDS["run-folder"].seeds()["/design.json"][0])
    content["inputs"][0]["column"] = value
    with pytest.raises(InputError, match="column"):
        kinds.feed("run-folder", tmp_path, json.dumps(content).encode(), "/design.json")
