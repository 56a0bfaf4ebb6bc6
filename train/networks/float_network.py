"""`FloatNetwork`: a trained multilayer perceptron as plain frozen arrays, with what turning it to integers needs.

How it is trained lives in `inkling.train.networks.training`; how it becomes integers lives in
`inkling.approx.quantise.networks`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Floats: TypeAlias = NDArray[np.float64]
Kind: TypeAlias = Literal["float", "power_of_two"]


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """Dense layers with a clipped ReLU between them; the inputs are codes / 2**bits, so they lie in [0, 1).

    weights: per layer float64 [outputs, inputs]; biases: per layer float64 [outputs]; input_bits: one per column
    of the table, in its order; clip: upper end of the activation; activation_bits: the hidden values are floored
    to multiples of clip / 2**activation_bits (None: not at all). Of kind "power_of_two" every weight is 0 or
    +-2**k, and every bias is a multiple of the layer's smallest possible product (`bias_steps`, one per layer).
    train_accuracy and validation_accuracy are of exactly this network, fractions of 1.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    input_bits: tuple[int, ...]
    kind: Kind
    clip: float
    activation_bits: int | None
    bias_steps: tuple[float, ...] | None
    train_accuracy: float
    validation_accuracy: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Inputs, hidden units of each layer, outputs."""
        return (self.weights[0].shape[1], *(len(bias) for bias in self.biases))

    @property
    def size(self) -> int:
        """Number of weights that are not zero: the summands that a bespoke circuit adds."""
        return sum(int(np.count_nonzero(weights)) for weights in self.weights)

    def scale(self, codes: NDArray[np.uint8]) -> Floats:
        """Codes, uint8 [rows, columns], to the network's inputs, float64 of the same shape."""
        scaled: Floats = codes / 2.0 ** np.array(self.input_bits)
        return scaled

    def scores(self, codes: NDArray[np.uint8]) -> Floats:
        """Codes, uint8 [rows, columns], to float64 [rows, classes]."""
        values = self.scale(codes)
        for number, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                values = np.clip(values, 0, self.clip)
                if self.activation_bits is not None:
                    step = self.clip / 2**self.activation_bits
                    values = np.minimum(np.floor(values / step) * step, self.clip - step)
            values = values @ weights.T + bias
        return values

    def predict(self, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Codes, uint8 [rows, columns], to class indices, int64 [rows]; among equal scores the lowest wins."""
        labels: NDArray[np.int64] = self.scores(codes).argmax(axis=1)
        return labels

    def module(self) -> "torch.nn.Sequential":
        """The network as a float64 torch module: inputs in [0, 1), [rows, columns], to scores [rows, classes]."""
        import torch

        clip, bits = self.clip, self.activation_bits

        class FlooredReLU(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y: torch.Tensor = x.clamp(0, clip)
                if bits is None:
                    return y
                step = clip / 2**bits
                floored = (torch.floor(y / step) * step).clamp(max=clip - step)
                # Straight-through: the gradient is the clipped ReLU's.
                straight: torch.Tensor = y + (floored - y).detach()
                return straight

        layers: list[torch.nn.Module] = []
        for number, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                layers.append(FlooredReLU())
            dense = torch.nn.Linear(weights.shape[1], weights.shape[0], dtype=torch.float64)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(weights))
                dense.bias.copy_(torch.from_numpy(bias))
            layers.append(dense)
        return torch.nn.Sequential(*layers)
