"""Second-order sensitivity: which bits of a network's sums may go at the least cost in loss, and starts so made.

Bits are signed digits of weights times bits of inputs or hidden values, as masks of
`inkling.approx.arithmetic.genome` hold them; terms between bits of different layers are kept, as in "Augmenting
Hessians with Inter-Layer Dependencies for Mixed-Precision Post-Training Quantization" (2023). The search that goes on
from there is `inkling.approx.arithmetic.search`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.arithmetic.genome import parts
from inkling.approx.arithmetic.kernel import Evaluator, Genome, Shape
from inkling.train.tables.dataset import Development

Floats = NDArray[np.float64]

MOST_BITS = 4000
ROWS = 500
REFRESHES = 24  # times that what each of the bits saves is counted anew, if all go
SCALES = 2.0 ** np.arange(-8, 3)


@dataclass(frozen=True, eq=False)
class Expansion:
    """Loss of a network without some of its bits: loss + gradient @ s + s @ hessian @ s / 2, s being 1 for bits gone.

    pieces: int64 [bits, 3], neuron, slot and bit; means: float64 [bits], what each adds to its sum on average, by
    which the neuron's bias grows when it goes.
    """

    loss: float
    pieces: NDArray[np.int64]
    means: Floats
    gradient: Floats
    hessian: Floats

    def predicted(self, gone: NDArray[np.bool_]) -> float:
        """The loss without the bits in `gone` [bits]."""
        s = gone.astype(float)
        return float(self.loss + self.gradient @ s + s @ self.hessian @ s / 2)


def scores(genome: Genome, shape: Shape, codes: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """Scores [rows, outputs], hidden values and hidden sums before the clipped ReLU [rows, hidden] of a genome."""
    held = parts(genome, shape)
    x = codes.astype(np.int64)
    sums = [_sum(held.terms[n], int(held.bias[n]), x) for n in range(shape.hidden)]
    hidden = np.stack(sums, axis=1)
    tops = (1 << held.bits.astype(np.int64)) - 1
    values = np.clip(hidden >> held.shift.astype(np.int64), 0, tops)
    found = [_sum(held.terms[n], int(held.bias[n]), values) for n in range(shape.hidden, shape.neurons)]
    return np.stack(found, axis=1).astype(float), values.astype(float), hidden.astype(float)


def loss(found: Floats, labels: NDArray[np.int64], scale: float) -> float:
    """Cross entropy of softmax(scale * scores) in nats a row."""
    z = scale * found
    z = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]))


def best_scale(found: Floats, labels: NDArray[np.int64]) -> float:
    """The power of two by which scores are best read as logits."""
    return float(min(SCALES, key=lambda scale: (loss(found, labels, float(scale)), scale)))


def expand(
    genome: Genome, shape: Shape, codes: NDArray[np.uint8], labels: NDArray[np.int64], scale: float
) -> Expansion:
    """The loss to second order (Gauss-Newton, which for a cross entropy is Fisher's information) around a genome.

    codes: uint8 [rows, inputs]; labels: int64 [rows].
    """
    held = parts(genome, shape)
    found, values, hidden = scores(genome, shape, codes)
    z = scale * found
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    wrong = p.copy()
    wrong[np.arange(len(labels)), labels] -= 1
    tops = (1 << held.bits.astype(np.int64)) - 1
    shifted = hidden / 2.0**held.shift
    slope = ((shifted > 0) & (shifted < tops + 1)) / 2.0**held.shift
    weight = np.zeros((shape.hidden, shape.outputs))
    for o in range(shape.outputs):
        for source, sign, shift, _ in held.terms[shape.hidden + o].tolist():
            weight[source, o] += sign * 2.0**shift
    pieces, means, moved = [], [], []
    for n in range(shape.neurons):
        values_in = codes.astype(np.int64) if n < shape.hidden else values.astype(np.int64)
        for slot, (source, sign, shift, mask) in enumerate(held.terms[n].tolist()):
            if not sign or (n < shape.hidden and not weight[n].any()):
                continue
            for bit in range(int(mask).bit_length()):
                ones = values_in[:, source] >> bit & 1
                if not mask >> bit & 1 or not ones.any():
                    continue
                share = sign * 2.0 ** (shift + bit)
                delta = -share * (ones - ones.mean())
                pieces.append((n, slot, bit))
                means.append(share * ones.mean())
                if n < shape.hidden:
                    moved.append((delta * slope[:, n])[:, None] * weight[n])
                else:
                    change = np.zeros_like(z)
                    change[:, n - shape.hidden] = delta
                    moved.append(change)
    dz = scale * np.array(moved).reshape(-1, *z.shape)  # [bits, rows, outputs]
    gradient = np.einsum("bro,ro->b", dz, wrong) / len(labels)
    # diag(p) - p p' is the square of this root.
    root = (dz - np.einsum("bro,ro->br", dz, p)[:, :, None]) * np.sqrt(p)
    flat = root.reshape(len(pieces), z.size).astype(np.float32)
    hessian = (flat @ flat.T).astype(float) / len(labels)
    numbers = np.array(pieces, np.int64).reshape(-1, 3)
    return Expansion(loss(found, labels, scale), numbers, np.array(means), gradient, hessian)


def without(genome: Genome, shape: Shape, expansion: Expansion, gone: NDArray[np.bool_]) -> Genome:
    """The genome without the bits in `gone` [bits], biases grown by their means."""
    made = genome.copy()
    held = parts(made, shape)
    bias = held.bias.astype(float)
    for (n, slot, bit), mean in zip(expansion.pieces[gone].tolist(), expansion.means[gone].tolist(), strict=True):
        held.terms[n, slot, 3] &= ~(1 << bit)
        if not held.terms[n, slot, 3]:
            held.terms[n, slot] = 0
        bias[n] += mean
    held.bias[:] = np.clip(np.rint(bias), -16000, 16000).astype(np.int16)
    return made


def smaller_starts(
    genome: Genome,
    shape: Shape,
    codes: NDArray[np.uint8],
    labels: NDArray[np.int64],
    evaluator: Evaluator,
    prices: Floats,
    shares: Sequence[float] = (0.6, 0.36, 0.2, 0.12),
) -> list[Genome]:
    """Genomes of about these shares of a genome's price: bits go by predicted loss for each price that is saved.

    codes, labels: training rows, of which some hundreds are looked at. The loss is expanded anew for each share. None
    for a genome of more than MOST_BITS bits.
    """
    # Memory goes with bits * rows * classes.
    bits = int((np.bitwise_count(parts(genome, shape).terms[:, :, 3].astype(np.uint16))).sum())
    if bits > MOST_BITS:
        return []
    step = max(len(labels) // ROWS, 1)
    codes, labels = codes[::step], labels[::step]
    whole = float(evaluator.features(genome)[0] @ prices)
    found: list[Genome] = []
    for share in shares:
        genome = _shrunk(genome, shape, codes, labels, evaluator, prices, share * whole)
        found.append(genome)
    return found


def thinned(
    starts: Sequence[Genome], shape: Shape, development: Development, prices: Floats, count: int
) -> list[Genome]:
    """Smaller starts from the `count` starts that label the training rows best; only training rows are seen."""
    rows = development.train
    ones = np.ones(len(rows.labels), np.int64)
    evaluator = Evaluator(shape, development.input_bits, rows.codes, rows.labels, ones)
    order = sorted(range(len(starts)), key=lambda k: (evaluator.errors(starts[k]), k))
    found: list[Genome] = []
    for k in order[:count]:
        found += smaller_starts(starts[k], shape, rows.codes, rows.labels, evaluator, prices)
    return found


def _shrunk(
    genome: Genome,
    shape: Shape,
    codes: NDArray[np.uint8],
    labels: NDArray[np.int64],
    evaluator: Evaluator,
    prices: Floats,
    target: float,
) -> Genome:
    """Bits taken away, greedily, until the price is down to `target`."""
    scale = best_scale(scores(genome, shape, codes)[0], labels)
    expansion = expand(genome, shape, codes, labels, scale)
    gone = np.zeros(len(expansion.pieces), bool)
    curvature = np.diag(expansion.hessian)
    while True:
        now = without(genome, shape, expansion, gone)
        price = float(evaluator.features(now)[0] @ prices)
        if price <= target or gone.all():
            return now
        saved = np.full(len(gone), 1e-6)
        for k in np.flatnonzero(~gone):
            one = gone.copy()
            one[k] = True
            less = float(evaluator.features(without(genome, shape, expansion, one))[0] @ prices)
            saved[k] = max(price - less, 1e-3 * price / len(gone))
        for _ in range(max(len(gone) // REFRESHES, 1)):
            rise = expansion.gradient + expansion.hessian @ gone + curvature / 2
            # What lowers the loss goes first; of the rest, the least loss for the price that is saved.
            rate = np.where(gone, np.inf, np.where(rise > 0, rise / saved, rise * saved))
            gone[int(np.argmin(rate))] = True
            now = without(genome, shape, expansion, gone)
            if float(evaluator.features(now)[0] @ prices) <= target:
                return now


def _sum(terms: NDArray[np.int16], bias: int, x: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.full(len(x), bias, np.int64)
    for source, sign, shift, mask in terms.tolist():
        if sign:
            total += sign * ((x[:, source] & mask) << shift)
    return total
