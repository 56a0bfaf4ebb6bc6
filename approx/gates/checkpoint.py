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

from inkling.approx.gates.packing import Gates
from inkling.train.errors import InputError
from inkling.train.files import atomic

if TYPE_CHECKING:
    from inkling.approx.gates.pool import Pool

VERSION = 2
LARGEST = 1 << 28  # bytes of one array of a checkpoint that is believed


def fingerprint(pool: "Pool") -> str:
    """SHA-256 over all that decides the search: rows, starts, cells, settings and seed."""
    found = hashlib.sha256(f"{VERSION} {pool.seed} {pool.problem.settings!r} {pool.problem.functions}".encode())
    found.update(pool.problem.cells.area.tobytes())
    if (physics := pool.problem.physics) is not None:
        found.update(repr((physics.power_weight, physics.area_weight, physics.delay_limit)).encode())
        for figures in (physics.leak, physics.delay):
            found.update(b"none" if figures is None else figures.tobytes())
    for part in (*pool.problem.scored, *pool.problem.train, *pool.problem.validation):
        found.update(str(part.shape).encode() + part.tobytes())
    for gates in pool.starts:
        for array in gates:
            found.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def save(pool: "Pool", path: Path) -> None:
    """Write the archive; a run that is killed at any moment leaves the old file or the new one."""
    atomic.write(path, dump(pool))


def dump(pool: "Pool") -> bytes:
    """The archive as the content of a file."""
    from inkling.approx.gates.pool import Entry

    entries = [("best", step, entry) for step, entry in sorted(pool.best.items())]
    entries += [("chosen", step, entry) for step, entry in sorted(pool.chosen.items())]
    if pool.carried is not None:
        entries.append(("carried", 0, Entry(pool.carried, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0)))
    about = {
        "fingerprint": fingerprint(pool),
        "rounds": pool.rounds,
        "moves": pool.moves,
        "evaluated": pool.evaluated,
        "tried": pool.tried.tolist(),
        "kept": pool.kept.tolist(),
        "entries": [
            [part, step, len(e.gates.op), e.area, e.size, e.power, e.errors, e.train, e.validation, e.choice]
            for part, step, e in entries
        ],
    }
    arrays = {
        "op": np.concatenate([e.gates.op for _, _, e in entries] or [np.zeros(0, np.uint8)]),
        "source": np.concatenate([e.gates.source for _, _, e in entries] or [np.zeros((0, 2), np.int32)]),
        "outputs": np.array([e.gates.outputs for _, _, e in entries], np.int32),
        "errors": pool.archive.errors,
        "size": pool.archive.size,
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def load(pool: "Pool", path: Path) -> bool:
    """Continue from a checkpoint; whether there was one. InputError: it is broken or another search's."""
    if not path.exists():
        return False
    restore(pool, path, path)
    return True


def restore(pool: "Pool", source: Path | io.BytesIO, path: Path) -> None:
    """Continue from what `dump` gave; path: what it is called. InputError: it is broken or another search's."""
    from inkling.approx.gates.pool import Entry

    try:
        with zipfile.ZipFile(source) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST:
                raise ValueError("too large")
        with np.load(source, allow_pickle=False) as data:
            arrays = {name: data[name] for name in ("op", "source", "outputs", "errors", "size", "about")}
        about = json.loads(arrays["about"].tobytes())
        matches = about["fingerprint"] == fingerprint(pool)
        entries = about["entries"]
    except (OSError, ValueError, KeyError, TypeError, MemoryError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} is not a readable checkpoint of a gate search ({error}): delete it") from error
    if not matches:
        raise InputError(f"{path} is the checkpoint of another search: delete it or name another file")
    at = 0
    for (part, step, count, *figures), outputs in zip(entries, arrays["outputs"], strict=True):
        gates = Gates(arrays["op"][at : at + count], arrays["source"][at : at + count], outputs)
        at += count
        if part == "carried":
            pool.carried = gates
        else:
            {"best": pool.best, "chosen": pool.chosen}[part][step] = Entry(gates, *figures)
    pool.archive.errors[:], pool.archive.size[:] = arrays["errors"], arrays["size"]
    pool.rounds, pool.moves, pool.evaluated = about["rounds"], about["moves"], about["evaluated"]
    pool.tried[:], pool.kept[:] = about["tried"], about["kept"]
