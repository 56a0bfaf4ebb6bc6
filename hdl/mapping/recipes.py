"""Which ABC scripts are worth running for a circuit of some size, and how many orders of its inputs.

The choice depends on the size and the effort alone, never on time, so that results can be repeated.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

EffortName: TypeAlias = Literal["trial", "quick", "standard", "thorough"]


@dataclass(frozen=True)
class Recipe:
    """A script that restructures, mappers that each start from its result, and the order of inputs it starts from.

    permutation: 0 for inputs, outputs and pins as they came, else the number of a random order.
    """

    script: str
    mappers: tuple[str, ...]
    permutation: int


@dataclass(frozen=True)
class Plan:
    """first: recipes for the circuit itself; then up to `rounds` rounds of `again` for the best netlists so far.

    `patience` rounds one after the other without a smaller netlist are the last.
    """

    first: tuple[Recipe, ...]
    again: tuple[tuple[str, tuple[str, ...]], ...]
    rounds: int
    patience: int


_BASE = "ifraig; scorr; dc2; dc2; strash"
_MFS_4 = "if -K 4 -a; mfs2 -ae -W 6 -F 100 -D 0 -M 1000; strash"
_MFS_6 = "if -K 6 -a; mfs2 -ae -W 6 -F 100 -D 0 -M 1000; strash"
_SYN = "ifraig; &get -n; &syn2; &syn3; &syn4; &put"
_ORCHESTRATE = "ifraig; orchestrate -l; orchestrate -l -K 12 -N 3; orchestrate -l -K 12 -N 3; dc2"
_DEEP = "&get -n; &deepsyn -I 2 -J 20; &put"
_DEEPER = "&get -n; &deepsyn -I 4 -J 60 -t; &put"
_FLAT = "collapse; sop; fx; strash; ifraig; dc2; dc2"
_SHARED = "dsd; strash; dc2; dc2"

_AMAP = "dch -f; amap -m"
_EMAP = "dch -f; emap -a"
_MAP = "dch -f; map -a"
_SLOW_AMAP = "dch; amap -m -F 10 -A 20"
# With adders of NAND2 as single cells; where these are missing it is one more run with the cells alone.
_ADDERS = "read_genlib composites.genlib; dch -f; emap -a"
_PLAIN_ADDERS = "read_genlib composites.genlib; emap -a"
_ALL = (_EMAP, _SLOW_AMAP, _MAP, "amap -m -F 10 -A 20", "map -a", _ADDERS, _PLAIN_ADDERS)

_AGAIN = (
    "strash",
    "dc2",
    "ifraig; resub -K 12 -N 2; rewrite -z",
    "&get -n; &deepsyn -I 1 -J 10; &put",
    _MFS_6,
    "orchestrate -l",
    "&get -n; &syn3; &syn4; &put",
    _MFS_4,
)


def plan(gates: int, effort: EffortName) -> Plan:
    """The recipes for a circuit of this many simple gates, those of most promise first."""
    scripts: tuple[str, ...]
    mappers: tuple[str, ...] = _ALL
    if effort == "trial":
        trial = plan(gates, "quick").first[0]
        return Plan((replace(trial, mappers=trial.mappers[:1]),), (), 0, 0)
    if gates <= 2:
        return Plan((Recipe("ifraig", (_EMAP, _MAP), 0),), (), 0, 0)
    if gates <= 600:
        scripts = (_BASE, _SYN, _DEEP, f"{_BASE}; {_MFS_4}; dc2", f"{_BASE}; {_MFS_6}", _ORCHESTRATE, _FLAT, _SHARED)
        small = gates <= 120
        again: tuple[str, ...] = _AGAIN[: 4 + 2 * small]
        if effort == "quick":
            scripts, again = (_BASE, _SYN, f"{_BASE}; {_MFS_6}", _FLAT), _AGAIN[:3]
        else:
            scripts = (*scripts, _DEEPER, f"{_DEEPER}; {_MFS_4}")
        permutations = {"quick": 1, "standard": 4 if small else 2, "thorough": 12 if small else 6}[effort]
        rounds = {"quick": 2, "standard": 8, "thorough": 24}[effort]
    elif gates <= 5000:
        scripts = (_BASE,) if effort == "quick" else (_BASE, _SYN, f"{_BASE}; {_MFS_4}; dc2", _ORCHESTRATE)
        mappers = (_AMAP, _MAP, _ADDERS) if effort == "quick" else (_EMAP, _SLOW_AMAP, _MAP, _ADDERS)
        permutations = {"quick": 2, "standard": 2, "thorough": 6}[effort]
        again, rounds = _AGAIN[:3], {"quick": 0, "standard": 1, "thorough": 6}[effort]
    else:
        scripts = (_BASE,) if effort == "quick" else (_BASE, _SYN)
        mappers = (_AMAP,)
        permutations = {"quick": 2, "standard": 3, "thorough": 5}[effort]
        again, rounds = _AGAIN[:2], {"quick": 0, "standard": 0, "thorough": 2}[effort]
    first = tuple(Recipe(script, mappers, number) for number in range(permutations) for script in scripts)
    return Plan(
        first,
        tuple((script, mappers) for script in again),
        rounds,
        {"quick": 1, "standard": 3, "thorough": 6}[effort],
    )
