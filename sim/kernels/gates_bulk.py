"""A thousand million vectors: the gates as bit-sliced C against the C kernel, drawn and compared inside one program.

This backs a proof that did not close. The kernel is the one that `inkling.hdl.kernels.c_kernel` emits now, checked
against the reference by `inkling.sim.kernels.children`; the folder's own kernel.c is not run here.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

from inkling.approx.programs import compiled
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

# Even blocks are uniform; in odd ones every input is 0 with a chance of a half, as sparse data is.
_MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernel.h"
enum {{ ROWS = {rows}, INPUTS = {inputs}, PORTS = {ports} }};
void inkling_gates_classify_batch(const uint8_t *features, size_t rows, uint8_t *labels);
static const uint8_t top[INPUTS] = {{{tops}}};
static const int column[PORTS] = {{{columns}}};
static uint64_t state = {seed}u;
static uint64_t draw(void)
{{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}}
static uint8_t x[ROWS * INPUTS + 8], p[ROWS * PORTS + 8], a[ROWS + 512], b[ROWS + 512], mask[ROWS * INPUTS + 8];
static double now(void)
{{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}}
int main(int argc, char **argv)
{{
    const uint64_t most = strtoull(argv[1], 0, 10);
    const double end = now() + atof(argv[2]);
    uint64_t done = 0, wrong = 0;
    (void)argc;
    for (size_t i = 0; i < sizeof mask; i++) mask[i] = top[i % INPUTS];
    for (int block = 0; done < most && (now() < end || !done); block++) {{
        for (size_t i = 0; i < ROWS * INPUTS; i += 8) {{
            uint64_t r = draw(), m;
            memcpy(&m, mask + i, 8);
            if (block & 1) {{
                const uint64_t keep = draw() & 0x0101010101010101u;
                r &= (keep << 8) - keep;
            }}
            r &= m;
            memcpy(x + i, &r, 8);
        }}
        const uint8_t *given = x;
        if (PORTS != INPUTS) {{
            for (size_t i = 0; i < ROWS; i++)
                for (int k = 0; k < PORTS; k++) p[i * PORTS + k] = x[i * INPUTS + column[k]];
            given = p;
        }}
        inkling_classify_batch(x, ROWS, a);
        inkling_gates_classify_batch(given, ROWS, b);
        done += ROWS;
        if (memcmp(a, b, ROWS)) {{
            for (size_t i = 0; i < ROWS; i++) {{
                if (a[i] == b[i]) continue;
                if (!wrong++) {{
                    printf("{{\\"expected\\": %d, \\"found\\": %d, \\"row\\": [", a[i], b[i]);
                    for (int k = 0; k < INPUTS; k++) printf(k ? ", %d" : "%d", x[i * INPUTS + k]);
                    printf("]}}\\n");
                }}
            }}
        }}
    }}
    printf("{{\\"done\\": %llu, \\"wrong\\": %llu}}\\n", (unsigned long long)done, (unsigned long long)wrong);
    return 0;
}}
"""


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
        (folder / "main.c").write_text(_MAIN.format(**values))
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
