"""What `--effort` buys: the budgets of every stage in one table."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

EffortName: TypeAlias = Literal["quick", "standard", "thorough"]


@dataclass(frozen=True)
class Effort:
    """Budgets of one run.

    restarts: networks trained at once per topology; training_s: limit of one training program, seconds;
    networks: power-of-two networks kept of the trained population; trees: leaves of the rival decision trees;
    vectors: vectors of each fast verification route; cocotb_vectors: of the slow one; proof_s: limit of one
    equivalence proof, seconds; mapping_s: limit of mapping one design, seconds.
    """

    name: EffortName
    restarts: int
    training_s: float
    networks: int
    trees: tuple[int, ...]
    vectors: int
    cocotb_vectors: int
    proof_s: float
    mapping_s: float


EFFORTS: dict[str, Effort] = {
    "quick": Effort("quick", 32, 20, 3, (4, 8, 16, 32, 64, 128), 1_000_000, 20_000, 20, 40),
    "standard": Effort("standard", 96, 90, 5, (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256), 4_000_000, 50_000, 60, 120),
    "thorough": Effort("thorough", 256, 400, 8, (3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384), 20_000_000, 200_000, 300, 600),
}  # fmt: skip
