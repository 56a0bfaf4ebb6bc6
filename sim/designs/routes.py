"""Every verification route of one emitted design, in one call. The routes themselves live in their own modules."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.netlist import Netlist
from inkling.approx.reference.network import IntegerNetwork
from inkling.sim.verdicts.vectors import reference, stimuli
from inkling.sim.verdicts.verdict import Verdict


@dataclass(frozen=True)
class Emitted:
    """The texts of one design: behavioural and mapped Verilog, C source and header, numba source, mapped gates."""

    behavioural: str
    mapped: str
    kernel_c: str
    kernel_h: str
    kernel_py: str
    netlist: Netlist


def verify_all(
    emitted: Emitted,
    network: IntegerNetwork,
    rows: NDArray[np.uint8],
    *,
    vectors: int,
    cocotb_vectors: int,
    proof_s: float,
    seed: int,
    time_limit_s: float = 300.0,
    done: Callable[[Verdict], None] | None = None,
) -> tuple[Verdict, ...]:
    """Check every text against `network.evaluate`, and the mapped cells against the behavioural Verilog by proof.

    rows: uint8 [n, inputs], the table's rows as values that enter; they and corner cases come first, so that the
    slow route, which takes `cocotb_vectors` of the same vectors, sees them too. A route whose tool cannot be run
    raises inkling.approx.programs.process.ToolError: a missing check is never a passed one.
    """
    from inkling.sim.benches import cocotb_route
    from inkling.sim.kernels import children, gates
    from inkling.sim.proofs import equivalence
    from inkling.sim.verilator import bulk

    chosen = stimuli(network, rows, count=vectors, seed=seed)
    values, exhaustive = chosen.values, chosen.exhaustive
    expected = reference(network, values)
    some = slice(None, cocotb_vectors)
    verdicts: list[Verdict] = []

    def add(verdict: Verdict) -> None:
        verdicts.append(verdict)
        if done is not None:
            done(verdict)

    add(children.verify_numba(network, emitted.kernel_py, values, expected=expected, time_limit_s=time_limit_s))
    add(
        children.verify_c(
            network, emitted.kernel_c, emitted.kernel_h, values, expected=expected, time_limit_s=time_limit_s
        )
    )
    add(
        bulk.verify(
            emitted.behavioural, network, values, expected=expected, exhaustive=exhaustive, time_limit_s=time_limit_s
        )
    )
    add(
        cocotb_route.verify(
            emitted.behavioural, network, values[some], expected=expected[some], time_limit_s=time_limit_s
        )
    )
    add(gates.verify_gates(emitted.netlist, network, values, expected=expected))
    add(
        bulk.verify(
            emitted.mapped,
            network,
            values,
            expected=expected,
            exhaustive=exhaustive,
            route="verilator-mapped",
            subject="mapped.v",
            time_limit_s=time_limit_s,
        )
    )
    add(
        equivalence.prove(
            emitted.behavioural, emitted.mapped, time_limit_s=proof_s, subject="mapped.v", reference="top.v"
        )
    )
    return tuple(verdicts)
