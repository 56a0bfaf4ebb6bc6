"""Encodings as torch modules, (entry, uv) to features: bilinear grids and Fourier features.

What follows an encoding is in `inkling.train.fields.models`. Sources: multi-resolution grids: Mueller et al., Instant
NGP, 2022; Fourier features: Tancik et al., 2020.
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
    """Levels of texels, each [entries, height, width, features], read bilinearly and concatenated.

    forward: entry int64 [N], uv float32 [N, 2] -> [N, features]. `levels` are (height, width, features). 16 features
    a level at most are useful.
    """

    def __init__(
        self,
        levels: Sequence[tuple[int, int, int]],
        entries: int,
        seed: int,
        quantisation: Quantisation | None = None,
    ):
        super().__init__()
        # Texels that all round to 0 would leave the first layer without a gradient.
        spread = 0.05 if quantisation is None else max(0.05, 2.0 ** (2 - quantisation.grid_bits))
        generator = torch.Generator().manual_seed(seed)
        self.levels, self.quantisation, self.rounding = tuple(levels), quantisation, True
        self.noise: int | None = None
        self.frozen = False
        self.entries = entries
        self.tables = torch.nn.ParameterList(
            torch.nn.Parameter((2 * torch.rand(entries * h * w, f, generator=generator) - 1) * spread)
            for h, w, f in self.levels
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
        for number, (height, width, _) in enumerate(self.levels):
            x, y = uv[:, 0] * (width - 1), uv[:, 1] * (height - 1)
            x0 = x.floor().clamp(0, max(width - 2, 0))
            y0 = y.floor().clamp(0, max(height - 2, 0))
            fx, fy = x - x0, y - y0
            if self.quantisation is not None and self.rounding:
                unit = 2.0**self.quantisation.fraction_bits
                fx, fy = torch.floor(fx * unit) / unit, torch.floor(fy * unit) / unit
            corner = y0.long() * width + x0.long()
            if self.entries > 1:
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

    def __init__(self, frequencies: int, scale: float, seed: int, arcs: bool = False):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("matrix", torch.randn(frequencies, 2, generator=generator) * scale)
        self.features, self.arcs = 2 * len(self.matrix), arcs

    def forward(self, entry: Tensor, uv: Tensor) -> Tensor:
        del entry
        if self.arcs:
            turns = (2 * uv - 1) @ self.matrix.T
            return torch.cat([arcs(turns), arcs(turns + 0.25)], 1)
        turns = 2 * math.pi * (2 * uv - 1) @ self.matrix.T
        return torch.cat([torch.sin(turns), torch.cos(turns)], 1)
