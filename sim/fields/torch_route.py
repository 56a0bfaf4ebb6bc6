"""A field evaluated by PyTorch in 32-bit integers: one more reading of the definition, written apart from it.

`inkling.approx.reference.field` is the definition; nothing is emitted or compared here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS
from inkling.approx.reference.field import IntegerField
from inkling.approx.reference.operations import FRACTION_BITS, ClippedReLU, Dense, PeriodicQuadratic, Rescale

CHUNK = 65536


def evaluate(
    field: IntegerField, entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer]
) -> NDArray[np.int32]:
    """int [rows] each; u and v in 0..2**16 - 1 -> int32 [rows, outputs], what `field.evaluate` gives."""
    import torch

    found = []
    with torch.no_grad():
        for start in range(0, len(u), CHUNK):
            part = slice(start, start + CHUNK)
            columns = [torch.from_numpy(np.ascontiguousarray(x[part], np.int32)) for x in (entry, u, v)]
            found.append(_rows(field, *columns).numpy())
    return np.concatenate(found) if found else np.zeros((0, field.outputs), np.int32)


def _rows(field: IntegerField, entry: Any, u: Any, v: Any) -> Any:
    """int32 tensors [rows] -> int32 tensor [rows, outputs]."""
    import torch

    parts = [_level(torch.from_numpy(read.table), read.bits, entry, u, v) for read in field.reads]
    x = torch.cat(parts, 1) if parts else torch.zeros((len(u), 0), dtype=torch.int32)
    first = True
    for layer in field.layers:
        match layer:
            case Dense(weights, bias):
                x = x @ _int32(weights).T + _int32(bias)
                if first and field.coordinates is not None:
                    centred = torch.stack([u, v], 1) - (1 << COORDINATE_BITS - 1)
                    x = x + ((centred @ _int32(field.coordinates.weights).T) >> field.coordinates.shift)
                first = False
            case ClippedReLU(shift, bits):
                assert isinstance(shift, int) and isinstance(bits, int)
                x = (x >> shift).clamp(0, (1 << bits) - 1)
            case Rescale(shift):
                x = x >> shift
            case PeriodicQuadratic(shift):
                phase = x >> shift if shift >= 0 else x << -shift
                turn = phase.to(torch.int16).to(torch.int32)
                x = (turn * (32768 - turn.abs()) >> 21).clamp(max=127)
    return x


def _level(table: Any, bits: int, entry: Any, u: Any, v: Any) -> Any:
    """int32 tensor [rows, features] of a table int8 [entries, height, width, features]."""
    import torch

    entries, height, width, features = table.shape
    x, y = u * (width - 1), v * (height - 1)
    mask, below = (1 << FRACTION_BITS) - 1, COORDINATE_BITS - FRACTION_BITS
    fx, fy = ((at >> below & mask)[:, None] for at in (x, y))
    row, column = (y >> COORDINATE_BITS).long(), (x >> COORDINATE_BITS).long()
    at = ((entry.long() if entries > 1 else 0) * height + row) * width + column
    flat = table.reshape(-1, features)
    corner = [flat[at + step].to(torch.int32) for step in (0, 1, width, width + 1)]
    top = (corner[0] << FRACTION_BITS) + fx * (corner[1] - corner[0])
    bottom = (corner[2] << FRACTION_BITS) + fx * (corner[3] - corner[2])
    blend = (top << FRACTION_BITS) + fy * (bottom - top)
    return ((blend << 8 - bits) + (1 << 2 * FRACTION_BITS - 1)) >> 2 * FRACTION_BITS


def _int32(values: NDArray[np.integer]) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, np.int32))
