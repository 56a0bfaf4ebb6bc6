"""A field engine under cocotb: random pauses on both streams, resets in mid-stream, and what was never exercised.

The bench itself, which a user can copy and extend, is `field_bench.py`; the points of coverage are
`inkling.sim.fields.wrapper`'s.
"""

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.schedule import cycles
from inkling.sim.benches import cocotb_route
from inkling.sim.fields.engine import answer_words, query_words
from inkling.sim.fields.queries import Queries, stream_verdict
from inkling.sim.fields.wrapper import missing, payload_words, points, without_start, wrapper
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator.bulk import folder_for
from inkling.train.files import checked_json


@dataclass(frozen=True)
class Exercised:
    """What a bench found, how many points of coverage there are, and the names of those never exercised."""

    verdict: Verdict
    points: int
    never: tuple[str, ...]


def verify(
    verilog: str,
    field: IntegerField,
    lanes: int,
    queries: Queries,
    *,
    query_stall: float = 0.2,
    answer_stall: float = 0.2,
    reset_every: int = 500,
    seed: int = 1,
    time_limit_s: float = 300.0,
    folder: Path | None = None,
) -> Exercised:
    """Compare the emitted engine with the reference on every query; registers begin as random bits by the seed.

    query_stall, answer_stall: chance that a pause begins in a clock, 0 to 0.9; reset_every: clocks between resets on
    average, 0 for none; folder: where everything that is run is left, and `python run_bench.py` repeats it. Points
    not exercised are no mismatches; the verdict's detail counts them. Raises ToolError where it cannot be built, or
    fails without a result.
    """
    found = points(field, lanes)
    with folder_for(folder) as place:
        prepare(place, verilog, field, lanes, queries)
        settings = checked_json.document(place / "settings.json")
        settings |= {"query_stall": min(query_stall, 0.9), "answer_stall": min(answer_stall, 0.9)}
        settings |= {"reset_every": reset_every, "seed": seed}
        (place / "settings.json").write_text(json.dumps(settings, indent=1))
        start = time.monotonic()
        cocotb_route.build(place, "-O0", f"unknown={seed}", time_limit_s=time_limit_s, own_main=True)
        built = time.monotonic() - start
        failure = ""
        try:
            cocotb_route.run_steps(place, "test", f"unknown={seed}", time_limit_s=max(time_limit_s - built, 1.0))
        except ToolError as error:
            # A failed test writes its result all the same; without one there was no comparison.
            if error.timed_out or not (place / "result.json").exists():
                raise
            failure = str(error)
        if not (place / "result.json").exists():
            raise ToolError("the cocotb bench compared nothing: it left no result.json")
        count = checked_json.document(place / "result.json")
    verdict = _verdict(queries, answer_words(field, queries), count, built)
    if failure and not verdict.failed:
        raise ToolError(f"the cocotb bench failed otherwise than by a mismatch: {failure}")
    never = tuple(missing(found, count["covered"]))
    told = f"{len(found) - len(never)} of {len(found)} points exercised" + (f", not: {never[0]}" if never else "")
    detail = "; ".join(part for part in (verdict.detail, told) if part)
    return Exercised(replace(verdict, detail=detail), len(found), never)


def prepare(folder: Path, verilog: str, field: IntegerField, lanes: int, queries: Queries) -> None:
    """Write all that `run_bench.py` needs into a folder."""
    here = Path(__file__).parent
    (folder / "result.json").unlink(missing_ok=True)
    (folder / "top.v").write_text(without_start(verilog))
    found = points(field, lanes)
    (folder / "bench.v").write_text(wrapper(field, found, public=True))
    shutil.copyfile(here / "bench.py", folder / "bench.py")
    shutil.copyfile(here.parent / "benches" / "run_bench.py", folder / "run_bench.py")
    np.save(folder / "queries.npy", query_words(field, queries), allow_pickle=False)
    np.save(folder / "expected.npy", answer_words(field, queries), allow_pickle=False)
    q, a = payload_words(field)
    latency, interval = cycles(field, lanes)
    settings: dict[str, Any] = {"query_words": q, "answer_words": a, "mark_words": -(-len(found) // 32)}
    settings |= {"silence": 4 * (latency + interval) + 64, "longest": 2 * (latency + interval)}
    settings |= {"query_stall": 0.2, "answer_stall": 0.2, "reset_every": 500, "seed": 1}
    settings["points"] = [point.name for point in found]
    (folder / "settings.json").write_text(json.dumps(settings, indent=1))


def _verdict(queries: Queries, expected: NDArray[np.uint32], count: dict[str, Any], built: float) -> Verdict:
    first = None
    if count["wrong"]:
        row, shown = count["first"]
        first = (int(row), np.array(shown, np.uint32))
    numbers = ("clocks", "resets", "received", "extra", "unstable", "cpu_seconds")
    return stream_verdict(
        queries,
        expected,
        int(count["wrong"]),
        first,
        count,
        route="cocotb-field",
        seconds=float(count["cpu_seconds"]),
        extra={**{name: float(count[name]) for name in numbers}, "build_seconds": built},
    )
