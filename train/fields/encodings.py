"""Encodings as torch modules, (entry, uv) to features: bilinear grids, Fourier features, masks, Gaussian bumps.

What follows an encoding is in `inkling.train.fields.models`; choosing Fourier frequencies by spectrum is
`inkling.train.fields.spectrum`. Sources: multi-resolution grids: Mueller et al., Instant NGP, 2022; Fourier features:
Tancik et al., 2020; SAPE: Hertz et al., 2021; Gaussian bumps: NeuRBF, Chen et al., 2023, here with isotropic kernels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Quantisation:
    """Quantisation-aware training, in the steps of the integer fields.

    grid_bits: 8 or 4, texels are multiples of 2**(1 - grid_bits) in [-1, 1); weight_bits: weights are multiples of a
    power of two per layer, chosen so that the largest fits; activation_bits: hidden ReLUs are clipped to
    [0, clip) and floored to multiples of clip / 2**activation_bits, clip a power of two; fraction_bits: of the
    position between texels. Training has stages: until the share `noise` of its steps values are only clamped, then
    texels carry uniform noise of one step (as in Balle et al., 2017), from `begin` on everything is rounded and
    learns on with straight-through gradients, and from `freeze` on, if that is later, texels stay as they are.
    """

    grid_bits: int = 8
    weight_bits: int = 8
    activation_bits: int = 8
    clip: float = 4.0
    fraction_bits: int = 7
    noise: float = 0.3
    begin: float = 0.7
    freeze: float = 0.7


def straight_through(exact: Tensor, rounded: Tensor) -> Tensor:
    """The rounded value with the exact one's gradient (Bengio et al., 2013)."""
    return exact + (rounded - exact).detach()


def clamp_texels(table: Tensor, bits: int) -> Tensor:
    """Texels clamped to the range of signed codes of `bits` bits, [-1, 1)."""
    return table.clamp(-1, 1 - 2.0 ** (1 - bits))


def quantise_texels(table: Tensor, bits: int) -> Tensor:
    """Texels clamped and rounded to signed codes of `bits` bits, as multiples of 2**(1 - bits)."""
    half = 2.0 ** (bits - 1)
    clamped = clamp_texels(table, bits)
    return straight_through(clamped, torch.round(clamped * half) / half)


def quantise_weights(weights: Tensor, bits: int) -> Tensor:
    """Rounded to -(2**(bits-1) - 1)..2**(bits-1) - 1 steps of the smallest power of two that holds the largest."""
    most = 2.0 ** (bits - 1) - 1
    step = torch.exp2(torch.ceil(torch.log2(weights.detach().abs().amax().clamp(min=2.0**-30) / most)))
    return straight_through(weights, torch.round(weights / step).clamp(-most, most) * step)


class _Read(torch.autograd.Function):
    """Weighted sums of rows: index int64 [N, 4], share [N, 4], table [rows, features] -> [N, features].

    As `embedding_bag`, whose own backward pass for the table sorts the indices and takes ten times as long on a CPU.
    The shares get no gradient.
    """

    @staticmethod
    def forward(context: Any, index: Tensor, share: Tensor, table: Tensor) -> Tensor:
        context.save_for_backward(index, share)
        context.rows = len(table)
        return torch.nn.functional.embedding_bag(index, table, mode="sum", per_sample_weights=share)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[None, None, Tensor]:
        index, share = context.saved_tensors
        spread = (share[:, :, None] * gradient[:, None]).view(-1, gradient.shape[1])
        table = gradient.new_zeros(context.rows, gradient.shape[1])
        return None, None, table.index_add_(0, index.view(-1), spread)


