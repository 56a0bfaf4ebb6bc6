"""Pictures as integer fields: PSNR by bits a pixel beside JPEG and the published COIN points, and what integers lose.

    python tests/benchmarks/bench_fields_pictures.py [--rates 0.307,0.16] [--most-pictures 8] [--steps 600]
        [--losses 4] [--images FOLDER] [--json FILE]

Bits are those of packed.bin and of the network (a byte a weight, four a bias), all that a decoder needs beside its
program; figures are of the integer reference, and the emitted unpack.c and kernel.c must give its very picture. Every
result is written as soon as it is there, and what the file already holds is not run again.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from inkling.approx.reference.field import IntegerField  # noqa: E402
from inkling.fields.picture import decoded, jpeg_curve, learn  # noqa: E402
from inkling.hdl.fields import call, unpack  # noqa: E402
from inkling.hdl.fields.plan import plan, tables  # noqa: E402
from inkling.train.fields import pyramid  # noqa: E402
from inkling.train.fields.float_field import evaluate  # noqa: E402
from inkling.train.fields.training import Settings  # noqa: E402
from inkling.train.files import atomic  # noqa: E402
from inkling.train.scenes import signals  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

# Mean of the 24 Kodak pictures, Dupont et al., "COIN", 2021: bits a pixel and PSNR in dB.
COIN = {0.074: 23.2, 0.16: 24.6, 0.307: 26.4, 0.611: 28.4}
RATE = 1e-3


def keep(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, (json.dumps(results, indent=1, sort_keys=True) + "\n").encode())


def least(job: Any, rounds: int = 15) -> float:
    """Milliseconds of the quickest round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def cell(path: Path, rate: float, steps: int, guess: float | None, compiled: bool) -> dict[str, Any]:
    """One picture at one size, decoded by the reference, and by the emitted C where asked; guess: a bit's price."""
    signal = signals.load_picture(path)
    assert signal.shape is not None
    height, width = signal.shape
    start = time.process_time()
    learnt = learn(signal, int(rate * len(signal.values) / 8), Settings(steps, RATE), guess=guess)
    seconds = time.process_time() - start
    reference = np.round(decoded(learnt.field, height, width) * 255).astype(np.uint8)
    size = learnt.packed + learnt.network
    return {
        "bytes": size,
        "price": learnt.price,
        "bits_per_pixel": 8 * size / len(signal.values),
        "psnr_db": signals.psnr(reference / 255, signal.values),
        "psnr_float_db": signals.psnr(evaluate(learnt.floats, signal.entry, signal.uv), signal.values),
        "network_bytes": learnt.network,
        "steps": steps,
        "cpu_seconds": seconds,
        **(emitted(learnt.field, reference, height, width) if compiled else {}),
    }


def emitted(field: IntegerField, reference: Any, height: int, width: int) -> dict[str, Any]:
    """Unpack and decode by the emitted C, compare with the reference, and take the times."""
    how = plan(field)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpacker, kernel = unpack.build(how, folder), call.build(how, folder)
        packed = (folder / "packed.bin").read_bytes()
        table = unpacker.unpack(packed)
        assert (table == tables(how)).all(), "unpack.c does not give the table file"
        assert kernel.load(call.aligned(table.tobytes())) == 0
        pixels = kernel.decode(width, height)
        assert (pixels.reshape(reference.shape) == reference).all(), "the kernel's picture is not the reference's"
        return {
            "unpack_ms": least(lambda: unpacker.unpack(packed)),
            "decode_ms": least(lambda: kernel.decode(width, height)),
            "packed_bytes": len(packed),
            "table_bytes": how.total,
            "path": kernel.path,
        }


