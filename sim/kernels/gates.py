"""Checking a gate `Netlist` against `IntegerNetwork.evaluate`: in numba, and as bit-sliced C in a child process.

Emitted kernels are checked in `inkling.sim.kernels.children`, Verilog elsewhere.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.netlists.evaluate import evaluate, pack, unpack
from inkling.approx.programs import compiled
from inkling.approx.programs.process import ToolError, python
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.approx.reference.operations import Ints
from inkling.hdl.kernels.gates_c import emit, has_label_entry
from inkling.hdl.names import port_names
from inkling.sim.kernels.children import compile_c
from inkling.sim.verdicts.comparison import REFERENCE, check_vectors, failed, mismatches, plain
from inkling.sim.verdicts.ports import outputs
from inkling.sim.verdicts.vectors import reference
from inkling.sim.verdicts.verdict import Verdict

_CHILD = """
import ctypes, sys, time
import numpy as np
library, folder, rows, inputs = sys.argv[1:]
rows, inputs = int(rows), int(inputs)
x = np.fromfile(folder + "/vectors.bin", np.uint8).reshape(rows, inputs)
batch = ctypes.CDLL(library).inkling_gates_classify_batch
batch.argtypes, batch.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), None
spent, end, first = None, None, True
while first or time.perf_counter() < end:
    y = np.full(rows + 256, 85, np.uint8)
    begin = time.perf_counter()
    batch(x.ctypes.data, rows, y.ctypes.data)
    took = time.perf_counter() - begin
    if first:
        spent, end, first = took, begin + 0.1, False
    spent = min(spent, took)
if (y[rows:] != 85).any():
    sys.exit("the batch entry wrote behind its results")
y[:rows].tofile(folder + "/labels.bin")
print(spent * 1e9 / max(rows, 1))
"""


def verify_gates(
    netlist: Netlist, network: IntegerNetwork, vectors: NDArray[np.uint8], *, expected: Ints | None = None
) -> Verdict:
    """Evaluate the netlist on `vectors` in numba and compare its label, or scores, with the reference.

    vectors: the values that enter the network, uint8 [rows, inputs]; the netlist's ports are found by the port
    names of the network's inputs, and those it does not have are taken as unused. expected: what
    `network.evaluate(vectors)` gives, where the caller has it. Raises ValueError where the ports do not fit.
    """
    check_vectors(network.inputs, vectors)
    columns = port_columns(netlist, network)
    if expected is None:
        expected = reference(network, vectors)
    begin = time.perf_counter()
    packed = pack(vectors[:, columns], netlist)
    evaluate(netlist, packed[:, :1])  # compiles, or reads what was compiled before
    started = time.perf_counter()
    planes = evaluate(netlist, packed)
    spent = time.perf_counter() - started
    found = unpack(planes, netlist.outputs, len(vectors))
    if network.is_classifier:
        found = found[:, 0]
    else:
        signs = np.array([np.int64(1) << item.width - 1 if item.signed else 0 for item in outputs(network)])
        found = (found ^ signs) - signs  # two's complement
    wrong, example = mismatches(network, vectors, expected, found)
    return Verdict(
        route="gates",
        subject=f"netlist of {len(netlist.kinds)} gates",
        reference=REFERENCE,
        vectors=len(vectors),
        mismatches=wrong,
        seconds=time.perf_counter() - begin,
        counter_example=example,
        detail="every gate's truth table, 64 vectors a machine word",
        extra={"ns_per_vector": spent * 1e9 / max(len(vectors), 1)},
    )


def verify_gates_c(
    netlist: Netlist,
    network: IntegerNetwork,
    vectors: NDArray[np.uint8],
    *,
    source: str | None = None,
    expected: Ints | None = None,
    time_limit_s: float = 120.0,
) -> Verdict:
    """As `verify_gates`, through the bit-sliced C text (`source`, or what `inkling.hdl.kernels.gates_c.emit` gives).

    Raises ToolError only where there is no C compiler at all.
    """
    check_vectors(network.inputs, vectors)
    columns = port_columns(netlist, network)
    if not network.is_classifier or not has_label_entry(netlist):
        raise ValueError("bit-sliced C gives labels only for ports of at most 8 bits")
    if expected is None:
        expected = reference(network, vectors)
    subject = f"bit-sliced C of {len(netlist.kinds)} gates"
    compiled.compiler("c")
    with tempfile.TemporaryDirectory(prefix="inkling-gates-") as name_of_folder:
        folder = Path(name_of_folder)
        (folder / "gates.c").write_text(emit(netlist) if source is None else source)
        try:
            library = compile_c(folder / "gates.c", time_limit_s=time_limit_s)
        except ToolError as error:
            return failed("gates-c", subject, vectors, f"it does not compile: {plain(error, folder)}")
        begin = time.perf_counter()
        np.ascontiguousarray(vectors[:, columns]).tofile(folder / "vectors.bin")
        sizes = (str(len(vectors)), str(len(columns)))
        try:
            done = python(_CHILD, library, folder, *sizes, time_limit_s=time_limit_s, cwd=folder)
            found = np.fromfile(folder / "labels.bin", np.uint8)
            speed = float(done.stdout.split()[-1])
        except (ToolError, OSError, ValueError, IndexError) as error:
            return failed("gates-c", subject, vectors, f"it does not run: {plain(error, folder)}")
    if len(found) != len(vectors):
        return failed("gates-c", subject, vectors, "it gives a wrong number of results")
    wrong, example = mismatches(network, vectors, expected, found)
    seconds, extra = time.perf_counter() - begin, {"ns_per_vector": speed}
    detail = "from row-major bytes to labels, 512 vectors at a time"
    return Verdict("gates-c", subject, REFERENCE, len(vectors), wrong, seconds, example, detail=detail, extra=extra)


def port_columns(netlist: Netlist, network: IntegerNetwork) -> list[int]:
    """For every input port of the netlist the input of the network that it carries."""
    expected = [(item.name, item.width) for item in outputs(network)]
    found = [(port.name, port.width) for port in netlist.outputs]
    if found != expected if not network.is_classifier else len(found) != 1:
        raise ValueError("only a netlist with the network's outputs, one `label` or its scores, can be compared")
    names = port_names([item.name for item in network.inputs])
    known = {name: (i, item.bits) for i, (name, item) in enumerate(zip(names, network.inputs, strict=True))}
    columns = []
    for port in netlist.inputs:
        column, bits = known.get(port.name, (-1, 0))
        if bits != port.width:
            raise ValueError(f"port {port.name} of {port.width} bits is no input of the network")
        columns.append(column)
    return columns
