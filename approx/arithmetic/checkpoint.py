"""Checkpoints of an arithmetic search: one npz file, written beside and renamed, and never a pickle.

A round depends on the state, the seed and its number alone, so this is all there is to keep.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkling.approx.arithmetic.kernel import SOURCE, Archive, Shape
from inkling.approx.arithmetic.measure import Measured, summary
from inkling.train.errors import InputError
from inkling.train.files import atomic
from inkling.train.tables.dataset import Development

if TYPE_CHECKING:
    from inkling.approx.arithmetic.starts import Start
    from inkling.approx.arithmetic.state import Settings, State

VERSION = 2
LARGEST = 1 << 28  # bytes of a checkpoint that is believed


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
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        starts=np.array(state.starts, np.int16).reshape(-1, shape.size),
        genomes=state.archive.genomes,
        areas=state.archive.areas,
        errors=state.archive.errors,
        chosen=np.array([e.genome for e in entries], np.int16).reshape(-1, shape.size),
        measured=genomes.reshape(-1, shape.size),
        measures=numbers,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
    )
    atomic.write(path, buffer.getvalue())


def load(path: Path, asked: str) -> "State | None":
    """The state to continue from, None where there is no file. InputError: it is broken or another search's."""
    from inkling.approx.arithmetic.state import Entry, State

    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as data:
            names = ("starts", "genomes", "areas", "errors", "chosen", "measured", "measures", "about")
            arrays = {name: data[name] for name in names}
        about = json.loads(arrays["about"].tobytes())
        matches = about["fingerprint"] == asked
        shape = Shape(*about["shape"])
        if arrays["genomes"].shape != (len(arrays["areas"]), shape.size) or arrays["genomes"].dtype != np.int16:
            raise ValueError("genomes of another shape")
        chosen = {
            int(place): Entry(genome, *numbers)
            for (place, *numbers), genome in zip(about["chosen"], arrays["chosen"], strict=True)
        }
        held = Archive(arrays["genomes"], arrays["areas"], arrays["errors"])
        measured = {
            str(name): Measured(genome, float(area), float(power))
            for name, genome, (area, power) in zip(
                about["measured"], arrays["measured"], arrays["measures"], strict=True
            )
        }
        prices = None if about["area_prices"] is None else tuple(float(price) for price in about["area_prices"])
        rounds, evaluated = int(about["rounds"]), int(about["evaluated"])
        state = State(shape, list(arrays["starts"]), held, chosen, rounds, evaluated, measured, prices)
    except (OSError, ValueError, KeyError, TypeError, MemoryError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path} is not a readable checkpoint of an arithmetic search ({error}): delete it"
        ) from error
    if not matches:
        raise InputError(f"{path} is the checkpoint of another search: delete it or name another file")
    return state
