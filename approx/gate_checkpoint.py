"""Checkpoints of a gate-level search: the archived circuits as one npz file, written beside and renamed.

A round depends on the archive, the seed and its number alone, so this is all there is to keep.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from approx.gate_packing import Gates
from train import beside
from train.errors import InputError

if TYPE_CHECKING:
    from approx.gate_search import Pool

VERSION = 1
LARGEST = 1 << 28  # bytes of one array of a checkpoint that is believed


def fingerprint(pool: "Pool") -> str:
    """SHA-256 over all that decides the search: rows, starts, cells, settings and seed."""
    found = hashlib.sha256(f"{VERSION} {pool.seed} {pool.problem.settings!r} {pool.problem.functions}".encode())
    found.update(pool.problem.cells.area.tobytes())
    for part in (*pool.problem.scored, *pool.problem.train, *pool.problem.validation):
        found.update(str(part.shape).encode() + part.tobytes())
    for gates in pool.starts:
        for array in gates:
            found.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def save(pool: "Pool", path: Path) -> None:
    """Write the archive; a run that is killed at any moment leaves the old file or the new one."""
    from approx.gate_search import Entry

    entries = [("best", step, entry) for step, entry in sorted(pool.best.items())]
    entries += [("chosen", step, entry) for step, entry in sorted(pool.chosen.items())]
    if pool.carried is not None:
        entries.append(("carried", 0, Entry(pool.carried, 0.0, 0, 0.0, 0.0)))
    about = {
        "fingerprint": fingerprint(pool),
        "rounds": pool.rounds,
        "moves": pool.moves,
        "evaluated": pool.evaluated,
        "tried": pool.tried.tolist(),
        "kept": pool.kept.tolist(),
        "entries": [
            [part, step, e.area, e.errors, e.train, e.validation, len(e.gates.op)] for part, step, e in entries
        ],
    }
    arrays = {
        "op": np.concatenate([e.gates.op for _, _, e in entries] or [np.zeros(0, np.uint8)]),
        "source": np.concatenate([e.gates.source for _, _, e in entries] or [np.zeros((0, 2), np.int32)]),
        "outputs": np.array([e.gates.outputs for _, _, e in entries], np.int32),
        "errors": pool.archive.errors,
        "area": pool.archive.area,
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    beside.write(path, buffer.getvalue())


def load(pool: "Pool", path: Path) -> bool:
    """Continue from a checkpoint; whether there was one. InputError: it is broken or another search's."""
    from approx.gate_search import Entry

    if not path.exists():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in ("op", "source", "outputs", "errors", "area", "about")}
        about = json.loads(arrays["about"].tobytes())
        matches = about["fingerprint"] == fingerprint(pool)
        entries = about["entries"]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} is not a readable checkpoint of a gate search ({error}): delete it") from error
    if not matches:
        raise InputError(f"{path} is the checkpoint of another search: delete it or name another file")
    at = 0
    for (part, step, area, errors, train, validation, count), outputs in zip(entries, arrays["outputs"], strict=True):
        gates = Gates(arrays["op"][at : at + count], arrays["source"][at : at + count], outputs)
        at += count
        if part == "carried":
            pool.carried = gates
        else:
            {"best": pool.best, "chosen": pool.chosen}[part][step] = Entry(gates, area, errors, train, validation)
    pool.archive.errors[:], pool.archive.area[:] = arrays["errors"], arrays["area"]
    pool.rounds, pool.moves, pool.evaluated = about["rounds"], about["moves"], about["evaluated"]
    pool.tried[:], pool.kept[:] = about["tried"], about["kept"]
    return True
