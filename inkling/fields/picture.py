"""From a picture and a number of bytes to an integer field whose packed texels and network take no more.

The texels come from `inkling.train.fields.pyramid`, their coding from `inkling.approx.fields.packing`; a run folder
is made of it in `inkling.fields.run`.
"""

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.fields.packing import pack
from inkling.approx.fields.quantise import quantise
from inkling.approx.reference.coding import pixel_codes
from inkling.approx.reference.field import IntegerField
from inkling.train.errors import InputError
from inkling.train.fields import pyramid
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.float_field import FloatField
from inkling.train.fields.models import Spec, parse
from inkling.train.fields.tasks import SignalTask, to_field
from inkling.train.fields.training import Settings, Trained, train
from inkling.train.files import atomic, checked_json
from inkling.train.scenes import signals

# Bits a pixel above which texels are as fine as pixels, every second, every fourth; below: every eighth.
FINEST = (0.8, 0.05, 0.012)
# Hidden layers of fields of fewer bytes than this, and of all others.
HIDDEN = ((2000, "8"), (6000, "16"))
WIDE = "16 16"
SAMPLES = 16384
RATE = 1e-3


@dataclass(frozen=True, eq=False)
class PictureField:
    """What was learnt: packed: bytes of the texels' file; network: of the layers, a byte a weight and four a bias."""

    floats: FloatField
    field: IntegerField
    trained: Trained
    notation: str
    price: float
    packed: int
    network: int


def layers(spec: Spec) -> int:
    """Bytes of a network: one a weight, four a bias."""
    widths = (sum(level[2] for level in spec.levels), *spec.hidden, spec.outputs)
    return sum(a * b + 4 * b for a, b in itertools.pairwise(widths))


def learn(
    signal: signals.Signal,
    most: int,
    settings: Settings,
    folder: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
    quantisation: Quantisation | None = pyramid.AWARE,
    price: float | None = None,
    guess: float | None = None,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> PictureField:
    """A field of at most `most` bytes, texels packed; with a folder, a search or training that was cut short goes on.

    price: of a bit, where it is known (the search for it is then left out); guess: where the search
    begins. Raises InputError where even the dearest
    bits give more bytes.
    """
    if signal.shape is None:
        raise InputError(f"{signal.name}: is no picture")
    rate = 8 * most / len(signal.values)
    finest = sum(rate < limit for limit in FINEST)
    hidden = next((widths for limit, widths in HIDDEN if most < limit), WIDE)
    solver = pyramid.Solver(signal, finest)
    notation = pyramid.notation(solver, hidden)
    spec = parse(notation)
    network = layers(spec)
    room = most - network - 24  # and the file's head
    known = folder / "price.json" if folder is not None else None
    if price is None and known is not None and known.is_file():
        price = _known(known)
    if price is not None:
        solved = solver.solve(price)
    else:
        found = pyramid.fit(
            solver,
            room,
            lambda texels: len(pack(texels.tables)),
            guess or 7e-4 * max(rate, 1e-3) ** -0.8,
            lambda number, size: tell(f"texels, try {number}: {size + network:,} of {most:,} bytes"),
        )
        if found is None:
            raise InputError(f"{signal.name}: does not fit in {most:,} bytes; give more kilobytes")
        price, solved = found
        if known is not None:
            atomic.write(known, json.dumps({"price": price}).encode())
    model = pyramid.begin(solver, solved, spec, settings.seed, quantisation)
    trained = train(model, SignalTask(signal, SAMPLES, settings.seed), settings, folder, progress)
    floats = to_field(model.cpu(), signal)
    field = quantise(floats, signal.entry, signal.uv, grid_bits=solved.bits)
    return PictureField(floats, field, trained, notation, price, len(pack([r.table for r in field.reads])), network)


def _known(path: Path) -> float:
    return checked_json.load(path, "delete the folder to start again", 1000).number("price", 1e-12, 1e6)


def decoded(field: IntegerField, height: int, width: int) -> NDArray[np.float64]:
    """The picture that the reference gives at its pixels' codes, float64 [height * width, channels] in 0..1.

    The codes are those that the C kernel's `decode` takes.
    """
    u, v = pixel_codes(width).astype(np.int64), pixel_codes(height).astype(np.int64)
    rows = max(1, 2**16 // width)
    found = []
    for first in range(0, height, rows):
        down = v[first : first + rows]
        across = np.tile(u, len(down))
        found.append(field.evaluate(np.zeros(len(across), np.int64), across, np.repeat(down, width)))
    values = np.concatenate(found) * np.array(field.coding.scale) + np.array(field.coding.offset)
    clipped: NDArray[np.float64] = np.clip(values, 0, 1)
    return clipped


def jpeg(signal: signals.Signal, most: int) -> dict[str, float] | None:
    """The best JPEG of at most `most` bytes: bytes, quality and PSNR in dB; None where none is that small."""
    curve = [point for point in jpeg_curve(signal) if point["bytes"] <= most]
    return max(curve, key=lambda point: point["psnr_db"], default=None)


def jpeg_curve(signal: signals.Signal) -> list[dict[str, float]]:
    """Pillow's JPEG at every quality, with optimised tables, with colour halved and whole: the better of each."""
    from PIL import Image

    assert signal.shape is not None
    height, width = signal.shape
    pixels = np.round(signal.values * 255).astype(np.uint8).reshape(height, width, -1)
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    found = []
    for quality in range(1, 96):
        for halved in (0, 2) if pixels.shape[2] == 3 else (0,):
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=quality, optimize=True, subsampling=halved)
            size = stream.tell()
            back = np.asarray(Image.open(stream)).reshape(height * width, -1) / 255
            found.append(
                {"bytes": float(size), "quality": float(quality), "psnr_db": signals.psnr(back, signal.values)}
            )
    return found