def losses(path: Path, rate: float, steps: int) -> dict[str, float]:
    """PSNR of the same texels behind a float network, one of 8-bit and one of 6-bit weights, trained alike."""
    signal = signals.load_picture(path)
    assert signal.shape is not None
    most, price = int(rate * len(signal.values) / 8), None
    found = {}
    six = dataclasses.replace(pyramid.AWARE, weight_bits=6)
    for name, quantisation in (("8", pyramid.AWARE), ("float", None), ("6", six)):
        learnt = learn(signal, most, Settings(steps, RATE), quantisation=quantisation, price=price)
        price = learnt.price
        if quantisation is None:
            found["float_db"] = signals.psnr(evaluate(learnt.floats, signal.entry, signal.uv), signal.values)
        else:
            found[f"w{name}a8_db"] = signals.psnr(decoded(learnt.field, *signal.shape), signal.values)
    return found


def jpeg_at(curve: list[dict[str, float]], rate: float, pixels: int) -> float | None:
    """PSNR of the best JPEG of at most these bits a pixel; None where none is that small."""
    return max((p["psnr_db"] for p in curve if 8 * p["bytes"] / pixels <= rate), default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="0.307,0.16,0.074,0.611")
    parser.add_argument("--most-pictures", type=int, default=24)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument(
        "--compiled", type=int, default=3, help="pictures that the emitted C decodes, and is timed on"
    )
    parser.add_argument("--losses", type=int, default=4, help="pictures on which the integers' loss is measured")
    parser.add_argument("--images", type=Path, default=ROOT.parent / "shared" / "images")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "fields_pictures.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = sorted(options.images.glob("*.png"))[: options.most_pictures]
    if not paths:
        sys.exit(f"{options.images}: holds no pictures; give --images")
    results = json.loads(options.json.read_text()) if options.json.is_file() else {}
    results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    results["pictures"] = [path.stem for path in paths]
    cells, rivals = results.setdefault("cells", {}), results.setdefault("jpeg", {})
    for path in paths:
        if path.stem not in rivals:
            signal = signals.load_picture(path)
            curve = jpeg_curve(signal)
            rivals[path.stem] = {f"{r:g}": jpeg_at(curve, r, len(signal.values)) for r in COIN}
            keep(options.json, results)
    for rate in map(float, options.rates.split(",")):
        for path in paths:
            key = f"{path.stem}, {rate:g} bpp, {options.steps} steps"
            if key not in cells:
                known = [one for name, one in cells.items() if name.startswith(f"{path.stem}, ")]
                near = min(known, key=lambda one: abs(np.log(one["bits_per_pixel"] / rate)), default=None)
                guess = near and near["price"] * (near["bits_per_pixel"] / rate) ** 1.25
                cells[key] = cell(path, rate, options.steps, guess, path in paths[: options.compiled])
                keep(options.json, results)
            one = cells[key]
            print(
                f"{key}: {one['psnr_db']:.2f} dB at {one['bits_per_pixel']:.3f}; "
                f"JPEG {rivals[path.stem][f'{rate:g}']};"
                + (f" unpack {one['unpack_ms']:.1f} ms, decode {one['decode_ms']:.1f} ms" if "path" in one else ""),
                flush=True,
            )
        done = [cells[f"{path.stem}, {rate:g} bpp, {options.steps} steps"] for path in paths]
        others = [rivals[path.stem][f"{rate:g}"] for path in paths]
        mean = {
            "pictures": len(done),
            "bits_per_pixel": float(np.mean([one["bits_per_pixel"] for one in done])),
            "psnr_db": float(np.mean([one["psnr_db"] for one in done])),
            "coin_24_pictures_db": COIN[rate],
            "jpeg_db": float(np.mean([x for x in others if x is not None])) if any(others) else None,
            "jpeg_pictures": sum(x is not None for x in others),
        }
        results.setdefault("means", {})[f"{rate:g} bpp, {options.steps} steps"] = mean
        keep(options.json, results)
        print(f"mean: {mean}", flush=True)
    for path in paths[: options.losses]:
        key = f"{path.stem}, 0.307 bpp, {options.steps} steps"
        found = results.setdefault("losses", {})
        if key not in found:
            found[key] = losses(path, 0.307, options.steps)
            keep(options.json, results)
        print(f"integers, {key}: {found[key]}", flush=True)


if __name__ == "__main__":
    main()
