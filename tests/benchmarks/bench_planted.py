"""Changes planted in every file of what five commands leave: `python -P tests/benchmarks/bench_planted.py`.

A classifier's, a folded circuit's, a picture's, a visibility field's and an imported model's folder are made by the
commands themselves. In every file one place at a time is changed (figures, words, keys, lines and bits, cut, emptied,
removed), and what the files say is checked as `inkling verify` does, without proofs and simulations, which come on
top: once as the folder is then, and once with its manifests written again, as by somebody who changes a file and does
the book-keeping too. Harmless changes (line ends, order of keys, blanks of JSON) must not be called faults.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench_stops import PROGRAM, model, picture

from inkling.approx.reference import field_files
from inkling.designs.verify import check_whole
from inkling.designs.verify_folded import recheck as recheck_folded
from inkling.fields.world_check import check_world
from inkling.hdl.folded import texts
from inkling.sim.designs import manifest
from inkling.sim.designs.folder import differences, emission, read
from inkling.sim.fields.queries import failed
from inkling.sim.fields.recheck import check_report, differing
from inkling.sim.verdicts.files import digest
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.errors import InputError

BOX = """v 0 0 0\nv 8 0 0\nv 8 6 0\nv 0 6 0\nv 0 0 3\nv 8 0 3\nv 8 6 3\nv 0 6 3
v 3 2 0\nv 4 2 0\nv 4 3 0\nv 3 3 0\nv 3 2 2\nv 4 2 2\nv 4 3 2\nv 3 3 2
f 1 2 3\nf 1 3 4\nf 9 10 14\nf 9 14 13\nf 10 11 15\nf 10 15 14\nf 11 12 16\nf 11 16 15\nf 12 9 13\nf 12 13 16
f 13 14 15\nf 13 15 16\n"""
KINDS = ("classifier", "imported", "folded", "picture", "visibility")
# What tells of a folder after it was made, and is written anew by every check.
LATER = (*manifest.LATER, ".files.json")
TEXTS = (".v", ".c", ".h", ".py", ".json")
Edit = Callable[[bytes], bytes | None]


@dataclass(frozen=True)
class Change:
    """A file of a folder, what is done to it, and its content then; None where it is removed."""

    name: str
    what: str
    edit: Edit


def make(base: Path, kinds: list[str]) -> dict[str, Path]:
    """Folders, each as its command left it; those that are there already are taken. A fold needs the import."""
    model(base)
    picture(base)
    (base / "box.obj").write_text(BOX)

    commands = {
        "classifier": ("run", "iris"),
        "imported": ("import", "mlp.onnx", "--data", "iris", "--agreement", "0.2"),
        "folded": ("fold", "imported/designs/imported", "--vectors", "200"),
        "picture": ("field", "waves.png", "--kilobytes", "1"),
        "visibility": ("field", "box.obj", "--positions", "3", "--kilobytes", "2"),
    }
    for kind, words in commands.items():
        if kind not in kinds or (base / kind).is_dir():
            continue
        argv = [sys.executable, "-P", str(PROGRAM), *words, "--effort", "trial", "--out", kind]
        done = subprocess.run(argv, cwd=base, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: {done.stderr}")
    return {kind: base / kind for kind in KINDS if kind in kinds}


def verdicts(kind: str, folder: Path) -> list[Verdict]:
    """What the files say, as `inkling verify` checks it. Raises InputError."""
    if kind == "folded":
        return recheck_folded(folder, vectors=0, proof_s=1)
    if kind in ("picture", "visibility"):
        field = field_files.load(folder)
        wrong = [failed("emission", name, f"{name} differs") for name in differing(field, folder)]
        wrong += [failed("unpack", name, f"{name} differs") for name in _unpacking(folder, field)]
        reported = [check_report(field, folder)] if (folder / "report.json").is_file() else []
        return [manifest.verdict(folder), *check_world(folder), *reported, *wrong]
    found = [manifest.verdict(folder)]
    for place in sorted(path for path in (folder / "designs").iterdir() if path.is_dir()):
        design = read(place)
        of = [digest(name, (place / name).read_bytes()) for name in ("network.json", "network.npz", "netlist.json")]
        key = " ".join([*of, *design.classes])
        if key not in EMITTED:
            EMITTED[key] = emission(design, (20_000,))
        found += check_whole(place, design, EMITTED[key], trust=False)
        differ = differences(design, EMITTED[key])
        found += [failed("emission", name, f"{name}: {what}") for name, what in differ.items()]
    return found


EMITTED: dict[str, dict[str, str]] = {}
_emit_folded = texts.verilog


def _folded_once(plan: Any, **options: Any) -> str:
    """Emitting takes longest, and most changes leave the plan."""
    key = repr(plan)
    if key not in FOLDED:
        FOLDED[key] = _emit_folded(plan, **options)
    return FOLDED[key]


FOLDED: dict[str, str] = {}
texts.verilog = _folded_once


def _unpacking(folder: Path, field: Any) -> list[str]:
    """Files of a picture's packed form that are not what is emitted."""
    from inkling.hdl.fields import unpack
    from inkling.hdl.fields.plan import plan

    if not any((folder / name).is_file() for name in ("packed.bin", "unpack.c", "unpack.h")):
        return []
    planned, wrong = plan(field), []
    with tempfile.TemporaryDirectory() as name:
        unpack.write(planned, Path(name))
        for path in Path(name).iterdir():
            expected, there = path.read_bytes(), folder / path.name
            found = there.read_bytes() if there.is_file() else None
            if found is not None and path.suffix in TEXTS:
                found, expected = found.replace(b"\r\n", b"\n").rstrip(b"\n"), expected.rstrip(b"\n")
            if found != expected:
                wrong.append(path.name)
    return wrong


