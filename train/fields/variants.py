"""Models that are more than one MLP: CAM, progressive levels (PINs), tiles (KiloNeRF), residual MLPs (R2L).

All take entry int64 [N] and uv [N, 2] as every field model does, and are trained by the same loop.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch

from inkling.train.errors import InputError
from inkling.train.fields.encodings import GridEncoding, Quantisation
from inkling.train.fields.float_field import F32, Activation, FloatField
from inkling.train.fields.models import FieldModel, Spec, activation, parse
from inkling.train.scenes.signals import Meaning

Tensor = torch.Tensor
MOST_TILES = 2**20


class CamField(torch.nn.Module):
    """Coordinate-aware modulation: a grid gives a scale and a shift for every hidden layer's features.

    Lee et al., "Coordinate-Aware Modulation for Neural Fields", 2024: h = scale(x) * h + shift(x) with the hidden
    features normalised first. One scale and one shift a layer, read from a grid of `size` x `size`.
    """

    def __init__(self, notation: str, size: int, seed: int = 0):
        super().__init__()
        self.base = FieldModel(parse(notation), 1, seed)
        if not self.base.spec.hidden:
            raise InputError(f"{notation!r}: modulation needs a hidden layer")
        self.modulation = GridEncoding([(size, size, 2 * len(self.base.spec.hidden))], 1, seed + 2, spread=0.01)

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        values = self.base.encode(entry, uv)
        gains = self.modulation(entry, uv)
        for number, layer in enumerate(self.base.layers):
            if number:
                k = 2 * (number - 1)
                mean, spread = values.mean(1, keepdim=True), values.std(1, keepdim=True)
                values = (values - mean) / (spread + 1e-5) if self.base.spec.activation == "relu" else values
                values = (1 + gains[:, k : k + 1]) * values + gains[:, k + 1 : k + 2]
                values = activation(self.base.spec.activation, values)
            values = layer(values)
        return values


class ProgressiveField(torch.nn.Module):
    """Progressive levels of detail, of which the first few are a field of their own.

    After Landgraf et al., "PINs: Progressive Implicit Networks for Multi-Scale Neural Representations", 2022, where
    each level is usable alone and the next adds to what is there: here a subnetwork of higher frequencies that learns
    what the levels below leave over, while they do not see its gradient. forward -> [levels, N, outputs].
    """

    def __init__(
        self,
        outputs: int,
        widths: Sequence[int],
        omegas: Sequence[float],
        seed: int = 0,
        kind: Activation = "sine",
        quantisation: Quantisation | None = None,
    ):
        super().__init__()
        if len(widths) != len(omegas) or not widths:
            raise InputError("a progressive field needs one width and one frequency for every level")
        self.levels = torch.nn.ModuleList()
        for k, (width, omega) in enumerate(zip(widths, omegas, strict=True)):
            spec = Spec((), True, None, (width, width), kind, outputs, omega)
            level = FieldModel(spec, 1, seed + 10 * k, quantisation)
            if k:
                with torch.no_grad():  # a new level starts by changing nothing much
                    level.layers[-1].weight.mul_(0.1)  # type: ignore[operator]
            self.levels.append(level)

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        answers: list[Tensor] = []
        for level in self.levels:
            added = level(entry, uv)
            answers.append(added if not answers else answers[-1].detach() + added)
        return torch.stack(answers)

    def progressed(self, progress: float) -> None:
        """As `FieldModel.progressed`, for every level."""
        for level in self.levels:
            level.progressed(progress)  # type: ignore[operator]

    def to_field(
        self, meaning: Meaning, low: list[float], high: list[float], levels: int | None = None
    ) -> FloatField:
        """The first `levels` levels (else all) as one field: their networks side by side, answers added."""
        parts: list[FloatField] = [
            level.to_field(meaning, low, high)  # type: ignore[operator]
            for level in self.levels[: len(self.levels) if levels is None else levels]
        ]
        weights: list[F32] = []
        biases: list[F32] = []
        last = len(parts[0].weights) - 1
        for number in range(last + 1):
            pieces = [part.weights[number] for part in parts]
            shifts = [part.biases[number] for part in parts]
            if number == last:
                weights.append(np.concatenate(pieces, axis=1))
                biases.append(np.sum(shifts, axis=0, dtype=np.float32))
                continue
            if number == 0:
                weights.append(np.concatenate(pieces))
            else:
                block = np.zeros([sum(sizes) for sizes in zip(*(p.shape for p in pieces), strict=True)], np.float32)
                row, column = 0, 0
                for piece in pieces:
                    block[row : row + piece.shape[0], column : column + piece.shape[1]] = piece
                    row, column = row + piece.shape[0], column + piece.shape[1]
                weights.append(block)
            biases.append(np.concatenate(shifts))
        return dataclasses.replace(parts[0], weights=tuple(weights), biases=tuple(biases))


class TiledField(torch.nn.Module):
    """Thousands of tiny MLPs, one for each tile of the square (and entry), selected by address.

    Reiser et al., "KiloNeRF", 2021. The MLPs are stored as batched matrices [tiles, in, out]; a batch is sorted by
    tile, padded to the largest count, and multiplied at once. Inputs are the place within the tile in -1..1.
    """

    def __init__(self, outputs: int, tiles: int, width: int, seed: int = 0, entries: int = 1, omega: float = 4.0):
        super().__init__()
        if tiles < 1 or tiles**2 * entries > MOST_TILES:
            raise InputError(f"{tiles} x {tiles} tiles of {entries} entries: give 1 to {MOST_TILES} networks in all")
        self.tiles, count = tiles, tiles**2 * entries
        generator = torch.Generator().manual_seed(seed)
        weights, biases = [], []
        sizes = (2, width, width, outputs)
        for k in range(3):
            # The answers start near 0: what thousands of networks would start with is noise.
            bound = omega / 2 if k == 0 else math.sqrt(6 / sizes[k]) * (1 if k == 1 else 0.1)
            matrix = (2 * torch.rand(count, sizes[k], sizes[k + 1], generator=generator) - 1) * bound
            shift = (2 * torch.rand(count, sizes[k + 1], generator=generator) - 1) * (math.pi if k == 0 else 0)
            weights.append(torch.nn.Parameter(matrix))
            biases.append(torch.nn.Parameter(shift))
        self.weights, self.biases = torch.nn.ParameterList(weights), torch.nn.ParameterList(biases)

    def address(self, entry: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
        """The network that answers, int64 [N], and the place within its tile, [N, 2] in -1..1."""
        cell = (uv * self.tiles).long().clamp(0, self.tiles - 1)
        return (entry * self.tiles + cell[:, 1]) * self.tiles + cell[:, 0], 2 * (uv * self.tiles - cell) - 1

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        tile, place = self.address(entry, uv)
        order = torch.argsort(tile, stable=True)
        present, counts = torch.unique_consecutive(tile[order], return_counts=True)
        row = torch.repeat_interleave(torch.arange(len(present), device=uv.device), counts)
        column = torch.arange(len(tile), device=uv.device) - torch.repeat_interleave(
            counts.cumsum(0) - counts, counts
        )
        values = uv.new_zeros(len(present), int(counts.max()), 2)
        values[row, column] = place[order]
        for k, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.baddbmm(biases[present][:, None], values, weights[present])
            if k < 2:
                values = torch.sin(values)
        answers = torch.empty(len(tile), values.shape[2], device=uv.device, dtype=values.dtype)
        answers[order] = values[row, column]
        return answers


class ResidualField(torch.nn.Module):
    """A deep residual MLP over Fourier features of the ray: the light-field student, or teacher, of R2L.

    Wang et al., "R2L: Distilling Neural Radiance Field to Neural Light Field", 2022: 88 layers there; `blocks` blocks
    of two here, h + relu(W2 relu(W1 h)), the second layer of each starting at 0.
    """

    def __init__(self, outputs: int, width: int, blocks: int, scale: float = 4.0, seed: int = 0):
        super().__init__()
        self.first = FieldModel(parse(f"fourier({width // 2}, {scale:g}) -> relu -> {width}"), 1, seed)
        generator = torch.Generator().manual_seed(seed + 3)
        self.blocks = torch.nn.ModuleList()
        for _ in range(blocks):
            pair = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, width))
            with torch.no_grad():
                pair[0].weight.normal_(0, math.sqrt(2 / width), generator=generator)  # type: ignore[operator]
                pair[0].bias.zero_()  # type: ignore[operator]
                pair[2].weight.zero_()  # type: ignore[operator]
                pair[2].bias.zero_()  # type: ignore[operator]
            self.blocks.append(pair)
        self.last = torch.nn.Linear(width, outputs)
        with torch.no_grad():
            self.last.weight.normal_(0, 0.1 / math.sqrt(width), generator=generator)
            self.last.bias.fill_(0.5)

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        values = torch.relu(self.first(entry, uv))
        for block in self.blocks:
            values = values + block(values)
        answers: Tensor = self.last(values)
        return answers


class EncodedField(torch.nn.Module):
    """Any encoding module with `features` and a ReLU MLP behind it: SAPE's masks, Gaussian bumps, several at once."""

    def __init__(self, encodings: Sequence[torch.nn.Module], hidden: Sequence[int], outputs: int, seed: int = 0):
        super().__init__()
        self.encodings = torch.nn.ModuleList(encodings)
        features = sum(int(encoding.features) for encoding in encodings)  # type: ignore[arg-type, misc]
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for width in (*hidden, outputs):
            layer = torch.nn.Linear(features, width)
            with torch.no_grad():
                layer.weight.normal_(0, math.sqrt(2 / features), generator=generator)
                layer.bias.zero_()
            layers += [layer, torch.nn.ReLU()]
            features = width
        self.mlp = torch.nn.Sequential(*layers[:-1])

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        answers: Tensor = self.mlp(torch.cat([encoding(entry, uv) for encoding in self.encodings], 1))
        return answers
