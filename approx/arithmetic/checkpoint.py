"""Checkpoints of an arithmetic search: one npz file, written beside and renamed, and never a pickle.

A round depends on the state, the seed and its number alone, so this is all there is to keep.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkling.approx.arithmetic.kernel import SOURCE, Archive, Shape
from inkling.approx.arithmetic.measure import Measured, summary
from inkling.train.errors import InputError
from inkling.train.files import arrays, atomic, checked_json
from inkling.train.tables.dataset import Development

if TYPE_CHECKING:
    from inkling.approx.arithmetic.starts import Start
    from inkling.approx.arithmetic.state import Settings, State

VERSION = 3
LARGEST = 1 << 28  # bytes of a checkpoint that is believed
EXPECTED: arrays.Expected = {
    **dict.fromkeys(("starts", "genomes", "chosen", "measured"), ("<i2", (None, None))),
    "areas": ("<f8", (None,)),
    "errors": ("<i8", (None,)),
    "measures": ("<f8", (None, 2)),
    "about": ("|u1", (None,)),
}


def fingerprint(development: Development, how: "Settings", seed: int, starts: "Sequence[Start] | None") -> str:
    """SHA-256 over all that decides a search: rows, settings, seed, given starts and the kernel."""
    found = hashlib.sha256(f"{VERSION} {seed} {how!r} {development.columns} {development.input_bits}".encode())
    found.update(SOURCE.read_bytes())
    for part in (*development.train, *development.validation):
        found.update(str(part.shape).encode() + np.ascontiguousarray(part).tobytes())
    for start in starts or ():
        found.update(repr(start.relu).encode())
        for dense in (start.first, start.second):
            found.update(str(dense.weights.shape).encode() + dense.weights.tobytes() + dense.bias.tobytes())
    return found.hexdigest()


def save(state: "State", asked: str, path: Path) -> None:
    """Write the state; a run that is killed at any moment leaves the old file or the new one."""
    places = sorted(state.chosen)
    entries = [state.chosen[place] for place in places]
    shape = state.shape
    names, genomes, numbers = summary(state.measured)
    about = {
        "fingerprint": asked,
        "shape": [shape.inputs, shape.hidden, shape.outputs, shape.slots],
        "rounds": state.rounds,
        "evaluated": state.evaluated,
        "measured": names,
        "area_prices": state.area_prices,
        "chosen": [
            [place, e.price, e.scored, e.train, e.validation, e.selection]
            for place, e in zip(places, entries, strict=True)
        ],
    }
    held: arrays.Arrays = {
        "starts": np.array(state.starts, np.int16).reshape(-1, shape.size),
        "genomes": state.archive.genomes,
        "areas": state.archive.areas,
        "errors": state.archive.errors,
        "chosen": np.array([e.genome for e in entries], np.int16).reshape(-1, shape.size),
        "measured": genomes.reshape(-1, shape.size),
        "measures": numbers.reshape(-1, 2),
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    atomic.write(path, arrays.write(held))


def load(path: Path, asked: str) -> "State | None":
    """The state to continue from, None where there is no file. InputError: it is broken or another search's."""
    from inkling.approx.arithmetic.state import Entry, State

    if not path.exists():
        return None
    try:
        held = arrays.read(path, EXPECTED, most_bytes=LARGEST)
        about = checked_json.parse(held["about"].tobytes().decode(), str(path), "delete it").data
        matches = about["fingerprint"] == asked
        shape = Shape(*about["shape"])
        if any(held[name].shape[1] != shape.size for name in ("starts", "genomes", "chosen", "measured")):
            raise ValueError("genomes of another shape")
        if not len(held["genomes"]) == len(held["areas"]) == len(held["errors"]):
            raise ValueError("an archive with holes")
        chosen = {
            int(place): Entry(genome, *numbers)
            for (place, *numbers), genome in zip(about["chosen"], held["chosen"], strict=True)
        }
        archive = Archive(held["genomes"], held["areas"], held["errors"])
        measured = {
            str(name): Measured(genome, float(area), float(power))
            for name, genome, (area, power) in zip(about["measured"], held["measured"], held["measures"], strict=True)
        }
        prices = None if about["area_prices"] is None else tuple(float(price) for price in about["area_prices"])
        rounds, evaluated = int(about["rounds"]), int(about["evaluated"])
        state = State(shape, list(held["starts"]), archive, chosen, rounds, evaluated, measured, prices)
    except (InputError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise InputError(
            f"{path} is not a readable checkpoint of an arithmetic search ({error}): delete it"
        ) from error
    if not matches:
        raise InputError(f"{path} is the checkpoint of another search: delete it or name another file")
    return state
