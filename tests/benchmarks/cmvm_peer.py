"""Run by the Python of an environment that has alkaid or da4ml: networks as JSON in, their Verilog as JSON out.

Needs nothing of Inkling. Usage: python cmvm_peer.py LIBRARY NETWORKS.json OUT.json
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np


def build(library: str, net: dict) -> dict:
    """The Verilog of one network and, for each output, its bits and whether it is signed; checked by prediction."""
    trace_module = importlib.import_module(f"{library}.trace")
    verilog = importlib.import_module(f"{library}.codegen.rtl.verilog")
    array, trace = (
        (trace_module.FVArray, trace_module.trace)
        if library == "alkaid"
        else (trace_module.FixedVariableArray, trace_module.comb_trace)
    )
    w1, b1, w2, b2 = (np.array(net[key], np.float64) for key in ("w1", "b1", "w2", "b2"))
    inputs = w1.shape[1]
    zero = np.zeros(inputs, np.int64)
    x = array.from_kif(zero, zero + 4, zero)
    hidden = ((x @ w1.T + b1) * 2.0 ** -net["shift"]).quantize(
        0, net["bits"], 0, overflow_mode="SAT", round_mode="TRN"
    )
    logic = trace(x, hidden @ w2.T + b2)
    rows = np.random.default_rng(0).integers(0, 16, (256, inputs))
    middle = np.clip(np.floor((rows @ w1.T + b1) / 2.0 ** net["shift"]), 0, 2 ** net["bits"] - 1)
    if not (logic.predict(rows.astype(np.float64)) == middle @ w2.T + b2).all():
        raise SystemExit(f"{library} predicts something else")
    if not (np.array(logic.inp_kifs).sum(axis=0) == 4).all():
        raise SystemExit(f"{library} changed the input ports")
    signed, whole, fraction = (np.array(part).tolist() for part in logic.out_kifs)
    text = verilog.comb_logic_gen(logic, "top")
    folder = Path(importlib.import_module(library).__file__).parent / "codegen" / "rtl" / "verilog" / "source"
    used = [file.read_text() for file in sorted(folder.glob("*.v")) if f" {file.stem} #" in text]
    outputs = [[int(s + w + f), bool(s), int(f)] for s, w, f in zip(signed, whole, fraction, strict=True)]
    return {"verilog": "\n".join([*used, text]), "outputs": outputs, "adders": float(logic.cost)}


if __name__ == "__main__":
    nets = json.loads(Path(sys.argv[2]).read_text())
    Path(sys.argv[3]).write_text(json.dumps([build(sys.argv[1], net) for net in nets]))