def changes(folder: Path, seed: int, each: int) -> Iterator[Change]:
    """Some changes of every file, `each` of those that are made at random places."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in LATER):
        name, content = str(path.relative_to(folder)), path.read_bytes()
        rng = random.Random(f"{seed} {name}")
        yield Change(name, "removed", lambda content: None)
        yield Change(name, "emptied", lambda content: b"")
        yield Change(name, "cut", lambda content: content[: len(content) * 2 // 3])
        if path.suffix == ".json":
            yield from _json_changes(name, json.loads(content), rng, each)
        elif path.suffix in TEXTS or path.suffix == ".html":
            yield from _text_changes(name, content.decode(), rng, each)
        else:
            for place in sorted({rng.randrange(len(content)) for _ in range(each)}):
                yield Change(name, f"bit of byte {place}", lambda content, at=place: _flipped(content, at))


def _flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]


def _json_changes(name: str, data: Any, rng: random.Random, each: int) -> Iterator[Change]:
    """Figures moved, words altered, keys removed, items of lists exchanged."""
    places = list(_places(data, ()))
    for path in rng.sample(places, min(each, len(places))):
        value = _at(data, path)
        if isinstance(value, bool) or value is None:
            put: Any = not value
        elif isinstance(value, int | float):
            put = rng.choice([value + 1, value * 2 + 1, "zero"])
        elif isinstance(value, str):
            put = rng.choice([f"{value}x", "other", 7])
        elif isinstance(value, list):
            put = value[::-1] if value[::-1] != value else value[:-1]
        else:
            put = {key: value[key] for key in list(value)[:-1]}
        if put != value:
            yield Change(name, f"{'.'.join(map(str, path))} is {str(put)[:24]!r}", _putting(path, put))


def _putting(path: tuple[Any, ...], put: Any) -> Edit:
    def edit(content: bytes) -> bytes:
        data = json.loads(content)
        _at(data, path[:-1])[path[-1]] = put
        return json.dumps(data, indent=1, ensure_ascii=False).encode()

    return edit


def _places(data: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if not isinstance(value, list | dict) or value:
            yield (*path, key)
        yield from _places(value, (*path, key))


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def _text_changes(name: str, text: str, rng: random.Random, each: int) -> Iterator[Change]:
    """A digit, an operator or a name on a random line; a line twice or left out."""
    lines = text.split("\n")
    full = [k for k, line in enumerate(lines) if any(c.isalnum() for c in line)]
    for number in range(each):
        at = rng.choice(full)
        line = lines[at]
        places = [k for k, c in enumerate(line) if c.isdigit() or c in "&|^~+-<>"]
        if number % 3 == 0 and places:
            k = rng.choice(places)
            swap = dict(zip("&|^~+-<>", "|&&-->+<", strict=True))
            other = swap.get(line[k], str((int(line[k]) + 1) % 10) if line[k].isdigit() else "")
            put = [line[:k] + other + line[k + 1 :]]
        elif number % 3 == 1:
            put = []
        else:
            put = [line, line]
        what = f"line {at + 1} is {put[0].strip()[:30]!r}" if len(put) == 1 else f"line {at + 1}, {len(put)} times"
        new = "\n".join([*lines[:at], *put, *lines[at + 1 :]])
        yield Change(name, what, lambda content, new=new: new.encode())


def harmless(folder: Path) -> Iterator[Change]:
    """Line ends, order of keys, blanks: the same content."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in LATER):
        name = str(path.relative_to(folder))
        if path.suffix in TEXTS and path.read_bytes():
            yield Change(name, "CRLF", lambda content: content.replace(b"\n", b"\r\n"))
            yield Change(name, "no last line end", lambda content: content.rstrip(b"\n"))
        if path.suffix == ".json":
            yield Change(name, "keys reversed", lambda content: json.dumps(_reversed(json.loads(content))).encode())
            yield Change(name, "indented", lambda content: json.dumps(json.loads(content), indent=4).encode())


