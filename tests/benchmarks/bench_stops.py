"""Commands stopped at random moments: `python tests/benchmarks/bench_stops.py [--only run,import] [--moments 30]`.

`run`, `import`, `fold`, `field` and `explore` each get SIGINT (to their whole group, as a terminal does), SIGTERM or
SIGKILL at a moment drawn from an undisturbed one's time. Counted are processes that were left, folders that hold less
than they claim, tracebacks, signals that were not answered, and whether the same command (`explore`: with --resume)
goes on to what the undisturbed one made, byte for byte but for timings.json.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).parents[1] / "end_to_end" / "tiny_run.py"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
RESULT = "result"


@dataclass(frozen=True)
class Command:
    """What is asked, of what the folder holds; again: what more is asked where it goes on."""

    words: tuple[str, ...]
    prepare: Callable[[Path], None]
    again: tuple[str, ...] = ()


def nothing(folder: Path) -> None:
    """A named set needs no file."""


def model(folder: Path) -> None:
    """Two dense layers for iris, as ONNX."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)
    arrays = {"a": rng.normal(0, 1, (4, 5)), "b": rng.normal(0, 1, 5), "c": rng.normal(0, 1, (5, 3))}
    nodes = [
        helper.make_node("Gemm", ["x", "a", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "c"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, n]) for name, n in (("x", 4), ("y", 3))]
    held = [numpy_helper.from_array(of.astype(np.float32), name) for name, of in arrays.items()]
    graph = helper.make_graph(nodes, "mlp", ports[:1], ports[1:], held)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "mlp.onnx"
    )


def network(folder: Path) -> None:
    """A small power-of-two network."""
    from inkling.approx.reference import network_files
    from inkling.approx.reference.network import Input, IntegerNetwork
    from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense

    rng = np.random.default_rng(4)
    one = Dense(rng.choice([0, 1, -2, 4], (2, 5)), rng.integers(-5, 9, 2))
    two = Dense(rng.choice([0, 1, -2], (3, 2)), rng.integers(-5, 6, 3))
    (folder / "design").mkdir()
    inputs = tuple(Input(f"x{k}", k, 2) for k in range(5))
    network_files.save(IntegerNetwork(inputs, (one, ClippedReLU(0, 3), two, ArgMax()), 3), folder / "design")


def picture(folder: Path) -> None:
    """Waves of 32 x 32 pixels."""
    from PIL import Image

    y, x = np.mgrid[:32, :32] / 32
    waves = 127 + 60 * np.sin(7 * x) + 60 * np.cos(5 * y * x)
    Image.fromarray(waves.astype(np.uint8)).save(folder / "waves.png")


def campaign(folder: Path) -> None:
    """Sixty points that take a tenth of a second each."""
    (folder / "made.toml").write_text(
        'name = "made"\ndatasets = ["iris"]\nmethods = ["simulated"]\nsplits = 60\n'
        'budgets = [{name = "made-up", base = "quick", rounds = 100, circuits = 2}]\n'
    )


COMMANDS = {
    "run": Command(("run", "iris", "--effort", "trial", "--out", RESULT), nothing),
    "import": Command(("import", "mlp.onnx", "--data", "iris", "--effort", "trial", "--agreement", "0.3",
                       "--out", RESULT), model),
    "fold": Command(("fold", "design", "--effort", "trial", "--vectors", "300", "--out", RESULT), network),
    "field": Command(("field", "waves.png", "--kilobytes", "1", "--effort", "quick", "--out", RESULT), picture),
    "explore": Command(("explore", "made.toml", "--store", RESULT, "--jobs", "2"), campaign, ("--resume",)),
}  # fmt: skip


