"""FreSh: the frequency scale of an embedding is chosen by matching spectra, before anything is trained.

Kania et al., "FreSh: Frequency Shifting for Accelerated Neural Representation Learning", 2024: the spectrum of the
untrained model's output is compared with the target's by the Wasserstein distance, and the nearest candidate wins.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.fields.tasks import answers
from inkling.train.scenes.signals import Signal


class Choice(NamedTuple):
    """The best candidate, and the distance of each, in their order."""

    scale: float
    distances: tuple[float, ...]


def spectrum(pixels: NDArray[np.floating], bands: int = 64) -> NDArray[np.float64]:
    """Share of the amplitude in each of `bands` radial frequencies 1, 2, ... cycles a picture, constant left out.

    pixels: [height, width, channels]; a row (height 1) has its one-dimensional spectrum.
    """
    height, width, _ = pixels.shape
    centred = pixels.astype(np.float64) - pixels.mean(axis=(0, 1))
    amplitude = np.abs(np.fft.fft2(centred, axes=(0, 1), norm="ortho")).mean(axis=2)
    fy, fx = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * width, indexing="ij")
    radius = np.rint(np.hypot(fx, fy)).astype(int).ravel()
    kept = (radius >= 1) & (radius <= bands)
    sums = np.bincount(radius[kept] - 1, amplitude.ravel()[kept], bands).astype(np.float64)
    # The mean of a ring, as the paper's vector has one number per frequency, not one per texel.
    means: NDArray[np.float64] = sums / np.maximum(np.bincount(radius[kept] - 1, minlength=bands), 1)
    return means / max(float(means.sum()), 1e-30)


def distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Wasserstein distance of two spectra of equal length, in bands."""
    return float(np.abs(np.cumsum(first) - np.cumsum(second)).sum())


def choose(
    signal: Signal,
    candidates: Sequence[float],
    build: Callable[[float, int], torch.nn.Module],
    seeds: Sequence[int] = (0, 1, 2),
    bands: int = 64,
) -> Choice:
    """The candidate whose untrained models, build(scale, seed), have the spectrum nearest to the picture's.

    Raises InputError for a signal that is no picture and for no candidates.
    """
    if signal.shape is None or not candidates:
        raise InputError("frequencies are chosen for a picture, among at least one candidate")
    height, width = signal.shape
    bands = max(2, min(bands, max(height, width) // 2))
    wanted = spectrum(signal.values.reshape(height, width, -1), bands)
    distances = []
    for scale in candidates:
        found = [spectrum(answers(build(scale, seed), signal).reshape(height, width, -1), bands) for seed in seeds]
        distances.append(distance(np.mean(found, axis=0), wanted))
    return Choice(float(candidates[int(np.argmin(distances))]), tuple(distances))
