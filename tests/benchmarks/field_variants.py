"""Field models of the literature that grids are compared with, by `bench_fields_variants.py`: none of them won.

CAM, progressive levels (PINs), tiles (KiloNeRF), residual MLPs (R2L), spatially adaptive masks (SAPE: Hertz et al.,
2021), Gaussian bumps (NeuRBF: Chen et al., 2023, here with isotropic kernels), and the tasks that train them. All
take entry int64 [N] and uv [N, 2] as every field model does, and are trained by the same loop.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.fields.encodings import Fourier, GridEncoding, Quantisation
from inkling.train.fields.float_field import F32, Activation, FloatField
from inkling.train.fields.models import FieldModel, Spec, activation, parse
from inkling.train.fields.tasks import SignalTask
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
        self.modulation = GridEncoding([(size, size, 2 * len(self.base.spec.hidden))], 1, seed + 2)
        with torch.no_grad():
            self.modulation.tables[0].mul_(0.2)  # scales near 1 and shifts near 0

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


class Sape(torch.nn.Module):
    """Spatially adaptive progressive encoding: a coarse grid of masks over Fourier features sorted by frequency.

    At every place frequencies are let in one after the other while the loss there stays above `threshold`; where it
    is low the mask stops (Hertz et al., "SAPE", 2021). `advance` is called with places and their losses. The masks
    are a buffer [1, cells, cells] of how many frequencies are open; the lowest `start` always are.
    """

    opened: Tensor

    def __init__(self, fourier: Fourier, cells: int, rate: float, threshold: float, start: float = 2.0):
        super().__init__()
        order = fourier.matrix.norm(dim=1).argsort()
        self.fourier = Fourier(len(order), 0, 0)
        self.fourier.matrix = fourier.matrix[order]
        self.rate, self.threshold, self.cells = rate, threshold, cells
        self.register_buffer("opened", torch.full((1, cells, cells), float(start)))
        self.features = self.fourier.features

    def mask(self, uv: Tensor) -> Tensor:
        """[N, frequencies] in 0..1, bilinear in uv."""
        where = (2 * uv - 1).view(1, 1, -1, 2)
        opened = torch.nn.functional.grid_sample(self.opened[None], where, align_corners=False, padding_mode="border")
        ranks = torch.arange(len(self.fourier.matrix), device=uv.device)
        mask: Tensor = (opened.view(-1, 1) - ranks).clamp(0, 1)
        return mask

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        features = self.fourier(entry, uv)
        masked: Tensor = torch.cat([self.mask(uv)] * 2, 1) * features
        return masked

    @torch.no_grad()
    def advance(self, uv: Tensor, losses: Tensor) -> None:
        """Open more frequencies in the cells whose mean loss, of float [N] at uv [N, 2], is above the threshold."""
        cell = (uv * self.cells).long().clamp(0, self.cells - 1)
        flat = cell[:, 1] * self.cells + cell[:, 0]
        total = torch.zeros(self.cells**2, device=uv.device).index_add_(0, flat, losses)
        count = torch.zeros(self.cells**2, device=uv.device).index_add_(0, flat, torch.ones_like(losses))
        grows = (total / count.clamp(min=1) > self.threshold) & (count > 0)
        self.opened.view(-1)[grows] += self.rate
        self.opened.clamp_(max=float(len(self.fourier.matrix)))


class GaussianBumps(torch.nn.Module):
    """Gaussian bumps on a low-resolution grid, with trained centres, widths and features (NeuRBF, isotropic).

    A place sees the 3 x 3 bumps around it: features = sum of feature * exp(-(distance / width)**2 / 2), multiplied
    by sines of `waves` multiples as in NeuRBF's harmonic RBF when waves > 0.
    """

    def __init__(self, size: int, features: int, seed: int, waves: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        line = torch.linspace(0, 1, size)
        v, u = torch.meshgrid(line, line, indexing="ij")
        self.centres = torch.nn.Parameter(torch.stack([u.ravel(), v.ravel()], 1))
        self.log_widths = torch.nn.Parameter(torch.full((size * size,), math.log(0.7 / (size - 1))))
        self.weights = torch.nn.Parameter(torch.randn(size * size, features, generator=generator) * 0.1)
        self.size, self.waves = size, waves
        self.features = features * (1 + waves)

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        del entry
        near = (uv * (self.size - 1)).round().long()
        around = torch.arange(-1, 2, device=uv.device)
        dy, dx = (part.reshape(1, -1) for part in torch.meshgrid(around, around, indexing="ij"))
        x, y = near[:, :1] + dx, near[:, 1:] + dy
        inside = (x >= 0) & (y >= 0) & (x < self.size) & (y < self.size)
        index = y.clamp(0, self.size - 1) * self.size + x.clamp(0, self.size - 1)
        squared = ((uv[:, None] - self.centres[index]) ** 2).sum(2) * torch.exp(-2 * self.log_widths[index])
        bump = torch.exp(-squared / 2) * inside
        read = torch.nn.functional.embedding_bag(index, self.weights, mode="sum", per_sample_weights=bump)
        waves = [torch.sin(2.0**k * math.pi * read) for k in range(self.waves)]
        return torch.cat([read, *waves], 1)


@dataclass(frozen=True, eq=False)
class WatchedTask(SignalTask):
    """watch is called with a batch and the squared error of each sample, float [N]: what advances SAPE's masks."""

    watch: Callable[[dict[str, Tensor], Tensor], None] = lambda batch, losses: None

    def loss(self, model: torch.nn.Module, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared = (model(batch["entry"], batch["uv"]).float() - batch["value"]) ** 2
        self.watch(batch, squared.detach().mean(1))
        loss: Tensor = squared.mean()
        return loss


@dataclass(frozen=True, eq=False)
class LevelsTask:
    """Every level of detail of a progressive model is trained at once; the model answers [levels, N, outputs]."""

    inner: SignalTask

    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        return self.inner.batch(step, shard)

    def loss(self, model: torch.nn.Module, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared: Tensor = (model(batch["entry"], batch["uv"]).float() - batch["value"][None]) ** 2
        return squared.mean()


@dataclass(frozen=True, eq=False)
class DistillTask:
    """Imitate a teacher at places drawn anew in every batch, so that it gives more samples than the data has.

    R2L (Wang et al., 2022) trains its deep residual student so on pseudo data, KiloNeRF (Reiser et al., 2021) its
    tiles. The teacher is asked in the thread that makes the batches.
    """

    teacher: torch.nn.Module
    size: int
    entries: int = 1
    seed: int = 0

    @torch.no_grad()
    def batch(self, step: int, shard: int) -> dict[str, NDArray[Any]]:
        rng = np.random.default_rng([self.seed, step, shard])
        entry = rng.integers(self.entries, size=self.size)
        uv = rng.random((self.size, 2), np.float32)
        device = next(self.teacher.parameters()).device
        asked = (torch.from_numpy(entry).to(device), torch.from_numpy(uv).to(device))
        return {"entry": entry, "uv": uv, "value": self.teacher(*asked).float().cpu().numpy()}

    def loss(self, model: torch.nn.Module, batch: dict[str, Tensor], progress: float) -> Tensor:
        del progress
        squared: Tensor = (model(batch["entry"], batch["uv"]).float() - batch["value"]) ** 2
        return squared.mean()
