"""Ways to encode a picture compared: PSNR, parameters, training seconds, what integers lose, nanoseconds a query.

    python tests/benchmarks/bench_fields_variants.py [--steps 400] [--shrink 4] [--json FILE]

FreSh, CAM, SAPE, PINs, RBF, tiles and R2L beside SIREN, periodic-quadratic networks and grids, on one sample picture.
Methods whose operations the integer reference has become integer fields ("emitted"): trained aware of the integers,
their loss is that of the emitted C kernel against the network as trained, their time the kernel's. For the others
weights and the inputs of every layer are rounded to 8 bits in PyTorch ("simulated"), and the time is PyTorch's alone.
One thread; every row is written as soon as it is there.
"""

import argparse
import copy
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from inkling.approx.fields.quantise import quantise  # noqa: E402
from inkling.hdl.fields import call  # noqa: E402
from inkling.hdl.fields.plan import plan  # noqa: E402
from inkling.sim.fields.kernels import measure  # noqa: E402
from inkling.train.fields.encodings import Fourier, Quantisation, quantise_weights  # noqa: E402
from inkling.train.fields.float_field import FloatField, evaluate  # noqa: E402
from inkling.train.fields.models import FieldModel, parse  # noqa: E402
from inkling.train.fields.tasks import SignalTask, answers, to_field  # noqa: E402
from inkling.train.fields.training import Settings, train  # noqa: E402
from inkling.train.files import atomic  # noqa: E402
from inkling.train.scenes import signals  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import field_spectrum as spectrum  # noqa: E402
from field_variants import (  # noqa: E402
    CamField,
    DistillTask,
    EncodedField,
    GaussianBumps,
    LevelsTask,
    ProgressiveField,
    ResidualField,
    Sape,
    TiledField,
    WatchedTask,
)

ROOT = Path(__file__).resolve().parents[2]

BATCH = 4096
# Training that is aware of 8-bit weights and activations (and texels, where there are grids).
AWARE = Quantisation(grid_bits=8, clip=4.0)


def last_level(model: torch.nn.Module, signal: signals.Signal) -> Any:
    """Answers; of a progressive model, those of all its levels together."""
    found = answers(model, signal)
    return found[-1] if found.ndim == 3 else found


