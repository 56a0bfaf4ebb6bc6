"""Software kernels side by side: python tests/benchmarks/bench_kernels.py [--json FILE] [--netlist FILE].

A network of 16 inputs, 5 hidden neurons and 10 classes with 8-bit weights goes through the emitted C and numba
kernels, scikit-learn and, where it is installed, ONNX Runtime; a netlist goes through bit-sliced C. All take turns
in the same run, so that the ratios hold on a loaded machine; figures are minima over the rounds.
"""

import argparse
import ctypes
import importlib.util
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.netlists.evaluate import evaluate, pack, unpack
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ArgMax, ClippedReLU, Dense
from inkling.hdl.kernels import c_kernel, gates_c, numba_kernel
from inkling.sim.kernels.children import compile_c

INPUTS, HIDDEN, CLASSES = 16, 5, 10


def network(seed: int, input_bits: int) -> IntegerNetwork:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-127, 128, (HIDDEN, INPUTS)), rng.integers(-127, 128, (CLASSES, HIDDEN))
    biases = rng.integers(-2000, 2001, HIDDEN), rng.integers(-2000, 2001, CLASSES)
    layers = (Dense(first, biases[0]), ClippedReLU(input_bits, 8), Dense(second, biases[1]), ArgMax())
    items = tuple(Input(f"f{i}", i, input_bits) for i in range(INPUTS))
    return IntegerNetwork(items, layers, CLASSES)


def random_netlist(seed: int, gates: int) -> Netlist:
    """Two-input gates that mostly read recent ones, 16 ports of 4 bits, a label of 4."""
    rng = np.random.default_rng(seed)
    tables = {"NAND2": 0b0111, "NOR2": 0b0001, "XOR2": 0b0110, "AND2": 0b1000, "OR2": 0b1110}
    cells = tuple(CellType(name, ("A", "B"), "Y", table) for name, table in tables.items())
    first = 2 + 4 * INPUTS
    sources = [
        rng.integers(0 if g % 4 == 0 else first + max(0, g - 30), first + g, 2) if g else [2, 3] for g in range(gates)
    ]
    return Netlist(
        tuple(Port(f"f{i}", 4) for i in range(INPUTS)),
        (Port("label", 4),),
        cells,
        rng.integers(0, len(cells), gates).astype(np.uint8),
        np.array(sources, np.int32),
        np.arange(first + gates - 4, first + gates, dtype=np.int32),
    )


def c_function(folder: Path, text: str, header: str | None, entry: str) -> Any:
    folder.mkdir()
    (folder / "kernel.c").write_text(text)
    if header is not None:
        (folder / "kernel.h").write_text(header)
    function = getattr(ctypes.CDLL(str(compile_c(folder / "kernel.c", time_limit_s=120))), entry)
    function.restype = None
    return function


