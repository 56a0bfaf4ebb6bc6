"""From floats to the first `IntegerNetwork`: exact and power-of-two perceptrons, logistic regression, trees.

Every choice made here (bits, scales, penalties) is made on training and validation rows. What is taken away from
these networks afterwards lives in the other modules of `approx`.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.network import Input, IntegerNetwork, without_unused_inputs
from inkling.approx.reference.operations import ArgMax, ClippedReLU, DecisionTree, Dense, Ints, Operation
from inkling.train.networks.float_network import FloatNetwork, Floats
from inkling.train.tables.dataset import Development

# Bits of a hidden value that are tried, and how much accuracy one bit less may cost.
ACTIVATION_BITS = (3, 4, 5, 6, 7, 8)
TOLERANCE = 0.0005
# The last layer's largest weight as a fraction of the largest that fits its bits.
SCALES = (1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.64, 0.58, 0.52)
LOGISTIC_STRENGTHS = (0.1, 1.0, 10.0, 100.0)


def inputs_of(development: Development) -> tuple[Input, ...]:
    """One input per column of a table."""
    return tuple(
        Input(name, column, bits)
        for column, (name, bits) in enumerate(zip(development.columns, development.input_bits, strict=True))
    )


def accuracy(network: IntegerNetwork, development: Development) -> tuple[float, float]:
    """Fractions of the training and of the validation rows that are labelled correctly."""
    return (
        float((network.predict(development.train.codes) == development.train.labels).mean()),
        float((network.predict(development.validation.codes) == development.validation.labels).mean()),
    )


def exact(
    network: FloatNetwork, development: Development, *, weight_bits: int = 8, hidden_bits: int | None = None
) -> IntegerNetwork:
    """The bespoke exact circuit's network: weights of `weight_bits` significant bits (signed, 2..16), any bias.

    Weights of a hidden layer share a power-of-two scale, so that shifts alone lead from one layer to the next;
    the last layer's scale is free, as the arg-max does not see it. That scale and the bits of the hidden values
    are chosen by the accuracy over training and validation rows together: the fewest bits that cost at most
    TOLERANCE of the best, unless `hidden_bits` says how many. After Mubarik et al., "Printed Machine Learning
    Classifiers" (MICRO 2020).
    """
    _check_columns(network, development)
    if len(network.weights) == 1:
        return _finish(development, _dense_scores(network, weight_bits))
    candidates = []
    rows = len(development.train.labels), len(development.validation.labels)
    for bits in ACTIVATION_BITS if hidden_bits is None else (hidden_bits,):
        for fraction in SCALES:
            candidate = _finish(development, _dense_chain(network, weight_bits, bits, fraction))
            train, validation = accuracy(candidate, development)
            candidates.append(((train * rows[0] + validation * rows[1]) / sum(rows), candidate))
    best = max(score for score, _ in candidates)
    fewest = next(number for number, (score, _) in enumerate(candidates) if score >= best - TOLERANCE) // len(SCALES)
    of_those_bits = candidates[fewest * len(SCALES) : (fewest + 1) * len(SCALES)]
    return max(of_those_bits, key=lambda item: item[0])[1]


def power_of_two(network: FloatNetwork, development: Development) -> IntegerNetwork:
    """The integer network that computes exactly what a float network of kind "power_of_two" does.

    All weights are 0 or +-2**k. Raises ValueError for another kind.
    """
    if network.kind != "power_of_two" or network.bias_steps is None or network.activation_bits is None:
        raise ValueError("power_of_two needs a FloatNetwork of kind 'power_of_two'")
    _check_columns(network, development)
    layers: list[Operation] = []
    # One unit of the values that enter a layer, per value.
    unit = 2.0 ** -np.array(network.input_bits, np.float64)
    last = len(network.weights) - 1
    for number, (weights, bias, step) in enumerate(
        zip(network.weights, network.biases, network.bias_steps, strict=True)
    ):
        whole = np.rint(weights * unit / step).astype(np.int64)
        whole_bias = np.rint(bias / step).astype(np.int64)
        if number == last:
            common = _trailing_zeros(np.append(whole.ravel(), whole_bias))
            layers += [Dense(whole >> common, whole_bias >> common), ArgMax()]
            break
        hidden_unit = network.clip / 2**network.activation_bits
        shift = round(float(np.log2(hidden_unit / step)))
        if shift < 0:
            whole, whole_bias, shift = whole << -shift, whole_bias << -shift, 0
        # (2**t * a + b) >> s equals (a + (b >> t)) >> (s - t): bits below every weight never matter.
        common = min(_trailing_zeros(whole.ravel()), shift)
        layers += [Dense(whole >> common, whole_bias >> common), ClippedReLU(shift - common, network.activation_bits)]
        unit = np.full(len(bias), hidden_unit)
    return _finish(development, layers)


def logistic(development: Development, *, weight_bits: int = 8, seed: int = 0) -> IntegerNetwork:
    """A bespoke multinomial logistic regression; its regularisation is chosen by the validation rows.

    Raises ValueError when the training rows hold a single class.
    """
    from sklearn.linear_model import LogisticRegression

    scale = 2.0 ** np.array(development.input_bits)
    classes = len(development.classes)
    found: list[tuple[float, IntegerNetwork]] = []
    for strength in LOGISTIC_STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that stops early is still a candidate
            model.fit(development.train.codes / scale, development.train.labels)
        weights = np.zeros((classes, len(scale)))
        # A class without training rows never wins.
        bias = np.full(classes, float(model.intercept_.min() - np.abs(model.coef_).sum() - 1))
        present = model.classes_.astype(np.int64)
        if len(present) == 2:
            weights[present[1]], bias[present[1]] = model.coef_[0], model.intercept_[0]
            bias[present[0]] = 0.0
        else:
            weights[present], bias[present] = model.coef_, model.intercept_
        floats = FloatNetwork(
            (weights,), (bias,), development.input_bits, "float", 1.0, None, None, float("nan"), float("nan")
        )
        candidate = _finish(development, _dense_scores(floats, weight_bits))
        found.append((accuracy(candidate, development)[1], candidate))
    return max(found, key=lambda item: item[0])[1]


def tree(development: Development, leaves: int, *, seed: int = 0) -> IntegerNetwork:
    """A bespoke decision tree with at most `leaves` (>= 2) leaves; its criterion is chosen by the validation rows.

    Codes are integers, so a threshold is floored without changing the function. Siblings of one class are merged.
    """
    from sklearn.tree import DecisionTreeClassifier

    found: list[tuple[float, IntegerNetwork]] = []
    for criterion in ("gini", "entropy"):
        model = DecisionTreeClassifier(max_leaf_nodes=leaves, criterion=criterion, random_state=seed)
        model.fit(development.train.codes, development.train.labels)
        layer = _tree_layer(model.tree_, model.classes_.astype(np.int64))
        candidate = _finish(development, [layer])
        found.append((accuracy(candidate, development)[1], candidate))
    return max(found, key=lambda item: item[0])[1]


def _check_columns(network: FloatNetwork, development: Development) -> None:
    if network.input_bits != development.input_bits or network.shape[-1] != len(development.classes):
        raise ValueError("the network was trained on another table: its input bits or classes differ")


def _finish(development: Development, layers: Sequence[Operation]) -> IntegerNetwork:
    return without_unused_inputs(IntegerNetwork(inputs_of(development), tuple(layers), len(development.classes)))


def _trailing_zeros(values: Ints) -> int:
    """How often all values can be halved; 0 when all are zero."""
    merged = int(np.bitwise_or.reduce(np.abs(values), initial=0))
    return (merged & -merged).bit_length() - 1 if merged else 0


def _weight_exponent(weights: Floats, weight_bits: int) -> int:
    """Largest e such that round(weights * 2**e) fits `weight_bits` signed bits; 0 when all are zero."""
    largest = float(np.abs(weights).max(initial=0))
    if largest == 0:
        return 0
    limit = 2 ** (weight_bits - 1) - 1
    exponent = int(np.floor(np.log2(limit / largest))) + 1
    while np.rint(largest * 2.0**exponent) > limit:
        exponent -= 1
    return exponent


def _dense_scores(network: FloatNetwork, weight_bits: int) -> list[Operation]:
    """A single dense layer and the arg-max; inputs of different bits share the scale of their values."""
    weights = network.weights[0] / 2.0 ** np.array(network.input_bits)
    exponent = _weight_exponent(weights, weight_bits)
    whole = np.rint(weights * 2.0**exponent).astype(np.int64)
    return [Dense(whole, np.rint(network.biases[0] * 2.0**exponent).astype(np.int64)), ArgMax()]


def _dense_chain(network: FloatNetwork, weight_bits: int, bits: int, fraction: float) -> list[Operation]:
    """All layers, with hidden values of `bits` bits, the last layer's largest weight at a fraction of its limit."""
    layers: list[Operation] = []
    unit = 2.0 ** -np.array(network.input_bits, np.float64)
    hidden_unit = network.clip / 2**bits
    # Flooring takes half a unit off the mean of a hidden value; training has seen only its own floor.
    trained_unit = 0.0 if network.activation_bits is None else network.clip / 2**network.activation_bits
    missing = (hidden_unit - trained_unit) / 2
    last = len(network.weights) - 1
    for number, (weights, float_bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        bias = float_bias + (weights.sum(axis=1) * missing if number else 0.0)
        if number == last:
            largest = float(np.abs(weights * unit).max(initial=0)) or 1.0
            scale = fraction * (2 ** (weight_bits - 1) - 1) / largest
            whole = np.rint(weights * unit * scale).astype(np.int64)
            layers += [Dense(whole, np.rint(bias * scale).astype(np.int64)), ArgMax()]
            break
        exponent = _weight_exponent(weights * unit, weight_bits)
        shift = round(float(np.log2(hidden_unit))) + exponent
        whole = np.rint(weights * unit * 2.0**exponent).astype(np.int64)
        if shift < 0:  # the sum is coarser than a hidden value: bring it to that scale, all its bits are kept
            whole, exponent, shift = whole << -shift, exponent - shift, 0
        layers += [
            Dense(whole, np.floor(bias * 2.0**exponent + 0.5).astype(np.int64)),
            ClippedReLU(shift, bits),
        ]
        unit = np.full(len(bias), hidden_unit)
    return layers


def _tree_layer(fitted: object, classes: NDArray[np.int64]) -> DecisionTree:
    """A scikit-learn tree's arrays in preorder, siblings of one class merged."""
    left, right = fitted.children_left, fitted.children_right  # type: ignore[attr-defined]
    feature, threshold = fitted.feature, fitted.threshold  # type: ignore[attr-defined]
    label = classes[fitted.value[:, 0, :].argmax(axis=1)]  # type: ignore[attr-defined]
    # Children have larger numbers than their parent, so backwards is bottom-up.
    single = np.full(len(left), -1, np.int64)
    for node in range(len(left) - 1, -1, -1):
        if left[node] < 0:
            single[node] = label[node]
        elif single[left[node]] == single[right[node]]:
            single[node] = single[left[node]]
    columns: list[list[int]] = []
    waiting: list[tuple[int, int, int]] = [(0, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if parent >= 0:
            columns[parent][side] = len(columns)
        if single[node] >= 0:
            columns.append([-1, 0, -1, -1, int(single[node])])
        else:
            columns.append([int(feature[node]), int(np.floor(threshold[node])), -1, -1, 0])
            here = len(columns) - 1
            waiting += [(int(right[node]), here, 3), (int(left[node]), here, 2)]
    return DecisionTree(*np.array(columns, np.int64).T.copy())