def start(folder: Path, mark: str, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", str(PROGRAM), *words],
        cwd=folder,
        env={**os.environ, "REHEARSAL": "", "INKLING_TEST_MARK": mark},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def marked(mark: str) -> list[int]:
    """Living processes with the mark in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def contents(result: Path) -> object:
    """A store's rows without their times, or the files of a folder by their paths."""
    if result.is_file():
        from inkling.campaigns.store import open_store

        with open_store(str(result), create=False) as store:
            return [str(row) for row in store.dump()]
    return {
        str(path.relative_to(result)): path.read_bytes()
        for path in result.rglob("*")
        if path.is_file() and path.name != "timings.json"
    }


def half_written(result: Path) -> bool:
    """Whether a folder at its place lacks what it lists, or designs that its report names; a store is one file."""
    if not result.exists():
        return False
    try:
        if result.is_file():
            contents(result)
            return False
        listed = json.loads((result / ".files.json").read_text())
        points = []
        if (result / "report.json").is_file():
            points = json.loads((result / "report.json").read_text()).get("points", [])
    except (OSError, ValueError):
        return True
    names = [*listed, *(f"designs/{point['name']}/verdict.json" for point in points)]
    return not all((result / name).is_file() for name in names)


def trial(command: Command, number: signal.Signals, moment: float, whole: object, folder: Path) -> dict[str, object]:
    """One command that is stopped, and what it left; it is then run to its end."""
    mark = f"mark-{uuid.uuid4()}"
    command.prepare(folder)
    before = {path.name for path in folder.iterdir()}
    process = start(folder, mark, command.words)
    time.sleep(moment)
    late = process.poll() is not None
    if not late:
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    begun = time.monotonic()
    _, words = process.communicate()
    ended = time.monotonic() - begun
    while marked(mark) and time.monotonic() - begun - ended < 30:
        time.sleep(0.2)
    left = marked(mark)
    found: dict[str, object] = {
        "signal": "none" if late else number.name,
        "moment_s": round(moment, 1),
        "status": process.returncode,
        "ended_after_s": round(ended, 1),
        "answered": late
        or number == signal.SIGKILL
        or b"stopp" in words
        or process.returncode in (0, 130, 143, -2, -15),
        "processes_left": len(left),
        "half_written": half_written(folder / RESULT),
        "reported": (folder / RESULT).exists(),
        "kept": sorted(
            path.name.partition("-")[0] for path in folder.iterdir() if path.name not in (*before, RESULT)
        ),
        "traceback": b"Traceback" in words,
    }
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    again = start(folder, mark, (*command.words, *command.again))
    _, words = again.communicate()
    found["goes_on"] = again.returncode == 0 and contents(folder / RESULT) == whole
    found["litter"] = [path.name for path in folder.iterdir() if path.name not in (*before, RESULT)]
    if not found["goes_on"]:
        found["again"] = [again.returncode, words.decode(errors="replace")[-300:]]
    return found


def sound(item: dict[str, object]) -> bool:
    bad = ("processes_left", "half_written", "traceback", "litter")
    return bool(item["goes_on"] and item["answered"]) and not any(item[name] for name in bad)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=30, help="of each command")
    parser.add_argument("--only", default=",".join(COMMANDS))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    for name in options.only.split(","):
        command, results = COMMANDS[name], []
        with tempfile.TemporaryDirectory(prefix="inkling-stops-") as place:
            base = Path(place)
            (base / "whole").mkdir()
            command.prepare(base / "whole")
            begun = time.monotonic()
            undisturbed = start(base / "whole", "whole", command.words)
            _, words = undisturbed.communicate()
            seconds = time.monotonic() - begun
            if undisturbed.returncode:
                sys.exit(f"{name}: {words.decode(errors='replace')}")
            whole = contents(base / "whole" / RESULT)
            for k in range(options.moments):
                folder = base / str(k)
                folder.mkdir()
                found = trial(command, SIGNALS[k % 3], draw.uniform(0, seconds), whole, folder)
                results.append({"command": name, **found})
                print(json.dumps(results[-1]), flush=True)
                shutil.rmtree(folder)
        count = sum(map(sound, results))
        print(f"{name}: {count} of {len(results)} left nothing behind and went on to the same result", flush=True)


if __name__ == "__main__":
    main()
