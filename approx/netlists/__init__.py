"""Gate netlists: building, evaluating, BLIF, and trees as gates.

Their definition is in `inkling.approx.reference.netlist`, their search in `inkling.approx.gates`.
"""
