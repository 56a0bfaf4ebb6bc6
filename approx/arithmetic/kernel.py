"""Calling `kernel.cpp`, the compiled inner loop of the arithmetic search, over NumPy arrays.

How it is compiled and cached lives in `inkling.approx.programs.compiled`; what a genome means in
`inkling.approx.arithmetic.genome`.
"""

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs import compiled
from inkling.approx.reference.operations import knock_out

SOURCE = Path(__file__).with_name("kernel.cpp")

# What a candidate's area is counted in, in the kernel's order: adder cells of three or two bits that vary, inverters,
# subtractors and borrows, exclusive-ors, ORs of carries, gates of the clipped ReLUs, multiplexer bits of scores
# and of indices, and bits of inputs that are read.
FEATURES = (
    "add3", "add2", "invert", "subtract3", "subtract2", "borrow3", "borrow2", "odd3", "odd2", "any", "clip_or",
    "clip_and", "select", "index", "input_bits",
)  # fmt: skip
MOVE_NAMES = (
    "clear bit", "set bit", "drop term", "add term", "shift term", "negate term", "move term", "bias", "round bias",
    "clip", "compare", "drop input bit", "drop input", "drop hidden", "common term", "copy term", "narrow",
)  # fmt: skip
LEVELS = ("terms", "masks", "biases", "activations", "comparators", "inputs")

Genome = NDArray[np.int16]


class ShapeLayout(ctypes.Structure):
    """`Shape` of the kernel."""

    _fields_ = tuple((name, ctypes.c_int64) for name in ("inputs", "hidden", "outputs", "slots", "rows", "chunks"))