def _reversed(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _reversed(data[key]) for key in reversed(data)}
    return [_reversed(item) for item in data] if isinstance(data, list) else data


def told(kind: str, folder: Path) -> tuple[bool, str]:
    """Whether something is wrong, and all that is said of it."""
    try:
        found = [item for item in verdicts(kind, folder) if item.failed]
    except InputError as error:
        return True, str(error)
    return bool(found), "; ".join(f"{item.subject}: {item.detail}" for item in found)


def _bookkept(kind: str, folder: Path) -> None:
    """Every manifest written again, those of designs first."""
    for place in (*sorted(folder.glob("designs/*")), folder):
        manifest.write(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=4, help="changes at random places of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--made", type=Path, help="a folder in which the five are kept for the next time")
    parser.add_argument("--only", default=",".join(KINDS))
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="inkling-planted-") as name:
        made = options.made or Path(name) / "made"
        made.mkdir(parents=True, exist_ok=True)
        for kind, kept in make(made.resolve(), options.only.split(",")).items():
            folder = shutil.copytree(kept, Path(name) / kind)
            wrong, said = told(kind, folder)
            if wrong:
                sys.exit(f"{kind}: the folder as it was made is called wrong: {said}")
            count: Counter[str] = Counter()
            sound = shutil.copytree(folder, folder.with_name(f"{kind}.sound"))

            def put(change: Change, folder: Path = folder, sound: Path = sound) -> bool:
                shutil.rmtree(folder)
                shutil.copytree(sound, folder)
                path = folder / change.name
                content = path.read_bytes()
                edited = change.edit(content)
                if edited is None:
                    path.unlink()
                else:
                    path.write_bytes(edited)
                return edited != content

            for change in changes(sound, options.seed, options.each):
                if not put(change):
                    continue
                count["planted"] += 1
                wrong, said = told(kind, folder)
                named = wrong and Path(change.name).name in said
                count["caught"] += wrong
                count["named"] += named
                if not named:
                    print(f"{kind}: {change.name}, {change.what}: {said or 'passes'}", flush=True)
                _bookkept(kind, folder)
                again, _ = told(kind, folder)
                count["caught_with_manifests_rewritten"] += again
                if not again:
                    count[f"rewritten, passes: {Path(change.name).name}"] += 1
            for change in harmless(sound):
                put(change)
                count["harmless"] += 1
                wrong, said = told(kind, folder)
                count["harmless_called_faults"] += wrong
                if wrong:
                    print(f"{kind}: harmless {change.name}, {change.what}: {said}", flush=True)
            results[kind] = dict(count)
            print(kind, json.dumps(results[kind]), flush=True)
    names = ("planted", "caught", "named", "caught_with_manifests_rewritten", "harmless", "harmless_called_faults")
    results["all"] = {name: sum(item.get(name, 0) for item in results.values()) for name in names}
    print("all", json.dumps(results["all"]))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