class GridEncoding(torch.nn.Module):
    """Levels of texels, each [entries or 1, height, width, features], read bilinearly and concatenated.

    forward: entry int64 [N], uv float32 [N, 2] -> [N, features]. `levels` are (height, width, features); `shared`
    counts how many of the last levels have one entry for all. 16 features a level at most are useful.
    """

    def __init__(
        self,
        levels: Sequence[tuple[int, int, int]],
        entries: int,
        seed: int,
        quantisation: Quantisation | None = None,
        shared: int = 0,
        spread: float = 0.05,
    ):
        super().__init__()
        if quantisation is not None:
            # Texels that all round to 0 would leave the first layer without a gradient.
            spread = max(spread, 2.0 ** (2 - quantisation.grid_bits))
        generator = torch.Generator().manual_seed(seed)
        self.levels, self.quantisation, self.rounding = tuple(levels), quantisation, True
        self.noise: int | None = None
        self.frozen = False
        self.entries = tuple(entries if k < len(self.levels) - shared else 1 for k in range(len(self.levels)))
        self.tables = torch.nn.ParameterList(
            torch.nn.Parameter((2 * torch.rand(count * h * w, f, generator=generator) - 1) * spread)
            for (h, w, f), count in zip(self.levels, self.entries, strict=True)
        )
        self.features = sum(level[2] for level in self.levels)

    def table(self, number: int) -> Tensor:
        """The texels of a level as they are read, [entries * height * width, features]."""
        table: Tensor = self.tables[number]
        if self.quantisation is None:
            return table
        bits = self.quantisation.grid_bits
        if self.rounding:
            return quantise_texels(table, bits).detach() if self.frozen else quantise_texels(table, bits)
        table = clamp_texels(table, bits)
        if self.noise is None:
            return table
        generator = torch.Generator(table.device).manual_seed(self.noise + number)
        return table + (torch.rand(table.shape, generator=generator, device=table.device) - 0.5) * 2.0 ** (1 - bits)

    def progressed(self, progress: float) -> None:
        """Enter the stage of quantisation that belongs to a share of training."""
        if self.quantisation is not None:
            self.rounding = progress >= self.quantisation.begin
            self.frozen = self.rounding and progress >= self.quantisation.freeze
            noisy = self.quantisation.noise <= progress and not self.rounding
            # The noise depends on the step alone, so that a resumed training meets the same.
            self.noise = int(progress * 1e9) if noisy else None

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        parts = []
        for number, ((height, width, _), count) in enumerate(zip(self.levels, self.entries, strict=True)):
            x, y = uv[:, 0] * (width - 1), uv[:, 1] * (height - 1)
            x0 = x.floor().clamp(0, max(width - 2, 0))
            y0 = y.floor().clamp(0, max(height - 2, 0))
            fx, fy = x - x0, y - y0
            if self.quantisation is not None and self.rounding:
                unit = 2.0**self.quantisation.fraction_bits
                fx, fy = torch.floor(fx * unit) / unit, torch.floor(fy * unit) / unit
            corner = y0.long() * width + x0.long()
            if count > 1:
                corner = corner + entry * (height * width)
            right, down = min(width - 1, 1), min(height - 1, 1) * width
            index = torch.stack([corner, corner + right, corner + down, corner + down + right], 1)
            share = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], 1)
            table = self.table(number)
            read: Tensor = _Read.apply(index, share.to(table.dtype), table)  # type: ignore[no-untyped-call]
            if self.quantisation is not None and self.rounding:  # a blend is rounded once, to 8 bits
                read = straight_through(read, torch.round(read * 128).clamp(-128, 127) / 128)
            parts.append(read)
        return torch.cat(parts, 1)


def arcs(turns: Tensor) -> Tensor:
    """A parabola arc for each half turn, in place of sin(2 pi x): `inkling.train.fields.float_field.activate`'s
    periodic_quadratic.
    """
    g = turns - torch.floor(turns + 0.5)
    return 16 * g * (0.5 - g.abs())


class Fourier(torch.nn.Module):
    """sin(2 pi (B x)) and cos, x = 2 uv - 1; B float32 [frequencies, 2] is fixed, drawn from a normal of `scale`.

    forward -> [N, 2 * frequencies]: the sines, then the cosines; with `arcs`, parabola arcs in place of both.
    """

    matrix: Tensor

    def __init__(self, frequencies: int, scale: float, seed: int, matrix: Tensor | None = None, arcs: bool = False):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(frequencies, 2, generator=generator) * scale
        self.register_buffer("matrix", drawn if matrix is None else matrix)
        self.features, self.arcs = 2 * len(self.matrix), arcs

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        del entry
        if self.arcs:
            turns = (2 * uv - 1) @ self.matrix.T
            return torch.cat([arcs(turns), arcs(turns + 0.25)], 1)
        turns = 2 * math.pi * (2 * uv - 1) @ self.matrix.T
        return torch.cat([torch.sin(turns), torch.cos(turns)], 1)


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
        self.fourier = Fourier(0, 0, 0, fourier.matrix[order])
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
