"""How an `IntegerField` lies in memory for kernels: planes of packed texels, groups of inputs, packed weights.

Shared by the C and the numba emitters; the table file is written here too. What the numbers mean is defined in
`inkling.approx.reference.field`.
"""

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.field import IntegerField, check_packed
from inkling.approx.reference.graph import box
from inkling.approx.reference.operations import ClippedReLU, Dense, GridRead, PeriodicQuadratic, Rescale
from inkling.hdl.operations.language import Site

MAGIC = b"INKFIELD"
VERSION = 1
HEADER = 64
# A read takes 8 bytes of a row at once, so tables end with this much padding.
PADDING = 64
PLANE_BYTES = 4


@dataclass(frozen=True)
class Level:
    """One grid in memory: row after row, a row being `planes` runs of width texels of `texel` bytes (1 to 4).

    A texel of 8 bits is a byte a feature; of 4 bits a byte holds a feature low and the one `texel` later high.
    `offset`, a multiple of 8, is from the start of the entry's (or, where shared, of the shared) bytes.
    """

    height: int
    width: int
    bits: int
    features: int
    planes: int
    texel: int
    offset: int
    shared: bool

    @property
    def row(self) -> int:
        return self.width * self.planes * self.texel

    @property
    def size(self) -> int:
        return self.height * self.row

    def groups(self) -> list[list[int]]:
        """Features, -1 for none, of the groups of four in which planes give them."""
        found = []
        for plane in range(self.planes):
            for half in range(8 // self.bits):
                first = (plane * (8 // self.bits) + half) * self.texel
                picked = [first + k if k < self.texel else -1 for k in range(4)]
                found.append([f if f < self.features else -1 for f in picked])
        return found


@dataclass(frozen=True, eq=False)
class FieldPlan:
    """Where everything of a field lies."""

    field: IntegerField
    levels: tuple[Level, ...]
    stride: int
    shared_bytes: int

    @property
    def inputs(self) -> list[int]:
        """The index of the feature that stands at each place of the first layer's groups of four; -1 for none."""
        places, first = [], 0
        for level in self.levels:
            for group in level.groups():
                places += [first + f if f >= 0 else -1 for f in group]
            first += level.features
        return places

    def places(self, number: int) -> list[int]:
        """The input of dense layer `number` that stands at each place of the groups of four."""
        if number == 0:
            return self.inputs
        wide = self.field.dense[number].weights.shape[1]
        return [i if i < wide else -1 for i in range(-(-wide // 4) * 4)]

    def padded(self, number: int) -> NDArray[np.int64]:
        """The weights of dense layer `number`, int64 [outputs, places], zeros where a place holds nothing."""
        dense: Dense = self.field.dense[number]
        places = np.array(self.places(number), np.int64)
        weights = np.concatenate([dense.weights, np.zeros((len(dense.bias), 1), np.int64)], axis=1)
        return weights[:, places]

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Where the operation after each dense layer is written: it is one for all neurons, in 32 bits."""
        bounds = self.field.intervals()
        ends = [bounds[name] for name in self.field.layered.sums]
        return tuple(Site(0, 32, (box([int(low.min())], [int(high.max())]),)) for low, high in ends)

    @property
    def fused(self) -> bool:
        """Whether the forms for AVX hold it: clipped to 8 bits or periodic, and last clipped or shifted."""
        *hidden, last = self.field.activations
        clipped = [item.bits == 8 for item in self.field.activations if isinstance(item, ClippedReLU)]
        kinds = all(isinstance(item, ClippedReLU | PeriodicQuadratic) for item in hidden)
        return kinds and all(clipped) and isinstance(last, ClippedReLU | Rescale)

    @cached_property
    def fingerprint(self) -> bytes:
        """8 bytes that tell whether a table file belongs to a kernel: of everything but the tables."""
        text = hashlib.sha256(repr((self.levels, self.stride, self.field.activations)).encode())
        for dense in self.field.dense:
            text.update(dense.weights.astype("<i8").tobytes() + dense.bias.astype("<i8").tobytes())
        if self.field.coordinates is not None:
            text.update(self.field.coordinates.weights.astype("<i8").tobytes())
            text.update(bytes([self.field.coordinates.shift]))
        return text.digest()[:8]

    @property
    def total(self) -> int:
        """Bytes of the table file."""
        return HEADER + self.shared_bytes + self.field.entries * self.stride + PADDING


def plan(field: IntegerField) -> FieldPlan:
    """Lay a field out. Raises InputError as `inkling.approx.reference.field.check_packed` does."""
    check_packed(field)
    levels, own, shared = [], 0, 0
    for read in field.reads:
        _, height, width, features = read.table.shape
        per_texel = -(-features * read.bits // 8)
        planes = -(-per_texel // PLANE_BYTES)
        texel = -(-per_texel // planes)
        is_shared = read.table.shape[0] != field.entries
        at = -(-(shared if is_shared else own) // 8) * 8
        level = Level(height, width, read.bits, features, planes, texel, at, is_shared)
        levels.append(level)
        if is_shared:
            shared = at + level.size
        else:
            own = at + level.size
    return FieldPlan(field, tuple(levels), -(-own // 64) * 64, -(-shared // 64) * 64)


def packed(read: GridRead, level: Level) -> NDArray[np.uint8]:
    """The level's bytes, uint8 [entries, size]."""
    entries = read.table.shape[0]
    slots = level.planes * level.texel * 8 // level.bits
    wide = np.zeros((entries, level.height, level.width, slots), np.int8)
    wide[..., : level.features] = read.table
    split = wide.reshape(entries, level.height, level.width, level.planes, 8 // level.bits, level.texel)
    bytes_: NDArray[np.uint8] = split[..., 0, :].view(np.uint8)
    if level.bits == 4:
        bytes_ = np.bitwise_or(bytes_ & np.uint8(15), split[..., 1, :].view(np.uint8) << np.uint8(4))
    return np.ascontiguousarray(bytes_.transpose(0, 1, 3, 2, 4)).reshape(entries, level.size)


def tables(how: FieldPlan) -> NDArray[np.uint8]:
    """The table file's bytes: a header of 64, the shared levels, every entry's levels, padding."""
    entries = how.field.entries
    content = np.zeros(how.total, np.uint8)
    head = struct.pack(
        "<8sII8sQQQ", MAGIC, VERSION, entries, how.fingerprint, how.shared_bytes, how.stride, how.total
    )
    content[: len(head)] = np.frombuffer(head, np.uint8)
    own = content[HEADER + how.shared_bytes :][: entries * how.stride].reshape(entries, how.stride)
    for read, level in zip(how.field.reads, how.levels, strict=True):
        data = packed(read, level)
        if level.shared:
            content[HEADER + level.offset :][: level.size] = data[0]
        else:
            own[:, level.offset : level.offset + level.size] = data
    return content