def kernel_jobs(folder: Path, net: IntegerNetwork, rows: int, seed: int) -> dict[str, Callable[[], object]]:
    """The same rows through every way to compute a 16-5-10 network; the emitted two are checked first."""
    top = 2 ** net.inputs[0].bits
    x = np.random.default_rng(seed).integers(0, top, (rows, INPUTS), dtype=np.uint8)
    y = np.empty(rows, np.uint8)
    in_c = c_function(folder / "c", *c_kernel.emit(net), "inkling_classify_batch")
    (folder / "kernel.py").write_text(numba_kernel.emit(net))
    spec = importlib.util.spec_from_file_location("emitted_kernel", folder / "kernel.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run_c() -> np.ndarray:
        in_c(ctypes.c_void_p(x.ctypes.data), ctypes.c_size_t(rows), ctypes.c_void_p(y.ctypes.data))
        return y

    expected = net.evaluate(x)
    for found in (run_c(), module.classify(x)):
        if not np.array_equal(found, expected):
            raise SystemExit("a kernel differs from the definition: its speed means nothing")
    jobs: dict[str, Callable[[], object]] = {"c": run_c, "numba": lambda: module.classify(x)}
    jobs |= library_jobs(x, seed)
    return jobs


def library_jobs(x: np.ndarray, seed: int) -> dict[str, Callable[[], object]]:
    """scikit-learn's own float network of the same shape, and ONNX Runtime where both of its packages are."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    floats = x.astype(np.float32)
    model = MLPClassifier((HIDDEN,), max_iter=2, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(floats[:500], np.arange(500) % CLASSES)
    jobs: dict[str, Callable[[], object]] = {"scikit-learn": lambda: model.predict(floats)}
    try:
        import onnx  # type: ignore[import-not-found]
        import onnxruntime
    except ImportError:
        return jobs
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    constants = {"w1": model.coefs_[0], "b1": model.intercepts_[0], "w2": model.coefs_[1], "b2": model.intercepts_[1]}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["s"]),
            helper.make_node("ArgMax", ["s"], ["y"], axis=1, keepdims=0),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", INPUTS])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.INT64, ["rows"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    jobs["onnxruntime"] = lambda: session.run(None, {"x": floats})
    return jobs


def gate_jobs(folder: Path, netlist: Netlist, rows: int, seed: int) -> dict[str, Callable[[], object]]:
    """The netlist from bit planes to bit planes, from bytes to labels where it can, and in numba."""
    tops = [2**port.width for port in netlist.inputs]
    x = np.random.default_rng(seed).integers(0, tops, (rows, len(tops)))
    packed = pack(x, netlist)
    text = gates_c.emit(netlist)
    planes = c_function(folder / "gates", text, None, "inkling_gates_planes")
    blocked = np.ascontiguousarray(packed.reshape(len(packed), -1, 8).transpose(1, 0, 2))
    out = np.empty((rows // 512, len(netlist.output_nodes), 8), np.uint64)

    def run_planes() -> None:
        planes(ctypes.c_void_p(blocked.ctypes.data), ctypes.c_void_p(out.ctypes.data), ctypes.c_size_t(rows // 512))

    run_planes()
    expected = evaluate(netlist, packed)
    if not np.array_equal(out.transpose(1, 0, 2).reshape(expected.shape), expected):
        raise SystemExit("bit-sliced C differs from the evaluation: its speed means nothing")
    jobs: dict[str, Callable[[], object]] = {
        "gates, C, bit planes": run_planes,
        "gates, numba, bit planes": lambda: evaluate(netlist, packed),
    }
    if gates_c.has_label_entry(netlist):
        batch = c_function(folder / "labels", text, None, "inkling_gates_classify_batch")
        codes, y = x.astype(np.uint8), np.empty(rows, np.uint8)

        def run_labels() -> None:
            batch(ctypes.c_void_p(codes.ctypes.data), ctypes.c_size_t(rows), ctypes.c_void_p(y.ctypes.data))

        run_labels()
        if not np.array_equal(y, unpack(expected, netlist.outputs, rows)[:, 0]):
            raise SystemExit("bit-sliced C differs from the evaluation: its speed means nothing")
        jobs["gates, C, bytes to labels"] = run_labels
    return jobs


def measure(jobs: dict[str, Callable[[], object]], rows: int, rounds: int) -> dict[str, dict[str, float]]:
    """Nanoseconds a row: least and median over rounds in which every job has one turn, after one unmeasured."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            spent = (time.perf_counter() - begin) * 1e9 / rows
            if number:
                times[name].append(spent)
    return {name: {"least": min(found), "median": float(np.median(found))} for name, found in times.items()}


def processor() -> str:
    """What the operating system calls the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--netlist", type=Path, help="a netlist.json of a run folder; without it, random gates")
    parser.add_argument("--gates", type=int, default=300, help="how many random gates")
    parser.add_argument("--rows", type=int, default=65536, help="rows a turn, a multiple of 512")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.rows < 512 or arguments.rows % 512 or arguments.rounds < 1 or arguments.gates < 4:
        parser.error("--rows must be a multiple of 512, --rounds at least 1 and --gates at least 4")
    if arguments.netlist is not None:
        from inkling.approx.reference.netlist_files import load

        netlist = load(arguments.netlist)
    else:
        netlist = random_netlist(arguments.seed, arguments.gates)
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="inkling-bench-") as name:
        for input_bits in (4, 8):
            folder = Path(name) / f"bits{input_bits}"
            folder.mkdir()
            net = network(arguments.seed, input_bits)
            found = measure(
                kernel_jobs(folder, net, arguments.rows, arguments.seed), arguments.rows, arguments.rounds
            )
            figures |= {f"{INPUTS}-{HIDDEN}-{CLASSES}, {input_bits}-bit inputs, {k}": v for k, v in found.items()}
        found = measure(
            gate_jobs(Path(name), netlist, arguments.rows, arguments.seed), arguments.rows, arguments.rounds
        )
        figures |= found
    result = {
        "machine": processor(),
        "python": sys.version.split()[0],
        "rows": arguments.rows,
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "gates": len(netlist.kinds),
        "ns_per_row": figures,
    }
    print(f"{result['machine']}; {arguments.rows} rows a turn, {arguments.rounds} rounds, seed {arguments.seed}")
    print(f"{'ns a row':44} {'least':>9} {'median':>9} {'rows/s':>12} {'x C kernel':>11}")
    for name, figure in figures.items():
        base = figures.get(name.rpartition(", ")[0] + ", c")
        ratio = f"{figure['least'] / base['least']:11.1f}" if base else ""
        print(f"{name:44} {figure['least']:9.3f} {figure['median']:9.3f} {1e9 / figure['least']:12.4g} {ratio}")
    if arguments.json is not None:
        beside = arguments.json.with_name(arguments.json.name + ".part")
        beside.write_text(json.dumps(result, indent=2) + "\n")
        beside.replace(arguments.json)


if __name__ == "__main__":
    main()
