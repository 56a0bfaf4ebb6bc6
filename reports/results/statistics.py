"""What many splits say together: accuracy at an area, means and spreads, and tests of a difference between methods.

Figures come as plain numbers; where they are stored, and how they are shown, is in `inkling`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inkling.reports.results.pareto import hypervolume


class Circuit(NamedTuple):
    """Area in cm2, static power in mW, and accuracies as shares; held_out: on the test rows."""

    area_cm2: float
    power_mw: float
    train: float
    validation: float
    held_out: float


def chosen(circuits: Sequence[Circuit]) -> list[Circuit]:
    """The staircase that validation rows choose: smallest area first, each better than all that are smaller.

    Its held-out accuracy has no part in it. Of equals on validation rows the smaller one is kept.
    """
    kept: list[Circuit] = []
    for circuit in sorted(circuits, key=lambda c: (c.area_cm2, -c.validation, -c.train, c.power_mw)):
        if not kept or circuit.validation > kept[-1].validation:
            kept.append(circuit)
    return kept


def within(staircase: Sequence[Circuit], limit_cm2: float) -> Circuit | None:
    """The best of a staircase that fits, or None."""
    for circuit in reversed(staircase):
        if circuit.area_cm2 <= limit_cm2:
            return circuit
    return None


def volume(staircase: Sequence[Circuit], majority_rate: float, limit_cm2: float) -> float:
    """Decades of area times test accuracy above the majority rate (`inkling.reports.results.pareto.hypervolume`)."""
    pairs = [(circuit.area_cm2, circuit.held_out) for circuit in staircase]
    return hypervolume(pairs, area_limit_cm2=limit_cm2, accuracy_floor=majority_rate)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation with one degree of freedom taken off; 0 for a single value."""
    array = np.asarray(values, np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


def corrected_t(differences: Sequence[float], test_rows: int, train_rows: int) -> float:
    """Two-sided p of a mean difference over resampled splits, which share rows; 1 where there is nothing to test.

    The corrected resampled t-test: Nadeau and Bengio, Inference for the generalization error (Machine Learning 52,
    2003). The variance of the mean is (1/n + test_rows / train_rows) times that of the differences.
    """
    from scipy import stats

    mean, deviation = spread(differences)
    if len(differences) < 2 or mean == 0:
        return 1.0
    if deviation <= 1e-12 * abs(mean):
        return 0.0
    scale = deviation * math.sqrt(1 / len(differences) + test_rows / train_rows)
    return float(2 * stats.t.sf(abs(mean) / scale, len(differences) - 1))


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; it takes splits for independent, which flatters a difference."""
    from scipy import stats

    # Shares of rows that are equal but for rounding are ties.
    values = np.round(np.asarray(differences, np.float64), 9)
    if not values.any():
        return 1.0
    return float(stats.wilcoxon(values).pvalue)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment for several tests (Scandinavian Journal of Statistics 6, 1979), in their order."""
    found = [0.0] * len(probabilities)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(probabilities)), key=lambda k: probabilities[k])):
        highest = max(highest, min(1.0, (len(probabilities) - rank) * probabilities[index]))
        found[index] = highest
    return found


def levels(areas: Sequence[float], most: int = 6) -> tuple[float, ...]:
    """Round areas in cm2 (1, 2 or 5 times a power of ten) from about the smallest to the largest of these."""
    low, high = math.log10(min(areas)), math.log10(max(areas))
    steps = [(base, exponent) for exponent in range(math.floor(low), math.ceil(high) + 1) for base in (1, 2, 5)]
    found = [float(f"{base}e{exponent}") for base, exponent in steps]
    inside = [value for value in found if low <= math.log10(value) + 1e-9 and math.log10(value) < high + 0.4]
    picked = np.unique(np.linspace(0, len(inside) - 1, min(most, len(inside))).round().astype(int))
    return tuple(inside[k] for k in picked)
