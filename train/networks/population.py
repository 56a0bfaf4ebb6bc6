"""`Population`: the parameters of many one-hidden-layer perceptrons and the tensor program that trains them.

One step is a forward and a hand-written backward pass over a leading axis of members, with straight-through
gradients (Bengio et al., 2013) for power-of-two weights and floored activations, and Adam (Kingma and Ba, 2015)
with decoupled weight decay. When to take steps is decided in `inkling.train.networks.training`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from inkling.train.networks.float_network import FloatNetwork
from inkling.train.tables.dataset import Development, Rows

Tensor = torch.Tensor

# Exponents that the weights of one layer may have: the largest and the six below it.
EXPONENTS = 7
WEIGHT_DECAY = 1e-4
BETAS = (0.9, 0.99)
CLIP = 1.0


@dataclass(frozen=True)
class Member:
    """One network of a population: hidden units, L1 penalty, peak learning rate, bits of a hidden value."""

    hidden: int
    l1: float
    learning_rate: float
    activation_bits: int


class Layers(NamedTuple):
    """Views of a flat parameter tensor: [members, hidden, inputs], [members, hidden], then of the second layer."""

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor


def power_of_two(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest 0 or +-2**k for weights [members, outputs, inputs], k in the member's own window of EXPONENTS.

    All float32. Returns the weights and the window's smallest power, [members, 1, 1]; exact on every device.
    """
    # On the bits of float32: adding half of the mantissa's range carries into the exponent from 1.5 * 2**k on.
    magnitude = ((weights.contiguous().view(torch.int32) & 0x7FFFFFFF) + 0x00400000 & 0x7F800000).view(torch.float32)
    smallest = magnitude.amax(dim=(1, 2), keepdim=True).clamp(min=2.0**-20) * 2.0 ** (1 - EXPONENTS)
    magnitude = torch.maximum(magnitude, smallest)
    magnitude.masked_fill_(weights.abs() < 0.5 * smallest, 0)
    return torch.copysign(magnitude, weights), smallest


