"""What a candidate of the arithmetic search costs in printed cells: prices of the parts that its plan of adders has.

The parts are counted in `arithmetic_kernel.cpp`; the prices were fitted to mapped circuits, and `fit` fits them anew.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from approx.arithmetic_native import FEATURES

Floats = NDArray[np.float64]

# Gates (NAND2 equivalents) that each part has as it is drawn, the start of a fit: a full adder is nine NAND2.
DRAWN = {
    "add3": 9.0, "add2": 5.0, "invert": 1.0, "subtract3": 9.0, "subtract2": 5.0, "borrow3": 5.0, "borrow2": 2.0,
    "odd3": 8.0, "odd2": 4.0, "any": 2.0, "clip_or": 2.0, "clip_and": 2.0, "select": 3.0, "index": 3.0,
    "input_bits": 0.0,
}  # fmt: skip
NAND2_CM2 = 0.0024786
NAND2_MW = 0.0049

# What is left of them after mapping, fitted to 92 circuits of 0.01 to 4 cm2 that searches on balance_scale, redwine,
# cardio and vertebral_3c found (mapped at quick effort). In five-fold cross-validation the rank correlation with the
# mapped area was 0.94, the median relative error 26 %. No price is below 0.3 of what is drawn, for a part that costs
# nothing would be multiplied; with that the rank correlation over the same circuits is 0.95.
MAPPED = {
    "add3": 5.41, "add2": 2.4, "invert": 0.3, "subtract3": 7.71, "subtract2": 1.5, "borrow3": 1.5,
    "borrow2": 0.6, "odd3": 4.0, "odd2": 2.8, "any": 1.0, "clip_or": 0.6, "clip_and": 1.45,
    "select": 0.9, "index": 1.01, "input_bits": 1.07,
}  # fmt: skip

# Square centimetres of EGFET cells per part.
AREA_CM2 = {name: gates * NAND2_CM2 for name, gates in MAPPED.items()}
# Milliwatts at the nominal voltage, over the cells' states equally likely.
POWER_MW = {name: gates * NAND2_MW for name, gates in MAPPED.items()}


def prices(table: dict[str, float]) -> Floats:
    """A price for each of FEATURES."""
    return np.array([table[name] for name in FEATURES])


def fit(counts: Floats, measured: Floats, *, start: Sequence[float] | None = None, weight: float = 0.05) -> Floats:
    """Prices, none negative, that explain measured areas [candidates] by counts [candidates, FEATURES].

    Relative errors are made small (small circuits matter as much as large ones) by non-negative least squares
    (Lawson and Hanson, 1974), drawn with `weight` towards `start`, which defaults to half the gates that are drawn.
    """
    from scipy.optimize import nnls

    base = 0.5 * NAND2_CM2 * prices(DRAWN) if start is None else np.asarray(start, np.float64)
    keep = measured > 0
    rows = counts[keep] / measured[keep, None]
    scale = np.maximum(base, base[base > 0].min())
    ridge = weight * np.sqrt(keep.sum()) * np.diag(1 / scale)
    found, _ = nnls(np.concatenate([rows, ridge]), np.concatenate([np.ones(len(rows)), ridge @ base]))
    result: Floats = found
    return result


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's."""
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)
