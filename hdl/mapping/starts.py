"""Networks as starts of the gate-level search: mapped to the technology's cells, with a port for every column.

Starts that are trees are built in `inkling.approx.netlists.tree`; the search is `inkling.approx.gates.search`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.approx.reference.network import IntegerNetwork
from inkling.hdl.cells.technology import Technology
from inkling.train.tables.dataset import Development


def mapped(
    network: IntegerNetwork,
    development: Development,
    technology: Technology,
    cells: Sequence[CellType],
    *,
    processes: int = 1,
    time_limit_s: float = 60.0,
) -> Netlist:
    """The network as gates with the ports of a search over the table's codes, and the cell types of its other starts.

    Raises inkling.approx.programs.process.ToolError where mapping does not end in time.
    """
    from inkling.hdl.circuits.verilog import behavioural
    from inkling.hdl.mapping.search import map_verilog

    allowed = replace(technology, cells=tuple(cell for cell in technology.cells if cell.type in cells))
    found = map_verilog(behavioural(network), allowed, processes=processes, time_limit_s=time_limit_s)
    return on_columns(found.netlist, network, development, cells)


def on_columns(
    netlist: Netlist, network: IntegerNetwork, development: Development, cells: Sequence[CellType]
) -> Netlist:
    """The netlist of a network with a port for every column of the table, also unread ones, and the given cells.

    Ports of the netlist are found by name; a port of fewer bits than its column reads the bits that the network does.
    Raises ValueError for a cell that is not among those given.
    """
    from inkling.hdl.names import port_names

    index = {kind: i for i, kind in enumerate(cells)}
    missing = [kind.name for kind in netlist.cell_types if kind not in index]
    if missing:
        raise ValueError(f"the cell {missing[0]} is not among those of the search")
    read = dict(zip(port_names([item.name for item in network.inputs]), network.inputs, strict=True))
    first = np.cumsum([2, *development.input_bits])
    number = np.zeros(netlist.nodes, np.int32)
    number[1] = 1
    place = 2
    for port in netlist.inputs:
        item = read[port.name]
        number[place : place + port.width] = first[item.column] + item.drop + np.arange(port.width)
        place += port.width
    number[place:] = first[-1] + np.arange(len(netlist.kinds))
    return Netlist(
        tuple(Port(text, bits) for text, bits in zip(development.columns, development.input_bits, strict=True)),
        netlist.outputs,
        tuple(cells),
        np.array([index[netlist.cell_types[kind]] for kind in netlist.kinds], np.uint8),
        number[netlist.sources],
        number[netlist.output_nodes],
    )
