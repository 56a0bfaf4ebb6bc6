"""Gates against the scores of a network that is no classifier: equal as built, told apart with one gate changed."""

from dataclasses import replace

import numpy as np

from inkling.approx.reference.network import Input, IntegerNetwork
from inkling.approx.reference.operations import ClippedReLU, Dense
from inkling.hdl.circuits.verilog import behavioural
from inkling.hdl.mapping.elaboration import elaborate
from inkling.sim.kernels.gates import verify_gates
from inkling.sim.verdicts.vectors import every_value


def test_scores_in_twos_complement_and_a_planted_fault() -> None:
    hidden = Dense(np.array([[3, -2], [-1, 4]]), np.array([-5, 2]))
    scores = Dense(np.array([[2, -3], [1, 1]]), np.array([-1, 0]))  # one with a sign, one without
    inputs = (Input("a", 0, 4), Input("b", 1, 4))
    network = IntegerNetwork(inputs, (hidden, ClippedReLU(1, 3), scores), 2)
    netlist = elaborate(behavioural(network))
    vectors = every_value(network)
    assert verify_gates(netlist, network, vectors).passed
    driver = netlist.output_nodes[0] - 2 - sum(port.width for port in netlist.inputs)
    cells = list(netlist.cell_types)
    kind = cells[netlist.kinds[driver]]
    cells.append(replace(kind, name="fault", table=kind.table ^ (2**2 ** len(kind.inputs) - 1)))
    kinds = netlist.kinds.copy()
    kinds[driver] = len(cells) - 1
    wrong = verify_gates(replace(netlist, cell_types=tuple(cells), kinds=kinds), network, vectors)
    assert wrong.mismatches == len(vectors)
    assert wrong.counter_example is not None