def rounded(model: torch.nn.Module, signal: signals.Signal) -> float:
    """PSNR with all weights, and the inputs of every linear layer, rounded to 8 bits; the largest input fits."""
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in copied.parameters():
            if parameter.ndim > 1:
                parameter.copy_(quantise_weights(parameter, 8))
    most: dict[torch.nn.Module, float] = {}

    def see(layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        most[layer] = max(most.get(layer, 1e-9), float(inputs[0].abs().max()))

    def cut(layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        step = most[layer] / (255 if inputs[0].min() >= 0 else 127)
        return torch.round(inputs[0] / step) * step

    layers = [layer for layer in copied.modules() if isinstance(layer, torch.nn.Linear)]
    watching = [layer.register_forward_pre_hook(see) for layer in layers]
    answers(copied, signal)
    for hook in watching:
        hook.remove()
    for layer in layers:
        layer.register_forward_pre_hook(cut)
    return signals.psnr(last_level(copied, signal), signal.values)


def torch_nanoseconds(model: torch.nn.Module) -> float:
    """Nanoseconds a query of batches of 65,536, one thread, the least of five."""
    rng = np.random.default_rng(0)
    entry = torch.zeros(2**16, dtype=torch.int64)
    uv = torch.from_numpy(rng.random((2**16, 2), np.float32))
    best = float("inf")
    with torch.no_grad():
        for _ in range(5):
            start = time.perf_counter()
            model(entry, uv)
            best = min(best, time.perf_counter() - start)
    return best / 2**16 * 1e9


def emitted(floats: FloatField, signal: signals.Signal) -> dict[str, Any]:
    """What the C kernel answers at the pixels, and how long a query takes."""
    field = quantise(floats, signal.entry, signal.uv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        call.write(plan(field), folder)
        (folder / "kernel.py").touch()
        found = measure(field, folder, 0, shape=signal.shape)
        assert found.picture is not None
        pixels = found.picture.reshape(len(signal.values), -1) / 255
        return {
            "psnr_integer_db": signals.psnr(pixels, signal.values),
            "psnr_float_db": signals.psnr(evaluate(floats, signal.entry, signal.uv), signal.values),
            "ns_per_query": found.ns_per_query,
            "path": found.path,
        }


def methods(signal: signals.Signal) -> dict[str, Callable[[], tuple[torch.nn.Module, Any, float]]]:
    """By name: the model, its task and its rate. Teachers are trained by the row that stands before."""
    scale = spectrum.choose(
        signal,
        (1.0, 3.0, 10.0, 30.0),
        lambda candidate, seed: FieldModel(parse(f"fourier(64, {candidate:g}) -> 64 64 relu -> 3"), 1, seed),
    ).scale
    plain = SignalTask(signal, BATCH)
    teacher = FieldModel(parse("uv -> 64 64 64 sine(60) -> 3"))

    def model(notation: str, rate: float, aware: bool) -> Callable[[], tuple[torch.nn.Module, Any, float]]:
        return lambda: (FieldModel(parse(notation), 1, 0, AWARE if aware else None), plain, rate)

    def sape() -> tuple[torch.nn.Module, Any, float]:
        masks = Sape(Fourier(64, scale, 0), 8, 0.3, 1e-3)
        watched = WatchedTask(signal, BATCH, watch=lambda batch, losses: masks.advance(batch["uv"], losses))
        return EncodedField([masks], [64, 64], 3), watched, 3e-3

    pins = ((24, 40, 64), (10, 40, 90))
    return {
        "SIREN": lambda: (teacher, plain, 1e-3),
        "periodic-quadratic, integer": model("uv -> 64 64 64 periodic_quadratic(60) -> 3", 1e-3, True),
        "Fourier, scale 1": model("fourier(64, 1) -> 64 64 relu -> 3", 3e-3, False),
        f"Fourier, FreSh scale {scale:g}": model(f"fourier(64, {scale:g}) -> 64 64 relu -> 3", 3e-3, False),
        f"arcs, FreSh scale {scale:g}, integer": model(f"arcs(64, {scale:g}) -> 64 64 relu -> 3", 3e-3, True),
        "CAM": lambda: (CamField(f"fourier(64, {scale:g}) -> 64 64 relu -> 3", 24), plain, 3e-3),
        "SAPE": sape,
        "PINs": lambda: (ProgressiveField(3, *pins), LevelsTask(plain), 1e-3),
        "PINs, integer": lambda: (
            ProgressiveField(3, *pins, kind="periodic_quadratic", quantisation=AWARE),
            LevelsTask(plain),
            1e-3,
        ),
        "RBF": lambda: (EncodedField([GaussianBumps(28, 4, 0, waves=2)], [32, 32], 3), plain, 5e-3),
        "grids, integer": model("grid(32x32x4, 12x12x4) -> 32 32 relu -> 3", 1e-2, True),
        "KiloNeRF tiles of SIREN": lambda: (TiledField(3, 32, 4), DistillTask(teacher, BATCH), 3e-2),
        "R2L of SIREN": lambda: (ResidualField(3, 64, 4, scale), DistillTask(teacher, BATCH), 2e-3),
    }


def row(made: tuple[torch.nn.Module, Any, float], signal: signals.Signal, steps: int) -> dict[str, Any]:
    """Train one method and measure it."""
    model, task, rate = made
    start = time.process_time()
    train(model, task, Settings(steps, rate, 3 * rate))
    found: dict[str, Any] = {
        "train_cpu_seconds": time.process_time() - start,
        "psnr_db": signals.psnr(last_level(model, signal), signal.values),
        "parameters": sum(p.numel() for p in model.parameters()),
        "torch_ns_per_query": torch_nanoseconds(model),
        "steps": steps,
    }
    if isinstance(model, ProgressiveField):
        levels = answers(model, signal)
        found["psnr_of_levels_db"] = [signals.psnr(level, signal.values) for level in levels]
    integer = getattr(model, "quantisation", None) is not None or (
        isinstance(model, ProgressiveField) and model.levels[0].quantisation is not None
    )
    if integer:
        floats = (
            model.to_field("picture", [0.0] * 3, [1.0] * 3)
            if isinstance(model, ProgressiveField)
            else to_field(model, signal)  # type: ignore[arg-type]
        )
        found |= emitted(floats, signal)
        found["integer_form"] = "emitted"
    else:
        found["psnr_integer_db"], found["integer_form"] = rounded(model, signal), "simulated"
    found["integer_loss_db"] = found["psnr_db"] - found["psnr_integer_db"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--shrink", type=int, default=4, help="every so many-th pixel of a 512 x 512 picture")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "fields_variants.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    full = signals.load_picture("astronaut")
    assert full.shape is not None
    signal = signals.picture("astronaut", full.values.reshape(*full.shape, 3)[:: options.shrink, :: options.shrink])
    results = json.loads(options.json.read_text()) if options.json.is_file() else {}
    results |= {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "pixels": len(signal.values)}
    rows = results.setdefault(f"{options.steps} steps, every {options.shrink}th pixel", {})
    options.json.parent.mkdir(parents=True, exist_ok=True)
    made = methods(signal)
    # Students need their teacher: where one of them is missing, the teacher is trained again.
    students = [name for name in made if name.endswith("of SIREN")]
    for name, make in made.items():
        if name not in rows or (name == "SIREN" and any(student not in rows for student in students)):
            rows[name] = row(make(), signal, options.steps)
            atomic.write(options.json, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())
        one = rows[name]
        in_c = f"{one['ns_per_query']:6.1f} ns in C, " if "ns_per_query" in one else ""
        print(
            f"{name:32s}{one['psnr_db']:6.2f} dB{one['parameters']:8,d} parameters{one['train_cpu_seconds']:7.1f} s  "
            f"integer loss {one['integer_loss_db']:5.2f} dB ({one['integer_form']})  "
            f"{in_c}{one['torch_ns_per_query']:7.1f} ns in PyTorch",
            flush=True,
        )


if __name__ == "__main__":
    main()
