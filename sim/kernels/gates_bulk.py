"""A thousand million vectors: the gates as bit-sliced C against the C kernel, drawn and compared inside one program.

This backs a proof that did not close. The kernel is the one that `inkling.hdl.kernels.c_kernel` emits now, checked
against the reference by `inkling.sim.kernels.children`; the folder's own kernel.c is not run here.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from inkling.approx.programs import compiled
from inkling.approx.programs.frames import frame
from inkling.approx.programs.process import run
from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.kernels import c_kernel
from inkling.hdl.kernels.gates_c import emit, has_label_entry
from inkling.sim.kernels.gates import port_columns
from inkling.sim.verdicts.comparison import counter_example
from inkling.sim.verdicts.verdict import Verdict
from inkling.train.files import checked_json

ROWS = 1 << 14


def verify_bulk(
    netlist: Netlist,
    network: IntegerNetwork,
    *,
    vectors: int = 10**9,
    seconds: float = 60.0,
    seed: int = 0,
    time_limit_s: float = 120.0,
) -> Verdict:
    """Compare labels on up to `vectors` random vectors, as many as fit in `seconds`; the verdict tells how many.

    time_limit_s: of compiling. Raises ValueError for a network of scores, ToolError where nothing can be compiled.
    """
    columns = port_columns(netlist, network)
    if not network.is_classifier or not has_label_entry(netlist):
        raise ValueError("bulk vectors compare labels of at most 8 bits only")
    source, header = c_kernel.emit(network)
    values = {
        "rows": ROWS,
        "inputs": len(network.inputs),
        "ports": len(columns),
        "tops": ", ".join(str(2**item.bits - 1) for item in network.inputs),
        "columns": ", ".join(map(str, columns)),
        "seed": 2 * seed + 1,
    }
    with tempfile.TemporaryDirectory(prefix="inkling-bulk-") as name:
        folder = Path(name)
        (folder / "kernel.c").write_text(source)
        (folder / "kernel.h").write_text(header)
        (folder / "gates.c").write_text(emit(netlist))
        (folder / "main.c").write_text(frame(__file__, "gates_bulk.c", **values))
        files = ["kernel.c", "gates.c", "main.c"]
        options = ("-D_POSIX_C_SOURCE=199309L", "-std=c99", "-O3")
        compiled.build(files, folder / "bulk", options=options, native=True, time_limit_s=time_limit_s, cwd=folder)
        begin = time.monotonic()
        lines = run(
            [folder / "bulk", str(vectors), str(seconds)], time_limit_s=seconds + 60, cwd=folder
        ).stdout.splitlines()
    found = checked_json.parse(lines[-1], "kernel.c", "verify again").data
    example = None
    if found["wrong"]:
        first = checked_json.parse(lines[0], "kernel.c", "verify again").data
        example = counter_example(network, np.array(first["row"], np.uint8), first["expected"], first["found"])
    return Verdict(
        route="bulk",
        subject=f"bit-sliced C of {len(netlist.kinds)} gates",
        reference="kernel.c as emitted now",
        vectors=found["done"],
        mismatches=found["wrong"],
        seconds=time.monotonic() - begin,
        counter_example=example,
        detail=f"random vectors, {vectors} asked for",
    )
