"""A field engine under cocotb: random pauses on both streams, resets in mid-stream, and what was never exercised.

The bench itself, which a user can copy and extend, is `field_bench.py`; the points of coverage are
`inkling.sim.fields.wrapper`'s.
"""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkling.approx.programs.process import ToolError
from inkling.approx.reference.field import IntegerField
from inkling.hdl.engine.schedule import cycles
from inkling.sim.benches import cocotb_route
from inkling.sim.fields.engine import Queries, answer_words, query_words
from inkling.sim.fields.wrapper import missing, payload_words, points, without_start, wrapper
from inkling.sim.verdicts.verdict import Verdict
from inkling.sim.verilator.bulk import folder_for


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
        settings = json.loads((place / "settings.json").read_text())
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
        count = json.loads((place / "result.json").read_text())
    verdict = _verdict(field, queries, count, built)
    if failure and verdict.passed:
        raise ToolError(f"the cocotb bench failed otherwise than by a mismatch: {failure}")
    never = tuple(missing(found, count["covered"]))
    told = f"{len(found) - len(never)} of {len(found)} points exercised" + (f", not: {never[0]}" if never else "")
    detail = "; ".join(part for part in (verdict.detail, told) if part)
    return Exercised(Verdict(**{**verdict.__dict__, "detail": detail}), len(found), never)


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


def _verdict(field: IntegerField, queries: Queries, count: dict[str, Any], built: float) -> Verdict:
    detail, example = [], None
    total, received = int(count["queries"]), int(count["received"])
    if count["wrong"]:
        row, shown = count["first"]
        expected = [int(word) for word in answer_words(field, queries)[row]]
        place = next(k for k, (a, b) in enumerate(zip(expected, shown, strict=True)) if a != b)
        example = {name: int(getattr(queries, name)[row]) for name in ("entry", "u", "v", "code")}
        example |= {"word": place, "expected": expected[place], "found": int(shown[place])}
        detail.append(f"{count['wrong']} wrong answers, the first to query {row}")
    if received < total:
        detail.append(f"only {received} of {total} queries were answered")
    for name, words in (("extra", "answers too many"), ("unstable", "changes of an answer that waited")):
        if count[name]:
            detail.append(f"{count[name]} {words}")
    numbers = ("clocks", "resets", "received", "extra", "unstable", "cpu_seconds")
    return Verdict(
        route="cocotb-field",
        subject="engine.v",
        reference="IntegerField.evaluate",
        vectors=total,
        mismatches=int(count["wrong"]) + total - received + int(count["extra"]) + int(count["unstable"]),
        seconds=float(count["cpu_seconds"]),
        counter_example=example,
        detail="; ".join(detail),
        extra={**{name: float(count[name]) for name in numbers}, "build_seconds": built},
    )
