"""What a report tells of the whole node of a built design: its bill of parts, and how robust it is.

Test rows come from the report, which is the only one to open them.
"""

from inkling.approx.reference.network import Input
from inkling.hdl.converters.encoder import encoder_cost
from inkling.reports.results.node import Node, Part
from inkling.runs.design import Built
from inkling.sim.faults.variation import Areas, Variation, robustness
from inkling.train.tables.dataset import Rows

# Larger circuits take long, and nobody prints a thousand of them.
MOST_GATES = 3000


def node_of(built: Built, rows: Rows, variation: Variation) -> Node | None:
    """The node of a design or rival on rows with codes of the whole table; None where converters are not counted."""
    parts, technology = built.front_end, built.job.technology
    figures = technology.converters
    if parts is None or figures is None:
        return None
    nominal = technology.voltages[0]
    ladders = 1e-3 * figures.ladder_uw * parts.ladders
    bill = [
        Part("ladder", parts.ladders, parts.ladders_cm2, ladders),
        Part("comparator", parts.comparators, parts.comparators_cm2, parts.comparators_mw - ladders),
    ]
    encoders = [reading.encoder_bits for reading in parts.readings if reading.encoder_bits]
    if encoders:
        bill.append(Part("encoder", len(encoders), parts.encoders_cm2, parts.encoders_mw[nominal]))
    cost = built.cost
    bill.append(Part("gate", cost.gates, cost.area_cm2, cost.static_power_mw[nominal]))
    found = None
    if cost.gates <= MOST_GATES:
        by_name = _inputs(built)
        found = robustness(
            built.netlist,
            [by_name[port.name] for port in built.netlist.inputs],
            rows.codes,
            [quantiser.bits for quantiser in built.job.quantisers],
            rows.labels,
            variation,
            Areas(
                {cell.type.name: cell.area_um2 * 1e-8 for cell in technology.cells},
                0.01 * figures.comparator_mm2,
                0.01 * figures.ladder_mm2,
                {
                    reading.column: encoder_cost(figures, technology, reading.encoder_bits)[0]
                    for reading in parts.readings
                    if reading.encoder_bits
                },
            ),
            seed=built.job.seed,
        )
    return Node(tuple(bill), found)


def _inputs(built: Built) -> dict[str, Input]:
    """The network's inputs by the names of their ports."""
    from inkling.hdl.names import port_names

    inputs = built.network.inputs
    return dict(zip(port_names([item.name for item in inputs]), inputs, strict=True))
