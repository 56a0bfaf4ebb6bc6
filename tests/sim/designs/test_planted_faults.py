"""Two hundred single faults in emitted Verilog and in mapped cells: each is caught, or proven to be no fault."""

import sys
from pathlib import Path

import numpy as np
import pytest

from inkling.hdl.circuits.verilog import behavioural
from inkling.sim.proofs.equivalence import prove
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verilator import bulk

sys.path.insert(0, str(Path(__file__).parents[1]))

from verilog_faults import gather, mutants

FAULTS = 105
VECTORS = 100_000


@pytest.mark.parametrize("kind", ["behavioural", "mapped"])
def test_every_fault_is_caught_or_is_none(kind, network, mapped, tmp_path):
    text = behavioural(network) if kind == "behavioural" else mapped
    planted = mutants(text, FAULTS, seed=7)
    assert len({item.text for item in planted} - {text}) == FAULTS
    values = stimuli(network, None, count=VECTORS, seed=3).values
    expected = reference(network, values)
    # All of them, and last the text without a fault, in one build.
    together, outputs = gather([*(item.text for item in planted), text], network)
    harness = bulk.build(together, network, tmp_path, time_limit_s=120, outputs=outputs, level="-O0")
    found, _ = bulk.drive(harness, network, values, time_limit_s=60, outputs=outputs)
    caught = (found != expected[:, None]).any(axis=0)
    assert not caught[-1]
    assert caught.sum() > FAULTS // 2
    silent = [planted[k] for k in np.flatnonzero(~caught[:-1])]
    if silent:
        changed, _ = gather([item.text for item in silent], network)
        unchanged, _ = gather([text] * len(silent), network)
        verdict = prove(unchanged, changed, time_limit_s=60)
        assert verdict.proven, (verdict, [item.change for item in silent])