class SettingsLayout(ctypes.Structure):
    """`Settings` of the kernel."""

    _fields_ = (
        ("price", ctypes.c_double),
        ("temperature", ctypes.c_double),
        ("certainty", ctypes.c_double),
        ("moves", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("levels", ctypes.c_int64 * 8),
        ("price_features", ctypes.c_double * len(FEATURES)),
        ("evaluated", ctypes.c_int64),
        ("tried", ctypes.c_int64 * 24),
        ("kept", ctypes.c_int64 * 24),
    )


@dataclass(frozen=True)
class Shape:
    """Numbers of inputs, hidden neurons, outputs (at least 2) and term slots of a neuron."""

    inputs: int
    hidden: int
    outputs: int
    slots: int

    @property
    def neurons(self) -> int:
        return self.hidden + self.outputs

    @property
    def size(self) -> int:
        """Numbers in a genome."""
        return self.neurons * (4 * self.slots + 1) + 2 * self.hidden + 2 * (self.outputs - 1)


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled kernel. Raises InputError where there is no C++ compiler."""
    mirrors = {"Shape": ShapeLayout, "Settings": SettingsLayout}
    sizes = {name: ctypes.sizeof(mirror) for name, mirror in mirrors.items()}
    found = compiled.load(SOURCE, "the arithmetic search", sizes)
    found.create.restype = ctypes.c_void_p
    found.create.argtypes = [ctypes.POINTER(ShapeLayout), *[ctypes.c_void_p] * 6]
    found.destroy.argtypes, found.destroy.restype = [ctypes.c_void_p], None
    found.genome_size.argtypes, found.genome_size.restype = [ctypes.c_void_p], ctypes.c_int64
    found.errors_of.argtypes, found.errors_of.restype = [ctypes.c_void_p] * 2, ctypes.c_int64
    found.area_of.argtypes, found.area_of.restype = [ctypes.c_void_p] * 5, ctypes.c_int64
    found.anneal.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(SettingsLayout),
        ctypes.c_int64,
        *[ctypes.c_void_p] * 4,
    ]
    found.anneal.restype = ctypes.c_int64
    return found


@dataclass(eq=False)
class Archive:
    """The smallest area for every step of errors; genomes int16 [steps, size], areas inf where there is none."""

    genomes: NDArray[np.int16]
    areas: NDArray[np.float64]
    errors: NDArray[np.int64]

    @staticmethod
    def empty(steps: int, size: int) -> "Archive":
        return Archive(np.zeros((steps, size), np.int16), np.full(steps, np.inf), np.zeros(steps, np.int64))


@dataclass(frozen=True)
class Anneal:
    """One annealing: price and temperature in error share (per unit of area), and how many moves are tried.

    certainty: standard deviations at which a candidate is dropped on part of the rows.
    """

    price: float
    temperature: float
    moves: int
    seed: int
    levels: tuple[str, ...] = LEVELS
    certainty: float = 3.0


class Evaluator:
    """Weighted rows that candidates of one shape are scored on."""

    def __init__(
        self,
        shape: Shape,
        input_bits: Sequence[int],
        codes: NDArray[np.uint8],
        labels: NDArray[np.int64],
        weights: NDArray[np.int64],
    ) -> None:
        """codes: uint8 [rows, inputs]; labels and weights (1..1023): int64 [rows]."""
        self._handle: int | None = None
        if shape.hidden > 64 or not 2 <= shape.outputs <= 32 or shape.inputs > 4096 or shape.slots > 200:
            raise ValueError(f"no kernel for a network of shape {shape}")
        if len(codes) == 0 or weights.min() < 1 or weights.max() > 1023:
            raise ValueError("rows must be there and weigh 1 to 1023")
        self.shape, self.rows, self.total = shape, len(codes), int(weights.sum())
        matches = np.array(knock_out(shape.outputs), np.int32).reshape(-1, 2)
        arrays: list[NDArray[Any]] = [
            np.ascontiguousarray(matches[:, 0]),
            np.ascontiguousarray(matches[:, 1]),
            np.array(input_bits, np.int32),
            np.ascontiguousarray(codes, np.uint8),
            np.ascontiguousarray(labels, np.int64),
            np.ascontiguousarray(weights, np.int64),
        ]
        layout = ShapeLayout(shape.inputs, shape.hidden, shape.outputs, shape.slots, len(codes), 0)
        self._handle = library().create(ctypes.byref(layout), *(array.ctypes.data for array in arrays))
        assert library().genome_size(self._handle) == shape.size

    def close(self) -> None:
        """Free the memory; nothing can be asked afterwards."""
        if self._handle is not None:
            library().destroy(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.close()

    def errors(self, genome: Genome) -> int:
        """Weight of the rows that a candidate labels wrong."""
        return int(library().errors_of(self._handle, np.ascontiguousarray(genome).ctypes.data))

    def features(self, genome: Genome) -> tuple[NDArray[np.float64], bool]:
        """How many there are of each of FEATURES, and whether all sums stay within int16."""
        counts = np.zeros(len(FEATURES))
        area = ctypes.c_double()
        prices = np.zeros(len(FEATURES))
        held = np.ascontiguousarray(genome)
        fits = library().area_of(
            self._handle, held.ctypes.data, prices.ctypes.data, counts.ctypes.data, ctypes.addressof(area)
        )
        return counts, bool(fits)

    def anneal(self, start: Genome, how: Anneal, prices: NDArray[np.float64], archive: Archive) -> SettingsLayout:
        """Anneal from `start`, putting what is found into the archive. prices: area of each of FEATURES.

        Returns the counters of the run.
        """
        settings = SettingsLayout(how.price, how.temperature, how.certainty, how.moves, how.seed)
        for place, level in enumerate(LEVELS):
            settings.levels[place] = int(level in how.levels)
        for place, price in enumerate(prices):
            settings.price_features[place] = price
        held, last = np.ascontiguousarray(start), np.zeros(self.shape.size, np.int16)
        library().anneal(
            self._handle,
            held.ctypes.data,
            ctypes.byref(settings),
            len(archive.areas),
            archive.areas.ctypes.data,
            archive.genomes.ctypes.data,
            archive.errors.ctypes.data,
            last.ctypes.data,
        )
        return settings
