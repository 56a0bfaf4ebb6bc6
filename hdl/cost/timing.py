"""Delay of the slowest path of a netlist, from the cells' delay tables, as a static timing analyser finds it.

Loads are the capacitances of the pins that a gate drives; wires and output ports add nothing. Inputs change at once.
"""

import numpy as np

from inkling.approx.reference.netlist import Netlist
from inkling.hdl.cells.technology import Arc, Axis, Technology


def delay_ms(netlist: Netlist, technology: Technology) -> dict[str, float]:
    """Milliseconds from a change of the inputs to the last change of the outputs, at each voltage.

    A voltage at which some used cell has no delay tables is left out.
    """
    delays = {}
    for voltage in technology.voltages:
        arcs = [technology.cell(kind.name).corners[voltage].arcs for kind in netlist.cell_types]
        if all(arcs):
            capacitance = [technology.cell(kind.name).corners[voltage].capacitance for kind in netlist.cell_types]
            delays[voltage] = _slowest_ns(netlist, arcs, capacitance) * 1e-6
    return delays


def _slowest_ns(netlist: Netlist, arcs: list[tuple[Arc, ...]], capacitance: list[Axis]) -> float:
    first = netlist.first_gate
    load = np.zeros(first + len(netlist.kinds))
    for index, pins in enumerate(capacitance):
        of_kind = netlist.sources[netlist.kinds == index]
        for pin, farad in enumerate(pins):
            np.add.at(load, of_kind[:, pin], farad)
    loads = load.tolist()
    # Per node: arrival of the rise and its transition time, then the same of the fall; constants never change.
    never = (-np.inf, 0.0, -np.inf, 0.0)
    at_once = (0.0, 0.0, 0.0, 0.0)
    state: list[tuple[float, float, float, float]] = [never, never] + [at_once] * (first - 2)
    for kind, sources in zip(netlist.kinds.tolist(), netlist.sources.tolist(), strict=True):
        rise = fall = -np.inf
        rise_slew = fall_slew = 0.0
        out = loads[len(state)]
        for arc in arcs[kind]:
            up, up_slew, down, down_slew = state[sources[arc.pin]]
            if arc.sense < 0:
                up, up_slew, down, down_slew = down, down_slew, up, up_slew
            # The latest edge and the slowest transition are kept apart, on the safe side of every single path.
            if up > -np.inf:
                rise = max(rise, up + arc.rise.look_up(up_slew, out))
                rise_slew = max(rise_slew, arc.rise_transition.look_up(up_slew, out))
            if down > -np.inf:
                fall = max(fall, down + arc.fall.look_up(down_slew, out))
                fall_slew = max(fall_slew, arc.fall_transition.look_up(down_slew, out))
        state.append((rise, rise_slew, fall, fall_slew))
    return max((max(state[node][0], state[node][2], 0.0) for node in netlist.output_nodes.tolist()), default=0.0)
