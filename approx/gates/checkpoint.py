"""Checkpoints of a gate-level search: the archived circuits as one npz file, written beside and renamed.

A round depends on the archive, the seed and its number alone, so this is all there is to keep.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inkling.approx.gates.packing import Gates
from inkling.train.errors import InputError
from inkling.train.files import arrays, atomic, checked_json

if TYPE_CHECKING:
    from inkling.approx.gates.pool import Pool

VERSION = 3
LARGEST = 1 << 28  # bytes of one array of a checkpoint that is believed


def fingerprint(pool: "Pool") -> str:
    """SHA-256 over all that decides the search: rows, starts, cells, settings and seed."""
    found = hashlib.sha256(f"{VERSION} {pool.seed} {pool.problem.settings!r} {pool.problem.functions}".encode())
    found.update(pool.problem.cells.area.tobytes())
    if (physics := pool.problem.physics) is not None:
        found.update(repr((physics.power_weight, physics.area_weight, physics.delay_limit)).encode())
        for figures in (physics.leak, physics.delay):
            found.update(b"none" if figures is None else figures.tobytes())
    if (prices := pool.problem.prices) is not None:
        for figures in (prices.group, prices.area, prices.power, prices.group_area, prices.group_power):
            found.update(str(figures.shape).encode() + np.ascontiguousarray(figures).tobytes())
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
        entries.append(("carried", 0, Entry(pool.carried, 0.0, 0.0, 0, 0.0, 0.0, 0.0)))
    about = {
        "fingerprint": fingerprint(pool),
        "rounds": pool.rounds,
        "moves": pool.moves,
        "evaluated": pool.evaluated,
        "tried": pool.tried.tolist(),
        "kept": pool.kept.tolist(),
        "entries": [
            [part, step, len(e.gates.op), e.area, e.size, e.errors, e.train, e.validation, e.choice]
            for part, step, e in entries
        ],
    }
    outputs = len(pool.starts[0].outputs)
    return arrays.write(
        {
            "op": np.concatenate([np.zeros(0, np.uint8), *(e.gates.op for _, _, e in entries)]).astype(np.uint8),
            "source": np.concatenate([np.zeros((0, 2)), *(e.gates.source for _, _, e in entries)]).astype(np.int32),
            "outputs": np.array([e.gates.outputs for _, _, e in entries], np.int32).reshape(len(entries), outputs),
            "errors": pool.archive.errors,
            "size": pool.archive.size,
            "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        }
    )


def load(pool: "Pool", path: Path) -> bool:
    """Continue from a checkpoint; whether there was one. InputError: it is broken or another search's."""
    if not path.exists():
        return False
    restore(pool, path, path)
    return True


def restore(pool: "Pool", source: Path | bytes, name: Path | str) -> None:
    """Continue from what `dump` gave; name: what it is called. InputError: it is broken or another search's."""
    from inkling.approx.gates.pool import Entry

    steps, outputs = len(pool.archive.errors), len(pool.starts[0].outputs)
    try:
        held = arrays.read(
            source,
            {
                "op": ("|u1", (None,)),
                "source": ("<i4", (None, 2)),
                "outputs": ("<i4", (None, outputs)),
                "errors": (pool.archive.errors.dtype.str, (steps,)),
                "size": (pool.archive.size.dtype.str, (steps,)),
                "about": ("|u1", (None,)),
            },
            most_bytes=LARGEST,
            name=name,
        )
        about = checked_json.parse(held["about"].tobytes().decode(), str(name), "delete it").data
        matches = about["fingerprint"] == fingerprint(pool)
        entries: list[tuple[str, int, Entry]] = []
        at = 0
        for (part, step, count, *figures), ends in zip(about["entries"], held["outputs"], strict=True):
            gates = Gates(held["op"][at : at + count], held["source"][at : at + count], ends)
            _check(gates, 2 + len(pool.problem.scored.inputs))
            at += count
            entries.append((str(part), int(step), Entry(gates, *figures)))
        rounds, moves, evaluated = (int(about[part]) for part in ("rounds", "moves", "evaluated"))
        tried, kept = (np.array(about[part], np.int64).reshape(len(pool.tried)) for part in ("tried", "kept"))
    except (InputError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise InputError(f"{name} is not a readable checkpoint of a gate search ({error}): delete it") from error
    if not matches:
        raise InputError(f"{name} is the checkpoint of another search: delete it or name another file")
    for part, step, entry in entries:
        if part == "carried":
            pool.carried = entry.gates
        else:
            (pool.best if part == "best" else pool.chosen)[step] = entry
    pool.archive.errors[:], pool.archive.size[:] = held["errors"], held["size"]
    pool.rounds, pool.moves, pool.evaluated, pool.tried[:], pool.kept[:] = rounds, moves, evaluated, tried, kept


def _check(gates: Gates, first: int) -> None:
    """Every gate reads places before its own, every output one that is there: the kernel believes it."""
    places = first + np.arange(len(gates.op))
    if len(gates.source) != len(gates.op) or (gates.op > 15).any():
        raise ValueError("gates are missing")
    if (gates.source < 0).any() or (gates.source >= places[:, None]).any():
        raise ValueError("a gate reads what comes after it")
    if (gates.outputs < 0).any() or (gates.outputs >= first + len(gates.op)).any():
        raise ValueError("an output reads a place that is not there")
