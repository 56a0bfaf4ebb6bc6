"""Decision trees on thresholds that know what comparators and ladders cost.

`priced` grows starts of the gate search; `codesigned` is the rival, the co-designed unary tree of Armeniakos et al.,
"On-Sensor Printed Machine Learning Classification via Bespoke ADC and Decision Tree Co-Design" (DATE 2024).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inkling.approx.gates.inputs import InputPrices
from inkling.approx.quantise.teacher import WeightedRows
from inkling.approx.reference.network import Input, IntegerNetwork, Threshold
from inkling.approx.reference.operations import DecisionTree
from inkling.approx.thresholds.levels import LONGEST, Levels
from inkling.train.tables.dataset import Development


class Splits:
    """Class weights on both sides of every threshold, for a part of the rows at a time."""

    def __init__(self, levels: Levels, rows: WeightedRows, classes: int) -> None:
        self.levels, self.rows, self.classes = levels, rows, classes
        self.codes = rows.codes.astype(np.int64)
        self.depth = 2 ** max(levels.bits)
        columns = np.arange(self.codes.shape[1]) * self.depth
        self.cells = (self.codes + columns) * classes + rows.labels[:, None]

    def below(self, part: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights by class, below every threshold [thresholds, classes] and of the whole part [classes]."""
        columns = self.codes.shape[1]
        weights = np.repeat(self.rows.weights[part].astype(np.float64), columns)
        table = np.bincount(self.cells[part].ravel(), weights, columns * self.depth * self.classes)
        sums = table.reshape(columns, self.depth, self.classes).cumsum(axis=1)
        return sums[self.levels.column, self.levels.level - 1], sums[0, -1]

    def sides(self, part: NDArray[np.int64], split: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows below a threshold and the others."""
        above = self.codes[part, self.levels.column[split]] >= self.levels.level[split]
        return part[~above], part[above]


def purity(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight times one less the Gini impurity, [...] for class weights [..., classes]; 0 where there is no weight."""
    total = counts.sum(axis=-1)
    shares: NDArray[np.float64] = np.divide(
        (counts**2).sum(axis=-1), total, out=np.zeros_like(total), where=total > 0
    )
    return shares


@dataclass
class _Leaf:
    """A leaf under way. gain: of every threshold as its split; split: what it was split by."""

    rows: NDArray[np.int64]
    label: int
    gain: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    split: int = -1
    children: tuple[int, int] = (-1, -1)


def priced(
    levels: Levels,
    rows: WeightedRows,
    classes: int,
    prices: InputPrices | None,
    *,
    leaves: int,
    price: float,
    per_split: float = 0.0,
    power_weight: float = 0.0,
) -> IntegerNetwork:
    """A tree grown best split first, with one input for each threshold.

    The best split has the largest fall of weighted Gini impurity, in shares of all weight, less `price` (per 1e8
    units of size) times what it adds: a comparator and a ladder that are not in use yet, and per_split. Growing ends
    with `leaves` leaves or where no split is worth its price.
    """
    splits = Splits(levels, rows, classes)
    total = float(rows.weights.sum())
    unit = price * total / 1e8
    sizes = None if prices is None else prices.sizes(1.0, power_weight)
    read = np.zeros(len(levels.level), bool)
    grown: list[_Leaf] = []

    def leaf(part: NDArray[np.int64]) -> int:
        below, whole = splits.below(part)
        gain = purity(below) + purity(whole - below) - purity(whole)
        grown.append(_Leaf(part, int(whole.argmax()), gain))
        return len(grown) - 1

    leaf(np.arange(len(rows.labels)))
    while sum(item.split < 0 for item in grown) < leaves:
        cost = np.full(len(read), per_split * unit)
        if sizes is not None:
            used = np.zeros(len(sizes.group_size), bool)
            used[sizes.group[read]] = True
            ladder = np.where(used[sizes.group], 0, sizes.group_size[sizes.group])
            cost += np.where(read, 0, sizes.size + ladder) * unit
        best, chosen = 1e-9 * total, None
        for number, item in enumerate(grown):
            if item.split < 0:
                worth = item.gain - cost
                split = int(worth.argmax())
                if worth[split] > best:
                    best, chosen = float(worth[split]), (number, split)
        if chosen is None:
            break
        number, split = chosen
        read[split] = True
        grown[number].split = split
        grown[number].children = tuple(leaf(part) for part in splits.sides(grown[number].rows, split))  # type: ignore[assignment]
    return _network(grown, levels, classes)


def codesigned(
    levels: Levels, rows: WeightedRows, classes: int, prices: InputPrices, *, depth: int, tolerance: float
) -> IntegerNetwork:
    """The rival's tree of at most `depth` levels, with one input for each threshold.

    Of the splits whose Gini impurity is within `tolerance` of the best one's the one is taken that needs no new
    comparator, else no new ladder, else has the lowest level; in order of columns among equals.
    """
    splits = Splits(levels, rows, classes)
    read = np.zeros(len(levels.level), bool)
    grown: list[_Leaf] = []

    def grow(part: NDArray[np.int64], left: int) -> int:
        below, whole = splits.below(part)
        here = len(grown)
        grown.append(_Leaf(part, int(whole.argmax())))
        weight = whole.sum()
        under = below.sum(axis=1)
        usable = (under > 0) & (under < weight)
        if left == 0 or np.count_nonzero(whole) < 2 or not usable.any():
            return here
        impurity = np.where(usable, 1 - (purity(below) + purity(whole - below)) / weight, np.inf)
        near = np.flatnonzero(impurity <= impurity.min() + tolerance + 1e-12)
        used = np.isin(prices.group[near], prices.group[read])
        split = int(near[np.lexsort((near, levels.references()[near], ~used, ~read[near]))[0]])
        read[split] = True
        grown[here].split = split
        low, high = splits.sides(part, split)
        first = grow(low, left - 1)
        grown[here].children = first, grow(high, left - 1)
        return here

    grow(np.arange(len(rows.labels)), depth)
    return _network(grown, levels, classes)


def on_thresholds(network: IntegerNetwork, development: Development) -> IntegerNetwork:
    """A decision tree on binary codes as the same tree on thresholds; any other network as it is."""
    if len(network.layers) != 1 or not isinstance(tree := network.layers[0], DecisionTree):
        return network
    found: dict[tuple[int, int], int] = {}
    inputs: list[Input] = []
    feature = tree.feature.copy()
    for place in np.flatnonzero(tree.feature >= 0):
        item = network.inputs[tree.feature[place]]
        if item.threshold is None:
            level = int(tree.threshold[place] + 1) << item.drop
            reference = Threshold(level, development.input_bits[item.column])
            item = Input(f"{item.name[:LONGEST]} ge {level}", item.column, 1, 0, reference)
        key = item.column, item.threshold.level if item.threshold else 0
        if key not in found:
            found[key] = len(inputs)
            inputs.append(item)
        feature[place] = found[key]
    if not inputs:
        return network
    threshold = np.where(tree.feature >= 0, 0, tree.threshold)
    on_bits = replace(tree, feature=feature, threshold=threshold)
    return IntegerNetwork(tuple(inputs), (on_bits,), network.classes)


def _network(grown: list[_Leaf], levels: Levels, classes: int) -> IntegerNetwork:
    """The tree in preorder, siblings of one label merged, on one input for each threshold."""
    single: dict[int, int] = {}

    def label(number: int) -> int:
        item = grown[number]
        if number not in single:
            below = {label(child) for child in item.children} if item.split >= 0 else {item.label}
            single[number] = below.pop() if len(below) == 1 else -1
        return single[number]

    table: list[list[int]] = []

    def write(number: int) -> int:
        here, item = len(table), grown[number]
        if (only := label(number)) >= 0:
            table.append([-1, 0, -1, -1, only])
            return here
        table.append([item.split, 0, 0, 0, 0])
        table[here][2] = write(item.children[0])
        table[here][3] = write(item.children[1])
        return here

    write(0)
    return IntegerNetwork(levels.inputs(), (DecisionTree(*np.array(table, np.int64).T.copy()),), classes)
