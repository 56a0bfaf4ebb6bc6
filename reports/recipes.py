"""Which ABC scripts are worth running for a circuit of some size, and how many orders of its inputs.

The choice depends on the size and the effort alone, never on time, so that results can be repeated.
"""

from typing import Literal, TypeAlias

from reports.abc_run import Run

EffortName: TypeAlias = Literal["quick", "standard", "thorough"]

_BASE = "ifraig; scorr; dc2; dc2; strash"
_MFS = "if -K 4 -a; mfs2 -ae -W 6 -F 100 -D 0 -M 1000; strash; dc2"
_SYN = "ifraig; &get -n; &syn2; &syn3; &syn4; &put"
_ORCHESTRATE = "ifraig; orchestrate -l; orchestrate -l -K 12 -N 3; orchestrate -l -K 12 -N 3; dc2"
_DEEP = "&get -n; &deepsyn -I 2 -J 20; &put"
_DEEPER = "&get -n; &deepsyn -I 4 -J 60 -t; &put"
_AMAP = "amap -m -F 10 -A 20"

_PLAIN = (
    f"{_BASE}; dch -f; amap -m",
    f"{_BASE}; dch -f; map -a",
    f"{_BASE}; dch -f; emap -a",
)
_MORE = (
    f"{_SYN}; dch; {_AMAP}",
    f"{_SYN}; dch -f; emap -a",
    f"{_BASE}; {_MFS}; dch; {_AMAP}",
    f"{_BASE}; {_MFS}; dch -f; map -a",
    f"{_BASE}; {_MFS}; dch -f; emap -a",
    f"{_ORCHESTRATE}; dch; {_AMAP}",
    f"{_ORCHESTRATE}; dch -f; emap -a",
    f"{_BASE}; {_AMAP}",
    f"{_DEEP}; dch -f; {_AMAP}",
    f"{_DEEP}; dch -f; emap -a",
)
_COLLAPSED = (
    "collapse; sop; fx; strash; ifraig; dc2; dc2; dch; amap -m -F 10 -A 20",
    "collapse; sop; fx; strash; ifraig; dc2; dc2; dch -f; emap -a",
    "dsd; strash; dc2; dc2; dch; amap -m -F 10 -A 20",
    "dsd; strash; dc2; dc2; dch -f; emap -a",
)
_DEEPEST = (
    f"{_DEEPER}; dch -f; {_AMAP}",
    f"{_DEEPER}; dch -f; emap -a",
    f"{_DEEPER}; {_MFS}; dch -f; map -a",
)


def runs(gates: int, effort: EffortName) -> tuple[Run, ...]:
    """The runs for a circuit of this many simple gates, those of most promise first."""
    scripts: tuple[str, ...]
    if gates <= 600:
        scripts = (*_PLAIN, *_MORE, *_COLLAPSED) if effort == "quick" else (*_PLAIN, *_MORE, *_COLLAPSED, *_DEEPEST)
        permutations = {"quick": 2, "standard": 6, "thorough": 20}[effort]
    elif gates <= 5000:
        scripts = _PLAIN if effort == "quick" else (*_PLAIN, *_MORE[:8])
        permutations = {"quick": 2, "standard": 2, "thorough": 6}[effort]
    else:
        scripts = _PLAIN[:2] if effort == "quick" else (*_PLAIN, *_MORE[:3])
        permutations = {"quick": 1, "standard": 2, "thorough": 4}[effort]
    return tuple(Run(script, permutation) for permutation in range(permutations) for script in scripts)