@dataclass
class Population:
    """The state of one program; arrays have the members first and the rows last.

    x, validation_x: float32 [inputs, rows]; y, validation_y: int64 [rows]; parameters and Adam's moments: float32
    [members, parameters]; mask: 1 where a parameter exists (narrow members are padded, and of two classes the
    first scores constantly 0); levels: 2**activation bits, [members, 1, 1].
    """

    x: Tensor
    y: Tensor
    validation_x: Tensor
    validation_y: Tensor
    parameters: Tensor
    mask: Tensor
    rates: Tensor
    l1: Tensor
    levels: Tensor
    hidden: list[int]
    classes: int
    input_bits: tuple[int, ...]
    quantised: bool

    def __post_init__(self) -> None:
        self.moment = torch.zeros_like(self.parameters)
        self.square = torch.zeros_like(self.parameters)
        self.updates = 0
        members = len(self.parameters)
        self.best = self.parameters.clone()
        self.best_correct = torch.full((members,), -1, dtype=torch.int64, device=self.device)
        self.gradient = torch.zeros_like(self.parameters)
        width = max(self.hidden)
        weights = torch.ones_like(self.parameters[:1])
        views = self.split(weights)
        views.first_bias.zero_()
        views.second_bias.zero_()
        self.decay = weights * WEIGHT_DECAY
        self.penalty = self.l1 * weights
        self.width = width

    @staticmethod
    def new(
        development: Development, members: "Sequence[Member]", quantised: bool, seed: int, device: torch.device
    ) -> "Population":
        """Random members on a device; the generator runs on the CPU, so a seed means the same on every device."""
        inputs, classes, width = len(development.columns), len(development.classes), max(m.hidden for m in members)
        count = len(members)
        generator = torch.Generator().manual_seed(seed)
        shapes = ((width, inputs), (width,), (classes, width), (classes,))
        first = torch.randn((count, *shapes[0]), generator=generator) * (1.5 / inputs**0.5)
        # Start with the units' edges inside the data: the inputs' mean is about a half.
        first_bias = 0.5 - 0.5 * first.sum(2) + 0.2 * torch.randn((count, width), generator=generator)
        second = torch.randn((count, *shapes[2]), generator=generator) * 1.5
        second_bias = torch.zeros((count, classes))
        exists = torch.tensor([[unit < m.hidden for unit in range(width)] for m in members], dtype=torch.float32)
        scored = torch.ones(classes)
        if classes == 2:
            scored[0] = 0
        ones = torch.ones((count, 1, 1))
        masks = (
            exists[:, :, None].expand(count, *shapes[0]),
            exists,
            exists[:, None, :] * scored[:, None] * ones,
            (scored * ones[:, 0]).expand(count, classes),
        )
        mask = torch.cat([m.reshape(count, -1) for m in masks], 1)
        flat = torch.cat([p.reshape(count, -1) for p in (first, first_bias, second, second_bias)], 1) * mask

        def place(rows: Rows) -> tuple[Tensor, Tensor]:
            scaled = (rows.codes / 2.0 ** np.array(development.input_bits)).astype(np.float32)
            return torch.from_numpy(np.ascontiguousarray(scaled.T)).to(device), torch.from_numpy(rows.labels).to(
                device
            )

        def per_member(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32)[:, None].to(device)

        return Population(
            *place(development.train),
            *place(development.validation),
            parameters=flat.to(device),
            mask=mask.to(device),
            rates=per_member([m.learning_rate for m in members]),
            l1=per_member([m.l1 for m in members]),
            levels=per_member([2.0**m.activation_bits for m in members])[:, :, None],
            hidden=[m.hidden for m in members],
            classes=classes,
            input_bits=development.input_bits,
            quantised=quantised,
        )

    @property
    def rows(self) -> int:
        return len(self.y)

    @property
    def device(self) -> torch.device:
        return self.parameters.device

    def split(self, flat: Tensor) -> Layers:
        """Views of the four parts of a tensor [members, parameters]."""
        inputs, width, count = len(self.x), max(self.hidden), len(flat)
        ends = np.cumsum([0, width * inputs, width, self.classes * width, self.classes])
        part = [flat[:, a:b] for a, b in pairwise(ends)]
        return Layers(part[0].view(count, width, inputs), part[1], part[2].view(count, self.classes, width), part[3])

    def effective(self, flat: Tensor) -> tuple[Layers, Tensor, Tensor]:
        """The parameters that compute: rounded where `quantised`. Also the bias steps, [members, 1] each."""
        layers = self.split(flat)
        none = torch.zeros((len(flat), 1), device=flat.device)
        if not self.quantised:
            return layers, none, none
        first, smallest = power_of_two(layers.first)
        first_step = smallest[:, :, 0] / 2 ** max(self.input_bits)
        second, smallest = power_of_two(layers.second)
        second_step = smallest[:, :, 0] / self.levels[:, :, 0]
        rounded = Layers(
            first,
            torch.round(layers.first_bias / first_step) * first_step,
            second,
            torch.round(layers.second_bias / second_step) * second_step,
        )
        return rounded, first_step, second_step

    def forward(self, layers: Layers, x: Tensor, floored: bool) -> tuple[Tensor, Tensor, Tensor]:
        """x [inputs, rows] to pre-activations and activations [members, hidden, rows], scores [.., classes, ..]."""
        count, width, inputs = layers.first.shape
        before = torch.addmm(layers.first_bias.reshape(-1, 1), layers.first.reshape(-1, inputs), x)
        before = before.view(count, width, -1)
        if floored:
            after = (before * self.levels).floor_().clamp_(min=0)
            after = torch.minimum(after, self.levels - 1, out=after).div_(self.levels)
        else:
            after = before.clamp(0, CLIP)
        return before, after, torch.baddbmm(layers.second_bias[:, :, None], layers.second, after)

    def gradients(self, layers: Layers, x: Tensor, y: Tensor, floored: bool) -> Tensor:
        """Of the mean cross-entropy, for every parameter: [members, parameters], a buffer that is used again.

        x: float32 [inputs, rows]; y: the labels as float32 [classes, rows] of zeros and ones.
        """
        before, after, scores = self.forward(layers, x, floored)
        wrong = torch.softmax(scores, 1)
        wrong -= y
        wrong /= y.shape[1]
        back = torch.bmm(layers.second.transpose(1, 2), wrong)
        back *= (before >= 0) & (before <= CLIP)
        parts = self.split(self.gradient)
        parts.first.copy_((back.view(-1, y.shape[1]) @ x.T).view(parts.first.shape))
        parts.first_bias.copy_(back.sum(2))
        parts.second.copy_(torch.bmm(wrong, after.transpose(1, 2)))
        parts.second_bias.copy_(wrong.sum(2))
        return self.gradient

    def shuffled(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The training rows in a random order: x [inputs, rows], y [classes, rows] of zeros and ones, float32."""
        order = torch.randperm(self.rows, generator=generator).to(self.device)
        y = torch.nn.functional.one_hot(self.y[order], self.classes).T
        return self.x[:, order], y.to(torch.float32).contiguous()

    @torch.no_grad()
    def step(self, x: Tensor, y: Tensor, factor: float, quantise: bool) -> None:
        """One update of all members on the same rows (as in `gradients`), with learning rates times `factor`.

        Without `quantise` weights and activations are those of a plain float network: a warm start.
        """
        layers = self.effective(self.parameters)[0] if quantise else self.split(self.parameters)
        gradient = self.gradients(layers, x, y, floored=quantise)
        gradient.addcmul_(self.penalty, torch.sign(self.parameters)).mul_(self.mask)
        self.updates += 1
        self.moment.lerp_(gradient, 1 - BETAS[0])
        self.square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        scale = (self.square / (1 - BETAS[1] ** self.updates)).sqrt_().add_(1e-8)
        change = self.moment / (1 - BETAS[0] ** self.updates) / scale
        change.addcmul_(self.decay, self.parameters)
        self.parameters.sub_(change.mul_(self.rates * factor))

    @torch.no_grad()
    def correct(self, flat: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Rows that each member labels correctly with floored activations, int64 [members]."""
        layers, _, _ = self.effective(flat)
        total = torch.zeros(len(flat), dtype=torch.int64, device=flat.device)
        for first in range(0, len(y), 2048):
            labels = y[first : first + 2048]
            scores = self.forward(layers, x[:, first : first + 2048], floored=True)[2]
            # The lowest index wins among equals: beat what comes before, match what comes after. (argmax over a
            # middle axis is an order of magnitude slower.)
            own = scores.gather(1, labels.expand(len(flat), 1, -1))[:, 0]
            before = torch.arange(self.classes, device=flat.device)[:, None] < labels
            hit = own >= scores.amax(1)
            hit &= own > scores.masked_fill_(~before, -torch.inf).amax(1)
            total += hit.sum(1)
        return total

    @torch.no_grad()
    def check(self) -> bool:
        """Keep the members that are at least as good on the validation rows as ever; True if one got better."""
        correct = self.correct(self.parameters, self.validation_x, self.validation_y)
        better = bool((correct > self.best_correct).any())
        keep = correct >= self.best_correct
        self.best[keep] = self.parameters[keep]
        self.best_correct = torch.maximum(correct, self.best_correct)
        return better

    def best_accuracy(self) -> float:
        """Best validation accuracy so far of any member."""
        return int(self.best_correct.max()) / max(1, len(self.validation_y))

    def networks(self, development: Development) -> list[FloatNetwork]:
        """Every member's best state, in order."""
        layers, *steps = self.effective(self.best)
        arrays = [part.cpu().double().numpy() for part in layers]
        bias_steps = [part[:, 0].cpu().double().tolist() for part in steps]
        train = self.correct(self.best, self.x, self.y).tolist()
        validation = self.correct(self.best, self.validation_x, self.validation_y).tolist()
        found = []
        for member, width in enumerate(self.hidden):
            found.append(
                FloatNetwork(
                    weights=(arrays[0][member, :width].copy(), arrays[2][member, :, :width].copy()),
                    biases=(arrays[1][member, :width].copy(), arrays[3][member].copy()),
                    input_bits=development.input_bits,
                    kind="power_of_two" if self.quantised else "float",
                    clip=CLIP,
                    activation_bits=int(self.levels[member, 0, 0]).bit_length() - 1,
                    bias_steps=(bias_steps[0][member], bias_steps[1][member]) if self.quantised else None,
                    train_accuracy=train[member] / len(self.y),
                    validation_accuracy=validation[member] / max(1, len(self.validation_y)),
                )
            )
        return found
