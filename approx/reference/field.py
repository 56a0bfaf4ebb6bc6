"""`IntegerField`: the exact integer semantics of a neural field, and nothing else.

A sibling of `inkling.approx.reference.network.IntegerNetwork` that shares its Dense and ClippedReLU: a field is asked
with an entry and two 16-bit coordinates, has tables of one row per entry that may reach gigabytes and are kept as
bytes, and never becomes a classifier's label, so hardware emitters of classifiers need not know its operations. Files
live in `inkling.approx.reference.field_files`, building one from floats in `inkling.approx.fields.quantise`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.coding import COORDINATE_BITS, Coding
from inkling.approx.reference.operations import (
    PHASE_BITS,
    ClippedReLU,
    CoordinateSum,
    Dense,
    FieldLayer,
    GridRead,
    Ints,
    PeriodicQuadratic,
    Rescale,
)
from inkling.train.errors import InputError
from inkling.train.scenes.signals import Meaning

MOST_WIDTH = 4096
MOST_ENTRIES = 2**24


@dataclass(frozen=True, eq=False)
class IntegerField:
    """Grid reads, concatenated, then Dense, activation, ..., Dense and a last ClippedReLU (a picture) or Rescale.

    Every value between the operations fits int32, every weight int8, every activation uint8 (ClippedReLU of 8 bits)
    or int8 (PeriodicQuadratic). positions: float32 [entries, 3] of a visibility field, else [0, 3].
    """

    reads: tuple[GridRead, ...]
    coordinates: CoordinateSum | None
    layers: tuple[FieldLayer, ...]
    meaning: Meaning
    coding: Coding
    positions: NDArray[np.float32]

    @property
    def entries(self) -> int:
        """Number of entries; a level of one entry is shared by all."""
        return max((read.table.shape[0] for read in self.reads), default=1)

    @property
    def outputs(self) -> int:
        """Numbers in an answer."""
        return len(self.dense[-1].bias)

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The dense layers in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def activations(self) -> tuple[FieldLayer, ...]:
        """What follows each dense layer, in order."""
        return tuple(layer for layer in self.layers if not isinstance(layer, Dense))

    @property
    def bytes_per_entry(self) -> float:
        """Bytes of one entry's own texels, packed."""
        own = [read for read in self.reads if read.table.shape[0] == self.entries]
        return float(sum(read.table[0].size * read.bits / 8 for read in own))

    def evaluate(
        self, entry: NDArray[np.integer], u: NDArray[np.integer], v: NDArray[np.integer]
    ) -> NDArray[np.int32]:
        """int [rows] each; u and v in 0..2**16 - 1 -> int32 [rows, outputs]. This is the definition."""
        e, u64, v64 = entry.astype(np.int64), u.astype(np.int64), v.astype(np.int64)
        features = [read.evaluate(e, u64, v64) for read in self.reads]
        values = np.concatenate(features, axis=1) if features else np.zeros((len(e), 0), np.int64)
        for number, layer in enumerate(self.layers):
            values = layer.evaluate(values)
            if number == 0 and self.coordinates is not None:
                values = values + self.coordinates.evaluate(u64, v64)
        return values.astype(np.int32)

    def visible(
        self,
        entry: NDArray[np.integer],
        u: NDArray[np.integer],
        v: NDArray[np.integer],
        code: NDArray[np.integer],
    ) -> NDArray[np.bool_]:
        """Whether a target of distance code int [rows] is seen: its clipped code < answer + margin."""
        clipped = np.clip(code.astype(np.int64), self.coding.low_code, self.coding.high_code)
        seen: NDArray[np.bool_] = clipped < self.evaluate(entry, u, v)[:, 0].astype(np.int64) + self.coding.margin
        return seen

    def intervals(self) -> list[tuple[Ints, Ints]]:
        """Bounds of what each layer gives."""
        inputs = sum(read.table.shape[3] for read in self.reads)
        low, high = np.full(inputs, -128, np.int64), np.full(inputs, 127, np.int64)
        found = []
        for number, layer in enumerate(self.layers):
            low, high = layer.interval(low, high)
            if number == 0 and self.coordinates is not None:
                reach = np.abs(self.coordinates.weights).sum(1) << COORDINATE_BITS - 1
                low, high = low + (-reach >> self.coordinates.shift), high + (reach >> self.coordinates.shift)
            found.append((low, high))
        return found


