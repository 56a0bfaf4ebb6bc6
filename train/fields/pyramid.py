"""Multi-resolution texels of a picture as whole numbers, found by sparse coding under a price for bits.

A picture is written as a sum of bilinearly read levels, finer and finer; `solve` finds few and small whole texels,
and `begin` puts them into a field model whose network starts as that sum and learns the rest
(`inkling.train.fields.training`). Their coding is `inkling.approx.fields.packing`. The idea of coded latents at many
resolutions and a small network behind them is that of Ladune et al., "COOL-CHIC", 2023; here they come from convex
steps (FISTA: Beck and Teboulle, 2009).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.models import FieldModel, Spec
from inkling.train.scenes.signals import Signal

Tensor = torch.Tensor

# Colours as ITU-T T.871 (JPEG) has them: luma, and two differences of colour.
LUMA = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
# Squared error of red, green and blue together that a unit of each gives.
SHARE = (1.0, 1.08, 0.825)
MOST_SYMBOL = 127
# Share of the magnitude of neighbours, and of the coarser level, that a texel's own is expected to have.
FLOOR, NEAR, ABOVE = 0.35, 1.1, 0.2
# The finest step is such that a bit costs SLOPE * step**2: uniform quantisation of fine steps has 2 ln 2 / 12 = 0.12;
# levels help each other here, and smaller steps were measured to be better.
SLOPE = 0.17


@dataclass(frozen=True, eq=False)
class Solved:
    """Levels from fine to coarse: symbols int16 [height, width, features], the step of each, and what was priced."""

    symbols: tuple[NDArray[np.int16], ...]
    steps: tuple[float, ...]
    mean: tuple[float, ...]

    @property
    def bits(self) -> list[int]:
        """4 where a level's symbols fit four bits, else 8."""
        return [4 if s.min() >= -8 and s.max() <= 7 else 8 for s in self.symbols]

    @property
    def tables(self) -> list[NDArray[np.int8]]:
        """Texels int8 [1, height, width, features]: symbols, moved up where eight bits leave room."""
        found = []
        for symbols, bits in zip(self.symbols, self.bits, strict=True):
            found.append((symbols << (0 if bits == 4 else _room(symbols))).astype(np.int8)[None])
        return found


def _room(symbols: NDArray[np.int16]) -> int:
    """By how many bits symbols of an 8-bit level can be moved up."""
    most = max(int(symbols.max()), -int(symbols.min()) - 1, 1)
    return 7 - most.bit_length()


def levels(height: int, width: int, channels: int, finest: int) -> list[tuple[int, int, int]]:
    """Sizes from fine to coarse: every 2**finest-th texel, then half as many, down to some ten a side.

    The finest level, and every level of all texels or half of them, has luma alone.
    """
    coarsest = max(finest + 1, round(math.log2(max(min(height, width), 16) / 8)))
    return [
        (
            max(2, math.ceil((height - 1) / 2**k) + 1),
            max(2, math.ceil((width - 1) / 2**k) + 1),
            1 if k <= max(finest, 1) else channels,
        )
        for k in range(finest, coarsest + 1)
    ]


