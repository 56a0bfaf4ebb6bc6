"""Static power of a netlist: what its gates draw in the states that given rows put them in.

Printed pull-ups are resistors, so a gate whose output is low draws tens of times what it draws otherwise.
"""

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.technology import Technology

WORDS_AT_ONCE = 512


def static_power_mw(netlist: Netlist, technology: Technology, values: NDArray[np.integer]) -> dict[str, float]:
    """Mean over the rows in mW at each voltage; values: int [rows, input ports], at least one row."""
    shares = state_shares(netlist, values)
    power = {}
    for voltage in technology.voltages:
        nanowatt = 0.0
        for kind, of_kind in zip(netlist.cell_types, shares, strict=True):
            figures = technology.cell(kind.name).corners[voltage].static_power
            nanowatt += float(of_kind.sum(axis=0) @ np.array(figures))
        power[voltage] = nanowatt * 1e-6
    return power


def state_shares(netlist: Netlist, values: NDArray[np.integer]) -> list[NDArray[np.float64]]:
    """For each cell type, float64 [gates of that type, input states]: the share of rows that visit a state.

    Bit i of a state is the value of the type's input i.
    """
    from inkling.approx.netlists.evaluate import node_values, pack

    if len(values) == 0:
        raise ValueError("static power needs at least one row")
    packed = pack(values, netlist)
    gates = [np.flatnonzero(netlist.kinds == index) for index in range(len(netlist.cell_types))]
    counts = [
        np.zeros((len(of_kind), 2 ** len(kind.inputs)), np.int64)
        for of_kind, kind in zip(gates, netlist.cell_types, strict=True)
    ]
    valid = np.full(packed.shape[1], ~np.uint64(0))
    if len(values) % 64:
        valid[-1] = np.uint64((1 << len(values) % 64) - 1)
    for start in range(0, packed.shape[1], WORDS_AT_ONCE):
        part = slice(start, start + WORDS_AT_ONCE)
        nodes = node_values(netlist, packed[:, part])
        for of_kind, kind, count in zip(gates, netlist.cell_types, counts, strict=True):
            pins = [nodes[netlist.sources[of_kind, pin]] for pin in range(len(kind.inputs))]
            for state in range(count.shape[1]):
                visits = np.broadcast_to(valid[part], (len(of_kind), nodes.shape[1]))
                for pin, plane in enumerate(pins):
                    visits = visits & (plane if state >> pin & 1 else ~plane)
                count[:, state] += np.bitwise_count(visits).sum(axis=1, dtype=np.int64)
    return [count / len(values) for count in counts]
