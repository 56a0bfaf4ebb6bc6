"""Field models in one notation, encoding -> MLP -> head, as torch modules, and their way to a `FloatField`.

The encodings are in `inkling.train.fields.encodings`, the loop that trains them in `inkling.train.fields.training`.
Sine layers: SIREN, Sitzmann et al., 2020.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import torch

from inkling.train.errors import InputError
from inkling.train.fields.encodings import (
    Fourier,
    GridEncoding,
    Quantisation,
    arcs,
    quantise_weights,
    straight_through,
)
from inkling.train.fields.float_field import ACTIVATIONS, Activation, FloatField, Grid, Sight
from inkling.train.scenes.signals import Meaning

Tensor = torch.Tensor
MOST_WIDTH = 4096
MOST_PARAMETERS = 2**30


@dataclass(frozen=True)
class Spec:
    """A model. levels: (height, width, features) of grids; coordinates: uv enters too; fourier: (frequencies,
    scale) of fixed Fourier features, or none; hidden: widths; omega: first-layer frequency of sine-like layers;
    arcs: the Fourier features are parabola arcs in place of sines, which integers have."""

    levels: tuple[tuple[int, int, int], ...]
    coordinates: bool
    fourier: tuple[int, float] | None
    hidden: tuple[int, ...]
    activation: Activation
    outputs: int
    omega: float = 30.0
    arcs: bool = False


def parse(notation: str) -> Spec:
    """Read the notation: encodings, `->`, hidden widths and an activation, `->`, the number of answers.

    Encodings: `grid(64x64x2, 16x16x4)`, `fourier(128, 10)`, `arcs(128, 10)` (Fourier features of periodic-quadratic
    arcs), `uv`, joined by `+`; activations: relu, sine,
    periodic_quadratic, the latter two with a frequency, `sine(30)`. `grid(64x64x2) + uv -> 32 32 relu -> 1`.
    Raises InputError that names what is wrong.
    """
    parts = [part.strip() for part in notation.split("->")]
    if len(parts) != 3:
        raise InputError(f"{notation!r}: a model is written 'encoding -> hidden layers -> answers'")
    levels: list[tuple[int, int, int]] = []
    coordinates, fourier, parabolas = False, None, False
    for encoding in (item.strip() for item in parts[0].split("+")):
        if encoding == "uv":
            coordinates = True
        elif match := re.fullmatch(r"grid\(([\dx, ]+)\)", encoding):
            for level in match[1].split(","):
                if not (sizes := re.fullmatch(r"\s*(\d{1,5})x(\d{1,5})x(\d{1,3})\s*", level)):
                    raise InputError(f"{notation!r}: a level is written HEIGHTxWIDTHxFEATURES, not {level.strip()!r}")
                levels.append((int(sizes[1]), int(sizes[2]), int(sizes[3])))
        elif match := re.fullmatch(r"(fourier|arcs)\(\s*(\d{1,4})\s*,\s*(\d+\.?\d*)\s*\)", encoding):
            fourier, parabolas = (int(match[2]), float(match[3])), match[1] == "arcs"
        else:
            raise InputError(
                f"{notation!r}: {encoding!r} is no encoding; give grid(...), fourier(n, scale), arcs(n, scale) or uv"
            )
    *widths, name = parts[1].split()
    match = re.fullmatch(r"([a-z_]+)(?:\((\d+\.?\d*)\))?", name)
    if not match or match[1] not in ACTIVATIONS or not all(re.fullmatch(r"\d{1,4}", width) for width in widths):
        raise InputError(f"{notation!r}: hidden layers are widths and one of {', '.join(ACTIVATIONS)}")
    if not re.fullmatch(r"\d{1,3}", parts[2]) or not int(parts[2]):
        raise InputError(f"{notation!r}: the number of answers must be 1 to 999")
    spec = Spec(
        tuple(levels),
        coordinates,
        fourier,
        tuple(int(width) for width in widths),
        match[1],  # type: ignore[arg-type]
        int(parts[2]),
        float(match[2] or 30),
        parabolas,
    )
    if any(min(level) < 1 for level in levels) or any(not 1 <= width <= MOST_WIDTH for width in spec.hidden):
        raise InputError(f"{notation!r}: every size must be at least 1, and a hidden layer at most {MOST_WIDTH}")
    if fourier and (levels or coordinates):
        raise InputError(f"{notation!r}: Fourier features stand alone; they are the first layer of the field")
    return spec


def activation(kind: Activation, x: Tensor) -> Tensor:
    """As `inkling.train.fields.float_field.activate`."""
    if kind == "relu":
        return torch.relu(x)
    if kind == "sine":
        return torch.sin(2 * math.pi * x)
    return arcs(x)


class FieldModel(torch.nn.Module):
    """One grid or Fourier encoding, one MLP, one linear head; forward: entry int64 [N], uv [N, 2] -> [N, outputs]."""

    def __init__(self, spec: Spec, entries: int = 1, seed: int = 0, quantisation: Quantisation | None = None):
        super().__init__()
        self.spec, self.entries, self.quantisation, self.rounding = spec, entries, quantisation, True
        if entries * sum(h * w * f for h, w, f in spec.levels) > MOST_PARAMETERS:
            raise InputError(
                f"the grids would hold more than {MOST_PARAMETERS} numbers; give fewer or smaller levels"
            )
        self.grids = GridEncoding(spec.levels, entries, seed, quantisation) if spec.levels else None
        self.fourier = Fourier(*spec.fourier, seed, arcs=spec.arcs) if spec.fourier else None
        width = (self.grids.features if self.grids else 0) + 2 * spec.coordinates
        width += self.fourier.features if self.fourier else 0
        generator = torch.Generator().manual_seed(seed + 1)
        self.layers = torch.nn.ModuleList()
        for number, size in enumerate((*spec.hidden, spec.outputs)):
            layer = torch.nn.Linear(width, size)
            last = number == len(spec.hidden)
            if spec.activation == "relu":
                bound, bias = math.sqrt((3 if last else 6) / width), 0.1
            elif number == 0:
                # SIREN's first layer is sin(omega W x); phases here count turns.
                bound, bias = spec.omega / width / (2 * math.pi), 0.5
            else:
                bound, bias = math.sqrt(6 / width) / (1 if last else 2 * math.pi), 0.0
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bias, bias, generator=generator)
            self.layers.append(layer)
            width = size

    def progressed(self, progress: float) -> None:
        """Told by the training loop before each step, and at its end with 1: values are rounded from `begin` on."""
        self.rounding = self.quantisation is not None and progress >= self.quantisation.begin
        if self.grids is not None:
            self.grids.progressed(progress)

    def encode(self, entry: Tensor, uv: Tensor) -> Tensor:
        """The vector that enters the first layer, [N, features]."""
        parts = [] if self.grids is None else [self.grids(entry, uv)]
        if self.spec.coordinates:
            parts.append(2 * uv - 1)
        if self.fourier is not None:
            waves = self.fourier(entry, uv)
            parts.append(self.floored(waves) if self.spec.arcs else waves)
        return torch.cat(parts, 1)

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        values = self.encode(entry, uv)
        for number in range(len(self.layers)):
            if number:
                values = self.activate(values)
            values = torch.nn.functional.linear(values, self.weight(number), self.layers[number].bias)  # type: ignore[arg-type]
        return values

    def weight(self, number: int) -> Tensor:
        """The weights of a layer as they are used."""
        weights: Tensor = self.layers[number].weight  # type: ignore[assignment]
        if self.quantisation is None or not self.rounding:
            return weights
        if number == 0 and self.spec.coordinates:  # theirs have 16 bits
            read = quantise_weights(weights[:, :-2], self.quantisation.weight_bits) if self.grids else weights[:, :0]
            return torch.cat([read, weights[:, -2:]], 1)
        return quantise_weights(weights, self.quantisation.weight_bits)

    def activate(self, values: Tensor) -> Tensor:
        """The hidden activation, clipped and floored as integers are when training is aware of them."""
        values = activation(self.spec.activation, values)
        if self.quantisation is None:
            return values
        bits = self.quantisation.activation_bits
        if self.spec.activation == "relu":
            step = self.quantisation.clip / 2**bits
            clipped = values.clamp(max=self.quantisation.clip - step)
            if not self.rounding:
                return clipped
            return straight_through(clipped, torch.floor(clipped / step + 0.5) * step)
        return self.floored(values)

    def floored(self, waves: Tensor) -> Tensor:
        """Values in -1..1 floored to signed codes, where training is aware of them."""
        if self.quantisation is None or not self.rounding:
            return waves
        half = 2.0 ** (self.quantisation.activation_bits - 1)
        return straight_through(waves, torch.floor(waves * half).clamp(max=half - 1) / half)

    @torch.no_grad()
    def to_field(
        self, meaning: Meaning, low: list[float], high: list[float], sight: Sight | None = None
    ) -> FloatField:
        """Frozen arrays of what was trained; quantised texels and weights are already on their integer steps."""

        def array(tensor: Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
            return tensor.detach().cpu().numpy().astype(np.float32).copy()

        grids = []
        if self.grids is not None:
            for k, (h, w, f) in enumerate(self.grids.levels):
                grids.append(Grid(array(self.grids.table(k)).reshape(self.entries, h, w, f)))
        weights = [array(self.weight(k)) for k in range(len(self.layers))]
        biases = [array(layer.bias) for layer in self.layers]  # type: ignore[arg-type]
        if self.fourier is not None:
            matrix = array(self.fourier.matrix)
            quarter = np.full(len(matrix), 0.25, np.float32)
            weights.insert(0, np.concatenate([matrix, matrix]))
            biases.insert(0, np.concatenate([0 * quarter, quarter]))
        return FloatField(
            tuple(grids),
            self.spec.coordinates or self.fourier is not None,
            tuple(weights),
            tuple(biases),
            self.spec.activation,
            np.array(low, np.float32),
            np.array(high, np.float32),
            meaning,
            None if self.fourier is None else "periodic_quadratic" if self.spec.arcs else "sine",
            sight,
        )