def blending(size: int, texels: int) -> Tensor:
    """float32 [size, texels]: how a line's pixels blend its texels, as
    `inkling.approx.reference.operations.GridRead` does.
    """
    codes = np.minimum(np.arange(size, dtype=np.int64) * 2**16 // max(size - 1, 1), 2**16 - 1)
    at = codes * (texels - 1)
    first, share = at >> 16, (at >> 9 & 127) / 128
    matrix = np.zeros((size, texels), np.float32)
    matrix[np.arange(size), first] += (1 - share).astype(np.float32)
    matrix[np.arange(size), first + 1] += share.astype(np.float32)
    return torch.from_numpy(matrix)


class Solver:
    """One picture and its levels; `solve` may be called for many prices."""

    def __init__(self, signal: Signal, finest: int) -> None:
        if signal.shape is None:
            raise InputError(f"{signal.name}: texels of many resolutions are found for pictures only")
        height, width = signal.shape
        pixels = torch.from_numpy(signal.values.reshape(height, width, -1))
        self.channels = pixels.shape[2]
        self.colours = torch.tensor(LUMA) if self.channels == 3 else torch.eye(self.channels)
        self.share = torch.tensor(SHARE if self.channels == 3 else (1.0,) * self.channels)[:, None, None]
        picture = (pixels @ self.colours.T).permute(2, 0, 1).contiguous()
        self.mean = picture.mean((1, 2), keepdim=True)
        self.picture = picture - self.mean
        self.sizes = levels(height, width, self.channels, finest)
        self.down = [blending(height, h) for h, _, _ in self.sizes]
        self.across = [blending(width, w) for _, w, _ in self.sizes]

    def solve(self, price: float, rounds: int = 8) -> Solved:
        """Whole texels that make squared error + price * bits small; price: squared error (of 0..1) for a bit.

        Both are means over pixels. From coarse to fine: `rounds` steps of FISTA on all levels not yet whole, then the
        coarsest is rounded, so that the finer ones make up for it. What a bit costs is estimated from the neighbours'
        magnitude.
        """
        count = len(self.sizes)
        # The coarser a level, the more pixels a texel's error spoils.
        steps = [math.sqrt(price / SLOPE) * 2.0**-k for k in range(count)]
        now = [torch.zeros(f, h, w) for h, w, f in self.sizes]
        ahead = [z.clone() for z in now]
        spread = [torch.full_like(z, 0.5) for z in now]
        reach = [v.sum(0)[:, None] * u.sum(0)[None] for v, u in zip(self.down, self.across, strict=True)]
        for coarsest in reversed(range(count)):
            momentum = 1.0
            for turn in range(rounds):
                error = self.blend(ahead, steps) - self.picture
                after = (1 + math.sqrt(1 + 4 * momentum * momentum)) / 2
                for k in range(coarsest + 1):
                    f, unit = len(now[k]), 2 * steps[k] / self.channels
                    slope = self.down[k].T @ (error[:f] * self.share[:f]) @ self.across[k] * unit
                    curve = unit * steps[k] * 1.08 * (coarsest + 1) * reach[k]
                    moved = ahead[k] - slope / curve
                    least = price / (spread[k] * math.log(2)) / curve
                    moved = torch.sign(moved) * (moved.abs() - least).clamp(min=0, max=MOST_SYMBOL)
                    ahead[k] = moved + (momentum - 1) / after * (moved - now[k])
                    now[k] = moved
                momentum = after
                if turn % 4 == 3:
                    spread = self.expected(now)
            now[coarsest] = torch.round(now[coarsest])
            ahead = [z.clone() for z in now]
        symbols = tuple(z.permute(1, 2, 0).numpy().astype(np.int16) for z in now)
        return Solved(symbols, tuple(steps), tuple(float(x) for x in self.mean.ravel()))

    def blend(self, texels: list[Tensor], steps: list[float]) -> Tensor:
        """The sum of all levels, [channels, height, width]."""
        total = torch.zeros_like(self.picture)
        for z, step, v, u in zip(texels, steps, self.down, self.across, strict=True):
            total[: len(z)] += (v @ z @ u.T) * step
        return total

    def expected(self, texels: list[Tensor]) -> list[Tensor]:
        """The magnitude that is expected of each texel from those around it and from the coarser level."""
        found: list[Tensor] = []
        coarser: Tensor | None = None
        for z in reversed(texels):
            size = z.abs()
            around = torch.nn.functional.avg_pool2d(size[None], 3, 1, 1)[0] * 9 / 8 - size / 8
            above = around
            if coarser is not None and len(coarser) >= len(z):
                above = torch.nn.functional.interpolate(coarser[None, : len(z)], size=z.shape[1:])[0]
            found.append(FLOOR + NEAR * around + ABOVE * above)
            coarser = size
        return found[::-1]


def fit(
    solver: Solver,
    most: int,
    size: Callable[[Solved], int],
    price: float,
    tell: Callable[[int, int], None] = lambda number, size: None,
    tries: int = 5,
) -> tuple[float, Solved] | None:
    """The least price found whose texels take at most `most` bytes, as `size` counts them, and the texels; or None.

    The search begins with `price`, tells the number and the bytes of each try, and ends within 4 % of the room or
    after `tries`, or after twice as many where nothing fits. Bytes fall about as price**-0.8.
    """
    low, high = 0.0, math.inf  # prices known to be too small, and large enough
    best: Solved | None = None
    for number in range(1, 2 * tries + 1):
        if number > tries and best is not None:
            break
        solved = solver.solve(price)
        found = size(solved)
        tell(number, found)
        if found <= most:
            high, best = price, solved
            if found >= 0.96 * most:
                break
        else:
            low = price
        guess = price * max(0.1, min(10.0, (found / (0.982 * max(most, 1))) ** 1.25))
        price = guess if low < guess < high else math.sqrt(max(low, high / 10) * min(high, 10 * low or high))
    return None if best is None else (high, best)


def notation(solver: Solver, hidden: str) -> str:
    """The field of a picture's levels and these hidden widths."""
    sizes = ", ".join(f"{h}x{w}x{f}" for h, w, f in solver.sizes)
    return f"grid({sizes}) -> {hidden} relu -> {solver.channels}"


# Training that is aware of the integers from its first step; hidden values live in 0..1.
AWARE = Quantisation(grid_bits=8, clip=1.0, noise=0.0, begin=0.0)


def begin(
    solver: Solver, solved: Solved, spec: Spec, seed: int = 0, quantisation: Quantisation | None = AWARE
) -> FieldModel:
    """A model with these texels, which stay as they are, and a network that starts as the sum of the levels.

    Each layer hands the channels on; what remains of its neurons starts at random, with little say. Raises InputError
    for a network narrower than the channels.
    """
    channels = solver.channels
    if not spec.hidden or min(spec.hidden) < channels:
        raise InputError(f"the network needs hidden layers at least {channels} wide")
    model = FieldModel(spec, 1, seed, quantisation)
    assert model.grids is not None
    # 4-bit texels count eighths, 8-bit ones 128ths; the model's are 128ths of 8 bits, whose reading is the same.
    at, first = 0, torch.zeros(channels, model.grids.features)
    for k, (table, bits, step) in enumerate(zip(solved.tables, solved.bits, solved.steps, strict=True)):
        wide = table.astype(np.float32) / (8 if bits == 4 else 128)
        model.grids.tables[k].data.copy_(torch.from_numpy(wide.reshape(-1, wide.shape[3])))
        model.grids.tables[k].requires_grad_(False)
        unit = 1 / 8 if bits == 4 else 2.0 ** _room(solved.symbols[k]) / 128
        for f in range(wide.shape[3]):
            first[f, at + f] = step / unit
        at += wide.shape[3]
    back = torch.linalg.inv(solver.colours)
    # Differences of colour are moved to 0..1, where hidden values live.
    moved = torch.tensor([0.0] + [0.5] * (channels - 1))
    last = len(model.layers) - 1
    with torch.no_grad():
        for number, layer in enumerate(model.layers):
            weight, bias = (getattr(layer, name) for name in ("weight", "bias"))
            if number == last:
                weight.mul_(0.03)
                weight[:, :channels] = back
                bias.copy_(-back @ moved)
            else:
                weight[:channels] = first if number == 0 else torch.eye(channels, weight.shape[1])
                bias[:channels] = torch.tensor(solved.mean) + moved if number == 0 else 0.0
    return model
