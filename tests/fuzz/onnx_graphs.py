"""Random small ONNX and QONNX graphs of supported operators, and their answers beside those of the file itself.

All constants and inputs are few binary digits long, so that float32 is exact and ties are real ones.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from inkling.approx.quantise import from_onnx
from inkling.train.errors import InputError

ROWS = 96
QUANT = "qonnx.custom_op.general"


@dataclass(eq=False)
class Maker:
    """Nodes so far, the name of the last value and its shape without the rows."""

    rng: np.random.Generator
    name: str = "x"
    shape: tuple[int, ...] = ()
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    seen: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def new(self) -> str:
        return f"v{len(self.nodes)}_{len(self.constants)}"

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def node(self, kind: str, *inputs: str, shape: tuple[int, ...] | None = None, **options: Any) -> str:
        output = self.new()
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **options))
        self.seen.append((self.name, self.shape))
        self.name, self.shape = output, self.shape if shape is None else shape
        return output

    def some(self, *shape: int, top: int = 4, digits: int = 2) -> Any:
        return self.rng.integers(-top, top + 1, shape) / 2.0**digits

    def pick(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    @property
    def width(self) -> int:
        return self.shape[-1]


def flat(m: Maker) -> None:
    """Back to one axis, in one of the ways in which exporters write it."""
    if len(m.shape) == 1:
        return
    size = int(np.prod(m.shape))
    match m.rng.integers(4):
        case 0:
            m.node("Flatten", m.name, shape=(size,))
        case 1:
            m.node("Reshape", m.name, m.constant([0, -1], np.int64), shape=(size,))
        case 2:
            m.node("Reshape", m.name, m.constant([-1, size], np.int64), shape=(size,))
        case 3:  # torch's x.view(x.size(0), -1)
            source, shape = m.name, m.shape
            m.node("Shape", source)
            m.node("Gather", m.name, m.constant(0, np.int64), axis=0)
            m.node("Unsqueeze", m.name, m.constant([0], np.int64))
            m.node("Concat", m.name, m.constant([-1], np.int64), axis=0)
            m.node("Reshape", source, m.name, shape=(size,))
            m.seen = [(name, s) for name, s in m.seen if name in ("x", source) and s in (shape, m.shape)]


def dense(m: Maker, outputs: int) -> None:
    flat(m)
    weights = m.some(m.width, outputs)
    match m.rng.integers(3):
        case 0:
            m.node("MatMul", m.name, m.constant(weights), shape=(outputs,))
            m.node("Add", *m.pick((m.name, m.constant(m.some(outputs))), (m.constant(m.some(outputs)), m.name)))
        case 1:
            bias = m.constant(m.pick(m.some(outputs), m.some(1), m.some(1, outputs)))
            m.node("Gemm", m.name, m.constant(weights.T), bias, shape=(outputs,), transB=1, alpha=m.pick(1.0, 0.5))
        case 2:
            m.node("Gemm", m.name, m.constant(weights), shape=(outputs,))


def elementwise(m: Maker) -> None:
    kind = m.pick("Add", "Sub", "Mul", "Div")
    value = 2.0 ** m.rng.integers(-1, 2, m.pick((), (1,), m.shape, (1, *m.shape))) * m.pick(1, -1)
    constant = m.constant(value)
    m.node(kind, *((constant, m.name) if kind in ("Add", "Sub", "Mul") and m.pick(0, 1) else (m.name, constant)))


def activation(m: Maker) -> None:
    match m.rng.integers(9):
        case 0 | 1:
            m.node("Relu", m.name)
        case 2:
            ends = m.pick((-1.0, 1.0), (0.0, 6.0), (0.0, None), (None, 2.0), (0.5, 2.5))
            m.node("Clip", m.name, *("" if end is None else m.constant(end) for end in ends))
        case 3:
            m.node(m.pick("Max", "Min"), *m.pick((m.name, m.constant(0.0)), (m.constant(1.5), m.name)))
        case 4:
            m.node("LeakyRelu", m.name, alpha=0.25)
        case 5:
            m.node("Abs", m.name)
        case 6:
            m.node("HardSigmoid", m.name, alpha=0.25, beta=0.5)
        case 7:
            m.node("PRelu", m.name, m.constant(m.some(*m.shape)))
        case 8:
            m.node("Max", m.name, m.constant(0.0))
            m.node("Min", m.name, m.constant(4.0))


def quantiser(m: Maker) -> None:
    if m.pick(0, 0, 1):  # ONNX's own
        kind = m.pick(np.uint8, np.int8)
        scale, zero = m.constant(2.0 ** -m.rng.integers(0, 4)), m.constant(m.pick(0, 0, 3, 100), kind)
        m.node("QuantizeLinear", m.name, scale, zero)
        m.node("DequantizeLinear", m.name, scale, zero)
        return
    signed = int(m.pick(0, 1))
    scale = m.constant(m.pick(2.0 ** -m.rng.integers(0, 3), 2.0 ** -m.rng.integers(0, 3, (1, *m.shape))))
    modes = ["ROUND", "FLOOR", "CEIL", "HALF_EVEN"] + [[], ["UP", "DOWN", "HALF_UP", "HALF_DOWN"]][not signed]
    if m.pick(0, 0, 0, 1):
        m.node("BipolarQuant", m.name, scale, domain=QUANT)
        return
    bits = m.constant(float(m.rng.integers(1, 7)))
    zero = m.constant(m.pick(0.0, 0.0, 0.0, 1.0))
    m.node(m.pick("Quant", "IntQuant"), m.name, scale, zero, bits, domain=QUANT, signed=signed, narrow=0,
           rounding_mode=str(m.pick(*modes)))  # fmt: skip


def moves(m: Maker) -> None:
    flat(m)
    width = m.width
    match m.rng.integers(9):
        case 0 if width > 1:
            m.node("Slice", m.name, *(m.constant([v], np.int64) for v in (0, width - 1, 1)), shape=(width - 1,))
        case 1:
            m.node("Slice", m.name, *(m.constant([v], np.int64) for v in (-1, -99, 1, -1)))
        case 2:
            picks = m.rng.integers(-width, width, m.rng.integers(1, 5))
            m.node("Gather", m.name, m.constant(picks, np.int64), axis=m.pick(1, -1), shape=(len(picks),))
        case 3:
            order = m.rng.permutation(width)
            m.node("ArrayFeatureExtractor", m.name, m.constant(order, np.int64), domain="ai.onnx.ml")
        case 4 if width > 1:
            parts = [m.new() + part for part in "ab"]
            m.nodes.append(helper.make_node("Split", [m.name, m.constant([1, width - 1], np.int64)], parts, axis=1))
            m.node("Concat", parts[1], parts[0], axis=1)
        case 5:
            m.node("Unsqueeze", m.name, m.constant([m.pick(1, 2, -1)], np.int64))
            m.node("Squeeze", m.name, *m.pick((), ()))
            m.shape = (width,)
            if width == 1:  # a squeeze of everything leaves rows alone
                m.node("Unsqueeze", m.name, m.constant([1], np.int64), shape=(1,))
        case 6:
            m.node(m.pick("Identity", "Dropout"), m.name)
        case 7:
            m.node("Cast", m.name, to=TensorProto.FLOAT)
        case _:
            m.node("FeatureVectorizer", m.name, m.name, domain="ai.onnx.ml", inputdimensions=[width, width],
                   shape=(2 * width,))  # fmt: skip


def branches(m: Maker) -> None:
    """A residual, a concatenation, or the larger of two values of different depth."""
    flat(m)
    first, width = m.name, m.width
    activation(m)
    if m.pick(0, 1):
        dense(m, width)
    kind = m.pick("Add", "Sub", "Concat", "Max", "Min")
    if kind == "Concat":
        m.node("Concat", *m.pick((m.name, first), (first, m.name)), axis=1, shape=(2 * width,))
    else:
        m.node(kind, *m.pick((m.name, first), (first, m.name)))


def windows(m: Maker) -> None:
    dense(m, 8)
    m.node("Reshape", m.name, m.constant([0, *m.pick((1, 8), (2, 4))], np.int64), shape=(1, 8))
    shape = (1, 8) if numpy_helper.to_array(m.constants[-1])[1] == 1 else (2, 4)
    m.shape = shape
    match m.rng.integers(5):
        case 0:
            weights, bias = m.constant(m.some(2, shape[0], 3)), m.constant(m.some(2))
            pads = m.pick([0, 0], [1, 1])
            size = shape[1] + sum(pads) - 2
            m.node("Conv", m.name, weights, bias, pads=pads, kernel_shape=[3], shape=(2, size))
        case 1:
            m.node("AveragePool", m.name, kernel_shape=[2], strides=[2], shape=(shape[0], shape[1] // 2))
        case 2:
            m.node("MaxPool", m.name, kernel_shape=[2], strides=[2], shape=(shape[0], shape[1] // 2))
        case 3:
            m.node("Transpose", m.name, perm=[0, 2, 1], shape=shape[::-1])
        case 4:
            kind = m.pick("ReduceSum", "ReduceMax")
            m.node(kind, m.name, m.constant([2], np.int64), keepdims=1, shape=(shape[0], 1))


def normalisation(m: Maker) -> None:
    flat(m)
    width = m.width
    if m.pick(0, 1):
        parts = [m.some(width), m.some(width), m.some(width), 4.0 ** m.rng.integers(-1, 2, width)]
        m.node("BatchNormalization", m.name, *(m.constant(part) for part in parts), epsilon=0.0)
    else:
        m.node("Scaler", m.name, domain="ai.onnx.ml", offset=m.some(width).tolist(), scale=m.some(width).tolist())


def oddities(m: Maker) -> None:
    """What cannot be converted, and must then be refused: across rows, not piecewise linear, a hidden decision."""
    flat(m)
    width = m.width
    match m.rng.integers(14):
        case 0:
            m.node("Softmax", m.name, axis=0)
        case 1:
            m.node("Sigmoid", m.name)
        case 2:
            m.node("Mul", m.name, m.name)
        case 3:
            m.node("Gather", m.name, m.constant([1, 0], np.int64), axis=0)
        case 4:
            m.node(m.pick("ReduceSum", "ReduceMax", "ReduceMean"), m.name, m.constant([0], np.int64), keepdims=1)
        case 5:
            m.node(m.pick("Floor", "Sign", "Ceil", "Exp", "Sqrt", "Tanh", "Softplus", "Elu"), m.name)
        case 6:
            m.node("Slice", m.name, *(m.constant([v], np.int64) for v in (0, 1, 0)))
        case 7:
            m.node("Reshape", m.name, m.constant([-1, 2 * width], np.int64), shape=(2 * width,))
        case 8:
            bits = m.constant(float(m.rng.integers(2, 5)))
            m.node("Quant", m.name, m.constant(0.5), m.constant(m.pick(0.0, 0.5)), bits, domain=QUANT, narrow=1,
                   signed=int(m.pick(0, 1)), rounding_mode=m.pick("UP", "HALF_UP", "ROUND"))  # fmt: skip
        case 9:
            m.node("Greater", m.name, m.constant(0.0))
            m.node("Cast", m.name, to=TensorProto.FLOAT)
        case 10:
            m.node("Add", m.name, m.constant(m.some(ROWS, width)))
        case 11:
            m.node("Normalizer", m.name, domain="ai.onnx.ml", norm="L1")
        case 12:
            m.node("Transpose", m.name)
            m.node("Transpose", m.name)
        case _:
            m.node("Unsqueeze", m.name, m.constant([0], np.int64))
            m.node("Squeeze", m.name, m.constant([0], np.int64))


BODY = (elementwise, activation, activation, quantiser, moves, branches, windows, normalisation)


def ending(m: Maker) -> int:
    """The decision and what follows it; the type of the output."""
    classes = int(m.pick(1, 2, 2, 3, 4))
    dense(m, classes)
    m.node("Mul", m.name, m.constant(2.0**-6))
    if classes == 1:
        return _single(m)
    choice = m.rng.integers(12)
    if choice == 11:
        labels = m.pick(
            {"classlabels_ints": list(range(5, 5 + classes))}, {"classlabels_strings": list("zyxw"[:classes])}
        )
        scores, source = m.new() + "s", m.name
        m.nodes.append(helper.make_node("LinearClassifier", [source], ["y", scores], domain="ai.onnx.ml",
                       coefficients=m.some(classes * classes).tolist(), intercepts=m.some(classes).tolist(),
                       post_transform=m.pick("NONE", "SOFTMAX", "LOGISTIC"), **labels))  # fmt: skip
        m.name = "y"
        return int(TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64)
    match choice:
        case 0 | 1 | 2 | 3:
            m.node("Softmax", m.name, axis=m.pick(1, -1))
        case 4:
            m.node("LogSoftmax", m.name, axis=-1)
        case 5:
            m.node("Sigmoid", m.name)
        case 6:
            m.node("Tanh", m.name)
    if m.pick(0, 0, 1):  # the order, the sign or the scale of scores
        match m.rng.integers(4):
            case 0:
                m.node("Gather", m.name, m.constant(m.rng.permutation(classes), np.int64), axis=1)
            case 1:
                m.node("Sub", m.constant(1.0), m.name)
            case 2:
                m.node("Slice", m.name, *(m.constant([v], np.int64) for v in (-1, -99, 1, -1)))
            case 3:
                m.node("Mul", m.name, m.constant(m.pick(-2.0, 0.5)))
    if m.pick(0, 1):
        return int(TensorProto.FLOAT)
    if m.pick(0, 0, 0, 1):
        values = m.name
        m.nodes.append(helper.make_node("TopK", [values, m.constant([1], np.int64)], [m.new() + "t", "k"], axis=1))
        m.name, m.shape = "k", (1,)
    else:
        keep = int(m.pick(0, 1))
        m.node(m.pick("ArgMax", "ArgMax", "ArgMin"), m.name, axis=m.pick(1, -1), keepdims=keep,
               select_last_index=int(m.pick(0, 0, 1)), shape=(1,) * keep)  # fmt: skip
    return _label(m, classes)


def _label(m: Maker, classes: int) -> int:
    texts = np.array([b"zeta", b"eta", b"theta", b"iota"][:classes], object)
    match m.rng.integers(7):
        case 0:
            table = m.constant(m.rng.permutation(classes) + m.pick(0, 1, 10), np.int64)
            m.node("Gather", table, m.name, axis=0)
        case 1:
            name = f"c{len(m.constants)}"
            m.constants.append(helper.make_tensor(name, TensorProto.STRING, [classes], texts.tolist()))
            m.node("Gather", name, m.name, axis=0)
            return int(TensorProto.STRING)
        case 2:
            table = m.constant(m.rng.permutation(classes) * 3, np.int64)
            m.node("ArrayFeatureExtractor", table, m.name, domain="ai.onnx.ml")
            m.node("Cast", m.name, to=TensorProto.INT64)
            m.node("Reshape", m.name, m.constant([-1], np.int64), shape=())
        case 3:
            m.node("Add", m.name, m.constant(m.pick(1, 7), np.int64))
        case 4:
            keys, values = list(range(classes)), [int(v) for v in m.rng.permutation(classes)]
            m.node(
                "LabelEncoder", m.name, domain="ai.onnx.ml", keys_int64s=keys, values_int64s=values, default_int64=-1
            )
        case 5:
            m.node("Sub", m.constant(classes - 1, np.int64), m.name)
    return int(TensorProto.INT64)


def _single(m: Maker) -> int:
    squash = m.pick("Sigmoid", "Sigmoid", "Sigmoid", "Tanh", "")
    if squash:
        m.node(squash, m.name)
    if squash == "Sigmoid" and m.pick(0, 1):  # the other class's probability beside it
        p = m.name
        q = m.node("Sub", m.constant(1.0), p)
        m.node("Concat", *m.pick((p, q), (q, p)), axis=1, shape=(2,))
        if m.pick(0, 1):
            m.node("ArgMax", m.name, axis=1, keepdims=0, shape=())
            return _label(m, 2)
        return int(TensorProto.FLOAT)
    if m.pick(0, 1):
        return int(TensorProto.FLOAT)
    if squash == "Sigmoid" and m.pick(0, 0, 1):
        m.node("Round", m.name)
        m.node("Cast", m.name, to=TensorProto.INT64)
        return int(TensorProto.INT64)
    limit = m.constant({"Sigmoid": m.pick(0.5, 0.25), "Tanh": 0.0, "": m.pick(0.0, 0.25)}[squash])
    kind = m.pick("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    m.node(kind, *m.pick((m.name, limit), (limit, m.name)))
    if m.pick(0, 0, 1):
        m.node("Not", m.name)
    match m.rng.integers(3):
        case 0:
            m.node("Where", m.name, *(m.constant([v], np.int64) for v in m.pick((4, 9), (1, 0), (-1, 1))))
            return int(TensorProto.INT64)
        case 1:
            m.node("Cast", m.name, to=TensorProto.INT64)
            return int(TensorProto.INT64)
    return int(TensorProto.BOOL)


def graph(seed: int, folder: Path) -> tuple[Path, str]:
    """A file of a random graph, and its task; every eighth has something that may have to be refused."""
    m = Maker(np.random.default_rng(seed))
    odd = seed % 8 == 0
    features = int(m.rng.integers(1, 6))
    m.shape = (features,)
    if m.pick(0, 0, 1):
        quantiser(m)
    for _ in range(m.rng.integers(0, 5)):
        (oddities if odd and m.pick(0, 0, 1) else m.pick(*BODY))(m)
        if int(np.prod(m.shape)) > 12:
            dense(m, 3)
    regression = bool(m.pick(0, 0, 0, 1))
    if regression:
        dense(m, int(m.rng.integers(1, 3)))
        kind = int(TensorProto.FLOAT)
    else:
        kind = ending(m)
    made = helper.make_graph(
        m.nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [m.pick("n", "n", None), features])],
        [helper.make_tensor_value_info(m.name, kind, None)],
        m.constants,
    )
    versions = [helper.make_opsetid("", 21), helper.make_opsetid(QUANT, 1), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(made, opset_imports=versions)
    model.ir_version = 10
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path, "regression" if regression else "classification"


def compare(path: Path, task: Any, seed: int, *, runtime: bool) -> str:
    """agrees, or refused and why, or differs and where: the reading beside the file as an evaluator runs it."""
    try:
        read = from_onnx.load(path, task=task)
    except InputError as error:
        assert "\n" not in str(error)
        return "refused: " + str(error).split(": ", 1)[1]
    rng = np.random.default_rng(seed)
    x = rng.integers(-16, 17, (ROWS, read.model.shape[0])) / 4.0
    answers = read.answers(runtime=runtime)
    found, scores = answers.evaluate(x), read.model.evaluate(x)
    if task == "regression":
        near = np.allclose(found, scores, rtol=1e-5, atol=1e-5)
        return "agrees" if near else f"differs: {found[:2].tolist()} {scores[:2].tolist()}"
    # Where two scores differ by less than what float32 resolves in a probability, either may win; true ties count.
    best = np.sort(scores, axis=1)
    gap = best[:, -1] - best[:, -2]
    sure = (gap > 1e-5) | ((gap == 0) & (np.ptp(scores, axis=1) == gap))
    wrong = sure & (found != scores.argmax(axis=1))
    return "agrees" if not wrong.any() else f"differs in {wrong.sum()} of {ROWS} rows, {read.decision}"


def survey(seeds: range, folder: Path, *, runtime: bool = False) -> Counter[str]:
    """How many graphs agree, are refused (by reason), or differ (by seed)."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        path, task = graph(seed, folder)
        result = compare(path, task, seed, runtime=runtime)
        counts[f"seed {seed} {result}" if result.startswith("differs") else result] += 1
    return counts
