"""What `--effort` buys: the budgets of every stage in one table."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

EffortName: TypeAlias = Literal["trial", "quick", "standard", "thorough"]


@dataclass(frozen=True)
class NodeBudget:
    """Of the gate search on thresholds. rounds: in all; rows: labelled by a teacher, at least; work: gates times
    words of rows times moves in a tenth of a round; sweep: prices tried from every start.
    """

    rounds: int
    rows: int
    work: float
    sweep: int


@dataclass(frozen=True)
class Effort:
    """Budgets of one run.

    restarts: networks trained at once per topology; steps: of each training, about; training_work: most
    multiply-accumulates of one training, so wide tables take fewer steps; networks: power-of-two networks kept of the
    trained population; arithmetic_moves: of the search over approximate arithmetic; rounds: of the gate-level search;
    circuits: kept of each search; trees: leaves of the rival decision trees; sharing: work that goes into finding
    shared sums of a layer
    (`inkling.hdl.circuits.classifier.design`); vectors: vectors of each fast verification route; cocotb_vectors: of
    the slow one; proof_s: limit of one equivalence proof, seconds; mapping_s: limit of mapping one design, seconds;
    node: of the gate search on thresholds. The limits in seconds are there for what hangs: results are a function of
    the seed only where none is reached, and a design that one was reached for says so.
    """

    name: EffortName
    restarts: int
    steps: int
    training_work: float
    networks: int
    arithmetic_moves: int
    rounds: int
    circuits: int
    trees: tuple[int, ...]
    sharing: int
    vectors: int
    cocotb_vectors: int
    proof_s: float
    mapping_s: float
    node: NodeBudget


EFFORTS: dict[str, Effort] = {
    # Seconds of one core a design: to see that all goes through, for notebooks, grid searches and tests.
    "trial": Effort(
        name="trial",
        restarts=2,
        steps=300,
        training_work=1e11,
        networks=1,
        arithmetic_moves=0,
        rounds=3,
        circuits=1,
        trees=(4, 12),
        sharing=20_000,
        vectors=20_000,
        cocotb_vectors=500,
        proof_s=200,
        mapping_s=600,
        node=NodeBudget(rounds=6, rows=1_000, work=3e6, sweep=2),
    ),
    "quick": Effort(
        name="quick",
        restarts=32,
        steps=4000,
        training_work=1e12,
        networks=1,
        arithmetic_moves=0,
        rounds=30,
        circuits=5,
        trees=(4, 8, 16, 32, 64, 128),
        sharing=20_000,
        vectors=1_000_000,
        cocotb_vectors=20_000,
        proof_s=30,
        mapping_s=200,
        node=NodeBudget(rounds=40, rows=4_000, work=4e7, sweep=5),
    ),
    "standard": Effort(
        name="standard",
        restarts=96,
        steps=4000,
        training_work=4e12,
        networks=4,
        arithmetic_moves=3_000_000,
        rounds=400,
        circuits=7,
        trees=(3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256),
        sharing=200_000,
        vectors=4_000_000,
        cocotb_vectors=50_000,
        proof_s=60,
        mapping_s=400,
        node=NodeBudget(rounds=200, rows=10_000, work=1e8, sweep=10),
    ),
    "thorough": Effort(
        name="thorough",
        restarts=256,
        steps=4000,
        training_work=2e13,
        networks=6,
        arithmetic_moves=30_000_000,
        rounds=2000,
        circuits=8,
        trees=(3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384),
        sharing=2_000_000,
        vectors=20_000_000,
        cocotb_vectors=200_000,
        proof_s=300,
        mapping_s=1200,
        node=NodeBudget(rounds=800, rows=20_000, work=4e8, sweep=10),
    ),
}