def check(field: IntegerField) -> None:
    """Raise InputError, one line, unless the field is what `IntegerField` says."""
    entries = field.entries
    for number, read in enumerate(field.reads):
        table = read.table
        if table.ndim != 4 or table.dtype != np.int8 or min(table.shape) < 1 or min(table.shape[1:3]) < 2:
            raise InputError(
                f"grid {number} is {table.dtype} {table.shape}, not int8 [entries, >= 2, >= 2, features]"
            )
        if table.shape[0] not in (1, entries) or max(table.shape[1:3]) > 2**15 or read.bits not in (4, 8):
            raise InputError(f"grid {number} has {table.shape[0]} of {entries} entries or is no grid of 4 or 8 bits")
        if read.bits == 4 and (table.min() < -8 or table.max() > 7):
            raise InputError(f"grid {number} holds texels beyond 4 bits")
    kinds = [isinstance(layer, Dense) for layer in field.layers]
    if len(kinds) < 2 or kinds != [True, False] * (len(kinds) // 2):
        raise InputError("the layers of a field must alternate: dense, activation, ..., dense, last operation")
    width = sum(read.table.shape[3] for read in field.reads)
    for number, dense in enumerate(field.dense):
        if dense.weights.ndim != 2 or dense.weights.shape[1] != width or dense.bias.shape != dense.weights.shape[:1]:
            raise InputError(f"dense layer {number} has weights {dense.weights.shape}, bias {dense.bias.shape}")
        if dense.weights.size and np.abs(dense.weights).max() > 127:
            raise InputError(f"dense layer {number} has a weight beyond -127..127")
        width = len(dense.bias)
    for last, layer in zip([False] * (len(kinds) // 2 - 1) + [True], field.activations, strict=True):
        match layer:
            case ClippedReLU(shift, bits) if bits == 8 and isinstance(shift, int) and 0 <= shift <= 31:
                continue
            case PeriodicQuadratic(shift) if not last and -PHASE_BITS < shift <= PHASE_BITS:
                continue
            case Rescale(shift) if last and 0 <= shift <= 31:
                continue
        raise InputError(f"{layer} cannot stand {'last' if last else 'between dense layers'} in a field")
    if (extra := field.coordinates) is not None and (
        extra.weights.shape != (len(field.dense[0].bias), 2)
        or np.abs(extra.weights).max() > 2**15 - 1
        or np.abs(extra.weights).sum(1).max() >= 2**16 - 1
        or not 0 <= extra.shift <= 31
    ):
        raise InputError("the weights of the coordinates must be int16 [outputs, 2] whose sums fit int32")
    for number, (low, high) in enumerate(field.intervals()):
        if low.min() < -(2**31) or high.max() >= 2**31:
            raise InputError(f"layer {number} of the field can overflow int32: lower its weights or raise its shift")
    coding = field.coding
    if len(coding.scale) != width or len(coding.offset) != width or not 0 <= coding.drop <= 24:
        raise InputError(f"the field answers {width} numbers but its coding has {len(coding.scale)}")
    if not -(2**30) <= coding.margin <= 2**30 or not 0 <= coding.low_code <= coding.high_code < 2**30:
        raise InputError("the field's margin or its codes lie beyond their range")
    if field.positions.shape != ((entries, 3) if field.meaning == "visibility" else (0, 3)):
        raise InputError(f"the field has {entries} entries but positions {field.positions.shape}")
    if max(len(dense.bias) for dense in field.dense) > MOST_WIDTH or entries > MOST_ENTRIES:
        raise InputError(f"a field has layers of at most {MOST_WIDTH} and {MOST_ENTRIES} entries")
